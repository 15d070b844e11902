// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.writethrough.Backend;
import io.writethrough.Durability;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/** The files of a log's owner: write-through files. */
final class EngineFiles implements LogFiles {
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

    private final WriteThroughEngine engine;
    private final Path directory;

    EngineFiles(final WriteThroughEngine engine, final Path directory) {
        this.engine = engine;
        this.directory = directory;
    }

    static List<String> list(final Path directory) throws IOException {
        final List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
            paths.forEach(path -> names.add(path.getFileName().toString()));
        }
        return names;
    }

    @Override
    public List<String> list() throws IOException {
        return list(directory);
    }

    @Override
    public LogFile open(final String name, final boolean create) throws IOException {
        final Path path = directory.resolve(name);
        return new EngineFile(
                create ? engine.open(path, CREATE, READ, WRITE) : engine.open(path, READ, WRITE), directory);
    }

    @Override
    public LogFile openWritten(final String name) throws IOException {
        return PlainFiles.open(directory.resolve(name));
    }

    /* The portable engine locks a file by a FileLock, and the close of any other channel of the file would take that away. */
    @Override
    public boolean opensBesideWrites() {
        return engine.backend() != Backend.JDK;
    }

    @Override
    public void delete(final String name) throws IOException {
        Files.deleteIfExists(directory.resolve(name));
    }

    /* By plain channels: the engine knows of its own writes alone. */
    @Override
    public void sync(final List<String> names) throws IOException {
        for (final String name : names) {
            PlainFiles.force(directory.resolve(name));
        }
        WriteThroughFile.forceDirectory(directory);
    }

    @Override
    public void close() {
        // The engine is the caller's.
    }

    @Override
    public String toString() {
        return directory.toString();
    }

    private static final class EngineFile implements LogFile {
        private final WriteThroughFile file;
        private final Path directory;

        EngineFile(final WriteThroughFile file, final Path directory) {
            this.file = file;
            this.directory = directory;
        }

        @Override
        public String name() {
            return file.path().getFileName().toString();
        }

        @Override
        public long size() throws IOException {
            return file.size();
        }

        @Override
        public int read(final ByteBuffer destination, final long offset) throws IOException {
            final int count = file.read(destination, offset);
            return Math.max(0, count);
        }

        @Override
        public void write(final ByteBuffer source, final long offset) throws IOException {
            file.write(source, offset, Durability.DSYNC);
        }

        @Override
        public void write(final ByteBuffer[] sources, final long offset) throws IOException {
            file.write(sources, offset, Durability.DSYNC);
        }

        @Override
        public void writeAsync(final ByteBuffer[] sources, final long offset, final Ended ended) {
            file.writeAsync(sources, offset, Durability.DSYNC).whenComplete((count, failure) -> ended.ended(failure));
        }

        /* Plain writes, and one flush in the end. What is behind the end of the file is allocated. */
        @Override
        public void zero(final long from, final long to) throws IOException {
            final long written = Math.min(to, file.size());
            for (long offset = from; offset < written; ) {
                final int count = (int) Math.min(ZEROS.capacity(), written - offset);
                file.write(ZEROS.duplicate().limit(count), offset, Durability.DEVICE);
                offset += count;
            }
            if (from < written) {
                file.sync();
            }
            if (to > Math.max(from, written)) {
                file.allocate(Math.max(from, written), to - Math.max(from, written));
            }
        }

        @Override
        public void renameTo(final String name) throws IOException {
            file.renameTo(directory.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }

        @Override
        public String toString() {
            return file.toString();
        }
    }
}
