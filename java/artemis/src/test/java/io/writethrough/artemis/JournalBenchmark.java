// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import io.writethrough.testing.TestDirectories;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.apache.activemq.artemis.core.io.aio.AIOSequentialFileFactory;
import org.apache.activemq.artemis.core.journal.IOCompletion;
import org.apache.activemq.artemis.core.journal.impl.JournalImpl;

/**
 * Records a second that a journal takes durably, on each factory, in rounds that take turns: arguments are a directory, the
 * seconds that each takes in a round, and the rounds. Prints a table of medians.
 */
public final class JournalBenchmark {
    private static final int FILE_BYTES = 10 << 20;
    private static final Body RECORD = new Body(new byte[512]);

    /** Threads that append, and how many records each has under way. */
    private record Load(String name, int threads, int inFlight) {}

    private static final List<Load> LOADS = List.of(
            new Load("1 thread", 1, 1),
            new Load("32 threads", 32, 1),
            new Load("2 threads, 256 in flight each", 2, 256));

    private static final AtomicLong IDS = new AtomicLong();

    private JournalBenchmark() {}

    public static void main(final String[] arguments) throws Exception {
        final Path root = Path.of(arguments[0]);
        final double seconds = Double.parseDouble(arguments[1]);
        final int rounds = Integer.parseInt(arguments[2]);
        final List<Kind> kinds = new ArrayList<>(List.of(Kind.values()));
        if (!AIOSequentialFileFactory.isSupported()) {
            System.err.println("AIO is left out: libaio is not here");
            kinds.remove(Kind.AIO);
        }
        final double[][][] rates = new double[kinds.size()][LOADS.size()][rounds];
        for (int round = -1; round < rounds; round++) { // the first is for the compiler
            for (int kind = 0; kind < kinds.size(); kind++) {
                for (int load = 0; load < LOADS.size(); load++) {
                    rates[kind][load][Math.max(round, 0)] =
                            measure(kinds.get(kind), root, LOADS.get(load), round < 0 ? seconds / 2 : seconds);
                }
            }
        }
        for (int kind = 0; kind < kinds.size(); kind++) {
            System.out.printf("| %-22s |", kinds.get(kind));
            for (int load = 0; load < LOADS.size(); load++) {
                System.out.printf(Locale.ROOT, " %,9.0f |", median(rates[kind][load]));
            }
            System.out.println();
        }
        System.exit(0); // threads of journals linger for a minute
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private static double measure(final Kind kind, final Path root, final Load load, final double seconds)
            throws Exception {
        final Path directory = TestDirectories.makeIn(root);
        try {
            final SequentialFileFactory factory = kind.factory(directory);
            final JournalImpl journal =
                    new JournalImpl(FILE_BYTES, 2, 10, 0, 0, factory, "bench", "amq", factory.getMaxIO());
            journal.start();
            journal.loadInternalOnly();
            try {
                measure(journal, load, seconds / 4); // while the next file is made
                return measure(journal, load, seconds);
            } finally {
                journal.stop();
                factory.stop();
            }
        } finally {
            TestDirectories.delete(directory);
        }
    }

    private static double measure(final JournalImpl journal, final Load load, final double seconds) throws Exception {
        final AtomicLong count = new AtomicLong();
        final long begin = System.nanoTime();
        final long end = begin + (long) (seconds * 1e9);
        final List<Thread> threads = new ArrayList<>();
        for (int thread = 0; thread < load.threads(); thread++) {
            threads.add(new Thread(() -> count.addAndGet(append(journal, load.inFlight(), end))));
        }
        threads.forEach(Thread::start);
        for (final Thread thread : threads) {
            thread.join();
        }
        return count.get() * 1e9 / (System.nanoTime() - begin);
    }

    private static long append(final JournalImpl journal, final int inFlight, final long end) {
        final Semaphore free = new Semaphore(inFlight);
        final Done done = new Done(free);
        long count = 0;
        try {
            for (; System.nanoTime() < end; count++) {
                free.acquire();
                journal.appendAddRecord(IDS.getAndIncrement(), TestJournal.TYPE, RECORD, true, done);
            }
            free.acquire(inFlight);
            return count;
        } catch (final Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private record Done(Semaphore free) implements IOCompletion {
        @Override
        public void done() {
            free.release();
        }

        @Override
        public void onError(final int code, final String message) {
            throw new AssertionError(message);
        }

        @Override
        public void storeLineUp() {}
    }
}
