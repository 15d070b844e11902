// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.stream.LongStream;

/**
 * How far each {@link LaterSequence} is, in a mapped file: a process tells without a system call, and what it told outlives
 * it. Of each sequence: the last write that returned, the last that a force of each thread covered, and when each of the
 * last {@link #TIMES} writes returned, by {@link System#nanoTime}, which on Linux is one clock for all processes.
 */
final class LaterProgress {
    static final int TIMES = 1 << 14;
    private static final int RETURNED = 0;
    private static final int BEGUN = 1;
    private static final int FORCED = 2;
    private static final int FIRST_TIME = FORCED + LaterWriter.THREADS;
    private static final int LONGS = FIRST_TIME + TIMES;
    private static final VarHandle LONG = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    private final ByteBuffer memory;

    LaterProgress(final Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, CREATE, READ, WRITE)) {
            memory = channel.map(
                    FileChannel.MapMode.READ_WRITE, 0, (long) LaterSequence.ALL.size() * LONGS * Long.BYTES);
        }
    }

    private static int at(final LaterSequence sequence, final int index) {
        return (sequence.ordinal() * LONGS + index) * Long.BYTES;
    }

    private long get(final LaterSequence sequence, final int index) {
        return (long) LONG.getAcquire(memory, at(sequence, index));
    }

    private void set(final LaterSequence sequence, final int index, final long value) {
        LONG.setRelease(memory, at(sequence, index), value);
    }

    private static int indexOfTime(final long number) {
        return FIRST_TIME + (int) (number % TIMES);
    }

    /** Nobody else uses it: the next write is the one after this. */
    void begin(final LaterSequence sequence, final long number) {
        set(sequence, BEGUN, number);
        set(sequence, RETURNED, number);
        for (int thread = 0; thread < LaterWriter.THREADS; thread++) {
            tellForced(sequence, thread, number);
        }
    }

    void tellReturned(final LaterSequence sequence, final long number, final long nanoTime) {
        set(sequence, indexOfTime(number), nanoTime);
        set(sequence, RETURNED, number);
    }

    void tellForced(final LaterSequence sequence, final int thread, final long number) {
        set(sequence, FORCED + thread, number);
    }

    long lastReturned(final LaterSequence sequence) {
        return get(sequence, RETURNED);
    }

    /** How many writes have returned since the beginning. */
    long countReturned(final LaterSequence sequence) {
        return get(sequence, RETURNED) - get(sequence, BEGUN);
    }

    long lastForced(final LaterSequence sequence) {
        return LongStream.range(FORCED, FIRST_TIME)
                .map(index -> get(sequence, (int) index))
                .max()
                .orElseThrow();
    }

    /** When one of the last {@link #TIMES} writes returned. 0: it was told of by nobody. */
    long timeOf(final LaterSequence sequence, final long number) {
        return get(sequence, indexOfTime(number));
    }
}
