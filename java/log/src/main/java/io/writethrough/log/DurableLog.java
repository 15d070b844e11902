// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.WriteThroughFile;
import io.writethrough.log.Format.Control;
import io.writethrough.log.Segments.Segment;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A write-ahead log: records that are on stable storage when {@code append} returns, in one order, in a directory of its own.
 *
 * <pre>{@code
 * try (DurableLog log = DurableLog.open(Path.of("log"))) {
 *     long lsn = log.append(record);                        // durable
 *     try (LogReader reader = log.reader(log.start())) {
 *         while (reader.next()) {
 *             apply(reader.lsn(), reader.record());
 *         }
 *     }
 *     log.trim(lsn);                                        // records before are not needed any more
 * }
 * }</pre>
 *
 * <p><b>Positions.</b> A record has an LSN, a 64-bit number that grows from record to record by more than one, and is a
 * multiple of 8. No other record ever gets it, but after {@link #truncateAfter}.
 *
 * <p><b>Appends.</b> Any number of threads may append. Their records leave together. An append is told to be durable when all
 * appends before it are. A record has from 1 byte to 1 GiB. The bytes between a buffer's position and limit are taken, and
 * the position moves to the limit; if the append throws, no position has moved. The buffer is the caller's again when the call
 * returns, and must not change before. If another thread changes the bytes of a buffer during a synchronous append of more than
 * 64 KiB, or of one that begins a new segment, the record may be one that cannot be read: an opening or a reader then takes it
 * for damage. A synchronous append of up to 64 KiB allocates nothing on the heap, but where it begins a new segment.
 *
 * <p><b>Crashes.</b> After a power cut or a {@code kill -9} the log has every record that was acknowledged, byte for byte. Of
 * appends that were not acknowledged it has some first ones, in order and each whole, or none. Opening cuts off a torn tail and
 * tells its length ({@link #recovery()}). Damage to acknowledged records is an error, {@link LogDamagedException}, and nothing
 * is cut off. Damage to the very last appends before a crash cannot be told from a torn tail.
 *
 * <p><b>Futures.</b> A future of the log completes on a thread of the engine, or on one that appends or waits for the log at
 * that moment. A dependent may append, and may block: no append, wait or reader of another thread waits for a dependent. Futures
 * that complete together are completed one after the other. So a dependent must not wait for another future of the log: run
 * such a dependent by {@code thenApplyAsync} and the like.
 *
 * <p><b>Errors.</b> If a write fails, all appends that are not durable yet fail, and a later append goes on behind them. If
 * there is no room for another segment, appends fail that need one, and work again when there is room.
 *
 * <p><b>Looking after it.</b> {@link #stats()} and {@link #toString()}; {@link DurableLogMXBean}; the flight recorder's events {@code
 * io.writethrough.log.Recovery} and {@code io.writethrough.log.Segment}; {@code java -jar writethrough-log.jar
 * inspect|verify|dump DIRECTORY}.
 *
 * <p><b>Owner.</b> One process has a log open at a time, once. {@link #openReadOnly} reads beside it.
 *
 * <p><b>Threads.</b> All methods may be called by any thread. They ignore interrupts, except where they say otherwise.
 *
 * @since 0.1
 */
public final class DurableLog implements Closeable {
    static final System.Logger LOGGER = System.getLogger(DurableLog.class.getPackageName());
    static final long MOST_RECORD_BYTES = 1 << 30;

    /* The directories that this class has open for appends. */
    private static final Set<Path> OPEN = new HashSet<>();

    private final LogFiles files;
    private final @Nullable ControlFile control;
    private final long logId;
    private final long segmentBytes;
    private final RecoveryReport recovery;
    private final Watermark watermark;
    private final @Nullable Segments segments;
    private final @Nullable Appends appends;
    private final Runnable afterClose;
    private final long retentionBytes;

    /* Takes the bean away. */
    private Runnable unregister = () -> {};

    private volatile long start;
    /* Where the records end that the opening found and no truncation has taken back. 0: readers do not use that. */
    private volatile long foundEnd;
    /* Where truncations have cut, in their order. */
    private volatile long[] cuts = {};
    private volatile boolean closed;

    /* Of a log that is open for reads alone: a cut may not be finished. How many cuts its owners had made. */
    private volatile boolean cutsPending;
    private final long ownersCuts;

    /* Guards trims and cuts. Never waited for by the helper: its holder may wait for the helper. */
    private final ReentrantLock changes = new ReentrantLock();

    private DurableLog(
            final LogFiles files,
            final ControlFile control,
            final RecoveryReport recovery,
            final Segments segments,
            final Segment current,
            final LogOptions options,
            final Runnable afterClose) {
        this.files = files;
        this.control = control;
        this.logId = control.now().logId();
        this.segmentBytes = control.now().segmentBytes();
        this.recovery = recovery;
        this.watermark = new Watermark(recovery.end());
        this.segments = segments;
        this.appends = new Appends(files, segments, watermark, control.now(), current, recovery.end());
        this.start = recovery.start();
        this.foundEnd = files.opensBesideWrites() ? recovery.end() : 0;
        this.retentionBytes = options.retentionBytes();
        this.ownersCuts = 0;
        this.afterClose = afterClose;
        appends.afterRoll(() -> segments.later(this::trimByRetention));
        segments.prepare(1);
    }

    private DurableLog(final LogFiles files, final Control control, final RecoveryReport recovery) {
        this.files = files;
        this.control = null;
        this.logId = control.logId();
        this.segmentBytes = control.segmentBytes();
        this.recovery = recovery;
        this.watermark = new Watermark(recovery.end());
        this.segments = null;
        this.appends = null;
        this.start = recovery.start();
        this.retentionBytes = 0;
        this.afterClose = () -> {};
        this.cutsPending = control.cut() != Format.NONE;
        this.ownersCuts = control.cuts();
    }

    // ---- opening ----

    /**
     * Opens a log with default options. As {@link #open(Path, LogOptions)} in all else.
     *
     * @param directory as there
     * @return as there
     * @throws IOException as there
     */
    public static DurableLog open(final Path directory) throws IOException {
        return open(directory, LogOptions.defaults());
    }

    /**
     * Opens a log for appends and reads. If the directory is missing or empty, a log is made in it, durably. The opening reads
     * the last segment, and cuts off a torn tail.
     *
     * @param directory of the default file system, for this log alone
     * @param options how to open it
     * @return the log
     * @throws LogDamagedException if records are missing or damaged in what the opening looks at: nothing was changed
     * @throws IllegalStateException if this JVM has the log open
     * @throws IOException if another process has the log open, or files cannot be read or written
     */
    public static DurableLog open(final Path directory, final LogOptions options) throws IOException {
        makeDirectory(directory, WriteThroughFile::forceDirectory);
        final Path real = directory.toRealPath();
        synchronized (OPEN) {
            if (!OPEN.add(real)) {
                throw new IllegalStateException("The log " + directory + " is open in this JVM. Close it first");
            }
        }
        final ExecutorService helper = Executors.newSingleThreadExecutor(task -> {
            final Thread thread = new Thread(task, "log segments " + directory.getFileName());
            thread.setDaemon(true);
            return thread;
        });
        final Runnable afterClose = () -> {
            helper.shutdown();
            synchronized (OPEN) {
                OPEN.remove(real);
            }
        };
        boolean done = false;
        try {
            final DurableLog log = open(new EngineFiles(options.engine(), real), options, helper, afterClose);
            log.unregister = LogBean.register(log);
            done = true;
            return log;
        } finally {
            if (!done) {
                afterClose.run();
            }
        }
    }

    /** Makes durable which names a directory has. */
    interface Force {
        void force(Path directory) throws IOException;
    }

    static void makeDirectory(final Path directory, final Force names) throws IOException {
        if (!Files.isDirectory(directory)) {
            final Path whole = directory.toAbsolutePath();
            @Nullable Path there = whole.getParent();
            while (there != null && !Files.isDirectory(there)) {
                there = there.getParent();
            }
            Files.createDirectories(directory);
            boolean isOurs = true;
            for (Path made = whole; made.getParent() != null; made = made.getParent()) {
                try {
                    names.force(made.getParent());
                } catch (final IOException e) {
                    if (isOurs) {
                        throw e;
                    }
                    break; // not made just now: we may not read the directory, or its file system is for reads alone
                }
                isOurs &= !made.getParent().equals(there);
            }
        }
    }

    /* Each step is durable before the next one begins, so that a crash between any two leaves what the next opening understands. */
    static DurableLog open(
            final LogFiles files, final LogOptions options, final Executor helper, final Runnable afterClose)
            throws IOException {
        final boolean isNew = !files.list().contains(ControlFile.NAME);
        if (isNew && !Recovery.sequences(files.list()).isEmpty()) {
            throw new LogDamagedException(files, ControlFile.NAME, 0, 0, "the file is missing");
        }
        final LogFile file = files.open(ControlFile.NAME, isNew);
        boolean done = false;
        try {
            final Object event = LogEvents.beginRecovery();
            final Control known = ControlFile.read(file, files);
            final DurableLog log = known == null
                    ? make(files, file, options, helper, afterClose)
                    : recover(files, file, known, options, helper, afterClose);
            LogEvents.endRecovery(event, files, log.recovery);
            done = true;
            return log;
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    private static DurableLog make(
            final LogFiles files,
            final LogFile file,
            final LogOptions options,
            final Executor helper,
            final Runnable afterClose)
            throws IOException {
        final long logId = new SecureRandom().nextLong();
        final long segmentBytes = options.segmentBytes();
        final List<Long> sequences = Recovery.sequences(files.list());
        if (sequences.size() > 1 || sequences.size() == 1 && sequences.get(0) != 1) {
            throw new LogDamagedException(files, ControlFile.NAME, 0, 0, "it is empty, and there are segments");
        }
        if (!sequences.isEmpty()) { // of a log that was being made, and had no record
            final LogFile first = files.open(Segments.nameOf(1), false);
            try (first) {
                final long used = new Frames(first, 0, 0, Frames.window(first.size()))
                        .endOfBytes(Format.HEADER_BYTES, first.size());
                if (used > Format.HEADER_BYTES) {
                    throw new LogDamagedException(files, ControlFile.NAME, 0, 0, "it is empty, and there are records");
                }
                first.renameTo("0.free");
            }
        }
        final Segments segments = new Segments(files, logId, segmentBytes, options.spareSegments(), helper);
        segments.begin(1, 0, files.list());
        @Nullable Segment first = null;
        try {
            first = segments.take(1).get(0);
            final ControlFile control = ControlFile.make(file, logId, segmentBytes);
            final RecoveryReport report = new RecoveryReport(true, control.now().start(), first.firstLsn(), 0, 0);
            return new DurableLog(files, control, report, segments, first, options, afterClose);
        } catch (final Throwable e) {
            giveUp(segments, first, e);
            throw e;
        }
    }

    /* The opening has failed: no file stays open, and the helper does nothing more. */
    private static void giveUp(final Segments segments, final @Nullable Segment taken, final Throwable why) {
        try (segments) {
            if (taken != null) {
                segments.putBack(List.of(taken));
            }
        } catch (final IOException e) {
            why.addSuppressed(e);
        }
    }

    private static DurableLog recover(
            final LogFiles files,
            final LogFile file,
            final Control known,
            final LogOptions options,
            final Executor helper,
            final Runnable afterClose)
            throws IOException {
        final long segmentBytes = known.segmentBytes();
        final List<Long> sequences = Recovery.sequences(files.list());
        final long last = Recovery.requireAll(files, sequences, known.start(), segmentBytes);
        final Segments segments = new Segments(files, known.logId(), segmentBytes, options.spareSegments(), helper);
        segments.begin(sequences.get(0), last, files.list());
        if (known.cut() != Format.NONE) {
            segments.recycleBehind(Recovery.sequenceOf(known.cut(), segmentBytes));
            Recovery.cut(files, known.logId(), segmentBytes, known.start(), known.cut(), segmentBytes);
        }
        final Recovery recovery = new Recovery(files, known);
        final Recovery.Result found = recovery.find(segments.last());
        syncFrom(files, Recovery.sequenceOf(found.end(), segmentBytes), segments.last());
        recovery.erase();
        final ControlFile control = ControlFile.of(file, known);
        control.opened();
        segments.recycleBefore(Recovery.sequenceOf(known.start(), segmentBytes));
        final long current = Recovery.sequenceOf(found.end(), segmentBytes);
        final RecoveryReport report =
                new RecoveryReport(false, known.start(), found.end(), found.tornBytes(), found.scannedBytes());
        if (report.tornBytes() > 0) {
            LOGGER.log(System.Logger.Level.INFO, "The log {0} had a torn tail: {1}", files, report);
        }
        @Nullable Segment segment = null;
        try {
            segment = segments.open(current);
            for (long sequence = current + 1; sequence <= segments.last(); sequence++) {
                segments.addReady(segments.open(sequence));
            }
            return new DurableLog(files, control, report, segments, segment, options, afterClose);
        } catch (final Throwable e) {
            giveUp(segments, segment, e);
            throw e;
        }
    }

    /*
     * A process that was killed may have left bytes and names that are not durable. The log goes on behind them: so a power cut
     * must not take them any more.
     */
    private static void syncFrom(final LogFiles files, final long first, final long last) throws IOException {
        files.sync(
                LongStream.rangeClosed(first, last).mapToObj(Segments::nameOf).toList());
    }

    /**
     * Opens a log for reads alone, also while another process, or this one, has it open. Nothing is changed. The log ends
     * where it ended at this moment, and {@link LogReader#next} sees what is appended later. A log whose owner crashed within
     * {@link #truncateAfter} ends at the cut, as it will for the next owner. Its last records may not be
     * durable yet. Where the log is damaged, it ends before the damage for {@link #end()}.
     *
     * <p>If the owner calls {@link #truncateAfter} later, {@link LogReader#next} throws an {@link IOException} at the end of what
     * was found, or before: no reader goes on behind it, and the log is to be opened again. Until then a reader may show records
     * that were taken back, or are in the place of such.
     *
     * @param directory that has a log
     * @return the log; every method that changes a log throws {@link UnsupportedOperationException}
     * @throws IOException if there is no log, or its files cannot be read
     */
    public static DurableLog openReadOnly(final Path directory) throws IOException {
        return openReadOnly(new PlainFiles(directory));
    }

    static DurableLog openReadOnly(final LogFiles files) throws IOException {
        final Recovery.Look look = Recovery.look(files);
        final Control known = look.control();
        final Recovery.Result found = look.found();
        return new DurableLog(
                files,
                known,
                new RecoveryReport(false, known.start(), found.end(), found.tornBytes(), found.scannedBytes()));
    }

    // ---- appends ----

    Appends appends() {
        final Appends open = appends;
        if (open == null) {
            throw new UnsupportedOperationException("The log " + files + " is open for reads alone");
        }
        return open;
    }

    /**
     * Appends a record and returns when the record, and all records before it, are durable.
     *
     * @param record from 1 byte to 1 GiB
     * @return the record's LSN
     * @throws IllegalArgumentException for other lengths
     * @throws ClosedChannelException if the log is closed
     * @throws IOException if a write failed, or there is no room for another segment: the record is not in the log
     */
    public long append(final ByteBuffer record) throws IOException {
        final ByteBuffer[] one = Encoder.ofThread().one;
        one[0] = record;
        return appends().append(one, false);
    }

    /**
     * Appends one record of several buffers, one behind the other. As {@link #append(ByteBuffer)} in all else.
     *
     * @param record from 1 byte to 1 GiB in all
     * @return the record's LSN
     * @throws IOException as there
     */
    public long append(final ByteBuffer... record) throws IOException {
        return appends().append(record, false);
    }

    /**
     * Appends several records that are all in the log after a crash, or none of them. As {@link #append(ByteBuffer)} in all
     * else.
     *
     * @param records each of 1 byte or more, and 1 GiB in all
     * @return the LSN of the first
     * @throws IOException as there
     */
    public long appendBatch(final List<ByteBuffer> records) throws IOException {
        return appends().append(array(records), true);
    }

    private static ByteBuffer[] array(final List<ByteBuffer> records) {
        return records.toArray(new ByteBuffer[0]);
    }

    /**
     * Starts an append. The buffers are free when this returns. Records that one thread appends are in the log in that order.
     * The call may wait: for a segment, or while very much is under way.
     *
     * @param record as for {@link #append(ByteBuffer...)}
     * @return a future of the record's LSN, which completes when the record, and all records before it, are durable, or fails
     *     with what {@link #append(ByteBuffer...)} would have thrown
     * @throws IllegalArgumentException for a length that cannot be
     */
    public CompletableFuture<Long> appendAsync(final ByteBuffer... record) {
        return appends().appendAsync(record, false);
    }

    /**
     * Starts an append of several records that are all in the log after a crash, or none of them. As {@link #appendAsync} in
     * all else.
     *
     * @param records as for {@link #appendBatch}
     * @return a future of the LSN of the first
     */
    public CompletableFuture<Long> appendBatchAsync(final List<ByteBuffer> records) {
        return appends().appendAsync(array(records), true);
    }

    /**
     * Starts an append and returns the record's LSN. {@link #durable()}, {@link #awaitDurable} and {@link #whenDurable} tell
     * when the record is durable, or that it failed. The bytes leave for the device without further calls. As {@link
     * #appendAsync} in all else.
     *
     * @param record as for {@link #append(ByteBuffer...)}
     * @return the record's LSN
     * @throws IOException if the append could not be started: the record is not in the log
     */
    public long appendLater(final ByteBuffer... record) throws IOException {
        return appends().appendLater(record, false);
    }

    /**
     * Starts an append of several records that are all in the log after a crash, or none of them. As {@link #appendLater} in
     * all else.
     *
     * @param records as for {@link #appendBatch}
     * @return the LSN of the first
     * @throws IOException as there
     */
    public long appendBatchLater(final List<ByteBuffer> records) throws IOException {
        return appends().appendLater(array(records), true);
    }

    // ---- the watermark ----

    /**
     * The durable watermark.
     *
     * @return an LSN: all records with smaller ones are durable, and no other is known to be
     */
    public long durable() {
        return watermark.get();
    }

    /**
     * Waits until a record is durable. {@link #truncateAfter} ends the wait: at once if the record had become durable, and by an
     * {@link IOException} if not. A call that comes after that is of the next record that gets the LSN.
     *
     * @param lsn of a record that was appended
     * @throws IOException if the append has failed, or the log is closed or cut off before the record first
     */
    public void awaitDurable(final long lsn) throws IOException {
        if (watermark.isPlainlyBehind(lsn)) {
            return;
        }
        final CompletableFuture<Long> future = watermark.when(lsn, true, true);
        while (!future.isDone() && files.progress()) {
            Thread.onSpinWait();
        }
        try {
            future.join();
        } catch (final CompletionException e) {
            throw e.getCause() instanceof ClosedChannelException
                    ? new ClosedChannelException()
                    : new IOException(e.getCause() == null ? null : e.getCause().getMessage(), e.getCause());
        }
    }

    /**
     * A future that completes when a record is durable.
     *
     * @param lsn of a record that was appended
     * @return completes with the watermark; fails with what {@link #awaitDurable} would have thrown
     */
    public CompletableFuture<Long> whenDurable(final long lsn) {
        return watermark.when(lsn, true, false);
    }

    // ---- reading ----

    /** {@return the LSN from which on records are kept; of a log that is open for reads alone, at the last look} */
    public long start() {
        return start;
    }

    /**
     * Where the log ends for readers.
     *
     * @return the same as {@link #durable()}; of a log that is open for reads alone, what was found at the last look
     */
    public long end() {
        return watermark.get();
    }

    /**
     * A reader of the records from an LSN on.
     *
     * @param lsn of a record, or {@link #start()} or {@link #end()}
     * @return a reader, for one thread at a time. Close it
     * @throws IllegalArgumentException if the LSN is not between these
     * @throws IOException if no record begins there, or the log cannot be read
     */
    public LogReader reader(final long lsn) throws IOException {
        requireOpen();
        requireReadable(lsn);
        return new LogReader(this, lsn);
    }

    void requireReadable(final long lsn) {
        if (lsn < start || lsn > end()) {
            throw new IllegalArgumentException("LSN " + lsn + " is not from " + start + " to " + end());
        }
    }

    void requireOpen() throws ClosedChannelException {
        if (closed) {
            throw new ClosedChannelException();
        }
    }

    boolean isClosed() {
        return closed;
    }

    LogFiles files() {
        return files;
    }

    long logId() {
        return logId;
    }

    /** {@return the bytes of each segment of this log} */
    public long segmentBytes() {
        return segmentBytes;
    }

    /** The LSN before which nothing is written any more, unless a truncation takes back what is there. */
    long writtenEnd() {
        return appends == null ? 0 : Math.max(foundEnd, appends.sequence() * segmentBytes);
    }

    long[] cuts() {
        return cuts;
    }

    boolean isReadOnly() {
        return appends == null;
    }

    /** Of a log that is open for reads alone: whether what is behind its end may be what a cut is about to take back. */
    boolean isCutPending() throws IOException {
        if (cutsPending) {
            followOwner();
        }
        return cutsPending;
    }

    /**
     * Of a log that is open for reads alone: learns what its owner has given up. An owner tells that before anything changes. So
     * what was read before this call is of the log, unless this throws or the start is behind it.
     *
     * @throws IOException if the owner has cut the log since it was opened here
     */
    synchronized void followOwner() throws IOException {
        final Control known = ControlFile.read(files);
        if (known == null) {
            return;
        }
        if (known.cuts() != ownersCuts) {
            throw new IOException("The owner of the log " + files
                    + " took back records after it was opened for reads. Open it again by DurableLog.openReadOnly");
        }
        start = Math.max(start, known.start());
        cutsPending = known.cut() != Format.NONE;
    }

    Watermark watermark() {
        return watermark;
    }

    // ---- giving up records ----

    /**
     * Gives up the records before an LSN, durably. Segments of which no record is kept are used again for later ones, or
     * deleted.
     *
     * @param lsn of a record, or {@link #end()}; one before {@link #start()} does nothing
     * @throws IllegalArgumentException if the LSN is behind the end
     * @throws IOException if no record begins there, or the log is closed, or cannot be written
     */
    public void trim(final long lsn) throws IOException {
        final Appends of = appends();
        assert control != null && segments != null;
        changes.lock();
        try {
            requireOpen();
            of.requireOpen();
            if (lsn <= start) {
                return;
            }
            reader(lsn).close(); // a record begins there
            control.start(lsn);
            start = lsn;
        } finally {
            changes.unlock();
        }
        segments.later(() -> recycleBefore(lsn));
    }

    private void recycleBefore(final long lsn) {
        assert segments != null;
        try {
            segments.recycleBefore(Recovery.sequenceOf(lsn, segmentBytes));
        } catch (final IOException e) {
            if (!closed) {
                LOGGER.log(System.Logger.Level.WARNING, "A trimmed segment of the log " + files + " stays", e);
            }
        }
    }

    /* By the helper. While somebody else trims or cuts, the segments are left to the next roll. */
    private void trimByRetention() {
        assert appends != null && segments != null;
        if (retentionBytes == 0 || closed || !changes.tryLock()) {
            return;
        }
        final long kept = (retentionBytes + segmentBytes - 1) / segmentBytes;
        try {
            // Where a long record goes over a segment, no record begins there: more is kept then.
            for (long sequence = appends.sequence() - kept;
                    sequence > Recovery.sequenceOf(start, segmentBytes);
                    sequence--) {
                final long first = LogReader.firstRecordOf(this, sequence);
                if (first != Format.NONE) {
                    trim(first);
                    return;
                }
            }
        } catch (final IOException e) {
            if (!closed) {
                LOGGER.log(System.Logger.Level.WARNING, "The log " + files + " keeps more than it was told to", e);
            }
        } finally {
            changes.unlock();
        }
    }

    /**
     * Takes back all records behind one, durably: the next append gets the LSN behind that record. For the log of a consensus
     * protocol. Appends that are under way are finished first. A crash in the middle leaves all these records, or none.
     *
     * @param lsn of the last record to keep
     * @throws IllegalArgumentException if the LSN is not of a record that is kept
     * @throws IOException if no record begins there, as where an append failed, or the log is closed, or cannot be written. When
     *     that leaves open whether the records are gone, the log is closed
     */
    public void truncateAfter(final long lsn) throws IOException {
        appends();
        assert control != null && segments != null && appends != null;
        changes.lock();
        try {
            requireOpen();
            final long cut;
            try (LogReader reader = reader(lsn)) {
                if (!reader.next()) {
                    throw new IllegalArgumentException("LSN " + lsn + " is the end of the log " + files);
                }
                if (reader.lsn() != reader.begunAt()) {
                    throw new IOException("No record of the log " + files + " is at LSN " + lsn
                            + ": its append failed. Use the LSN of a record that a reader shows");
                }
                cut = reader.rawEnd();
            }
            final IOException why = new IOException("The log " + files + " was cut off at LSN " + cut
                    + ": no record behind it is durable. Append the record again");
            appends.cut(cut, (segment, end) -> {
                control.cut(cut);
                watermark.cut(cut, why);
                final long[] more = Arrays.copyOf(cuts, cuts.length + 1);
                more[cuts.length] = cut;
                foundEnd = Math.min(foundEnd, cut);
                cuts = more; // before records go: a reader that misses them then knows why
                watermark.wakeReaders();
                final long last = Recovery.sequenceOf(cut, segmentBytes);
                if (last != segment.sequence()) {
                    segment.file().close();
                }
                segments.recycleBehind(last);
                final long to = last == segment.sequence() ? Format.endOfZeros(end, segmentBytes) : segmentBytes;
                Recovery.cut(files, logId, segmentBytes, start, cut, to);
                control.cut(Format.NONE);
                return last == segment.sequence() ? segment : segments.open(last);
            });
        } finally {
            changes.unlock();
            watermark.tell(); // without the lock: dependents of the futures may block
        }
    }

    // ---- the rest ----

    /** {@return what the opening found} */
    public RecoveryReport recovery() {
        return recovery;
    }

    /**
     * Counts since the opening.
     *
     * @return the counts of this moment
     * @throws UnsupportedOperationException if the log is open for reads alone
     */
    public LogStats stats() {
        final Appends of = appends();
        assert segments != null;
        return new LogStats(
                of.count(),
                of.bytes(),
                of.underWay(),
                start,
                durable(),
                segments.last() - segments.first() + 1,
                segments.spareCount(),
                of.rolls(),
                segments.made(),
                segments.recycled(),
                of.repairs());
    }

    /**
     * Closes the log. Returns when appends that have begun are durable. Later ones throw {@link ClosedChannelException}. To
     * close a log that is closed does nothing.
     *
     * @throws IOException if a file cannot be written or closed; the log is closed all the same
     */
    @Override
    public void close() throws IOException {
        changes.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
        } finally {
            changes.unlock();
        }
        try {
            if (appends != null && control != null && segments != null) {
                try (control) {
                    final boolean inOrder;
                    try (segments) {
                        inOrder = appends.close();
                    }
                    if (inOrder) {
                        control.end(watermark.get());
                    }
                }
            }
        } finally {
            unregister.run();
            watermark.close();
            files.close();
            afterClose.run();
        }
    }

    /** The directory, the first and the last LSN, and the state. */
    @Override
    public String toString() {
        final Throwable failure = appends == null ? null : appends.failure();
        return "DurableLog[" + files + ", LSN " + start + " to " + end() + ", "
                + (closed ? "closed" : isReadOnly() ? "open for reads" : "open")
                + (appends == null ? "" : ", " + appends.underWay() + " under way")
                + (failure == null ? "" : ", failed: " + failure.getMessage()) + "]";
    }
}
