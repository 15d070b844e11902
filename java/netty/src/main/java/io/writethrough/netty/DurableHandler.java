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
 * Makes inbound messages durable before it passes them on: each is appended to a file, and goes to the next handler when its
 * record, and all before it in the file, are on stable storage. Put it behind the decoder that makes messages of bytes; what is
 * behind it may answer, since nothing that was answered can be lost.
 *
 * <p><b>Group commit.</b> Any number of channels may append to one {@link NettyWriteThroughFile}, each by a handler of its own:
 * records that come while others are under way leave together, in one write to the device.
 *
 * <p><b>Order.</b> Messages are passed on in the order in which they came, each once. User events keep their place among them, and a
 * read-complete follows each run of messages that was passed on.
 *
 * <p><b>Backpressure.</b> When the records of a channel that are not stable yet reach the high water mark, its {@link
 * ChannelConfig#setAutoRead autoRead} is turned off, and on again when they are down to the low one. Each counts for its bytes and 96
 * more. A channel that is not read automatically anyway is left alone.
 *
 * <p><b>Failure.</b> If a record cannot be made durable, or the {@link RecordFormat} throws, the exception goes to {@link
 * io.netty.channel.ChannelInboundHandler#exceptionCaught} of the next handler and the channel is closed. Neither that message nor any
 * after it is passed on: they are released.
 *
 * <p><b>The end.</b> Messages that are not stable yet when the channel becomes inactive, or the handler is removed, are appended all
 * the same, and released: their sender got no answer, and finds out by asking again.
 *
 * <p>It works on every transport, but not in an {@link io.netty.channel.embedded.EmbeddedChannel}, whose executor is any thread.
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
     * A handler for one channel, which appends the bytes of its messages as they are ({@link RecordFormat#BYTES}).
     *
     * @param file where to; it stays open
     */
    public DurableHandler(final NettyWriteThroughFile file) {
        this(file, RecordFormat.BYTES);
    }

    /**
     * A handler for one channel, which has up to 256 KiB of records under way (64 KiB is the low water mark).
     *
     * @param file where to; it stays open
     * @param format what to append for a message, and what to pass on
     */
    public DurableHandler(final NettyWriteThroughFile file, final RecordFormat format) {
        this(file, format, DEFAULT_WATER_MARK);
    }

    /**
     * A handler for one channel.
     *
     * @param file where to; it stays open
     * @param format what to append for a message, and what to pass on
     * @param waterMark how many bytes may wait to be stable: at the high mark no more are read, at the low one again
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
