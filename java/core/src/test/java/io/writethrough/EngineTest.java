// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Options of engines, and what engines tell of themselves. */
class EngineTest extends OnEveryFileSystem {
    @Test
    void optionsOutOfRangeAreRefused() {
        final WriteThroughEngine.Builder builder = WriteThroughEngine.builder();
        assertRefused("cacheBytes is 131071", () -> builder.cacheBytes(128 * 1024 - 1));
        assertRefused("cacheBytes is -1", () -> builder.cacheBytes(-1));
        assertRefused("inFlightBytes is 65535", () -> builder.inFlightBytes(64 * 1024 - 1));
        for (final int entries : new int[] {-8, 0, 4, 7, 9, 100, 32769, 65536}) {
            assertRefused("ringEntries is " + entries, () -> builder.ringEntries(entries));
        }
        assertThrows(NullPointerException.class, () -> builder.backend(null));
    }

    private static void assertRefused(final String message, final Runnable option) {
        final Exception e = assertThrows(IllegalArgumentException.class, option::run);
        assertTrue(e.getMessage().startsWith(message), e.getMessage());
    }

    @Test
    void aBuilderNeverChanges() throws IOException {
        final WriteThroughEngine.Builder builder = WriteThroughEngine.builder().cacheBytes(1 << 20);
        assertNotSame(builder, builder.cacheBytes(1 << 24));
        try (WriteThroughEngine engine = builder.build();
                WriteThroughEngine twin = builder.build()) {
            assertEquals(1 << 20, engine.stats().cacheBytes());
            assertEquals(1 << 20, twin.stats().cacheBytes());
        }
    }

    @Test
    void limitsOfOptionsAreAccepted() throws IOException {
        WriteThroughEngine.builder()
                .cacheBytes(128 * 1024)
                .inFlightBytes(64 * 1024)
                .ringEntries(8)
                .build()
                .close();
        WriteThroughEngine.builder().ringEntries(4096).build().close();
    }

    @Test
    void aCacheThatNoMachineCanAddressIsRefused() {
        final Exception e = assertThrows(
                IllegalArgumentException.class,
                () -> WriteThroughEngine.builder().cacheBytes(1L << 60).build());
        assertTrue(e.getMessage().contains("cacheBytes 1152921504606846976"), e.getMessage());
    }

    @Test
    void moreMemoryThanTheProcessMayHaveIsRefused() throws Exception {
        final String output =
                ChildJvm.of(LargeCache.class).withLimit("-v 8000000").run().output();
        assertTrue(output.startsWith("ENOMEM \n"), output);
        assertTrue(output.contains("smaller cache"), output);
    }

    static final class LargeCache {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(16L << 30).build()) {
                System.out.println(engine.stats());
            } catch (final WriteThroughException e) {
                System.out.println(e.errnoName() + " " + e.path() + "\n" + e.getMessage());
            }
        }
    }

    @Test
    void theBackendIsTheOneAskedFor() throws IOException {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().backend(Backend.THREADS).build()) {
            assertEquals(Backend.THREADS, engine.backend());
        }
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            assertNotEquals(Backend.AUTO, engine.backend());
        }
    }

    @Test
    void pollingNeedsIoUring() {
        final WriteThroughEngine.Builder threads = WriteThroughEngine.builder().backend(Backend.THREADS);
        for (final String name : new String[] {"submissionPolling", "completionPolling"}) {
            final WriteThroughEngine.Builder builder = name.equals("submissionPolling")
                    ? threads.submissionPolling(true)
                    : threads.completionPolling(true);
            final Exception e = assertThrows(IllegalStateException.class, builder::build);
            assertTrue(e.getMessage().startsWith(name + " needs io_uring, and the backend is THREADS"), e.getMessage());
        }
    }

    @Test
    void aKernelThatDoesNotWriteThroughIsNamedAndNoFileIsMade() throws IOException {
        try (WriteThroughEngine engine = open(WriteThroughEngine.builder().backend(Backend.KERNEL))) {
            assertEquals(Backend.KERNEL, engine.backend());
            final WriteThroughException e = assertThrows(WriteThroughException.class, () -> {
                engine.open(path, CREATE, READ, WRITE).close();
                abort("this kernel writes through");
            });
            assertEquals("EOPNOTSUPP", e.errnoName());
            assertTrue(e.getMessage().contains("RWF_WRITETHROUGH"), e.getMessage());
            assertTrue(e.getMessage().contains("Open an engine with the backend AUTO"), e.getMessage());
            assertTrue(Files.notExists(path));

            Files.writeString(path, "read by the kernel's cache");
            try (WriteThroughFile file = engine.open(path, READ)) {
                final ByteBuffer bytes = ByteBuffer.allocate((int) file.size());
                assertEquals(bytes.capacity(), file.read(bytes, 0));
                assertEquals(
                        "read by the kernel's cache", UTF_8.decode(bytes.flip()).toString());
                assertEquals(StorageProfile.WritePath.BUFFERED, file.profile().writePath());
                assertEquals(Backend.KERNEL, file.profile().backend().orElseThrow());
            }
        }
    }

    @Test
    void aDeviceThatCannotBePolledIsNamedAndNoFileIsMade() throws IOException {
        final StorageProfile profile = StorageProfile.of(path.getParent());
        final Path attribute = Path.of("/sys/block", profile.deviceName(), "queue", "io_poll");
        assumeTrue(
                profile.deviceName().isEmpty()
                        || !Files.readString(attribute).trim().equals("1"),
                "the device has polled queues");
        try (WriteThroughEngine engine = open(WriteThroughEngine.builder().completionPolling(true))) {
            final WriteThroughException e =
                    assertThrows(WriteThroughException.class, () -> engine.open(path, CREATE, READ, WRITE));
            assertEquals("EOPNOTSUPP", e.errnoName());
            assertTrue(e.getMessage().contains("opened with completionPolling"), e.getMessage());
            if (profile.writePath() == StorageProfile.WritePath.DIRECT
                    && !profile.deviceName().isEmpty()) {
                assertTrue(e.getMessage().contains("the device " + profile.deviceName() + " has no"), e.getMessage());
                assertTrue(e.getMessage().contains("nvme.poll_queues=N"), e.getMessage());
            }
            assertTrue(Files.notExists(path));
        }
    }

    @Test
    void withSubmissionPollingWhatIsWrittenIsRead() throws Exception {
        try (WriteThroughEngine engine = open(WriteThroughEngine.builder().submissionPolling(true));
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            assertEquals(Backend.IO_URING, engine.backend());
            final List<CompletableFuture<Integer>> writes = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                writes.add(file.writeAsync(buffer(4096, i), i * 4096L));
            }
            for (final CompletableFuture<Integer> write : writes) {
                assertEquals(4096, write.get());
            }
        }
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < 500; i++) {
            assertArrayEquals(bytes(4096, i), Arrays.copyOfRange(found, i * 4096, (i + 1) * 4096), "block " + i);
        }
    }

    private static WriteThroughEngine open(final WriteThroughEngine.Builder builder) throws IOException {
        try {
            return builder.build();
        } catch (final WriteThroughException e) {
            assumeTrue(false, "the kernel refuses it: " + e.getMessage());
            throw e;
        }
    }

    @Test
    void statsCountWhatWasDone() throws IOException {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
            assertEquals(0, engine.stats().openFiles());
            try (WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                assertEquals(1, engine.stats().openFiles());
                assertEquals(1, engine.stats().openInodes());
                for (int i = 0; i < 3; i++) {
                    file.write(buffer(4096, i), i * 4096L);
                }
                final EngineStats written = engine.stats();
                assertEquals(3, written.writes());
                assertEquals(0, written.writeErrors());
                assertEquals(0, written.inFlightBytes());
                assertTrue(written.deviceWrites() >= 3, written.toString());
                assertTrue(written.deviceWrittenBytes() >= 3 * 4096, written.toString());
                file.read(ByteBuffer.allocate(3 * 4096), 0);
                final EngineStats read = engine.stats();
                assertEquals(1, read.readHits() + read.readMisses() - written.readHits() - written.readMisses());
                if (file.profile().writePath() == StorageProfile.WritePath.DIRECT) {
                    assertEquals(written.readMisses(), read.readMisses(), "what was written is cached");
                    assertTrue(read.cachedBytes() >= 3 * 4096, read.toString());
                }
                assertTrue(read.cachedBytes() <= read.cacheBytes(), read.toString());
            }
            assertEquals(0, engine.stats().openFiles());
            assertEquals(0, engine.stats().openInodes());
        }
    }

    @Test
    void theCacheStaysWithinItsLimit() throws IOException {
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(256 * 1024).build();
                WriteThroughFile file = engine.open(path, Durability.DEVICE, CREATE, READ, WRITE)) {
            for (int i = 0; i < 300; i++) {
                file.write(buffer(4096, i), i * 4096L);
                final EngineStats stats = engine.stats();
                assertTrue(stats.cachedBytes() <= stats.cacheBytes(), stats.toString());
            }
        }
    }

    @Test
    void propertiesSizeTheSharedEngine() throws Exception {
        final ChildJvm.Result result =
                ChildJvm.of(SharedWithProperties.class, "1048576", "threads").run();
        assertEquals("1048576 THREADS\n", result.output());
    }

    @Test
    void propertiesThatCannotBeAreNamed() throws Exception {
        final String bytes =
                ChildJvm.of(SharedWithProperties.class, "1g", "auto").run().output();
        assertTrue(bytes.contains("io.writethrough.cacheBytes is '1g', must be a count of bytes"), bytes);
        final String backend =
                ChildJvm.of(SharedWithProperties.class, "1048576", "aio").run().output();
        assertTrue(
                backend.contains("io.writethrough.backend is 'aio', must be one of auto, io_uring, threads"), backend);
    }

    static final class SharedWithProperties {
        public static void main(final String[] arguments) {
            System.setProperty("io.writethrough.cacheBytes", arguments[0]);
            System.setProperty("io.writethrough.backend", arguments[1]);
            try {
                final WriteThroughEngine shared = WriteThroughEngine.shared();
                System.out.println(shared.stats().cacheBytes() + " " + shared.backend());
            } catch (final IllegalArgumentException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
