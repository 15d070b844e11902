package io.writethrough;

import io.writethrough.internal.DataPlane;

/**
 * How an asynchronous write is to be submitted.
 *
 * @since 0.1
 */
public enum WriteFlag {
    /**
     * Where submitting it would have to wait, the write fails instead, with {@code EAGAIN}, and nothing is changed: where
     * {@link WriteThroughEngine.Builder#inFlightBytes} are under I/O, where a block that is partly overwritten is not in
     * the cache, where memory or another's I/O on the file would be waited for. A write that is longer than the engine
     * takes at once (4 MiB, less with a small cache) fails with {@code EMSGSIZE}.
     */
    NOWAIT(DataPlane.NOWAIT);

    final int code;

    WriteFlag(final int code) {
        this.code = code;
    }
}
