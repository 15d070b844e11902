// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.util.Arrays;

/**
 * Counts of values by class. Each class is at most a quarter of its least value wide, so what a histogram tells of a
 * value is right to within an eighth. A histogram does not change.
 *
 * @since 0.1
 */
public final class Histogram {
    /** The number of classes of a histogram, as {@code WT_HISTOGRAM_BUCKETS} of the C header has it. */
    public static final int BUCKETS = 160;

    private final long sum;
    private final long[] counts;

    /**
     * A histogram of these values.
     *
     * @param sum of the values
     * @param counts of each class, from the one of the smallest values on: how many there were
     * @throws IllegalArgumentException if there are not as many classes as a histogram has
     */
    public Histogram(final long sum, final long[] counts) {
        if (counts.length != BUCKETS) {
            throw new IllegalArgumentException(counts.length + " classes, must be " + BUCKETS);
        }
        this.sum = sum;
        this.counts = counts.clone();
    }

    /**
     * The count of values.
     *
     * @return their count
     */
    public long count() {
        return Arrays.stream(counts).sum();
    }

    /**
     * The sum of the values.
     *
     * @return their exact sum, in their unit
     */
    public long sum() {
        return sum;
    }

    /**
     * The mean value.
     *
     * @return their sum by their count; 0 if there was none
     */
    public double mean() {
        final long count = count();
        return count == 0 ? 0 : (double) sum / count;
    }

    /**
     * The value that this many percent of all values do not exceed.
     *
     * @param percent above 0, and 100 at most
     * @return the middle of the class that it is in; 0 if there was no value
     * @throws IllegalArgumentException if the percentage is anything else
     */
    public long percentile(final double percent) {
        if (!(percent > 0 && percent <= 100)) {
            throw new IllegalArgumentException("percent is " + percent + ", must be above 0, and 100 at most");
        }
        final long count = count();
        if (count == 0) {
            return 0;
        }
        final long wanted = Math.max(1, (long) Math.ceil(count * percent / 100));
        long seen = 0;
        int bucket = 0;
        while ((seen += counts[bucket]) < wanted) {
            bucket++;
        }
        return middleOf(bucket);
    }

    /**
     * The largest value.
     *
     * @return the middle of its class; 0 if there was no value
     */
    public long max() {
        return percentile(100);
    }

    /**
     * The values that came since an earlier histogram of the same thing.
     *
     * @param earlier the other one
     * @return the values that are in this and not in that
     */
    public Histogram since(final Histogram earlier) {
        final long[] difference = counts.clone();
        for (int i = 0; i < BUCKETS; i++) {
            difference[i] -= earlier.counts[i];
        }
        return new Histogram(sum - earlier.sum, difference);
    }

    /** Of each class, from the one of the smallest values on: how many there were. */
    long[] counts() {
        return counts.clone();
    }

    /** Where a class begins. */
    static long lowerBound(final int bucket) {
        return bucket < 4 ? bucket : (long) (4 + bucket % 4) << (bucket / 4 - 1);
    }

    private static long middleOf(final int bucket) {
        final long width = lowerBound(bucket + 1) - lowerBound(bucket);
        return lowerBound(bucket) + width / 2;
    }

    /**
     * For people.
     *
     * @return the count, the mean and some percentiles
     */
    @Override
    public String toString() {
        return "Histogram[count=" + count() + ", mean=" + Math.round(mean()) + ", p50=" + percentile(50) + ", p99="
                + percentile(99) + ", p99.9=" + percentile(99.9) + ", max=" + max() + "]";
    }
}
