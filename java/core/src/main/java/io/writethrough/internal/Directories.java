// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

import java.io.File;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Flushes by a path, which no interrupt ends. */
public final class Directories {
    private Directories() {}

    /** As {@link io.writethrough.WriteThroughFile#forceDirectory}. Windows has no such call, and journals names by itself. */
    public static void force(final Path directory) throws IOException {
        if (File.separatorChar != '\\') {
            forceFile(directory);
        }
    }

    /** A file that others have written. */
    public static void forceFile(final Path path) throws IOException {
        boolean interrupted = false;
        boolean done = false;
        try {
            while (!done) {
                interrupted |= Thread.interrupted();
                try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                    channel.force(true);
                    done = true;
                } catch (final ClosedByInterruptException e) {
                    interrupted = true; // once more, without the interrupt
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
