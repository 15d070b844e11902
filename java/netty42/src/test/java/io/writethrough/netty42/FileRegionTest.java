// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty42;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.writethrough.InterruptPolicy;
import io.writethrough.WriteThroughFile;
import io.writethrough.netty.FileRegionSender;
import org.junit.jupiter.api.Test;

/**
 * A DefaultFileRegion of a channel of this library: a transport that asks the channel sends the file, and one that takes a
 * descriptor out of the channel sends nothing, least of all another file.
 */
class FileRegionTest extends FileRegionSender {
    @Test
    void nioSendsTheFile() throws Exception {
        try (WriteThroughFile file = file()) {
            final Sent sent = send(
                    new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory()),
                    NioServerSocketChannel.class,
                    file.asFileChannel());
            assertFalse(sent.failure() != null, () -> "failure: " + sent.failure());
            assertArrayEquals(content(), sent.received());
        }
    }

    @Test
    void epollSendsNothing() throws Exception {
        assumeTrue(Epoll.isAvailable(), () -> "not here: " + Epoll.unavailabilityCause());
        for (final InterruptPolicy policy : InterruptPolicy.values()) {
            try (WriteThroughFile file = file()) {
                assertNothingIsSent(send(
                        new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory()),
                        EpollServerSocketChannel.class,
                        file.asFileChannel(policy)));
            }
        }
    }

    @Test
    void ioUringSendsNothing() throws Exception {
        assumeTrue(IoUring.isAvailable(), () -> "not here: " + IoUring.unavailabilityCause());
        for (final InterruptPolicy policy : InterruptPolicy.values()) {
            try (WriteThroughFile file = file()) {
                assertNothingIsSent(send(
                        new MultiThreadIoEventLoopGroup(1, IoUringIoHandler.newFactory()),
                        IoUringServerSocketChannel.class,
                        file.asFileChannel(policy)));
            }
        }
    }
}
