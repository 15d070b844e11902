package io.writethrough.internal;

import java.nio.ByteBuffer;

/**
 * Write, read and size by JNI: the calls whose own cost matters. native/src/jni.c registers them when the library is loaded.
 *
 * <p>The caller has checked that indexes and lengths are within the buffers, and keeps file and buffers reachable. A
 * result of 0 or more is a count of bytes. A failure is a negative number that holds two: see {@link #errno} and {@link
 * #stableBytes}. Handles may be closed at any time: that is EBADF.
 */
public final class DataPlane {
    /** A write's durability is that of its file. */
    public static final int DURABILITY_OF_FILE = 0;

    private static final long ERRNO_LIMIT = 4096;

    private DataPlane() {}

    /** The errno in the result of a call that failed. */
    public static int errno(final long failure) {
        return (int) (-failure % ERRNO_LIMIT);
    }

    /** The bytes, from the start of a write that failed, that are known to be stable. */
    public static long stableBytes(final long failure) {
        return -failure / ERRNO_LIMIT;
    }

    /** Writes from a direct buffer; {@code start} is an index of it. */
    public static native long writeDirect(
            long file, ByteBuffer source, int start, int length, long offset, int durability);

    /** Reads into a direct buffer; {@code start} is an index of it. */
    public static native long readDirect(long file, ByteBuffer destination, int start, int length, long offset);

    /** Writes from an array. */
    public static native long writeArray(long file, byte[] source, int start, int length, long offset, int durability);

    /** Reads into an array. */
    public static native long readArray(long file, byte[] destination, int start, int length, long offset);

    /** Writes from {@link Segments}, as one write. {@code length} is the sum of theirs. */
    public static native long writeSegments(
            long file, Object[] bases, long[] ranges, long length, long offset, int durability);

    /** Reads into {@link Segments}. {@code length} is the sum of theirs. */
    public static native long readSegments(long file, Object[] bases, long[] ranges, long length, long offset);

    /** The size of the file. */
    public static native long size(long file);
}
