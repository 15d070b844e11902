// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What the exceptions say: the operation, the file, where, the error, and what to do about it. */
class ErrorMessageTest extends OnEveryFileSystem {
    private static final Path HEADER = Path.of("../../native/include/writethrough.h");

    /* Of these the class of the exception says all there is, or no exception comes of them. */
    private static final Set<String> SAID_BY_CLASS = Set.of("EBADF", "EEXIST", "EISDIR", "ELOOP", "ENOENT", "ESRCH");

    private static final int WITHOUT_NAME = 4000;

    @Test
    void eachErrorOfTheHeaderSaysWhatToDo() throws Exception {
        final Set<String> silent = new TreeSet<>();
        final Matcher matcher = Pattern.compile("-(E[A-Z0-9]+)\\b").matcher(Files.readString(HEADER));
        while (matcher.find()) {
            final String name = matcher.group(1);
            if (!SAID_BY_CLASS.contains(name) && !hasAdvice(name)) {
                silent.add(name);
            }
        }
        assertEquals(Set.of(), silent);
    }

    private static boolean hasAdvice(final String name) throws IllegalAccessException {
        try {
            final int errno = Errno.class.getField(name).getInt(null);
            return Errno.name(errno).equals(name) && !Errno.advice(errno).equals(Errno.advice(WITHOUT_NAME));
        } catch (final NoSuchFieldException e) {
            return false;
        }
    }

    @Test
    void anErrorThatTheLibraryKnowsNothingOfSaysWhereToLook() {
        for (int errno = 1; errno <= 133; errno++) {
            assertTrue(Errno.advice(errno).endsWith("."), "errno " + errno);
        }
        assertTrue(Errno.advice(WITHOUT_NAME).contains("errno(3)"));
    }

    @Test
    void aMessageHasTheOperationWhereTheErrorAndWhatToDo() {
        final WriteThroughException write =
                new WriteThroughException("write", "/data/log", 4096, 100, 28, "ENOSPC", 50, "Free space.");
        assertEquals(
                "write of 100 bytes at offset 4096 of /data/log: ENOSPC (28), the first 50 bytes are known to be stable."
                        + " Free space.",
                write.getMessage());
        final WriteThroughException sync = new WriteThroughException(
                "sync",
                "/data/log",
                WriteThroughException.NONE,
                WriteThroughException.NONE,
                5,
                "EIO",
                0,
                "Look at the log.");
        assertEquals("sync of /data/log: EIO (5). Look at the log.", sync.getMessage());
    }

    @Test
    void aRenameThatIsRefusedNamesBothFilesAndTheReason() throws IOException {
        final Path other = directory.resolve("other");
        final Path parent = Files.createDirectory(directory.resolve("parent"));
        Files.createFile(other);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            assertNamed(
                    NoSuchFileException.class,
                    file,
                    directory.resolve("missing").resolve("file"),
                    "is missing");
            assertNamed(FileSystemException.class, file, other.resolve("file"), "A parent is not a directory");
            assertNamed(FileSystemException.class, file, directory.resolve("n".repeat(300)), "File name too long");
            final FileAlreadyExistsException exists =
                    assertThrows(FileAlreadyExistsException.class, () -> file.renameTo(parent));
            assertEquals(parent.toString(), exists.getFile());
            assertEquals(path, file.path());
        }
    }

    private void assertNamed(
            final Class<? extends FileSystemException> type,
            final WriteThroughFile file,
            final Path target,
            final String reason) {
        final FileSystemException e = assertThrows(type, () -> file.renameTo(target));
        assertEquals(path.toString(), e.getFile());
        assertEquals(target.toString(), e.getOtherFile());
        assertTrue(e.getReason().contains(reason), e.getReason());
    }

    @Test
    void aRenameToAnotherFileSystemSaysToCopy() throws IOException {
        final Path elsewhere = elsewhere();
        assumeTrue(elsewhere != null, "no other file system here");
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final Path target =
                    elsewhere.resolve("writethrough-" + ProcessHandle.current().pid());
            final WriteThroughException e = assertThrows(WriteThroughException.class, () -> file.renameTo(target));
            assertEquals("EXDEV", e.errnoName());
            assertTrue(
                    e.getMessage().startsWith("rename to " + target + " of " + path + ": EXDEV (18). "),
                    e.getMessage());
            assertTrue(e.getMessage().contains("Copy the file"), e.getMessage());
        }
    }

    private Path elsewhere() throws IOException {
        for (final String name : new String[] {"/dev/shm", "/var/tmp", "/tmp"}) {
            final Path place = Path.of(name);
            if (Files.isWritable(place) && !Files.getFileStore(place).equals(Files.getFileStore(directory))) {
                return place;
            }
        }
        return null;
    }

    @Test
    void aChangeThatTheKernelDoesNotPermitSpeaksOfTheFileAndNotOfTheRing() throws Exception {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(10_000, 1), 0);
            assumeTrue(chattr("+a") == 0, "chattr +a does not work here");
            try {
                final WriteThroughException e = assertThrows(WriteThroughException.class, () -> file.truncate(10));
                assertEquals("EPERM", e.errnoName());
                assertTrue(e.getMessage().contains("lsattr"), e.getMessage());
                assertFalse(e.getMessage().contains("io_uring"), e.getMessage());
                final AccessDeniedException moved =
                        assertThrows(AccessDeniedException.class, () -> file.renameTo(directory.resolve("moved")));
                assertTrue(moved.getReason().contains("lsattr"), moved.getReason());
                assertNotEquals(null, moved.getOtherFile());
            } finally {
                chattr("-a");
            }
        }
    }

    private int chattr(final String change) throws Exception {
        return new ProcessBuilder("chattr", change, path.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start()
                .waitFor();
    }
}
