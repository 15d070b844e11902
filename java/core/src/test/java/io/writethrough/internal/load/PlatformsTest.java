// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.Platform;
import org.junit.jupiter.api.Test;

/** The library that fits, by the mappings of a process. */
class PlatformsTest {
    private static final String MAPPING = "7f3a8c000000-7f3a8c025000 r-xp 00000000 fe:00 1234    ";

    @Test
    void aProcessOnGlibcGetsTheLibraryForGlibc() {
        assertEquals(Platform.RESOURCE_PREFIX, Platforms.current());
    }

    @Test
    void muslIsKnownByItsLoader() {
        assertTrue(Platforms.showsMusl(MAPPING + "/lib/ld-musl-x86_64.so.1\n"));
        assertTrue(Platforms.showsMusl(MAPPING + "/usr/lib/aarch64-linux-musl/libc.so\n" + MAPPING + "[stack]\n"));
        assertFalse(Platforms.showsMusl(MAPPING + "/usr/lib/x86_64-linux-gnu/libc.so.6\n"));
        assertFalse(Platforms.showsMusl(MAPPING + "/srv/musl/app.jar\n"));
    }
}
