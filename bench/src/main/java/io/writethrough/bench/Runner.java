package io.writethrough.bench;

import io.writethrough.bench.contender.Contender;
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

    private final Duration slice;
    private final int rounds;
    private final Optional<DeviceStat> device;
    private final Progress progress;

    /** Measures on the disk whose counters are given, if there is one. */
    Runner(Duration slice, int rounds, Optional<DeviceStat> device, Progress progress) {
        this.slice = slice;
        this.rounds = rounds;
        this.device = device;
        this.progress = progress;
    }

    /** How long a workload takes, roughly: for the time left. */
    static Duration estimate(Workload workload, Options options) {
        return options.slice().multipliedBy((long) workload.entries().size() * (options.rounds() + 2));
    }

    /** A contender that cannot be opened or fails in its warm-up is absent; a later failure ends the run. */
    Result run(Workload workload) throws IOException {
        Map<String, Contender> open = new LinkedHashMap<>();
        Map<String, String> absent = new LinkedHashMap<>();
        try {
            for (Entry entry : workload.entries()) {
                prepare(workload, entry, open, absent);
            }
            return new Result(workload, measure(workload, open), absent);
        } finally {
            closeAll(open);
        }
    }

    private void prepare(Workload workload, Entry entry, Map<String, Contender> open, Map<String, String> absent) {
        progress.step(workload.id() + ": preparing and warming up " + entry.name(), Duration.ZERO);
        try {
            Contender contender = entry.opener().open();
            open.put(entry.name(), contender);
            warm(workload, contender);
        } catch (IOException | UnsupportedOperationException e) {
            absent.put(entry.name(), String.valueOf(e.getMessage()));
            progress.note(entry.name() + " does not work here: " + e.getMessage());
            Contender failed = open.remove(entry.name());
            closeAll(failed == null ? Map.of() : Map.of(entry.name(), failed));
        }
        progress.passed(slice.multipliedBy(2));
    }

    private void warm(Workload workload, Contender contender) throws IOException {
        long nanos = slice.dividedBy(2).toNanos();
        long operations = 0;
        for (int i = 0; i < WARM_SLICES && operations < WARM_OPERATIONS; i++) {
            operations += contender
                    .run(workload.pattern(-1 - i), nanos, workload.sampleEvery())
                    .operations();
        }
    }

    private Map<String, List<Slice>> measure(Workload workload, Map<String, Contender> open) throws IOException {
        List<String> names = List.copyOf(open.keySet());
        Map<String, List<Slice>> slices = new LinkedHashMap<>();
        names.forEach(name -> slices.put(name, new ArrayList<>()));
        for (int round = 0; round < rounds; round++) {
            for (int turn = 0; turn < names.size(); turn++) {
                String name = names.get((round + turn) % names.size());
                progress.step(workload.id() + ": round " + (round + 1) + " of " + rounds + ", " + name, slice);
                slices.get(name).add(measure(workload, open.get(name), round));
            }
        }
        return slices;
    }

    private Slice measure(Workload workload, Contender contender, int round) throws IOException {
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
