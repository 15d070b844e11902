package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Targets.Target;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Steps;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workloads;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class TargetsTest {

    private static Slice slice(long operations, long deviceWrites) {
        return new Slice(
                operations,
                1_000_000_000L,
                Slice.newHistogram(),
                operations * 1000,
                0,
                new DeviceStat.Delta(deviceWrites, 0, 0));
    }

    private static Target only(List<Target> targets, String nameEnds) {
        return targets.stream()
                .filter(target -> target.name().endsWith(nameEnds))
                .findFirst()
                .orElseThrow();
    }

    private static Targets append(Map<String, List<Slice>> slices) {
        Workload workload = new Workload(
                "append64", "title", 1, 10, true, 1, List.of(Workloads.LOCKED, Workloads.GROUP_COMMIT), List.of());
        Targets targets = new Targets();
        targets.add(new Result(workload, slices, Map.of()));
        return targets;
    }

    @Test
    void aTargetHasTheValueOfTheRun() {
        Targets targets = append(Map.of(
                Workloads.LIBRARY, List.of(slice(3100, 310)),
                Workloads.GROUP_COMMIT, List.of(slice(3100, 100)),
                Workloads.LOCKED, List.of(slice(100, 200))));
        assertEquals(31, only(targets.all(), Workloads.LOCKED).value());
        assertTrue(only(targets.all(), Workloads.LOCKED).reached());
        assertEquals(1, only(targets.all(), Workloads.GROUP_COMMIT).value());
        assertFalse(only(targets.all(), Workloads.GROUP_COMMIT).reached());
        assertEquals(0.1, only(targets.all(), "per record").value());
        assertFalse(only(targets.all(), "per record").reached());
    }

    @Test
    void whatIsUnknownIsNotReached() {
        for (Target target : append(Map.of()).all()) {
            assertTrue(Double.isNaN(target.value()));
            assertFalse(target.reached());
            assertTrue(target.toString().startsWith("unknown"));
        }
    }

    @Test
    void whatTheMachineAddsToAStepIsNotTheLibrarys() {
        Targets targets = new Targets();
        targets.add(new Steps(
                "id", "title", "unit", "reference", List.of(new Steps.Step(1, 100, 10), new Steps.Step(2, 210, 20))));
        assertEquals(1.05, targets.all().get(0).value(), 1e-9);
        assertTrue(targets.all().get(0).reached());
    }
}
