// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.contender.Alone;
import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.ChannelWrite;
import io.writethrough.bench.contender.CommitAppends;
import io.writethrough.bench.contender.CommitOverwrites;
import io.writethrough.bench.contender.CommitPart;
import io.writethrough.bench.contender.CommitStream;
import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.ForcedChannels;
import io.writethrough.bench.contender.ForcedChannels.Kind;
import io.writethrough.bench.workload.Workload.Entry;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The workloads of programs that write several times and force once: one operation is one commit, by a {@code
 * FileChannel} of the JDK or of this library.
 */
final class CommitWorkloads {
    private static final int PAGE = 4096;
    private static final int SECTOR = 512;
    private static final int STREAM_WRITE = 8 << 10;
    private static final int RECORD = 200;
    private static final int RECORDS = 2;
    private static final int APPENDERS = 16;
    private static final int MIB = 1 << 20;
    /** Of the file that is overwritten: small enough for any cache. */
    private static final long SPAN = AppendContender.LOG_BYTES;

    private final Scratch scratch;
    private final int streamMib;

    private CommitWorkloads(Scratch scratch, boolean quick) {
        this.scratch = scratch;
        this.streamMib = quick ? 16 : 64;
    }

    /** All of them, in the order of the report. */
    static List<Workload> all(Scratch scratch, boolean quick) {
        CommitWorkloads commits = new CommitWorkloads(scratch, quick);
        return List.of(
                commits.overwrites(
                        Workloads.COMMIT_1,
                        "Commits: one write of 4 KiB at random in a written file, then force",
                        PAGE,
                        1,
                        Order.RANDOM),
                commits.overwrites(
                        Workloads.COMMIT_8,
                        "Commits: 8 writes of 512 bytes in sequence in a written file, then force",
                        SECTOR,
                        8,
                        Order.SEQUENTIAL),
                commits.overwrites(
                        Workloads.COMMIT_32,
                        "Commits: 32 writes of 4 KiB at random in a written file, then force",
                        PAGE,
                        32,
                        Order.RANDOM),
                commits.stream(
                        Workloads.COMMIT_STREAM,
                        commits.streamMib + " MiB by 8 KiB into a new file, then force",
                        CommitPart.WHOLE),
                commits.stream(Workloads.COMMIT_STREAM_FORCE, "The same, only the force is timed", CommitPart.FORCE),
                commits.appends(),
                commits.writes());
    }

    private Workload overwrites(String id, String title, int bytes, int writes, Order order) {
        List<Entry> entries = new ArrayList<>();
        entries.add(overwrites(Kind.AT_FORCE, "log-library", bytes, writes, CommitPart.WHOLE));
        entries.add(overwrites(Kind.EACH_WRITE, "log-futures", bytes, writes, CommitPart.WHOLE));
        entries.add(overwrites(Kind.JDK, "log-buffered", bytes, writes, CommitPart.WHOLE));
        if (bytes * writes == PAGE) {
            entries.add(atOnce(writes));
        }
        return new Workload(id, title, bytes, SPAN, order, 1, List.of(Workloads.FORCE), List.copyOf(entries));
    }

    /** The least that a commit of one page can cost by the JDK: one direct write of the whole page, durable by its flag. */
    private Entry atOnce(int writes) {
        return new Entry(
                Workloads.AT_ONCE,
                Guarantees.DIRECT_DSYNC,
                () -> new Alone(new ChannelWrite(scratch.log("log-direct"), PAGE, ChannelWrite.Mode.DIRECT_DSYNC)) {
                    @Override
                    protected void operate(long offset) throws IOException {
                        super.operate(offset * writes % SPAN);
                    }
                });
    }

    private Workload writes() {
        int writes = 256;
        return new Workload(
                Workloads.COMMIT_WRITES,
                writes + " writes of 4 KiB at random in a written file, then force; only the writes are timed",
                PAGE,
                SPAN,
                Order.RANDOM,
                1,
                List.of(Workloads.FORCE),
                List.of(
                        overwrites(Kind.AT_FORCE, "log-library", PAGE, writes, CommitPart.WRITES),
                        overwrites(Kind.JDK, "log-buffered", PAGE, writes, CommitPart.WRITES)));
    }

    private Entry overwrites(Kind kind, String file, int bytes, int writes, CommitPart part) {
        return entry(kind, channels -> new CommitOverwrites(channels, scratch.log(file), bytes, writes, part));
    }

    private Workload stream(String id, String title, CommitPart part) {
        List<Entry> entries = new ArrayList<>();
        for (Kind kind : List.of(Kind.AT_FORCE, Kind.JDK)) {
            entries.add(entry(
                    kind,
                    channels -> new CommitStream(
                            channels,
                            scratch.path("stream-" + kind),
                            STREAM_WRITE,
                            streamMib * MIB / STREAM_WRITE,
                            part)));
        }
        return new Workload(
                id,
                title,
                STREAM_WRITE,
                (long) streamMib * MIB,
                Order.SEQUENTIAL,
                1,
                List.of(Workloads.FORCE),
                List.copyOf(entries));
    }

    private Workload appends() {
        List<Entry> entries = new ArrayList<>();
        for (Kind kind : List.of(Kind.AT_FORCE, Kind.AT_FORCE_GROWING_AHEAD, Kind.EACH_WRITE, Kind.JDK)) {
            entries.add(entry(
                    kind,
                    channels ->
                            new CommitAppends(channels, scratch.path("appended-" + kind), RECORD, RECORDS, APPENDERS)));
        }
        return new Workload(
                Workloads.COMMIT_APPEND,
                "Commits: " + APPENDERS + " threads, each appends " + RECORDS + " records of " + RECORD
                        + " bytes to one new log, then force",
                RECORD,
                SPAN,
                Order.SEQUENTIAL,
                1,
                List.of(Workloads.FORCE),
                List.copyOf(entries));
    }

    /** Makes a contender of the channels of one kind. */
    @FunctionalInterface
    private interface Maker {
        Contender make(ForcedChannels channels) throws IOException;
    }

    private static Entry entry(Kind kind, Maker maker) {
        return new Entry(name(kind), guarantee(kind), () -> maker.make(ForcedChannels.of(kind)));
    }

    private static String name(Kind kind) {
        return switch (kind) {
            case JDK -> Workloads.FORCE;
            case AT_FORCE -> Workloads.LIBRARY;
            case AT_FORCE_GROWING_AHEAD -> Workloads.GROWING_AHEAD;
            case EACH_WRITE -> Workloads.EACH_WRITE;
        };
    }

    private static String guarantee(Kind kind) {
        return switch (kind) {
            case JDK -> Guarantees.FORCE;
            case AT_FORCE, AT_FORCE_GROWING_AHEAD -> Guarantees.LIBRARY_FORCE;
            case EACH_WRITE -> Guarantees.LIBRARY_WRITE;
        };
    }
}
