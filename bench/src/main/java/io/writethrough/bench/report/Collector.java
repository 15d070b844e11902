// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import io.writethrough.bench.measure.DeviceStat.Counters;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.RunReport.Contender;
import io.writethrough.bench.report.RunReport.Growth;
import io.writethrough.bench.report.RunReport.Workload;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workload.Entry;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToLongFunction;
import org.HdrHistogram.Histogram;

/** Gathers what a run measures into its report, which can be had at any time. */
public final class Collector {
    private final String begun = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    private final Map<String, String> commands = new LinkedHashMap<>();
    private final List<Workload> workloads = new ArrayList<>();
    private final List<Growth> growth = new ArrayList<>();
    private final List<LatencyCurve> latency = new ArrayList<>();
    private final List<Steps> scaling = new ArrayList<>();
    private Double asyncHeapBytes;

    /** A command as it ran. */
    public synchronized void command(String what, String command) {
        commands.put(what, command);
    }

    /** The results of one workload. */
    public synchronized Workload add(Result result) {
        Workload workload = of(result);
        result.commands()
                .forEach((name, command) -> commands.put(workload.id() + ": " + name, String.join(" ", command)));
        workloads.add(workload);
        return workload;
    }

    static Workload of(Result result) {
        List<Contender> contenders = new ArrayList<>();
        for (Entry entry : result.workload().entries()) {
            List<Slice> slices = result.slices().get(entry.name());
            if (slices != null) {
                contenders.add(contender(entry, slices));
            }
        }
        List<String> references = result.workload().references();
        List<Contender> compared = contenders.stream()
                .map(contender -> withRatios(contender, references, contenders))
                .toList();
        return new Workload(
                result.workload().id(),
                result.workload().title(),
                result.workload().unitBytes(),
                references,
                compared,
                result.absent(),
                result.unmeasured(),
                null);
    }

    private static Contender contender(Entry entry, List<Slice> slices) {
        double operations = slices.stream().mapToLong(Slice::operations).sum();
        Histogram latency = Slice.newHistogram();
        slices.forEach(slice -> latency.add(slice.latency()));
        List<Double> rates = slices.stream().map(Slice::rate).toList();
        boolean heap = slices.stream().allMatch(slice -> slice.allocatedBytes() >= 0);
        return new Contender(
                entry.name(),
                entry.guarantee(),
                rates,
                slices.stream()
                        .map(slice -> (double) slice.cpuNanos() / slice.operations())
                        .toList(),
                Spread.of(rates),
                Map.of(),
                Percentiles.of(latency),
                slices.stream().mapToLong(Slice::cpuNanos).sum() / operations,
                heap ? slices.stream().mapToLong(Slice::allocatedBytes).sum() / operations : null,
                perOperation(slices, operations, Counters::reads),
                perOperation(slices, operations, Counters::readBytes),
                perOperation(slices, operations, Counters::writes),
                perOperation(slices, operations, Counters::writtenBytes),
                perOperation(slices, operations, Counters::flushes));
    }

    private static Double perOperation(List<Slice> slices, double operations, ToLongFunction<Counters> count) {
        if (slices.stream().anyMatch(slice -> slice.device() == null)) {
            return null;
        }
        return slices.stream().map(Slice::device).mapToLong(count).sum() / operations;
    }

    private static Contender withRatios(Contender one, List<String> references, List<Contender> all) {
        Map<String, Spread> ratios = new LinkedHashMap<>();
        for (Contender other : all) {
            if (references.contains(other.name())) {
                ratios.put(other.name(), one.rateAgainst(other));
            }
        }
        return new Contender(
                one.name(),
                one.guarantee(),
                one.roundsOpsPerSecond(),
                one.roundsCpuNsPerOp(),
                one.opsPerSecond(),
                ratios,
                one.latency(),
                one.cpuNsPerOp(),
                one.heapBytesPerOp(),
                one.deviceReadsPerOp(),
                one.deviceReadBytesPerOp(),
                one.deviceWritesPerOp(),
                one.deviceWrittenBytesPerOp(),
                one.deviceFlushesPerOp());
    }

    /** A workload that could not be measured to its end. */
    public synchronized void failure(String id, Exception failure) {
        workloads.add(new Workload(id, id, 0, List.of(), List.of(), Map.of(), Map.of(), String.valueOf(failure)));
    }

    /** Whether there is something of this workload. */
    public synchronized boolean has(String id) {
        return workloads.stream().anyMatch(workload -> workload.id().equals(id));
    }

    /** Throughput against load. */
    public synchronized Growth add(Curve curve) {
        Map<String, List<Double>> rates = new LinkedHashMap<>();
        for (String name : curve.rates().keySet()) {
            List<Double> ofLoads = new ArrayList<>();
            for (int load = 0; load < curve.loads().length; load++) {
                ofLoads.add(curve.rate(name, load));
            }
            rates.put(name, ofLoads);
        }
        Map<String, List<double[]>> latencies = new LinkedHashMap<>();
        curve.atHalf().forEach((name, histogram) -> latencies.put(name, Percentiles.of(histogram)));
        Growth added = new Growth(
                curve.id(),
                curve.title(),
                curve.unit(),
                curve.loads(),
                rates,
                curve.lowest(),
                curve.halfLoad(),
                latencies);
        growth.add(added);
        return added;
    }

    /** Latency against the rate of arrivals. */
    public synchronized void add(LatencyCurve curve) {
        latency.add(curve);
    }

    /** Cost against size. */
    public synchronized void add(Steps steps) {
        scaling.add(steps);
    }

    /** What an asynchronous write allocates besides its future. */
    public synchronized void asyncHeapBytes(double bytes) {
        asyncHeapBytes = bytes;
    }

    /** All of it, judged. */
    public synchronized RunReport report(
            Map<String, String> machine, Map<String, String> storage, Map<String, String> method) {
        return new RunReport(
                        RunReport.FORMAT,
                        begun,
                        commands,
                        machine,
                        storage,
                        method,
                        List.copyOf(workloads),
                        List.copyOf(growth),
                        List.copyOf(latency),
                        List.copyOf(scaling),
                        asyncHeapBytes,
                        List.of())
                .judged();
    }
}
