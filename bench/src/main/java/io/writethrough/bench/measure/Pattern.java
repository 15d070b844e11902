// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

/**
 * Offsets of successive operations over a span of bytes: at random, in sequence, or at random with a fifth of the span
 * visited four times in five. A pattern with the same seed gives the same offsets, and computing one touches no memory,
 * so that it disturbs no cache.
 */
public final class Pattern {
    /** Coprime to any count of units that has no such large factor: spreads the favoured fifth over the whole span. */
    private static final long SPREAD = 2_147_483_629L;

    private enum Kind {
        SEQUENTIAL,
        RANDOM,
        SKEWED
    }

    private final Kind kind;
    private final int unitBytes;
    private final long units;
    private long state;

    private Pattern(Kind kind, int unitBytes, long units, long seed) {
        this.kind = kind;
        this.unitBytes = unitBytes;
        this.units = units;
        this.state = kind == Kind.SEQUENTIAL ? -1 : seed;
        if (units < 1 || units > 1L << 31) {
            throw new IllegalArgumentException("a span of " + units + " units");
        }
    }

    /** Uniformly random multiples of the unit. */
    public static Pattern random(int unitBytes, long spanBytes, long seed) {
        return new Pattern(Kind.RANDOM, unitBytes, spanBytes / unitBytes, seed);
    }

    /** Random multiples of the unit, four in five of them from one fifth of the span, which is scattered over it. */
    public static Pattern skewed(int unitBytes, long spanBytes, long seed) {
        return new Pattern(Kind.SKEWED, unitBytes, spanBytes / unitBytes, seed);
    }

    /** From the start to the end, again and again. */
    public static Pattern sequential(int unitBytes, long spanBytes) {
        return new Pattern(Kind.SEQUENTIAL, unitBytes, spanBytes / unitBytes, 0);
    }

    /** For one of several threads: the same distribution, other offsets where they are random. */
    public Pattern fork(int thread) {
        return new Pattern(kind, unitBytes, units, state + 0x9E3779B97F4A7C15L * (thread + 1));
    }

    /** The next offset in bytes. */
    public long next() {
        return nextUnit() * unitBytes;
    }

    /** The next offset in units. */
    public long nextUnit() {
        return switch (kind) {
            case SEQUENTIAL -> state = state + 1 == units ? 0 : state + 1;
            case RANDOM -> below(units);
            case SKEWED -> {
                long favoured = Math.max(1, units / 5);
                yield below(5) < 4 ? below(favoured) * SPREAD % units : below(units);
            }
        };
    }

    private long below(long bound) {
        // A linear congruential generator: its upper bits are good, and they are the ones used.
        state = state * 6364136223846793005L + 1442695040888963407L;
        return ((state >>> 33) * bound) >>> 31;
    }
}
