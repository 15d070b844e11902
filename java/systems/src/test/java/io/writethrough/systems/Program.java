// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFileSystem;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.LongPredicate;

/**
 * What the programs have in common. Their arguments are a directory and one of these:
 *
 * <ul>
 *   <li>{@code load SECONDS}: commits one record after the other. Prints {@code ack N} when the records 1 to N are committed,
 *       from time to time {@code writes N}, the writes that went through the library so far, and at the end {@code commits/s X}.
 *   <li>{@code measure SECONDS}: the same without {@code ack}, after half that time to warm up.
 *   <li>{@code trace COMMITS}: some commits to warm up, then so many. Prints {@code begin N} and {@code end N} around these, N
 *       the bytes that the library has written so far.
 *   <li>{@code verify N}: opens what is there and checks that it has the records 1 to N, byte for byte. Prints {@code
 *       verified N}.
 * </ul>
 *
 * <p>With the property {@code clients=C} so many threads commit at a time.
 */
final class Program {
    private static final int RECORD_BYTES = 100;
    private static final int COMMITS_BETWEEN_COUNTS = 50;
    private static final int COMMITS_BEFORE_TRACE = 20;

    private final Records.Opener opener;
    private final Path directory;

    private Program(final Records.Opener opener, final Path directory) {
        this.opener = opener;
        this.directory = directory;
    }

    /** Runs a program to its end, which is that of the JVM. */
    static void run(final Records.Opener opener, final String... arguments) {
        int status = 1;
        try {
            final Program program = new Program(opener, Path.of(arguments[0]));
            switch (arguments[1]) {
                case "load" -> program.load(Double.parseDouble(arguments[2]));
                case "measure" -> program.measure(Double.parseDouble(arguments[2]));
                case "trace" -> program.trace(Long.parseLong(arguments[2]));
                case "verify" -> program.verify(Long.parseLong(arguments[2]));
                default -> throw new IllegalArgumentException(arguments[1]);
            }
            status = 0;
        } catch (final Exception | AssertionError e) {
            e.printStackTrace();
        }
        System.exit(status); // also where a system has threads that would go on
    }

    private void load(final double seconds) throws Exception {
        try (Records records = opener.open(directory);
                Clients clients = new Clients(records)) {
            final Acknowledged acknowledged = new Acknowledged();
            final long begin = System.nanoTime();
            final long count = clients.commit(within(begin, seconds), acknowledged::add);
            printRate(count, begin);
        }
    }

    /* Numbers come in any order, and are printed when all before them have come. */
    private static final class Acknowledged {
        private final Set<Long> early = new HashSet<>();
        private long last;

        synchronized void add(final long number) throws IOException {
            early.add(number);
            while (early.remove(last + 1)) {
                last++;
                print("ack " + last);
                if (last % COMMITS_BETWEEN_COUNTS == 0) {
                    print("writes " + writes());
                }
            }
        }
    }

    private void measure(final double seconds) throws Exception {
        try (Records records = opener.open(directory);
                Clients clients = new Clients(records)) {
            clients.commit(within(System.nanoTime(), seconds / 2), number -> {});
            final long begin = System.nanoTime();
            printRate(clients.commit(within(begin, seconds), number -> {}), begin);
        }
    }

    private void trace(final long commits) throws Exception {
        try (Records records = opener.open(directory);
                Clients clients = new Clients(records)) {
            clients.commit(number -> number <= COMMITS_BEFORE_TRACE, number -> {});
            print("begin " + bytes());
            clients.commit(number -> number <= COMMITS_BEFORE_TRACE + commits, number -> {});
            print("end " + bytes());
        }
    }

    private static LongPredicate within(final long begin, final double seconds) {
        return number -> System.nanoTime() - begin < seconds * 1e9;
    }

    private static void printRate(final long commits, final long begin) throws IOException {
        print("writes " + writes());
        print(String.format(Locale.ROOT, "commits/s %.1f", commits * 1e9 / (System.nanoTime() - begin)));
    }

    private void verify(final long count) throws Exception {
        try (Records records = opener.open(directory)) {
            for (long number = 1; number <= count; number++) {
                if (!Arrays.equals(record(number), records.read(number))) {
                    throw new AssertionError("record " + number + " is not there, or another");
                }
            }
        }
        print("verified " + count);
    }

    /** The bytes of the record of this number. */
    static byte[] record(final long number) {
        final byte[] record = new byte[RECORD_BYTES];
        new SplittableRandom(number).nextBytes(record);
        return record;
    }

    private static long writes() {
        return isCarried() ? WriteThroughEngine.shared().stats().writes() : 0;
    }

    private static long bytes() {
        return isCarried() ? WriteThroughEngine.shared().stats().deviceWrittenBytes() : 0;
    }

    /* Whether this JVM has the switch or the agent: both use the shared engine. */
    private static boolean isCarried() {
        return FileSystems.getDefault() instanceof WriteThroughFileSystem;
    }

    /* One write(2), so that a kill leaves whole lines. */
    private static void print(final String line) throws IOException {
        System.out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }
}
