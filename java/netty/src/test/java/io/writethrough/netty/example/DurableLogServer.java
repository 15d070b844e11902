// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty.example;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.group.ChannelGroup;
import io.netty.channel.group.DefaultChannelGroup;
import io.netty.handler.codec.LengthFieldBasedFrameDecoder;
import io.netty.incubator.channel.uring.IOUringEventLoopGroup;
import io.netty.incubator.channel.uring.IOUringServerSocketChannel;
import io.netty.util.concurrent.GlobalEventExecutor;
import io.writethrough.WriteThroughFile;
import io.writethrough.netty.DurableHandler;
import io.writethrough.netty.NettyWriteThroughFile;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * A durable log over TCP, on Netty's transport on io_uring. A client sends records, each an int that is its length and so many
 * bytes, and gets a long for each, in their order, when it is on stable storage: where in the file it is. All
 * connections append to one file, and their records leave together.
 */
public final class DurableLogServer implements Closeable {
    private final EventLoopGroup loops = new IOUringEventLoopGroup(2);
    private final ChannelGroup connections = new DefaultChannelGroup(GlobalEventExecutor.INSTANCE, true);
    private final NettyWriteThroughFile log;
    private final Channel listening;

    /**
     * Opens the log, cuts off what a crash left behind its last record, and listens on loopback.
     *
     * @param path of the log, which is created if it is missing
     * @param port 0 for any that is free
     */
    public DurableLogServer(final Path path, final int port) throws IOException {
        final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        file.truncate(endOfRecords(file));
        log = NettyWriteThroughFile.of(file);
        listening = new ServerBootstrap()
                .group(loops)
                .channel(IOUringServerSocketChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(final Channel channel) {
                        connections.add(channel);
                        channel.pipeline()
                                .addLast(new LengthFieldBasedFrameDecoder(LogRecord.MOST_BYTES, 0, 4, 0, 4))
                                .addLast(new DurableHandler(log, LogRecord.FORMAT))
                                .addLast(new Acknowledge());
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port))
                .syncUninterruptibly()
                .channel();
    }

    /** Everything before it was acknowledged, or nobody knows of it; what is behind it was not. */
    private static long endOfRecords(final WriteThroughFile file) throws IOException {
        long end = 0;
        ByteBuffer record = LogRecord.read(file, end);
        while (record != null) {
            end += LogRecord.HEADER_BYTES + record.remaining();
            record = LogRecord.read(file, end);
        }
        return end;
    }

    /** Answers with the place of each record, and once for all that became stable at a time. */
    private static final class Acknowledge extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(final ChannelHandlerContext context, final Object offset) {
            final ByteBuf answer = context.alloc().buffer(Long.BYTES);
            context.write(answer.writeLong((Long) offset), context.voidPromise());
        }

        @Override
        public void channelReadComplete(final ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(final ChannelHandlerContext context, final Throwable cause) {
            System.err.println(context.channel() + ": " + cause);
            context.close();
        }
    }

    /** {@return where it listens} */
    public int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    @Override
    public void close() {
        listening.close().syncUninterruptibly();
        connections.close().awaitUninterruptibly();
        loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).syncUninterruptibly();
        log.close().syncUninterruptibly();
    }

    /** Serves the log of the first argument on the port of the second, until its input ends. */
    public static void main(final String[] args) throws IOException {
        try (DurableLogServer server = new DurableLogServer(Path.of(args[0]), Integer.parseInt(args[1]))) {
            System.out.println("listening on " + server.port());
            while (System.in.read() >= 0) {
                // Nothing that is typed means anything.
            }
        }
    }
}
