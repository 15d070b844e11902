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
    DONTCACHE(DataPlane.DONTCACHE);

    final int code;

    WriteFlag(final int code) {
        this.code = code;
    }
}
