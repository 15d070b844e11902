// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/** The files of somebody who only reads: the JDK's channels, which the owner's lock does not keep out. */
final class PlainFiles implements LogFiles {
    private final Path directory;

    PlainFiles(final Path directory) {
        this.directory = directory;
    }

    @Override
    public List<String> list() throws IOException {
        return EngineFiles.list(directory);
    }

    @Override
    public LogFile open(final String name, final boolean create) throws IOException {
        return open(directory.resolve(name));
    }

    static LogFile open(final Path path) throws IOException {
        return new PlainFile(path);
    }

    /** Makes a file durable. */
    static void force(final Path path) throws IOException {
        try (PlainFile file = new PlainFile(path)) {
            file.force();
        }
    }

    @Override
    public void delete(final String name) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void sync(final List<String> names) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        // Each file is closed by itself.
    }

    @Override
    public String toString() {
        return directory.toString();
    }

    /* Of one thread at a time. */
    private static final class PlainFile implements LogFile {
        private final Path path;
        private FileChannel channel;

        PlainFile(final Path path) throws IOException {
            this.path = path;
            this.channel = FileChannel.open(path, StandardOpenOption.READ);
        }

        private interface Call {
            long on(FileChannel channel) throws IOException;
        }

        /* An interrupt closes the channel of the thread. */
        private long uninterrupted(final Call call) throws IOException {
            boolean interrupted = false;
            try {
                while (true) {
                    interrupted |= Thread.interrupted();
                    try {
                        return call.on(channel);
                    } catch (final ClosedByInterruptException e) {
                        channel = FileChannel.open(path, StandardOpenOption.READ);
                    }
                }
            } finally {
                if (interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        void force() throws IOException {
            uninterrupted(open -> {
                open.force(true);
                return 0;
            });
        }

        @Override
        public String name() {
            return path.getFileName().toString();
        }

        @Override
        public long size() throws IOException {
            return uninterrupted(FileChannel::size);
        }

        @Override
        public int read(final ByteBuffer destination, final long offset) throws IOException {
            final int start = destination.position();
            return (int) uninterrupted(open -> {
                int count = 0;
                while (destination.hasRemaining() && count >= 0) {
                    count = open.read(destination, offset + destination.position() - start);
                }
                return (long) destination.position() - start;
            });
        }

        @Override
        public void write(final ByteBuffer source, final long offset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void write(final ByteBuffer[] sources, final long offset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void writeAsync(final ByteBuffer[] sources, final long offset, final Ended ended) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void zero(final long from, final long to) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void renameTo(final String newName) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
