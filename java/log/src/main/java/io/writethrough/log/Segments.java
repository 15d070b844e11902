// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * The segments of an open log. Names of segments are taken and given by the helper, so that no append waits for a journal of
 * the file system. One segment is ready before it is needed.
 */
final class Segments implements Closeable {
    private static final String SEGMENT = ".seg";
    private static final String FREE = ".free";

    private final LogFiles files;
    private final long logId;
    private final long segmentBytes;
    private final int mostSpares;
    private final Executor helper;

    private final Deque<Segment> ready = new ArrayDeque<>();
    private final Deque<Spare> spares = new ArrayDeque<>();

    /* The sequences first..last are there; those behind the current one are ready. */
    private long first;
    private long last;
    private long nextSpare;
    private int wanted;
    private boolean underWay;
    private boolean closed;
    private @Nullable Throwable failure;

    /* Of the newest segment, or of the one behind it. Nothing else behind the current one is named or given up before it ends. */
    private @Nullable Renaming renaming;
    private long made;
    private long recycled;

    /**
     * A file to be used again. If it was trimmed, no LSN of its frames is ever given again: so the frames can stay, and are not
     * valid in another segment.
     */
    private record Spare(String name, boolean wasTrimmed) {}

    /**
     * A file that goes from a spare's name to a segment's, or back. If that fails, it may have either name, and a power cut may
     * give it the other.
     */
    private record Renaming(long sequence, String spareName) {}

    /** A segment that is open for writing. */
    record Segment(LogFile file, long sequence, long base) {
        /** The LSN of its first frame. */
        long firstLsn() {
            return base + Format.HEADER_BYTES;
        }
    }

    Segments(
            final LogFiles files,
            final long logId,
            final long segmentBytes,
            final int mostSpares,
            final Executor helper) {
        this.files = files;
        this.logId = logId;
        this.segmentBytes = segmentBytes;
        this.mostSpares = mostSpares;
        this.helper = helper;
    }

    static String nameOf(final long sequence) {
        return String.format("%016x", sequence) + SEGMENT;
    }

    /** The sequence that the name is of; -1 if it is no segment's. */
    static long sequenceOf(final String name) {
        if (name.length() != 16 + SEGMENT.length() || !name.endsWith(SEGMENT)) {
            return Format.NONE;
        }
        try {
            final long sequence = Long.parseUnsignedLong(name.substring(0, 16), 16);
            return sequence > 0 && nameOf(sequence).equals(name) ? sequence : Format.NONE;
        } catch (final NumberFormatException e) {
            return Format.NONE;
        }
    }

    /** Takes over what the directory has: the sequences, and the spare files among the names. */
    synchronized void begin(final long firstSequence, final long lastSequence, final List<String> names) {
        first = firstSequence;
        last = lastSequence;
        for (final String name : names) {
            if (name.endsWith(FREE)) {
                spares.add(new Spare(name, false));
                nextSpare = Math.max(nextSpare, numberOf(name) + 1);
            }
        }
    }

    private static long numberOf(final String spare) {
        try {
            return Long.parseLong(spare.substring(0, spare.length() - FREE.length()), 16);
        } catch (final NumberFormatException e) {
            return 0;
        }
    }

    Segment open(final long sequence) throws IOException {
        return new Segment(files.open(nameOf(sequence), false), sequence, sequence * segmentBytes);
    }

    /** A segment behind the current one that recovery found, and that has no frame. */
    synchronized void addReady(final Segment segment) {
        ready.add(segment);
    }

    synchronized long first() {
        return first;
    }

    /** The newest segment, with or without a frame. */
    synchronized long last() {
        return last;
    }

    synchronized int spareCount() {
        return spares.size();
    }

    synchronized long made() {
        return made;
    }

    synchronized long recycled() {
        return recycled;
    }

    /** Sees to it that so many segments become ready. */
    void prepare(final int count) {
        synchronized (this) {
            wanted = Math.max(wanted, count);
            failure = null;
            if (underWay || closed || ready.size() >= wanted) {
                return;
            }
            underWay = true;
        }
        boolean done = false;
        try {
            helper.execute(this::prepareWanted);
            done = true;
        } finally {
            if (!done) {
                stop();
            }
        }
    }

    private synchronized void stop() {
        wanted = 0;
        underWay = false;
        notifyAll();
    }

    /**
     * The next segments, in order. Waits until they are ready.
     *
     * @throws IOException if they cannot be made, for want of room above all: none is taken
     */
    List<Segment> take(final int count) throws IOException {
        prepare(count);
        synchronized (this) {
            boolean interrupted = false;
            while (ready.size() < count && failure == null && !closed) {
                try {
                    wait();
                } catch (final InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (ready.size() < count) {
                throw new IOException(
                        "The log " + files + " has no next segment: "
                                + (failure == null ? "it is closed" : failure.getMessage()),
                        failure);
            }
            final List<Segment> taken = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                taken.add(ready.remove());
            }
            return taken;
        }
    }

    /** Segments that were taken and not written come first again. */
    synchronized void putBack(final List<Segment> taken) {
        for (int i = taken.size() - 1; i >= 0; i--) {
            ready.addFirst(taken.get(i));
        }
    }

    /* By the helper. Whatever is thrown, a thread that waits is told: that needs no memory. */
    private void prepareWanted() {
        try {
            while (prepareNext()) {
                // one after the other
            }
        } catch (final Throwable e) {
            synchronized (this) {
                failure = e;
                stop();
            }
        }
    }

    /* False: nothing more is wanted. */
    private boolean prepareNext() throws IOException {
        final long sequence;
        final @Nullable Spare spare;
        final String name;
        synchronized (this) {
            if (closed || failure != null || ready.size() >= wanted) {
                stop();
                return false;
            }
            sequence = last + 1;
            spare = spares.poll();
            name = spare == null ? nextSpareName() : spare.name;
        }
        try {
            deleteHalfRenamed();
            final Segment segment = make(sequence, name, spare != null && spare.wasTrimmed);
            synchronized (this) {
                ready.add(segment);
                last = sequence;
                renaming = null;
                made++;
                recycled += spare == null ? 0 : 1;
                notifyAll();
            }
            return true;
        } catch (final Throwable e) {
            giveUp(name, spare, e);
            throw e;
        }
    }

    /* A file that is new goes: others may need the room. */
    private void giveUp(final String name, final @Nullable Spare spare, final Throwable why) {
        if (spare == null) {
            try {
                files.delete(name);
            } catch (final IOException e) {
                why.addSuppressed(e);
            }
            return;
        }
        synchronized (this) {
            if (!isHalfRenamed(name)) {
                spares.addFirst(spare);
            }
        }
    }

    private boolean isHalfRenamed(final String spareName) {
        return renaming != null && renaming.spareName.equals(spareName);
    }

    /* After a change of a name that failed: the file goes under both names, durably, and so does its segment. */
    private void deleteHalfRenamed() throws IOException {
        final Renaming failed;
        synchronized (this) {
            failed = renaming;
        }
        if (failed == null) {
            return;
        }
        files.delete(nameOf(failed.sequence));
        files.delete(failed.spareName);
        files.sync(List.of());
        synchronized (this) {
            last = Math.min(last, failed.sequence - 1);
            renaming = null;
        }
    }

    private synchronized void beginRenaming(final long sequence, final String spareName) {
        renaming = new Renaming(sequence, spareName);
    }

    private String nextSpareName() {
        return String.format("%016x", nextSpare++) + FREE;
    }

    private Segment make(final long sequence, final String name, final boolean wasTrimmed) throws IOException {
        final LogFile file = files.open(name, true);
        boolean done = false;
        try {
            final boolean staysAsItIs = wasTrimmed && file.size() == segmentBytes;
            if (!staysAsItIs) {
                file.zero(Format.HEADER_BYTES, segmentBytes);
            }
            final ByteBuffer header = Format.segmentHeader(logId, sequence, segmentBytes, staysAsItIs);
            file.write(new ByteBuffer[] {header, Format.direct(Format.BLOCK_BYTES)}, 0);
            beginRenaming(sequence, name);
            file.renameTo(nameOf(sequence));
            done = true;
            return new Segment(file, sequence, sequence * segmentBytes);
        } finally {
            if (!done) {
                file.close();
            }
        }
    }

    /** The current segment is full. */
    void retire(final Segment segment) {
        helper.execute(() -> {
            try {
                segment.file().close();
            } catch (final IOException e) {
                DurableLog.LOGGER.log(System.Logger.Level.WARNING, "Closing " + segment.file(), e);
            }
        });
    }

    /** Gives up the segments before the sequence. Of these one may be gone already: the log has no record in any of them. */
    void recycleBefore(final long sequence) throws IOException {
        while (true) {
            final long oldest;
            synchronized (this) {
                if (first >= sequence || closed) {
                    return;
                }
                oldest = first++;
            }
            try {
                recycle(oldest, true);
            } catch (final NoSuchFileException e) {
                DurableLog.LOGGER.log(System.Logger.Level.DEBUG, "A segment before the start is gone", e);
            }
        }
    }

    /** Gives up the segments behind the sequence, the newest first. None may be in use but those that are ready. */
    void recycleBehind(final long sequence) throws IOException {
        closeAll(takeReady());
        while (true) {
            deleteHalfRenamed();
            final long newest;
            synchronized (this) {
                if (last <= sequence) {
                    return;
                }
                newest = last;
            }
            recycle(newest, false);
            synchronized (this) {
                last = newest - 1;
                renaming = null;
            }
        }
    }

    /*
     * The file loses its name, durably, before anything of it changes: so no old record is ever read under a new one. A file
     * that is only deleted might come back after a power cut.
     */
    private void recycle(final long sequence, final boolean isTrimmed) throws IOException {
        final Spare spare;
        synchronized (this) {
            spare = new Spare(nextSpareName(), isTrimmed);
        }
        if (!isTrimmed) { // a trimmed segment that stays is no gap, and the next opening gives it up
            beginRenaming(sequence, spare.name);
        }
        try (LogFile file = files.open(nameOf(sequence), false)) {
            file.renameTo(spare.name);
        }
        synchronized (this) {
            if (spares.size() < mostSpares) {
                spares.add(spare);
                return;
            }
        }
        files.delete(spare.name);
    }

    /** Runs a task beside the appends, after those before it. */
    void later(final Runnable task) {
        helper.execute(task);
    }

    /* What is ready, once the helper prepares nothing. */
    private synchronized List<Segment> takeReady() {
        boolean interrupted = false;
        while (underWay) {
            try {
                wait();
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        final List<Segment> taken = new ArrayList<>(ready);
        ready.clear();
        return taken;
    }

    /** Closes them all. Throws what the first close did that failed. */
    static void closeAll(final List<Segment> all) throws IOException {
        @Nullable IOException failed = null;
        for (final Segment segment : all) {
            try {
                segment.file().close();
            } catch (final IOException e) {
                if (failed == null) {
                    failed = e;
                } else {
                    failed.addSuppressed(e);
                }
            }
        }
        if (failed != null) {
            throw failed;
        }
    }

    /** Nothing is prepared or recycled any more. Waits for what the helper does. */
    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
        }
        awaitHelper();
        closeAll(takeReady());
    }

    /* Its tasks run in their order. A helper that refuses this one has none left that it would run. */
    private void awaitHelper() {
        final CompletableFuture<Void> done = new CompletableFuture<>();
        try {
            helper.execute(() -> done.complete(null));
        } catch (final RejectedExecutionException | OutOfMemoryError e) {
            return;
        }
        done.join();
    }
}
