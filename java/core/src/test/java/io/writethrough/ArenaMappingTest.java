// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.channels.FileChannel.MapMode.PRIVATE;
import static java.nio.channels.FileChannel.MapMode.READ_ONLY;
import static java.nio.channels.FileChannel.MapMode.READ_WRITE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Mappings into arenas, of a file whose channel is this library's. The JDK's channel is held to the same. */
class ArenaMappingTest extends OnEveryFileSystem {
    private interface Use {
        void of(FileChannel channel, ForeignArena arena) throws Throwable;
    }

    /* On a channel for reading and writing of a file of 20,000 bytes. */
    private void withEachChannel(final Use use) throws Throwable {
        final ForeignArena arena = ForeignArena.of("ofConfined");
        Files.write(path, bytes(20_000, 1));
        try (FileChannel jdk = FileChannel.open(path, READ, WRITE)) {
            use.of(jdk, arena);
        }
        Files.write(path, bytes(20_000, 1));
        for (final Commit commit : Commit.values()) {
            try (WriteThroughFile file = WriteThroughFile.open(path, commit, CREATE, READ, WRITE)) {
                use.of(file.asFileChannel(), arena);
            }
            Files.write(path, bytes(20_000, 1));
        }
        arena.close();
    }

    @Test
    void aReadOnlyMappingFollowsWritesThatReturned() throws Throwable {
        withEachChannel((channel, arena) -> {
            final ByteBuffer mapped = arena.map(channel, READ_ONLY, 5000, 10_000);
            assertTrue(mapped.isReadOnly());
            assertEquals(ByteBuffer.wrap(bytes(20_000, 1), 5000, 10_000), mapped);
            for (int seed = 2; seed < 20; seed++) {
                channel.write(buffer(3000, seed), 5000 + seed * 300);
                assertEquals(buffer(3000, seed), mapped.slice(seed * 300, 3000));
            }
        });
    }

    @Test
    void aPrivateMappingKeepsItsChangesToItself() throws Throwable {
        withEachChannel((channel, arena) -> {
            final ByteBuffer mapped = arena.map(channel, PRIVATE, 10, 9000);
            mapped.put(0, bytes(9000, 2));
            final ByteBuffer read = ByteBuffer.allocate(20_000);
            assertEquals(20_000, channel.read(read, 0));
            assertArrayEquals(bytes(20_000, 1), read.array());
        });
    }

    @Test
    void aMappingPastTheEndMakesTheFileGrow() throws Throwable {
        withEachChannel((channel, arena) -> {
            assertEquals(10_000, arena.map(channel, READ_ONLY, 15_000, 10_000).remaining());
            assertEquals(25_000, channel.size());
        });
    }

    @Test
    void aMappingForWritingAndTheChannelSeeEachOther() throws Throwable {
        withEachChannel((channel, arena) -> {
            final ByteBuffer mapped = arena.map(channel, READ_WRITE, 5000, 20_000);
            assertEquals(25_000, channel.size());
            for (int seed = 2; seed < 20; seed++) {
                mapped.put(seed * 300, bytes(3000, seed));
                final ByteBuffer read = ByteBuffer.allocate(3000);
                assertEquals(3000, channel.read(read, 5000 + seed * 300));
                assertEquals(buffer(3000, seed), read.flip());
                channel.write(buffer(3000, seed + 100), 5000 + seed * 300 + 100);
                assertEquals(buffer(3000, seed + 100), mapped.slice(seed * 300 + 100, 3000));
            }
        });
    }

    @Test
    void aMappingOutlivesItsChannelAndEndsWithItsArena() throws Throwable {
        withEachChannel((channel, arena) -> {
            final ForeignArena own = ForeignArena.of("ofConfined");
            final ByteBuffer mapped = own.map(channel, READ_ONLY, 0, 20_000);
            channel.close();
            assertEquals(buffer(20_000, 1), mapped);
            own.close();
            assertThrows(IllegalStateException.class, () -> mapped.get(0));
        });
    }

    @Test
    void anInterruptDoesNotKeepAFileFromBeingMapped() throws Throwable {
        final ForeignArena arena = ForeignArena.of("ofConfined");
        Files.write(path, bytes(20_000, 1));
        try (WriteThroughFile file = WriteThroughFile.open(path, READ)) {
            Thread.currentThread().interrupt();
            final ByteBuffer mapped = arena.map(file.asFileChannel(), READ_ONLY, 0, 20_000);
            assertTrue(Thread.interrupted());
            assertEquals(buffer(20_000, 1), mapped);
        }
    }

    @Test
    void aMappingLeavesTheLocksOfTheFile() throws Throwable {
        withEachChannel((channel, arena) -> {
            try (FileLock lock = channel.lock()) {
                for (final FileChannel.MapMode mode : List.of(READ_ONLY, PRIVATE, READ_WRITE)) {
                    arena.map(channel, mode, 0, 100);
                    assertTrue(JdkChannelsTest.isLocked(path), mode + " with " + lock);
                }
            }
        });
    }

    @Test
    void mappingsThatCannotBeAreRefused() throws Throwable {
        withEachChannel((channel, arena) -> {
            final Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
            assertRefused("Mode is null", NullPointerException.class, () -> arena.map(channel, null, 0, 1));
            assertRefused(
                    "Arena is null",
                    NullPointerException.class,
                    () -> new ForeignArena(null).map(channel, READ_ONLY, 0, 1));
            assertRefused("Requested bytes offset must be >= 0.", illegal, () -> arena.map(channel, READ_ONLY, -1, 1));
            assertRefused("Requested bytes size must be >= 0.", illegal, () -> arena.map(channel, READ_ONLY, 0, -1));
            assertRefused("Position + size overflow", illegal, () -> arena.map(channel, READ_ONLY, Long.MAX_VALUE, 1));
            final ForeignArena closed = ForeignArena.of("ofShared");
            closed.close();
            assertThrows(IllegalStateException.class, () -> closed.map(channel, READ_ONLY, 0, 1));
            final ForeignArena[] others = new ForeignArena[1];
            final Thread other = new Thread(() -> {
                try {
                    others[0] = ForeignArena.of("ofConfined");
                } catch (final ReflectiveOperationException e) {
                    throw new AssertionError(e);
                }
            });
            other.start();
            other.join();
            assertEquals(
                    "WrongThreadException",
                    assertThrows(RuntimeException.class, () -> others[0].map(channel, READ_ONLY, 0, 1))
                            .getClass()
                            .getSimpleName());
            channel.close();
            assertThrows(ClosedChannelException.class, () -> arena.map(channel, READ_ONLY, 0, 1));
        });
        final ForeignArena arena = ForeignArena.of("ofConfined");
        try (WriteThroughFile file = WriteThroughFile.open(path, READ)) {
            final FileChannel channel = file.asFileChannel();
            assertThrows(NonWritableChannelException.class, () -> arena.map(channel, PRIVATE, 0, 1));
            assertThrows(IOException.class, () -> arena.map(channel, READ_ONLY, 0, 20_001));
        }
        try (WriteThroughFile file = WriteThroughFile.open(path, READ)) {
            final FileChannel channel = file.asFileChannel();
            assertThrows(NonWritableChannelException.class, () -> arena.map(channel, READ_WRITE, 0, 1));
        }
    }

    private static void assertRefused(
            final String message, final Class<? extends Throwable> type, final Executable mapping) {
        assertEquals(message, assertThrows(type, mapping).getMessage());
    }
}
