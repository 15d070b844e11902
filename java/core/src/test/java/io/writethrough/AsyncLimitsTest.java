// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static io.writethrough.AsyncTest.get;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Asynchronous operations at the limits: of bytes in flight, of memory, of the engine's life, of the device's patience. */
@Timeout(240)
class AsyncLimitsTest extends OnEveryFileSystem {
    private static final int IN_FLIGHT_BYTES = 64 * 1024;
    private static final int RECORD_BYTES = 128;
    private static final int WINDOW = 256;

    private void assumeDirectIo() throws IOException {
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
    }

    private static WriteThroughException failure(final CompletableFuture<?> future) {
        final Throwable cause =
                assertThrows(ExecutionException.class, () -> get(future)).getCause();
        return assertInstanceOf(WriteThroughException.class, cause);
    }

    @Test
    void aSubmitterWaitsWhileTheLimitOfBytesIsInFlight() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .inFlightBytes(IN_FLIGHT_BYTES)
                        .build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            final List<CompletableFuture<Integer>> futures = new ArrayList<>();
            for (int i = 0; i < 500; i++) {
                futures.add(file.writeAsync(buffer(4096, i), i * 4096L));
                assertTrue(engine.stats().inFlightBytes() <= IN_FLIGHT_BYTES);
            }
            for (final CompletableFuture<Integer> future : futures) {
                assertEquals(4096, get(future));
            }
        }
    }

    @Test
    void pastTheLimitAWriteThatMayNotWaitFailsAndChangesNothing() throws Exception {
        assumeDirectIo();
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .inFlightBytes(IN_FLIGHT_BYTES)
                        .build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.allocate(0, 4096 * 4096);
            final List<CompletableFuture<Integer>> started = new ArrayList<>();
            CompletableFuture<Integer> last = null;
            ByteBuffer source = null;
            int i = 0;
            for (; i < 4096 && (last == null || !last.isCompletedExceptionally()); i++) {
                source = buffer(4096, 1);
                last = file.writeAsync(source, i * 4096L, Durability.DSYNC, WriteFlag.NOWAIT);
                started.add(last);
            }
            assumeTrue(last.isCompletedExceptionally(), "the device is faster than this thread");
            final WriteThroughException e = failure(last);
            assertEquals("EAGAIN", e.errnoName());
            assertEquals(0, source.position());
            assertTrue(e.getMessage().contains("NOWAIT"), e.getMessage());
            for (final CompletableFuture<Integer> future : started.subList(0, i - 1)) {
                get(future);
            }
            assertArrayEquals(new byte[4096], read(file, (i - 1) * 4096L, 4096));
        }
    }

    @Test
    void aWriteThatMayNotWaitFailsWhereABlockWouldHaveToBeReadAndNotWhereItIsCached() throws Exception {
        assumeDirectIo();
        Files.write(path, bytes(16384, 1));
        try (WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE)) {
            final ByteBuffer source = buffer(100, 2);
            final WriteThroughException e = failure(file.writeAsync(source, 4100, Durability.DSYNC, WriteFlag.NOWAIT));
            assertEquals(11, e.errno());
            assertEquals(0, source.position());
            assertArrayEquals(bytes(16384, 1), read(file, 0, 16384));
            assertEquals(100, get(file.writeAsync(source, 4100, Durability.DSYNC, WriteFlag.NOWAIT)));
            assertEquals(4096, get(file.writeAsync(buffer(4096, 3), 8192, Durability.DSYNC, WriteFlag.NOWAIT)));
            final WriteThroughException tooLong =
                    failure(file.writeAsync(ByteBuffer.allocate(8 << 20), 0, Durability.DSYNC, WriteFlag.NOWAIT));
            assertEquals("EMSGSIZE", tooLong.errnoName());
        }
    }

    @Test
    void anEngineClosedUnderLoadCompletesEveryFuture() throws Exception {
        for (final CompletionMode mode : CompletionMode.values()) {
            Files.deleteIfExists(path);
            mode.run(engine -> closeUnderLoad(engine, engine.open(path, CREATE, READ, WRITE)));
        }
    }

    /* Thread t overwrites block t with rising numbers; the last that succeeded, or a later one, is there. */
    private void closeUnderLoad(final WriteThroughEngine engine, final WriteThroughFile file) throws Exception {
        final int threads = 4;
        final CountDownLatch running = new CountDownLatch(threads);
        final List<List<CompletableFuture<Integer>>> futures = new ArrayList<>();
        final List<Thread> writers = new ArrayList<>();
        for (int t = 0; t < threads; t++) {
            final List<CompletableFuture<Integer>> mine = new ArrayList<>();
            futures.add(mine);
            final long position = t * 4096L;
            writers.add(new Thread(() -> {
                final ByteBuffer source = ByteBuffer.allocateDirect(4096);
                while (mine.isEmpty() || !mine.get(mine.size() - 1).isCompletedExceptionally()) {
                    source.clear().putLong(0, mine.size() + 1);
                    mine.add(file.writeAsync(source, position));
                    if (mine.size() == 100) {
                        running.countDown();
                    }
                }
            }));
        }
        writers.forEach(Thread::start);
        running.await();
        engine.close();
        for (final Thread writer : writers) {
            writer.join();
        }
        final byte[] found = Files.readAllBytes(path);
        for (int t = 0; t < threads; t++) {
            final List<CompletableFuture<Integer>> mine = futures.get(t);
            assertTrue(mine.stream().allMatch(CompletableFuture::isDone));
            long acknowledged = 0;
            for (int i = 0; i < mine.size(); i++) {
                if (mine.get(i).isCompletedExceptionally()) {
                    assertInstanceOf(
                            ClosedChannelException.class,
                            assertThrows(ExecutionException.class, mine.get(i)::get)
                                    .getCause());
                } else {
                    acknowledged = i + 1;
                }
            }
            assertEquals(acknowledged, ByteBuffer.wrap(found).getLong(t * 4096));
        }
    }

    @Test
    void theThreadsOfAnEngineEndWithIt() throws Exception {
        final List<Thread> before = List.copyOf(Thread.getAllStackTraces().keySet());
        final List<Thread> made = new ArrayList<>();
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughFile file = engine.open(path, CREATE, WRITE)) {
            file.writeAsync(buffer(100, 1), 0).join();
            made.addAll(Thread.getAllStackTraces().keySet());
            made.removeAll(before);
            made.removeIf(thread -> !thread.getName().startsWith("writethrough-"));
        }
        assertTrue(made.size() >= 2, made.toString());
        for (final Thread thread : made) {
            thread.join(20_000);
            assertTrue(!thread.isAlive(), thread.toString());
        }
    }

    /* Writes records with so many outstanding, over and over the same range. */
    private static void writeRecords(final WriteThroughFile file, final int count) {
        final ByteBuffer record = ByteBuffer.allocateDirect(RECORD_BYTES);
        @SuppressWarnings({"unchecked", "rawtypes"})
        final CompletableFuture<Integer>[] window = new CompletableFuture[WINDOW];
        for (int i = 0; i < count; i++) {
            if (i >= WINDOW) {
                window[i % WINDOW].join();
            }
            window[i % WINDOW] = file.writeAsync(record.clear(), i % 8192 * (long) RECORD_BYTES, Durability.DEVICE);
        }
        for (int i = 0; i < Math.min(WINDOW, count); i++) {
            window[i].join();
        }
    }

    @Test
    void anOperationAllocatesLittleBesidesItsFuture() throws Exception {
        final int operations = 100_000;
        final int futureBytes = 24;
        final ThreadMXBean beans = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            writeRecords(file, operations);
            final long before = allocated(beans);
            writeRecords(file, operations);
            final long bytes = (allocated(beans) - before) / operations;
            System.out.println("allocated per asynchronous write, the future included: " + bytes + " bytes");
            assertTrue(bytes <= futureBytes + 64, bytes + " bytes per operation");
        }
    }

    private static long allocated(final ThreadMXBean beans) {
        return Arrays.stream(beans.getThreadAllocatedBytes(beans.getAllThreadIds()))
                .filter(bytes -> bytes > 0)
                .sum();
    }

    @Test
    void memoryIsFlatOverManyOperations() throws Exception {
        final int operations = Integer.getInteger("io.writethrough.test.operations", 1_000_000);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(16 << 20).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            writeRecords(file, operations / 10);
            final long heap = heapBytes();
            final long resident = residentBytes();
            writeRecords(file, operations);
            final long heapGrowth = heapBytes() - heap;
            final long residentGrowth = residentBytes() - resident - heapGrowth;
            System.out.println("after " + operations + " operations: heap " + heapGrowth + ", resident "
                    + residentGrowth + " bytes more");
            assertTrue(heapGrowth < 4 << 20, "heap grew by " + heapGrowth);
        }
    }

    private static long heapBytes() {
        System.gc();
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static long residentBytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D+", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aWriteThatTheDeviceRefusesFailsItsFuture() throws Exception {
        Strace.assumeThatItWorksHere();
        Files.write(path, bytes(16384, 1));
        final ChildJvm.Result result =
                Strace.inject(ChildJvm.of(Refused.class, path.toString()), "pwritev2,pwritev,pwrite64", "EIO");
        assertEquals("write EIO stable 0 length 4096 old bytes\n".repeat(3), result.output());
    }

    static final class Refused {
        public static void main(final String[] arguments) throws Exception {
            try (WriteThroughEngine engine = WriteThroughEngine.builder()
                            .backend(Backend.THREADS)
                            .build();
                    WriteThroughFile file = engine.open(Path.of(arguments[0]), READ, WRITE)) {
                refused(file, file.writeAsync(buffer(4096, 2), 4096));
                refused(file, file.writeAsync(new ByteBuffer[] {buffer(4096, 2)}, 0));
                refused(
                        file,
                        file.writeAllAsync(List.of(new WriteRequest(buffer(4096, 2), 8192)))
                                .get(0));
            }
        }

        private static void refused(final WriteThroughFile file, final CompletableFuture<?> future) throws Exception {
            try {
                System.out.println("written " + get(future));
            } catch (final ExecutionException failed) {
                final WriteThroughException e = (WriteThroughException) failed.getCause();
                final boolean old = Arrays.equals(bytes(16384, 1), read(file, 0, 16384));
                System.out.println(e.operation() + " " + e.errnoName() + " stable " + e.stableBytes() + " length "
                        + e.length() + (old ? " old bytes" : " other bytes"));
            }
        }
    }

    @Test
    void mixedOverlappingWritersLeaveWhatOneOrderOfThemWould() throws Exception {
        final OverlapOracle oracle = new OverlapOracle(64, 512);
        try (WriteThroughEngine engine =
                        WriteThroughEngine.builder().cacheBytes(8 << 20).build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            final AtomicInteger failures = new AtomicInteger();
            final List<Thread> writers = new ArrayList<>();
            for (int t = 0; t < 16; t++) {
                final int number = t;
                writers.add(new Thread(() -> {
                    try {
                        oracle.write(file, number, 300);
                    } catch (final Exception | AssertionError e) {
                        e.printStackTrace();
                        failures.incrementAndGet();
                    }
                }));
            }
            writers.forEach(Thread::start);
            for (final Thread writer : writers) {
                writer.join();
            }
            assertEquals(0, failures.get());
            oracle.check(read(file, 0, oracle.bytes()));
        }
        oracle.check(Files.readAllBytes(path));
    }
}
