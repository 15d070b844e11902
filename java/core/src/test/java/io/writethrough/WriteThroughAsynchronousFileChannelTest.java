// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.async.Faults;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import org.junit.jupiter.api.Test;

/** This library's channel does what the JDK's does. */
class WriteThroughAsynchronousFileChannelTest extends AsynchronousFileChannelContract {
    @Override
    AsynchronousFileChannel open(final Set<? extends OpenOption> options, final ExecutorService executor)
            throws IOException {
        final WriteThroughFile file = WriteThroughFile.open(path, options);
        try {
            return executor == null ? file.asAsynchronousFileChannel() : file.asAsynchronousFileChannel(executor);
        } catch (final UnsupportedOperationException e) {
            file.close();
            throw e;
        }
    }

    @Test
    void whatIsBegunOnAnOpenChannelAndMeetsTheCloseEndsWithAsynchronousCloseException() throws Exception {
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
        Files.write(path, bytes(100_000, 1));
        for (int i = 0; i < 3; i++) {
            final AsynchronousFileChannel channel = open(READ, WRITE);
            Faults.plan(step -> {
                if (step == Faults.Step.BEGIN_OPERATION) {
                    Faults.plan(null);
                    close(channel);
                }
            });
            try {
                final ByteBuffer buffer = ByteBuffer.allocate(100);
                assertFailure(
                        AsynchronousCloseException.class,
                        i == 0 ? channel.read(buffer, 50_000) : channel.write(buffer, 50_000 + i));
                assertFailure(ClosedChannelException.class, channel.read(buffer, 0));
            } finally {
                Faults.plan(null);
                channel.close();
            }
        }
    }

    private static void close(final AsynchronousFileChannel channel) {
        try {
            channel.close();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /* The JDK's own channel throws an AssertionError here. */
    @Test
    void aLockThatIsTriedWhileTheChannelClosesSaysThatItIsClosed() throws Exception {
        for (int i = 0; i < 300; i++) {
            final AsynchronousFileChannel channel = open(CREATE, READ, WRITE);
            final CountDownLatch locked = new CountDownLatch(20);
            final CompletableFuture<Void> end = CompletableFuture.runAsync(() -> {
                try {
                    for (; ; locked.countDown()) {
                        channel.tryLock(0, 1, false).release();
                    }
                } catch (final IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            locked.await();
            channel.close();
            final Throwable failure =
                    assertThrows(ExecutionException.class, end::get).getCause();
            assertInstanceOf(ClosedChannelException.class, failure.getCause(), failure.toString());
        }
    }
}
