package io.writethrough.bench;

import io.writethrough.bench.contender.AppendLibrary;
import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.contender.LibraryAsync;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Scratch;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.HdrHistogram.Histogram;

/**
 * Whether throughput rises, or stays, as the load rises, and whether single operations keep their time at half of the most.
 * Every load runs in every round, and the median counts.
 */
final class Growth {
    /** For the command line. */
    static final String ID = "growth";

    private static final int PAGE = 4096;
    private static final int[] IN_FLIGHT = {1, 2, 4, 8, 16, 32, 64, 128};
    private static final int[] THREADS = {1, 2, 4, 8, 16, 32, 64};
    private static final int HALF_LOAD_SLICES = 4;

    private final Scratch scratch;
    private final long spanBytes;
    private final long nanos;
    private final int rounds;
    private final Progress progress;

    Growth(Scratch scratch, Options options, Progress progress) {
        this.scratch = scratch;
        this.spanBytes = (options.quick() ? 64L : 256L) << 20;
        this.nanos = slice(options).toNanos();
        this.rounds = rounds(options);
        this.progress = progress;
    }

    private static Duration slice(Options options) {
        return options.slice().dividedBy(4);
    }

    private static int rounds(Options options) {
        return Math.min(3, options.rounds());
    }

    /** How long it takes, roughly. */
    static Duration estimate(Options options) {
        int loads = IN_FLIGHT.length + THREADS.length;
        return slice(options).multipliedBy((long) loads * (1 + rounds(options)) + 3L * HALF_LOAD_SLICES);
    }

    List<Curve> run() throws IOException {
        return List.of(overInFlight(), overThreads());
    }

    /** Runs at one load, at no more than so many operations per second; 0 for as many as can be. */
    @FunctionalInterface
    private interface Loaded {
        Slice run(int load, long nanos, double operationsPerSecond) throws IOException;
    }

    private Curve overInFlight() throws IOException {
        Path path = scratch.file("async-" + LibraryAsync.Drive.PERMITS, spanBytes);
        Pattern pattern = Pattern.random(PAGE, spanBytes, 11);
        try (LibraryAsync library = new LibraryAsync(path, PAGE, 1, LibraryAsync.Drive.PERMITS)) {
            Loaded loaded = (load, time, rate) -> library.run(pattern, time, load, rate);
            List<double[]> rates = rates("in flight", IN_FLIGHT, loaded);
            double half = Curve.peak(IN_FLIGHT, rates) / 2;
            int most = IN_FLIGHT[IN_FLIGHT.length - 1];
            Slice atHalf = atHalf(loaded, most, half);
            Path beside = scratch.file("fio", spanBytes);
            try (Contender fio =
                    Fio.asyncOverwrite(beside, spanBytes, PAGE, most).limitedTo(half)) {
                Histogram latency =
                        fio.run(pattern, nanos * HALF_LOAD_SLICES, 1).latency();
                return new Curve(
                        "growth-async",
                        "4 KiB durable overwrites at random, futures, one thread",
                        "in flight",
                        IN_FLIGHT,
                        rates,
                        atHalf.rate(),
                        atHalf.latency(),
                        "fio io_uring direct dsync",
                        latency);
            }
        }
    }

    private Curve overThreads() throws IOException {
        int most = THREADS[THREADS.length - 1];
        try (AppendLibrary library = AppendLibrary.waiting(scratch.log("log-library"), most)) {
            Loaded loaded = (load, time, rate) -> library.run(time, load, rate);
            List<double[]> rates = rates("threads", THREADS, loaded);
            Slice atHalf = atHalf(loaded, most, Curve.peak(THREADS, rates) / 2);
            return new Curve(
                    "growth-append",
                    "128-byte records appended to one log",
                    "threads",
                    THREADS,
                    rates,
                    atHalf.rate(),
                    atHalf.latency(),
                    null,
                    null);
        }
    }

    private List<double[]> rates(String unit, int[] loads, Loaded loaded) throws IOException {
        List<double[]> rates = new ArrayList<>();
        // Round -1 warms up: its figures are thrown away.
        for (int round = -1; round < rounds; round++) {
            double[] ofRound = new double[loads.length];
            for (int turn = 0; turn < loads.length; turn++) {
                int step = Math.floorMod(round + turn, loads.length);
                progress.step(ID + ": " + loads[step] + " " + unit, Duration.ofNanos(nanos));
                ofRound[step] = loaded.run(loads[step], nanos, 0).rate();
            }
            if (round >= 0) {
                rates.add(ofRound);
            }
        }
        return rates;
    }

    private Slice atHalf(Loaded loaded, int load, double rate) throws IOException {
        progress.step(ID + ": half of the most", Duration.ofNanos(nanos * HALF_LOAD_SLICES));
        return loaded.run(load, nanos * HALF_LOAD_SLICES, rate);
    }
}
