// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.EngineStats;
import io.writethrough.Histogram;
import io.writethrough.internal.core.Core;
import java.lang.reflect.Constructor;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The statistics of an engine of the C core. {@link EngineStats} is the only list of them: its components of type long are the
 * fields of struct wt_engine_stats, and its histograms are WT_HISTOGRAM_*, both in the order of the header.
 */
public final class EngineCounters {
    private static final RecordComponent[] COMPONENTS = EngineStats.class.getRecordComponents();
    private static final int COUNTERS = (int) Arrays.stream(COMPONENTS)
            .filter(component -> component.getType() == long.class)
            .count();
    private static final Constructor<EngineStats> MAKER = maker();

    private EngineCounters() {}

    private static Constructor<EngineStats> maker() {
        try {
            return EngineStats.class.getConstructor(
                    Arrays.stream(COMPONENTS).map(RecordComponent::getType).toArray(Class<?>[]::new));
        } catch (final NoSuchMethodException e) {
            throw new AssertionError("a record has a constructor of its components", e);
        }
    }

    /** Those of an engine; null if it is closed. */
    public static @Nullable EngineStats of(final long engine) {
        final Object[] values = new Object[COMPONENTS.length];
        for (int which = 0; which < values.length - COUNTERS; which++) {
            final long[] histogram = new long[1 + Histogram.BUCKETS];
            if (Core.histogram(engine, which, histogram) < 0) {
                return null;
            }
            values[COUNTERS + which] = new Histogram(histogram[0], Arrays.copyOfRange(histogram, 1, histogram.length));
        }
        final long[] counters = new long[COUNTERS];
        if (Core.stats(engine, counters) < 0) {
            return null;
        }
        for (int i = 0; i < COUNTERS; i++) {
            values[i] = counters[i];
        }
        try {
            return MAKER.newInstance(values);
        } catch (final ReflectiveOperationException e) {
            throw new IllegalStateException("the constructor of EngineStats does no more than keep its arguments", e);
        }
    }
}
