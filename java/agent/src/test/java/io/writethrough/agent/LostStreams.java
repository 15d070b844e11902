// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;
import static io.writethrough.agent.Checks.stats;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/** Forgets streams, and waits until they are closed. */
final class LostStreams {
    private static final int FILES = 20;
    private static final int TRIES = 300;

    private LostStreams() {}

    public static void main(final String[] arguments) throws IOException, InterruptedException {
        for (int i = 0; i < FILES; i++) {
            final String name = Path.of(arguments[0], "file" + i).toString();
            new FileOutputStream(name).write(1);
            new RandomAccessFile(name, "rw").getChannel().size();
        }
        for (int i = 0; stats().openFiles() > 0 && i < TRIES; i++) {
            System.gc();
            Thread.sleep(20);
        }
        check(stats().openFiles() == 0, "lost streams are closed");
        System.out.println("all well");
    }
}
