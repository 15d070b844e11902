// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.READ;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.jni.Codes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The flags of reads: those of the header, and what each does. */
class ReadFlagTest extends OnEveryFileSystem {
    private static final Path HEADER = Path.of("../../native/include/writethrough.h");
    private static final int BLOCK = 4096;

    private final byte[] bytes = new byte[1 << 20];

    private WriteThroughEngine engine;
    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        new Random(1).nextBytes(bytes);
        Files.write(path, bytes);
        engine = WriteThroughEngine.builder().cacheBytes(16 << 20).build();
        file = engine.open(path, READ);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private void assumeDirect() throws IOException {
        assumeTrue(
                file.profile().writePath() == StorageProfile.WritePath.DIRECT,
                "the kernel has the cache, so flags do nothing: no direct I/O on " + file.profile());
    }

    private void check(final ByteBuffer into, final int position, final ReadFlag... flags) throws IOException {
        final byte[] found = new byte[into.remaining()];
        assertEquals(found.length, file.read(into, position, flags));
        into.flip().get(found);
        assertArrayEquals(Arrays.copyOfRange(bytes, position, position + found.length), found);
    }

    @Test
    void theFlagsAreThoseOfTheHeader() throws IOException {
        final Map<String, Integer> ofTheHeader = new TreeMap<>();
        final Matcher matcher = Pattern.compile(" WT_READ_(\\w+) = (\\d+)").matcher(Files.readString(HEADER));
        while (matcher.find()) {
            ofTheHeader.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
        }
        final Map<String, Integer> flags = new TreeMap<>();
        for (final ReadFlag flag : ReadFlag.values()) {
            flags.put(flag.name(), Codes.of(flag));
        }
        assertEquals(ofTheHeader, flags);
    }

    @Test
    void eachFlagAndAllOfThemReadWhatThereIs() throws IOException {
        for (final ReadFlag flag : ReadFlag.values()) {
            if (flag == ReadFlag.NOWAIT) {
                check(ByteBuffer.allocate(5000), 100);
            }
            check(ByteBuffer.allocate(5000), 100, flag);
            check(ByteBuffer.allocateDirect(5000), 100, flag);
            final ByteBuffer[] two = {ByteBuffer.allocate(10), ByteBuffer.allocateDirect(20)};
            assertEquals(30, file.read(two, 100, flag));
            assertEquals(bytes[129], two[1].get(19));
            assertEquals(-1, file.read(ByteBuffer.allocate(1), bytes.length, flag));
            assertEquals(0, file.read(ByteBuffer.allocate(0), 0, flag));
        }
        check(ByteBuffer.allocate(5000), 0);
        check(ByteBuffer.allocate(5000), 0, ReadFlag.values());
    }

    @Test
    void whatIsReadOnceDoesNotStayInTheCache() throws IOException {
        assumeDirect();
        check(ByteBuffer.allocate(BLOCK), 8 * BLOCK);
        for (int at = 0; at + 5000 <= bytes.length; at += 5000) {
            check(ByteBuffer.allocate(5000), at, ReadFlag.DONTCACHE);
        }
        for (int at = 0; at < bytes.length; at += 2048) {
            check(ByteBuffer.allocate(2048), at, ReadFlag.SEQUENTIAL);
        }
        assertEquals(BLOCK, engine.stats().cachedBytes());
    }

    @Test
    void aReadThatMayNotWaitFailsOrTakesWhatIsThere() throws IOException {
        assumeDirect();
        final ByteBuffer into = ByteBuffer.allocate(3 * BLOCK);
        final WriteThroughException failure =
                assertThrows(WriteThroughException.class, () -> file.read(into, 0, ReadFlag.NOWAIT));
        assertEquals("EAGAIN", failure.errnoName());
        assertEquals(0, into.position());
        assertEquals(0, engine.stats().deviceReads());
        check(ByteBuffer.allocate(BLOCK), 0);
        final long reads = engine.stats().deviceReads();
        assertEquals(BLOCK - 5, file.read(into, 5, ReadFlag.NOWAIT));
        assertArrayEquals(Arrays.copyOfRange(bytes, 5, BLOCK), Arrays.copyOf(into.array(), BLOCK - 5));
        assertEquals(reads, engine.stats().deviceReads());
    }

    @Test
    void aVirtualThreadMayGiveFlags() throws Exception {
        assumeTrue(
                Runtime.version().feature() >= 21,
                "no virtual threads in Java " + Runtime.version().feature());
        final AtomicInteger passed = new AtomicInteger();
        final Thread virtual = VirtualThreadTest.start(() -> {
            eachFlagAndAllOfThemReadWhatThereIs();
            passed.incrementAndGet();
        });
        virtual.join();
        assertEquals(1, passed.get());
    }
}
