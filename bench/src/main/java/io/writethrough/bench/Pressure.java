// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.Durability;
import io.writethrough.WriteFlag;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import io.writethrough.WriteThroughOption;
import io.writethrough.bench.report.Spread;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.HdrHistogram.Histogram;

/**
 * Reads where memory is short. Each way runs in a JVM of its own, in a control group whose limit counts the page cache too, and the
 * ways take turns. First as many reads of 4 KiB at random as can be, of a file that is four times as large as the limit. Then
 * reads at a fixed rate of a part of the file that has room in memory, alone and beside a thread that writes more than fits, and
 * how long one of them takes.
 */
public final class Pressure {
    private static final int PAGE = 4096;
    private static final int CHUNK = 1 << 20;
    private static final int TIMES_THE_LIMIT = 4;
    private static final int[] THREADS = {1, 4, 16};
    private static final long ARRIVAL_NANOS = 100_000;
    private static final double PERCENTILE = 99;
    private static final String HEAP = "-Xmx64m";

    /* Each 64 MiB, as a compaction does. */
    private static final long FORCED_BYTES = 64L << 20;

    private enum Kind {
        LIBRARY("writethrough"),
        CHANNEL("FileChannel.read"),
        MAPPING("a mapping");

        private final String title;

        Kind(final String title) {
            this.title = title;
        }
    }

    private final Path directory;
    private final Path group;
    private final long limit;
    private final int rounds;
    private final double seconds;

    private Pressure(final String[] arguments) {
        this.directory = Path.of(arguments[0]);
        this.group = Path.of(arguments[1]);
        this.limit = Long.parseLong(arguments[2]) << 20;
        this.rounds = Integer.parseInt(arguments[3]);
        this.seconds = Double.parseDouble(arguments[4]);
    }

    /** Arguments: a directory, the file of a control group that takes processes, its limit in MiB, rounds, seconds. */
    public static void main(final String[] arguments) throws Exception {
        if (arguments[0].equals("--reads")) {
            tellReads(arguments);
            return;
        } else if (arguments[0].equals("--arrivals")) {
            tellArrivals(arguments);
            return;
        }
        new Pressure(arguments).run();
    }

    private void run() throws Exception {
        final Path data = directory.resolve("pressure");
        final Path bulk = directory.resolve("pressure-bulk");
        try {
            fill(data);
            System.out.printf(
                    Locale.ROOT,
                    "Reads of 4 KiB at random over %d MiB, memory of %d MiB%n%n| threads |",
                    limit * TIMES_THE_LIMIT >> 20,
                    limit >> 20);
            for (final Kind kind : Kind.values()) {
                System.out.print(" " + kind.title + ", reads/s |");
            }
            System.out.println("\n| ---: | ---: | ---: | ---: |");
            for (final int threads : THREADS) {
                final Map<Kind, List<Double>> rates = new EnumMap<>(Kind.class);
                for (int round = 0; round < rounds; round++) {
                    for (final Kind kind : Kind.values()) {
                        rates.computeIfAbsent(kind, of -> new ArrayList<>())
                                .add(measure("--reads", kind, data, Integer.toString(threads)));
                    }
                }
                System.out.print("| " + threads + " |");
                tell(rates, true);
            }
            System.out.printf(
                    Locale.ROOT,
                    "%n10,000 reads of 4 KiB a second over %d MiB, memory of %d MiB: p%.0f in us%n%n| beside them | %s | %s |%n| --- | ---: | ---: |%n",
                    limit / TIMES_THE_LIMIT >> 20,
                    limit >> 20,
                    PERCENTILE,
                    Kind.LIBRARY.title,
                    Kind.CHANNEL.title);
            for (final boolean isBeside : new boolean[] {false, true}) {
                final Map<Kind, List<Double>> times = new EnumMap<>(Kind.class);
                for (int round = 0; round < rounds; round++) {
                    for (final Kind kind : List.of(Kind.LIBRARY, Kind.CHANNEL)) {
                        times.computeIfAbsent(kind, of -> new ArrayList<>())
                                .add(measure("--arrivals", kind, data, isBeside ? bulk.toString() : "-"));
                        Files.deleteIfExists(bulk);
                    }
                }
                System.out.print(isBeside ? "| a writer of 1 MiB at a time |" : "| nothing |");
                tell(times, false);
            }
        } finally {
            Files.deleteIfExists(data);
            Files.deleteIfExists(bulk);
        }
    }

    /* Each value with the library's ratio to it in the same round. */
    private static void tell(final Map<Kind, List<Double>> values, final boolean isRate) {
        final List<Double> own = values.get(Kind.LIBRARY);
        for (final Map.Entry<Kind, List<Double>> of : values.entrySet()) {
            System.out.printf(
                    Locale.ROOT,
                    isRate ? " %,.0f" : " %,.1f",
                    Spread.of(of.getValue()).median());
            if (of.getKey() != Kind.LIBRARY) {
                final List<Double> ratios = new ArrayList<>();
                for (int i = 0; i < own.size(); i++) {
                    ratios.add(own.get(i) / of.getValue().get(i));
                }
                final Spread spread = Spread.of(ratios);
                System.out.printf(Locale.ROOT, ": %.2f (%.2f..%.2f)", spread.median(), spread.least(), spread.most());
            }
            System.out.print(" |");
        }
        System.out.println();
    }

    private void fill(final Path path) throws IOException {
        final byte[] bytes = new byte[CHUNK];
        new SplittableRandom(1).nextBytes(bytes);
        try (FileChannel channel = FileChannel.open(
                path, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            for (long at = 0; at < limit * TIMES_THE_LIMIT; at += CHUNK) {
                channel.write(ByteBuffer.wrap(bytes), at);
            }
            channel.force(true);
        }
    }

    private double measure(final String what, final Kind kind, final Path data, final String last) throws Exception {
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "1");
        final List<String> command =
                new ArrayList<>(List.of("sh", "-c", "echo $$ > \"$0\" && exec \"$@\"", group.toString()));
        command.addAll(List.of(
                ProcessHandle.current().info().command().orElse("java"),
                HEAP,
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Pressure.class.getName(),
                what,
                kind.name(),
                data.toString(),
                Long.toString(limit),
                Double.toString(seconds),
                last));
        final Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output = process.inputReader()) {
            final String line = output.readLine();
            if (process.waitFor() != 0 || line == null) {
                throw new IllegalStateException(what + " " + kind + ": exit status " + process.exitValue());
            }
            return Double.parseDouble(line);
        }
    }

    // ---- in a JVM of its own ----

    private interface Read {
        void at(ByteBuffer into, long position) throws IOException;
    }

    /* Half of the limit is the cache's; the kernel has for its own what the JVM leaves. */
    private static WriteThroughEngine engine(final long limit) throws IOException {
        return WriteThroughEngine.builder().cacheBytes(limit / 2).build();
    }

    private static Read open(final Kind kind, final Path data, final WriteThroughEngine engine) throws IOException {
        switch (kind) {
            case LIBRARY -> {
                final WriteThroughFile file = engine.open(data, StandardOpenOption.READ);
                return file::read;
            }
            case CHANNEL -> {
                final FileChannel channel = FileChannel.open(data, StandardOpenOption.READ);
                return channel::read;
            }
            default -> {
                final FileChannel channel = FileChannel.open(data, StandardOpenOption.READ);
                final List<MappedByteBuffer> parts = new ArrayList<>();
                for (long at = 0; at < channel.size(); at += 1 << 30) {
                    parts.add(channel.map(MapMode.READ_ONLY, at, Math.min(1 << 30, channel.size() - at)));
                }
                return (into, position) ->
                        into.put(0, parts.get((int) (position >> 30)), (int) (position & (1 << 30) - 1), PAGE);
            }
        }
    }

    private static void tellReads(final String[] arguments) throws Exception {
        final Kind kind = Kind.valueOf(arguments[1]);
        final Path data = Path.of(arguments[2]);
        final double seconds = Double.parseDouble(arguments[4]);
        final int threads = Integer.parseInt(arguments[5]);
        try (WriteThroughEngine engine = engine(Long.parseLong(arguments[3]))) {
            final Read read = open(kind, data, engine);
            final long pages = Files.size(data) / PAGE;
            readFor(read, threads, pages, seconds); // fills what memory there is, and compiles
            System.out.println(readFor(read, threads, pages, seconds) / seconds);
        }
    }

    private static double readFor(final Read read, final int threads, final long pages, final double seconds)
            throws InterruptedException, ExecutionException {
        final ExecutorService executor = Executors.newFixedThreadPool(threads);
        final long end = System.nanoTime() + (long) (seconds * 1e9);
        final List<Future<Long>> counts = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            final SplittableRandom random = new SplittableRandom(i + System.nanoTime());
            counts.add(executor.submit(() -> {
                final ByteBuffer into = ByteBuffer.allocateDirect(PAGE);
                long count = 0;
                for (; System.nanoTime() < end; count++) {
                    read.at(into.clear(), random.nextLong(pages) * PAGE);
                }
                return count;
            }));
        }
        double sum = 0;
        for (final Future<Long> count : counts) {
            sum += count.get();
        }
        executor.shutdown();
        return sum;
    }

    private static void tellArrivals(final String[] arguments) throws Exception {
        final Kind kind = Kind.valueOf(arguments[1]);
        final Path data = Path.of(arguments[2]);
        final long limit = Long.parseLong(arguments[3]);
        final double seconds = Double.parseDouble(arguments[4]);
        final ExecutorService executor = Executors.newSingleThreadExecutor();
        try (WriteThroughEngine engine = engine(limit)) {
            final Read read = open(kind, data, engine);
            final long bytes = limit / TIMES_THE_LIMIT;
            final ByteBuffer into = ByteBuffer.allocateDirect(PAGE);
            for (int pass = 0; pass < 2; pass++) {
                for (long at = 0; at < bytes; at += PAGE) {
                    read.at(into.clear(), at);
                }
            }
            final long end = System.nanoTime() + (long) (2 * seconds * 1e9);
            final Future<?> writer = arguments[5].equals("-")
                    ? null
                    : executor.submit(() -> {
                        writeUntil(end, kind, Path.of(arguments[5]), engine, limit * TIMES_THE_LIMIT);
                        return null;
                    });
            final Histogram times = new Histogram(3);
            final SplittableRandom random = new SplittableRandom(1);
            final long begun = end - (long) (seconds * 1e9);
            for (long due = System.nanoTime(); due < end; due += ARRIVAL_NANOS) {
                while (System.nanoTime() < due) {
                    Thread.yield();
                }
                read.at(into.clear(), random.nextLong(bytes / PAGE) * PAGE);
                if (due > begun) { // the first half is for the compiler, and for the writer to get ahead
                    times.recordValue(System.nanoTime() - due);
                }
            }
            if (writer != null) {
                writer.get();
            }
            System.out.println(times.getValueAtPercentile(PERCENTILE) / 1e3);
        } finally {
            executor.shutdown();
        }
    }

    /* Over and over: by the library each chunk is durable, by the JDK all that came since the last force. */
    private static void writeUntil(
            final long end, final Kind kind, final Path bulk, final WriteThroughEngine engine, final long bytes)
            throws IOException {
        final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
        if (kind == Kind.LIBRARY) {
            try (WriteThroughFile file = engine.open(
                    bulk, StandardOpenOption.CREATE, StandardOpenOption.WRITE, WriteThroughOption.BACKGROUND)) {
                for (long at = 0; System.nanoTime() < end; at = (at + CHUNK) % bytes) {
                    file.write(chunk.clear(), at, Durability.DSYNC, WriteFlag.DONTCACHE);
                }
            }
            return;
        }
        try (FileChannel channel = FileChannel.open(bulk, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            for (long at = 0; System.nanoTime() < end; at = (at + CHUNK) % bytes) {
                channel.write(chunk.clear(), at);
                if ((at + CHUNK) % FORCED_BYTES == 0) {
                    channel.force(false);
                }
            }
        }
    }
}
