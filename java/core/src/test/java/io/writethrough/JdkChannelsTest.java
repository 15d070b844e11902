// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.command.ProbeReport;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.channels.FileLock;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** The application's locks, which the kernel has by process and file: what keeps them and what lets them go. */
class JdkChannelsTest extends OnEveryFileSystem {
    private static final long CACHE_BYTES = 1 << 20;

    /* In the kernel's table: the JVM's own holds a lock for valid that the kernel has dropped. */
    private boolean isLocked() throws IOException {
        return isLocked(path);
    }

    static boolean isLocked(final Path path) throws IOException {
        final Path table = Path.of("/proc/locks");
        assumeTrue(Files.isReadable(table), "no /proc/locks here");
        final String inode = ":" + Files.getAttribute(path, "unix:ino") + " ";
        final String pid = " " + ProcessHandle.current().pid() + " ";
        return Files.readAllLines(table).stream()
                .anyMatch(line -> line.contains("POSIX") && line.contains(inode) && line.contains(pid));
    }

    @Test
    void looksAndRefusedOpensLeaveTheLocksOfTheFile() throws Exception {
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(CACHE_BYTES).build();
                WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(10_000, 1), 0);
            final FileLock lock = file.asFileChannel().lock();
            assertTrue(isLocked());
            StorageProfile.of(path);
            ProbeReport.of(path);
            file.profile();
            assertThrows(WriteThroughException.class, () -> engine.open(path, READ));
            assertThrows(WriteThroughException.class, () -> engine.open(path, READ, WRITE));
            assertThrows(FileAlreadyExistsException.class, () -> engine.open(path, CREATE_NEW, WRITE));
            file.asFileChannel().map(MapMode.READ_ONLY, 0, 100);
            file.asFileChannel().map(MapMode.PRIVATE, 0, 100);
            file.renameTo(directory.resolve("other"));
            file.renameTo(path);
            assertTrue(isLocked());
            final Path wrapped = WriteThroughFileSystem.builder().build().wrap(path);
            Files.move(wrapped, wrapped.resolveSibling("moved"));
            Files.move(wrapped.resolveSibling("moved"), wrapped);
            assertTrue(isLocked());
            lock.release();
            assertFalse(isLocked());
        }
    }

    @Test
    void looksAndRefusedOpensLeaveTheLocksOfChannelsOfTheJdk() throws Exception {
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(CACHE_BYTES).build();
                WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
                FileChannel jdk = FileChannel.open(path, WRITE);
                FileLock lock = jdk.lock()) {
            StorageProfile.of(path);
            ProbeReport.of(path);
            assertThrows(WriteThroughException.class, () -> engine.open(path, READ, WRITE));
            assertTrue(isLocked());
            assertTrue(lock.isValid() && file.isOpen());
        }
    }

    @Test
    void aLockIsOfItsChannelAndGoesWithItAlone() throws Exception {
        try (WriteThroughFile first = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final WriteThroughFile second = WriteThroughFile.open(path, READ, WRITE);
            final FileLock lock = first.asFileChannel().lock(0, 10, true);
            final FileLock other = second.asFileChannel().tryLock(10, 10, false);
            assertNotNull(other);
            second.close();
            assertFalse(other.isValid());
            assertTrue(lock.isValid());
            assertTrue(isLocked());
            first.asFileChannel().tryLock(10, 10, false).release();
            lock.release();
            assertFalse(isLocked());
        }
    }

    @Test
    void aLockThatRacesTheCloseOfTheFileIsOfAClosedChannel() throws Exception {
        for (int i = 0; i < 200; i++) {
            final FileChannel channel =
                    WriteThroughFile.open(path, CREATE, READ, WRITE).asFileChannel();
            final AtomicInteger locks = new AtomicInteger();
            final FutureTask<Void> locking = new FutureTask<>(() -> {
                while (true) {
                    channel.tryLock(0, 1, false).release();
                    locks.incrementAndGet();
                }
            });
            new Thread(locking).start();
            while (locks.get() < 20) {
                Thread.onSpinWait();
            }
            channel.close();
            final Throwable failure =
                    assertThrows(ExecutionException.class, locking::get).getCause();
            assertTrue(failure instanceof ClosedChannelException, failure.toString());
        }
    }

    @Test
    void whatIsStoredInAPrivateMappingStaysThere() throws Exception {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(20_000, 1), 0);
            final ByteBuffer mapped = file.asFileChannel().map(MapMode.PRIVATE, 5001, 9000);
            assertEquals(ByteBuffer.wrap(bytes(20_000, 1), 5001, 9000), mapped);
            mapped.put(0, (byte) ~mapped.get(0));
            assertEquals(buffer(20_000, 1), ByteBuffer.wrap(Files.readAllBytes(path)));
            assertEquals(buffer(20_000, 1), ByteBuffer.wrap(read(file, 0, 20_000)));
        }
    }
}
