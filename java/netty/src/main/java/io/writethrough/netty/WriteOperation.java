// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.EventExecutor;
import io.writethrough.WriteFlag;
import io.writethrough.WriteThroughFile;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** A write or an append of a buffer, which is released as soon as its bytes are in the cache, or it is known that they won't be. */
final class WriteOperation<T> extends FileOperation<T> {
    private static final WriteFlag[] NONE = {};
    private static final WriteFlag[] NOWAIT = {WriteFlag.NOWAIT};

    private final WriteThroughFile file;
    private final ByteBuf source;
    private final long position;
    private final int length;
    private final boolean append;
    private final Function<Long, T> result;

    private WriteOperation(
            final EventExecutor executor,
            final WriteThroughFile file,
            final ByteBuf source,
            final long position,
            final boolean append,
            final Function<Long, T> result) {
        super(executor);
        this.file = file;
        this.source = source;
        this.position = position;
        this.length = source.readableBytes();
        this.append = append;
        this.result = result;
    }

    /** Its future is the count of bytes. */
    static WriteOperation<Integer> write(
            final EventExecutor executor, final WriteThroughFile file, final ByteBuf source, final long position) {
        return new WriteOperation<>(executor, file, source, position, false, Long::intValue);
    }

    /** Its future is where the first of the bytes is. */
    static WriteOperation<Long> append(
            final EventExecutor executor, final WriteThroughFile file, final ByteBuf source) {
        return new WriteOperation<>(executor, file, source, 0, true, offset -> offset);
    }

    @Override
    boolean startNow() {
        return start(false);
    }

    @Override
    void startWaiting() {
        if (begin()) {
            start(true);
        } else {
            release();
        }
    }

    private boolean start(final boolean mayWait) {
        final CompletableFuture<Long> written;
        try {
            final ByteBuffer[] buffers = buffersOf(source);
            written = submit(buffers, mayWait ? NONE : NOWAIT);
            if (!mayWait && mustWait(failureOf(written)) && anyRemaining(buffers)) {
                return false;
            }
        } catch (final RuntimeException | Error e) {
            refuse(e);
            return true;
        }
        begin();
        release();
        written.whenComplete((count, failure) -> {
            if (failure == null) {
                succeed(result.apply(count));
            } else {
                fail(failure);
            }
        });
        return true;
    }

    private CompletableFuture<Long> submit(final ByteBuffer[] buffers, final WriteFlag[] flags) {
        return append
                ? file.appendAsync(buffers, file.durability(), flags)
                : file.writeAsync(buffers, position, file.durability(), flags);
    }

    /** What was not taken remains; so the failure is one of starting, not of what was started. */
    private static boolean anyRemaining(final ByteBuffer[] buffers) {
        for (final ByteBuffer buffer : buffers) {
            if (buffer.hasRemaining()) {
                return true;
            }
        }
        return false;
    }

    /** The readable bytes where they are; of the rare buffer that does not show its memory, a copy. */
    private static ByteBuffer[] buffersOf(final ByteBuf buffer) {
        return switch (buffer.nioBufferCount()) {
            case -1 -> new ByteBuffer[] {ByteBuffer.wrap(ByteBufUtil.getBytes(buffer))};
            case 1 -> new ByteBuffer[] {buffer.nioBuffer()};
            default -> buffer.nioBuffers();
        };
    }

    @Override
    void release() {
        ReferenceCountUtil.safeRelease(source); // a caller that had no reference left is told by the future
    }

    @Override
    boolean isWriteWithin(final long readPosition, final long readLength) {
        return !append && position < readPosition + readLength && readPosition < position + length;
    }
}
