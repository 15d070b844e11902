// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the library finds out about a file system and its device. */
class StorageProfileTest extends OnEveryFileSystem {
    @Test
    void aDirectoryTellsWhatAFileInItWouldGet() throws IOException {
        final StorageProfile of = StorageProfile.of(directory);
        assertEquals(Optional.empty(), of.backend());
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final StorageProfile inUse = file.profile();
            assertEquals(Optional.of(WriteThroughEngine.shared().backend()), inUse.backend());
            assertTrue(inUse.toString()
                    .contains(" by " + inUse.backend().get().name().toLowerCase(Locale.ROOT)));
            assertEquals(of.writePath(), inUse.writePath());
            assertEquals(of.fileSystemType(), inUse.fileSystemType());
            assertEquals(of.deviceNumber(), inUse.deviceNumber());
            assertEquals(of.deviceName(), inUse.deviceName());
            assertEquals(of.blockBytes(), inUse.blockBytes());
        }
        assertEquals(of.blockBytes(), StorageProfile.of(path).blockBytes());
    }

    @Test
    void theBlockIsAPowerOfTwoThatMeetsEveryAlignment() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            final StorageProfile profile = file.profile();
            assertEquals(1, Integer.bitCount(profile.blockBytes()));
            assertTrue(profile.blockBytes() <= 4096, profile.toString());
            assertTrue(profile.blockBytes() >= profile.dioOffsetAlignment(), profile.toString());
            assertTrue(profile.blockBytes() >= profile.dioMemoryAlignment(), profile.toString());
            assertTrue(profile.blockBytes() >= profile.logicalBlockBytes(), profile.toString());
            assertTrue(profile.fileSystemBlockBytes() > 0, profile.toString());
        }
    }

    @Test
    void theFileSystemIsTheOneThatTheJdkSees() throws IOException {
        assertEquals(
                Files.getFileStore(directory).type(),
                StorageProfile.of(directory).fileSystemType());
    }

    @Test
    void itsTextIsForPeople() throws IOException {
        final StorageProfile profile = StorageProfile.of(directory);
        final String text = profile.toString();
        assertTrue(text.startsWith(profile.fileSystemType()), text);
        assertTrue(text.contains("writes in blocks of " + profile.blockBytes() + " bytes"), text);
        assertTrue(text.contains("FUA "), text);
        assertFalse(text.contains("@"), text);
    }

    @Test
    void aProbeOfNothingIsNoSuchFile() {
        assertThrows(NoSuchFileException.class, () -> StorageProfile.of(path));
        assertThrows(NoSuchFileException.class, () -> StorageProfile.of(Path.of("/no/such/directory")));
    }
}
