// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * A {@link Histogram} as {@link WriteThroughEngineMXBean} shows it: composite data for JMX. Values are in the unit of the
 * attribute.
 *
 * @since 0.1
 */
public final class HistogramSummary {
    private final Histogram histogram;

    /**
     * The summary of a histogram.
     *
     * @param histogram of what
     */
    public HistogramSummary(final Histogram histogram) {
        this.histogram = histogram;
    }

    /**
     * The count of values.
     *
     * @return as {@link Histogram#count()}
     */
    public long getCount() {
        return histogram.count();
    }

    /**
     * The sum of the values.
     *
     * @return as {@link Histogram#sum()}
     */
    public long getSum() {
        return histogram.sum();
    }

    /**
     * The mean value.
     *
     * @return as {@link Histogram#mean()}
     */
    public double getMean() {
        return histogram.mean();
    }

    /**
     * The value that half of all do not exceed.
     *
     * @return as {@link Histogram#percentile(double)}
     */
    public long getP50() {
        return histogram.percentile(50);
    }

    /**
     * The value that 99 percent do not exceed.
     *
     * @return as {@link Histogram#percentile(double)}
     */
    public long getP99() {
        return histogram.percentile(99);
    }

    /**
     * The value that 99.9 percent do not exceed.
     *
     * @return as {@link Histogram#percentile(double)}
     */
    public long getP999() {
        return histogram.percentile(99.9);
    }

    /**
     * The largest value.
     *
     * @return as {@link Histogram#max()}
     */
    public long getMax() {
        return histogram.max();
    }

    /**
     * The counts of values in 160 classes: values 0 to 3 have a class each, and each power of two from 4 on has four
     * classes of the same width.
     *
     * @return the counts, in the order of the values
     */
    public long[] getCounts() {
        return histogram.counts();
    }
}
