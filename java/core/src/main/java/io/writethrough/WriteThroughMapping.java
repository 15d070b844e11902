// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.DurableMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

/**
 * Durable mapped memory: a range of a {@link WriteThroughFile} that a program reads and stores into as a {@link ByteBuffer}, and
 * that {@link #force()} makes durable.
 *
 * <pre>{@code
 * try (WriteThroughMapping mapping = file.map(0, 64 << 20)) {
 *     ByteBuffer memory = mapping.buffer();
 *     memory.putLong(4096, 42);
 *     mapping.force(); // finds the page that changed, and writes it as one durable write
 * }
 * }</pre>
 *
 * <p><b>What it shows.</b> The memory has the bytes of the file as they were when it was mapped, with all writes that had returned,
 * and the program's own stores. Behind the end of the file it has zeros. The bytes are read when it is mapped, except for holes: so
 * an error of the disk is an exception of {@link WriteThroughFile#map}, and no access to the memory fails.
 *
 * <p><b>What a force does.</b> It finds the pages of its range that changed, and writes these and no others: one run of pages as one
 * durable write, several side by side. What was stored before the force began is on stable storage when it returns. What another
 * thread stores meanwhile is written by this force or by the next. Where the kernel tells which pages changed ({@link
 * #isWatched()}) the time of a force depends on these. Elsewhere a force compares its range with the file. If a changed page lies
 * behind the end of the file, the file becomes longer, up to the end of that page or of the mapping. A page of zeros behind the
 * end does not count as changed, also if zeros were stored there: {@link WriteThroughFile#allocate} gives a file a length. Where
 * the file cannot be read to compare, a page of zeros may count as changed.
 *
 * <p><b>Durability.</b> No store reaches the file without a force: a process that is killed loses the stores that no force has
 * covered. A power cut during a force may leave each block of a changed page old or new. Between pages there is no order.
 *
 * <p><b>Others.</b> While it is open, the mapping alone changes its range: a write, a hole or zeros there fail with {@code EBUSY},
 * and so do a cut of the file within or before it, appends while it reaches behind the end of the file, another mapping of a part
 * of it, and a mapping for writing by {@link java.nio.channels.FileChannel#map}. Reads of the file see what was forced.
 *
 * <p><b>Memory.</b> The memory is outside the heap, and not part of the engine's cache. It takes what the file has as data in the
 * range, and each page that is touched. The kernel cannot drop it.
 *
 * <p><b>Its end.</b> After {@link #close()}, or the close of the file or of the engine, a force throws {@link
 * ClosedChannelException}, and {@link #buffer()} and {@link #segment} throw {@link IllegalStateException} once the mapping itself is
 * closed. What a program still has of the memory then depends on how it got that:
 *
 * <ul>
 *   <li>A {@code MemorySegment} (JDK 22 and later) in a {@linkplain SegmentScope#CONFINED confined} or {@linkplain
 *       SegmentScope#SHARED shared} scope, and its buffers ({@code asByteBuffer}): each access throws {@link IllegalStateException}
 *       after {@link #close()}. So a stale store is found.
 *   <li>A {@link ByteBuffer} of {@link #buffer()}, and a segment of {@linkplain SegmentScope#AUTO automatic} scope: they stay memory
 *       with the bytes that it had, which belongs to nobody. A stale store changes that memory and nothing else: it reaches no
 *       file, no other mapping and no other object, and never ends the process. The memory is given back once none of them can
 *       be reached. On a JDK before 22 nothing tells a program of such a store: let no buffer outlive its mapping.
 * </ul>
 *
 * <p>A mapping that becomes unreachable, with all segments that are not of automatic scope, closes itself and forces nothing.
 *
 * <p><b>Threads.</b> Any number of threads may store and force. Forces of one mapping go one at a time. I/O by which a device
 * stores into a buffer of the mapping, such as a read of a channel with direct I/O, has to be over before a force begins: the
 * kernel does not tell the pages that it changes.
 *
 * @since 0.1
 */
public final class WriteThroughMapping implements AutoCloseable {
    private final DurableMemory memory;

    WriteThroughMapping(final DurableMemory memory) {
        this.memory = memory;
    }

    /**
     * All of the memory. Each call gives a new buffer of the same memory, big-endian, with its own position and limit.
     *
     * @return a direct buffer from the first byte of the mapping to the last
     * @throws IllegalStateException if the mapping is closed
     * @throws UnsupportedOperationException if the mapping is longer than {@link Integer#MAX_VALUE}: use {@link #buffer(long,
     *     int)}
     */
    public ByteBuffer buffer() {
        if (memory.length() > Integer.MAX_VALUE) {
            throw new UnsupportedOperationException("A mapping of " + memory.length()
                    + " bytes is too long for one buffer: use buffer(offset, length)");
        }
        return memory.buffer(0, (int) memory.length());
    }

    /**
     * A part of the memory. Each call gives a new buffer of the same memory, big-endian.
     *
     * @param offset where the part begins, in bytes from the first byte of the mapping
     * @param length of the part, in bytes
     * @return a direct buffer
     * @throws IndexOutOfBoundsException if the part is not in the mapping
     * @throws IllegalStateException if the mapping is closed
     */
    public ByteBuffer buffer(final long offset, final int length) {
        return memory.buffer(offset, length);
    }

    /**
     * All of the memory, of any length, as a {@code java.lang.foreign.MemorySegment} of JDK 22 and later:
     *
     * <pre>{@code
     * MemorySegment memory = mapping.segment(MemorySegment.class, SegmentScope.SHARED);
     * }</pre>
     *
     * <p>Each call gives a new segment of the same memory. To make one is a restricted operation of the JDK: the module {@code
     * io.writethrough}, or all that is unnamed, needs {@code --enable-native-access}, or the JDK prints a warning.
     *
     * @param type {@code MemorySegment.class}, which this library, compiled for JDK 17, cannot name
     * @param scope who may use the segment, and for how long
     * @param <S> {@code MemorySegment}
     * @return a segment from the first byte of the mapping to the last
     * @throws IllegalArgumentException if the type is another
     * @throws IllegalStateException if the mapping is closed
     * @throws UnsupportedOperationException before JDK 22
     */
    public <S> S segment(final Class<S> type, final SegmentScope scope) {
        if (!type.getName().equals("java.lang.foreign.MemorySegment")) {
            throw new IllegalArgumentException(type.getName() + " is not java.lang.foreign.MemorySegment");
        }
        final Object segment = memory.segment(Objects.requireNonNull(scope));
        if (segment == null) {
            throw new UnsupportedOperationException("Segments are there from JDK 22 on: use buffer()");
        }
        return type.cast(segment);
    }

    /**
     * Makes durable what was stored into the memory before this call.
     *
     * @throws ClosedChannelException if the mapping, the file or its engine is closed
     * @throws WriteThroughException if the device refuses a page. Other pages may be durable. All pages of this force still count
     *     as changed, and the next force writes them
     */
    public void force() throws IOException {
        memory.force(0, memory.length());
    }

    /**
     * Makes durable what was stored into a part of the memory before this call. Pages are written as a whole, so stores beside the
     * part may become durable too.
     *
     * @param offset where the part begins, in bytes from the first byte of the mapping
     * @param length of the part, in bytes; 0: nothing is done
     * @throws IndexOutOfBoundsException if the part is not in the mapping
     * @throws ClosedChannelException as {@link #force()}
     * @throws WriteThroughException as {@link #force()}
     */
    public void force(final long offset, final long length) throws IOException {
        memory.force(offset, length);
    }

    /**
     * Starts a {@link #force()}. What is stored before the future completes may be covered by it; what was stored before this call
     * is. The future completes on the engine's {@link WriteThroughEngine.Builder#completionExecutor executor}, or fails with what
     * {@link #force()} would have thrown.
     *
     * @return a future of nothing
     */
    public CompletableFuture<Void> forceAsync() {
        return memory.forceAsync(0, memory.length());
    }

    /**
     * Whether the kernel tells which pages changed: Linux 6.7 and later, unless a filter of system calls, as that of most
     * containers, refuses {@code userfaultfd}. If not, each force compares its range with the file, which takes time by the length of
     * the range: then force ranges.
     *
     * @return true if the time of a force depends on the changed pages alone
     */
    public boolean isWatched() {
        return memory.isWatched();
    }

    /**
     * Where in the file the mapping begins.
     *
     * @return the offset in bytes
     */
    public long offset() {
        return memory.offset();
    }

    /**
     * How long the mapping is.
     *
     * @return the length in bytes
     */
    public long length() {
        return memory.length();
    }

    /**
     * Whether the mapping is open, and its file.
     *
     * @return false if a force would throw {@link ClosedChannelException}
     */
    public boolean isOpen() {
        return memory.isOpen();
    }

    /**
     * Ends the mapping and its {@linkplain SegmentScope#CONFINED confined} and {@linkplain SegmentScope#SHARED shared} segments, and
     * forces nothing. Waits for a force that is under way. A mapping that is closed stays closed.
     *
     * @throws IllegalStateException if a shared segment is in use: the mapping stays open
     * @throws WriteThroughException if this thread is an event loop that carries the engine's I/O ({@code EDEADLK}): the mapping
     *     stays open
     */
    @Override
    public void close() throws IOException {
        memory.close();
    }
}
