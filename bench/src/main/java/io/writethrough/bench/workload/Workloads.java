package io.writethrough.bench.workload;

import io.writethrough.bench.contender.AppendChannel;
import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.AppendGroupCommit;
import io.writethrough.bench.contender.AppendLibrary;
import io.writethrough.bench.contender.ChannelRead;
import io.writethrough.bench.contender.ChannelWrite;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.contender.LibraryAsync;
import io.writethrough.bench.contender.LibraryRead;
import io.writethrough.bench.contender.LibraryWrite;
import io.writethrough.bench.contender.MappedRead;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.workload.Workload.Entry;
import java.io.IOException;
import java.util.List;

/**
 * The workloads of the comparison. Only like stands beside like: in one workload every contender gives the same
 * guarantee, moves the same bytes, and uses a buffer of the same kind.
 */
public final class Workloads {
    /** The name of this library in every table. */
    public static final String LIBRARY = "writethrough";

    /** Its futures, where a thread starts the next write. */
    public static final String FUTURES = LIBRARY + " futures";
    /** Its futures, where the callback starts the next write. */
    public static final String CALLBACKS = LIBRARY + " callbacks";

    /** What the references are called. */
    public static final String FIO = "fio psync direct dsync";

    public static final String FIO_ASYNC = "fio io_uring direct dsync";
    public static final String CHANNEL_READ = "FileChannel.read";
    public static final String MAPPED = "copy from a mapping";
    public static final String LOCKED = "force under a lock";
    public static final String GROUP_COMMIT = "group commit";

    /** The workload of asynchronous overwrites. */
    public static final String ASYNC = "async32";

    private static final int IN_FLIGHT = 32;

    private static final int APPENDERS = 64;
    private static final int ASYNC_APPENDERS = 2;
    private static final int ASYNC_APPENDS = 256;
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
                        true),
                asyncWrites(scratch, span),
                append(scratch),
                appendAsync(scratch));
    }

    private static Workload asyncWrites(Scratch scratch, long span) {
        return new Workload(
                ASYNC,
                "4 KiB durable overwrites at random, one thread, " + IN_FLIGHT + " in flight",
                PAGE,
                span,
                false,
                1,
                List.of(FIO_ASYNC),
                List.of(
                        async(scratch, FUTURES, LibraryAsync.Drive.PERMITS, span),
                        async(scratch, CALLBACKS, LibraryAsync.Drive.CALLBACK, span),
                        new Entry(
                                FIO_ASYNC,
                                () -> Fio.asyncOverwrite(scratch.file("fio", span), span, PAGE, IN_FLIGHT))));
    }

    private static Entry async(Scratch scratch, String name, LibraryAsync.Drive drive, long span) {
        return new Entry(
                name, () -> new LibraryAsync(scratch.file("async-" + drive.name(), span), PAGE, IN_FLIGHT, drive));
    }

    /** What an asynchronous write allocates besides its future, in bytes. */
    public static double allocatedBesidesFuture(Scratch scratch) throws IOException {
        LibraryAsync.Drive drive = LibraryAsync.Drive.PERMITS;
        long span = 64L * MIB;
        try (LibraryAsync library = new LibraryAsync(scratch.file("allocated", span), PAGE, IN_FLIGHT, drive)) {
            return library.allocatedBesidesFuture(Pattern.random(PAGE, span, 5), 10_000);
        }
    }

    private static Workload append(Scratch scratch) {
        return log(
                "append64",
                "128-byte records appended to one log, " + APPENDERS + " threads",
                List.of(LOCKED, GROUP_COMMIT),
                List.of(
                        appendSync(scratch),
                        new Entry(GROUP_COMMIT, () -> new AppendGroupCommit(scratch.log("log-group"), APPENDERS)),
                        new Entry(LOCKED, () -> new AppendChannel(scratch.log("log-locked"), APPENDERS))));
    }

    private static Workload appendAsync(Scratch scratch) {
        return log(
                "append-async",
                "The same by futures: " + ASYNC_APPENDERS + " threads, " + ASYNC_APPENDS + " in flight in all",
                List.of(LIBRARY),
                List.of(
                        new Entry(
                                FUTURES,
                                () -> AppendLibrary.futures(
                                        scratch.log("log-futures"), ASYNC_APPENDERS, ASYNC_APPENDS / ASYNC_APPENDERS)),
                        appendSync(scratch)));
    }

    private static Entry appendSync(Scratch scratch) {
        return new Entry(LIBRARY, () -> AppendLibrary.waiting(scratch.log("log-library"), APPENDERS));
    }

    private static Workload log(String id, String title, List<String> references, List<Entry> entries) {
        return new Workload(
                id, title, AppendContender.RECORD_BYTES, AppendContender.LOG_BYTES, true, 1, references, entries);
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
