// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static java.util.Map.entry;

import io.writethrough.bench.report.RunReport.Contender;
import io.writethrough.bench.report.RunReport.Growth;
import io.writethrough.bench.report.RunReport.Workload;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workloads;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;

/** What the library is to reach, beside what a run measured. Of workloads that did not run nothing is said. */
final class Targets {
    /** What still counts as none: the first slice pays for what is allocated once. */
    private static final double NO_BYTES = 0.5;
    /** The bounds of contenders that the library is to beat by more than a little, or may lose to by a little. */
    private static final Map<String, Map<String, Double>> BOUNDS = Map.ofEntries(
            entry(Workloads.OVERWRITE, Map.of(Workloads.FIO, 0.97)),
            entry(Workloads.SEQUENTIAL, Map.of(Workloads.FIO, 0.97)),
            entry(Workloads.APPEND, Map.of(Workloads.GROUP_COMMIT, 1.5, Workloads.LOCKED, 40.0)),
            entry(Workloads.COMMIT_1, Map.of(Workloads.FORCE, 1.15, Workloads.AT_ONCE, 0.95)),
            entry(Workloads.COMMIT_8, Map.of(Workloads.FORCE, 1.3, Workloads.AT_ONCE, 0.95)),
            entry(Workloads.COMMIT_32, Map.of(Workloads.FORCE, 1.3)),
            entry(Workloads.COMMIT_APPEND, Map.of(Workloads.FORCE, 5.0)),
            entry(Workloads.COMMIT_WRITES, Map.of(Workloads.FORCE, 1.5)),
            entry(Workloads.MAPPED_1, Map.of(Workloads.MAPPED_FORCE, 3.0)),
            entry(Workloads.MAPPED_16, Map.of(Workloads.MAPPED_FORCE, 6.0)),
            entry(Workloads.MAPPED_1M, Map.of(Workloads.MAPPED_FORCE, 2.0)),
            entry(Workloads.READ, Map.of(Workloads.CHANNEL_READ, 2.5, Workloads.MAPPED, 0.9)),
            entry(Workloads.READ_DIRECT, Map.of(Workloads.CHANNEL_READ, 2.5, Workloads.MAPPED, 0.9)),
            entry(Workloads.READ_SMALL, Map.of(Workloads.CHANNEL_READ, 6.0)),
            entry(Workloads.READ_HOT, Map.of(Workloads.CHANNEL_READ, 6.0)),
            entry(Workloads.PIN_HOT, Map.of(Workloads.MAPPED_SUM, 0.85)),
            entry(Workloads.READ_COLD, Map.of(Workloads.FIO_READ, 0.95)));

    /** The most that the force at the end of a stream takes, as a share of the JDK's time. */
    private static final double STREAM_FORCE = 0.2;

    /** The same on a disk that takes no time: only these are judged. */
    private static final Map<String, Map<String, Double>> INSTANT_BOUNDS = Map.ofEntries(
            entry(Workloads.OVERWRITE, Map.of(Workloads.DIRECT_DSYNC, 0.75)),
            entry(Workloads.OVERWRITE_2, Map.of(Workloads.DIRECT_DSYNC, 0.75)),
            entry(Workloads.APPEND, Map.of(Workloads.GROUP_COMMIT, 2.0)),
            entry(Workloads.COMMIT_1, Map.of(Workloads.FORCE, 1.15)),
            entry(Workloads.COMMIT_8, Map.of(Workloads.FORCE, 1.3)),
            entry(Workloads.COMMIT_32, Map.of(Workloads.FORCE, 1.3)),
            entry(Workloads.COMMIT_STREAM, Map.of(Workloads.FORCE, 1.0)),
            entry(Workloads.COMMIT_APPEND, Map.of(Workloads.FORCE, 5.0)),
            entry(Workloads.COMMIT_WRITES, Map.of(Workloads.FORCE, 1.5)),
            entry(Workloads.PAGES, Map.of(Workloads.DIRECT_CACHED, 1.3)));

    private static final Map<String, Double> INSTANT_FUTURES =
            Map.of(Workloads.FIO_ASYNC, 0.7, Workloads.ASYNC_CHANNEL, 1.1);

    private static final double INSTANT_LANE = 0.9;

    /** Futures hand over between two threads. */
    private static final double FUTURES_CPU = 1.5;

    /** A line of the chart against the best other line, at each load. */
    private static final double ANY_LOAD = 0.95;

    /** The most that half of the appends take at {@link LatencyCurve#MARK}. */
    private static final double INSTANT_APPEND_MICROS = 30;

    private static final double PAGES = 1.5;
    private static final double AT_LEAST_EQUAL = 1;
    /**
     * Those that give less: no read of a mapping is atomic, and an error of the disk is a fault; a file that is only opened is locked
     * against nobody; a force of memory that nobody has stored into looks at no page.
     */
    private static final Map<String, Set<String>> UNLIKE = Map.of(
            Workloads.READ_SMALL,
            Set.of(Workloads.MAPPED),
            Workloads.READ_HOT,
            Set.of(Workloads.MAPPED),
            Workloads.MAPPED_CLEAN,
            Set.of(Workloads.MAPPED_FORCE_ALL),
            Workloads.APPEND_ASYNC,
            Set.of(Workloads.LIBRARY),
            Workloads.OPEN_CLOSE,
            Set.of(
                    Workloads.CHANNEL_OPEN,
                    Workloads.RANDOM_OPEN,
                    Workloads.ASYNC_OPEN,
                    Workloads.JASYNCFIO,
                    Workloads.ARTEMIS));

    /** An open makes objects, and so does a pin, and a thread that waits for the position of a channel. */
    private static final Set<String> ALLOCATING =
            Set.of(Workloads.OPEN_CLOSE, Workloads.PIN, Workloads.PIN_HOT, Workloads.COMMIT_APPEND);

    private static final Map<String, Double> CPU_BOUNDS = Map.of(Workloads.FIO, 1.1, Workloads.FIO_ASYNC, 1.2);

    private final List<Target> all = new ArrayList<>();

    private Targets() {}

    /** In the order of the report. */
    static List<Target> of(RunReport report) {
        Targets targets = new Targets();
        if (report.takesNoTime()) {
            report.workloads().forEach(targets::addInstant);
            report.latency().forEach(targets::addInstant);
            return List.copyOf(targets.all);
        }
        report.workloads().forEach(targets::add);
        if (report.asyncHeapBytes() != null || report.workload(Workloads.ASYNC).isPresent()) {
            targets.atMost(
                    Workloads.ASYNC,
                    "heap bytes besides the future",
                    report.asyncHeapBytes(),
                    64,
                    true,
                    report.asyncHeapBytes() == null);
        }
        report.growth().forEach(targets::add);
        report.scaling().forEach(targets::add);
        return List.copyOf(targets.all);
    }

    private void add(Workload workload) {
        switch (workload.id()) {
            case Workloads.ASYNC -> {
                against(workload, Workloads.LANE, Workloads.ARTEMIS);
                against(workload, Workloads.LANE, Workloads.FIO_ASYNC);
                heap(workload, Workloads.LANE);
                against(workload, Workloads.FUTURES, Workloads.FIO_ASYNC);
                against(workload, Workloads.CALLBACKS, Workloads.FIO_ASYNC);
                others(workload, Workloads.CALLBACKS, Set.of(Workloads.FUTURES, Workloads.FIO_ASYNC));
            }
            case Workloads.APPEND_ASYNC ->
                more(workload, "ops/s of futures × waiting", Workloads.FUTURES, Workloads.LIBRARY, 2);
            case Workloads.COMMIT_STREAM_FORCE ->
                compare(
                        workload,
                        "time × " + Workloads.FORCE,
                        Workloads.LIBRARY,
                        Workloads.FORCE,
                        (own, other) -> other.rateAgainst(own),
                        STREAM_FORCE,
                        false);
            default -> {
                others(workload, Workloads.LIBRARY, UNLIKE.getOrDefault(workload.id(), Set.of()));
                if (!ALLOCATING.contains(workload.id())) {
                    heap(workload, Workloads.LIBRARY);
                }
            }
        }
        if (workload.id().equals(Workloads.COMMIT_APPEND)) {
            others(workload, Workloads.GROWING_AHEAD, Set.of());
        }
        if (workload.id().equals(Workloads.MAPPED_CLEAN)) {
            workload.contender(Workloads.LIBRARY)
                    .ifPresent(library -> atMost(
                            workload.id(),
                            "ms of a force",
                            1000 / library.opsPerSecond().median(),
                            1,
                            true,
                            false));
        }
        if (workload.id().equals(Workloads.APPEND)) {
            workload.contender(Workloads.LIBRARY)
                    .map(Contender::deviceWritesPerOp)
                    .ifPresent(writes -> atMost(workload.id(), "disk writes per record", writes, 0.05, false, false));
        }
    }

    private void addInstant(Workload workload) {
        boolean async = workload.id().equals(Workloads.ASYNC);
        if (async) {
            compare(
                    workload,
                    Workloads.LANE + " ops/s × " + Workloads.FIO_ASYNC,
                    Workloads.LANE,
                    Workloads.FIO_ASYNC,
                    Contender::rateAgainst,
                    INSTANT_LANE,
                    true);
            compare(
                    workload,
                    Workloads.LANE + " CPU time × " + Workloads.FIO_ASYNC,
                    Workloads.LANE,
                    Workloads.FIO_ASYNC,
                    Contender::cpuAgainst,
                    CPU_BOUNDS.get(Workloads.FIO_ASYNC),
                    false);
            heap(workload, Workloads.LANE);
        }
        String library = async ? Workloads.FUTURES : Workloads.LIBRARY;
        String subject = async ? library + " " : "";
        Map<String, Double> bounds = async ? INSTANT_FUTURES : INSTANT_BOUNDS.getOrDefault(workload.id(), Map.of());
        bounds.entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(bound -> compare(
                        workload,
                        subject + "ops/s × " + bound.getKey(),
                        library,
                        bound.getKey(),
                        Contender::rateAgainst,
                        bound.getValue(),
                        true));
        if (workload.id().equals(Workloads.COMMIT_APPEND)) {
            against(workload, Workloads.GROWING_AHEAD, Workloads.FORCE);
        }
    }

    /** By the lane where there is one, else by the best way of the library. */
    private void addInstant(LatencyCurve curve) {
        boolean lane = curve.ways().stream().anyMatch(way -> way.name().equals(Workloads.LANE));
        curve.ways().stream()
                .filter(way -> way.name().startsWith(lane ? Workloads.LANE : Workloads.LIBRARY))
                .flatMap(way ->
                        way.at(LatencyCurve.MARK).stream().map(point -> Map.entry(way.name(), point.p50Micros())))
                .min(Map.Entry.comparingByValue(Comparator.comparingDouble(Spread::median)))
                .ifPresent(best -> all.add(new Target(
                        curve.id(),
                        best.getKey() + " p50 µs at " + Numbers.count(LatencyCurve.MARK) + "/s",
                        best.getValue().median(),
                        best.getValue().noise(),
                        INSTANT_APPEND_MICROS,
                        false,
                        true,
                        null,
                        false)));
    }

    /** Against every other contender that there was to be. */
    private void others(Workload workload, String library, Set<String> except) {
        List<String> names = new ArrayList<>();
        workload.contenders().forEach(contender -> names.add(contender.name()));
        names.addAll(workload.absent().keySet());
        names.addAll(workload.unmeasured().keySet());
        names.stream()
                .distinct()
                .filter(name -> !name.startsWith(Workloads.LIBRARY) && !except.contains(name))
                .forEach(name -> against(workload, library, name));
    }

    private void against(Workload workload, String library, String other) {
        double bound = workload.id().equals(Workloads.PAGES)
                ? PAGES
                : BOUNDS.getOrDefault(workload.id(), Map.of()).getOrDefault(other, AT_LEAST_EQUAL);
        String subject = library.equals(Workloads.LIBRARY) ? "" : library + " ";
        compare(workload, subject + "ops/s × " + other, library, other, Contender::rateAgainst, bound, true);
        Double cpuBound = workload.id().equals(Workloads.SEQUENTIAL) ? null : CPU_BOUNDS.get(other);
        if (cpuBound != null) {
            double most = library.equals(Workloads.FUTURES) ? FUTURES_CPU : cpuBound;
            compare(workload, subject + "CPU time × " + other, library, other, Contender::cpuAgainst, most, false);
        }
    }

    private void compare(
            Workload workload,
            String name,
            String library,
            String other,
            BiFunction<Contender, Contender, Spread> ratio,
            double bound,
            boolean atLeast) {
        Spread spread = workload.contender(library)
                .flatMap(own -> workload.contender(other).map(against -> ratio.apply(own, against)))
                .orElse(null);
        boolean open = spread == null && !workload.absent().containsKey(library);
        String absent = open ? workload.absent().get(other) : null;
        all.add(new Target(
                workload.id(),
                name,
                spread == null ? null : spread.median(),
                spread == null ? 0 : spread.noise(),
                bound,
                atLeast,
                true,
                absent,
                open && absent == null));
    }

    private void more(Workload workload, String name, String own, String other, double bound) {
        workload.contender(own)
                .flatMap(one -> workload.contender(other).map(one::rateAgainst))
                .ifPresent(spread -> all.add(new Target(
                        workload.id(), name, spread.median(), spread.noise(), bound, true, false, null, false)));
    }

    private void heap(Workload workload, String library) {
        Double bytes =
                workload.contender(library).map(Contender::heapBytesPerOp).orElse(null);
        boolean unmeasured = bytes == null && workload.unmeasured().containsKey(library);
        String subject = library.equals(Workloads.LIBRARY) ? "" : library + " ";
        atMost(workload.id(), subject + "heap bytes per operation", bytes, NO_BYTES, true, unmeasured);
    }

    private void atMost(String workload, String name, Double value, double bound, boolean decides, boolean unmeasured) {
        all.add(new Target(workload, name, value, 0, bound, false, decides, null, unmeasured));
    }

    /** The cost stays flat where the machine's does. */
    private void add(Steps steps) {
        Steps.Step first = steps.steps().get(0);
        double worst = 0;
        for (Steps.Step step : steps.steps()) {
            double machine = Math.max(1, step.referenceNanos() / first.referenceNanos());
            worst = Math.max(worst, step.nanos() / first.nanos() / machine);
        }
        atMost(steps.id(), "dearest step × the first, less what the machine adds", worst, 1.1, false, false);
    }

    /** At each load, against the best of those that are not of this library. */
    private void addAtAnyLoad(Growth growth, String library) {
        List<Double> own = growth.opsPerSecond().get(library);
        if (own == null || growth.opsPerSecond().size() < 2) {
            return;
        }
        double lowest = Double.MAX_VALUE;
        for (int load = 0; load < own.size(); load++) {
            int at = load;
            double best = growth.opsPerSecond().entrySet().stream()
                    .filter(line -> !line.getKey().startsWith(Workloads.LIBRARY))
                    .mapToDouble(line -> line.getValue().get(at))
                    .max()
                    .orElse(0);
            lowest = Math.min(lowest, own.get(load) / best);
        }
        all.add(new Target(
                growth.id(),
                library + " ops/s × the best other, at any load",
                lowest,
                0,
                ANY_LOAD,
                true,
                false,
                null,
                false));
    }

    private void add(Growth growth) {
        if (growth.unit().equals("in flight")) {
            addAtAnyLoad(growth, Workloads.LANE);
            addAtAnyLoad(growth, Workloads.LIBRARY);
        }
        all.add(new Target(
                growth.id(),
                "throughput × the best at a smaller load",
                growth.lowestAgainstBest(),
                0,
                0.95,
                true,
                false,
                null,
                false));
        List<double[]> latency = growth.halfLoadLatency().get(Workloads.LIBRARY);
        atMost(
                growth.id(),
                "p99.9 / p50 at half load",
                Percentiles.of(latency, 99.9) / Percentiles.of(latency, 50),
                3,
                false,
                false);
    }
}
