// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** The copying of FileChannel.transferTo and transferFrom, between a channel of this library and any other. */
public final class Transfers {
    /* Each piece that goes to a file of this library is a durable write of its own: few and large ones. */
    private static final int PIECE_BYTES = 1 << 20;

    /* JDK-8303260: since 21 a transfer to a position past the end makes the file grow, before it did nothing. */
    private static final boolean GROWS_PAST_END = Runtime.version().feature() >= 21;

    private Transfers() {}

    /** Throws what a target that is a file and not open for writing throws, also if nothing would be transferred. */
    static void requireWritable(final WritableByteChannel target) throws IOException {
        // An interrupted thread would close the target by it.
        if (target instanceof FileChannel channel && !Thread.currentThread().isInterrupted()) {
            channel.write(ByteBuffer.allocate(0));
        }
    }

    static long to(final FileChannel source, final long from, final long count, final WritableByteChannel target)
            throws IOException {
        final long wanted = Math.min(count, source.size() - from);
        if (wanted <= 0) {
            return 0;
        }
        final ByteBuffer piece = piece(wanted);
        long done = 0;
        try {
            while (done < wanted) {
                piece.clear().limit((int) Math.min(piece.capacity(), wanted - done));
                final int read = source.read(piece, from + done);
                if (read <= 0) {
                    break;
                }
                final int written = target.write(piece.flip());
                done += written;
                if (written < read) {
                    break;
                }
            }
            return done;
        } catch (final IOException e) {
            return doneOr(e, done);
        }
    }

    static long from(final ReadableByteChannel source, final FileChannel target, final long to, final long count)
            throws IOException {
        if (source instanceof FileChannel file && GROWS_PAST_END) {
            file.read(ByteBuffer.allocate(0));
        }
        if (!GROWS_PAST_END && to > target.size()) {
            return 0;
        }
        return source instanceof FileChannel file
                ? fromFile(file, target, to, count)
                : fromStream(source, target, to, count);
    }

    /* The source's position moves past what was written, and not past what was only read. */
    private static long fromFile(final FileChannel source, final FileChannel target, final long to, final long count)
            throws IOException {
        final long from = source.position();
        source.read(ByteBuffer.allocate(0), from);
        final long wanted = Math.min(count, source.size() - from);
        if (wanted <= 0) {
            return 0;
        }
        final ByteBuffer piece = piece(wanted);
        long done = 0;
        try {
            while (done < wanted) {
                piece.clear().limit((int) Math.min(piece.capacity(), wanted - done));
                if (source.read(piece, from + done) <= 0) {
                    break;
                }
                done += target.write(piece.flip(), to + done);
            }
        } catch (final IOException e) {
            doneOr(e, done);
        }
        source.position(from + done);
        return done;
    }

    private static long fromStream(
            final ReadableByteChannel source, final FileChannel target, final long to, final long count)
            throws IOException {
        if (count == 0) {
            return 0;
        }
        final ByteBuffer piece = piece(count);
        long done = 0;
        try {
            while (done < count) {
                piece.clear().limit((int) Math.min(piece.capacity(), count - done));
                if (source.read(piece) <= 0) {
                    break;
                }
                done += target.write(piece.flip(), to + done);
            }
            return done;
        } catch (final IOException e) {
            return doneOr(e, done);
        }
    }

    private static ByteBuffer piece(final long wanted) {
        return ByteBuffer.allocate((int) Math.min(wanted, PIECE_BYTES));
    }

    /* An interrupt has closed a channel: that is told, whatever was done. */
    private static long doneOr(final IOException failure, final long done) throws IOException {
        if (done == 0 || failure instanceof ClosedByInterruptException) {
            throw failure;
        }
        return done;
    }
}
