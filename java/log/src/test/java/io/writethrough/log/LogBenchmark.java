// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import com.sun.management.ThreadMXBean;
import io.writethrough.WriteThroughEngine;
import io.writethrough.testing.TestDirectories;
import java.io.Closeable;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.apache.activemq.artemis.api.core.ActiveMQBuffer;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.apache.activemq.artemis.core.io.aio.AIOSequentialFileFactory;
import org.apache.activemq.artemis.core.io.nio.NIOSequentialFileFactory;
import org.apache.activemq.artemis.core.journal.EncodingSupport;
import org.apache.activemq.artemis.core.journal.IOCompletion;
import org.apache.activemq.artemis.core.journal.impl.JournalImpl;

/**
 * Durable records a second of this log and of others, in rounds that take turns. Arguments: a directory, the rounds, the
 * seconds that each way takes in a round, the MiB of the replays (0: none), and a regular expression for the names of the loads.
 * Prints medians, and ratios in the same round.
 */
public final class LogBenchmark {
    private static final int BATCHED_FILE_BYTES = 10 << 20;

    private enum Kind {
        LOG,
        BY_HAND,
        NIO,
        AIO
    }

    /** Threads that append, the bytes of a record, and how many each thread has under way; 0: it waits for each. */
    private record Load(int threads, int bytes, int inFlight, Set<Kind> kinds) {
        @Override
        public String toString() {
            return threads + (threads == 1 ? " thread, " : " threads, ") + bytes + " B"
                    + (inFlight == 0 ? "" : ", " + inFlight + " in flight each");
        }
    }

    private static final List<Load> LOADS = List.of(
            new Load(1, 128, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(1, 4096, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(8, 128, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(8, 4096, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(64, 128, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(64, 512, 0, EnumSet.allOf(Kind.class)),
            new Load(64, 4096, 0, EnumSet.of(Kind.LOG, Kind.BY_HAND)),
            new Load(2, 512, 256, EnumSet.of(Kind.LOG, Kind.AIO)));

    private static final AtomicLong IDS = new AtomicLong();

    private final Path directory;
    private final int rounds;
    private final double seconds;

    private LogBenchmark(final Path directory, final int rounds, final double seconds) {
        this.directory = directory;
        this.rounds = rounds;
        this.seconds = seconds;
    }

    public static void main(final String[] arguments) throws Exception {
        final Path directory = TestDirectories.makeIn(Path.of(arguments[0]));
        try {
            final LogBenchmark benchmark =
                    new LogBenchmark(directory, Integer.parseInt(arguments[1]), Double.parseDouble(arguments[2]));
            benchmark.appends(
                    Pattern.compile(arguments.length > 4 ? arguments[4] : "").asPredicate());
            final long replayed = Long.parseLong(arguments[3]) << 20;
            if (replayed > 0) {
                benchmark.replays(replayed);
            }
        } finally {
            TestDirectories.delete(directory);
        }
        System.exit(0); // threads of journals linger for a minute
    }

    // ---- appends ----

    /** A way to append that is open. */
    private interface Way extends Closeable {
        /** Appends until the end, on a thread of its own. Returns how many records were durable. */
        long append(Load load, long end) throws Exception;
    }

    private void appends(final Predicate<String> wanted) throws Exception {
        System.out.println("| records a second | the log | by hand | Artemis NIO | Artemis AIO | heap B an append |");
        System.out.println("|---|---:|---:|---:|---:|---:|");
        for (final Load load : LOADS) {
            if (!wanted.test(load.toString())) {
                continue;
            }
            final Map<Kind, double[]> rates = new EnumMap<>(Kind.class);
            final Map<Kind, Way> ways = new EnumMap<>(Kind.class);
            for (final Kind kind : load.kinds) {
                if (kind == Kind.AIO && !AIOSequentialFileFactory.isSupported()) {
                    continue; // no libaio here
                }
                ways.put(kind, open(kind));
                rates.put(kind, new double[rounds]);
            }
            final double[] heap = new double[rounds];
            for (int round = -1; round < rounds; round++) { // the first is for the compiler
                for (final Map.Entry<Kind, Way> way : ways.entrySet()) {
                    final double[] measured = measure(way.getValue(), load);
                    rates.get(way.getKey())[Math.max(0, round)] = measured[0];
                    if (way.getKey() == Kind.LOG) {
                        heap[Math.max(0, round)] = measured[1];
                    }
                }
            }
            print(load, rates, heap);
            for (final Way way : ways.values()) {
                way.close();
            }
        }
    }

    private static void print(final Load load, final Map<Kind, double[]> rates, final double[] heap) {
        final StringBuilder line = new StringBuilder("| " + load + " |");
        final double[] own = rates.get(Kind.LOG);
        for (final Kind kind : Kind.values()) {
            final double[] rate = rates.get(kind);
            if (rate == null) {
                line.append(" |");
            } else if (kind == Kind.LOG) {
                line.append(String.format(Locale.ROOT, " %,.0f |", median(rate)));
            } else {
                line.append(String.format(Locale.ROOT, " %,.0f: %s |", median(rate), ratios(own, rate)));
            }
        }
        System.out.println(line
                + String.format(
                        Locale.ROOT, " %.1f |", Arrays.stream(heap).min().orElse(0)));
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    /* The median, the least and the most. */
    private static String ratios(final double[] own, final double[] other) {
        final double[] ratios = new double[own.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = own[i] / other[i];
        }
        return String.format(
                Locale.ROOT,
                "%.2f (%.2f..%.2f)",
                median(ratios),
                Arrays.stream(ratios).min().orElse(0),
                Arrays.stream(ratios).max().orElse(0));
    }

    /* Records a second, and bytes of the heap for each. */
    private double[] measure(final Way way, final Load load) throws Exception {
        final ThreadMXBean beans = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final AtomicLong count = new AtomicLong();
        final AtomicLong heap = new AtomicLong();
        final long begin = System.nanoTime();
        final long end = begin + (long) (seconds * 1e9);
        final List<Thread> threads = new ArrayList<>();
        for (int thread = 0; thread < load.threads; thread++) {
            threads.add(new Thread(() -> {
                try {
                    final long before = beans.getCurrentThreadAllocatedBytes();
                    count.addAndGet(way.append(load, end));
                    heap.addAndGet(beans.getCurrentThreadAllocatedBytes() - before);
                } catch (final Exception e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        threads.forEach(Thread::start);
        for (final Thread thread : threads) {
            thread.join();
        }
        return new double[] {count.get() * 1e9 / (System.nanoTime() - begin), (double) heap.get() / count.get()};
    }

    private static ByteBuffer record(final int bytes) {
        final byte[] record = new byte[bytes];
        new Random(bytes).nextBytes(record);
        return ByteBuffer.allocateDirect(bytes).put(record).flip();
    }

    private Way open(final Kind kind) throws Exception {
        final Path own = Files.createTempDirectory(directory, kind.name());
        return switch (kind) {
            case LOG -> new OfLog(own);
            case BY_HAND -> new ByHand(own.resolve("log"));
            case NIO -> new Artemis(new NIOSequentialFileFactory(own.toFile(), true, LogBenchmark::fail, 1));
            case AIO -> new Artemis(new AIOSequentialFileFactory(own.toFile(), LogBenchmark::fail, 500));
        };
    }

    private static void fail(final Throwable failure, final String message, final Object file) {
        throw new AssertionError(message, failure);
    }

    private static final class OfLog implements Way {
        private final DurableLog log;

        OfLog(final Path path) throws IOException {
            log = DurableLog.open(
                    path, LogOptions.builder().retentionBytes(128L << 20).build());
        }

        @Override
        public long append(final Load load, final long end) throws Exception {
            final ByteBuffer record = record(load.bytes);
            long count = 0;
            if (load.inFlight == 0) {
                for (; System.nanoTime() < end; count++) {
                    log.append(record.clear());
                }
                return count;
            }
            final Semaphore free = new Semaphore(load.inFlight);
            for (; System.nanoTime() < end; count++) {
                free.acquire();
                log.appendAsync(record.clear()).whenComplete((lsn, failure) -> free.release());
            }
            free.acquire(load.inFlight);
            return count;
        }

        @Override
        public void close() throws IOException {
            log.close();
        }
    }

    private static final class ByHand implements Way {
        private final HandMadeLog log;

        ByHand(final Path path) throws IOException {
            log = new HandMadeLog(path);
        }

        @Override
        public long append(final Load load, final long end) throws IOException {
            final HandMadeLog.Appender appender = log.appender(load.bytes);
            final ByteBuffer record = record(load.bytes);
            long count = 0;
            for (; System.nanoTime() < end; count++) {
                appender.append(record.clear());
            }
            return count;
        }

        @Override
        public void close() throws IOException {
            log.close();
        }
    }

    private static final class Artemis implements Way {
        private final SequentialFileFactory factory;
        private final JournalImpl journal;

        Artemis(final SequentialFileFactory factory) throws Exception {
            this.factory = factory;
            journal = new JournalImpl(BATCHED_FILE_BYTES, 2, 10, 0, 0, factory, "bench", "amq", factory.getMaxIO());
            journal.start();
            journal.loadInternalOnly();
        }

        @Override
        public long append(final Load load, final long end) throws Exception {
            final Body body = new Body(new byte[load.bytes]);
            final Semaphore free = new Semaphore(Math.max(1, load.inFlight));
            final Done done = new Done(free);
            long count = 0;
            for (; System.nanoTime() < end; count++) {
                free.acquire();
                journal.appendAddRecord(IDS.getAndIncrement(), (byte) 1, body, true, done);
                if (load.inFlight == 0) {
                    free.acquire();
                    free.release();
                }
            }
            free.acquire(Math.max(1, load.inFlight));
            return count;
        }

        @Override
        public void close() throws IOException {
            try {
                journal.stop();
            } catch (final Exception e) {
                throw new IOException(e);
            }
            factory.stop();
        }
    }

    private record Body(byte[] bytes) implements EncodingSupport {
        @Override
        public int getEncodeSize() {
            return bytes.length;
        }

        @Override
        public void encode(final ActiveMQBuffer buffer) {
            buffer.writeBytes(bytes);
        }

        @Override
        public void decode(final ActiveMQBuffer buffer) {
            throw new UnsupportedOperationException();
        }
    }

    private record Done(Semaphore free) implements IOCompletion {
        @Override
        public void done() {
            free.release();
        }

        @Override
        public void onError(final int code, final String message) {
            throw new AssertionError(message);
        }

        @Override
        public void storeLineUp() {}
    }

    // ---- replays ----

    private static final int REPLAYED_BYTES = 512;
    /* A disk that has a limit for bytes a second saves some while it rests. */
    private static final int REST_MILLIS = 4000;

    private void replays(final long bytes) throws Exception {
        final Path path = directory.resolve("replay");
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(bytes + bytes / 4).build()) {
            final LogOptions options = LogOptions.builder().engine(engine).build();
            final long records = bytes / REPLAYED_BYTES;
            try (DurableLog log = DurableLog.open(path, options)) {
                final ByteBuffer record = record(REPLAYED_BYTES);
                for (long i = 0; i < records; i++) {
                    log.appendLater(record.clear());
                }
                log.awaitDurable(log.append(record.clear()));
            }
            System.out.println();
            System.out.println(
                    "| replay of " + (bytes >> 20) + " MiB, MiB/s | the log | FileChannel and CRC by hand |");
            System.out.println("|---|---:|---:|");
            for (final boolean cold : new boolean[] {false, true}) {
                final double[] own = new double[rounds];
                final double[] other = new double[rounds];
                for (int round = cold ? 0 : -1; round < rounds; round++) {
                    final int to = Math.max(0, round);
                    if (round % 2 == 0) { // the first one may warm a cache of the device
                        own[to] = cold ? replayCold(path, bytes) : replay(path, options, bytes);
                        other[to] = replayByHand(path, bytes, cold);
                    } else {
                        other[to] = replayByHand(path, bytes, cold);
                        own[to] = cold ? replayCold(path, bytes) : replay(path, options, bytes);
                    }
                }
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %,.0f | %,.0f: %s |%n",
                        cold ? "cold" : "cached",
                        median(own),
                        median(other),
                        ratios(own, other));
            }
        }
    }

    private static double replay(final Path path, final LogOptions options, final long bytes) throws IOException {
        try (DurableLog log = DurableLog.open(path, options);
                LogReader reader = log.reader(log.start())) {
            final long begin = System.nanoTime();
            long sum = 0;
            while (reader.next()) {
                sum += reader.record().get(reader.record().position());
            }
            return rate(bytes, begin, sum);
        }
    }

    private static double rate(final long bytes, final long begin, final long sum) {
        if (sum == Long.MIN_VALUE) {
            throw new AssertionError("the sum is used, so that the reads are");
        }
        return bytes / 1048576.0 * 1e9 / (System.nanoTime() - begin);
    }

    /* Nothing in the engine's cache, nor in the kernel's. */
    private static double replayCold(final Path path, final long bytes) throws Exception {
        dropCaches();
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            return replay(path, LogOptions.builder().engine(engine).build(), bytes);
        }
    }

    private static void dropCaches() throws Exception {
        new ProcessBuilder("sync").start().waitFor();
        Thread.sleep(REST_MILLIS);
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "1"); // as root
    }

    private static double replayByHand(final Path path, final long bytes, final boolean cold) throws Exception {
        if (cold) {
            dropCaches();
        }
        final List<String> names = new ArrayList<>();
        for (final String name : EngineFiles.list(path)) {
            if (Segments.sequenceOf(name) != Format.NONE) {
                names.add(name);
            }
        }
        names.sort(null);
        final ByteBuffer window = ByteBuffer.allocateDirect(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
        final ByteBuffer prefix = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        final CRC32C crc = new CRC32C();
        final long begin = System.nanoTime();
        long sum = 0;
        long wrong = 0;
        for (final String name : names) {
            final long base = Segments.sequenceOf(name) * LogOptions.defaults().segmentBytes();
            try (FileChannel channel = FileChannel.open(path.resolve(name), StandardOpenOption.READ)) {
                channel.read(window.clear(), 0);
                prefix.putLong(0, window.getLong(16)); // the log's id
                long offset = Format.HEADER_BYTES;
                window.clear().flip();
                while (true) {
                    if (window.remaining() < Format.framed(REPLAYED_BYTES)) {
                        if (channel.read(window.clear(), offset) < Format.framed(REPLAYED_BYTES)) {
                            break;
                        }
                        window.flip();
                    }
                    final int at = window.position();
                    final int length = window.getInt(at + 4);
                    if (length == 0 || Format.framed(length) > window.remaining()) {
                        break;
                    }
                    final int end = window.limit();
                    crc.reset();
                    prefix.putLong(8, base + offset).putInt(20, length).putLong(24, window.getLong(at + 8));
                    crc.update(prefix.array());
                    crc.update(window.limit(at + Format.FRAME_HEADER_BYTES + length)
                            .position(at + Format.FRAME_HEADER_BYTES));
                    wrong += (int) crc.getValue() == window.getInt(at) ? 0 : 1;
                    sum += window.get(at + Format.FRAME_HEADER_BYTES);
                    window.limit(end).position(at + (int) Format.framed(length));
                    offset += Format.framed(length);
                }
            }
        }
        if (wrong > 0) {
            throw new AssertionError(wrong + " wrong checksums");
        }
        return rate(bytes, begin, sum);
    }
}
