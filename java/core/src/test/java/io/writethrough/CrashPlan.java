// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.util.stream.IntStream;

/**
 * What the threads of a {@link CrashWriter} do: thread and number of an operation tell all of it, so that who has seen the
 * process die knows what it may have been at. No two threads write to one place.
 */
final class CrashPlan {
    static final int BLOCK = 4096;
    static final int RECORD = 128;
    static final long GROWTH = 64 << 10;
    private static final int REGION_BLOCKS = 24;
    private static final int RECORDS_OFFSET = 4 * REGION_BLOCKS * BLOCK;
    private static final int RECORDS_BYTES = 16 * BLOCK;
    private static final int RECORDS = RECORDS_BYTES / RECORD;
    /** Where in the pages file the durable memory is. */
    static final int MEMORY_OFFSET = RECORDS_OFFSET + RECORDS_BYTES;

    static final int MAPPED_BYTES = REGION_BLOCKS * BLOCK;
    static final int PAGES_BYTES = MEMORY_OFFSET + MAPPED_BYTES;
    private static final int WORD = 8;
    private static final int LONGEST_SIZE = 20_000;

    /** The files, by the names they have. */
    enum File {
        pages(PAGES_BYTES),
        log(0),
        ahead(0),
        sizes(0),
        mapped(MAPPED_BYTES);

        /** How long it always is; 0: it changes. */
        final int bytes;

        File(final int bytes) {
            this.bytes = bytes;
        }

        /** How much of it is written whole or not at all, at this offset. A process may be killed within a store. */
        int unitAt(final int offset) {
            if (this == mapped) {
                return WORD;
            }
            return offset < RECORDS_OFFSET || offset >= MEMORY_OFFSET ? BLOCK : RECORD;
        }

        IntStream units(final int offset, final int length) {
            return IntStream.iterate(offset, at -> at < offset + length, at -> at + unitAt(at));
        }
    }

    /** What a thread does: which file, and how many operations it has in flight at most. */
    enum Task {
        BLOCKS(File.pages, 1),
        BLOCKS_AND_HOLES(File.pages, 1),
        BLOCKS_ASYNC(File.pages, 8),
        /** Writes later, as many as it has in flight, and forces all of them. */
        BLOCKS_FORCED(File.pages, 4),
        EVEN_RECORDS(File.pages, 1),
        ODD_RECORDS_ASYNC(File.pages, 24),
        LOG(File.log, 1),
        LOG_TOO(File.log, 1),
        LOG_ASYNC(File.log, 24),
        AHEAD(File.ahead, 1),
        AHEAD_ASYNC(File.ahead, 24),
        SIZES(File.sizes, 1),
        /** Stores into durable memory, as much as it has in flight, and forces that. */
        MEMORY(File.pages, 3),
        /** The same in what a channel has mapped. */
        MAPPED(File.mapped, 3);

        final File file;
        final int inFlight;

        Task(final File file, final int inFlight) {
            this.file = file;
            this.inFlight = inFlight;
        }
    }

    /** What an operation does. */
    enum Kind {
        WRITE,
        PUNCH,
        ZERO,
        APPEND,
        TRUNCATE
    }

    /** One operation. The offset of an append is not known before; of a truncation the length is the new size. */
    record Op(Task task, int number, Kind kind, int offset, int length) {}

    private final long seed;

    CrashPlan(final long seed) {
        this.seed = seed;
    }

    Op op(final Task task, final int number) {
        return switch (task) {
            case BLOCKS, BLOCKS_ASYNC, BLOCKS_FORCED, MEMORY, MAPPED -> blocks(task, number, Kind.WRITE);
            case BLOCKS_AND_HOLES ->
                blocks(task, number, new Kind[] {Kind.PUNCH, Kind.WRITE, Kind.ZERO, Kind.WRITE}[number % 4]);
            case EVEN_RECORDS, ODD_RECORDS_ASYNC -> record(task, number);
            case LOG, LOG_TOO, LOG_ASYNC, AHEAD, AHEAD_ASYNC ->
                new Op(task, number, Kind.APPEND, 0, 40 + 8 * draw(task, number, 0, 84));
            case SIZES ->
                new Op(
                        task,
                        number,
                        number % 2 == 0 ? Kind.TRUNCATE : Kind.WRITE,
                        0,
                        1 + draw(task, number / 2, 0, LONGEST_SIZE));
        };
    }

    private Op blocks(final Task task, final int number, final Kind kind) {
        final int count = 1 + draw(task, number, 0, 3);
        final int first = draw(task, number, 1, REGION_BLOCKS + 1 - count);
        return new Op(task, number, kind, region(task) + first * BLOCK, count * BLOCK);
    }

    private static int region(final Task task) {
        return switch (task) {
            case MEMORY -> MEMORY_OFFSET;
            case MAPPED -> 0;
            default -> task.ordinal() * REGION_BLOCKS * BLOCK;
        };
    }

    private Op record(final Task task, final int number) {
        final int index = draw(task, number, 0, RECORDS / 2) * 2 + (task == Task.EVEN_RECORDS ? 0 : 1);
        return new Op(task, number, Kind.WRITE, RECORDS_OFFSET + index * RECORD, RECORD);
    }

    /** The bytes that an operation leaves in its range; differ from those of every other. */
    byte[] content(final Op op) {
        final byte[] content = new byte[op.length];
        if (op.kind != Kind.PUNCH && op.kind != Kind.ZERO) {
            long state = mix(op.task, op.number, 2);
            for (int i = 0; i < content.length; i++) {
                if (i % 8 == 0) {
                    state = mix(state + i);
                }
                content[i] = (byte) (state >>> i % 8 * 8 | 1); // never zero, which is what nobody wrote
            }
        }
        return content;
    }

    private int draw(final Task task, final int number, final int which, final int below) {
        return (int) Long.remainderUnsigned(mix(task, number, which), below);
    }

    private long mix(final Task task, final int number, final int which) {
        return mix(mix(mix(seed + which) + task.ordinal()) + number);
    }

    private static long mix(final long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
        z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
        return z ^ z >>> 31;
    }
}
