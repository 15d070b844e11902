// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.micrometer;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.writethrough.EngineStats;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An engine's meters. */
class WriteThroughMetricsTest {
    @TempDir
    Path directory;

    private final MeterRegistry registry = new SimpleMeterRegistry();

    private double count(final String name, final String... tags) {
        return registry.get("writethrough." + name).tags(tags).functionCounter().count();
    }

    private double gauge(final String name, final String... tags) {
        return registry.get("writethrough." + name).tags(tags).gauge().value();
    }

    private void writeFiveTimes(final WriteThroughEngine engine) throws IOException {
        try (WriteThroughFile file = engine.open(directory.resolve("file"), CREATE, READ, WRITE)) {
            for (int i = 0; i < 5; i++) {
                file.write(ByteBuffer.allocate(4096), 4096L * i);
            }
            assertEquals(1, gauge("open.files"));
        }
    }

    @Test
    void metersShowWhatTheEngineDid() throws IOException {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
            new WriteThroughMetrics(engine, Tags.of("engine", "a")).bindTo(registry);
            writeFiveTimes(engine);
            assertEquals(5, count("writes", "result", "success", "engine", "a"));
            assertEquals(0, count("writes", "result", "error"));
            assertEquals(engine.stats().deviceWrites(), count("device.ios", "operation", "write"));
            assertEquals(1 << 20, gauge("cache.limit"));
            assertEquals(0, gauge("in.flight.ios"));
            final var timer = registry.get("writethrough.write.time").functionTimer();
            assertEquals(5, timer.count());
            assertEquals(engine.stats().writeNanos().sum(), timer.totalTime(TimeUnit.NANOSECONDS), 1);
            final double longest = gauge("write.time.percentile", "percentile", "100.0");
            assertEquals(engine.stats().writeNanos().max() / 1e9, longest, 1e-12);
            assertTrue(gauge("write.time.percentile", "percentile", "50.0") <= longest);
        }
    }

    /* How many writes a gather carried is told by the counts of both. */
    @Test
    void eachStatisticHasAMeter() throws IOException {
        final String source =
                Files.readString(Path.of("src/main/java/io/writethrough/micrometer/WriteThroughMetrics.java"));
        for (final RecordComponent statistic : EngineStats.class.getRecordComponents()) {
            final String name = statistic.getName();
            assertTrue(
                    name.equals("writesOfGather") || source.contains("EngineStats::" + name + ")"),
                    name + " has no meter");
        }
    }

    @Test
    void ofAClosedEngineTheLastValuesStay() throws IOException {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        new WriteThroughMetrics(engine).bindTo(registry);
        writeFiveTimes(engine);
        assertEquals(5, count("writes", "result", "success"));
        engine.close();
        assertEquals(5, count("writes", "result", "success"));
        for (final Meter meter : registry.getMeters()) {
            meter.measure()
                    .forEach(each -> assertTrue(
                            Double.isFinite(each.getValue()), meter.getId().toString()));
        }
    }

    @Test
    void metersDoNotKeepAnEngine() throws IOException {
        final WeakReference<WriteThroughEngine> engine = bindAndLose();
        assertNotNull(registry.get("writethrough.gathers").functionCounter());
        for (int i = 0; i < 300 && engine.get() != null; i++) {
            System.gc();
        }
        assertNull(engine.get());
    }

    private WeakReference<WriteThroughEngine> bindAndLose() throws IOException {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        new WriteThroughMetrics(engine).bindTo(registry);
        return new WeakReference<>(engine);
    }
}
