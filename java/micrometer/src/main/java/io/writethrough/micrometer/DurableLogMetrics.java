// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.writethrough.log.DurableLog;
import io.writethrough.log.LogStats;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of a log ({@link LogStats}) as meters, whose names begin with {@code writethrough.log}. The registry asks for
 * the statistics when it needs them, so an append costs no more than without meters.
 *
 * <pre>{@code
 * new DurableLogMetrics(log, Tags.of("log", "orders")).bindTo(registry);
 * }</pre>
 *
 * <p>The base unit of sizes is the byte. A meter does not keep a log reachable. The meters of a closed log show its last values.
 * The log is in the artifact {@code writethrough-log}, which this class alone needs.
 *
 * @since 0.1
 */
public final class DurableLogMetrics implements MeterBinder {
    private static final String PREFIX = "writethrough.log.";

    private final DurableLog log;
    private final Tags tags;

    /**
     * The meters of a log, without tags of their own.
     *
     * @param log a log that is open for appends
     */
    public DurableLogMetrics(final DurableLog log) {
        this(log, Tags.empty());
    }

    /**
     * The meters of a log, with tags.
     *
     * @param log a log that is open for appends
     * @param tags the tags of all meters of this log, to tell several logs apart
     */
    public DurableLogMetrics(final DurableLog log, final Iterable<Tag> tags) {
        this.log = Objects.requireNonNull(log);
        this.tags = Tags.of(tags);
    }

    /**
     * Registers the meters.
     *
     * @param registry the registry that shows the meters; several registries may show one log
     * @throws UnsupportedOperationException if the log is open for reads alone
     */
    @Override
    public void bindTo(final MeterRegistry registry) {
        log.stats();
        count(registry, "appends", null, LogStats::appends);
        count(registry, "appended", "bytes", LogStats::appendedBytes);
        gauge(registry, "appends.under.way", null, LogStats::appendsUnderWay);
        gauge(registry, "start", null, LogStats::start);
        gauge(registry, "durable", null, LogStats::durable);
        gauge(registry, "segments", null, LogStats::segments);
        gauge(registry, "segments.spare", null, LogStats::spareSegments);
        count(registry, "segments.begun", null, LogStats::newSegments);
        count(registry, "segments.prepared", null, LogStats::preparedSegments);
        count(registry, "segments.recycled", null, LogStats::recycledSegments);
        count(registry, "repairs", null, LogStats::repairs);
    }

    private void count(
            final MeterRegistry registry,
            final String name,
            final @Nullable String unit,
            final ToDoubleFunction<LogStats> of) {
        FunctionCounter.builder(PREFIX + name, log, each -> of.applyAsDouble(each.stats()))
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }

    private void gauge(
            final MeterRegistry registry,
            final String name,
            final @Nullable String unit,
            final ToDoubleFunction<LogStats> of) {
        Gauge.builder(PREFIX + name, log, each -> of.applyAsDouble(each.stats()))
                .baseUnit(unit)
                .tags(tags)
                .register(registry);
    }
}
