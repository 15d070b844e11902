// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

import io.writethrough.bench.contender.Alone;
import io.writethrough.bench.contender.AppendChannel;
import io.writethrough.bench.contender.AppendContender;
import io.writethrough.bench.contender.AppendGroupCommit;
import io.writethrough.bench.contender.AppendLibrary;
import io.writethrough.bench.contender.AppendWay;
import io.writethrough.bench.contender.Artemis;
import io.writethrough.bench.contender.AsyncChannel;
import io.writethrough.bench.contender.AsyncContender;
import io.writethrough.bench.contender.AsyncWay;
import io.writethrough.bench.contender.ChannelRead;
import io.writethrough.bench.contender.ChannelWrite;
import io.writethrough.bench.contender.ColdRead;
import io.writethrough.bench.contender.Crowd;
import io.writethrough.bench.contender.Fio;
import io.writethrough.bench.contender.Jasyncfio;
import io.writethrough.bench.contender.LibraryAsync;
import io.writethrough.bench.contender.LibraryRead;
import io.writethrough.bench.contender.LibraryWrite;
import io.writethrough.bench.contender.MappedRead;
import io.writethrough.bench.contender.MappedSum;
import io.writethrough.bench.contender.MappedWrite;
import io.writethrough.bench.contender.OpenClose;
import io.writethrough.bench.contender.Pages;
import io.writethrough.bench.contender.PinnedSum;
import io.writethrough.bench.contender.RandomAccessWrite;
import io.writethrough.bench.contender.Way;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.workload.Workload.Entry;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The workloads of the comparison. Only like stands beside like: in one workload every contender gives the same
 * guarantee, moves the same bytes, and uses a buffer of the same kind where its way allows.
 */
public final class Workloads {
    /** The name of this library in every table. */
    public static final String LIBRARY = "writethrough";

    /** Its futures, where a thread starts the next write. */
    public static final String FUTURES = LIBRARY + " futures";
    /** Its lane. */
    public static final String LANE = LIBRARY + " lane";
    /** Its futures, where the callback starts the next write. */
    public static final String CALLBACKS = LIBRARY + " callbacks";

    /** Its appends by threads that wait for each. */
    public static final String CALLS = LIBRARY + " calls";

    /** Its channels, where each write is durable, and where a file grows ahead of its appends. */
    public static final String EACH_WRITE = LIBRARY + " each write durable";

    public static final String GROWING_AHEAD = LIBRARY + " growing ahead";

    /** What the references are called. */
    public static final String FIO = "fio psync direct dsync";

    public static final String FIO_ASYNC = "fio io_uring direct dsync";
    public static final String FIO_READ = "fio psync direct";
    public static final String FORCE = "FileChannel + force(false)";
    public static final String CHANNEL_READ = "FileChannel.read";
    public static final String CHANNEL_OPEN = "FileChannel.open";
    public static final String CHANNEL_OPEN_LOCKED = "FileChannel.open + tryLock";
    public static final String RANDOM_OPEN = "RandomAccessFile rw";
    public static final String ASYNC_OPEN = "AsynchronousFileChannel.open";
    public static final String ASYNC_OPEN_LOCKED = "AsynchronousFileChannel.open + tryLock";
    public static final String MAPPED = "copy from a mapping";
    public static final String MAPPED_SUM = "sum over a mapping";
    public static final String LOCKED = "force under a lock";
    public static final String GROUP_COMMIT = "group commit";
    public static final String JASYNCFIO = "jasyncfio";
    public static final String ARTEMIS = "artemis-native";
    public static final String DIRECT_CACHED = "FileChannel DIRECT + DSYNC + cache by hand";

    private static final String DSYNC = "FileChannel DSYNC";
    public static final String DIRECT_DSYNC = "FileChannel DIRECT + DSYNC";
    /** A commit of one page as one such write. */
    public static final String AT_ONCE = DIRECT_DSYNC + ", one write";

    private static final String RWD = "RandomAccessFile rwd";
    public static final String MAPPED_FORCE = "MappedByteBuffer.force(range)";
    public static final String MAPPED_FORCE_ALL = "MappedByteBuffer.force()";
    public static final String ASYNC_CHANNEL = "AsynchronousFileChannel DIRECT + DSYNC";

    /** The ids that something else than a table depends on. */
    public static final String OVERWRITE = "overwrite-4k";

    public static final String OVERWRITE_2 = "overwrite-4k-2";
    public static final String SEQUENTIAL = "sequential-1m";
    public static final String READ = "read-heap";
    public static final String READ_DIRECT = "read-direct";
    public static final String READ_SMALL = "read-64b";
    public static final String READ_HOT = "read-64b-hot";
    public static final String PIN = "pin";
    public static final String PIN_HOT = "pin-hot";
    public static final String READ_COLD = "read-cold";
    public static final String ASYNC = "async32";
    public static final String APPEND = "append64";
    public static final String APPEND_ASYNC = "append-async";
    public static final String COMMIT_1 = "commit-1";
    public static final String COMMIT_8 = "commit-8";
    public static final String COMMIT_32 = "commit-32";
    public static final String COMMIT_STREAM = "commit-stream";
    public static final String COMMIT_STREAM_FORCE = "commit-stream-force";
    public static final String COMMIT_APPEND = "commit-append";
    public static final String COMMIT_WRITES = "commit-writes";
    public static final String MAPPED_1 = "mapped-1";
    public static final String MAPPED_16 = "mapped-16";
    public static final String MAPPED_1M = "mapped-1m";
    public static final String MAPPED_LOG = "mapped-log";
    public static final String MAPPED_CLEAN = "mapped-clean";
    public static final String PAGES = "pages-70-30";
    public static final String OPEN_CLOSE = "open-close";

    /** All ids, in the order of the report. */
    public static final List<String> IDS = List.of(
            OVERWRITE,
            OVERWRITE_2,
            ASYNC,
            SEQUENTIAL,
            APPEND,
            APPEND_ASYNC,
            COMMIT_1,
            COMMIT_8,
            COMMIT_32,
            COMMIT_STREAM,
            COMMIT_STREAM_FORCE,
            COMMIT_APPEND,
            COMMIT_WRITES,
            MAPPED_1,
            MAPPED_16,
            MAPPED_1M,
            MAPPED_LOG,
            MAPPED_CLEAN,
            READ,
            READ_DIRECT,
            READ_SMALL,
            READ_HOT,
            PIN,
            PIN_HOT,
            READ_COLD,
            PAGES,
            OPEN_CLOSE);

    /** Not for a disk that takes no time: such a disk changes nothing there, or is measured by another workload too. */
    private static final Set<String> NOT_INSTANT = Set.of(
            SEQUENTIAL,
            MAPPED_1,
            MAPPED_16,
            MAPPED_1M,
            MAPPED_LOG,
            MAPPED_CLEAN,
            READ,
            READ_DIRECT,
            READ_SMALL,
            READ_HOT,
            PIN,
            PIN_HOT,
            READ_COLD,
            OPEN_CLOSE);

    private static final int IN_FLIGHT = 32;
    private static final int APPENDERS = 64;
    private static final int ASYNC_APPENDERS = 2;
    private static final int ASYNC_APPENDS = 256;
    private static final int PAGE_USERS = 8;
    private static final int PAGE = 4096;
    private static final int SMALL = 64;
    private static final int COLD_READ = 128 << 10;
    private static final int MIB = 1 << 20;
    /** One file serves the reads: small enough for any cache, larger than the processor's. */
    private static final long READ_SPAN = 240L * MIB;

    private final Scratch scratch;
    private final long span;

    private Workloads(Scratch scratch, boolean quick) {
        this.scratch = scratch;
        this.span = (quick ? 64L : 256L) * MIB;
    }

    /** The ids of a run that asks for no others. */
    public static List<String> ids(boolean instant) {
        return IDS.stream()
                .filter(id -> instant ? !NOT_INSTANT.contains(id) : !id.equals(OVERWRITE_2))
                .toList();
    }

    /** All of them, in the order of the report. */
    public static List<Workload> all(Scratch scratch, boolean quick) {
        Workloads workloads = new Workloads(scratch, quick);
        return Stream.of(
                        workloads.writes(),
                        CommitWorkloads.all(scratch, quick),
                        MappedWorkloads.all(scratch, quick),
                        workloads.others())
                .flatMap(List::stream)
                .toList();
    }

    private List<Workload> writes() {
        return List.of(
                durableWrites(OVERWRITE, "4 KiB durable overwrites at random, one thread", PAGE, Order.RANDOM),
                durableWritesByTwo(),
                asyncWrites(),
                durableWrites(SEQUENTIAL, "1 MiB durable overwrites in sequence, one thread", MIB, Order.SEQUENTIAL),
                append(),
                appendAsync());
    }

    private List<Workload> others() {
        return List.of(
                cachedReads(
                        READ, "4 KiB cached reads at random over 240 MiB, into a byte array", PAGE, READ_SPAN, false),
                cachedReads(
                        READ_DIRECT,
                        "4 KiB cached reads at random over 240 MiB, into a direct buffer",
                        PAGE,
                        READ_SPAN,
                        true),
                cachedReads(
                        READ_SMALL,
                        "64-byte cached reads at random over 240 MiB, into a byte array",
                        SMALL,
                        READ_SPAN,
                        false),
                cachedReads(
                        READ_HOT,
                        "64-byte cached reads at random over 1 MiB, which the processor has in its cache, into a byte array",
                        SMALL,
                        MIB,
                        false),
                pins(
                        PIN,
                        "Sum of the longs of 4 KiB that are pinned, at random over 240 MiB; the mapping's are copied",
                        READ_SPAN,
                        alone(MAPPED, Guarantees.MAPPED_READ, () -> new MappedRead(readFile(), PAGE, true))),
                pins(
                        PIN_HOT,
                        "Sum of the longs of 4 KiB that are pinned, at random over 1 MiB, which the processor has in its"
                                + " cache",
                        MIB,
                        alone(MAPPED_SUM, Guarantees.MAPPED_READ, () -> new MappedSum(readFile(), PAGE))),
                coldReads(),
                pages(),
                openClose());
    }

    private static Entry alone(String name, String guarantee, Way.Opener opener) {
        return new Entry(name, guarantee, () -> new Alone(opener.open()));
    }

    private static Entry async(String name, String guarantee, AsyncWay.Opener opener) {
        return new Entry(name, guarantee, () -> new AsyncContender(opener.open(), IN_FLIGHT));
    }

    /** For all that go past the kernel's page cache: none of them leaves there what another would have to clear. */
    private Path direct() throws IOException {
        return scratch.file("direct", span);
    }

    /** For all that go through the kernel's page cache. */
    private Path buffered() throws IOException {
        return scratch.file("buffered", span);
    }

    private Workload durableWrites(String id, String title, int bytes, Order order) {
        return new Workload(
                id,
                title,
                bytes,
                span,
                order,
                1,
                List.of(FIO),
                List.of(
                        alone(LIBRARY, Guarantees.LIBRARY_WRITE, () -> new LibraryWrite(direct(), bytes)),
                        channel(FORCE, Guarantees.FORCE, ChannelWrite.Mode.FORCE, bytes),
                        channel(DSYNC, Guarantees.DSYNC, ChannelWrite.Mode.DSYNC, bytes),
                        channel(DIRECT_DSYNC, Guarantees.DIRECT_DSYNC, ChannelWrite.Mode.DIRECT_DSYNC, bytes),
                        alone(RWD, Guarantees.DSYNC, () -> new RandomAccessWrite(buffered(), bytes)),
                        alone(MAPPED_FORCE, Guarantees.MAPPED_FORCE, () -> new MappedWrite(buffered(), bytes)),
                        alone(ASYNC_CHANNEL, Guarantees.DIRECT_DSYNC, () -> new AsyncChannel(direct(), bytes, 1)),
                        alone(
                                JASYNCFIO,
                                Guarantees.JASYNCFIO_DIRECT,
                                () -> new Jasyncfio(direct(), bytes, Jasyncfio.Mode.DIRECT_DSYNC)),
                        alone(ARTEMIS, Guarantees.ARTEMIS, () -> new Artemis(direct(), bytes)),
                        new Entry(
                                FIO,
                                Guarantees.FIO_WRITE,
                                () -> Fio.durableOverwrite(direct(), span, bytes, order == Order.SEQUENTIAL))));
    }

    /** Where the disk takes no time, two threads meet in the library or in the kernel. */
    private Workload durableWritesByTwo() {
        return new Workload(
                OVERWRITE_2,
                "4 KiB durable overwrites at random, two threads",
                PAGE,
                span,
                Order.RANDOM,
                1,
                List.of(DIRECT_DSYNC),
                List.of(
                        pair(LIBRARY, Guarantees.LIBRARY_WRITE, () -> new LibraryWrite(direct(), PAGE)),
                        pair(
                                DIRECT_DSYNC,
                                Guarantees.DIRECT_DSYNC,
                                () -> new ChannelWrite(direct(), PAGE, ChannelWrite.Mode.DIRECT_DSYNC))));
    }

    private static Entry pair(String name, String guarantee, Way.Opener opener) {
        return new Entry(name, guarantee, () -> new Crowd(opener.open(), 2));
    }

    private Entry channel(String name, String guarantee, ChannelWrite.Mode mode, int bytes) {
        return alone(
                name,
                guarantee,
                () -> new ChannelWrite(mode == ChannelWrite.Mode.DIRECT_DSYNC ? direct() : buffered(), bytes, mode));
    }

    private Workload asyncWrites() {
        return new Workload(
                ASYNC,
                "4 KiB durable overwrites at random, one thread, " + IN_FLIGHT + " in flight",
                PAGE,
                span,
                Order.RANDOM,
                1,
                List.of(FIO_ASYNC),
                List.of(
                        libraryAsync(LANE, LibraryAsync.Drive.LANE, "direct-3"),
                        libraryAsync(FUTURES, LibraryAsync.Drive.PERMITS, "direct"),
                        libraryAsync(CALLBACKS, LibraryAsync.Drive.CALLBACK, "direct-2"),
                        async(ASYNC_CHANNEL, Guarantees.HANDLER, () -> new AsyncChannel(direct(), PAGE, IN_FLIGHT)),
                        async(
                                JASYNCFIO,
                                Guarantees.JASYNCFIO_DIRECT,
                                () -> new Jasyncfio(direct(), PAGE, Jasyncfio.Mode.DIRECT_DSYNC)),
                        async(ARTEMIS, Guarantees.ARTEMIS, () -> new Artemis(direct(), PAGE)),
                        new Entry(
                                FIO_ASYNC,
                                Guarantees.FIO_WRITE,
                                () -> Fio.asyncOverwrite(direct(), span, PAGE, IN_FLIGHT))));
    }

    /* Each on a file of its own: its engine has the file for itself. */
    private Entry libraryAsync(String name, LibraryAsync.Drive drive, String file) {
        return new Entry(
                name,
                Guarantees.LIBRARY_FUTURE,
                () -> new LibraryAsync(scratch.file(file, span), PAGE, IN_FLIGHT, drive));
    }

    /** What an asynchronous write allocates besides its future, in bytes. */
    public static double allocatedBesidesFuture(Scratch scratch) throws IOException {
        LibraryAsync.Drive drive = LibraryAsync.Drive.PERMITS;
        long span = 64L * MIB;
        try (LibraryAsync library = new LibraryAsync(scratch.file("direct", span), PAGE, IN_FLIGHT, drive)) {
            return library.allocatedBesidesFuture(Pattern.random(PAGE, span, 5), 10_000);
        }
    }

    private Workload append() {
        int bytes = AppendContender.RECORD_BYTES;
        return log(
                APPEND,
                "128-byte records appended to one log, " + APPENDERS + " threads",
                List.of(LOCKED, GROUP_COMMIT),
                List.of(
                        appendSync(),
                        new Entry(
                                GROUP_COMMIT,
                                Guarantees.GROUP_COMMIT,
                                () -> new AppendGroupCommit(scratch.log("log-buffered"), APPENDERS)),
                        new Entry(
                                LOCKED,
                                Guarantees.FORCE,
                                () -> new AppendChannel(scratch.log("log-buffered"), APPENDERS)),
                        appendWay(
                                FORCE,
                                Guarantees.FORCE,
                                () -> new ChannelWrite(scratch.log("log-buffered"), bytes, ChannelWrite.Mode.FORCE)),
                        appendWay(
                                DSYNC,
                                Guarantees.DSYNC,
                                () -> new ChannelWrite(scratch.log("log-buffered"), bytes, ChannelWrite.Mode.DSYNC)),
                        appendWay(
                                RWD, Guarantees.DSYNC, () -> new RandomAccessWrite(scratch.log("log-buffered"), bytes)),
                        appendWay(
                                MAPPED_FORCE,
                                Guarantees.MAPPED_FORCE,
                                () -> new MappedWrite(scratch.log("log-buffered"), bytes)),
                        appendWay(
                                JASYNCFIO,
                                Guarantees.JASYNCFIO_DSYNC,
                                () -> new Jasyncfio(scratch.log("log-buffered"), bytes, Jasyncfio.Mode.DSYNC))));
    }

    private static Entry appendWay(String name, String guarantee, Way.Opener opener) {
        return new Entry(name, guarantee, () -> new AppendWay(opener.open(), APPENDERS));
    }

    private Workload appendAsync() {
        return log(
                APPEND_ASYNC,
                "The same by futures: " + ASYNC_APPENDERS + " threads, " + ASYNC_APPENDS + " in flight in all",
                List.of(LIBRARY),
                List.of(
                        new Entry(
                                FUTURES,
                                Guarantees.LIBRARY_FUTURE,
                                () -> AppendLibrary.futures(
                                        scratch.log("log-futures"), ASYNC_APPENDERS, ASYNC_APPENDS / ASYNC_APPENDERS)),
                        appendSync()));
    }

    private Entry appendSync() {
        return new Entry(
                LIBRARY, Guarantees.LIBRARY_WRITE, () -> AppendLibrary.waiting(scratch.log("log-library"), APPENDERS));
    }

    private static Workload log(String id, String title, List<String> references, List<Entry> entries) {
        return new Workload(
                id,
                title,
                AppendContender.RECORD_BYTES,
                AppendContender.LOG_BYTES,
                Order.SEQUENTIAL,
                1,
                references,
                entries);
    }

    private Workload cachedReads(String id, String title, int bytes, long span, boolean direct) {
        return new Workload(
                id,
                title,
                bytes,
                span,
                Order.RANDOM,
                16,
                List.of(CHANNEL_READ, MAPPED),
                List.of(
                        alone(
                                LIBRARY,
                                Guarantees.LIBRARY_READ,
                                () -> new LibraryRead(readFile(), READ_SPAN, bytes, direct)),
                        alone(CHANNEL_READ, Guarantees.CHANNEL_READ, () -> new ChannelRead(readFile(), bytes, direct)),
                        alone(MAPPED, Guarantees.MAPPED_READ, () -> new MappedRead(readFile(), bytes, direct))));
    }

    private Workload pins(String id, String title, long span, Entry mapped) {
        return new Workload(
                id,
                title,
                PAGE,
                span,
                Order.RANDOM,
                16,
                List.of(mapped.name()),
                List.of(
                        alone(LIBRARY, Guarantees.LIBRARY_READ, () -> new PinnedSum(readFile(), READ_SPAN, PAGE)),
                        mapped));
    }

    private Path readFile() throws IOException {
        return scratch.file("read", READ_SPAN);
    }

    /** The kernel's cache has a file of its own: it is dropped just before it is filled again, as the library's memory stays. */
    private Workload coldReads() {
        return new Workload(
                READ_COLD,
                "240 MiB read in sequence by 128 KiB, nothing of it cached, one thread",
                COLD_READ,
                READ_SPAN,
                Order.SEQUENTIAL,
                1,
                List.of(FIO_READ),
                List.of(
                        new Entry(
                                LIBRARY,
                                Guarantees.LIBRARY_READ,
                                () -> ColdRead.library(readFile(), READ_SPAN, COLD_READ)),
                        new Entry(
                                CHANNEL_READ,
                                Guarantees.CHANNEL_READ,
                                () -> ColdRead.channel(
                                        scratch.file("read-buffered", READ_SPAN), READ_SPAN, COLD_READ, false)),
                        new Entry(
                                CHANNEL_READ + " DIRECT",
                                Guarantees.DIRECT_READ,
                                () -> ColdRead.channel(readFile(), READ_SPAN, COLD_READ, true)),
                        new Entry(
                                JASYNCFIO,
                                Guarantees.DIRECT_READ,
                                () -> ColdRead.jasyncfio(readFile(), READ_SPAN, COLD_READ)),
                        new Entry(
                                FIO_READ,
                                Guarantees.DIRECT_READ,
                                () -> Fio.sequentialRead(readFile(), READ_SPAN, COLD_READ))));
    }

    private Workload pages() {
        long cache = span / 2;
        return new Workload(
                PAGES,
                "4 KiB pages, 70 % read and 30 % durably overwritten, " + PAGE_USERS + " threads, " + (span / MIB)
                        + " MiB with a cache of half of it, 80 % of them on 20 % of the pages",
                PAGE,
                span,
                Order.SKEWED,
                1,
                List.of(DIRECT_CACHED),
                List.of(
                        crowd(
                                LIBRARY,
                                Guarantees.LIBRARY_WRITE,
                                () -> Pages.library(direct(), PAGE, Pages.READS_IN_TEN, cache)),
                        crowd(
                                DIRECT_CACHED,
                                Guarantees.DSYNC,
                                () -> Pages.directCached(direct(), PAGE, Pages.READS_IN_TEN, cache)),
                        crowd(
                                DIRECT_DSYNC,
                                Guarantees.DIRECT_DSYNC,
                                () -> Pages.direct(direct(), PAGE, Pages.READS_IN_TEN))));
    }

    private static Entry crowd(String name, String guarantee, Way.Opener opener) {
        return new Entry(name, guarantee, () -> new Crowd(opener.open(), PAGE_USERS));
    }

    private Workload openClose() {
        return new Workload(
                OPEN_CLOSE,
                "A file opened and closed, one thread",
                PAGE,
                PAGE,
                Order.SEQUENTIAL,
                1,
                List.of(CHANNEL_OPEN_LOCKED, CHANNEL_OPEN),
                List.of(
                        alone(LIBRARY, Guarantees.OPENED_LIBRARY, () -> OpenClose.library(smallFile("open-library"))),
                        alone(CHANNEL_OPEN, Guarantees.OPENED, () -> OpenClose.channel(smallFile("open-channel"))),
                        alone(
                                CHANNEL_OPEN_LOCKED,
                                Guarantees.OPENED_LOCKED,
                                () -> OpenClose.lockedChannel(smallFile("open-channel-locked"))),
                        alone(RANDOM_OPEN, Guarantees.OPENED, () -> OpenClose.randomAccess(smallFile("open-random"))),
                        alone(ASYNC_OPEN, Guarantees.OPENED, () -> OpenClose.asyncChannel(smallFile("open-async"))),
                        alone(
                                ASYNC_OPEN_LOCKED,
                                Guarantees.OPENED_LOCKED,
                                () -> OpenClose.lockedAsyncChannel(smallFile("open-async-locked"))),
                        alone(JASYNCFIO, Guarantees.OPENED, () -> OpenClose.jasyncfio(smallFile("open-jasyncfio"))),
                        alone(ARTEMIS, Guarantees.OPENED, () -> OpenClose.artemis(smallFile("open-artemis")))));
    }

    private Path smallFile(String name) throws IOException {
        return scratch.file(name, PAGE);
    }
}
