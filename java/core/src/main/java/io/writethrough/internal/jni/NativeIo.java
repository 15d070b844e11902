// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import io.writethrough.internal.buffer.Segments;
import java.io.FileDescriptor;
import java.lang.reflect.AccessibleObject;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Open, close, write, read, size, submit and reap by JNI: the calls whose own cost matters. native/src/api/jni.c registers them
 * when the library is loaded.
 *
 * <p>The caller has checked that indexes and lengths are within the buffers, and keeps file and buffers reachable. A
 * result of 0 or more is a count of bytes. A failure is a negative number that holds two: see {@link #errno} and {@link
 * #stableBytes}. Handles may be closed at any time: that is EBADF.
 */
public final class NativeIo {
    /** A write's durability is that of its file. */
    public static final int DURABILITY_OF_FILE = 0;

    /** A submission that would have to wait fails with EAGAIN. */
    public static final int NOWAIT = 1;

    /** A write goes to the end of the file. */
    public static final int APPEND = 2;

    /** Nothing tears a write. */
    public static final int ATOMIC = 8;

    /** A write returns when its bytes are in the cache: WT_LATER. */
    public static final int LATER = 1 << 16;

    /** A write that is submitted may end in the call: then {@link #ENDED} is returned, and no event comes. */
    public static final int MAY_END = 1 << 17;

    /** The write ended, as a whole. */
    public static final int ENDED = 1;

    /** The most events of one {@link #reap}. */
    public static final int EVENTS_AT_ONCE = 256;

    /** Longs of an event: its token, its result, its stable bytes, its offset. */
    public static final int EVENT_LONGS = 4;

    /** Longs of a request: the range of its base, its offset, its token, which its result replaces. */
    public static final int REQUEST_LONGS = 3;

    /** The most transfers of one {@link #take} or {@link #done}. */
    public static final int TRANSFERS_AT_ONCE = 64;

    /**
     * Longs of a transfer: opcode, flags, I/O priority and descriptor from the lowest bit on (8, 8, 16, 32); its offset; its
     * address; its length, and above it the RWF flags; its token.
     */
    public static final int TRANSFER_LONGS = 5;

    private static final long ERRNO_LIMIT = 4096;

    private NativeIo() {}

    /** The errno in the result of a call that failed. */
    public static int errno(final long failure) {
        return (int) (-failure % ERRNO_LIMIT);
    }

    /** The bytes, from the start of a write that failed, that are known to be stable. */
    public static long stableBytes(final long failure) {
        return -failure / ERRNO_LIMIT;
    }

    /** Whether the result is a failure with EAGAIN. */
    public static boolean isAgain(final long result) {
        return result < 0 && errno(result) == Errno.EAGAIN;
    }

    /** The failure with this result, 0 or -errno, and these stable bytes. */
    public static long failure(final long result, final long stableBytes) {
        return result - stableBytes * ERRNO_LIMIT;
    }

    /**
     * Opens a file.
     *
     * @param path its bytes and a final 0
     * @param flags of {@link OpenFlags}
     * @return its handle, which is positive, or -errno
     */
    public static native long open(long engine, byte[] path, int flags, int mode, int durability);

    /** Closes a file: 0 or -errno. */
    public static native int close(long file);

    /** Writes from a direct buffer; {@code start} is an index of it. With {@link #APPEND} the result is where it went. */
    public static native long writeDirect(
            long file, ByteBuffer source, int start, int length, long offset, int durability, int flags);

    /** Reads into a direct buffer; {@code start} is an index of it. The flags are WT_READ_*. */
    public static native long readDirect(
            long file, ByteBuffer destination, int start, int length, long offset, int flags);

    /** The same from an array. */
    public static native long writeArray(
            long file, byte[] source, int start, int length, long offset, int durability, int flags);

    /** Reads into an array. */
    public static native long readArray(long file, byte[] destination, int start, int length, long offset, int flags);

    /** The same from {@link Segments}, as one write. {@code length} is the sum of theirs. */
    public static native long writeSegments(
            long file, Object[] bases, long[] ranges, long length, long offset, int durability, int flags);

    /** Reads into {@link Segments}. {@code length} is the sum of theirs. */
    public static native long readSegments(
            long file, Object[] bases, long[] ranges, long length, long offset, int flags);

    /**
     * Starts a write from a direct buffer: 0, and an event with the token comes when it ends, or {@link #ENDED} or -errno and
     * none comes. The bytes are taken when this returns.
     */
    public static native int submitDirect(
            long file, ByteBuffer source, int start, int length, long offset, int durability, int flags, long token);

    /** The same from an array. */
    public static native int submitArray(
            long file, byte[] source, int start, int length, long offset, int durability, int flags, long token);

    /** The same from {@link Segments}. */
    public static native int submitSegments(
            long file, Object[] bases, long[] ranges, long length, long offset, int durability, int flags, long token);

    /**
     * The same for many writes that leave together. Write i is from {@code bases[i]}, an array or a direct buffer, and has
     * {@link #REQUEST_LONGS} of {@code requests}; the range is that of {@link Segments#ranges}.
     */
    public static native void submitAll(
            long file, Object[] bases, long[] requests, int count, int durability, int flags);

    /**
     * Reads what is cached. A failure with EAGAIN: something is not; {@link #stableBytes} says how many bytes before it
     * were read.
     */
    public static native long readCachedDirect(long file, ByteBuffer destination, int start, int length, long offset);

    /** The same into an array. */
    public static native long readCachedArray(long file, byte[] destination, int start, int length, long offset);

    /** The same into {@link Segments}. */
    public static native long readCachedSegments(long file, Object[] bases, long[] ranges, long length, long offset);

    /** Starts bringing a range into the cache; 0 or -errno as for {@link #submitDirect}. */
    public static native int fetch(long file, long offset, long length, int flags, long token);

    /** Starts to read what the cache lacks of a range, without waiting: 0 or -errno. No event comes. */
    public static native int prefetch(long file, long offset, long length);

    /** The same for ranges of two longs each: an offset and a length. */
    public static native int prefetchRanges(long file, long[] ranges);

    /**
     * Takes events, {@link #EVENT_LONGS} each, at most {@link #EVENTS_AT_ONCE}; waits for the first, with a negative
     * timeout for ever. Their count, 0 after the timeout, or -errno when no more will come.
     */
    public static native int reap(long engine, long[] events, long timeoutNanos);

    /** Opens a lane of the current thread. Its handle, which is positive, or -errno. */
    public static native long laneOpen(long engine, int entries);

    /** Closes a lane of the current thread, when all its operations have ended: 0 or -errno. */
    public static native int laneClose(long lane);

    /** As {@link #submitDirect}, by a lane of the current thread: the event comes by {@link #lanePoll}. */
    public static native int laneWriteDirect(
            long lane,
            long file,
            ByteBuffer source,
            int start,
            int length,
            long offset,
            int durability,
            int flags,
            long token);

    /** The same from an array. */
    public static native int laneWriteArray(
            long lane,
            long file,
            byte[] source,
            int start,
            int length,
            long offset,
            int durability,
            int flags,
            long token);

    /** As {@link #fetch}, by a lane. */
    public static native int laneFetch(long lane, long file, long offset, long length, int flags, long token);

    /** Sends what a lane of the current thread has collected: 0 or -errno. */
    public static native int laneSend(long lane);

    /** As {@link #reap}, of a lane of the current thread, and at most {@code max}. 0 also if nothing is under way. */
    public static native int lanePoll(long lane, long[] events, int max, long timeoutNanos);

    /** Sends what the lanes of this thread have collected, and ends I/O of theirs. False: there is none. */
    public static native boolean laneWork();

    /** From now on the engine opens no lane: 0. -EBUSY: some are open, and nothing has changed. */
    public static native int refuseLanes(long engine);

    /**
     * The size of the file at a path that is open for writing on the engine. -EAGAIN: it is just being opened or closed;
     * -ENOENT: it is not open for writing.
     */
    public static native long writtenSize(long engine, byte[] path);

    /** The same of the file with these numbers, st_dev and st_ino of stat(2). */
    public static native long writtenSizeOf(long engine, long device, long number);

    /**
     * A number of what others may change about a file, besides times and extended attributes: another one if its mode, owner,
     * group or count of links is another. 0: that is not known.
     */
    public static native long attributes(long file);

    /** The size of the file. */
    public static native long size(long file);

    /** Takes transfers for the ring of an event loop, at most {@link #TRANSFERS_AT_ONCE}: their count, or -errno. */
    public static native int take(long engine, long[] transfers);

    /** Transfers have ended: each is its token, above 32 bits of its result. 0 or -errno. */
    public static native int done(long engine, long[] ends, int count);

    /** Sets the descriptor that an object stands for. False: this JVM's object has no number for it. */
    public static native boolean setDescriptor(FileDescriptor object, int descriptor);

    /** Lets a channel of the JDK that was made for reading map for writing. False: this JVM's channels are others. */
    public static native boolean letMap(FileChannel channel);

    /** Opens the file of a descriptor once more, with flags of open(2) and its own open file description. Or -errno. */
    public static native int reopen(int descriptor, int flags);

    /** What the C library says of an errno: "Too many open files". */
    public static native String errorText(int errno);

    /** Maps bytes of a file, so that changes stay private. The address of the first, or -errno. */
    public static native long mapPrivate(int descriptor, long position, long size);

    /** The other end of {@link #mapPrivate}. */
    public static native void unmap(long address, long size);

    /** A buffer of memory, which must stay there as long as the buffer. */
    public static native ByteBuffer memory(long address, long size);

    /** The sizes and places of what {@code CacheView} looks at, which knows their order. */
    public static native void viewLayout(int[] layout);

    /** The memory of an engine's cache, which stays mapped until {@link #viewClose}. 0: the engine is closed. */
    public static native long viewOpen(long engine);

    public static native void viewClose(long view);

    /** The size of a part. */
    public static native long viewBytes(long view, int part);

    /** A range of a part. */
    public static native ByteBuffer viewBuffer(long view, int part, long offset, long bytes);

    /** What a {@code CacheView.File} is made of; false if its bytes are not to be found in the view. */
    public static native boolean viewFile(long file, long[] fields);

    /** Lets a field be read by reflection that the JDK keeps to itself; false: this JVM has no way. */
    public static native boolean makeAccessible(AccessibleObject member);

    /** Copies out of a direct buffer, by the kernel; false: some of its memory is not there. */
    public static native boolean copyOut(ByteBuffer source, int start, byte[] into, int length);

    /** The same into one. */
    public static native boolean copyIn(ByteBuffer destination, int start, byte[] from, int length);

    /**
     * Pins a range of a file where the cache has it. The runs go to the array, as {@code CacheView} takes them apart.
     *
     * @return the count of runs; 0 at the end of the file; -errno: ENODATA if the range can only be read, EAGAIN if cachedOnly
     *     and it is not
     */
    public static native int pin(long file, long position, int length, boolean cachedOnly, long[] runs);

    /** Gives a run back. */
    public static native void unpin(long engine, long run);

    /** A page that has left its folio lost its last pin without native code: frees it. */
    public static native void freeLeft(long engine, int frame);

    /** A cached read took so long. */
    public static native void viewTimed(long engine, long nanos);
}
