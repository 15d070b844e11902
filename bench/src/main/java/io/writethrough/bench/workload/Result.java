// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.measure.Slice;
import java.util.List;
import java.util.Map;

/**
 * What the rounds of a workload gave.
 *
 * @param workload that was measured
 * @param slices of each contender by its name, one per round
 * @param absent contenders that do not work here, with the reason
 * @param unmeasured contenders for which there was no time, with the reason
 * @param commands of contenders that are programs
 */
public record Result(
        Workload workload,
        Map<String, List<Slice>> slices,
        Map<String, String> absent,
        Map<String, String> unmeasured,
        Map<String, List<String>> commands) {}
