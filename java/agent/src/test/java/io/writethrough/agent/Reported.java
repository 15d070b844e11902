// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Makes some bytes durable by the engine, and some past it. */
final class Reported {
    private Reported() {}

    public static void main(final String[] arguments) throws IOException {
        final Path directory = Path.of(arguments[0]);
        for (final String name : new String[] {"a.db", "a.log"}) {
            final Path path = directory.resolve(name);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rwd");
                    FileOutputStream stream = new FileOutputStream(path.toFile());
                    FileChannel channel = FileChannel.open(path, CREATE, WRITE)) {
                file.write(1);
                stream.write(1);
                stream.getFD().sync();
                channel.write(ByteBuffer.allocate(1));
                channel.force(false);
                file.getChannel().force(true);
            }
        }
    }
}
