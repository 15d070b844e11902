// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativeIo;
import io.writethrough.internal.jni.NativePaths;
import io.writethrough.internal.load.NativeLibraries;
import io.writethrough.internal.stats.EngineCounters;
import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Reads without a call of native code: what is found, and what is not. */
@ParameterizedClass(name = "{0}")
@MethodSource("io.writethrough.TestDirectories#all")
public class CacheViewTest {
    private static final int OPEN_FLAGS = 1 | 2 | 4; // WT_OPEN_READ, WRITE, CREATE
    private static final int DIRECT = 1; // WT_PATH_DIRECT
    private static final int FILE_BYTES = 300_000;

    @Parameter
    Path root;

    private Path path;
    private long engine;
    private long file;
    private CacheView view;
    private CacheView.File reader;

    @BeforeEach
    void open() throws IOException {
        NativeLibraries.load();
        path = Files.createTempFile(root, "writethrough-test-", "");
        final long[] handle = new long[1];
        final CApi.EngineOptions options = new CApi.EngineOptions();
        options.cache_bytes = 1 << 20;
        assertEquals(0, CApi.wt_engine_open(options, handle));
        engine = handle[0];
        final byte[] name = NativePaths.bytesOf(path);
        file = NativeIo.open(engine, name, OPEN_FLAGS, 0600, NativeIo.DURABILITY_OF_FILE);
        assertTrue(file > 0);
        view = CacheView.of(engine);
        reader = view.file(file);
        final CApi.Profile profile = new CApi.Profile();
        assertEquals(0, CApi.wt_file_profile(file, profile));
        if (profile.path != DIRECT) {
            assertNull(reader);
        }
        assumeTrue(profile.path == DIRECT, "no folios where there is no direct I/O");
        assertNotNull(reader);
    }

    @AfterEach
    void close() throws IOException {
        CApi.wt_engine_shutdown(engine);
        CApi.wt_engine_close(engine);
        view.release().run();
        Reference.reachabilityFence(view);
        Files.deleteIfExists(path);
    }

    private byte[] write(final int length, final long offset, final long seed) {
        final byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        assertEquals(length, NativeIo.writeArray(file, bytes, 0, length, offset, NativeIo.DURABILITY_OF_FILE, 0));
        return bytes;
    }

    /* Once for what was read ahead, once for the use. */
    private void warm() {
        final byte[] all = new byte[FILE_BYTES];
        NativeIo.readArray(file, all, 0, all.length, 0, 0);
        NativeIo.readArray(file, all, 0, all.length, 0, 0);
    }

    @Test
    void aReadOfAnyPlaceAndLengthIntoAnyBufferIsThatOfTheFile() {
        final byte[] bytes = write(FILE_BYTES, 0, 1);
        final Random random = new Random(2);
        warm();
        for (int i = 0; i < 2000; i++) {
            final int length = 1 + random.nextInt(i % 2 == 0 ? 200 : 60_000);
            final int offset = random.nextInt(FILE_BYTES - length);
            final int start = random.nextInt(100);
            final int room = start + length + random.nextInt(100);
            final ByteBuffer buffer = random.nextBoolean()
                    ? ByteBuffer.allocateDirect(room)
                    : ByteBuffer.allocate(room + 7).position(7).slice();
            final int result = reader.read(buffer, start, length, offset);
            final boolean oneFolio = offset / folioBytes() == (offset + length - 1) / folioBytes();
            assertEquals(oneFolio ? length : CacheView.ASK, result);
            if (oneFolio) {
                final byte[] read = new byte[length];
                buffer.get(start, read);
                assertArrayEquals(Arrays.copyOfRange(bytes, offset, offset + length), read);
            }
            for (int other = 0; other < room; other++) {
                if (other < start || other >= start + length) {
                    assertEquals(0, buffer.get(other));
                }
            }
        }
    }

    private int folioBytes() {
        final CApi.Profile profile = new CApi.Profile();
        CApi.wt_file_profile(file, profile);
        return 64 * profile.block_bytes;
    }

    @Test
    void whatWasWrittenLastIsReadAndNothingBehindTheEnd() {
        final ByteBuffer buffer = ByteBuffer.allocate(1000);
        write(1000, 0, 1);
        warm();
        final byte[] newer = write(1000, 0, 2);
        assertEquals(1000, reader.read(buffer, 0, 1000, 0));
        assertArrayEquals(newer, buffer.array());
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 1000, 1));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 1, 1000));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 1, Long.MAX_VALUE - 1));
        assertEquals(0, CApi.wt_truncate(file, 500));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 1000, 0));
        assertEquals(0, CApi.wt_truncate(file, 1000));
        warm();
        assertEquals(1000, reader.read(buffer, 0, 1000, 0));
        Arrays.fill(newer, 500, 1000, (byte) 0);
        assertArrayEquals(newer, buffer.array());
    }

    @Test
    void aBufferWhoseLimitWasMovedMeanwhileIsLeftToNativeCode() {
        write(1000, 0, 1);
        warm();
        assertEquals(CacheView.ASK, reader.read(ByteBuffer.allocate(1000).limit(500), 0, 1000, 0));
    }

    @Test
    void pagesThatWereWrittenBackwardsAreFound() {
        final byte[] bytes = new byte[64 * 4096];
        assertEquals(0, CApi.wt_truncate(file, bytes.length));
        for (int page = 63; page >= 0; page--) {
            System.arraycopy(write(4096, page * 4096L, page), 0, bytes, page * 4096, 4096);
        }
        warm();
        final byte[] read = new byte[folioBytes() - 200];
        assertEquals(read.length, reader.read(ByteBuffer.wrap(read), 0, read.length, 100));
        assertArrayEquals(Arrays.copyOfRange(bytes, 100, 100 + read.length), read);
    }

    @Test
    void readsAreCounted() {
        write(1000, 0, 1);
        warm();
        final long before = EngineCounters.of(engine).readHits();
        for (int i = 0; i < 1000; i++) {
            assertEquals(100, reader.read(ByteBuffer.allocate(100), 0, 100, i % 900));
        }
        assertEquals(1000, EngineCounters.of(engine).readHits() - before);
    }

    @Test
    void nothingIsFoundOnceTheFileOrTheEngineIsClosed() {
        final ByteBuffer buffer = ByteBuffer.allocate(100);
        write(1000, 0, 1);
        warm();
        assertEquals(100, reader.read(buffer, 0, 100, 0));
        assertEquals(0, NativeIo.close(file));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 100, 0));
        assertEquals(0, CApi.wt_engine_shutdown(engine));
        assertEquals(0, CApi.wt_engine_close(engine));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 100, 0));
        assertNull(CacheView.of(engine));
        assertThrows(IndexOutOfBoundsException.class, () -> buffer.get(100));
    }

    private int readWith(final Runnable afterCopy, final ByteBuffer buffer) {
        CacheView.afterCopy(() -> {
            CacheView.afterCopy(null);
            afterCopy.run();
        });
        try {
            return reader.read(buffer, 0, buffer.capacity(), 0);
        } finally {
            CacheView.afterCopy(null);
        }
    }

    @Test
    void whatIsWrittenWhileItIsCopiedIsLeftToNativeCode() {
        final ByteBuffer buffer = ByteBuffer.allocate(1000);
        write(1000, 0, 1);
        warm();
        assertEquals(1000, readWith(() -> {}, buffer));
        assertEquals(CacheView.ASK, readWith(() -> write(1000, 0, 2), buffer));
    }

    @Test
    void nothingIsFoundOfAFileThatIsLost() throws IOException {
        final ByteBuffer buffer = ByteBuffer.allocate(1000);
        write(10_000, 0, 1);
        warm();
        assertEquals(1000, reader.read(buffer, 0, 1000, 0));
        try (FileChannel other = FileChannel.open(path, StandardOpenOption.WRITE)) {
            other.truncate(5000);
        }
        assertEquals(-Errno.ESTALE, CApi.wt_sync(file));
        assertEquals(CacheView.ASK, reader.read(buffer, 0, 1000, 0));
    }

    private long pin(final long position, final int length) {
        final int slot = view.takeSlot(position, length);
        if (slot == CacheView.ASK) {
            return CacheView.ASK;
        }
        final long run = reader.pin(position, length);
        if (run == CacheView.ASK) {
            view.giveSlot(slot);
        }
        return run;
    }

    private void assertPinned(final byte[] bytes, final int from, final long run) {
        final byte[] seen = new byte[CacheView.lengthOf(run)];
        view.pinned(run, 0).get(seen);
        assertArrayEquals(Arrays.copyOfRange(bytes, from, from + seen.length), seen);
    }

    @Test
    void aPinIsOfTheBytesAsTheyWere() {
        final byte[] bytes = write(FILE_BYTES, 0, 1);
        warm();
        final long run = pin(5000, 10_000);
        assertPinned(bytes, 5000, run);
        write(FILE_BYTES, 0, 2);
        assertPinned(bytes, 5000, run);
        view.unpin(run);
        view.giveSlot(0);
        assertEquals(CacheView.ASK, pin(FILE_BYTES - 100, 101));
    }

    /* Written backwards, page by page: each has memory of its own. */
    @Test
    void aPageIsPinnedWhereverItIsAndSeveralIfTheyAreInOnePiece() {
        final byte[] bytes = new byte[16 * 4096];
        for (int page = 15; page >= 0; page--) {
            System.arraycopy(write(4096, page * 4096L, page), 0, bytes, page * 4096, 4096);
        }
        warm();
        int apart = 0;
        for (int page = 0; page < 15; page++) {
            final long one = pin(page * 4096L, 4096);
            assertPinned(bytes, page * 4096, one);
            view.unpin(one);
            view.giveSlot(0);
            final long two = pin(page * 4096L + 2000, 4096);
            if (two == CacheView.ASK) {
                apart++;
            } else {
                assertPinned(bytes, page * 4096 + 2000, two);
                view.unpin(two);
                view.giveSlot(0);
            }
        }
        assertTrue(apart > 0, "all pages are in one piece");
    }

    @Test
    void aPinHasFourPagesAtMostAndAnEighthOfTheCacheIsPinned() {
        write(FILE_BYTES, 0, 1);
        warm();
        assertEquals(8, view.slotCount());
        assertEquals(CacheView.ASK, pin(1, 4 * 4096));
        for (int i = 0; i < 8; i++) {
            assertTrue(pin(0, 4 * 4096) >= 0);
        }
        assertEquals(CacheView.ASK, pin(0, 1));
        view.giveSlot(5);
        assertTrue(pin(0, 1) >= 0);
    }

    @Test
    void whatIsWrittenWhileItIsPinnedIsLeftToNativeCodeAndCountsNoPin() {
        write(4096, 0, 1);
        warm();
        final long before = pin(0, 4096);
        view.unpin(before);
        view.giveSlot(0);
        CacheView.afterCopy(() -> {
            CacheView.afterCopy(null);
            write(4096, 0, 2);
        });
        try {
            assertEquals(CacheView.ASK, pin(0, 4096));
        } finally {
            CacheView.afterCopy(null);
        }
        assertEquals(4096, EngineCounters.of(engine).cachedBytes(), "the page that was counted is free");
        final byte[] bytes = write(4096, 0, 3);
        warm();
        final long after = pin(0, 4096);
        assertPinned(bytes, 0, after);
        view.unpin(after);
    }

    @Test
    void nothingIsPinnedOfAClosedEngineAndAPinIsGivenBackAllTheSame() {
        write(4096, 0, 1);
        warm();
        final long run = pin(0, 4096);
        assertEquals(0, CApi.wt_engine_shutdown(engine));
        assertEquals(0, CApi.wt_engine_close(engine));
        assertPinned(new byte[4096], 0, run);
        assertEquals(CacheView.ASK, reader.pin(0, 4096));
        view.unpin(run);
    }
}
