// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import java.util.List;

/**
 * How the cost of one operation goes as something grows, beside the cost of a reference at the same size: what the
 * reference gains or loses is the machine's.
 *
 * @param id for programs
 * @param title for people
 * @param unit of what grows
 * @param reference what stands beside the library
 * @param steps from small to large
 */
public record Steps(String id, String title, String unit, String reference, List<Step> steps) {

    /**
     * One size: the median of all rounds.
     *
     * @param size that was reached
     * @param nanos of one operation of the library
     * @param referenceNanos of one of the reference
     */
    public record Step(long size, double nanos, double referenceNanos) {}
}
