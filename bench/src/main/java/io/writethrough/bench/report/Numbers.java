// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.util.Locale;

/** Numbers as a person reads them. What is unknown is a dash. */
public final class Numbers {
    private Numbers() {}

    /** A count with its thousands apart. */
    public static String count(double value) {
        return String.format(Locale.ROOT, "%,.0f", value);
    }

    /** Nanoseconds as microseconds, to three digits or so. */
    public static String micros(double nanos) {
        double micros = nanos / 1000;
        return String.format(Locale.ROOT, micros < 10 ? "%.2f" : "%,.0f", micros);
    }

    /** A number that may be small: commands or bytes per operation, operations per second. */
    public static String small(Double value) {
        return value == null ? "-" : String.format(Locale.ROOT, value < 100 ? "%.2f" : "%,.0f", value);
    }

    /** A ratio: the median of the rounds, and the least and greatest of them. */
    public static String ratio(Spread spread) {
        return spread == null
                ? "-"
                : String.format(Locale.ROOT, "%.2f (%.2f..%.2f)", spread.median(), spread.least(), spread.most());
    }

    /** A number of any size: the median of the rounds, and the least and greatest of them. */
    static String ranged(Spread spread) {
        String format = spread.median() < 10 ? "%.2f (%.2f..%.2f)" : "%,.0f (%,.0f..%,.0f)";
        return String.format(Locale.ROOT, format, spread.median(), spread.least(), spread.most());
    }

    /** Any number, to three digits or so. */
    public static String plain(double value) {
        return String.format(Locale.ROOT, value < 0.1 ? "%.3f" : value < 10 ? "%.2f" : "%,.1f", value);
    }
}
