// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/**
 * A property of all programs: whatever is called, with whatever position, length and buffer, on files that others open and close
 * meanwhile, ends with a result or with an exception that says what is wrong, and in the end nothing is left open. WT_PROGRAMS (40)
 * of them, in a process whose files are limited.
 */
class BadCallersTest extends OnEveryFileSystem {
    private static final String FILE_LIMIT = "-f 8192"; // in units of 512 bytes, for dash

    @Test
    void everyCallEndsWithAResultOrAClearException() throws Exception {
        final String count = TestDirectories.setting("WT_PROGRAMS");
        final ChildJvm.Result result = ChildJvm.of(BadCallers.class, directory.toString(), count != null ? count : "40")
                .withLimit(FILE_LIMIT)
                .run();
        assertTrue(result.exitCode() == 0 && result.output().endsWith("ended\n"), result.output());
    }
}
