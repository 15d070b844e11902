// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The portable engine by name: who owns a file, whose locks are whose, and what it refuses. The suites of the API run on it too. */
class PortableEngineTest {
    @TempDir
    Path directory;

    private Path path;

    @BeforeEach
    void name() {
        path = directory.resolve("file");
    }

    private static WriteThroughEngine portable() throws IOException {
        return WriteThroughEngine.builder().backend(Backend.JDK).build();
    }

    private static WriteThroughEngine ofTheLibrary() throws IOException {
        return WriteThroughEngine.builder().backend(Backend.THREADS).build();
    }

    private static ByteBuffer buffer(final int length, final int value) {
        final ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            buffer.put((byte) value);
        }
        return buffer.flip();
    }

    private static void assertHeld(final String expected, final WriteThroughException refused) {
        assertEquals("EBUSY", refused.errnoName());
        assertTrue(refused.getMessage().contains(expected), refused.getMessage());
    }

    @Test
    void whatIsWrittenIsReadAndTheBackendIsNamed() throws IOException {
        try (WriteThroughEngine engine = portable();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(5000, 1), 0);
            assertEquals(5000, file.append(buffer(10, 2)));
            final ByteBuffer read = ByteBuffer.allocateDirect(5010);
            assertEquals(5010, file.read(read, 0));
            assertEquals(2, read.get(5009));
            assertEquals(Backend.JDK, engine.backend());
            assertEquals(Backend.JDK, file.profile().backend().orElseThrow());
            assertEquals(StorageProfile.WritePath.BUFFERED, file.profile().writePath());
            assertEquals(2, engine.stats().writes());
        }
        assertEquals(5010, Files.size(path));
    }

    @Test
    void whileOneEngineWritesNoOtherOfTheProcessHasTheFile() throws IOException {
        try (WriteThroughEngine one = portable();
                WriteThroughEngine other = portable();
                WriteThroughEngine library = ofTheLibrary()) {
            try (WriteThroughFile file = one.open(path, CREATE, READ, WRITE)) {
                for (final WriteThroughEngine engine : new WriteThroughEngine[] {other, library}) {
                    assertHeld("", assertThrows(WriteThroughException.class, () -> engine.open(path, READ)));
                    assertHeld("", assertThrows(WriteThroughException.class, () -> engine.open(path, READ, WRITE)));
                }
                file.write(buffer(10, 1), 0);
            }
            library.open(path, READ, WRITE).close();
            try (WriteThroughFile file = library.open(path, READ, WRITE)) {
                assertHeld("of this process", assertThrows(WriteThroughException.class, () -> one.open(path, READ)));
                file.write(buffer(10, 2), 0);
            }
            try (WriteThroughFile reads = one.open(path, READ);
                    WriteThroughFile readsToo = other.open(path, READ)) {
                assertEquals(10, reads.size() + readsToo.size() - 10);
                assertHeld("", assertThrows(WriteThroughException.class, () -> one.open(path, READ, WRITE)));
            }
            one.open(path, READ, WRITE).close();
        }
    }

    /** Has a file open by the library, writes to it without end, and says so. */
    static final class LibraryWriter {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                    WriteThroughFile file = engine.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                for (long i = 1; ; i++) {
                    final CompletableFuture<Integer> written = file.writeAsync(buffer(4096, 1), i % 512 * 4096);
                    if (i % 16 == 0) {
                        written.join();
                    }
                    if (i == 400) {
                        System.out.println("open");
                    }
                }
            }
        }
    }

    @Test
    void aFileThatTheLibraryHadInAProcessThatWasKilledIsOpenedWhenTheLastOfItsIoHasEnded() throws Exception {
        for (int i = 0; i < 4; i++) {
            final Process process =
                    ChildJvm.of(LibraryWriter.class, path.toString()).start();
            try (WriteThroughEngine engine = portable();
                    BufferedReader output = process.inputReader()) {
                assertEquals("open", output.readLine());
                process.destroyForcibly();
                assertTrue(process.waitFor() != 0);
                engine.open(path, READ, WRITE).close();
            }
        }
    }

    /** Opens a file, says so, and stays until its input ends. */
    static final class Holder {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughEngine engine = portable()) {
                engine.open(Path.of(arguments[0]), CREATE, READ, WRITE);
                System.out.println("open");
                System.in.read();
            }
        }
    }

    @Test
    void whileAProcessHasTheFileAnotherIsRefusedAndAKilledOneHasItNoMore() throws Exception {
        final Process process = ChildJvm.of(Holder.class, path.toString()).start();
        try (WriteThroughEngine engine = portable();
                BufferedReader output = process.inputReader()) {
            assertEquals("open", output.readLine());
            assertHeld(
                    "The process " + process.pid(),
                    assertThrows(WriteThroughException.class, () -> engine.open(path, READ)));
            process.toHandle().destroyForcibly();
            assertTrue(process.waitFor(1, TimeUnit.MINUTES));
            try (WriteThroughFile file = engine.open(path, READ, WRITE)) {
                file.write(buffer(10, 1), 0);
            }
        } finally {
            process.destroyForcibly();
        }
    }

    /** Locks a whole file by the JDK, and says whether it could. */
    static final class Locker {
        public static void main(final String[] arguments) throws IOException {
            try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), READ, WRITE);
                    FileLock lock = channel.tryLock()) {
                System.out.println(lock == null ? "refused" : "locked");
            }
        }
    }

    private String lockElsewhere() throws Exception {
        return ChildJvm.of(Locker.class, path.toString()).run().output().trim();
    }

    @Test
    void theLocksOfTheProgramAreFreeAndAreSeenByOtherPrograms() throws Exception {
        try (WriteThroughEngine engine = portable();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            assertEquals("locked", lockElsewhere());
            try (FileLock lock = file.asFileChannel().lock()) {
                assertTrue(lock.isValid());
                assertEquals("refused", lockElsewhere());
                file.write(buffer(10, 1), 0);
                try (WriteThroughFile again = engine.open(path, READ, WRITE)) {
                    again.write(buffer(10, 2), 10);
                }
                assertEquals("refused", lockElsewhere(), "a handle that was closed has taken the lock along");
            }
            assertEquals("locked", lockElsewhere());
        }
    }

    @Test
    void anInterruptLeavesTheFileOpenAndTheThreadInterrupted() throws IOException {
        try (WriteThroughEngine engine = portable();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            Thread.currentThread().interrupt();
            file.write(buffer(10, 1), 0);
            assertEquals(10, file.read(ByteBuffer.allocate(20), 0));
            file.sync();
            assertTrue(Thread.interrupted());
            assertTrue(file.isOpen());
        }
    }

    @Test
    void whatItDoesNotHaveIsRefusedWithWhatToDo() throws IOException {
        try (WriteThroughEngine engine = portable();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            for (final WriteThroughException refused : new WriteThroughException[] {
                assertThrows(
                        WriteThroughException.class,
                        () -> file.write(buffer(4096, 1), 0, Durability.DSYNC, WriteFlag.ATOMIC)),
                assertThrows(WriteThroughException.class, () -> file.map(0, 4096))
            }) {
                assertEquals("EOPNOTSUPP", refused.errnoName());
                assertTrue(refused.getMessage().contains("Backend.JDK"), refused.getMessage());
            }
            assertThrows(IOException.class, file::fileDescriptor);
            assertEquals(0, file.size());
        }
    }

    @Test
    void allocatedSpaceIsZerosAndKeepsWhatWasThere() throws IOException {
        try (WriteThroughEngine engine = portable();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(10, 1), 5000);
            file.truncate(100_000);
            file.allocate(0, 3_000_000);
            assertEquals(3_000_000, file.size());
            final byte[] expected = new byte[3_000_000];
            java.util.Arrays.fill(expected, 5000, 5010, (byte) 1);
            assertArrayEquals(expected, Files.readAllBytes(path));
            file.zero(5005, 10_000_000);
            java.util.Arrays.fill(expected, 5005, 5010, (byte) 0);
            assertArrayEquals(expected, Files.readAllBytes(path));
        }
    }

    @Test
    void whereNoLockFileCanBeMadeFilesOpenAllTheSame() throws Exception {
        final Path noDirectory = Files.createFile(directory.resolve("no-directory"));
        final ChildJvm.Result result = ChildJvm.of(Holder.class, path.toString())
                .withOption("-Dio.writethrough.lockDirectory=" + noDirectory)
                .run();
        assertTrue(result.output().contains("another process may open the same files"), result.output());
        assertTrue(result.output().contains("open\n"), result.output());
        assertEquals(0, result.exitCode());
    }
}
