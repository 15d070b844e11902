// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.async.Completions;
import io.writethrough.internal.async.Faults;
import io.writethrough.internal.async.IoFuture;
import io.writethrough.internal.async.Operation;
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.buffer.Bytes;
import io.writethrough.internal.buffer.PerThread;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.jni.NativeIo;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Writes that are handed over in one call. Every thread keeps one for its next call. */
public final class WriteBatch {
    private static final int KEPT_WRITES = 1024;
    private static final PerThread<WriteBatch> OF_THREAD = new PerThread<>(WriteBatch::new);

    private ByteBuffer[] sources = new ByteBuffer[16];
    private Object[] bases = new Object[16];
    private Operation[] operations = new Operation[16];
    private long[] requests = new long[16 * NativeIo.REQUEST_LONGS];
    private int count;

    private WriteBatch() {}

    static WriteBatch ofThread() {
        return OF_THREAD.get();
    }

    void add(final ByteBuffer source, final long offset) {
        final int position = source.position();
        final int length = Buffers.remaining(source, position);
        if (count == sources.length) {
            grow();
        }
        final boolean steady = Buffers.isSteady(source);
        bases[count] = steady ? Bytes.baseOf(source) : Buffers.copyOf(source, position, length);
        final int start = steady ? Bytes.indexOf(source, position) : 0;
        sources[count] = source;
        final int request = count * NativeIo.REQUEST_LONGS;
        requests[request] = (long) start << 32 | length;
        requests[request + 1] = offset;
        count++;
    }

    private void grow() {
        sources = Arrays.copyOf(sources, 2 * count);
        bases = Arrays.copyOf(bases, 2 * count);
        operations = Arrays.copyOf(operations, 2 * count);
        requests = Arrays.copyOf(requests, 2 * requests.length);
    }

    /** Submits all. Returns their futures. */
    List<CompletableFuture<Integer>> submit(
            final OpenFile file,
            final Completions completions,
            final long handle,
            final int durability,
            final int flags) {
        final List<CompletableFuture<Integer>> futures = new ArrayList<>(count);
        if (!file.isOpen()) {
            for (int i = 0; i < count; i++) {
                futures.add(IoFuture.failed(new ClosedChannelException()));
            }
            return futures;
        }
        begin(file, completions, futures, durability, flags);
        Core.submitAll(handle, bases, requests, count, durability, flags);
        for (int i = 0; i < count; i++) {
            if (started(i) < 0) {
                fail(i, file, completions, futures.get(i), flags);
            }
        }
        for (int i = 0; i < count; i++) {
            if (started(i) >= 0) {
                sources[i].position(sources[i].position() + (int) requests[i * NativeIo.REQUEST_LONGS]);
            }
        }
        return futures;
    }

    /* 0 or -errno. */
    private int started(final int index) {
        return (int) requests[index * NativeIo.REQUEST_LONGS + 2];
    }

    /* All, or it throws and none has begun. */
    private void begin(
            final OpenFile file,
            final Completions completions,
            final List<CompletableFuture<Integer>> futures,
            final int durability,
            final int flags) {
        int begun = 0;
        boolean all = false;
        try {
            while (begun < count) {
                final int request = begun * NativeIo.REQUEST_LONGS;
                final IoFuture<Integer> future = new IoFuture<>(completions);
                futures.add(future);
                final Operation operation = completions.begin();
                operations[begun++] = operation;
                final int bytes = (int) requests[request];
                operation.beginWrite(file, future, Operation.Value.INT_COUNT, requests[request + 1], bytes);
                operation.describe(durability, flags);
                requests[request + 2] = operation.token();
            }
            all = true;
        } finally {
            for (int i = 0; i < begun && !all; i++) {
                completions.abandon(operations[i]);
            }
        }
    }

    /* Others of the batch have begun, and their futures are to reach the caller: so nothing is thrown. */
    private void fail(
            final int index,
            final OpenFile file,
            final Completions completions,
            final CompletableFuture<Integer> future,
            final int flags) {
        final int request = index * NativeIo.REQUEST_LONGS;
        final int length = (int) requests[request];
        try {
            assert Faults.at(Faults.Step.DECIDE);
            operations[index].tellIfRefused(started(index));
            future.completeExceptionally(
                    file.writeFailed("write", requests[request + 1], length, flags, started(index)));
            completions.abandon(operations[index]);
        } catch (final OutOfMemoryError | StackOverflowError e) {
            operations[index].endWith(started(index));
            completions.completeElsewhere(operations[index]);
        }
    }

    /** Forgets the writes. */
    void release() {
        if (sources.length > KEPT_WRITES) {
            sources = new ByteBuffer[16];
            bases = new Object[16];
            operations = new Operation[16];
            requests = new long[16 * NativeIo.REQUEST_LONGS];
        } else {
            Arrays.fill(sources, 0, count, null);
            Arrays.fill(bases, 0, count, null);
        }
        count = 0;
    }
}
