// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.channel.ChannelHandlerContext;
import org.jspecify.annotations.Nullable;

/**
 * Says what a {@link DurableHandler} appends to its file for a message, and what the handler passes on when the record
 * is stable.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface RecordFormat {
    /**
     * The bytes of a {@link ByteBuf}, or of the content of a {@link ByteBufHolder}, unchanged. Any other message is an
     * {@link IllegalArgumentException}.
     */
    RecordFormat BYTES = RecordFormat::bytesOf;

    /**
     * The record of a message. The handler calls this method once for each message, on the event loop of the channel.
     *
     * @param context the context of the handler
     * @param message the message, which still belongs to the handler. A record that shares the memory of the message
     *     needs a reference of its own, as {@link ByteBuf#retainedDuplicate()} takes one
     * @return a buffer whose readable bytes are the record; the handler takes over the reference. {@code null} if the
     *     message need not be durable: the message is passed on in its turn, without a record
     * @throws Exception if the message has no record: the next handler gets the exception, and the channel is closed
     */
    @Nullable
    ByteBuf record(ChannelHandlerContext context, Object message) throws Exception;

    /**
     * The message to pass on when the record is stable. By default the message itself. A {@link RuntimeException} goes
     * to the next handler, and the channel is closed.
     *
     * @param message the message; its reference goes to the returned object
     * @param offset the position of the record in the file, in bytes from the start of the file
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
