// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.nio.ByteBuffer;
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
        return new PlainFile(path.getFileName().toString(), FileChannel.open(path, StandardOpenOption.READ));
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

    private static final class PlainFile implements LogFile {
        private final String name;
        private final FileChannel channel;

        PlainFile(final String name, final FileChannel channel) {
            this.name = name;
            this.channel = channel;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        public int read(final ByteBuffer destination, final long offset) throws IOException {
            int done = 0;
            int count;
            while (destination.hasRemaining() && (count = channel.read(destination, offset + done)) > 0) {
                done += count;
            }
            return done;
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
