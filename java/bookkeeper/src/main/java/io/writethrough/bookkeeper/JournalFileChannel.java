// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.writethrough.Commit;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.apache.bookkeeper.conf.ServerConfiguration;

/**
 * A new journal file, open for writing. It is the library's own channel, except that BookKeeper's way to preallocate is
 * understood: zeros far behind the end make zeros ahead, and no hole.
 */
final class JournalFileChannel extends FileChannel {
    private static final long MIB = 1 << 20;

    private final WriteThroughFile file;
    private final FileChannel channel;
    private final ZerosAhead zeros;
    private boolean zerosBegun;

    /* Behind the last byte that the journal wrote. */
    private long writtenEnd;

    private JournalFileChannel(final WriteThroughFile file, final ServerConfiguration configuration) {
        this.file = file;
        this.channel = file.asFileChannel(Commit.AT_FORCE);
        this.zeros = new ZerosAhead(
                file, configuration.getJournalPreAllocSizeMB() * MIB, configuration.getMaxJournalSizeMB() * MIB);
    }

    static JournalFileChannel open(final Path path, final ServerConfiguration configuration) throws IOException {
        final var engine = JournalEngine.acquire();
        try {
            final WriteThroughFile file =
                    engine.open(path, Commit.AT_FORCE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            return new JournalFileChannel(file, configuration);
        } catch (final IOException | RuntimeException e) {
            JournalEngine.release();
            throw e;
        }
    }

    @Override
    public synchronized int write(final ByteBuffer source) throws IOException {
        final int count = channel.write(source);
        written(channel.position());
        return count;
    }

    @Override
    public synchronized long write(final ByteBuffer[] sources, final int offset, final int length) throws IOException {
        final long count = channel.write(sources, offset, length);
        written(channel.position());
        return count;
    }

    private void written(final long end) {
        writtenEnd = Math.max(writtenEnd, end);
        zeros.written(end);
    }

    @Override
    public synchronized int write(final ByteBuffer source, final long position) throws IOException {
        if (position >= writtenEnd && isZero(source)) { // what is not written reads as zeros anyway
            if (!zerosBegun) {
                zerosBegun = true;
                zeros.begin();
            }
            final int count = source.remaining();
            source.position(source.limit());
            return count;
        }
        final long end = position + source.remaining();
        final int count = channel.write(source, position);
        written(end);
        return count;
    }

    private static boolean isZero(final ByteBuffer bytes) {
        for (int i = bytes.position(); i < bytes.limit(); i++) {
            if (bytes.get(i) != 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void force(final boolean metadata) throws IOException {
        channel.force(metadata);
    }

    @Override
    public int read(final ByteBuffer target) throws IOException {
        return channel.read(target);
    }

    @Override
    public long read(final ByteBuffer[] targets, final int offset, final int length) throws IOException {
        return channel.read(targets, offset, length);
    }

    @Override
    public int read(final ByteBuffer target, final long position) throws IOException {
        return channel.read(target, position);
    }

    @Override
    public long position() throws IOException {
        return channel.position();
    }

    @Override
    public FileChannel position(final long newPosition) throws IOException {
        channel.position(newPosition);
        return this;
    }

    @Override
    public long size() throws IOException {
        return channel.size();
    }

    @Override
    public synchronized FileChannel truncate(final long size) throws IOException {
        channel.truncate(size);
        writtenEnd = Math.min(writtenEnd, size);
        return this;
    }

    @Override
    public long transferTo(final long position, final long count, final WritableByteChannel target) throws IOException {
        return channel.transferTo(position, count, target);
    }

    @Override
    public synchronized long transferFrom(final ReadableByteChannel source, final long position, final long count)
            throws IOException {
        final long transferred = channel.transferFrom(source, position, count);
        written(position + transferred);
        return transferred;
    }

    @Override
    public MappedByteBuffer map(final MapMode mode, final long position, final long size) throws IOException {
        return channel.map(mode, position, size);
    }

    @Override
    public FileLock lock(final long position, final long size, final boolean shared) throws IOException {
        return channel.lock(position, size, shared);
    }

    @Override
    public FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
        return channel.tryLock(position, size, shared);
    }

    @Override
    protected void implCloseChannel() throws IOException {
        try {
            file.close();
        } finally {
            JournalEngine.release();
        }
    }
}
