// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.channels.FileChannel.MapMode.READ_ONLY;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** This library's channel does what the JDK's does, and what it promises beyond that. */
class WriteThroughFileChannelTest extends FileChannelContract {
    @Override
    FileChannel openInterruptible(
            final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return WriteThroughFile.open(file, options, attributes).asFileChannel(InterruptPolicy.CLOSE);
    }

    @Override
    FileChannel open(final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return WriteThroughFile.open(file, options, attributes).asFileChannel();
    }

    /* Of an appending channel the position is the size: no writer waits for another's write to be durable. */
    @Test
    void threadsThatAppendByOneChannelLeaveTogether() throws Exception {
        final int threads = 8;
        final int records = 25;
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                FileChannel channel = engine.open(path, CREATE, APPEND).asFileChannel()) {
            final List<FutureTask<Void>> writers = new ArrayList<>();
            for (int i = 0; i < threads; i++) {
                final FutureTask<Void> writer = new FutureTask<>(() -> {
                    for (int record = 0; record < records; record++) {
                        assertEquals(100, channel.write(buffer(100, record)));
                        assertEquals(20, channel.write(new ByteBuffer[] {buffer(5, record), buffer(15, record)}));
                    }
                    return null;
                });
                writers.add(writer);
                new Thread(writer).start();
            }
            for (final FutureTask<Void> writer : writers) {
                writer.get();
            }
            assertEquals(threads * records * 120, channel.position());
            if (engine.open(path, READ).profile().writePath() == StorageProfile.WritePath.DIRECT) {
                assertTrue(engine.stats().gatheredWrites() > 0, "none left with another");
            }
        }
    }

    private interface Transfer {
        void between(FileChannel own, FileChannel other) throws IOException;
    }

    /* As the JDK's from 25 on; before, it closes the one of them that was in a call. */
    @Test
    void anInterruptDuringATransferClosesBothChannels() throws IOException {
        final Path otherPath = directory.resolve("other");
        Files.write(path, bytes(100_000, 1));
        Files.write(otherPath, bytes(100_000, 2));
        final Transfer[] transfers = {
            (own, other) -> own.transferTo(0, 100_000, other), (own, other) -> own.transferFrom(other, 0, 100_000)
        };
        for (final Transfer transfer : transfers) {
            try (FileChannel own = openInterruptible(path, Set.of(READ, WRITE));
                    FileChannel other = FileChannel.open(otherPath, READ, WRITE)) {
                Thread.currentThread().interrupt();
                assertThrows(ClosedByInterruptException.class, () -> transfer.between(own, other));
                assertTrue(Thread.interrupted());
                assertFalse(own.isOpen());
                assertFalse(other.isOpen());
            }
            try (FileChannel own = open(path, Set.of(READ, WRITE));
                    FileChannel other = FileChannel.open(otherPath, READ, WRITE)) {
                Thread.currentThread().interrupt();
                assertThrows(ClosedByInterruptException.class, () -> transfer.between(own, other));
                assertTrue(Thread.interrupted());
                assertTrue(own.isOpen(), "it ignores interrupts");
                assertFalse(other.isOpen());
            }
        }
    }

    @Test
    void anInterruptWhileTheOtherChannelIsInACallClosesBothAndIsToldWhateverWasDone() throws IOException {
        Files.write(path, bytes(3 << 20, 1));
        for (final boolean to : new boolean[] {true, false}) {
            final ClosedByInterrupt other = new ClosedByInterrupt();
            try (FileChannel own = openInterruptible(path, Set.of(READ, WRITE))) {
                assertThrows(
                        ClosedByInterruptException.class,
                        to ? () -> own.transferTo(0, 3 << 20, other) : () -> own.transferFrom(other, 0, 3 << 20));
                assertFalse(own.isOpen());
                assertFalse(other.isOpen());
            }
        }
    }

    /* Interrupted in its second call. */
    private static final class ClosedByInterrupt implements ByteChannel {
        private int calls;
        private boolean open = true;

        private int call(final ByteBuffer buffer) throws IOException {
            if (++calls == 2) {
                open = false;
                throw new ClosedByInterruptException();
            }
            final int count = buffer.remaining();
            buffer.position(buffer.limit());
            return count;
        }

        @Override
        public int read(final ByteBuffer destination) throws IOException {
            return call(destination);
        }

        @Override
        public int write(final ByteBuffer source) throws IOException {
            return call(source);
        }

        @Override
        public boolean isOpen() {
            return open;
        }

        @Override
        public void close() {
            open = false;
        }
    }

    @Test
    void byDefaultAnInterruptClosesNothingAndIsKept() throws IOException {
        try (FileChannel channel = filled(10_000, 1)) {
            for (final ChannelUse use : USES) {
                Thread.currentThread().interrupt();
                use.on(channel);
                assertTrue(Thread.interrupted(), use.toString());
            }
            Thread.currentThread().interrupt();
            try (FileLock lock = channel.lock()) {
                assertTrue(lock.isValid());
            }
            assertTrue(Thread.interrupted());
            assertTrue(channel.isOpen());
        }
    }

    @Test
    void locksSurviveAnInterruptedThread() throws Exception {
        try (FileChannel channel = filled(10_000, 1);
                FileLock lock = channel.lock(0, 1, false)) {
            Thread.currentThread().interrupt();
            channel.map(READ_ONLY, 0, 100);
            channel.tryLock(10, 1, false).release();
            assertTrue(Thread.interrupted());
            assertTrue(lock.isValid());
        }
    }

    @Test
    void thereIsOneChannelForEachInterruptPolicy() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final FileChannel channel = file.asFileChannel();
            assertSame(channel, file.asFileChannel());
            assertSame(channel, file.asFileChannel(InterruptPolicy.IGNORE));
            assertNotSame(channel, file.asFileChannel(InterruptPolicy.CLOSE));
        }
    }

    @Test
    void aFileAndItsChannelsCloseTogether() throws IOException {
        final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        final FileChannel channel = file.asFileChannel();
        final FileChannel other = file.asFileChannel(InterruptPolicy.CLOSE);
        channel.close();
        assertFalse(file.isOpen());
        assertFalse(other.isOpen());
        assertFalse(file.asFileChannel().isOpen());

        final WriteThroughFile second = WriteThroughFile.open(path, READ);
        final FileChannel ofSecond = second.asFileChannel();
        second.close();
        assertFalse(ofSecond.isOpen());
    }

    @Test
    void bothChannelsOfAFileMayBeClosedAtATime() throws Exception {
        for (int i = 0; i < 200; i++) {
            final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
            final FileChannel channel = file.asFileChannel();
            final FileChannel other = file.asFileChannel(InterruptPolicy.CLOSE);
            final FutureTask<Void> closing = new FutureTask<>(() -> {
                other.close();
                return null;
            });
            final Thread thread = new Thread(closing);
            thread.start();
            channel.close();
            closing.get();
            assertFalse(other.isOpen());
        }
    }

    @Test
    void closingTheEngineReleasesTheLocksOfItsFiles() throws Exception {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
        final FileLock lock = file.asFileChannel().lock();
        engine.close();
        assertFalse(lock.isValid());
        try (FileChannel jdk = FileChannel.open(path, WRITE)) {
            jdk.tryLock().release();
        }
        assertThrows(ClosedChannelException.class, () -> file.asFileChannel().tryLock());
        file.close();
    }

    @Test
    void whatAWriteReturnedForceNeedNotWaitFor() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, Durability.DEVICE, CREATE, READ, WRITE)) {
            final FileChannel channel = file.asFileChannel();
            channel.write(buffer(10, 1), 0);
            channel.force(false);
        }
        assertEquals(10, Files.size(path));
    }

    @Test
    void aFileOpenedWithAppendAppendsWhateverPositionIsNamed() throws IOException {
        Files.write(path, bytes(10, 1));
        try (WriteThroughFile file = WriteThroughFile.open(path, APPEND)) {
            assertEquals(5, file.write(buffer(5, 2), 0));
            assertEquals(6, file.write(new ByteBuffer[] {buffer(5, 3), buffer(1, 4)}, 3));
            assertThrows(IllegalArgumentException.class, () -> file.write(buffer(1, 1), -1));
            assertEquals(2, file.writeAsync(buffer(2, 5), 0).join());
            assertEquals(2, file.writeAsync(new ByteBuffer[] {buffer(2, 6)}, 1).join());
            for (final var written : file.writeAllAsync(List.of(new WriteRequest(buffer(2, 7), 0)))) {
                assertEquals(2, written.join());
            }
            assertEquals(27, file.size());
        }
        final ByteBuffer expected = ByteBuffer.allocate(27).put(bytes(10, 1)).put(bytes(5, 2));
        expected.put(bytes(5, 3)).put(bytes(1, 4)).put(bytes(2, 5)).put(bytes(2, 6));
        assertEquals(expected.put(bytes(2, 7)).flip(), ByteBuffer.wrap(Files.readAllBytes(path)));
    }
}
