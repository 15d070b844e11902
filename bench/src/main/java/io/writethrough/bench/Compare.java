// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.StorageProfile;
import io.writethrough.bench.contender.Buffers;
import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.report.Collector;
import io.writethrough.bench.report.HtmlReport;
import io.writethrough.bench.report.LatencyCurve;
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
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The comparison, as one program: see {@link Options#USAGE}. */
public final class Compare {
    private static final long MIB = 1 << 20;
    /** For what is under way when the time is over. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Options options;
    private final TextReport text = new TextReport(System.out);
    private final Collector collector = new Collector();
    private volatile boolean failed;

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
        if (options.instant()) {
            Buffers.useOneByte();
        }
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

    /**
     * On a thread of its own, since what hangs cannot be ended: when the time is long over, the report is made of what
     * there is.
     */
    private void measure(Scratch scratch, Optional<DeviceStat> device) throws IOException {
        List<Workload> workloads = Workloads.all(scratch, options.quick()).stream()
                .filter(workload -> options.wants(workload.id()))
                .toList();
        double slices = slices(workloads);
        Budget budget = options.slice() == null
                ? Budget.within(options.effort().time(), slices)
                : Budget.of(options.slice(), slices);
        Progress progress = new Progress(System.err, System.console() != null, budget::done, budget::left);
        FutureTask<Void> measuring =
                new FutureTask<>(() -> measureAll(workloads, scratch, device, budget, progress), null);
        Thread thread = new Thread(measuring, "measuring");
        thread.setDaemon(true);
        thread.start();
        try {
            if (options.slice() == null) {
                measuring.get(options.effort().time().plus(PATIENCE).toMillis(), TimeUnit.MILLISECONDS);
            } else {
                measuring.get();
            }
        } catch (TimeoutException e) {
            gaveUp(workloads, progress);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private void gaveUp(List<Workload> workloads, Progress progress) {
        failed = true;
        String reason = "the run hangs in " + progress.last();
        progress.note("GAVE UP: " + reason);
        ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
        workloads.stream()
                .filter(workload -> !collector.has(workload.id()))
                .forEach(workload -> collector.add(Runner.unmeasured(workload, reason)));
    }

    private void measureAll(
            List<Workload> workloads, Scratch scratch, Optional<DeviceStat> device, Budget budget, Progress progress) {
        Runner runner = new Runner(budget, options.rounds(), device, progress);
        for (Workload workload : workloads) {
            attempt(workload.id(), progress, () -> {
                Result result = runner.run(workload);
                progress.clear();
                text.print(collector.add(result));
                failed |= result.absent().keySet().stream().anyMatch(name -> name.startsWith(Workloads.LIBRARY));
            });
        }
        if (options.wants(Workloads.ASYNC) && inTime("heap bytes besides the future", budget, progress)) {
            attempt(
                    Workloads.ASYNC,
                    progress,
                    () -> collector.asyncHeapBytes(Workloads.allocatedBesidesFuture(scratch)));
        }
        if (options.wants(Latency.ID) && inTime(Latency.ID, budget, progress)) {
            attempt(Latency.ID, progress, () -> {
                LatencyCurve curve = new Latency(scratch, options, budget, progress).run();
                progress.clear();
                collector.add(curve);
                text.print(curve);
            });
        }
        if (options.wants(Growth.ID) && inTime(Growth.ID, budget, progress)) {
            attempt(Growth.ID, progress, () -> {
                Growth growth = new Growth(scratch, options, budget, progress);
                List<Curve> curves = growth.run();
                progress.clear();
                curves.forEach(curve -> text.print(collector.add(curve)));
                growth.spend();
            });
        }
        if (options.wants(Scaling.ID) && inTime(Scaling.ID, budget, progress)) {
            attempt(Scaling.ID, progress, () -> {
                List<Steps> scaling = new Scaling(scratch, options, budget, progress).run();
                progress.clear();
                scaling.forEach(collector::add);
                scaling.forEach(text::print);
            });
        }
    }

    private static boolean inTime(String what, Budget budget, Progress progress) {
        if (budget.over()) {
            progress.note("NOT MEASURED: " + what + ": the time was up");
        }
        return !budget.over();
    }

    @FunctionalInterface
    private interface Part {
        void run() throws IOException;
    }

    /** A part that fails costs its own figures, not those of the others. */
    private void attempt(String id, Progress progress, Part part) {
        try {
            part.run();
        } catch (Budget.Over e) {
            progress.note("NOT MEASURED: " + id + ": " + e.getMessage());
        } catch (IOException e) {
            progress.clear();
            text.failure(id, e);
            collector.failure(id, e);
            failed = true;
        }
    }

    private double slices(List<Workload> workloads) {
        double slices = options.wants(Scaling.ID) ? Scaling.slices(options) : 0;
        slices += options.wants(Latency.ID) ? Latency.slices(options) : 0;
        slices += options.wants(Growth.ID) ? Growth.slices(options) : 0;
        for (Workload workload : workloads) {
            slices += Runner.slices(workload, options.rounds());
        }
        return slices;
    }

    private void requireRoom() throws IOException {
        long needed = (options.quick() ? 1024 : 4096) * MIB;
        long usable = Files.getFileStore(options.directory()).getUsableSpace();
        if (usable < needed) {
            throw new IllegalArgumentException(options.directory() + " has room for " + usable / MIB + " MiB, needs "
                    + needed / MIB + (options.quick() ? "" : " (--quick needs 1024)"));
        }
    }

    private Map<String, String> storage(Optional<DeviceStat> device) throws IOException {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("directory", options.directory().toString());
        if (options.instant()) {
            facts.put(RunReport.INSTANT, "yes: zram, and all bytes are the same");
        }
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
