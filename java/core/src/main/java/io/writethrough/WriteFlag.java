package io.writethrough;

import io.writethrough.internal.DataPlane;

/**
 * How a write is to be done, beside its {@link Durability}.
 *
 * @since 0.1
 */
public enum WriteFlag {
    /**
     * Of asynchronous writes alone: to others it is refused. Where submitting it would have to wait, the write fails instead, with {@code EAGAIN}, and nothing is changed: where
     * {@link WriteThroughEngine.Builder#inFlightBytes} are under I/O, where a block that is partly overwritten is not in
     * the cache, where memory or another's I/O on the file would be waited for. A write that is longer than the engine
     * takes at once (4 MiB, less with a small cache) fails with {@code EMSGSIZE}.
     */
    NOWAIT(DataPlane.NOWAIT),

    /**
     * The write goes to the end of the file, as {@link WriteThroughFile#append(java.nio.ByteBuffer) append} has it; the
     * position that is given with it is not looked at. {@code append} and {@code appendAsync} imply it, and tell where the
     * bytes went.
     */
    APPEND(DataPlane.APPEND),

    /**
     * The pages of the write are not cached any more once it is stable, also those that were before it, but for pages that other
     * I/O is on at that moment. For what will not be read soon.
     */
    DONTCACHE(DataPlane.DONTCACHE),

    /**
     * Nothing tears the write: after a power cut, a crash or an error the file has all of it or none. So pages can be
     * overwritten in place without a copy of each elsewhere first (a double-write buffer, page images in a log):
     *
     * <pre>{@code
     * file.write(page, number * PAGE_BYTES, Durability.DSYNC, WriteFlag.ATOMIC);
     * }</pre>
     *
     * <p>The length is a power of two from {@link StorageProfile#atomicWriteMinBytes()} to {@link
     * StorageProfile#atomicWriteMaxBytes()} of the {@linkplain WriteThroughFile#profile() file}, and the position a multiple
     * of it. The file does not end in the middle of the write, nor within a block of a page (4096 bytes) that it touches; a file
     * of pages alone never does. With {@link #APPEND} the file ends at a multiple of the length.
     *
     * <p>It is one I/O ({@code RWF_ATOMIC}), in which no other write takes part. So it waits first until no other I/O is on its
     * blocks, also when it is asynchronous; with {@link #NOWAIT} it fails with {@code EAGAIN} there. It is as durable as any
     * write: {@code ATOMIC} says nothing of when, {@link Durability} does. Readers see it as any write, block by block.
     *
     * <p>Else it fails, nothing is changed, and the message says what may be written: with {@code EOPNOTSUPP} where the
     * kernel, the file system or the device has no such writes (xfs has them on any device from Linux 6.16 on), with {@code
     * EINVAL} for a length or position that cannot be, with {@code EMSGSIZE} if the engine has too little memory for it.
     */
    ATOMIC(DataPlane.ATOMIC),

    /**
     * The write does not wait for company: neither for other I/O near it nor for other writers, as small writes do that
     * gather, nor for a flush that it could share; what collected behind an I/O leaves at once if such a write is among it. Only
     * for I/O on its own blocks it waits, as every write. For the few writes that much else waits for: it costs the device more
     * commands.
     *
     * <p>And it asks the kernel for the highest priority that needs no privilege, best effort 0, for each I/O that carries a
     * part of it. What comes of that is the affair of the device's scheduler ({@code /sys/block/X/queue/scheduler}): {@code bfq}
     * prefers it to other levels, of which 4 is the usual one; {@code mq-deadline} tells only classes apart, {@code kyber} and
     * {@code none} nothing. A synchronous write sets the priority of its thread for as long as it takes.
     */
    HIGH_PRIORITY(DataPlane.HIGH_PRIORITY);

    final int code;

    WriteFlag(final int code) {
        this.code = code;
    }
}
