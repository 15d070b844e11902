// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.COPY_ATTRIBUTES;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Files that are renamed, unlinked, cut short and replaced while they are open. */
class NameTest extends OnEveryFileSystem {
    @Test
    void anOpenFileIsRenamedAndWorksOn() throws IOException {
        final Path other = Files.createDirectory(directory.resolve("other")).resolve("renamed");
        final WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        try (file) {
            file.write(buffer(5000, 1), 0);
            file.renameTo(other);
            assertEquals(other, file.path());
            assertFalse(Files.exists(path));
            file.append(buffer(100, 2));
            assertEquals(5100, Files.size(other));

            Files.write(path, bytes(10, 3));
            assertThrows(FileAlreadyExistsException.class, () -> file.renameTo(path));
            assertArrayEquals(bytes(10, 3), Files.readAllBytes(path));
            assertThrows(UnsupportedOperationException.class, () -> file.renameTo(path, COPY_ATTRIBUTES));
            assertThrows(
                    NoSuchFileException.class,
                    () -> file.renameTo(directory.resolve("missing").resolve("file")));
            file.renameTo(path, REPLACE_EXISTING, ATOMIC_MOVE);
            assertEquals(5100, Files.size(path));
            assertEquals(path, file.path());
        }
        assertThrows(ClosedChannelException.class, () -> file.renameTo(other));
    }

    @Test
    void aNameThatIsAnotherFilesByNowIsNotRenamed() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            Files.move(path, directory.resolve("moved"));
            Files.write(path, bytes(10, 3));
            final WriteThroughException refused =
                    assertThrows(WriteThroughException.class, () -> file.renameTo(directory.resolve("third")));
            assertEquals("ESTALE", refused.errnoName());
            assertArrayEquals(bytes(10, 3), Files.readAllBytes(path));
        }
    }

    @Test
    void aDirectoryThatIsNotThereIsNotForced() throws IOException {
        WriteThroughFile.forceDirectory(directory);
        assertThrows(NoSuchFileException.class, () -> WriteThroughFile.forceDirectory(directory.resolve("missing")));
    }

    @Test
    void anUnlinkedFileWorksOn() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(5000, 1), 0);
            Files.delete(path);
            file.sync();
            assertEquals(5000, file.append(buffer(100, 2)));
            final ByteBuffer read = ByteBuffer.allocate(100);
            assertEquals(100, file.read(read, 5000));
            assertArrayEquals(bytes(100, 2), read.array());
        }
        assertFalse(Files.exists(path));
    }

    private static void assertStale(final WriteThroughException refused) {
        assertEquals("ESTALE", refused.errnoName());
        assertTrue(refused.getMessage().contains("open it again"), refused.getMessage());
    }

    @Test
    void aFileThatAnotherCutsShortIsRefusedUntilItIsOpenedAgain() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(5000, 1), 0);
            file.sync();
            try (FileChannel channel = FileChannel.open(path, WRITE)) {
                channel.truncate(100);
            }
            assertStale(assertThrows(WriteThroughException.class, file::sync));
            assertStale(assertThrows(WriteThroughException.class, () -> file.read(ByteBuffer.allocate(10), 0)));
            assertStale(assertThrows(WriteThroughException.class, () -> file.write(buffer(10, 1), 0)));
            assertStale(assertThrows(WriteThroughException.class, () -> WriteThroughFile.open(path, READ)));
        }
        try (WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE)) {
            assertEquals(100, file.append(buffer(10, 2)));
        }
    }

    @Test
    void aFileThatAnotherIsRenamedOverIsUsedOn() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(5000, 1), 0);
            final Path other = Files.write(directory.resolve("other"), bytes(10, 2));
            Files.move(other, path, REPLACE_EXISTING);
            file.sync();
            assertEquals(5000, file.append(buffer(10, 1)));
            try (WriteThroughFile fresh = WriteThroughFile.open(path, READ, WRITE)) {
                assertEquals(10, fresh.size());
            }
        }
    }

    @Test
    void aFileThatIsToKeepItsNameIsRefusedWhenAnotherIsRenamedOverIt() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE, WriteThroughOption.KEEP_NAME)) {
            file.write(buffer(5000, 1), 0);
            final Path other = Files.write(directory.resolve("other"), bytes(10, 2));
            Files.move(other, path, REPLACE_EXISTING);
            assertStale(assertThrows(WriteThroughException.class, file::sync));
            assertStale(assertThrows(WriteThroughException.class, () -> file.append(buffer(10, 1))));
            try (WriteThroughFile fresh = WriteThroughFile.open(path, READ, WRITE)) {
                assertEquals(10, fresh.size());
            }
        }
    }
}
