// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.measure.Pattern;
import java.util.List;

/**
 * One operation that several contenders do in turn.
 *
 * @param id for the command line and the JSON
 * @param title for people
 * @param unitBytes of one operation
 * @param spanBytes over which the offsets go
 * @param order of the offsets
 * @param sampleEvery one in so many operations is timed by itself
 * @param references names of the contenders that the others are divided by
 * @param entries the contenders
 */
public record Workload(
        String id,
        String title,
        int unitBytes,
        long spanBytes,
        Order order,
        int sampleEvery,
        List<String> references,
        List<Entry> entries) {

    /** The order of offsets; see {@link Pattern}. */
    public enum Order {
        SEQUENTIAL,
        RANDOM,
        SKEWED
    }

    /**
     * A contender that is not open yet.
     *
     * @param name in every table
     * @param guarantee what a caller knows when an operation has ended
     * @param opener makes it
     */
    public record Entry(String name, String guarantee, Contender.Opener opener) {}

    /** The offsets of one round: the same for each contender. */
    public Pattern pattern(long round) {
        long seed = 0x5DEECE66DL + round;
        return switch (order) {
            case SEQUENTIAL -> Pattern.sequential(unitBytes, spanBytes);
            case RANDOM -> Pattern.random(unitBytes, spanBytes, seed);
            case SKEWED -> Pattern.skewed(unitBytes, spanBytes, seed);
        };
    }
}
