package io.writethrough.bench.workload;

import io.writethrough.bench.contender.ChannelRead;
import io.writethrough.bench.contender.ChannelWrite;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.contender.LibraryRead;
import io.writethrough.bench.contender.LibraryWrite;
import io.writethrough.bench.contender.MappedRead;
import io.writethrough.bench.workload.Workload.Entry;
import java.util.List;

/**
 * The workloads of the comparison. Only like stands beside like: in one workload every contender gives the same
 * guarantee, moves the same bytes, and uses a buffer of the same kind.
 */
public final class Workloads {
    /** The name of this library in every table. */
    public static final String LIBRARY = "writethrough";

    private static final String FIO = "fio psync direct dsync";
    private static final String CHANNEL_READ = "FileChannel.read";
    private static final String MAPPED = "copy from a mapping";
    private static final int PAGE = 4096;
    private static final int MIB = 1 << 20;
    /** One file serves the reads: small enough for any cache, larger than the processor's. */
    private static final long READ_SPAN = 240L * MIB;

    private Workloads() {}

    /** All of them, in the order of the report. */
    public static List<Workload> all(Scratch scratch, boolean quick) {
        long span = (quick ? 64L : 256L) * MIB;
        return List.of(
                durableWrites(
                        scratch, "overwrite-4k", "4 KiB durable overwrites at random, one thread", PAGE, span, false),
                durableWrites(
                        scratch, "sequential-1m", "1 MiB durable overwrites in sequence, one thread", MIB, span, true),
                cachedReads(
                        scratch, "read-heap", "4 KiB cached reads at random over 240 MiB, into a byte array", false),
                cachedReads(
                        scratch,
                        "read-direct",
                        "4 KiB cached reads at random over 240 MiB, into a direct buffer",
                        true));
    }

    /** Each contender has a file of its own, made in the same way: none meets another's cached pages or extents. */
    private static Workload durableWrites(
            Scratch scratch, String id, String title, int bytes, long span, boolean sequential) {
        return new Workload(
                id,
                title,
                bytes,
                span,
                sequential,
                1,
                List.of(FIO),
                List.of(
                        new Entry(LIBRARY, () -> new LibraryWrite(scratch.file("library", span), bytes)),
                        channel(scratch, "FileChannel + force(false)", ChannelWrite.Mode.FORCE, bytes, span),
                        channel(scratch, "FileChannel DSYNC", ChannelWrite.Mode.DSYNC, bytes, span),
                        channel(scratch, "FileChannel DIRECT + DSYNC", ChannelWrite.Mode.DIRECT_DSYNC, bytes, span),
                        new Entry(
                                FIO, () -> Fio.durableOverwrite(scratch.file("fio", span), span, bytes, sequential))));
    }

    private static Entry channel(Scratch scratch, String name, ChannelWrite.Mode mode, int bytes, long span) {
        return new Entry(name, () -> new ChannelWrite(scratch.file(mode.name(), span), bytes, mode));
    }

    private static Workload cachedReads(Scratch scratch, String id, String title, boolean direct) {
        return new Workload(
                id,
                title,
                PAGE,
                READ_SPAN,
                false,
                16,
                List.of(CHANNEL_READ, MAPPED),
                List.of(
                        new Entry(
                                LIBRARY,
                                () -> new LibraryRead(scratch.file("read", READ_SPAN), READ_SPAN, PAGE, direct)),
                        new Entry(CHANNEL_READ, () -> new ChannelRead(scratch.file("read", READ_SPAN), PAGE, direct)),
                        new Entry(MAPPED, () -> new MappedRead(scratch.file("read", READ_SPAN), PAGE, direct))));
    }
}
