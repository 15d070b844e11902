// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.util.List;
import java.util.Optional;

/**
 * How long operations take that arrive by a plan, against the rate of their arrivals. The time counts from the planned
 * arrival.
 *
 * @param id for programs
 * @param title for people
 * @param ways of doing the operation
 */
public record LatencyCurve(String id, String title, List<Way> ways) {
    /**
     * Appends of 128 bytes a second of BtrLog (PVLDB 19(10), figure 6), at which half of its appends take up to 70
     * microseconds, and 99 in 100 up to 79.
     */
    public static final double MARK = 35_500;

    /**
     * One way.
     *
     * @param name of it
     * @param mostPerSecond operations that it does without pauses
     * @param points by rate, from small to large; then those that do not depend on the most
     */
    public record Way(String name, Spread mostPerSecond, List<Point> points) {

        /** At this rate, if it was measured. */
        Optional<Point> at(double arrivalsPerSecond) {
            return points.stream()
                    .filter(point -> point.arrivalsPerSecond() == arrivalsPerSecond)
                    .findFirst();
        }
    }

    /**
     * One rate, over all rounds.
     *
     * @param percentOfMost of the way; null for a rate that is the same for all ways
     * @param arrivalsPerSecond that were planned
     * @param opsPerSecond that were done
     * @param p50Micros from the planned arrival until an operation is done
     * @param p99Micros the same
     * @param p999Micros the same
     * @param lateP50Micros from the planned arrival until an operation begins: a part of those
     */
    public record Point(
            Double percentOfMost,
            double arrivalsPerSecond,
            Spread opsPerSecond,
            Spread p50Micros,
            Spread p99Micros,
            Spread p999Micros,
            Spread lateP50Micros) {}
}
