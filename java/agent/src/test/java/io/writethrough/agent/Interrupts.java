// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Reads and writes in an interrupted thread. */
final class Interrupts {
    private Interrupts() {}

    public static void main(final String[] arguments) throws IOException {
        final boolean closes = arguments[1].equals("close");
        try (RandomAccessFile file =
                new RandomAccessFile(Path.of(arguments[0], "file").toFile(), "rw")) {
            final FileChannel channel = file.getChannel();
            Thread.currentThread().interrupt();
            file.write(1);
            check(file.length() == 1 && channel.isOpen(), "streams know no interrupts");
            boolean closed = false;
            try {
                channel.write(ByteBuffer.allocate(1));
            } catch (final ClosedByInterruptException e) {
                closed = true;
            }
            check(Thread.interrupted(), "the thread is interrupted");
            check(closed == closes && channel.isOpen() != closes, "the channel is as asked");
            check(file.getFD().valid() != closes, "so is its file");
        }
        System.out.println("all well");
    }
}
