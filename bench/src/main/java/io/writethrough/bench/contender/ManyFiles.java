// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/** Reads or writes over many open files of one size, as if they were one after the other in one span. */
public final class ManyFiles extends JavaContender {

    /** What {@link FileChannel} and {@link WriteThroughFile} have in common. */
    public interface File extends Closeable {
        /** Reads at a position. */
        int read(ByteBuffer destination, long position) throws IOException;

        /** Writes at a position. */
        int write(ByteBuffer source, long position) throws IOException;
    }

    /** Opens one of the files. */
    @FunctionalInterface
    public interface Opener {
        /** Opens this file. */
        File open(Path path) throws IOException;
    }

    private final File[] files;
    private final long fileBytes;
    private final ByteBuffer buffer;
    private final boolean writes;
    private long nanosPerOpen;

    /** Opens every file, and reads all of each once if they are to be read. */
    public ManyFiles(Path[] paths, long fileBytes, int bytes, boolean writes, Opener opener) throws IOException {
        this.files = new File[paths.length];
        this.fileBytes = fileBytes;
        this.buffer = Buffers.source(bytes);
        this.writes = writes;
        try {
            open(paths, opener);
            if (!writes) {
                readAll();
            }
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    private void open(Path[] paths, Opener opener) throws IOException {
        long begin = System.nanoTime();
        for (int i = 0; i < paths.length; i++) {
            files[i] = opener.open(paths[i]);
        }
        nanosPerOpen = (System.nanoTime() - begin) / paths.length;
    }

    private void readAll() throws IOException {
        for (File file : files) {
            for (long offset = 0; offset < fileBytes; offset += buffer.capacity()) {
                file.read(buffer.clear(), offset);
            }
        }
    }

    /** Opens by the library. */
    public static Opener library(WriteThroughEngine engine, OpenOption... options) {
        return path -> new LibraryFile(engine.open(path, options));
    }

    /** Opens by the JDK. */
    public static Opener channel(OpenOption... options) {
        return path -> new ChannelFile(FileChannel.open(path, options));
    }

    /** What opening one of the files took, on average over all. */
    public long nanosPerOpen() {
        return nanosPerOpen;
    }

    @Override
    protected void operate(long offset) throws IOException {
        File file = files[(int) (offset / fileBytes)];
        long position = offset % fileBytes;
        int done = writes ? file.write(buffer.clear(), position) : file.read(buffer.clear(), position);
        if (done != buffer.capacity()) {
            throw new IOException(done + " of " + buffer.capacity() + " bytes at " + position);
        }
    }

    @Override
    public void close() throws IOException {
        for (File file : files) {
            if (file != null) {
                file.close();
            }
        }
    }

    private record LibraryFile(WriteThroughFile file) implements File {
        @Override
        public int read(ByteBuffer destination, long position) throws IOException {
            return file.read(destination, position);
        }

        @Override
        public int write(ByteBuffer source, long position) throws IOException {
            return file.write(source, position);
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }

    private record ChannelFile(FileChannel channel) implements File {
        @Override
        public int read(ByteBuffer destination, long position) throws IOException {
            return channel.read(destination, position);
        }

        @Override
        public int write(ByteBuffer source, long position) throws IOException {
            return channel.write(source, position);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
