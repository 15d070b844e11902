// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.FutureListener;
import java.util.ArrayDeque;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes inbound messages durable before the next handler gets them. The handler appends a record of each message to a
 * file, and passes the message on when that record, and all bytes before the record in the file, are on stable storage.
 * Put this handler behind the decoder that makes messages from bytes. A handler behind this one may answer a message:
 * no crash takes the record of a message that was answered.
 *
 * <p><b>Group commit.</b> Any number of channels may append to one {@link NettyWriteThroughFile}, each with a handler
 * of its own. Records that arrive while other records are in flight share a write to the device.
 *
 * <p><b>Order.</b> Each message is passed on once, in the order of arrival. A user event keeps its place among the
 * messages. A read-complete follows each run of messages that was passed on.
 *
 * <p><b>Backpressure.</b> The handler counts the bytes of the records that are not stable yet, and 96 more for each
 * record. At the high water mark the handler turns {@link ChannelConfig#setAutoRead autoRead} of the channel off, and
 * at the low water mark on again. The handler never turns on a channel that the program had turned off.
 *
 * <p><b>Errors.</b> If an append fails, or the {@link RecordFormat} throws, the next handler gets the exception by
 * {@link io.netty.channel.ChannelInboundHandler#exceptionCaught}, and the channel is closed. That message and all later
 * messages are released and not passed on.
 *
 * <p><b>The end.</b> When the channel becomes inactive, or the handler is removed, some records may not be stable yet.
 * These records are appended all the same. Their messages are released and not passed on, so that the sender gets no
 * answer and has to ask again.
 *
 * <p>The handler works with every transport, but not in an {@link io.netty.channel.embedded.EmbeddedChannel}: the
 * executor of such a channel is any thread.
 *
 * @since 0.1
 */
public final class DurableHandler extends ChannelInboundHandlerAdapter {
    private static final WriteBufferWaterMark DEFAULT_WATER_MARK = new WriteBufferWaterMark(64 << 10, 256 << 10);

    /* What a record takes beside its bytes, about. */
    private static final int OVERHEAD_BYTES = 96;

    private final NettyWriteThroughFile file;
    private final RecordFormat format;
    private final WriteBufferWaterMark waterMark;

    private final ArrayDeque<Entry> pending = new ArrayDeque<>();
    private long pendingBytes;
    private boolean readCompleteDue; /* after the messages that are passed on next */
    private boolean drainComes;
    private boolean paused; /* this handler turned autoRead off */
    private boolean ended;

    /** What waits for its turn: a message and its append, or something that needs none. */
    private static final class Entry {
        private final Object message;
        private final boolean event;
        private final @Nullable Future<Long> appended;
        private final int bytes;

        private Entry(
                final Object message, final boolean event, final @Nullable Future<Long> appended, final int bytes) {
            this.message = message;
            this.event = event;
            this.appended = appended;
            this.bytes = bytes;
        }

        private boolean isDone() {
            return appended == null || appended.isDone();
        }
    }

    /**
     * A handler for one channel that appends the bytes of the messages unchanged ({@link RecordFormat#BYTES}). The
     * water marks are 64 KiB and 256 KiB.
     *
     * @param file the file that gets the records; the handler does not close it
     */
    public DurableHandler(final NettyWriteThroughFile file) {
        this(file, RecordFormat.BYTES);
    }

    /**
     * A handler for one channel, with water marks of 64 KiB and 256 KiB.
     *
     * @param file the file that gets the records; the handler does not close it
     * @param format says what to append for a message, and what to pass on
     */
    public DurableHandler(final NettyWriteThroughFile file, final RecordFormat format) {
        this(file, format, DEFAULT_WATER_MARK);
    }

    /**
     * A handler for one channel.
     *
     * @param file the file that gets the records; the handler does not close it
     * @param format says what to append for a message, and what to pass on
     * @param waterMark in bytes of records that are not stable yet: the channel is not read from the high mark on,
     *     until the low mark is reached
     */
    public DurableHandler(
            final NettyWriteThroughFile file, final RecordFormat format, final WriteBufferWaterMark waterMark) {
        this.file = Objects.requireNonNull(file);
        this.format = Objects.requireNonNull(format);
        this.waterMark = Objects.requireNonNull(waterMark);
    }

    @Override
    public void channelRead(final ChannelHandlerContext context, final Object message) {
        if (ended) {
            ReferenceCountUtil.release(message);
            return;
        }
        final @Nullable ByteBuf record;
        try {
            record = format.record(context, message);
        } catch (final Exception e) {
            ReferenceCountUtil.release(message);
            fail(context, e);
            return;
        }
        if (record != null) {
            append(context, message, record);
        } else if (pending.isEmpty()) {
            readCompleteDue = true;
            context.fireChannelRead(message);
        } else {
            pending.add(new Entry(message, false, null, 0));
        }
    }

    private void append(final ChannelHandlerContext context, final Object message, final ByteBuf record) {
        final int bytes = record.readableBytes() + OVERHEAD_BYTES;
        final Future<Long> appended = file.append(record, context.executor());
        pending.add(new Entry(message, false, appended, bytes));
        pendingBytes += bytes;
        appended.addListener((FutureListener<Long>) done -> drainSoon(context));
        final ChannelConfig config = context.channel().config();
        if (pendingBytes >= waterMark.high() && !paused && config.isAutoRead()) {
            paused = true;
            config.setAutoRead(false);
        }
    }

    /* One task for all that became stable by the time it runs. */
    private void drainSoon(final ChannelHandlerContext context) {
        if (!drainComes && !ended) {
            drainComes = true;
            context.executor().execute(() -> {
                drainComes = false;
                drain(context);
            });
        }
    }

    /** Passes on what has become stable, up to the first that has not. */
    private void drain(final ChannelHandlerContext context) {
        while (!ended && !pending.isEmpty() && pending.peek().isDone()) {
            final Entry entry = pending.poll();
            pendingBytes -= entry.bytes;
            passOn(context, entry);
        }
        if (readCompleteDue) {
            readCompleteDue = false;
            context.fireChannelReadComplete();
        }
        if (paused && !ended && pendingBytes <= waterMark.low()) {
            resume(context);
        }
    }

    private void passOn(final ChannelHandlerContext context, final Entry entry) {
        if (entry.event) {
            context.fireUserEventTriggered(entry.message);
        } else if (entry.appended == null) {
            readCompleteDue = true;
            context.fireChannelRead(entry.message);
        } else if (entry.appended.isSuccess()) {
            passOnDurable(context, entry.message, entry.appended.getNow());
        } else {
            ReferenceCountUtil.release(entry.message);
            fail(context, entry.appended.cause());
        }
    }

    private void passOnDurable(final ChannelHandlerContext context, final Object message, final long offset) {
        final Object durable;
        try {
            durable = format.durable(message, offset);
        } catch (final RuntimeException e) {
            ReferenceCountUtil.release(message);
            fail(context, e);
            return;
        }
        readCompleteDue = true;
        context.fireChannelRead(durable);
    }

    private void resume(final ChannelHandlerContext context) {
        paused = false;
        context.channel().config().setAutoRead(true);
    }

    private void fail(final ChannelHandlerContext context, final Throwable cause) {
        end(context);
        context.fireExceptionCaught(cause);
        context.close();
    }

    /* From now on only events are passed on. */
    private void end(final ChannelHandlerContext context) {
        ended = true;
        for (Entry entry = pending.poll(); entry != null; entry = pending.poll()) {
            if (entry.event) {
                context.fireUserEventTriggered(entry.message);
            } else {
                ReferenceCountUtil.release(entry.message);
            }
        }
        pendingBytes = 0;
    }

    @Override
    public void channelReadComplete(final ChannelHandlerContext context) {
        if (pending.isEmpty()) {
            readCompleteDue = false;
            context.fireChannelReadComplete();
        } else {
            readCompleteDue = true;
        }
    }

    @Override
    public void userEventTriggered(final ChannelHandlerContext context, final Object event) {
        if (pending.isEmpty()) {
            context.fireUserEventTriggered(event);
        } else {
            pending.add(new Entry(event, true, null, 0));
        }
    }

    @Override
    public void channelInactive(final ChannelHandlerContext context) {
        drain(context);
        end(context);
        context.fireChannelInactive();
    }

    @Override
    public void handlerRemoved(final ChannelHandlerContext context) {
        end(context);
        if (paused && context.channel().isActive()) {
            resume(context);
        }
    }
}
