// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.writethrough.testing.TestDirectories;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToDoubleFunction;
import org.apache.bookkeeper.client.BKException;
import org.apache.bookkeeper.client.BookKeeper;
import org.apache.bookkeeper.client.LedgerHandle;

/**
 * Compares the journals of clusters of three bookies on one disk: entries of 1 KiB, each on three bookies, acknowledged by
 * two. Entries arrive at random times, at some rates, whether the cluster keeps up or not, and each is timed from when it was
 * to arrive; then as many as it takes, with 256 under way. All clusters run at a time, and take turns, round by round.
 */
@SuppressWarnings("try")
final class ClusterBenchmark {
    private static final int BOOKIES = 3;
    private static final int ACKNOWLEDGED_BY = 2;
    private static final int LEDGERS = 8;
    private static final int UNDER_WAY = 256;
    private static final int BODY_BYTES = 1024;

    /** Arrivals closer than this are waited for by spinning. */
    private static final long SPIN_NANOS = 60_000;

    private static final Map<String, Map<String, String>> WAYS = new LinkedHashMap<>();

    static {
        WAYS.put("default", Map.of());
        WAYS.put("tuned", Map.of("journalMaxGroupWaitMSec", "0"));
        WAYS.put(
                "writethrough",
                Map.of("journalMaxGroupWaitMSec", "0", "journalChannelProvider", Provider.WRITE_THROUGH.className));
    }

    private static int rounds = 5;
    private static double seconds = 3;
    private static double warmUpSeconds = 15;
    private static double[] rates = {1000, 5000, 20_000, 0};
    private static List<String> ways = new ArrayList<>(WAYS.keySet());

    private ClusterBenchmark() {}

    /** One rate in one round; microseconds. */
    private record Result(double perSecond, double p50, double p99, double p999) {}

    public static void main(final String[] arguments) {
        try {
            compare(arguments);
            System.exit(0); // whatever threads the clients have
        } catch (final Exception e) {
            e.printStackTrace();
            System.exit(1);
        }
    }

    private static void compare(final String[] arguments) throws Exception {
        final Path parent = Path.of(arguments[0]);
        for (int i = 1; i < arguments.length; i += 2) {
            parse(arguments[i], arguments[i + 1]);
        }
        final Path directory = Files.createTempDirectory(parent, "bookkeeper-benchmark-");
        final Map<String, Target> targets = new LinkedHashMap<>();
        try {
            for (final String way : ways) {
                targets.put(way, new Target(directory.resolve(way), WAYS.get(way)));
                targets.get(way).load(0, warmUpSeconds);
            }
            report(measure(targets));
        } finally {
            for (final Target target : targets.values()) {
                target.close();
            }
            TestDirectories.delete(directory);
        }
    }

    /** A way with settings of its own is NAME:SETTING=VALUE:SETTING=VALUE. */
    private static void parse(final String option, final String value) {
        switch (option) {
            case "--rounds" -> rounds = Integer.parseInt(value);
            case "--seconds" -> seconds = Double.parseDouble(value);
            case "--warm-up" -> warmUpSeconds = Double.parseDouble(value);
            case "--rates" ->
                rates = Arrays.stream(value.split(","))
                        .mapToDouble(Double::parseDouble)
                        .toArray();
            case "--ways" -> {
                ways = new ArrayList<>();
                for (final String way : value.split(",")) {
                    ways.add(way);
                    if (way.indexOf(':') >= 0) {
                        final Map<String, String> settings = new LinkedHashMap<>();
                        for (final String setting :
                                way.substring(way.indexOf(':') + 1).split(":")) {
                            settings.put(setting.split("=")[0], setting.split("=")[1]);
                        }
                        WAYS.put(way, settings);
                    }
                }
            }
            default -> throw new IllegalArgumentException(option);
        }
    }

    /** By way and rate, the rounds. */
    private static Map<String, Map<Double, List<Result>>> measure(final Map<String, Target> targets) throws Exception {
        final Map<String, Map<Double, List<Result>>> results = new LinkedHashMap<>();
        for (int round = 0; round < rounds; round++) {
            for (final double rate : rates) {
                for (final String way : targets.keySet()) {
                    final Result result = targets.get(way).load(rate, seconds);
                    results.computeIfAbsent(way, key -> new LinkedHashMap<>())
                            .computeIfAbsent(rate, key -> new ArrayList<>())
                            .add(result);
                    System.err.printf(Locale.ROOT, "round %d, %s, %s: %s%n", round, way, nameOf(rate), result);
                }
            }
        }
        return results;
    }

    private static String nameOf(final double rate) {
        return rate == 0 ? "most" : String.format(Locale.ROOT, "%,.0f/s", rate);
    }

    private static void report(final Map<String, Map<Double, List<Result>>> results) {
        System.out.println("| arrivals | way | entries/s | p50, us | p99, us | p99.9, us |");
        System.out.println("| --- | --- | ---: | ---: | ---: | ---: |");
        for (final double rate : rates) {
            for (final String way : results.keySet()) {
                final List<Result> all = results.get(way).get(rate);
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %s | %s | %s | %s | %s |%n",
                        nameOf(rate),
                        way,
                        spread(all, Result::perSecond),
                        spread(all, Result::p50),
                        spread(all, Result::p99),
                        spread(all, Result::p999));
            }
        }
        final String last = ways.get(ways.size() - 1);
        for (final String way : ways.subList(0, ways.size() - 1)) {
            for (final double rate : rates) {
                System.out.printf(
                        Locale.ROOT,
                        "%s to %s, %s: p50 %s, p99 %s, entries/s %s%n",
                        last,
                        way,
                        nameOf(rate),
                        ratio(results.get(last).get(rate), results.get(way).get(rate), Result::p50),
                        ratio(results.get(last).get(rate), results.get(way).get(rate), Result::p99),
                        ratio(results.get(last).get(rate), results.get(way).get(rate), Result::perSecond));
            }
        }
    }

    /** The median, and the least and the most. */
    private static String spread(final List<Result> all, final ToDoubleFunction<Result> field) {
        final double[] sorted = all.stream().mapToDouble(field).sorted().toArray();
        return String.format(
                Locale.ROOT, "%,.0f (%,.0f..%,.0f)", sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }

    /** Round by round. */
    private static String ratio(
            final List<Result> one, final List<Result> other, final ToDoubleFunction<Result> field) {
        final double[] sorted = new double[one.size()];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] = field.applyAsDouble(one.get(i)) / field.applyAsDouble(other.get(i));
        }
        Arrays.sort(sorted);
        return String.format(
                Locale.ROOT, "%.2f (%.2f..%.2f)", sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1]);
    }

    /** A cluster with its client and ledgers. */
    private static final class Target implements AutoCloseable {
        private final Cluster cluster;
        private final BookKeeper client;
        private final LedgerHandle[] ledgers = new LedgerHandle[LEDGERS];
        private final byte[] body = new byte[BODY_BYTES];

        Target(final Path directory, final Map<String, String> settings) throws Exception {
            cluster = new Cluster(Files.createDirectory(directory), BOOKIES, 60_000, List.of(), settings);
            client = cluster.client();
            for (int i = 0; i < LEDGERS; i++) {
                ledgers[i] = client.createLedger(
                        BOOKIES, BOOKIES, ACKNOWLEDGED_BY, BookKeeper.DigestType.CRC32C, new byte[0]);
            }
            new Random(1).nextBytes(body);
        }

        /** A rate of 0: as many as it takes. */
        Result load(final double rate, final double time) throws InterruptedException {
            final Times times = new Times(rate, time);
            final Semaphore free = new Semaphore(UNDER_WAY); // of the most that it takes
            final SplittableRandom random = new SplittableRandom(1);
            final long begin = System.nanoTime();
            final long end = begin + (long) (time * 1e9);
            double planned = begin;
            int sent = 0;
            while (true) {
                if (rate == 0) {
                    free.acquire();
                    planned = System.nanoTime();
                } else {
                    planned -= Math.log(1 - random.nextDouble()) / rate * 1e9;
                    await((long) planned);
                }
                if (planned > end) {
                    break;
                }
                final long from = (long) planned;
                ledgers[sent++ % LEDGERS].asyncAddEntry(
                        body,
                        (code, ledger, entry, context) -> {
                            times.add(code, System.nanoTime() - from);
                            if (rate == 0) {
                                free.release();
                            }
                        },
                        null);
            }
            return times.result(sent, begin);
        }

        private static void await(final long planned) {
            long left;
            while ((left = planned - System.nanoTime()) > 0) {
                if (left > SPIN_NANOS) {
                    LockSupport.parkNanos(left - SPIN_NANOS);
                }
            }
        }

        @Override
        public void close() throws Exception {
            cluster.close();
        }
    }

    private static final class Times {
        /* More than any cluster takes here. */
        private static final int MOST_PER_SECOND = 400_000;

        private final long[] nanos;
        private final AtomicInteger count = new AtomicInteger();
        private volatile int failure;

        Times(final double rate, final double time) {
            nanos = new long[(int) ((rate == 0 ? MOST_PER_SECOND : 2 * rate) * time)];
        }

        void add(final int code, final long time) {
            if (code != BKException.Code.OK) {
                failure = code;
            }
            nanos[count.get()] = time;
            count.incrementAndGet();
        }

        Result result(final int sent, final long begin) throws InterruptedException {
            final long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
            while (count.get() < sent) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException(sent - count.get() + " entries are not acknowledged");
                }
                Thread.sleep(1);
            }
            final double took = (System.nanoTime() - begin) / 1e9;
            if (failure != 0) {
                throw new IllegalStateException(BKException.getMessage(failure));
            }
            Arrays.sort(nanos, 0, sent);
            return new Result(sent / took, micros(0.5, sent), micros(0.99, sent), micros(0.999, sent));
        }

        private double micros(final double share, final int sent) {
            return nanos[(int) (share * sent)] / 1e3;
        }
    }
}
