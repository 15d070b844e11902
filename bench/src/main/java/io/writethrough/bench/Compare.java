package io.writethrough.bench;

import io.writethrough.StorageProfile;
import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.report.Collector;
import io.writethrough.bench.report.HtmlReport;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.report.RunReport;
import io.writethrough.bench.report.TextReport;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The comparison, as one program: see {@link Options#USAGE}. */
public final class Compare {
    private static final long MIB = 1 << 20;

    private final Options options;
    private final TextReport text = new TextReport(System.out);
    private final Collector collector = new Collector();
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
            compare.collector.command("this run", "bench/compare " + String.join(" ", arguments));
            compare.run();
            System.exit(compare.failed ? 1 : 0);
        } catch (IllegalArgumentException e) {
            System.err.println("bench/compare: " + e.getMessage() + "\n\n" + Options.USAGE);
            System.exit(2);
        }
    }

    /** Measures what the options ask for, prints it, and writes the report. */
    static RunReport run(Options options, String command) throws IOException {
        Compare compare = new Compare(options);
        compare.collector.command("this run", command);
        return compare.run();
    }

    private RunReport run() throws IOException {
        requireRoom();
        ProcessHandle.current().info().commandLine().ifPresent(line -> collector.command("Java", line));
        Optional<DeviceStat> device = DeviceStat.under(options.directory());
        Map<String, String> machine = Machine.facts();
        Map<String, String> storage = storage(device);
        Map<String, String> method = method();
        text.heading("machine", machine);
        text.heading("storage", storage);
        text.heading("measured", method);
        try (Scratch scratch = new Scratch(options.directory())) {
            measure(scratch, device);
        }
        RunReport report = collector.report(machine, storage, method);
        text.print(report.targets());
        write(report);
        return report;
    }

    private void write(RunReport report) throws IOException {
        Files.createDirectories(options.output());
        Path json = options.output().resolve("report.json");
        Path page = options.output().resolve("report.html");
        Files.writeString(json, report.json());
        Files.writeString(page, HtmlReport.of(report));
        System.out.println("The report, with charts: " + page);
        System.out.println("The same for programs: " + json);
    }

    private void measure(Scratch scratch, Optional<DeviceStat> device) throws IOException {
        List<Workload> workloads = Workloads.all(scratch, options.quick()).stream()
                .filter(workload -> options.wants(workload.id()))
                .toList();
        double slices = slices(workloads);
        Budget budget = options.slice() == null
                ? Budget.within(options.effort().time(), slices)
                : Budget.of(options.slice(), slices);
        Progress progress = new Progress(System.err, System.console() != null, budget::done, budget::left);
        Runner runner = new Runner(budget, options.rounds(), device, progress);
        for (Workload workload : workloads) {
            attempt(workload.id(), progress, () -> {
                Result result = runner.run(workload);
                progress.clear();
                text.print(collector.add(result));
                failed |= result.absent().keySet().stream().anyMatch(name -> name.startsWith(Workloads.LIBRARY));
            });
        }
        if (options.wants(Workloads.ASYNC)) {
            attempt(
                    Workloads.ASYNC,
                    progress,
                    () -> collector.asyncHeapBytes(Workloads.allocatedBesidesFuture(scratch)));
        }
        if (options.wants(Growth.ID)) {
            attempt(Growth.ID, progress, () -> {
                Growth growth = new Growth(scratch, options, budget, progress);
                List<Curve> curves = growth.run();
                progress.clear();
                curves.forEach(curve -> text.print(collector.add(curve)));
                growth.spend(budget);
            });
        }
        if (options.wants(Scaling.ID)) {
            attempt(Scaling.ID, progress, () -> {
                List<Steps> scaling = new Scaling(scratch, options, budget, progress).run();
                progress.clear();
                scaling.forEach(collector::add);
                scaling.forEach(text::print);
            });
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
            text.failure(id, e);
            collector.failure(id, e);
            failed = true;
        }
    }

    private double slices(List<Workload> workloads) {
        double slices = options.wants(Scaling.ID) ? Scaling.slices(options) : 0;
        slices += options.wants(Growth.ID) ? Growth.slices(options) : 0;
        for (Workload workload : workloads) {
            slices += Runner.slices(workload, options.rounds());
        }
        return slices;
    }

    private void requireRoom() throws IOException {
        long needed = (options.quick() ? 4096 : 8192) * MIB;
        long usable = Files.getFileStore(options.directory()).getUsableSpace();
        if (usable < needed) {
            throw new IllegalArgumentException(options.directory() + " has room for " + usable / MIB + " MiB, needs "
                    + needed / MIB + (options.quick() ? "" : " (--quick needs 4096)"));
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
        facts.put(
                "rounds",
                options.rounds() + " in each workload, every contender in turn, "
                        + (options.slice() == null
                                ? "as long as " + options.effort().time().toMinutes() + " minutes allow"
                                : options.slice().toMillis() + " ms each"));
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
