// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.file.Pinned;
import io.writethrough.internal.file.PinnedMemory;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Bytes of a {@link WriteThroughFile} that are read where the cache has them, without a copy. See {@link
 * WriteThroughFile#pin(long, int)}.
 *
 * <pre>{@code
 * try (PinnedBytes page = file.pin(position, 4096)) {
 *     ByteBuffer bytes = page.buffer();
 *     long key = bytes.getLong(16);
 * }
 * }</pre>
 *
 * <p><b>What it shows.</b> The bytes of the file as they were when they were pinned, each block wholly before or wholly after a
 * write. Until {@link #close()} they do not change, whatever is done to the file: a write to them goes to new memory, a
 * truncation, a hole or an error of a write leaves them alone. Other reads see the file as it is. Nor does the cache evict them.
 *
 * <p><b>Pieces.</b> Bytes within one page (4096 bytes, at a multiple of 4096) are one piece. More pages are as many pieces as the
 * cache has them in, which is often one: {@link #segments()} has them as they are. {@link #buffer()} is one buffer in any case; if
 * the pieces are several, they are copied to the heap for it, once.
 *
 * <p><b>Copies.</b> Some bytes can only be copied: of a file that goes through the kernel's page cache ({@link
 * StorageProfile.WritePath#BUFFERED}, or mapped for writing), and of a block that was written again while an earlier write of it
 * was on its way to the device. {@link #isCopy()} tells. A copy is memory of the heap.
 *
 * <p><b>Its end.</b> After {@link #close()} the methods that give buffers throw {@link IllegalStateException}. <em>A buffer that a
 * program still has then shows memory of the cache that is somebody else's</em>: bytes of any file of the engine, which
 * change at any time. Nobody notices that. So do not let a buffer outlive the close. No access to such a buffer ever
 * fails: the memory is given back when the engine is closed and no such buffer is reachable. When the engine is closed, all that
 * is pinned in its cache shows zeros.
 *
 * <p>Pinned bytes that become unreachable before they are closed are given back then, with a warning to the {@link System.Logger}
 * {@code io.writethrough}; with the system property {@code io.writethrough.tracePins=true} the warning tells where they were pinned. So keep
 * this object as long as its buffers are read.
 *
 * <p>A {@code MemorySegment} of the bytes, on JDK 22 and later, is {@code MemorySegment.ofBuffer(pinned.buffer())}.
 *
 * <p><b>Threads.</b> Any number of threads may read the buffers, and any thread may close.
 *
 * @since 0.1.0
 */
public final class PinnedBytes implements AutoCloseable {
    /** The most bytes that can be pinned at once: 256 KiB. */
    public static final int MAX_LENGTH = PinnedMemory.MAX_LENGTH;

    private final Pinned memory;

    PinnedBytes(final OpenFile file, final long position, final int length, final boolean copies) throws IOException {
        this.memory = file.reads().pin(this, position, length, copies);
    }

    /**
     * Where in the file the bytes begin.
     *
     * @return the position in bytes
     */
    public long position() {
        return memory.position();
    }

    /**
     * How many bytes there are: less than was asked for only at the end of the file.
     *
     * @return the length in bytes; 0 at or past the end of the file
     */
    public int length() {
        return memory.length();
    }

    /**
     * Whether the bytes are a copy, and nothing of the cache is pinned.
     *
     * @return true if they were copied when they were pinned
     */
    public boolean isCopy() {
        return memory.isCopy();
    }

    /**
     * Whether the bytes are pinned still.
     *
     * @return false from {@link #close()} on
     */
    public boolean isOpen() {
        return memory.isOpen();
    }

    /**
     * All of the bytes in one buffer. Each call gives a new buffer of the same memory, read-only, big-endian, with its own position
     * and limit. The buffer is direct, unless the bytes are a copy or in several {@link #segments()}.
     *
     * @return a buffer with the bytes between its position, 0, and its limit
     * @throws IllegalStateException if the bytes are closed
     */
    public ByteBuffer buffer() {
        return memory.buffer();
    }

    /**
     * The bytes piece by piece, in the order of the file, without a copy. Each call gives new buffers of the same memory,
     * read-only and big-endian.
     *
     * @return buffers that have {@link #length()} bytes in all; an empty list if that is 0
     * @throws IllegalStateException if the bytes are closed
     */
    public List<ByteBuffer> segments() {
        return memory.segments();
    }

    /** Gives the bytes back. Closed bytes stay closed. Never waits. */
    @Override
    public void close() {
        memory.close();
        Reference.reachabilityFence(this); // or it would be found lost meanwhile
    }

    /** The path, the range, and whether the bytes are closed. */
    @Override
    public String toString() {
        return memory.toString();
    }
}
