// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;
import static io.writethrough.agent.Checks.stats;

import io.writethrough.StorageProfile;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Path;

/** Counts the writes to the device for files that commit at a force and others. */
final class Commits {
    private static final int WRITES = 100;

    private Commits() {}

    public static void main(final String[] arguments) throws IOException {
        final Path directory = Path.of(arguments[0]);
        final File atForce = directory.resolve("a.db").toFile();
        aStreamSeesEachWrite(directory.resolve("stream.db").toFile());
        aFileSeesEachWrite(directory.resolve("file.db").toFile());
        if (StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT) {
            check(isCollected(atForce), "few writes until a force");
            check(deviceWrites(atForce, "rwd") >= WRITES, "each write of rwd");
            check(deviceWrites(atForce, "rws") >= WRITES, "each write of rws");
            check(deviceWrites(directory.resolve("b").toFile(), "rw") >= WRITES, "each write");
        }
        System.out.println("all well");
    }

    /* A program that gets no processor for a while finds that its writes have been sent one by one. */
    private static boolean isCollected(final File path) throws IOException {
        for (int attempt = 0; attempt < 20; attempt++) {
            if (deviceWrites(path, "rw") < WRITES / 4) {
                return true;
            }
        }
        return false;
    }

    private static long deviceWrites(final File path, final String mode) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path, mode)) {
            file.write(1);
            file.getFD().sync();
            final long before = stats().deviceWrites();
            for (int i = 0; i < WRITES; i++) {
                file.write(new byte[50]);
            }
            file.getFD().sync();
            check(stats().deviceWrites() > before, "a sync writes what was not sent before");
            return stats().deviceWrites() - before;
        }
    }

    /* A reader that the JDK has opened before the engine opens the file sees each write that has returned. */
    private static void aStreamSeesEachWrite(final File path) throws IOException {
        check(path.createNewFile(), "a new file");
        try (FileInputStream early = new FileInputStream(path);
                OutputStream out = new FileOutputStream(path, true);
                FileInputStream late = new FileInputStream(path)) {
            for (int i = 0; i < WRITES; i++) {
                out.write(i);
                check(early.read() == i, "an early reader sees byte " + i);
                check(late.read() == i, "a late reader sees byte " + i);
            }
        }
    }

    private static void aFileSeesEachWrite(final File path) throws IOException {
        check(path.createNewFile(), "a new file");
        try (RandomAccessFile early = new RandomAccessFile(path, "r");
                OutputStream out = new FileOutputStream(path, true)) {
            for (int i = 0; i < WRITES; i++) {
                out.write(i);
                check(early.read() == i, "an early file sees byte " + i);
            }
        }
    }
}
