package io.writethrough.bench;

import io.writethrough.StorageProfile;
import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.report.Report;
import io.writethrough.bench.report.Targets;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The comparison, as one program: see {@link Options#USAGE}. */
public final class Compare {
    private static final long MIB = 1 << 20;

    private final Options options;
    private final Report report = new Report(System.out);
    private final Targets targets = new Targets();
    private boolean failed;

    private Compare(Options options) {
        this.options = options;
    }

    /** Exits with 0 when every workload was measured, 1 when one failed or the library did not work in it, 2 for a wrong argument. */
    public static void main(String[] arguments) throws IOException {
        if (Arrays.asList(arguments).contains("--help")) {
            System.out.print(Options.USAGE);
            return;
        }
        try {
            Compare compare = new Compare(Options.parse(arguments));
            compare.run();
            System.exit(compare.failed ? 1 : 0);
        } catch (IllegalArgumentException e) {
            System.err.println("bench/compare: " + e.getMessage() + "\n\n" + Options.USAGE);
            System.exit(2);
        }
    }

    private void run() throws IOException {
        requireRoom();
        Optional<DeviceStat> device = DeviceStat.under(options.directory());
        report.heading("machine", Machine.facts());
        report.heading("storage", storage(device));
        report.heading("measured", method());
        try (Scratch scratch = new Scratch(options.directory())) {
            measure(scratch, device);
        }
        report.add(targets);
        report.write(options.output());
    }

    private void measure(Scratch scratch, Optional<DeviceStat> device) throws IOException {
        List<Workload> workloads = Workloads.all(scratch, options.quick()).stream()
                .filter(workload -> options.wants(workload.id()))
                .toList();
        boolean terminal = System.console() != null;
        Progress progress = new Progress(System.err, terminal, estimate(workloads));
        Runner runner = new Runner(options.slice(), options.rounds(), device, progress);
        for (Workload workload : workloads) {
            attempt(workload.id(), progress, () -> {
                Result result = runner.run(workload);
                progress.clear();
                report.add(result);
                targets.add(result);
                failed |= result.absent().keySet().stream().anyMatch(name -> name.startsWith(Workloads.LIBRARY));
            });
        }
        if (options.wants(Scaling.ID)) {
            attempt(Scaling.ID, progress, () -> {
                List<Steps> scaling = new Scaling(scratch, options, progress).run();
                progress.clear();
                scaling.forEach(report::add);
                scaling.forEach(targets::add);
            });
        }
        if (options.wants(Growth.ID)) {
            attempt(Growth.ID, progress, () -> {
                List<Curve> growth = new Growth(scratch, options, progress).run();
                progress.clear();
                growth.forEach(report::add);
                growth.forEach(targets::add);
            });
        }
        if (options.wants(Workloads.ASYNC)) {
            attempt(Workloads.ASYNC, progress, () -> targets.addAllocated(Workloads.allocatedBesidesFuture(scratch)));
        }
    }

    @FunctionalInterface
    private interface Part {
        void run() throws IOException;
    }

    /** A part that fails costs its own figures, not those of the others. */
    private void attempt(String id, Progress progress, Part part) {
        try {
            part.run();
        } catch (IOException e) {
            progress.clear();
            report.failure(id, e);
            failed = true;
        }
    }

    private Duration estimate(List<Workload> workloads) {
        Duration total = options.wants(Scaling.ID) ? Scaling.estimate(options) : Duration.ZERO;
        total = total.plus(options.wants(Growth.ID) ? Growth.estimate(options) : Duration.ZERO);
        for (Workload workload : workloads) {
            total = total.plus(Runner.estimate(workload, options));
        }
        return total;
    }

    private void requireRoom() throws IOException {
        long needed = (options.quick() ? 2048 : 4096) * MIB;
        long usable = Files.getFileStore(options.directory()).getUsableSpace();
        if (usable < needed) {
            throw new IllegalArgumentException(options.directory() + " has room for " + usable / MIB + " MiB, needs "
                    + needed / MIB + (options.quick() ? "" : " (--quick needs 2048)"));
        }
    }

    private Map<String, String> storage(Optional<DeviceStat> device) throws IOException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("directory", options.directory().toString());
        facts.put("profile", StorageProfile.of(options.directory()).toString());
        facts.put(
                "counters of", device.map(DeviceStat::name).orElse("no device: this file system has none of its own"));
        return facts;
    }

    private Map<String, String> method() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("rounds", options.rounds() + " of " + options.slice().toMillis() + " ms for each contender, in turn");
        facts.put("ratios", "of operations per second, in the same round: median (least..greatest)");
        facts.put(
                "processor time",
                "of the whole process and the kernel's workers for it, without the just-in-time compilers; of fio without its start");
        facts.put(
                "disk",
                "counters of the whole disk, so of all programs; the kernel counts a flush as a write too where it sends it apart");
        return facts;
    }
}
