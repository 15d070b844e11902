// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.micrometer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.writethrough.log.DurableLog;
import io.writethrough.log.LogOptions;
import io.writethrough.log.LogStats;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log's meters. */
class DurableLogMetricsTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(64 << 10).build();

    @TempDir
    Path directory;

    private final MeterRegistry registry = new SimpleMeterRegistry();

    private double count(final String name) {
        return registry.get("writethrough.log." + name).functionCounter().count();
    }

    private double gauge(final String name) {
        return registry.get("writethrough.log." + name).gauge().value();
    }

    @Test
    void metersShowWhatTheLogDidAlsoWhenItIsClosed() throws IOException {
        try (DurableLog log = DurableLog.open(directory.resolve("log"), OPTIONS)) {
            new DurableLogMetrics(log, Tags.of("log", "a")).bindTo(registry);
            log.append(ByteBuffer.allocate(50_000));
            log.append(ByteBuffer.allocate(50_000));
            assertEquals(2, count("appends"));
            assertEquals(log.stats().appendedBytes(), count("appended"));
            assertEquals(1, count("segments.begun"));
            assertEquals(log.durable(), gauge("durable"));
            assertEquals(log.start(), gauge("start"));
            assertEquals(0, gauge("appends.under.way"));
            assertEquals(
                    "a",
                    registry.get("writethrough.log.repairs").meter().getId().getTag("log"));
        }
        assertEquals(2, count("appends"));
        for (final Meter meter : registry.getMeters()) {
            meter.measure()
                    .forEach(each -> assertTrue(
                            Double.isFinite(each.getValue()), meter.getId().toString()));
        }
    }

    @Test
    void eachStatisticHasAMeter() throws IOException {
        final String source =
                Files.readString(Path.of("src/main/java/io/writethrough/micrometer/DurableLogMetrics.java"));
        for (final RecordComponent statistic : LogStats.class.getRecordComponents()) {
            assertTrue(
                    source.contains("LogStats::" + statistic.getName() + ")"), statistic.getName() + " has no meter");
        }
    }
}
