// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.micrometer;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.FunctionTimer;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.writethrough.EngineStats;
import io.writethrough.Histogram;
import io.writethrough.WriteThroughEngine;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of an engine ({@link EngineStats}) as meters, whose names begin with {@code writethrough}: counts and
 * times of reads, writes, device I/Os and gathers, and the state of the cache and of the I/O in flight. The registry
 * asks for the statistics when it needs them, so an operation costs no more than without meters.
 *
 * <pre>{@code
 * new WriteThroughMetrics(engine, Tags.of("engine", "orders")).bindTo(registry);
 * }</pre>
 *
 * <p>The base unit of sizes is the byte. Times are function timers, which count nanoseconds. Each timer has gauges of
 * percentiles in seconds, since the engine was opened, with the tag {@code percentile}. The engine times 1 in 64 reads
 * from the cache. A meter does not keep an engine reachable. The meters of a closed engine show its last values.
 *
 * @since 0.1
 */
public final class WriteThroughMetrics implements MeterBinder {
    private static final String PREFIX = "writethrough.";
    private static final List<Double> PERCENTILES = List.of(50.0, 99.0, 99.9, 100.0);

    private final WriteThroughEngine engine;
    private final Tags tags;

    /**
     * The meters of an engine, without tags of their own.
     *
     * @param engine the engine, which is open
     */
    public WriteThroughMetrics(final WriteThroughEngine engine) {
        this(engine, Tags.empty());
    }

    /**
     * The meters of an engine, with tags.
     *
     * @param engine the engine, which is open
     * @param tags the tags of all meters of this engine, to tell several engines apart
     */
    public WriteThroughMetrics(final WriteThroughEngine engine, final Iterable<Tag> tags) {
        this.engine = Objects.requireNonNull(engine);
        this.tags = Tags.of(tags);
    }

    /**
     * Registers the meters.
     *
     * @param registry the registry that shows the meters; several registries may show one engine
     * @throws IllegalStateException if the engine is closed
     */
    @Override
    public void bindTo(final MeterRegistry registry) {
        new Binding(registry, engine, tags).bindAll();
    }

    /** The meters of one registry. They know the engine by what the registry gives them, which it may lose. */
    private static final class Binding {
        private final MeterRegistry registry;
        private final WriteThroughEngine engine;
        private final Tags tags;
        private final Last last;

        private Binding(final MeterRegistry registry, final WriteThroughEngine engine, final Tags tags) {
            this.registry = registry;
            this.engine = engine;
            this.tags = tags;
            this.last = new Last(engine.stats());
        }

        private void bindAll() {
            count("reads", "result", "hit", EngineStats::readHits);
            count("reads", "result", "miss", EngineStats::readMisses);
            count("writes", "result", "success", EngineStats::writes);
            count("writes", "result", "error", EngineStats::writeErrors);
            count("device.ios", "operation", "read", EngineStats::deviceReads);
            count("device.ios", "operation", "write", EngineStats::deviceWrites);
            count("device.bytes", "operation", "read", EngineStats::deviceReadBytes);
            count("device.bytes", "operation", "write", EngineStats::deviceWrittenBytes);
            count("device.durable", "by", "fua", EngineStats::fuaWrites);
            count("device.durable", "by", "flush", EngineStats::flushes);
            count("gathers", null, null, EngineStats::gathers);
            count("gathered.writes", null, null, EngineStats::gatheredWrites);
            count("cache.evictions", null, null, EngineStats::evictions);
            count("records.lost", null, null, EngineStats::lostRecords);
            gauge("cache.limit", "bytes", EngineStats::cacheBytes);
            gauge("cache.used", "bytes", EngineStats::cachedBytes);
            gauge("cache.hit.rate", null, EngineStats::hitRate);
            gauge("in.flight.bytes", "bytes", EngineStats::inFlightBytes);
            gauge("in.flight.ios", null, EngineStats::inFlightIos);
            gauge("open.files", null, EngineStats::openFiles);
            gauge("open.inodes", null, EngineStats::openInodes);
            gauge("mapped.files", null, EngineStats::mappedFiles);
            gauge("pinned.bytes", "bytes", EngineStats::pinnedBytes);
            gauge("mapped.bytes", "bytes", EngineStats::mappedBytes);
            gauge("durable.memory.bytes", "bytes", EngineStats::durableMemoryBytes);
            time("read.time", "result", "hit", EngineStats::readHitNanos);
            time("read.time", "result", "miss", EngineStats::readMissNanos);
            time("write.time", null, null, EngineStats::writeNanos);
            time("device.time", "operation", "read", EngineStats::deviceReadNanos);
            time("device.time", "operation", "write", EngineStats::deviceWriteNanos);
            time("queue.time", null, null, EngineStats::queueNanos);
        }

        private Tags with(final @Nullable String key, final @Nullable String value) {
            return key == null || value == null ? tags : tags.and(key, value);
        }

        private void count(
                final String name,
                final @Nullable String key,
                final @Nullable String value,
                final ToDoubleFunction<EngineStats> of) {
            final Last stats = last;
            FunctionCounter.builder(PREFIX + name, engine, each -> of.applyAsDouble(stats.of(each)))
                    .tags(with(key, value))
                    .register(registry);
        }

        private void gauge(final String name, final @Nullable String unit, final ToDoubleFunction<EngineStats> of) {
            final Last stats = last;
            Gauge.builder(PREFIX + name, engine, each -> of.applyAsDouble(stats.of(each)))
                    .baseUnit(unit)
                    .tags(tags)
                    .register(registry);
        }

        private void time(
                final String name,
                final @Nullable String key,
                final @Nullable String value,
                final Function<EngineStats, Histogram> of) {
            final Last stats = last;
            FunctionTimer.builder(
                            PREFIX + name,
                            engine,
                            each -> of.apply(stats.of(each)).count(),
                            each -> of.apply(stats.of(each)).sum(),
                            TimeUnit.NANOSECONDS)
                    .tags(with(key, value))
                    .register(registry);
            for (final double percent : PERCENTILES) {
                Gauge.builder(
                                PREFIX + name + ".percentile",
                                engine,
                                each -> of.apply(stats.of(each)).percentile(percent) / 1e9)
                        .baseUnit("seconds")
                        .tags(with(key, value).and("percentile", Double.toString(percent)))
                        .register(registry);
            }
        }
    }

    /** The last that was heard of an engine: it may be closed at any time. */
    private static final class Last {
        private volatile EngineStats stats;

        private Last(final EngineStats stats) {
            this.stats = stats;
        }

        private EngineStats of(final WriteThroughEngine engine) {
            if (engine.isOpen()) {
                try {
                    stats = engine.stats();
                } catch (final IllegalStateException e) {
                    return stats; // It was closed just now.
                }
            }
            return stats;
        }
    }
}
