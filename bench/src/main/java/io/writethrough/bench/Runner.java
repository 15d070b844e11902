// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.measure.Calm;
import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workload.Entry;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * Runs a workload: opens every contender, warms each up, then rounds in which each has one slice. The order rotates
 * from round to round, so that a machine that drifts harms none more than another.
 */
final class Runner {
    /** A warm-up ends early after so many operations: the compiler has seen enough. */
    private static final long WARM_OPERATIONS = 30_000;

    private static final String TIME_IS_UP = "the time was up";
    private static final int WARM_SLICES = 4;
    /** Of a whole slice, on average. */
    private static final double WARM_UP = 1.3;

    private final Budget budget;
    private final int rounds;
    private final Optional<DeviceStat> device;
    private final Progress progress;

    /** Measures on the disk whose counters are given, if there is one. */
    Runner(Budget budget, int rounds, Optional<DeviceStat> device, Progress progress) {
        this.budget = budget;
        this.rounds = rounds;
        this.device = device;
        this.progress = progress;
    }

    /** How many slices a workload is. */
    static double slices(Workload workload, int rounds) {
        return workload.entries().size() * (rounds + WARM_UP);
    }

    /**
     * A contender that cannot be opened or fails in its warm-up is absent; a later failure ends the run. When the
     * workload has had its part of the time, each contender that has no slice yet gets one; when all of the time is over,
     * those without one stay unmeasured.
     */
    Result run(Workload workload) throws IOException {
        return new One(workload).run();
    }

    /** The result of a workload that has not run. */
    static Result unmeasured(Workload workload, String reason) {
        Map<String, String> all = workload.entries().stream()
                .collect(Collectors.toMap(Entry::name, entry -> reason, (one, other) -> one, LinkedHashMap::new));
        return new Result(workload, Map.of(), Map.of(), all, Map.of());
    }

    /** The run of one workload. */
    private final class One {
        private final Workload workload;
        private final BooleanSupplier late;
        private final Map<String, Contender> open = new LinkedHashMap<>();
        private final Map<String, List<Slice>> slices = new LinkedHashMap<>();
        private final Map<String, String> absent = new LinkedHashMap<>();
        private final Map<String, String> unmeasured = new LinkedHashMap<>();
        private final Map<String, List<String>> commands = new LinkedHashMap<>();

        One(Workload workload) {
            this.workload = workload;
            this.late = budget.part(slices(workload, rounds));
        }

        Result run() throws IOException {
            try {
                Duration warmUp = budget.slice();
                for (Entry entry : workload.entries()) {
                    if (!budget.over()) {
                        prepare(entry, warmUp);
                    }
                }
                measure(budget.slice());
            } finally {
                closeAll(open);
                long measured = slices.values().stream()
                        .flatMap(List::stream)
                        .mapToLong(Slice::nanos)
                        .sum();
                budget.spend(slices(workload, rounds), Duration.ofNanos(measured));
            }
            for (Entry entry : workload.entries()) {
                if (!slices.containsKey(entry.name()) && !absent.containsKey(entry.name())) {
                    unmeasured.putIfAbsent(entry.name(), TIME_IS_UP);
                }
            }
            return new Result(workload, slices, absent, unmeasured, commands);
        }

        private void prepare(Entry entry, Duration slice) {
            String name = entry.name();
            progress.step(workload.id() + ": preparing and warming up " + name);
            try {
                Contender contender = entry.opener().open();
                open.put(name, contender);
                warm(slice, contender);
                if (contender instanceof Fio fio) {
                    commands.put(name, fio.command());
                }
            } catch (Fio.TimedOut e) {
                timedOut(name, e);
            } catch (IOException | UnsupportedOperationException e) {
                absent.put(name, String.valueOf(e.getMessage()));
                progress.note("SKIPPED: " + name + " in " + workload.id() + ": " + e.getMessage());
                Contender failed = open.remove(name);
                closeAll(failed == null ? Map.of() : Map.of(name, failed));
            }
        }

        private void warm(Duration slice, Contender contender) throws IOException {
            // fio is compiled already: it is only to show that it works.
            int most = contender instanceof Fio ? 1 : WARM_SLICES;
            long nanos = slice.dividedBy(contender instanceof Fio ? 10 : 2).toNanos();
            long operations = 0;
            for (int i = 0; i < most && operations < WARM_OPERATIONS && (i == 0 || !late.getAsBoolean()); i++) {
                operations += contender
                        .run(workload.pattern(-1 - i), nanos, workload.sampleEvery())
                        .operations();
            }
        }

        private void measure(Duration slice) throws IOException {
            List<String> names = List.copyOf(open.keySet());
            for (int round = 0; round < rounds && (round == 0 || !late.getAsBoolean()); round++) {
                for (int turn = 0; turn < names.size() && !budget.over(); turn++) {
                    String name = names.get((round + turn) % names.size());
                    if (unmeasured.containsKey(name)) {
                        continue;
                    }
                    progress.step(workload.id() + ": round " + (round + 1) + " of " + rounds + ", " + name);
                    try {
                        Slice measured = Runner.this.measure(workload, slice, open.get(name), round);
                        slices.computeIfAbsent(name, key -> new ArrayList<>()).add(measured);
                    } catch (Fio.TimedOut e) {
                        timedOut(name, e);
                    }
                }
            }
        }

        /** It takes no part in what follows; the rounds that it has count. */
        private void timedOut(String name, Fio.TimedOut e) {
            unmeasured.put(name, e.getMessage());
            progress.note("NOT MEASURED: " + name + " in " + workload.id() + ": " + e.getMessage());
        }
    }

    private Slice measure(Workload workload, Duration slice, Contender contender, int round) throws IOException {
        Calm.await();
        if (device.isEmpty()) {
            return contender.run(workload.pattern(round), slice.toNanos(), workload.sampleEvery());
        }
        DeviceStat.Counters before = device.get().read();
        Slice measured = contender.run(workload.pattern(round), slice.toNanos(), workload.sampleEvery());
        return measured.withDevice(device.get().read().since(before));
    }

    private void closeAll(Map<String, Contender> contenders) {
        contenders.forEach((name, contender) -> {
            try {
                contender.close();
            } catch (IOException e) {
                progress.note("closing " + name + ": " + e);
            }
        });
    }
}
