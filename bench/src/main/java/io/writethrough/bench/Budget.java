package io.writethrough.bench;

import java.time.Duration;

/**
 * How long a contender may run at a time, so that the whole run ends when it was promised: what remains of the time is
 * divided by what remains to be done, less what starting and preparing have taken so far.
 */
final class Budget {
    private static final Duration SHORTEST = Duration.ofMillis(80);
    private static final Duration LONGEST = Duration.ofSeconds(5);
    /** The share of the time that is measuring and not preparing, until the run itself has told. */
    private static final double FIRST_GUESS = 0.6;

    private final Duration total;
    private final Duration fixed;
    private final long begin = System.nanoTime();
    private double slicesLeft;
    private double measuredNanos;

    private Budget(Duration total, Duration fixed, double slices) {
        this.total = total;
        this.fixed = fixed;
        this.slicesLeft = slices;
    }

    /** For so many slices within this time. */
    static Budget within(Duration total, double slices) {
        return new Budget(total, null, slices);
    }

    /** For so many slices of this length, however long that takes. */
    static Budget of(Duration slice, double slices) {
        return new Budget(nanos(slices * slice.toNanos() / FIRST_GUESS), slice, slices);
    }

    private static Duration nanos(double nanos) {
        return Duration.ofNanos((long) nanos);
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - begin);
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

    /** So many slices of this length were measured, or are not needed. */
    void spend(double slices, Duration slice) {
        slicesLeft = Math.max(0, slicesLeft - slices);
        measuredNanos += slices * slice.toNanos();
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
