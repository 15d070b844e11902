package io.writethrough.bench;

import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.Fio;
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

/**
 * Runs a workload: opens every contender, warms each up, then rounds in which each has one slice. The order rotates
 * from round to round, so that a machine that drifts harms none more than another.
 */
final class Runner {
    /** A warm-up ends early after so many operations: the compiler has seen enough. */
    private static final long WARM_OPERATIONS = 30_000;

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

    /** A contender that cannot be opened or fails in its warm-up is absent; a later failure ends the run. */
    Result run(Workload workload) throws IOException {
        Duration slice = budget.slice();
        Map<String, Contender> open = new LinkedHashMap<>();
        Map<String, String> absent = new LinkedHashMap<>();
        try {
            for (Entry entry : workload.entries()) {
                prepare(workload, entry, slice, open, absent);
            }
            Map<String, List<String>> commands = new LinkedHashMap<>();
            open.forEach((name, contender) -> {
                if (contender instanceof Fio fio) {
                    commands.put(name, fio.command());
                }
            });
            return new Result(workload, measure(workload, slice, open), absent, commands);
        } finally {
            closeAll(open);
            budget.spend(slices(workload, rounds), slice);
        }
    }

    private void prepare(
            Workload workload, Entry entry, Duration slice, Map<String, Contender> open, Map<String, String> absent) {
        progress.step(workload.id() + ": preparing and warming up " + entry.name());
        try {
            Contender contender = entry.opener().open();
            open.put(entry.name(), contender);
            warm(workload, slice, contender);
        } catch (IOException | UnsupportedOperationException e) {
            absent.put(entry.name(), String.valueOf(e.getMessage()));
            progress.note("SKIPPED: " + entry.name() + " in " + workload.id() + ": " + e.getMessage());
            Contender failed = open.remove(entry.name());
            closeAll(failed == null ? Map.of() : Map.of(entry.name(), failed));
        }
    }

    private void warm(Workload workload, Duration slice, Contender contender) throws IOException {
        // fio is compiled already: it is only to show that it works.
        int slices = contender instanceof Fio ? 1 : WARM_SLICES;
        long nanos = slice.dividedBy(contender instanceof Fio ? 10 : 2).toNanos();
        long operations = 0;
        for (int i = 0; i < slices && operations < WARM_OPERATIONS; i++) {
            operations += contender
                    .run(workload.pattern(-1 - i), nanos, workload.sampleEvery())
                    .operations();
        }
    }

    private Map<String, List<Slice>> measure(Workload workload, Duration slice, Map<String, Contender> open)
            throws IOException {
        List<String> names = List.copyOf(open.keySet());
        Map<String, List<Slice>> slices = new LinkedHashMap<>();
        names.forEach(name -> slices.put(name, new ArrayList<>()));
        for (int round = 0; round < rounds; round++) {
            for (int turn = 0; turn < names.size(); turn++) {
                String name = names.get((round + turn) % names.size());
                progress.step(workload.id() + ": round " + (round + 1) + " of " + rounds + ", " + name);
                slices.get(name).add(measure(workload, slice, open.get(name), round));
            }
        }
        return slices;
    }

    private Slice measure(Workload workload, Duration slice, Contender contender, int round) throws IOException {
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
