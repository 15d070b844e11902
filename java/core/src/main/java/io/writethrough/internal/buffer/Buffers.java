// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.load.NativeLibraries;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** What a caller's buffer is asked before native code gets at its memory. */
public final class Buffers {
    private Buffers() {}

    /**
     * The bytes from {@code position} to the limit. Unlike {@link ByteBuffer#remaining()} it reads the position once with
     * its caller: whatever other threads do to the buffer, position + remaining is within its capacity.
     */
    public static int remaining(final ByteBuffer buffer, final int position) {
        return Math.max(buffer.limit() - position, 0);
    }

    /**
     * Whether native code may use the buffer as long as it is reachable: it has an array, or memory that nothing but the garbage
     * collector takes away. The others are copied, in a way that notices when their memory is not there. As long as there is no
     * native code, all direct memory is steady: the JDK's own channels look after it. The field that tells is in a cache of the
     * processor at each call.
     */
    public static boolean isSteady(final ByteBuffer buffer) {
        return buffer.isDirect() ? !NativeLibraries.isLoaded() || BufferMemory.isSteady(buffer) : buffer.hasArray();
    }

    /**
     * Has native code use a buffer that is not steady until {@link #release}: its arena stays open, and who closes it meanwhile
     * gets an IllegalStateException, as with the JDK's channels. Null: the buffer is to be copied.
     *
     * @throws IllegalStateException if the arena was closed
     */
    public static @Nullable Object hold(final ByteBuffer buffer) {
        return buffer.isDirect() ? BufferMemory.hold(buffer) : null;
    }

    /** Ends what {@link #hold} began; nothing if that returned null. By the thread that held, if its arena is confined. */
    public static void release(final @Nullable Object held) {
        if (held != null) {
            BufferMemory.release(held);
        }
    }

    /**
     * Copies bytes out of a buffer that is not steady. False: the memory is that of a mapped file that was cut short, and what
     * was copied counts for nothing.
     *
     * @throws IllegalStateException if the arena of the memory was closed
     */
    public static boolean get(final ByteBuffer source, final int start, final byte[] into, final int length) {
        if (!source.isDirect()) {
            source.get(start, into, 0, length);
            return true;
        }
        BufferMemory.requireAlive(source, start);
        final boolean copied = NativeIo.copyOut(source, start, into, length);
        // If its arena was closed meanwhile the memory may have been another's.
        BufferMemory.requireAlive(source, start);
        return copied;
    }

    /** Copies bytes into a buffer that is not steady, as {@link #get} copies out of one. */
    public static boolean put(final ByteBuffer destination, final int start, final byte[] from, final int length) {
        if (!BufferMemory.hasArena(destination)) {
            return NativeIo.copyIn(destination, start, from, length);
        }
        if (!get(destination, start, new byte[length], length)) {
            return false;
        }
        // The JVM keeps the arena open over this. A file that is cut in this instant is an InternalError of the JVM.
        destination.put(start, from, 0, length);
        return true;
    }

    /** Whether the memory at an index of a buffer that is not steady is there; throws what {@link #get} throws. */
    public static boolean isThere(final ByteBuffer buffer, final int index) {
        return get(buffer, index, new byte[1], 1);
    }

    /** A copy of a source that is not steady; null if {@link #get} returned false. */
    public static byte @Nullable [] copyOf(final ByteBuffer source, final int start, final int length) {
        final byte[] copy = new byte[length];
        return length == 0 || get(source, start, copy, length) ? copy : null;
    }

    /**
     * Refuses a buffer that only the current thread may touch, for an operation that another thread ends.
     *
     * @throws IllegalArgumentException if its arena is confined
     */
    public static void requireShared(final ByteBuffer buffer) {
        if (buffer.isDirect() && !isSteady(buffer) && BufferMemory.isConfined(buffer)) {
            throw new IllegalArgumentException("The memory of the buffer is of a confined arena, which no other thread"
                    + " may touch: use Arena.ofShared() for asynchronous operations");
        }
    }
}
