// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.workload.Result;
import io.writethrough.bench.workload.Workload;
import io.writethrough.bench.workload.Workload.Entry;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class RunnerTest {
    private static final int ROUNDS = 5;
    private static final Duration TIME = Duration.ofSeconds(100);

    private final AtomicLong now = new AtomicLong();

    /** Takes so long, whatever it is asked for. */
    private Entry entry(String name, Duration takes) {
        return new Entry(name, "guarantee", () -> new Contender() {
            @Override
            public Slice run(Pattern pattern, long nanos, int sampleEvery) {
                now.addAndGet(takes.toNanos());
                return new Slice(100_000, takes.toNanos(), Slice.newHistogram(), 0, 0, null);
            }

            @Override
            public void close() {
                // It has nothing.
            }
        });
    }

    private Result run(double slicesOfTheRun, Entry... entries) throws IOException {
        Workload workload = new Workload("id", "title", 1, 10, Order.RANDOM, 1, List.of(), List.of(entries));
        Budget budget = Budget.within(TIME, slicesOfTheRun, now::get);
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        Progress progress = new Progress(nowhere, false, budget::done, budget::left);
        return new Runner(budget, ROUNDS, Optional.empty(), progress).run(workload);
    }

    @Test
    void everyRoundIsMeasuredInTime() throws IOException {
        Result result = run(100, entry("one", Duration.ofMillis(1)), entry("two", Duration.ofMillis(1)));
        assertEquals(ROUNDS, result.slices().get("one").size());
        assertEquals(ROUNDS, result.slices().get("two").size());
        assertTrue(result.unmeasured().isEmpty());
    }

    @Test
    void aWorkloadThatIsLateHasOneRoundOfEach() throws IOException {
        Result result = run(1000, entry("one", Duration.ofSeconds(4)), entry("two", Duration.ofSeconds(4)));
        assertEquals(1, result.slices().get("one").size());
        assertEquals(1, result.slices().get("two").size());
        assertTrue(result.unmeasured().isEmpty());
    }

    @Test
    void whenTheTimeIsOverTheOthersStayUnmeasured() throws IOException {
        Result result = run(10, entry("one", TIME.dividedBy(2)), entry("two", TIME), entry("three", TIME));
        assertTrue(result.slices().isEmpty());
        assertEquals(Set.of("one", "two", "three"), result.unmeasured().keySet());
    }
}
