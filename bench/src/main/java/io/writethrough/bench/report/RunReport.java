// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.writethrough.bench.workload.Steps;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one run measured: report.json. Everything else, the tables, the page and the check, is made from it.
 *
 * @param format of this file
 * @param begun as ISO 8601
 * @param commands by what they are for, exactly as they ran
 * @param machine facts about it
 * @param storage facts about the disk, from its profile
 * @param method how it was measured
 * @param workloads in the order in which they ran
 * @param growth throughput against load
 * @param latency against the rate of arrivals
 * @param scaling cost against the number of files and of cached bytes
 * @param asyncHeapBytes that an asynchronous write allocates besides its future; null if that was not measured
 * @param targets what the library is to reach, and what it reached
 */
public record RunReport(
        int format,
        String begun,
        Map<String, String> commands,
        Map<String, String> machine,
        Map<String, String> storage,
        Map<String, String> method,
        List<Workload> workloads,
        List<Growth> growth,
        List<LatencyCurve> latency,
        List<Steps> scaling,
        Double asyncHeapBytes,
        List<Target> targets) {
    /** The fact of the disk that says that the disk takes no time. */
    public static final String INSTANT = "takes no time";

    /** Reports from before there were open arrivals have no curves of latency. */
    public RunReport {
        latency = latency == null ? List.of() : latency;
    }

    /** Whether the disk takes no time. */
    public boolean takesNoTime() {
        return storage.containsKey(INSTANT);
    }

    /** The number of this format. */
    static final int FORMAT = 2;

    private static final ObjectMapper JSON = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    /**
     * A workload.
     *
     * @param id for programs
     * @param title for people
     * @param unitBytes of one operation
     * @param references names of the contenders that the others are divided by
     * @param contenders that were measured
     * @param absent contenders that do not work here, with the reason
     * @param unmeasured contenders for which there was no time, or that did not end in time, with the reason; also those
     *     that have rounds from before
     * @param failure what ended it early; null for nothing
     */
    public record Workload(
            String id,
            String title,
            int unitBytes,
            List<String> references,
            List<Contender> contenders,
            Map<String, String> absent,
            Map<String, String> unmeasured,
            String failure) {

        /** Reports from before there was a deadline have none that it left out. */
        public Workload {
            unmeasured = unmeasured == null ? Map.of() : unmeasured;
        }

        /** One of the contenders, if it was measured. */
        public Optional<Contender> contender(String name) {
            return contenders.stream().filter(one -> one.name().equals(name)).findFirst();
        }
    }

    /**
     * A contender, over all rounds. What is unknown is null.
     *
     * @param name of it
     * @param guarantee what a caller knows when an operation has ended
     * @param roundsOpsPerSecond one number for each round
     * @param roundsCpuNsPerOp processor time of everything that took part, one number for each round
     * @param opsPerSecond of the rounds
     * @param ratios of operations per second against the same rounds of each reference
     * @param latency pairs of a percentile and nanoseconds
     * @param cpuNsPerOp of all rounds together
     * @param heapBytesPerOp allocated by Java
     * @param deviceReadsPerOp commands
     * @param deviceReadBytesPerOp bytes of them
     * @param deviceWritesPerOp commands
     * @param deviceWrittenBytesPerOp bytes of them
     * @param deviceFlushesPerOp commands
     */
    public record Contender(
            String name,
            String guarantee,
            List<Double> roundsOpsPerSecond,
            List<Double> roundsCpuNsPerOp,
            Spread opsPerSecond,
            Map<String, Spread> ratios,
            List<double[]> latency,
            double cpuNsPerOp,
            Double heapBytesPerOp,
            Double deviceReadsPerOp,
            Double deviceReadBytesPerOp,
            Double deviceWritesPerOp,
            Double deviceWrittenBytesPerOp,
            Double deviceFlushesPerOp) {

        /** The latency that so many percent of the operations do not exceed: one of the percentiles that were kept. */
        public double latencyNanos(double percentile) {
            return Percentiles.of(latency, percentile);
        }

        /** Operations per second of this by those of another, round by round: what drifts over rounds drops out. */
        public Spread rateAgainst(Contender other) {
            return Spread.of(quotients(roundsOpsPerSecond, other.roundsOpsPerSecond));
        }

        /** Processor time of an operation of this by that of another, round by round; null where it is too short to tell. */
        public Spread cpuAgainst(Contender other) {
            List<Double> quotients = quotients(roundsCpuNsPerOp, other.roundsCpuNsPerOp);
            return quotients.isEmpty() ? null : Spread.of(quotients);
        }

        private static List<Double> quotients(List<Double> numerators, List<Double> denominators) {
            List<Double> quotients = new ArrayList<>();
            for (int round = 0; round < Math.min(numerators.size(), denominators.size()); round++) {
                double quotient = numerators.get(round) / denominators.get(round);
                if (Double.isFinite(quotient)) {
                    quotients.add(quotient);
                }
            }
            return quotients;
        }
    }

    /**
     * Throughput against load.
     *
     * @param id for programs
     * @param title for people
     * @param unit of the load
     * @param loads from small to large
     * @param opsPerSecond of each contender, one number for each load
     * @param lowestAgainstBest the deepest fall of the library's as the load rises; 1 for none
     * @param halfLoadOpsPerSecond of the library in the run at half of its most
     * @param halfLoadLatency of contenders at that rate, as in {@link Contender}
     */
    public record Growth(
            String id,
            String title,
            String unit,
            int[] loads,
            Map<String, List<Double>> opsPerSecond,
            double lowestAgainstBest,
            double halfLoadOpsPerSecond,
            Map<String, List<double[]>> halfLoadLatency) {}

    /** A workload of this id, if it was measured. */
    public Optional<Workload> workload(String id) {
        return workloads.stream().filter(one -> one.id().equals(id)).findFirst();
    }

    /** With the targets that its numbers give. */
    RunReport judged() {
        return new RunReport(
                format,
                begun,
                commands,
                machine,
                storage,
                method,
                workloads,
                growth,
                latency,
                scaling,
                asyncHeapBytes,
                Targets.of(this));
    }

    /** Reads a file that a run has written, and judges it anew. */
    public static RunReport read(Path file) throws IOException {
        RunReport report = JSON.readValue(file.toFile(), RunReport.class);
        if (report.format != FORMAT) {
            throw new IOException(file + " has format " + report.format + ", and this program reads " + FORMAT);
        }
        return report.judged();
    }

    /** As JSON. */
    public String json() throws IOException {
        return JSON.writeValueAsString(this);
    }
}
