// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The key that this JDK gives a file tells the numbers by which the C core knows it. */
class FileIdentityTest {
    @TempDir
    private Path directory;

    @Test
    void theKeyOfAFileTellsItsDeviceAndItsInode() throws IOException {
        final Path file = Files.createFile(directory.resolve("file"));
        final FileIdentity expected = new FileIdentity(
                ((Number) Files.getAttribute(file, "unix:dev")).longValue(),
                ((Number) Files.getAttribute(file, "unix:ino")).longValue());
        assertEquals(
                expected,
                FileIdentity.of(
                        Files.readAttributes(file, BasicFileAttributes.class).fileKey()));
    }

    @Test
    void aKeyOfAnotherFormTellsNothing() {
        for (final String key : new String[] {"", "(dev=1,ino=2", "(dev=,ino=2)", "(dev=1,ino=x)", "(ino=2,dev=1)"}) {
            assertNull(FileIdentity.of(key), key);
        }
        assertNull(FileIdentity.of(null));
    }
}
