// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.EventExecutor;
import io.writethrough.WriteThroughFile;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** A read into a buffer of its own, which is the result. */
final class ReadOperation extends FileOperation<ByteBuf> {
    private final WriteThroughFile file;
    private final ByteBufAllocator allocator;
    private final long position;
    private final int length;

    ReadOperation(
            final EventExecutor executor,
            final WriteThroughFile file,
            final ByteBufAllocator allocator,
            final long position,
            final int length) {
        super(executor);
        this.file = file;
        this.allocator = allocator;
        this.position = position;
        this.length = length;
    }

    @Override
    boolean startNow() {
        if (isCancelled()) {
            return true;
        }
        final ByteBuf destination;
        try {
            destination = allocator.directBuffer(length, length);
        } catch (final RuntimeException | Error e) {
            fail(e);
            return true;
        }
        final CompletableFuture<Integer> read;
        try {
            read = file.readAsync(destination.nioBuffer(0, length), position);
        } catch (final RuntimeException | Error e) {
            destination.release();
            fail(e);
            return true;
        }
        read.whenComplete((count, failure) -> {
            if (failure == null) {
                succeed(destination.writerIndex(Math.max(count, 0)));
            } else {
                destination.release();
                fail(failure);
            }
        });
        return true;
    }

    @Override
    void startWaiting() {
        startNow();
    }

    @Override
    void release() {}

    @Override
    void discard(final @Nullable ByteBuf result) {
        if (result != null) {
            result.release();
        }
    }
}
