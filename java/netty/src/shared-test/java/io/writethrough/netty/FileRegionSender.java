// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.writethrough.WriteThroughFile;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.io.TempDir;

/** Sends a DefaultFileRegion of a channel of this library, for the tests of each Netty. */
public abstract class FileRegionSender {
    private static final int BYTES = 10_000;

    @TempDir
    Path directory;

    /** What a client received, and why the server failed. */
    protected record Sent(Throwable failure, byte[] received) {}

    /* A server that sends the region of a channel to who connects, and hangs up. */
    protected static Sent send(
            final EventLoopGroup group, final Class<? extends ServerChannel> transport, final FileChannel file)
            throws Exception {
        final CompletableFuture<Throwable> written = new CompletableFuture<>();
        try {
            final Channel server = new ServerBootstrap()
                    .group(group)
                    .channel(transport)
                    .childHandler(new ChannelInboundHandlerAdapter() {
                        @Override
                        public void channelActive(final ChannelHandlerContext context) {
                            context.writeAndFlush(new DefaultFileRegion(file, 0, BYTES))
                                    .addListener(write -> {
                                        written.complete(write.cause());
                                        context.close();
                                    });
                        }
                    })
                    .bind("127.0.0.1", 0)
                    .sync()
                    .channel();
            final int port = ((InetSocketAddress) server.localAddress()).getPort();
            try (Socket client = new Socket("127.0.0.1", port)) {
                client.setSoTimeout(60_000);
                final byte[] received = client.getInputStream().readAllBytes();
                return new Sent(written.get(60, TimeUnit.SECONDS), received);
            }
        } finally {
            group.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
        }
    }

    protected WriteThroughFile file() throws Exception {
        final WriteThroughFile file = WriteThroughFile.open(directory.resolve("file"), CREATE, READ, WRITE);
        file.write(ByteBuffer.wrap(content()), 0);
        return file;
    }

    protected static byte[] content() {
        final byte[] content = new byte[BYTES];
        for (int i = 0; i < BYTES; i++) {
            content[i] = (byte) (i % 251);
        }
        return content;
    }

    protected static void assertNothingIsSent(final Sent sent) {
        assertEquals(0, sent.received().length);
        Throwable first = sent.failure();
        while (first != null && first.getCause() != null) {
            first = first.getCause();
        }
        assertTrue(
                String.valueOf(first).contains("failed to get FileChannelImpl.fd"), () -> "failure: " + sent.failure());
    }
}
