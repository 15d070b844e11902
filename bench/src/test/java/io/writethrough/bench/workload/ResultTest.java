package io.writethrough.bench.workload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.measure.DeviceStat;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.workload.Result.Summary;
import java.util.List;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

final class ResultTest {
    private static final DeviceStat.Delta TWO_WRITES_PER_OPERATION = new DeviceStat.Delta(200, 0, 100);

    private static Slice slice(long operations, DeviceStat.Delta device) {
        Histogram latency = Slice.newHistogram();
        Slice.record(latency, 1000, operations);
        return new Slice(operations, 1_000_000_000L, latency, 5_000 * operations, 0, device);
    }

    private static Result result(Map<String, List<Slice>> slices) {
        return new Result(
                new Workload("id", "title", 1, 10, false, 1, List.of("reference"), List.of()), slices, Map.of());
    }

    @Test
    void aRatioIsTakenRoundByRound() {
        // The machine gets twice as fast in every round; the ratio stays.
        Summary summary = result(Map.of(
                        "mine", List.of(slice(200, null), slice(400, null), slice(800, null)),
                        "reference", List.of(slice(100, null), slice(200, null), slice(400, null))))
                .summary("mine");
        assertEquals(new Result.Spread(2, 2, 2), summary.ratios().get("reference"));
        assertEquals(new Result.Spread(400, 200, 800), summary.rate());
    }

    @Test
    void anAbsentReferenceGivesNoRatio() {
        Summary summary = result(Map.of("mine", List.of(slice(200, null)))).summary("mine");
        assertTrue(summary.ratios().isEmpty());
    }

    @Test
    void deviceCommandsArePerOperationAndUnknownWithoutADevice() {
        Result result = result(
                Map.of("mine", List.of(slice(100, TWO_WRITES_PER_OPERATION)), "other", List.of(slice(100, null))));
        assertEquals(2, result.summary("mine").deviceWritesPerOperation());
        assertEquals(1, result.summary("mine").deviceFlushesPerOperation());
        assertFalse(result.summary("other").deviceWritesPerOperation() >= 0);
    }
}
