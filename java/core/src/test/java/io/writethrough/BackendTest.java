// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.writethrough.internal.jni.Codes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@link Backend} has the backends of the C header, and the C core opens each of them. */
class BackendTest {
    private static final Path HEADER = Path.of("../../native/include/writethrough.h");

    @Test
    void theBackendsAreThoseOfTheHeader() throws IOException {
        final Map<String, Integer> header = new TreeMap<>();
        final Matcher matcher = Pattern.compile("\\bWT_BACKEND_(\\w+) = (\\d+)").matcher(Files.readString(HEADER));
        while (matcher.find()) {
            header.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
        }
        final Map<String, Integer> codes = new TreeMap<>();
        for (final Backend backend : Backend.values()) {
            if (backend != Backend.JDK) { // which is none of the C core
                codes.put(backend.name(), Codes.of(backend));
            }
        }
        assertEquals(header, codes);
    }

    @Test
    void theCoreKnowsEachBackend() throws IOException {
        for (final Backend backend : Backend.values()) {
            try (WriteThroughEngine engine = WriteThroughEngine.builder()
                    .backend(backend)
                    .cacheBytes(1 << 20)
                    .build()) {
                assertNotEquals(Backend.AUTO, engine.backend());
            } catch (final IOException e) {
                assertEquals(Backend.IO_URING, backend, "only io_uring may be refused here: " + e.getMessage());
            } catch (final IllegalArgumentException e) {
                throw new AssertionError(backend + " has no line in backends of engine.c", e);
            }
        }
    }
}
