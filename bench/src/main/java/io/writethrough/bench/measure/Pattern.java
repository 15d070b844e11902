package io.writethrough.bench.measure;

/**
 * Offsets of successive operations over a span of bytes: at random or in sequence. A pattern with the same seed gives
 * the same offsets, and computing one touches no memory, so that it disturbs no cache.
 */
public final class Pattern {
    private final int unitBytes;
    private final long units;
    private final boolean sequential;
    private long state;

    private Pattern(int unitBytes, long spanBytes, boolean sequential, long seed) {
        this.unitBytes = unitBytes;
        this.units = spanBytes / unitBytes;
        this.sequential = sequential;
        this.state = sequential ? -1 : seed;
        if (units < 1 || units > 1L << 31) {
            throw new IllegalArgumentException("a span of " + units + " units");
        }
    }

    /** Uniformly random multiples of the unit. */
    public static Pattern random(int unitBytes, long spanBytes, long seed) {
        return new Pattern(unitBytes, spanBytes, false, seed);
    }

    /** From the start to the end, again and again. */
    public static Pattern sequential(int unitBytes, long spanBytes) {
        return new Pattern(unitBytes, spanBytes, true, 0);
    }

    /** The next offset in bytes. */
    public long next() {
        return nextUnit() * unitBytes;
    }

    /** The next offset in units. */
    public long nextUnit() {
        if (sequential) {
            state = state + 1 == units ? 0 : state + 1;
            return state;
        }
        // A linear congruential generator: its upper bits are good, and they are the ones used.
        state = state * 6364136223846793005L + 1442695040888963407L;
        return ((state >>> 33) * units) >>> 31;
    }
}
