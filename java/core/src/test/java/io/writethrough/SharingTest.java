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

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Who may have a file open at the same time, and what they see of each other. */
class SharingTest extends OnEveryFileSystem {
    @Test
    void twoOpensOfOneFileSeeEachOthersWritesAtOnce() throws IOException {
        try (WriteThroughFile one = WriteThroughFile.open(path, CREATE, READ, WRITE);
                WriteThroughFile other = WriteThroughFile.open(path, READ, WRITE);
                WriteThroughFile reader = WriteThroughFile.open(path, READ)) {
            one.write(buffer(5000, 1), 0);
            assertArrayEquals(bytes(5000, 1), read(other, 0, 5000));
            other.write(buffer(100, 2), 4990);
            assertArrayEquals(bytes(100, 2), read(one, 4990, 100));
            assertArrayEquals(bytes(100, 2), read(reader, 4990, 100));
            assertEquals(5090, reader.size());
            one.truncate(10);
            assertEquals(10, other.size());
        }
    }

    @Test
    void aLinkAndTheFileAreOneFile() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughFile one = engine.open(path, CREATE, READ, WRITE)) {
            final Path link = Files.createLink(directory.resolve("link"), path);
            try (WriteThroughFile other = engine.open(link, READ, WRITE)) {
                one.write(buffer(100, 1), 0);
                assertArrayEquals(bytes(100, 1), read(other, 0, 100));
                assertEquals(2, engine.stats().openFiles());
                assertEquals(1, engine.stats().openInodes());
            }
        }
    }

    @Test
    void closingOneOpenLeavesTheOther() throws IOException {
        try (WriteThroughFile one = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            WriteThroughFile.open(path, READ, WRITE).close();
            WriteThroughFile.open(path, READ).close();
            one.write(buffer(100, 1), 0);
            assertArrayEquals(bytes(100, 1), read(one, 0, 100));
        }
    }

    @Test
    void aWriterExcludesOtherEnginesAndAnotherMayFollowIt() throws IOException {
        try (WriteThroughEngine first = WriteThroughEngine.builder().build();
                WriteThroughEngine second = WriteThroughEngine.builder().build()) {
            try (WriteThroughFile writer = first.open(path, CREATE, READ, WRITE)) {
                final WriteThroughException refused =
                        assertThrows(WriteThroughException.class, () -> second.open(path, READ, WRITE));
                assertBusy(refused);
                assertTrue(
                        refused.getMessage().contains("Another engine of this process") || !locksNameUs(),
                        refused.getMessage());
                assertBusy(assertThrows(WriteThroughException.class, () -> second.open(path, READ)));
                writer.write(buffer(10, 1), 0);
            }
            try (WriteThroughFile follower = second.open(path, READ, WRITE)) {
                assertArrayEquals(bytes(10, 1), read(follower, 0, 10));
            }
        }
    }

    @Test
    void readersOfTwoEnginesShareAFileAndExcludeAWriter() throws IOException {
        Files.write(path, bytes(10, 1));
        try (WriteThroughEngine first = WriteThroughEngine.builder().build();
                WriteThroughEngine second = WriteThroughEngine.builder().build();
                WriteThroughFile one = first.open(path, READ);
                WriteThroughFile other = second.open(path, READ)) {
            assertArrayEquals(read(one, 0, 10), read(other, 0, 10));
            assertBusy(assertThrows(WriteThroughException.class, () -> second.open(path, READ, WRITE)));
        }
    }

    @Test
    void aWriterExcludesOtherProcesses() throws Exception {
        try (WriteThroughFile writer = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final ChildJvm.Result result =
                    ChildJvm.of(OpenForWriting.class, path.toString()).run();
            assertTrue(result.output().contains("EBUSY (16)"), result.output());
            final String holder = "The process " + ProcessHandle.current().pid() + " (java";
            assertTrue(result.output().contains(holder) || !locksNameUs(), result.output());
            assertTrue(writer.isOpen());
        }
        assertTrue(ChildJvm.of(OpenForWriting.class, path.toString())
                .run()
                .output()
                .contains("opened"));
    }

    /* In some containers /proc/locks shows nothing. */
    private static boolean locksNameUs() throws IOException {
        return Files.readString(Path.of("/proc/locks"))
                .contains(" " + ProcessHandle.current().pid() + " ");
    }

    static final class OpenForWriting {
        public static void main(final String[] arguments) {
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), WRITE)) {
                System.out.println("opened " + file);
            } catch (final IOException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void fileLocksOfTheJdkStayFreeForTheApplication() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
                FileChannel channel = FileChannel.open(path, READ, WRITE);
                FileLock lock = channel.tryLock()) {
            assertTrue(lock.isValid());
            assertEquals(10, file.write(buffer(10, 1), 0));
        }
    }

    @Test
    void aReaderThatLocksTheFileIsNamedWithWhatToDo() throws Exception {
        Files.createFile(path);
        final Process reader =
                new ProcessBuilder("flock", "-s", path.toString(), "sh", "-c", "echo locked; exec cat").start();
        try {
            assertEquals("locked", reader.inputReader().readLine());
            final WriteThroughException e =
                    assertThrows(WriteThroughException.class, () -> WriteThroughFile.open(path, READ, WRITE));
            assertBusy(e);
            assertTrue(e.getMessage().contains("The process " + reader.pid()), e.getMessage());
            assertTrue(
                    e.getMessage().contains("(flock -s). Close the file there, or end that process."), e.getMessage());
        } finally {
            reader.getOutputStream().close();
            reader.waitFor();
        }
        WriteThroughFile.open(path, READ, WRITE).close();
    }

    private static void assertBusy(final WriteThroughException e) {
        assertEquals("EBUSY", e.errnoName());
        assertEquals("open", e.operation());
        assertEquals(WriteThroughException.NONE, e.offset());
        assertEquals(WriteThroughException.NONE, e.length());
        assertTrue(e.getMessage().contains("has the file open"), e.getMessage());
    }
}
