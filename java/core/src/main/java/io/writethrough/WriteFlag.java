// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * How a write is to be done, beside its {@link Durability}.
 *
 * @since 0.1
 */
public enum WriteFlag {
    /* The order of the constants is the order of their bits in writethrough.h. */

    /**
     * Only for asynchronous writes; other writes refuse it. Fails with {@code EAGAIN} instead of waiting, and changes
     * nothing. A write would have to wait while {@link WriteThroughEngine.Builder#inFlightBytes} are under I/O, for a
     * partly overwritten block that is not in the cache, for memory, or for another's I/O on the file.
     *
     * <p>A write that is longer than the engine takes at once (4 MiB, less with a small cache) fails with {@code
     * EMSGSIZE}.
     */
    NOWAIT,

    /**
     * The write goes to the end of the file, as {@link WriteThroughFile#append(java.nio.ByteBuffer) append} does. The
     * position that is given with the write is ignored. {@code append} and {@code appendAsync} imply this flag, and
     * tell where the bytes went.
     */
    APPEND,

    /**
     * Once stable, the write's pages are dropped from the cache, even if they were cached before. Pages with other
     * I/O in flight stay. For bytes that will not be read soon.
     */
    DONTCACHE,

    /**
     * Nothing tears the write: after a power cut, a crash or an error the file has all of it or none. So pages can be
     * overwritten in place without a copy of each elsewhere first (a double-write buffer, page images in a log):
     *
     * <pre>{@code
     * file.write(page, number * PAGE_BYTES, Durability.DSYNC, WriteFlag.ATOMIC);
     * }</pre>
     *
     * <p>The length is a power of two, from {@link StorageProfile#atomicWriteMinBytes()} to {@link
     * StorageProfile#atomicWriteMaxBytes()} of the {@linkplain WriteThroughFile#profile() file}. The position is a
     * multiple of the length. The file must not end in the middle of the write, nor within a block of a page (4096
     * bytes) that the write touches; a file that consists of pages never does. With {@link #APPEND} the file must end
     * at a multiple of the length. An append whose place was right fails all the same, with {@code EINVAL}, if a write
     * without this flag or an allocation that began later puts the end of the file into that place first.
     *
     * <p>The write is one I/O ({@code RWF_ATOMIC}), in which no other write takes part. It first waits until no other
     * I/O is on its blocks, also when it is asynchronous; with {@link #NOWAIT} it fails with {@code EAGAIN} instead.
     * It is as durable as any write: {@link Durability} says when the bytes are stable, and {@code ATOMIC} does not.
     * Readers see it as any write, block by block.
     *
     * <p>If the write is refused, nothing is changed, and the message says what may be written. {@code EOPNOTSUPP}:
     * the kernel, the file system or the device has no such writes (xfs has them on any device from Linux 6.16 on).
     * {@code EINVAL}: not with this length, or not at this position. {@code EMSGSIZE}: the engine has too little
     * memory for it.
     */
    ATOMIC,

    /**
     * The write joins no batch. It does not wait for I/O near it or for other writers, as small writes do that
     * gather, nor for a flush that it could share. If such a write is among the writes that gathered behind an I/O,
     * these leave at once. It waits only for I/O on its own blocks, as every write does. For the few writes that much
     * else waits for: it costs the device more commands.
     *
     * <p>The write also asks the kernel for the highest priority that needs no privilege, best effort 0, for each I/O
     * that carries a part of it. The effect depends on the device's scheduler ({@code /sys/block/X/queue/scheduler}):
     * {@code bfq} prefers best effort 0 to the other levels, of which 4 is the usual one; {@code mq-deadline} tells
     * only classes apart; {@code kyber} and {@code none} ignore the priority. A synchronous write sets the priority
     * of its thread for as long as the write takes.
     */
    HIGH_PRIORITY
}
