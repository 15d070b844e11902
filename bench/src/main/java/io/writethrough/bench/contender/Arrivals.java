// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * When records arrive: a Poisson process. All arrivals are planned beforehand, so that no record that takes long moves
 * the arrival of another.
 */
public final class Arrivals {
    /** No arrival is left. */
    static final long NONE = -1;

    private final long[] offsets;
    private final AtomicInteger taken = new AtomicInteger();

    private Arrivals(long[] offsets) {
        this.offsets = offsets;
    }

    /** So many a second on average for so long. The same seed gives the same arrivals. */
    public static Arrivals poisson(double perSecond, long nanos, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double meanGapNanos = 1e9 / perSecond;
        long[] offsets = new long[(int) (nanos / meanGapNanos * 1.1) + 16];
        int count = 0;
        double at = 0;
        while (true) {
            at -= meanGapNanos * Math.log(1 - random.nextDouble());
            if (at >= nanos) {
                return new Arrivals(Arrays.copyOf(offsets, count));
            }
            if (count == offsets.length) {
                offsets = Arrays.copyOf(offsets, 2 * count);
            }
            offsets[count++] = (long) at;
        }
    }

    /** How many there are. */
    public int count() {
        return offsets.length;
    }

    /** The next one, in nanoseconds after the beginning, or {@link #NONE}. Each is given to one thread. */
    long next() {
        int index = taken.getAndIncrement();
        return index < offsets.length ? offsets[index] : NONE;
    }
}
