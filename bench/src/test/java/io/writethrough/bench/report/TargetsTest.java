// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Target.Verdict;
import io.writethrough.bench.workload.Curve;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workload.Entry;
import io.writethrough.bench.workload.Workload.Order;
import io.writethrough.bench.workload.Workloads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TargetsTest {

    private static Slice slice(long operations, long cpuNanosPerOperation) {
        return new Slice(
                operations,
                1_000_000_000L,
                Slice.newHistogram(),
                operations * cpuNanosPerOperation,
                0,
                new DeviceStat.Counters(0, 0, operations / 10, 0, 0));
    }

    private static Collector collector(String id, Map<String, List<Slice>> slices, Map<String, String> absent) {
        List<Entry> entries = slices.keySet().stream()
                .map(name -> new Entry(name, "guarantee", () -> null))
                .toList();
        Workload workload = new Workload(id, "title", 1, 10, Order.SEQUENTIAL, 1, List.of(), entries);
        Collector collector = new Collector();
        collector.add(new Result(workload, slices, absent, Map.of(), Map.of()));
        return collector;
    }

    private static RunReport report(Collector collector) {
        return collector.report(Map.of(), Map.of(), Map.of());
    }

    private static Target only(RunReport report, String nameEnds) {
        List<Target> found = report.targets().stream()
                .filter(target -> target.name().endsWith(nameEnds))
                .toList();
        assertEquals(1, found.size(), () -> found + " end with " + nameEnds);
        return found.get(0);
    }

    @Test
    void aDiskThatTakesNoTimeHasTargetsOfItsOwn() {
        RunReport report = collector(
                        Workloads.OVERWRITE,
                        Map.of(
                                Workloads.LIBRARY,
                                List.of(slice(76, 1)),
                                Workloads.DIRECT_DSYNC,
                                List.of(slice(100, 1)),
                                Workloads.FORCE,
                                List.of(slice(500, 1))),
                        Map.of())
                .report(Map.of(), Map.of(RunReport.INSTANT, "yes"), Map.of());
        assertEquals(1, report.targets().size());
        assertEquals(0.75, only(report, Workloads.DIRECT_DSYNC).bound());
        assertEquals(Verdict.PASS, only(report, Workloads.DIRECT_DSYNC).verdict());
    }

    private static RunReport asyncReport(Map<String, String> storage) {
        Map<String, List<Slice>> slices = Map.of(
                Workloads.LANE, List.of(slice(95, 110)),
                Workloads.FUTURES, List.of(slice(80, 160)),
                Workloads.CALLBACKS, List.of(slice(120, 100)),
                Workloads.ARTEMIS, List.of(slice(90, 100)),
                Workloads.FIO_ASYNC, List.of(slice(100, 100)));
        return collector(Workloads.ASYNC, slices, Map.of()).report(Map.of(), storage, Map.of());
    }

    @Test
    void aLaneIsComparedWithThoseThatHaveNoThreadInBetween() {
        RunReport disk = asyncReport(Map.of());
        assertEquals(
                Verdict.PASS, only(disk, "lane ops/s × " + Workloads.ARTEMIS).verdict());
        assertEquals(
                Verdict.FAIL, only(disk, "lane ops/s × " + Workloads.FIO_ASYNC).verdict());
        assertEquals(1.2, only(disk, "lane CPU time × " + Workloads.FIO_ASYNC).bound());
        assertEquals(
                1.5, only(disk, "futures CPU time × " + Workloads.FIO_ASYNC).bound());
        assertEquals(0.5, only(disk, "lane heap bytes per operation").bound());
        RunReport instant = asyncReport(Map.of(RunReport.INSTANT, "yes"));
        assertEquals(
                Verdict.PASS,
                only(instant, "lane ops/s × " + Workloads.FIO_ASYNC).verdict());
        assertEquals(
                1.2, only(instant, "lane CPU time × " + Workloads.FIO_ASYNC).bound());
        assertEquals(
                0.7, only(instant, "futures ops/s × " + Workloads.FIO_ASYNC).bound());
    }

    private static Curve inFlight(Map<String, List<double[]>> rates) {
        Map<String, Histogram> latency = Map.of(Workloads.LIBRARY, Slice.newHistogram());
        return new Curve("growth-async", "title", "in flight", new int[] {1, 2}, rates, 1, latency);
    }

    @Test
    void atEachLoadTheLinesOfTheLibraryAreComparedWithTheBestOther() {
        Collector collector = new Collector();
        collector.add(inFlight(Map.of(
                Workloads.LIBRARY,
                List.of(new double[] {10, 20}),
                Workloads.LANE,
                List.of(new double[] {20, 20}),
                Workloads.FIO_ASYNC,
                List.of(new double[] {10, 21}),
                "another",
                List.of(new double[] {16, 1}))));
        RunReport report = report(collector);
        assertEquals(
                20 / 21.0,
                only(report, "lane ops/s × the best other, at any load").value(),
                1e-9);
        assertEquals(
                10 / 16.0,
                report.targets().stream()
                        .filter(target -> target.name().startsWith(Workloads.LIBRARY + " ops/s"))
                        .findFirst()
                        .orElseThrow()
                        .value(),
                1e-9);
    }

    private static LatencyCurve.Way way(String name, double p50Micros) {
        Spread any = Spread.of(List.of(1.0));
        Spread p50 = Spread.of(List.of(p50Micros));
        return new LatencyCurve.Way(
                name, any, List.of(new LatencyCurve.Point(null, LatencyCurve.MARK, any, p50, any, any, any)));
    }

    private static RunReport openArrivals(Map<String, String> storage, LatencyCurve.Way... ways) {
        Collector collector = new Collector();
        collector.add(new LatencyCurve("append-open", "title", List.of(ways)));
        return collector.report(Map.of(), storage, Map.of());
    }

    @Test
    void atTheRateOfTheMarkTheLaneDecidesWhereThereIsOne() {
        Map<String, String> instant = Map.of(RunReport.INSTANT, "yes");
        LatencyCurve.Way group = way(Workloads.GROUP_COMMIT, 1);
        LatencyCurve.Way calls = way(Workloads.CALLS, 29);
        LatencyCurve.Way futures = way(Workloads.FUTURES, 40);
        Target best = only(openArrivals(instant, futures, calls, group), "/s");
        assertEquals(29, best.value());
        assertEquals(Verdict.PASS, best.verdict());
        Target lane = only(openArrivals(instant, way(Workloads.LANE, 31), calls, group), "/s");
        assertEquals(31, lane.value());
        assertEquals(Verdict.FAIL, lane.verdict());
        assertTrue(openArrivals(Map.of(), calls).targets().isEmpty());
    }

    @Test
    void eachContenderHasTheBoundOfItsWorkload() {
        RunReport report = report(collector(
                Workloads.APPEND,
                Map.of(
                        Workloads.LIBRARY,
                        List.of(slice(4100, 1)),
                        Workloads.GROUP_COMMIT,
                        List.of(slice(4100, 1)),
                        Workloads.LOCKED,
                        List.of(slice(100, 1)),
                        "another",
                        List.of(slice(4000, 1))),
                Map.of()));
        assertEquals(41, only(report, Workloads.LOCKED).value());
        assertEquals(Verdict.PASS, only(report, Workloads.LOCKED).verdict());
        assertEquals(1.5, only(report, Workloads.GROUP_COMMIT).bound());
        assertEquals(Verdict.FAIL, only(report, Workloads.GROUP_COMMIT).verdict());
        assertEquals(1, only(report, "× another").bound());
        assertEquals(Verdict.PASS, only(report, "× another").verdict());
        assertEquals(0.1, only(report, "disk writes per record").value(), 1e-9);
    }

    @Test
    void processorTimeIsComparedRoundByRound() {
        // The machine gets twice as slow; the ratio stays.
        RunReport report = report(collector(
                Workloads.OVERWRITE,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(100, 210), slice(50, 420)),
                        Workloads.FIO, List.of(slice(100, 200), slice(50, 400))),
                Map.of()));
        Target cpu = only(report, "CPU time × " + Workloads.FIO);
        assertEquals(1.05, cpu.value(), 1e-9);
        assertEquals(0, cpu.noise(), 1e-9);
        assertEquals(Verdict.PASS, cpu.verdict());
    }

    @Test
    void anOpenIsComparedWithThoseThatLockToo() {
        RunReport report = report(collector(
                Workloads.OPEN_CLOSE,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(100, 1)),
                        Workloads.CHANNEL_OPEN, List.of(slice(200, 1)),
                        Workloads.ASYNC_OPEN_LOCKED, List.of(slice(80, 1)),
                        Workloads.CHANNEL_OPEN_LOCKED, List.of(slice(50, 1))),
                Map.of()));
        assertEquals(2, report.targets().size());
        assertEquals(2, only(report, "× " + Workloads.CHANNEL_OPEN_LOCKED).value());
        assertEquals(1.25, only(report, "× " + Workloads.ASYNC_OPEN_LOCKED).value());
    }

    @Test
    void aCommitIsComparedWithTheForceOfTheJdk() {
        RunReport report = report(collector(
                Workloads.COMMIT_8,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(140, 1)),
                        Workloads.EACH_WRITE, List.of(slice(20, 1)),
                        Workloads.FORCE, List.of(slice(100, 1))),
                Map.of()));
        assertEquals(2, report.targets().size());
        assertEquals(1.4, only(report, "ops/s × " + Workloads.FORCE).value(), 1e-9);
        assertEquals(1.3, only(report, "ops/s × " + Workloads.FORCE).bound());
        assertEquals(Verdict.PASS, only(report, "heap bytes per operation").verdict());
    }

    @Test
    void aLogThatGrowsAheadHasTheBoundOfItsWorkloadToo() {
        RunReport report = report(collector(
                Workloads.COMMIT_APPEND,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(490, 1)),
                        Workloads.GROWING_AHEAD, List.of(slice(600, 1)),
                        Workloads.FORCE, List.of(slice(100, 1))),
                Map.of()));
        List<Target> targets = report.targets();
        assertEquals(List.of(4.9, 6.0), targets.stream().map(Target::value).toList());
        targets.forEach(target -> assertEquals(5, target.bound()));
        assertEquals(Verdict.FAIL, targets.get(0).verdict());
        assertEquals(Verdict.PASS, targets.get(1).verdict());
    }

    @Test
    void theForceAtTheEndOfAStreamIsHeldAgainstTheTimeOfTheJdks() {
        RunReport report = report(collector(
                Workloads.COMMIT_STREAM_FORCE,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(1000, 1), slice(400, 1)),
                        Workloads.FORCE, List.of(slice(100, 1), slice(100, 1))),
                Map.of()));
        Target time = report.targets().get(0);
        assertEquals(1, report.targets().size());
        assertEquals((0.1 + 0.25) / 2, time.value(), 1e-9);
        assertEquals(0.2, time.bound());
        assertEquals(Verdict.PASS, time.verdict());
    }

    @Test
    void anAbsentPeerIsSkippedAndAnAbsentLibraryFails() {
        RunReport withoutPeer = report(collector(
                Workloads.OVERWRITE,
                Map.of(Workloads.LIBRARY, List.of(slice(100, 1))),
                Map.of(Workloads.ARTEMIS, "does not load")));
        assertEquals(Verdict.SKIPPED, only(withoutPeer, Workloads.ARTEMIS).verdict());
        RunReport withoutLibrary = report(collector(
                Workloads.OVERWRITE,
                Map.of(Workloads.ARTEMIS, List.of(slice(100, 1))),
                Map.of(Workloads.LIBRARY, "does not open")));
        assertEquals(Verdict.FAIL, only(withoutLibrary, Workloads.ARTEMIS).verdict());
    }

    @Test
    void whatThereWasNoTimeForNeitherPassesNorFails() {
        Workload workload = new Workload(Workloads.OVERWRITE, "title", 1, 10, Order.RANDOM, 1, List.of(), List.of());
        Map<String, String> unmeasured = Map.of(Workloads.LIBRARY, "no time", Workloads.FIO, "no time");
        Collector collector = new Collector();
        collector.add(new Result(workload, Map.of(), Map.of(), unmeasured, Map.of()));
        List<Target> targets = report(collector).targets();
        assertEquals(3, targets.size());
        targets.forEach(target -> assertEquals(Verdict.NOT_MEASURED, target.verdict()));
    }

    @Test
    void whatTheMachineAddsToAStepIsNotTheLibrarys() {
        Collector collector = new Collector();
        collector.add(new Steps(
                "id", "title", "unit", "reference", List.of(new Steps.Step(1, 100, 10), new Steps.Step(2, 210, 20))));
        Target target = report(collector).targets().get(0);
        assertEquals(1.05, target.value(), 1e-9);
        assertEquals(Verdict.PASS, target.verdict());
    }

    @Test
    void aReportThatIsReadAgainIsJudgedAsItWas(@TempDir Path directory) throws IOException {
        Collector collector = collector(
                Workloads.OVERWRITE,
                Map.of(
                        Workloads.LIBRARY, List.of(slice(90, 210), slice(95, 210)),
                        Workloads.FIO, List.of(slice(100, 200), slice(100, 200))),
                Map.of(Workloads.ARTEMIS, "does not load"));
        collector.asyncHeapBytes(12);
        collector.add(new LatencyCurve("id", "title", List.of(way(Workloads.LANE, 1))));
        RunReport report = report(collector);
        Path file = directory.resolve("report.json");
        Files.writeString(file, report.json());
        assertEquals(report.targets(), RunReport.read(file).targets());
        assertEquals(report.json(), RunReport.read(file).json());
    }

    @Test
    void aReportFromBeforeThereWereOpenArrivalsIsRead(@TempDir Path directory) throws IOException {
        RunReport report = report(collector("id", Map.of(Workloads.LIBRARY, List.of(slice(1, 1))), Map.of()));
        Path file = directory.resolve("report.json");
        String older = report.json().replaceFirst("\"latency\" : \\[ \\],\\s*\"scaling\"", "\"scaling\"");
        assertFalse(older.equals(report.json()));
        Files.writeString(file, older);
        assertEquals(report.json(), RunReport.read(file).json());
    }

    @Test
    void aWorkloadWithoutADiskOfItsOwnHasNoCommands() throws IOException {
        Slice unknown = new Slice(10, 1_000_000_000L, Slice.newHistogram(), 0, -1, null);
        RunReport report = report(collector("id", Map.of(Workloads.LIBRARY, List.of(unknown)), Map.of()));
        assertNull(report.workloads().get(0).contenders().get(0).deviceWritesPerOp());
        assertTrue(report.json().contains("\"device_flushes_per_op\" : null"));
    }
}
