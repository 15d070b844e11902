// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.jni.NativeIo;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * The cache of an engine as Java sees it: reads what is cached without a call of native code, which costs more than a small
 * copy, and pins so. It takes no lock and writes to no memory of others but its counts. How that can be right is said in view.h
 * and pins.h of native/src/cache; what is not to be had so is left to the {@link NativeIo}.
 *
 * <p>The memory stays mapped until {@link #release} has run, also when the engine is closed: then nothing is found in it.
 */
public final class CacheView {
    /** The result of a read or a pin that native code is to do, and the slot where none is free. */
    public static final int ASK = -1;

    private static final VarHandle LONGS = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());

    /** Made by the first pin, so that no start of a program pays for it. */
    private static final class Counts {
        static final VarHandle INTS = MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.nativeOrder());

        private Counts() {}
    }

    /* enum wt_view_part */
    private static final int ARENA = 0;
    private static final int FOLIOS = 1;
    private static final int BUCKETS = 2;
    private static final int INODES = 3;
    private static final int FACES = 4;
    private static final int HITS = 5;
    private static final int PINS = 6;
    private static final int SLOTS = 7;

    /* As view_layout of jni.c has them. */
    private static final int FOLIO_BYTES;
    private static final int FOLIO_CHAIN;
    private static final int FOLIO_FRAMES;
    private static final int INODE_BYTES;
    private static final int INODE_ID;
    private static final int INODE_SHOWN;
    private static final int INODE_LOST;
    private static final int HIT_STRIPES;
    private static final int HIT_BYTES;
    private static final int SLOT_PAGES;
    private static final int STRIPE_SLOTS;

    static {
        final int[] layout = new int[11];
        NativeIo.viewLayout(layout);
        FOLIO_BYTES = layout[0];
        FOLIO_CHAIN = layout[1];
        FOLIO_FRAMES = layout[2];
        INODE_BYTES = layout[3];
        INODE_ID = layout[4];
        INODE_SHOWN = layout[5];
        INODE_LOST = layout[6];
        HIT_STRIPES = layout[7];
        HIT_BYTES = layout[8];
        SLOT_PAGES = layout[9];
        STRIPE_SLOTS = layout[10];
    }

    /* struct wt_faces */
    private static final int FACE_BYTES = 4 * Long.BYTES + Integer.BYTES;
    private static final int FACE_INDEX_BITS = 48;

    private static final int PAGE_SHIFT = 12;
    private static final int PAGE_BYTES = 1 << PAGE_SHIFT;
    private static final int FOLIO_BLOCKS_SHIFT = 6;

    /* No buffer is as long as memory may be: the arena and the folios are in several, of so many pages and folios each. */
    private static final int CHUNK_SHIFT = 18;
    private static final int CHUNK_MASK = (1 << CHUNK_SHIFT) - 1;

    private static final long CHUNK_BYTES = (long) PAGE_BYTES << CHUNK_SHIFT;

    /* WT_FRAME_LEFT and one pin: who takes that one off frees the page. */
    private static final int LAST_OF_LEFT = 1 << 31 | 1;

    /* As pin of jni.c has it. */
    private static final int PINNED_LENGTH_BITS = 19;

    /* One read of so many is timed, as in native code. */
    private static final int READS_OF_SAMPLE = 64;

    /* Of a chain. Only who was led astray meets more. */
    private static final int MAX_STEPS = 8;

    private final long engine;
    private final long view;
    private final ByteBuffer[] arena;
    private final ByteBuffer[] pinnedArena;
    private final int frameCount;
    private final ByteBuffer[] folios;
    private final ByteBuffer buckets;
    private final int bucketMask;
    private final ByteBuffer inodes;
    private final ByteBuffer faces;
    private final int keys;
    private final int readables;
    private final int pinnables;
    private final int bases;
    private final ByteBuffer hits;
    private final ByteBuffer pins;
    private final ByteBuffer slots;
    private final int slotStripes;
    private final int stripeSlots;

    private CacheView(final long engine, final long view) {
        this.engine = engine;
        this.view = view;
        this.arena = chunks(view, ARENA, CHUNK_BYTES);
        this.pinnedArena = new ByteBuffer[arena.length];
        for (int i = 0; i < arena.length; i++) {
            pinnedArena[i] = arena[i].asReadOnlyBuffer();
        }
        this.frameCount = (int) (NativeIo.viewBytes(view, ARENA) / PAGE_BYTES);
        this.folios = chunks(view, FOLIOS, (long) FOLIO_BYTES << CHUNK_SHIFT);
        this.buckets = part(view, BUCKETS);
        this.bucketMask = buckets.capacity() / Integer.BYTES - 1;
        this.inodes = part(view, INODES);
        this.faces = part(view, FACES);
        final int longsBytes = faces.capacity() / FACE_BYTES * Long.BYTES;
        this.keys = longsBytes;
        this.readables = 2 * longsBytes;
        this.pinnables = 3 * longsBytes;
        this.bases = 4 * longsBytes;
        this.hits = part(view, HITS);
        this.pins = part(view, PINS);
        this.slots = NativeIo.viewBytes(view, SLOTS) == 0 ? ByteBuffer.allocateDirect(0) : part(view, SLOTS);
        this.stripeSlots = Math.min(slotCount(), STRIPE_SLOTS);
        this.slotStripes = Math.max(1, slotCount() / STRIPE_SLOTS);
    }

    /** The view of an engine's cache; null if the engine is closed, or its cache so large that no buffer shows all faces. */
    public static @Nullable CacheView of(final long engine) {
        final long view = NativeIo.viewOpen(engine);
        if (view == 0) {
            return null;
        }
        if (NativeIo.viewBytes(view, FACES) > Integer.MAX_VALUE || NativeIo.viewBytes(view, INODES) == 0) {
            NativeIo.viewClose(view);
            return null;
        }
        return new CacheView(engine, view);
    }

    /**
     * What a buffer of {@link #pinned} keeps reachable: one of these. As long as one is reachable, the memory must stay, by a
     * {@link #use} of its own.
     */
    public Object[] anchors() {
        return arena.clone();
    }

    /** A further use of the memory; what ends it knows nothing of this view. */
    public Runnable use() {
        final long used = NativeIo.viewOpen(engine);
        return used == 0 ? () -> {} : release(used);
    }

    /** The length of a run that {@link NativeIo#pin} or {@link File#pin} found. */
    public static int lengthOf(final long run) {
        return (int) run & (1 << PINNED_LENGTH_BITS) - 1;
    }

    /** A part of a run that was pinned, read-only, from an index of the run to its end or to where memory is in another buffer. */
    public ByteBuffer pinned(final long run, final int from) {
        final long start = (run >> PINNED_LENGTH_BITS) + from;
        final ByteBuffer chunk = pinnedArena[(int) (start >>> PAGE_SHIFT + CHUNK_SHIFT)];
        final int index = (int) (start & CHUNK_BYTES - 1);
        return chunk.slice(index, Math.min(lengthOf(run) - from, chunk.capacity() - index));
    }

    /** How many pins there can be without native code. */
    public int slotCount() {
        return slots.capacity() / Integer.BYTES;
    }

    /* The pages that a range touches. */
    private static int pagesOf(final long start, final int length) {
        return (int) ((start & PAGE_BYTES - 1) + length + PAGE_BYTES - 1 >>> PAGE_SHIFT);
    }

    /**
     * Takes a slot for a pin of this range, to be given back by {@link #giveSlot}; {@link #ASK} if none is free, or the range has too
     * many pages.
     */
    public int takeSlot(final long position, final int length) {
        try {
            final int pages = pagesOf(position, length);
            final int first = ((int) Thread.currentThread().getId() & slotStripes - 1) * STRIPE_SLOTS;
            for (int slot = first; pages <= SLOT_PAGES && slot < first + stripeSlots; slot++) {
                if (slots.getInt(slot * Integer.BYTES) == 0
                        && Counts.INTS.compareAndSet(slots, slot * Integer.BYTES, 0, pages)) {
                    return slot;
                }
            }
            return ASK;
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** Gives a slot back. Its pages, if it had any, were given back before. */
    public void giveSlot(final int slot) {
        Counts.INTS.setRelease(slots, slot * Integer.BYTES, 0);
        Reference.reachabilityFence(this);
    }

    /** Gives a run of {@link File#pin} back. */
    public void unpin(final long run) {
        final long start = run >> PINNED_LENGTH_BITS;
        takeOff((int) (start >> PAGE_SHIFT), pagesOf(start, lengthOf(run)));
        Reference.reachabilityFence(this);
    }

    private void takeOff(final int frame, final int pages) {
        for (int i = frame; i < frame + pages; i++) {
            if ((int) Counts.INTS.getAndAdd(pins, i * Integer.BYTES, -1) == LAST_OF_LEFT) {
                NativeIo.freeLeft(engine, i);
            }
        }
    }

    /* The frame of a page of a folio that others follow in order; -1: they do not. */
    private int scatteredFrame(final int folio, final int page, final int pages) {
        final ByteBuffer chunk = folios[folio >>> CHUNK_SHIFT];
        final int frames = (folio & CHUNK_MASK) * FOLIO_BYTES + FOLIO_FRAMES;
        final int first = chunk.getInt(frames + page * Integer.BYTES);
        for (int i = 1; i < pages; i++) {
            if (chunk.getInt(frames + (page + i) * Integer.BYTES) != first + i) {
                return -1;
            }
        }
        return first;
    }

    /** Lets go of the memory. To be run once, when nobody reads this view any more; it does not know the view. */
    public Runnable release() {
        return release(view);
    }

    private static Runnable release(final long view) {
        return () -> NativeIo.viewClose(view);
    }

    private static ByteBuffer part(final long view, final int part) {
        return buffer(view, part, 0, NativeIo.viewBytes(view, part));
    }

    private static ByteBuffer buffer(final long view, final int part, final long offset, final long bytes) {
        return NativeIo.viewBuffer(view, part, offset, bytes).order(ByteOrder.nativeOrder());
    }

    private static ByteBuffer[] chunks(final long view, final int part, final long chunkBytes) {
        final long bytes = NativeIo.viewBytes(view, part);
        final ByteBuffer[] chunks = new ByteBuffer[Math.toIntExact((bytes + chunkBytes - 1) / chunkBytes)];
        for (int i = 0; i < chunks.length; i++) {
            final long offset = i * chunkBytes;
            chunks[i] = buffer(view, part, offset, Math.min(chunkBytes, bytes - offset));
        }
        return chunks;
    }

    /** A file that is open for reading; null if its reads are all for native code. */
    public @Nullable File file(final long handle) {
        final long[] fields = new long[4];
        return NativeIo.viewFile(handle, fields) ? new File(this, fields) : null;
    }

    /* The next of a chain that has this key; -1: there is none. Links of chains are complements: see wt_link_of. */
    private int findAfter(final int first, final long key) {
        int folio = first;
        for (int steps = 0; folio >= 0 && steps < MAX_STEPS; steps++) {
            folio = ~folios[folio >>> CHUNK_SHIFT].getInt((folio & CHUNK_MASK) * FOLIO_BYTES + FOLIO_CHAIN);
            if (folio >= 0 && faces.getLong(keys + folio * Long.BYTES) == key) {
                return folio;
            }
        }
        return -1;
    }

    /* Copies out of pages of a folio that may be anywhere in the arena; false if one is not there. */
    private boolean copyScattered(
            final int folio, final int offset, final ByteBuffer destination, final int start, final int length) {
        final ByteBuffer chunk = folios[folio >>> CHUNK_SHIFT];
        final int frames = (folio & CHUNK_MASK) * FOLIO_BYTES + FOLIO_FRAMES;
        for (int done = 0; done < length; ) {
            final int at = offset + done;
            final int frame = chunk.getInt(frames + (at >>> PAGE_SHIFT) * Integer.BYTES);
            if (frame < 0) {
                return false;
            }
            final int inPage = at & PAGE_BYTES - 1;
            final int bytes = Math.min(length - done, PAGE_BYTES - inPage);
            copyRun(frame, inPage, destination, start + done, bytes);
            done += bytes;
        }
        return true;
    }

    /* Copies out of pages that follow one another. */
    private void copyRun(
            final int frame, final int inPage, final ByteBuffer destination, final int start, final int length) {
        destination.put(start, arena[frame >>> CHUNK_SHIFT], ((frame & CHUNK_MASK) << PAGE_SHIFT) + inPage, length);
        assert copied();
    }

    /* For a test, which has something happen between the copy, or the count of a pin, and the look at the version. */
    private static volatile @Nullable Runnable afterCopy;

    static void afterCopy(final @Nullable Runnable task) {
        afterCopy = task;
    }

    private static boolean copied() {
        final Runnable task = afterCopy;
        if (task != null) {
            task.run();
        }
        return true;
    }

    /** An open file. */
    public static final class File {
        private final CacheView view;
        private final long inodeId;
        private final int inode;
        private final long key;
        private final int blockShift;
        private final int folioShift;
        private final int firstBucket;

        /* As view_file of jni.c has them. */
        private File(final CacheView view, final long[] fields) {
            this.view = view;
            this.inodeId = fields[0];
            this.inode = (int) fields[1] * INODE_BYTES;
            this.key = fields[1] << FACE_INDEX_BITS;
            this.blockShift = (int) fields[2];
            this.folioShift = blockShift + FOLIO_BLOCKS_SHIFT;
            this.firstBucket = (int) fields[3];
        }

        /**
         * Reads into a buffer from an index of it on: {@code length}, if so much is cached and in one folio and in the file.
         * Otherwise {@link #ASK}; then bytes may have been copied that are not the file's.
         */
        public int read(final ByteBuffer destination, final int start, final int length, final long position) {
            try {
                return tryRead(destination, start, length, position);
            } finally {
                Reference.reachabilityFence(view);
            }
        }

        /* In one piece: what it would cost to call its parts is a third of it. */
        private int tryRead(final ByteBuffer destination, final int start, final int length, final long position) {
            final CacheView seen = view;
            final ByteBuffer faces = seen.faces;
            final int offset = (int) (position & (1L << folioShift) - 1);
            final int last = offset + length - 1;
            if (last >>> folioShift != 0 || start > destination.limit() - length) {
                return ASK;
            }
            final int stripe = ((int) Thread.currentThread().getId() & HIT_STRIPES - 1) * HIT_BYTES;
            final long hits = seen.hits.getLong(stripe);
            final long begin = hits % READS_OF_SAMPLE == 0 ? System.nanoTime() : 0;

            final long index = position >>> folioShift;
            int folio = ~seen.buckets.getInt((firstBucket + (int) index & seen.bucketMask) * Integer.BYTES);
            if (folio < 0) {
                return ASK;
            }
            long version = (long) LONGS.getAcquire(faces, folio * Long.BYTES);
            if (faces.getLong(seen.keys + folio * Long.BYTES) != key + index) {
                folio = seen.findAfter(folio, key + index);
                if (folio < 0) {
                    return ASK;
                }
                version = (long) LONGS.getAcquire(faces, folio * Long.BYTES);
                if (faces.getLong(seen.keys + folio * Long.BYTES) != key + index) {
                    return ASK;
                }
            }
            final int first = offset >>> blockShift;
            final long blocks = -1L >>> 63 - (last >>> blockShift) + first << first;
            if ((blocks & ~faces.getLong(seen.readables + folio * Long.BYTES) | version & 1) != 0) {
                return ASK;
            }
            // Before the first byte is copied: the buffer behind the end of the file is the caller's.
            if (seen.inodes.getLong(inode + INODE_ID) != inodeId
                    || seen.inodes.getLong(inode + INODE_SHOWN) < position + length
                    || seen.inodes.get(inode + INODE_LOST) != 0) {
                return ASK;
            }
            final int base = faces.getInt(seen.bases + folio * Integer.BYTES);
            final int frame = base + (offset >>> PAGE_SHIFT);
            final int inPage = offset & PAGE_BYTES - 1;
            final int frameEnd = frame + (inPage + length >>> PAGE_SHIFT);
            // The face may be changing: then frames may be none. Those at the end of a chunk go the longer way.
            if (frame >= 0 && frameEnd < seen.frameCount && frame >>> CHUNK_SHIFT == frameEnd >>> CHUNK_SHIFT) {
                seen.copyRun(frame, inPage, destination, start, length);
            } else if (!seen.copyScattered(folio, offset, destination, start, length)) {
                return ASK;
            }
            VarHandle.acquireFence();
            if (faces.getLong(folio * Long.BYTES) != version) {
                return ASK;
            }
            // Threads that share a stripe may lose a count of each other: better than to wait for each other's memory.
            seen.hits.putLong(stripe, hits + 1);
            if (begin != 0) {
                NativeIo.viewTimed(seen.engine, System.nanoTime() - begin);
            }
            return length;
        }

        /**
         * Pins what a read gets, if that is in one piece: the run. The caller has a slot for it, and gives the run back by {@link
         * CacheView#unpin}. Otherwise {@link #ASK}.
         */
        public long pin(final long position, final int length) {
            try {
                return tryPin(position, length);
            } finally {
                Reference.reachabilityFence(view);
            }
        }

        private long tryPin(final long position, final int length) {
            final CacheView seen = view;
            final ByteBuffer faces = seen.faces;
            final int offset = (int) (position & (1L << folioShift) - 1);
            final int last = offset + length - 1;
            if (last >>> folioShift != 0) {
                return ASK;
            }
            final int stripe = ((int) Thread.currentThread().getId() & HIT_STRIPES - 1) * HIT_BYTES;
            final long hits = seen.hits.getLong(stripe);
            final long begin = hits % READS_OF_SAMPLE == 0 ? System.nanoTime() : 0;

            final long index = position >>> folioShift;
            int folio = ~seen.buckets.getInt((firstBucket + (int) index & seen.bucketMask) * Integer.BYTES);
            if (folio >= 0 && faces.getLong(seen.keys + folio * Long.BYTES) != key + index) {
                folio = seen.findAfter(folio, key + index);
            }
            if (folio < 0) {
                return ASK;
            }
            final long version = (long) LONGS.getAcquire(faces, folio * Long.BYTES);
            final int first = offset >>> blockShift;
            final long blocks = -1L >>> 63 - (last >>> blockShift) + first << first;
            if (faces.getLong(seen.keys + folio * Long.BYTES) != key + index
                    || (blocks & ~faces.getLong(seen.pinnables + folio * Long.BYTES) | version & 1) != 0
                    || seen.inodes.getLong(inode + INODE_ID) != inodeId
                    || seen.inodes.getLong(inode + INODE_SHOWN) < position + length
                    || seen.inodes.get(inode + INODE_LOST) != 0) {
                return ASK;
            }
            final int page = offset >>> PAGE_SHIFT;
            final int pages = pagesOf(offset, length);
            int frame = faces.getInt(seen.bases + folio * Integer.BYTES) + page;
            if (frame < 0) {
                frame = seen.scatteredFrame(folio, page, pages);
            }
            final int lastFrame = frame + pages - 1;
            if (frame < 0 || lastFrame >= seen.frameCount || frame >>> CHUNK_SHIFT != lastFrame >>> CHUNK_SHIFT) {
                return ASK;
            }
            for (int i = frame; i <= lastFrame; i++) {
                Counts.INTS.getAndAdd(seen.pins, i * Integer.BYTES, 1);
            }
            assert copied();
            if ((long) LONGS.getVolatile(faces, folio * Long.BYTES) != version) {
                seen.takeOff(frame, pages);
                return ASK;
            }
            seen.hits.putLong(stripe, hits + 1);
            if (begin != 0) {
                NativeIo.viewTimed(seen.engine, System.nanoTime() - begin);
            }
            return ((long) frame << PAGE_SHIFT | offset & PAGE_BYTES - 1) << PINNED_LENGTH_BITS | length;
        }
    }
}
