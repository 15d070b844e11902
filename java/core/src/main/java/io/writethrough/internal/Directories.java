// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

import java.io.File;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

/** Calls by a path, which no interrupt ends. */
public final class Directories {
    private Directories() {}

    /** As {@link io.writethrough.WriteThroughFile#forceDirectory}. Windows has no such call, and journals names by itself. */
    public static void force(final Path directory) throws IOException {
        if (File.separatorChar != '\\') {
            forceFile(directory);
        }
    }

    /** A file that others have written. To close the channel drops the locks of this process on the file. */
    public static void forceFile(final Path path) throws IOException {
        uninterrupted(path, Set.of(StandardOpenOption.READ), channel -> channel.force(true));
    }

    /** Cuts a file that nobody has open. */
    public static void truncate(final Path file, final long size) throws IOException {
        uninterrupted(
                file, Set.of(StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS), channel -> channel.truncate(size));
    }

    private interface Call {
        void on(FileChannel channel) throws IOException;
    }

    private static void uninterrupted(final Path path, final Set<OpenOption> access, final Call call)
            throws IOException {
        boolean interrupted = false;
        boolean done = false;
        try {
            while (!done) {
                interrupted |= Thread.interrupted();
                try (FileChannel channel = FileChannel.open(path, access)) {
                    call.on(channel);
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
