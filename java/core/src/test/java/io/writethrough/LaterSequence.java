// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Writes of one thread, numbered from 1 on: records at the places of one block, again and again, or one behind the other in
 * a log. The bytes of a file tell which writes they have seen.
 */
record LaterSequence(File file, int index) {
    static final int BLOCK = 4096;
    private static final int RECORD = 256;
    private static final int PLACES = BLOCK / RECORD;
    private static final int NUMBER_BITS = 48;
    static final List<LaterSequence> ALL =
            Stream.of(File.values()).flatMap(LaterSequence::of).toList();

    /** The files, by the names they have. */
    enum File {
        channel(0, 16),
        later(16, 16),
        quiet(32, 32),
        log(64, 1);

        final int firstOrdinal;
        final int sequences;

        File(final int firstOrdinal, final int sequences) {
            this.firstOrdinal = firstOrdinal;
            this.sequences = sequences;
        }
    }

    private static Stream<LaterSequence> of(final File file) {
        return IntStream.range(0, file.sequences).mapToObj(index -> new LaterSequence(file, index));
    }

    int ordinal() {
        return file.firstOrdinal + index;
    }

    private boolean isLog() {
        return file == File.log;
    }

    /* Every write to place 0 is one of the whole block. */
    private static int placeOf(final long number) {
        return (int) (number % PLACES);
    }

    long offset(final long number) {
        return isLog() ? (number - 1) * RECORD : (long) index * BLOCK + placeOf(number) * RECORD;
    }

    /** Makes this the buffer of a write. */
    void fill(final ByteBuffer buffer, final long number) {
        buffer.clear().limit(!isLog() && placeOf(number) == 0 ? BLOCK : RECORD);
        while (buffer.hasRemaining()) {
            buffer.putLong(mark() << NUMBER_BITS | number);
        }
        buffer.flip();
    }

    private long mark() {
        return ordinal() + 1L;
    }

    /**
     * The last write that the content of the file has seen, with all before it. Fails if a block has seen a later write
     * without an earlier one to the same block.
     */
    long lastIn(final byte[] content) {
        return isLog() ? lastOfLog(content) : lastOfBlock(ByteBuffer.wrap(content, index * BLOCK, BLOCK));
    }

    private long lastOfBlock(final ByteBuffer block) {
        final long[] numbers = new long[PLACES];
        for (int place = 0; place < PLACES; place++) {
            numbers[place] = numberIn(block);
        }
        final long last = Arrays.stream(numbers).max().orElseThrow();
        final long whole = last - placeOf(last);
        for (int place = 0; place < PLACES; place++) {
            final long expected = place <= placeOf(last) ? whole + place : whole;
            check(numbers[place] == expected, () -> "not the state after " + last + ": " + Arrays.toString(numbers));
        }
        return last;
    }

    private long lastOfLog(final byte[] content) {
        final int blocks = (content.length + BLOCK - 1) / BLOCK;
        final ByteBuffer log = ByteBuffer.wrap(Arrays.copyOf(content, blocks * BLOCK));
        long last = 0;
        boolean allHere = true;
        boolean allOfBlock = true;
        for (long number = 1; log.hasRemaining(); number++) {
            allOfBlock |= offset(number) % BLOCK == 0;
            final long found = numberIn(log);
            final long expected = number;
            check(found == 0 || found == expected, () -> "record " + expected + " is " + found);
            check(found == 0 || allOfBlock, () -> "record " + expected + " without one before it in its block");
            allOfBlock &= found != 0;
            allHere &= allOfBlock;
            last = allHere ? number : last;
        }
        return last;
    }

    /* Of the record at the buffer's position. 0: nobody has written here. */
    private long numberIn(final ByteBuffer content) {
        final long first = content.getLong();
        for (int i = Long.BYTES; i < RECORD; i += Long.BYTES) {
            final long other = content.getLong();
            check(other == first, () -> "a torn record: " + first + " and " + other);
        }
        check(first == 0 || first >>> NUMBER_BITS == mark(), () -> "bytes of others: " + Long.toHexString(first));
        return first & (1L << NUMBER_BITS) - 1;
    }

    private void check(final boolean holds, final Supplier<String> complaint) {
        if (!holds) {
            throw new AssertionError(this + ": " + complaint.get());
        }
    }
}
