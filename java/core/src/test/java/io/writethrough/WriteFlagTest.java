// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.jfr.EventNames;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The places that list the flags of a write have the same ones: the enum, the C header, the C core, the flight recorder, the
 * Javadoc.
 */
class WriteFlagTest {
    private static final Path HEADER = Path.of("../../native/include/writethrough.h");
    private static final Path SOURCE = Path.of("src/main/java/io/writethrough/WriteFlag.java");

    private static final Map<String, Integer> FLAGS = new TreeMap<>();

    static {
        for (final WriteFlag flag : WriteFlag.values()) {
            FLAGS.put(flag.name(), Codes.of(flag));
        }
    }

    /** The constants of the enum of the C header that has WT_NOWAIT, without their prefix. */
    private static Map<String, Integer> flagsOfTheHeader() throws IOException {
        final String header = Files.readString(HEADER).replaceAll("(?s)/\\*.*?\\*/", "");
        final int within = header.indexOf("WT_NOWAIT");
        final String body = header.substring(header.lastIndexOf('{', within), header.indexOf('}', within));
        final Map<String, Integer> flags = new TreeMap<>();
        final Matcher matcher = Pattern.compile("WT_(\\w+) = (\\d+)").matcher(body);
        while (matcher.find()) {
            flags.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
        }
        return flags;
    }

    @Test
    void theFlagsAreThoseOfTheHeader() throws IOException {
        assertEquals(flagsOfTheHeader(), FLAGS);
    }

    @Test
    void theConstantsOfTheCodeHaveTheValuesOfTheHeader() throws IOException {
        final Map<String, Integer> header = flagsOfTheHeader();
        assertEquals(header.get("NOWAIT"), NativeIo.NOWAIT);
        assertEquals(header.get("APPEND"), NativeIo.APPEND);
        assertEquals(header.get("ATOMIC"), NativeIo.ATOMIC);
    }

    @Test
    void theCoreTakesEachFlag(@TempDir final Path directory) throws Exception {
        final ByteBuffer page = ByteBuffer.allocate(4096);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(1 << 20).build();
                WriteThroughFile file = engine.open(directory.resolve("file"), CREATE, READ, WRITE)) {
            for (final WriteFlag flag : WriteFlag.values()) {
                try {
                    assertEquals(
                            4096,
                            file.writeAsync(page.clear(), 0, Durability.DSYNC, flag)
                                    .get(),
                            flag.name());
                } catch (final ExecutionException e) {
                    final int errno = ((WriteThroughException) e.getCause()).errno();
                    assertNotEquals(Errno.EINVAL, errno, flag + " has no line in WRITE_FLAGS of write.c");
                }
            }
        }
    }

    @Test
    void anEventNamesEachFlag() {
        for (final WriteFlag flag : WriteFlag.values()) {
            assertEquals(flag.name(), EventNames.flags(Codes.of(flag)));
        }
        assertEquals("APPEND HIGH_PRIORITY", EventNames.flags(Codes.of(WriteFlag.APPEND, WriteFlag.HIGH_PRIORITY)));
        assertEquals("", EventNames.flags(0));
        assertEquals("NOWAIT 0x40000000", EventNames.flags(1 | 1 << 30));
    }

    @Test
    void theJavadocTellsOfEachFlag() throws IOException {
        final String source = Files.readString(SOURCE);
        for (final String name : FLAGS.keySet()) {
            assertTrue(
                    Pattern.compile("/\\*\\*(?:(?!\\*/).)+\\*/\\s+" + name + "\\b", Pattern.DOTALL)
                            .matcher(source)
                            .find(),
                    name + " has no Javadoc");
        }
    }
}
