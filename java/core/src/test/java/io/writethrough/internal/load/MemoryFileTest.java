// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Files in memory, and their descriptors. */
class MemoryFileTest {
    private static long descriptors() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.filter(each -> {
                        try {
                            return Files.readSymbolicLink(each).toString().contains("memfd:libwritethrough.so");
                        } catch (final IOException e) {
                            return false; // that of the listing
                        }
                    })
                    .count();
        }
    }

    @Test
    void oneThatCannotBeWrittenLeavesNoDescriptor() throws IOException {
        if (Runtime.version().feature() < 22) {
            assertThrows(IOException.class, () -> MemoryFile.of(new byte[10]));
            return;
        }
        final long before = descriptors();
        assertThrows(NullPointerException.class, () -> MemoryFile.of(null)); // as an error for want of heap
        assertEquals(before, descriptors());
        try (MemoryFile file = MemoryFile.of(new byte[10])) {
            assertEquals(before + 1, descriptors());
            assertEquals(10, file.file().length());
        }
        assertEquals(before, descriptors());
    }
}
