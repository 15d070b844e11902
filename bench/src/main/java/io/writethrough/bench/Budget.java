// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * How long a contender may run at a time, so that the whole run ends when it was promised: what remains of the time is
 * divided by what remains to be done, less what starting and preparing have taken so far. When the time is over, nothing
 * further begins.
 */
final class Budget {
    private static final Duration SHORTEST = Duration.ofMillis(80);
    private static final Duration LONGEST = Duration.ofSeconds(5);
    /** The share of the time that is measuring and not preparing, until the run itself has told. */
    private static final double FIRST_GUESS = 0.6;

    private final Duration total;
    private final Duration fixed;
    private final LongSupplier clock;
    private final long begin;
    private double slicesLeft;
    private double measuredNanos;

    private Budget(Duration total, Duration fixed, double slices, LongSupplier clock) {
        this.total = total;
        this.fixed = fixed;
        this.clock = clock;
        this.begin = clock.getAsLong();
        this.slicesLeft = slices;
    }

    /** For so many slices within this time. */
    static Budget within(Duration total, double slices) {
        return within(total, slices, System::nanoTime);
    }

    /** The same by a clock that counts nanoseconds. */
    static Budget within(Duration total, double slices, LongSupplier clock) {
        return new Budget(total, null, slices, clock);
    }

    /** For so many slices of this length, however long that takes. */
    static Budget of(Duration slice, double slices) {
        return new Budget(nanos(slices * slice.toNanos() / FIRST_GUESS), slice, slices, System::nanoTime);
    }

    private static Duration nanos(double nanos) {
        return Duration.ofNanos((long) nanos);
    }

    private Duration elapsed() {
        return Duration.ofNanos(clock.getAsLong() - begin);
    }

    /** How long the next slices are to be. */
    Duration slice() {
        if (fixed != null) {
            return fixed;
        }
        double remaining = total.minus(elapsed()).toNanos();
        Duration slice = nanos(Math.max(0, remaining) * share() / Math.max(1, slicesLeft));
        return slice.compareTo(SHORTEST) < 0 ? SHORTEST : slice.compareTo(LONGEST) > 0 ? LONGEST : slice;
    }

    private double share() {
        double elapsed = elapsed().toNanos();
        double weight = Math.min(1, elapsed / (0.1 * total.toNanos()));
        double seen = Math.max(0.3, Math.min(1, measuredNanos / Math.max(1, elapsed)));
        return weight * seen + (1 - weight) * FIRST_GUESS;
    }

    /** What cannot be told of half, and could not be measured whole. */
    static final class Over extends IOException {
        private static final long serialVersionUID = 1;

        Over() {
            super("the time was up");
        }
    }

    /** Ends what is of no use in part. */
    void requireTime() throws Over {
        if (over()) {
            throw new Over();
        }
    }

    /** Whether nothing further is to begin. Never where the length of a slice was given. */
    boolean over() {
        return fixed == null && elapsed().compareTo(total) >= 0;
    }

    /** Tells when what is made of so many slices, and begins now, has used up its part of the time that is left. */
    BooleanSupplier part(double slices) {
        if (fixed != null) {
            return () -> false;
        }
        long until = elapsed().toNanos() + (long) (left().toNanos() * Math.min(1, slices / Math.max(1, slicesLeft)));
        return () -> elapsed().toNanos() >= until;
    }

    /** So many slices are done or not needed, of which this time was measuring. */
    void spend(double slices, Duration measured) {
        slicesLeft = Math.max(0, slicesLeft - slices);
        measuredNanos += measured.toNanos();
    }

    /** What is left of the time, roughly. */
    Duration left() {
        Duration left = fixed == null ? total.minus(elapsed()) : nanos(slicesLeft * fixed.toNanos() / share());
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** How much of the whole is done, from 0 to 1. */
    double done() {
        double elapsed = elapsed().toNanos();
        return Math.min(0.99, elapsed / Math.max(1, elapsed + left().toNanos()));
    }
}
