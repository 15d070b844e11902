// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.internal.buffer.CacheView;
import io.writethrough.internal.jni.NativeIo;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongToIntFunction;
import org.jspecify.annotations.Nullable;

/** Bytes that native code has pinned, in one run of the cache or several, or a copy. They are given back when this is lost, too. */
public final class PinnedMemory implements Pinned {
    /** WT_PIN_MOST */
    public static final int MAX_LENGTH = 256 << 10;

    private static final int WT_PIN_RUNS = 65;
    private static final int PAGE_BYTES = 4096;

    private final OpenFile file; /* open as long as this is reachable, and so its engine is */
    private final @Nullable CacheView view;
    private final long position;
    private final int length;
    private final long[] runs;
    private final @Nullable NativeHandle handle;

    /* The bytes in one piece, where the runs are several. */
    private volatile @Nullable ByteBuffer copy;
    private volatile boolean open = true;

    PinnedMemory(final OpenFile file, final long position, final ByteBuffer copy) {
        this.file = file;
        this.view = null;
        this.position = position;
        this.length = copy.remaining();
        this.runs = new long[0];
        this.handle = null;
        this.copy = copy.asReadOnlyBuffer();
    }

    PinnedMemory(
            final OpenFile file, final CacheView view, final long position, final long[] runs, final int runCount) {
        this.file = file;
        this.view = view;
        this.position = position;
        this.runs = runCount == runs.length ? runs : Arrays.copyOf(runs, runCount);
        int bytes = 0;
        for (final long run : this.runs) {
            bytes += CacheView.lengthOf(run);
        }
        this.length = bytes;
        this.handle = handle(this, file.engine().handle(), file.path(), position, length, this.runs);
    }

    /** How many runs so many bytes can have: one for each page that they touch. */
    static int mostRuns(final int length) {
        return Math.min(length / PAGE_BYTES + 2, WT_PIN_RUNS);
    }

    /* Static, so that what closes it does not know the owner. */
    private static @Nullable NativeHandle handle(
            final PinnedMemory owner,
            final long engine,
            final Path path,
            final long position,
            final int length,
            final long[] runs) {
        if (runs.length == 0) {
            return null;
        }
        final Throwable made = Pinned.here();
        try {
            return NativeHandle.of(
                    owner, engine, unpinning(runs), () -> Pinned.description(path, position, length, made));
        } catch (final Throwable e) {
            unpinning(runs).applyAsInt(engine);
            throw e;
        }
    }

    private static LongToIntFunction unpinning(final long[] runs) {
        return engine -> {
            for (final long run : runs) {
                NativeIo.unpin(engine, run);
            }
            return 0;
        };
    }

    @Override
    public long position() {
        return position;
    }

    @Override
    public int length() {
        return length;
    }

    @Override
    public boolean isCopy() {
        return view == null;
    }

    @Override
    public boolean isOpen() {
        return open;
    }

    /* If the runs are several, they are copied the first time. */
    @Override
    public ByteBuffer buffer() {
        requireOpen();
        final ByteBuffer copied = copy;
        if (copied != null) {
            return copied.duplicate();
        }
        final List<ByteBuffer> pieces = segments();
        if (pieces.size() == 1) {
            return pieces.get(0);
        }
        final ByteBuffer whole = ByteBuffer.allocate(length);
        pieces.forEach(whole::put);
        final ByteBuffer readOnly = whole.flip().asReadOnlyBuffer();
        requireOpen();
        copy = readOnly;
        return readOnly.duplicate();
    }

    @Override
    public List<ByteBuffer> segments() {
        requireOpen();
        if (view == null) {
            return length == 0 ? List.of() : List.of(buffer());
        }
        final List<ByteBuffer> pieces = new ArrayList<>(runs.length);
        for (final long run : runs) {
            for (int from = 0; from < CacheView.lengthOf(run); ) {
                final ByteBuffer piece = view.pinned(run, from);
                pieces.add(piece);
                from += piece.capacity();
            }
        }
        return pieces;
    }

    @Override
    public void close() {
        open = false;
        if (handle != null) {
            handle.close();
        }
    }

    @Override
    public String toString() {
        return text(file.path());
    }
}
