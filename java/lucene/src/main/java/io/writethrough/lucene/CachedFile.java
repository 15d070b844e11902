// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import io.writethrough.WriteThroughFile;
import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import org.apache.lucene.store.AlreadyClosedException;

/**
 * How the inputs of one open file come to its bytes: the one place that knows the cache. All inputs of the file share it, on
 * any thread.
 */
final class CachedFile implements Closeable {
    private final WriteThroughFile file;
    private final long length;

    CachedFile(final WriteThroughFile file) throws IOException {
        this.file = file;
        this.length = file.size();
    }

    long length() {
        return length;
    }

    boolean isOpen() {
        return file.isOpen();
    }

    /** Copies bytes of the file, all of them, to the position of the buffer and on. */
    void read(final ByteBuffer destination, final long position, final Object reader) throws IOException {
        long at = position;
        try {
            while (destination.hasRemaining()) {
                final int count = file.read(destination, at);
                if (count < 0) {
                    throw new EOFException("read past EOF: the file was cut short at " + at + ": " + reader);
                }
                at += count;
            }
        } catch (final ClosedChannelException e) {
            throw new AlreadyClosedException("Already closed: " + reader, e);
        }
    }

    /** Starts to read what the cache lacks, and waits for nothing. */
    void prefetch(final long position, final long bytes, final Object reader) throws IOException {
        try {
            file.prefetch(position, bytes);
        } catch (final ClosedChannelException e) {
            throw new AlreadyClosedException("Already closed: " + reader, e);
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
