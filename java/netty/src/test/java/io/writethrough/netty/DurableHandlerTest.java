// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufHolder;
import io.netty.buffer.DefaultByteBufHolder;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultEventLoopGroup;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.local.LocalAddress;
import io.netty.channel.local.LocalChannel;
import io.netty.channel.local.LocalServerChannel;
import io.netty.util.ReferenceCountUtil;
import io.writethrough.WriteThroughFile;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DurableHandlerTest extends OnEveryFileSystem {
    private static final String END = "inactive";

    private final EventLoopGroup local = new DefaultEventLoopGroup(2);
    private final ManualExecutor helper = new ManualExecutor();
    private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();
    private final CompletableFuture<Throwable> caught = new CompletableFuture<>();
    private WriteThroughFile core;
    private NettyWriteThroughFile file;
    private RecordFormat format = RecordFormat.BYTES;
    private WriteBufferWaterMark waterMark = new WriteBufferWaterMark(1 << 16, 1 << 18);
    private Channel client;
    private Channel served;

    /** The handler behind the one that is tested. It finds what it gets in the file, on the disk. */
    private final class Collector extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(final ChannelHandlerContext context, final Object message) throws Exception {
            final String text = message instanceof ByteBufHolder holder ? textOf(holder.content()) : message.toString();
            if (message instanceof ByteBufHolder holder && !holder.release()) {
                seen.add("held by somebody: " + text);
            }
            if (!text.startsWith("-") && !Files.readString(path).contains(text)) {
                seen.add("not in the file: " + text);
            }
            seen.add(text);
        }

        @Override
        public void channelReadComplete(final ChannelHandlerContext context) {
            seen.add("complete");
        }

        @Override
        public void userEventTriggered(final ChannelHandlerContext context, final Object event) {
            seen.add("event " + event);
        }

        @Override
        public void exceptionCaught(final ChannelHandlerContext context, final Throwable cause) {
            caught.complete(cause);
        }

        @Override
        public void channelInactive(final ChannelHandlerContext context) {
            seen.add(END);
        }
    }

    @BeforeEach
    void open() throws Exception {
        core = engine.open(path, CREATE, READ, WRITE);
        file = NettyWriteThroughFile.of(core);
    }

    @AfterEach
    void stop() throws Exception {
        helper.runAll();
        core.close();
        if (client != null) {
            client.close().sync();
            served.close().sync();
        }
        local.shutdownGracefully(0, 10, TimeUnit.SECONDS).await();
    }

    /** A file whose operations wait until the helper runs: something that waits is before all of them. */
    private void holdUp() throws Exception {
        file = NettyWriteThroughFile.of(core, allocator, helper);
        file.write(allocator.directBuffer().writeZero(LARGE), 0);
    }

    private void connect() throws Exception {
        final CompletableFuture<Channel> accepted = new CompletableFuture<>();
        final LocalAddress address = LocalAddress.ANY;
        final Channel server = new ServerBootstrap()
                .group(local)
                .channel(LocalServerChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(final Channel channel) {
                        channel.pipeline().addLast(new DurableHandler(file, format, waterMark), new Collector());
                        accepted.complete(channel);
                    }
                })
                .bind(address)
                .sync()
                .channel();
        client = new Bootstrap()
                .group(local)
                .channel(LocalChannel.class)
                .handler(new ChannelInboundHandlerAdapter())
                .connect(server.localAddress())
                .sync()
                .channel();
        served = accepted.get(1, TimeUnit.MINUTES);
        server.close().sync();
    }

    /* In a holder, since a local channel makes one buffer of several. */
    private ByteBufHolder message(final String text) {
        final ByteBuf buffer = allocator.directBuffer();
        buffer.writeCharSequence(text, UTF_8);
        return new DefaultByteBufHolder(buffer);
    }

    private static String textOf(final ByteBuf bytes) {
        return bytes.toString(UTF_8);
    }

    /** Returns when the server's channel has it. */
    private void send(final String... texts) throws Exception {
        ChannelFuture sent = null;
        for (final String text : texts) {
            sent = client.write(message(text));
        }
        client.flush();
        sent.sync();
        client.eventLoop().submit(() -> {}).get(1, TimeUnit.MINUTES);
        flushServed();
    }

    private void flushServed() throws Exception {
        served.eventLoop().submit(() -> {}).get(1, TimeUnit.MINUTES);
    }

    private List<String> next(final int count) throws Exception {
        final List<String> texts = new ArrayList<>();
        while (texts.size() < count) {
            final String text = seen.poll(1, TimeUnit.MINUTES);
            if (text == null) {
                throw new AssertionError("only " + texts);
            }
            if (!text.equals("complete")) {
                texts.add(text);
            }
        }
        return texts;
    }

    @Test
    void messagesArePassedOnInTheirOrderAndAreInTheFileThen() throws Exception {
        connect();
        final List<String> expected = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            expected.add("message " + i + ";");
        }
        send(expected.toArray(new String[0]));
        assertEquals(expected, next(200));
        assertEquals(String.join("", expected), Files.readString(path));
    }

    @Test
    void aReadCompleteFollowsARunOfMessages() throws Exception {
        holdUp();
        connect();
        send("one", "two");
        assertTrue(seen.isEmpty(), seen::toString);
        helper.runAll();
        assertEquals(List.of("one", "two"), next(2));
        assertEquals("complete", seen.poll(1, TimeUnit.MINUTES));
    }

    @Test
    void eventsAndMessagesThatNeedNoRecordKeepTheirPlace() throws Exception {
        format = (context, message) -> {
            final ByteBuf bytes = ((ByteBufHolder) message).content();
            return bytes.getByte(0) == '-' ? null : bytes.retainedSlice();
        };
        holdUp();
        connect();
        send("-a", "b", "-c");
        served.eventLoop()
                .submit(() -> served.pipeline().fireUserEventTriggered("d"))
                .get(1, TimeUnit.MINUTES);
        send("e");
        assertEquals(List.of("-a"), next(1));
        assertTrue(seen.stream().allMatch("complete"::equals), seen::toString);
        helper.runAll();
        assertEquals(List.of("b", "-c", "event d", "e"), next(4));
        assertEquals(LARGE + 2, Files.size(path));
    }

    @Test
    void aFormatPassesOnWhatItMakesOfMessageAndPlace() throws Exception {
        format = new RecordFormat() {
            @Override
            public ByteBuf record(final ChannelHandlerContext context, final Object message) {
                final ByteBuf bytes = ((ByteBufHolder) message).content();
                return context.alloc().buffer().writeByte(bytes.readableBytes()).writeBytes(bytes.duplicate());
            }

            @Override
            public Object durable(final Object message, final long offset) {
                ReferenceCountUtil.release(message);
                return "-" + offset;
            }
        };
        connect();
        send("abc", "defgh", "i");
        assertEquals(List.of("-0", "-4", "-10"), next(3));
        assertEquals("\3abc\5defgh\1i", Files.readString(path));
    }

    @Test
    void readingPausesAtTheHighMarkAndGoesOnAtTheLow() throws Exception {
        waterMark = new WriteBufferWaterMark(1000, 3000);
        holdUp();
        connect();
        final String text = "x".repeat(1000);
        send(text, text);
        assertTrue(served.config().isAutoRead());
        send(text);
        assertFalse(served.config().isAutoRead());
        helper.runAll();
        assertEquals(List.of(text, text, text), next(3));
        assertEquals("complete", seen.poll(1, TimeUnit.MINUTES));
        flushServed();
        assertTrue(served.config().isAutoRead());
        send("more");
        helper.runAll();
        assertEquals(List.of("more"), next(1));
    }

    @Test
    void aChannelThatIsReadByHandIsLeftSo() throws Exception {
        waterMark = new WriteBufferWaterMark(10, 20);
        holdUp();
        connect();
        served.config().setAutoRead(false);
        client.writeAndFlush(message("one")).sync();
        served.read();
        while (file.waiting() < 2) {
            flushServed();
        }
        helper.runAll();
        assertEquals(List.of("one"), next(1));
        flushServed();
        assertFalse(served.config().isAutoRead());
    }

    @Test
    void aRecordThatCannotBeWrittenEndsTheChannelAndNothingAfterItIsPassedOn() throws Exception {
        connect();
        send("good");
        assertEquals(List.of("good"), next(1));
        get(file.close());
        final ByteBufHolder lost = message("lost");
        final ByteBufHolder after = message("after");
        client.write(lost);
        client.writeAndFlush(after);
        assertInstanceOf(ClosedChannelException.class, caught.get(1, TimeUnit.MINUTES));
        served.closeFuture().sync();
        flushServed();
        assertEquals(List.of(END), next(1));
        assertEquals(0, lost.refCnt());
        assertEquals(0, after.refCnt());
        assertEquals("good", Files.readString(path));
    }

    @Test
    void aMessageWithoutARecordEndsTheChannel() throws Exception {
        connect();
        served.eventLoop()
                .submit(() -> served.pipeline().fireChannelRead("a string is no bytes"))
                .get(1, TimeUnit.MINUTES);
        assertInstanceOf(IllegalArgumentException.class, caught.get(1, TimeUnit.MINUTES));
        served.closeFuture().sync();
        assertEquals(0, core.size());
    }

    @Test
    void messagesThatAreNotStableWhenTheChannelEndsAreWrittenAndReleased() throws Exception {
        holdUp();
        connect();
        send("one", "two");
        client.close().sync();
        assertEquals(List.of(END), next(1));
        helper.runAll();
        core.close(); // when all is stable
        assertTrue(Files.readString(path).endsWith("onetwo"));
    }

    @Test
    void aHandlerThatIsRemovedReleasesWhatItHasAndReadsAgain() throws Exception {
        waterMark = new WriteBufferWaterMark(10, 20);
        holdUp();
        connect();
        send("one");
        assertFalse(served.config().isAutoRead());
        served.pipeline().remove(DurableHandler.class);
        flushServed();
        assertTrue(served.config().isAutoRead());
        helper.runAll();
        send("-two");
        assertEquals(List.of("-two"), next(1));
        core.close(); // when all is stable
        assertEquals(LARGE + 3, Files.size(path));
    }

    @Test
    void recordsOfManyChannelsLeaveTogether() throws Exception {
        assumeTrue(isDirect(core), "without direct I/O every append is a write of its own");
        connect();
        final Channel first = client;
        final Channel firstServed = served;
        connect();
        final long before = engine.stats().deviceWrites();
        final List<String> expected = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            expected.add("record " + i + ";");
            first.write(message(expected.get(i)));
            client.write(message(expected.get(i)));
        }
        first.flush();
        client.flush();
        next(1000);
        final long writes = engine.stats().deviceWrites() - before;
        assertTrue(writes < 1000, writes + " writes of the device for 1000 records");
        first.close().sync();
        firstServed.close().sync();
    }
}
