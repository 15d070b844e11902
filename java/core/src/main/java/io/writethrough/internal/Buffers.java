package io.writethrough.internal;

import java.nio.ByteBuffer;

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
     * Reads one byte by way of the JVM. For the view of a memory segment this throws {@link IllegalStateException} if its
     * arena was closed, where native code would meet memory that is no longer there.
     */
    public static void checkAlive(final ByteBuffer direct, final int position) {
        direct.get(position);
    }

    /** The bytes of a read-only heap buffer, which shows native code neither an address nor its array. */
    public static byte[] copyOf(final ByteBuffer readOnly, final int position, final int length) {
        final byte[] copy = new byte[length];
        readOnly.get(position, copy);
        return copy;
    }
}
