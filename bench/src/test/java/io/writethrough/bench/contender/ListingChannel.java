// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.util.List;

/** A channel that keeps nothing, and says in which order it was called. */
final class ListingChannel extends FileChannel {
    private final List<String> calls;
    private final long size;

    ListingChannel(List<String> calls, long size) {
        this.calls = calls;
        this.size = size;
    }

    private int wrote(ByteBuffer source) {
        calls.add("write");
        int count = source.remaining();
        source.position(source.limit());
        return count;
    }

    @Override
    public int write(ByteBuffer source) {
        return wrote(source);
    }

    @Override
    public int write(ByteBuffer source, long position) {
        return wrote(source);
    }

    @Override
    public void force(boolean metadata) {
        calls.add("force");
    }

    @Override
    public int read(ByteBuffer destination, long position) {
        int count = (int) Math.min(destination.remaining(), size - position);
        destination.position(destination.position() + count);
        return count;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public int read(ByteBuffer destination) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long read(ByteBuffer[] destinations, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long write(ByteBuffer[] sources, int offset, int length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long position() {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel position(long position) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileChannel truncate(long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferTo(long position, long count, WritableByteChannel target) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long transferFrom(ReadableByteChannel source, long position, long count) {
        throw new UnsupportedOperationException();
    }

    @Override
    public MappedByteBuffer map(MapMode mode, long position, long length) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock lock(long position, long length, boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileLock tryLock(long position, long length, boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    protected void implCloseChannel() {
        // Nothing is open.
    }
}
