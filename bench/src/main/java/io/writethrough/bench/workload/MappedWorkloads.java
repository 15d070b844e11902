// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.contender.Alone;
import io.writethrough.bench.contender.MappedStores;
import io.writethrough.bench.contender.MappedStores.Force;
import io.writethrough.bench.workload.Workload.Entry;
import io.writethrough.bench.workload.Workload.Order;
import java.util.List;
import java.util.stream.Stream;

/** The workloads of programs that store into mapped memory: one operation is the stores and their force. */
final class MappedWorkloads {
    private static final int PAGE = 4096;
    private static final int RECORD = 512;
    private static final int MIB = 1 << 20;
    private static final long SPAN = 64L * MIB;

    private final Scratch scratch;
    private final int cleanMib;

    private MappedWorkloads(Scratch scratch, boolean quick) {
        this.scratch = scratch;
        this.cleanMib = quick ? 64 : 1024;
    }

    /** All of them, in the order of the report. */
    static List<Workload> all(Scratch scratch, boolean quick) {
        MappedWorkloads mapped = new MappedWorkloads(scratch, quick);
        return List.of(
                mapped.stores(
                        Workloads.MAPPED_1,
                        "Mapped memory of 64 MiB: a store to one page at random, then force",
                        1,
                        PAGE,
                        Order.RANDOM,
                        Force.LIBRARY,
                        Force.PIECES,
                        Force.ALL),
                mapped.stores(
                        Workloads.MAPPED_16,
                        "Mapped memory of 64 MiB: stores to 16 scattered pages, then force",
                        16,
                        PAGE,
                        Order.RANDOM,
                        Force.LIBRARY,
                        Force.PIECES,
                        Force.ALL),
                mapped.stores(
                        Workloads.MAPPED_1M,
                        "Mapped memory of 64 MiB: 1 MiB in one piece, then force",
                        1,
                        MIB,
                        Order.SEQUENTIAL,
                        Force.LIBRARY,
                        Force.PIECES,
                        Force.ALL),
                mapped.stores(
                        Workloads.MAPPED_LOG,
                        "A log in mapped memory of 64 MiB: 512 bytes in sequence, then force of these",
                        1,
                        RECORD,
                        Order.SEQUENTIAL,
                        Force.LIBRARY_PIECES,
                        Force.PIECES),
                mapped.clean());
    }

    private Workload stores(String id, String title, int pieces, int bytes, Order order, Force... forces) {
        return new Workload(
                id,
                title,
                bytes,
                SPAN,
                order,
                1,
                List.of(Workloads.MAPPED_FORCE),
                Stream.of(forces)
                        .map(force -> entry(force, "mapped", SPAN, pieces, bytes))
                        .toList());
    }

    private Workload clean() {
        long span = (long) cleanMib * MIB;
        return new Workload(
                Workloads.MAPPED_CLEAN,
                "Mapped memory of " + cleanMib + " MiB that nobody has stored into, force of all of it",
                PAGE,
                span,
                Order.RANDOM,
                1,
                List.of(Workloads.MAPPED_FORCE_ALL),
                Stream.of(Force.LIBRARY, Force.ALL)
                        .map(force -> entry(force, "mapped-clean", span, 0, PAGE))
                        .toList());
    }

    private Entry entry(Force force, String file, long span, int pieces, int bytes) {
        return switch (force) {
            case LIBRARY, LIBRARY_PIECES ->
                entry(Workloads.LIBRARY, Guarantees.LIBRARY_MAPPED, force, file + "-library", span, pieces, bytes);
            case PIECES -> entry(Workloads.MAPPED_FORCE, Guarantees.MAPPED_FORCE, force, file, span, pieces, bytes);
            case ALL -> entry(Workloads.MAPPED_FORCE_ALL, Guarantees.MAPPED_FORCE, force, file, span, pieces, bytes);
        };
    }

    private Entry entry(String name, String guarantee, Force force, String file, long span, int pieces, int bytes) {
        return new Entry(
                name, guarantee, () -> new Alone(MappedStores.of(force, scratch.file(file, span), pieces, bytes)));
    }
}
