// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.Buffers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;

/** A directory of files to measure with, deleted at the end, also when the program is interrupted. */
public final class Scratch implements AutoCloseable {
    private static final int CHUNK_BYTES = 1 << 20;

    private final Path directory;
    private final ByteBuffer chunk = Buffers.source(CHUNK_BYTES);

    /** Makes an empty directory in this one. */
    public Scratch(Path parent) throws IOException {
        this.directory = Files.createTempDirectory(parent, "writethrough-bench-");
        Runtime.getRuntime().addShutdownHook(new Thread(this::close, "scratch"));
    }

    /** A file of this size, every byte of it written and durable. Made on the first call for its name. */
    public Path file(String name, long bytes) throws IOException {
        return file(name, bytes, chunk);
    }

    /** A log for the contenders that append: written with zeros, and durable. */
    public Path log(String name) throws IOException {
        return file(name, AppendContender.LOG_BYTES, ByteBuffer.allocateDirect(CHUNK_BYTES));
    }

    private Path file(String name, long bytes, ByteBuffer content) throws IOException {
        Path path = directory.resolve(name);
        if (Files.exists(path)) {
            return path;
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            for (long offset = 0; offset < bytes; offset += CHUNK_BYTES) {
                channel.write(content.clear().limit((int) Math.min(CHUNK_BYTES, bytes - offset)), offset);
            }
            channel.force(true);
        }
        return path;
    }

    /** Where a contender makes files of its own. */
    public Path path(String name) {
        return directory.resolve(name);
    }

    /** Many files of one size in a directory of their own, all durable. */
    public Path[] files(String name, int count, int bytes) throws IOException {
        Path parent = Files.createDirectory(directory.resolve(name));
        Path[] paths = new Path[count];
        for (int i = 0; i < count; i++) {
            paths[i] = Files.createFile(parent.resolve("file-" + i));
            try (FileChannel channel = FileChannel.open(paths[i], StandardOpenOption.WRITE)) {
                channel.write(chunk.clear().limit(bytes), 0);
            }
        }
        for (Path path : paths) {
            try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
        }
        return paths;
    }

    /** Gives the room of a file back early. */
    public void delete(String name) throws IOException {
        Files.deleteIfExists(directory.resolve(name));
    }

    @Override
    public synchronized void close() {
        if (!Files.exists(directory)) {
            return;
        }
        try {
            Files.walkFileTree(directory, new Deleter());
        } catch (IOException e) {
            System.err.println("could not delete " + directory + ": " + e);
        }
    }

    private static final class Deleter extends SimpleFileVisitor<Path> {
        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult postVisitDirectory(Path directory, IOException failure) throws IOException {
            Files.delete(directory);
            return FileVisitResult.CONTINUE;
        }
    }
}
