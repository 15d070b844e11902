// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.testing.DeviceMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * A program to have its power cut: {@code PowerWriter DIRECTORY DEVICE ROUNDS}. In each round several threads append to the log
 * in DIRECTORY, then one trims it and cuts it off. Each acknowledgement is told by a mark in the log of DEVICE, a device of
 * dm-log-writes, before the thread goes on. {@link PowerLedger} understands the marks.
 */
final class PowerWriter {
    private static final LogOptions OPTIONS = LogOptions.builder()
            .segmentBytes(LogOptions.LEAST_SEGMENT_BYTES)
            .spareSegments(1)
            .build();
    private static final int IN_FLIGHT = 6;

    /** The threads, by the letter that their records begin with. */
    static final String SYNCHRONOUS = "s";

    static final String ASYNCHRONOUS = "a";
    /** Each append of it is two records with the same text. */
    static final String BATCHES = "b";

    static final String MAIN = "m";

    private final DeviceMapper mapper = new DeviceMapper();
    private final String device;
    private final DurableLog log;

    private PowerWriter(final String device, final DurableLog log) {
        this.device = device;
        this.log = log;
    }

    /** A record of a thread. A few go over the end of a segment. */
    static String text(final String thread, final int number) {
        final int more = thread.equals(MAIN) && number % 8 == 1 ? 60_000 : 0;
        return thread + " " + number + " " + "p".repeat(number * 37 % 1200 + more);
    }

    public static void main(final String[] arguments) throws Exception {
        try (DurableLog log = DurableLog.open(Path.of(arguments[0]), OPTIONS)) {
            final PowerWriter writer = new PowerWriter(arguments[1], log);
            writer.tell("ready " + log.start());
            for (int round = 0; round < Integer.parseInt(arguments[2]); round++) {
                writer.appendAll(round);
                writer.trimAndCut(round);
            }
        }
    }

    /* A message of the device mapper is split at blanks. */
    private void tell(final String what) {
        mapper.message(device, "mark " + what.replace(' ', ','));
    }

    private void tellOf(final String thread, final int number, final long lsn) {
        tell("has " + lsn + " " + thread + " " + number);
    }

    private static ByteBuffer record(final String thread, final int number) {
        return LogOnDisk.bytes(text(thread, number));
    }

    /** What a thread does. */
    private interface Task {
        void run() throws Exception;
    }

    private static Thread started(final Task task) {
        final Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (final Exception e) {
                fail(e);
            }
        });
        thread.start();
        return thread;
    }

    private static void fail(final Throwable failure) {
        failure.printStackTrace(System.out);
        Runtime.getRuntime().halt(1);
    }

    private void appendAll(final int round) throws InterruptedException {
        final int each = 8;
        final List<Thread> threads = new ArrayList<>();
        threads.add(started(() -> {
            for (int number = round * each; number < (round + 1) * each; number++) {
                tellOf(SYNCHRONOUS, number, log.append(record(SYNCHRONOUS, number)));
            }
        }));
        threads.add(started(() -> {
            for (int number = round * each; number < (round + 1) * each; number++) {
                final List<ByteBuffer> batch = List.of(record(BATCHES, number), record(BATCHES, number));
                tellOf(BATCHES, number, log.appendBatch(batch));
            }
        }));
        threads.add(started(() -> appendAsynchronously(round * 2 * each, (round + 1) * 2 * each)));
        for (final Thread thread : threads) {
            thread.join();
        }
    }

    private void appendAsynchronously(final int from, final int to) throws InterruptedException {
        final Semaphore room = new Semaphore(IN_FLIGHT);
        for (int i = from; i < to; i++) {
            final int number = i;
            room.acquire();
            log.appendAsync(record(ASYNCHRONOUS, number)).whenComplete((lsn, failure) -> {
                if (failure != null) {
                    fail(failure);
                }
                tellOf(ASYNCHRONOUS, number, lsn);
                room.release();
            });
        }
        room.acquire(IN_FLIGHT);
    }

    /* Of four records the first is where the log then begins, and the second where it ends. */
    private void trimAndCut(final int round) throws IOException {
        final long[] lsns = new long[4];
        for (int i = 0; i < lsns.length; i++) {
            final int number = round * lsns.length + i;
            lsns[i] = log.append(record(MAIN, number));
            tellOf(MAIN, number, lsns[i]);
        }
        tell("trims " + lsns[0]);
        log.trim(lsns[0]);
        tell("trimmed " + lsns[0]);
        tell("cuts " + lsns[1]);
        log.truncateAfter(lsns[1]);
        tell("cut " + lsns[1]);
    }
}
