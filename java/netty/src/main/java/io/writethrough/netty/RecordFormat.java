// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link DurableHandler} appends to its file for a message, and what it passes on when that is stable.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface RecordFormat {
    /** The bytes of a {@link ByteBuf}, or of the content of a {@link ByteBufHolder}, as they are; other messages are refused. */
    RecordFormat BYTES = RecordFormat::bytesOf;

    /**
     * The bytes to be appended for a message. It is called once for each, on the channel's event loop.
     *
     * @param context of the handler
     * @param message what came; it stays the handler's, so bytes that are shared with it must be retained, as by {@link
     *     ByteBuf#retainedDuplicate()}
     * @return a buffer whose reference the handler takes over; null for a message that needs not be durable, which is
     *     passed on in its turn
     * @throws Exception if there is no record of such a message: the channel fails
     */
    @Nullable
    ByteBuf record(ChannelHandlerContext context, Object message) throws Exception;

    /**
     * What is passed on for a message whose record is stable. By default the message.
     *
     * @param message the message, whose reference goes to the result
     * @param offset where in the file its record is, in bytes from the start
     * @return the message to pass on
     */
    default Object durable(final Object message, final long offset) {
        return message;
    }

    private static ByteBuf bytesOf(final ChannelHandlerContext context, final Object message) {
        if (message instanceof ByteBuf bytes) {
            return bytes.retainedDuplicate();
        }
        if (message instanceof ByteBufHolder holder) {
            return holder.content().retainedDuplicate();
        }
        throw new IllegalArgumentException("No ByteBuf and no ByteBufHolder, so another RecordFormat is needed: "
                + message.getClass().getName());
    }
}
