// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

final class FioTest {

    private static JsonNode output(int error, int operations) throws JsonProcessingException {
        return new ObjectMapper().readTree("""
                        {"jobs": [{"error": %d, "job_runtime": 2000,
                          "write": {"total_ios": %d, "iops": 500.0,
                            "lat_ns": {"bins": {"1000": 900, "5000": 100}}}}]}
                        """.formatted(error, operations));
    }

    @Test
    void aSliceHasTheOperationsAndTheLatenciesOfTheOutput() throws IOException {
        Slice slice = Fio.parse(output(0, 1000), 500_000_000L);
        assertEquals(1000, slice.operations());
        assertEquals(2_000_000_000L, slice.nanos());
        assertEquals(500_000_000L, slice.cpuNanos());
        assertEquals(1000, slice.latency().getTotalCount());
        assertEquals(1000, slice.latency().getValueAtPercentile(50), 1);
        assertEquals(5000, slice.latency().getValueAtPercentile(99), 4);
    }

    @Test
    void aJobThatReadsHasItsOperationsUnderAnotherName() throws IOException {
        JsonNode read = new ObjectMapper().readTree("""
                        {"jobs": [{"error": 0, "write": {"total_ios": 0},
                          "read": {"total_ios": 100, "iops": 50.0, "lat_ns": {"bins": {"2000": 100}}}}]}
                        """);
        Slice slice = Fio.parse(read, 0);
        assertEquals(100, slice.operations());
        assertEquals(2_000_000_000L, slice.nanos());
    }

    @Test
    void anErrorOfTheJobIsAFailure() throws IOException {
        JsonNode failed = output(22, 1000);
        assertThrows(IOException.class, () -> Fio.parse(failed, 0));
    }

    @Test
    void noOperationIsAFailure() throws IOException {
        JsonNode nothing = output(0, 0);
        assertThrows(IOException.class, () -> Fio.parse(nothing, 0));
    }

    @Test
    void processorTimeIsUserAndSystemTimeOfTheLastLine() throws IOException {
        assertEquals(1_750_000_000L, Fio.cpuNanos("{}\nprocessor seconds: 0.250 1.500\n"));
        assertThrows(IOException.class, () -> Fio.cpuNanos("{}"));
    }

    @Test
    void aProgramThatDoesNotEndIsKilled() {
        List<String> sleeps = List.of("bash", "-c", "sleep 3600 && true");
        assertThrows(Fio.TimedOut.class, () -> Fio.output(sleeps, Duration.ofMillis(50)));
    }
}
