// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.contender.AppendChannel;
import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.AppendGroupCommit;
import io.writethrough.bench.contender.AppendLibrary;
import io.writethrough.bench.contender.Artemis;
import io.writethrough.bench.contender.AsyncChannel;
import io.writethrough.bench.contender.AsyncContender;
import io.writethrough.bench.contender.AsyncWay;
import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.contender.Jasyncfio;
import io.writethrough.bench.contender.LibraryAsync;
import io.writethrough.bench.measure.Calm;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;

/**
 * Whether throughput rises, or stays, as the load rises, beside that of others, and whether single operations keep their
 * time at half of the most. Every load of every contender runs in every round, and the median counts.
 */
final class Growth {
    /** For the command line. */
    static final String ID = "growth";

    private static final int PAGE = 4096;
    private static final int IN_FLIGHT_CONTENDERS = 6;
    private static final int THREAD_CONTENDERS = 3;
    private static final int HALF_LOAD_SLICES = 4;
    /** Of the slices of the workloads. */
    private static final int SHORTER = 2;

    private final Scratch scratch;
    private final long spanBytes;
    private final long nanos;
    private final int rounds;
    private final int[] inFlight;
    private final int[] threads;
    private final double slices;
    private final Budget budget;
    private final Progress progress;

    Growth(Scratch scratch, Options options, Budget budget, Progress progress) {
        this.scratch = scratch;
        this.spanBytes = (options.quick() ? 64L : 256L) << 20;
        this.nanos = budget.slice().toNanos() / SHORTER;
        this.rounds = rounds(options);
        this.inFlight = inFlight(options);
        this.threads = threads(options);
        this.slices = slices(options);
        this.budget = budget;
        this.progress = progress;
    }

    private static int[] inFlight(Options options) {
        return options.quick() ? new int[] {1, 4, 16, 64} : new int[] {1, 2, 4, 8, 16, 32, 64, 128};
    }

    private static int[] threads(Options options) {
        return options.quick() ? new int[] {1, 4, 16, 64} : new int[] {1, 2, 4, 8, 16, 32, 64};
    }

    private static int rounds(Options options) {
        return options.quick() ? 1 : Math.min(3, options.rounds());
    }

    /** How many slices it is. */
    static double slices(Options options) {
        int loads = inFlight(options).length * IN_FLIGHT_CONTENDERS + threads(options).length * THREAD_CONTENDERS;
        return (loads * (0.5 + rounds(options)) + 3.0 * HALF_LOAD_SLICES) / SHORTER;
    }

    /** What it took of the budget. */
    void spend() {
        budget.spend(slices, Duration.ofNanos((long) (slices * nanos * SHORTER)));
    }

    List<Curve> run() throws IOException {
        return List.of(overInFlight(), overThreads());
    }

    /** A contender that runs at any load. */
    @FunctionalInterface
    private interface Loaded {
        Slice run(int load, long nanos) throws IOException;
    }

    private Curve overInFlight() throws IOException {
        int most = inFlight[inFlight.length - 1];
        Pattern pattern = Pattern.random(PAGE, spanBytes, 11);
        Path beside = scratch.file("direct", spanBytes);
        List<Contender> open = new ArrayList<>();
        try (LibraryAsync library =
                        new LibraryAsync(scratch.file("direct", spanBytes), PAGE, 1, LibraryAsync.Drive.PERMITS);
                LibraryAsync lane =
                        new LibraryAsync(scratch.file("direct-3", spanBytes), PAGE, 1, LibraryAsync.Drive.LANE)) {
            Map<String, Loaded> loaded = new LinkedHashMap<>();
            loaded.put(Workloads.LIBRARY, (load, time) -> library.run(pattern, time, load, 0));
            loaded.put(Workloads.LANE, (load, time) -> lane.run(pattern, time, load, 0));
            loaded.put(Workloads.FIO_ASYNC, (load, time) -> fio(beside, load).run(pattern, time, 1));
            String asyncChannel = "AsynchronousFileChannel";
            add(
                    loaded,
                    open,
                    asyncChannel,
                    pattern,
                    most,
                    () -> new AsyncChannel(scratch.file("direct", spanBytes), PAGE, most));
            add(
                    loaded,
                    open,
                    Workloads.JASYNCFIO,
                    pattern,
                    most,
                    () -> new Jasyncfio(scratch.file("direct", spanBytes), PAGE, Jasyncfio.Mode.DIRECT_DSYNC));
            add(
                    loaded,
                    open,
                    Workloads.ARTEMIS,
                    pattern,
                    most,
                    () -> new Artemis(scratch.file("direct", spanBytes), PAGE));
            Map<String, List<double[]>> rates = rates("in flight", inFlight, loaded);
            double half = Curve.peak(rates.get(Workloads.LIBRARY)) / 2;
            progress.step(ID + ": half of the most");
            Calm.await();
            Slice atHalf = library.run(pattern, nanos * HALF_LOAD_SLICES, most, half);
            Map<String, Histogram> latencies = new LinkedHashMap<>();
            latencies.put(Workloads.LIBRARY, atHalf.latency());
            if (rates.containsKey(Workloads.FIO_ASYNC)) {
                try (Contender limited = fio(beside, most).limitedTo(half)) {
                    latencies.put(
                            Workloads.FIO_ASYNC,
                            limited.run(pattern, nanos * HALF_LOAD_SLICES, 1).latency());
                }
            }
            return new Curve(
                    "growth-async",
                    "4 KiB durable overwrites at random, one thread, as many in flight",
                    "in flight",
                    inFlight,
                    rates,
                    atHalf.rate(),
                    latencies);
        } finally {
            for (Contender contender : open) {
                contender.close();
            }
        }
    }

    private Fio fio(Path path, int load) {
        return Fio.asyncOverwrite(path, spanBytes, PAGE, load);
    }

    private void add(
            Map<String, Loaded> loaded,
            List<Contender> open,
            String name,
            Pattern pattern,
            int most,
            AsyncWay.Opener opener) {
        try {
            AsyncContender contender = new AsyncContender(opener.open(), most);
            open.add(contender);
            loaded.put(name, (load, time) -> contender.runAt(load, pattern, time));
        } catch (IOException | UnsupportedOperationException e) {
            progress.note("SKIPPED: " + name + " in " + ID + ": " + e.getMessage());
        }
    }

    private Curve overThreads() throws IOException {
        int most = threads[threads.length - 1];
        try (AppendLibrary library = AppendLibrary.waiting(scratch.log("log-library"), most);
                AppendContender group = new AppendGroupCommit(scratch.log("log-buffered"), most);
                AppendContender locked = new AppendChannel(scratch.log("log-buffered"), most)) {
            Map<String, Loaded> loaded = new LinkedHashMap<>();
            loaded.put(Workloads.LIBRARY, (load, time) -> library.run(time, load, 0));
            loaded.put(Workloads.GROUP_COMMIT, (load, time) -> group.run(time, load, 0));
            loaded.put(Workloads.LOCKED, (load, time) -> locked.run(time, load, 0));
            Map<String, List<double[]>> rates = rates("threads", threads, loaded);
            progress.step(ID + ": half of the most");
            double half = Curve.peak(rates.get(Workloads.LIBRARY)) / 2;
            Calm.await();
            Slice atHalf = library.run(nanos * HALF_LOAD_SLICES, most, half);
            return new Curve(
                    "growth-append",
                    "128-byte records appended to one log, as many threads",
                    "threads",
                    threads,
                    rates,
                    atHalf.rate(),
                    Map.of(Workloads.LIBRARY, atHalf.latency()));
        }
    }

    /** A contender that fails is left out. */
    private Map<String, List<double[]>> rates(String unit, int[] loads, Map<String, Loaded> loaded) throws IOException {
        Map<String, List<double[]>> rates = new LinkedHashMap<>();
        for (Map.Entry<String, Loaded> entry : Map.copyOf(loaded).entrySet()) {
            try {
                warm(unit, loads, entry.getKey(), entry.getValue());
            } catch (Budget.Over e) {
                throw e;
            } catch (IOException e) {
                if (entry.getKey().equals(Workloads.LIBRARY)) {
                    throw e;
                }
                progress.note("SKIPPED: " + entry.getKey() + " in " + ID + ": " + e.getMessage());
                loaded.remove(entry.getKey());
            }
        }
        loaded.keySet().forEach(name -> rates.put(name, new ArrayList<>()));
        for (int round = 0; round < rounds && (round == 0 || !budget.over()); round++) {
            for (List<double[]> rows : rates.values()) {
                rows.add(new double[loads.length]);
            }
            for (int turn = 0; turn < loads.length; turn++) {
                int step = (round + turn) % loads.length;
                for (Map.Entry<String, Loaded> entry : loaded.entrySet()) {
                    if (round > 0 && budget.over()) {
                        rates.values().forEach(rows -> rows.remove(rows.size() - 1));
                        return rates;
                    }
                    budget.requireTime();
                    progress.step(ID + ": " + loads[step] + " " + unit + ", " + entry.getKey());
                    Calm.await();
                    Slice slice = entry.getValue().run(loads[step], nanos);
                    rates.get(entry.getKey()).get(round)[step] = slice.rate();
                }
            }
        }
        return rates;
    }

    private void warm(String unit, int[] loads, String name, Loaded loaded) throws IOException {
        progress.step(ID + ": warming up " + name);
        for (int load : loads) {
            budget.requireTime();
            loaded.run(load, nanos / 2);
        }
    }
}
