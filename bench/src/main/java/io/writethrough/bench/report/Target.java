// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonProperty.Access;
import java.util.List;
import java.util.Locale;

/**
 * What the library is to reach in one workload, and what it reached.
 *
 * @param workload its id
 * @param name what is compared with what
 * @param value that was measured; null if it was not
 * @param noise of the value, as in {@link Spread}
 * @param bound that it is held against
 * @param atLeast whether the value is to be at least the bound, or at most
 * @param decides whether the check depends on it
 * @param absent why there is nothing to compare with; null if there is
 * @param unmeasured whether there was no time to measure it
 */
public record Target(
        String workload,
        String name,
        Double value,
        double noise,
        double bound,
        boolean atLeast,
        boolean decides,
        String absent,
        boolean unmeasured) {
    /** However noisy a run is, a loss of more than this is one. */
    private static final double MOST_NOISE = 0.1;

    /** What is to be said of a target. */
    public enum Verdict {
        PASS("pass"),
        /** Missed by less than the noise of this run. */
        WITHIN_NOISE("pass, within the noise"),
        FAIL("FAIL"),
        /** What it is to be compared with does not work here. */
        SKIPPED("skipped"),
        /** The time was up before there was a number. */
        NOT_MEASURED("not measured");

        private final String text;

        Verdict(String text) {
            this.text = text;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** Whether it is met. A value of the library that is unknown does not meet anything. */
    @JsonProperty(access = Access.READ_ONLY)
    public Verdict verdict() {
        if (value == null) {
            return absent != null ? Verdict.SKIPPED : unmeasured ? Verdict.NOT_MEASURED : Verdict.FAIL;
        }
        double margin = Math.min(noise, MOST_NOISE * bound);
        double missedBy = atLeast ? bound - value : value - bound;
        return missedBy <= 0 ? Verdict.PASS : missedBy <= margin ? Verdict.WITHIN_NOISE : Verdict.FAIL;
    }

    /** As a row of a table. */
    List<String> cells() {
        String measured = value == null
                ? absent != null ? absent : "not measured"
                : String.format(Locale.ROOT, "%s ± %s", Numbers.plain(value), Numbers.plain(noise));
        return List.of(
                workload,
                name,
                measured,
                (atLeast ? "≥ " : "≤ ") + Numbers.plain(bound),
                verdict().toString());
    }
}
