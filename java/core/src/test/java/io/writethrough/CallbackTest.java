// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static io.writethrough.AsyncTest.get;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a callback may do: everything, also wait, wherever it runs. */
@Timeout(240)
class CallbackTest extends OnEveryFileSystem {
    private interface Body {
        void run(WriteThroughEngine engine, WriteThroughFile file) throws Exception;
    }

    private void inEveryMode(final Body body) throws Exception {
        for (final CompletionMode mode : CompletionMode.values()) {
            inMode(mode, body);
        }
    }

    private void inMode(final CompletionMode mode, final Body body) throws Exception {
        mode.run(engine -> {
            try (WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                body.run(engine, file);
            }
        });
    }

    private static <T> T unchecked(final Callable<T> call) {
        try {
            return call.call();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        } catch (final Exception e) {
            throw new AssertionError(e);
        }
    }

    /* A write and its callback, which does not run on this thread: if the write was that fast, another is made. */
    static <T> CompletableFuture<T> callback(final WriteThroughFile file, final long position, final Callable<T> body) {
        final Thread test = Thread.currentThread();
        CompletableFuture<Object> future = null;
        final Object tooFast = new Object();
        while (future == null || future.isDone() && future.join() == tooFast) {
            future = file.writeAsync(buffer(100, 1), position)
                    .thenApply(count -> Thread.currentThread() == test ? tooFast : unchecked(body));
        }
        @SuppressWarnings("unchecked")
        final CompletableFuture<T> result = (CompletableFuture<T>) future;
        return result;
    }

    private static void getAll(final List<? extends CompletableFuture<?>> futures) throws Exception {
        for (final CompletableFuture<?> future : futures) {
            get(future);
        }
    }

    @Test
    void aCallbackWritesReadsAndCloses() throws Exception {
        inEveryMode((engine, file) -> {
            final CompletableFuture<byte[]> done = file.writeAsync(buffer(4096, 1), 0)
                    .thenApply(count -> unchecked(() -> {
                        file.write(buffer(5000, 2), count);
                        file.truncate(8000);
                        final byte[] contents = read(file, 0, 8000);
                        file.close();
                        return contents;
                    }));
            final byte[] found = get(done);
            assertArrayEquals(Files.readAllBytes(path), found);
            assertFalse(file.isOpen());
        });
    }

    @Test
    void aCallbackStartsAnotherOperationAndSoOn() throws Exception {
        inEveryMode((engine, file) -> {
            CompletableFuture<Integer> chain = file.writeAsync(buffer(1000, 0), 0);
            for (int i = 1; i < 200; i++) {
                final int number = i;
                chain = chain.thenCompose(count -> file.writeAsync(buffer(1000, number), number * 1000L));
            }
            get(chain);
            for (int i = 0; i < 200; i++) {
                assertArrayEquals(bytes(1000, i), read(file, i * 1000L, 1000));
            }
        });
    }

    @Test
    void aCallbackWaitsForTheNextWrite() throws Exception {
        inEveryMode((engine, file) -> {
            final List<CompletableFuture<Integer>> done = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                final long position = i * 1024L;
                final int way = i % 4;
                done.add(file.writeAsync(buffer(512, 1), position)
                        .thenApply(count -> unchecked(() -> {
                            final CompletableFuture<Integer> next = file.writeAsync(buffer(512, 1), position + 512);
                            return switch (way) {
                                case 0 -> next.join();
                                case 1 -> next.get();
                                case 2 -> next.get(1, TimeUnit.MINUTES);
                                default -> next.thenApply(x -> x).join();
                            };
                        })));
            }
            getAll(done);
        });
    }

    @Test
    void callbacksThatWaitForEachOtherInALongRow() throws Exception {
        inEveryMode((engine, file) -> {
            final int row = 1000;
            final List<CompletableFuture<Integer>> started = new ArrayList<>();
            final List<CompletableFuture<Integer>> done = new ArrayList<>();
            final CountDownLatch all = new CountDownLatch(1);
            for (int i = 0; i < row; i++) {
                started.add(callback(file, i * 100L, () -> {
                    all.await();
                    return 1;
                }));
            }
            // Each waits for the next, which may well be later in the queue.
            for (int i = 0; i < row - 1; i++) {
                final CompletableFuture<Integer> next = started.get(i + 1);
                done.add(started.get(i).thenApply(count -> next.join()));
            }
            all.countDown();
            getAll(done);
        });
    }

    @Test
    void aCallbackWaitsForARead() throws Exception {
        inEveryMode((engine, file) -> {
            file.write(buffer(1 << 20, 1), 0);
            file.close();
            try (WriteThroughFile again = engine.open(path, READ, WRITE)) {
                final List<CompletableFuture<Integer>> done = new ArrayList<>();
                for (int i = 0; i < 100; i++) {
                    final long position = i * 8192L;
                    done.add(again.readAsync(ByteBuffer.allocate(4096), position)
                            .thenApply(count -> again.readAsync(ByteBuffer.allocate(4096), position + 4096)
                                    .join()));
                }
                getAll(done);
            }
        });
    }

    @Test
    void aCallbackWaitsForALatchThatAnotherCallbackCountsDown() throws Exception {
        for (final CompletionMode mode :
                List.of(CompletionMode.DEFAULT, CompletionMode.DIRECT, CompletionMode.TWO_THREADS)) {
            inMode(mode, (engine, file) -> {
                for (int round = 0; round < 5; round++) {
                    final CountDownLatch latch = new CountDownLatch(1);
                    final CompletableFuture<Boolean> waits = callback(file, 0, () -> latch.await(1, TimeUnit.MINUTES));
                    final CompletableFuture<Void> counts =
                            file.writeAsync(buffer(100, 1), 4096).thenRun(latch::countDown);
                    get(counts);
                    assertTrue(get(waits));
                }
            });
        }
    }

    @Test
    void manyCallbacksWaitForOneLatch() throws Exception {
        inMode(CompletionMode.DEFAULT, (engine, file) -> {
            final int callbacks = 50;
            final CountDownLatch latch = new CountDownLatch(callbacks);
            final List<CompletableFuture<Boolean>> done = new ArrayList<>();
            for (int i = 0; i < callbacks; i++) {
                done.add(callback(file, i * 100L, () -> {
                    latch.countDown();
                    return latch.await(1, TimeUnit.MINUTES);
                }));
            }
            for (final CompletableFuture<Boolean> future : done) {
                assertTrue(get(future));
            }
        });
    }

    @Test
    void aCallbackThatSleepsHoldsUpNobodyElse() throws Exception {
        final CountDownLatch end = new CountDownLatch(1);
        inMode(CompletionMode.DEFAULT, (engine, file) -> {
            final CompletableFuture<Boolean> sleeps = callback(file, 0, () -> end.await(1, TimeUnit.MINUTES));
            for (int i = 0; i < 100; i++) {
                get(file.writeAsync(buffer(100, 1), i * 100L));
            }
            end.countDown();
            assertTrue(get(sleeps));
        });
    }

    @Test
    void aCallbackClosesTheEngine() throws Exception {
        inEveryMode((engine, file) -> {
            final CountDownLatch registered = new CountDownLatch(1);
            final List<CompletableFuture<Integer>> futures = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                futures.add(file.writeAsync(buffer(1000, i), i * 1000L));
            }
            final CompletableFuture<Boolean> closed = callback(file, 0, () -> {
                registered.await();
                engine.close();
                return futures.stream().allMatch(CompletableFuture::isDone);
            });
            registered.countDown();
            assertTrue(get(closed), "all futures are done when the engine is closed");
            getAll(futures);
        });
    }

    @Test
    void everyCallbackClosesTheEngine() throws Exception {
        inEveryMode((engine, file) -> {
            final List<CompletableFuture<Void>> done = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                done.add(file.writeAsync(buffer(1000, i), i * 1000L)
                        .handle((count, failure) -> unchecked(() -> {
                            engine.close();
                            return null;
                        })));
            }
            getAll(done);
        });
    }

    @Test
    void closingTheEngineDoesNotWaitForACallback() throws Exception {
        inEveryMode((engine, file) -> {
            final CountDownLatch closed = new CountDownLatch(1);
            final CompletableFuture<Boolean> waits = callback(file, 0, () -> closed.await(1, TimeUnit.MINUTES));
            for (int i = 0; i < 20; i++) {
                file.writeAsync(buffer(100, 1), i * 100L);
            }
            engine.close();
            closed.countDown();
            assertTrue(get(waits));
        });
    }

    @Test
    void callbacksRunOnTheExecutor() throws Exception {
        final Set<String> threads = ConcurrentHashMap.newKeySet();
        inMode(CompletionMode.ONE_THREAD, (engine, file) -> {
            final List<CompletableFuture<Void>> done = new ArrayList<>();
            final CountDownLatch registered = new CountDownLatch(1);
            callback(file, 0, () -> registered.await(1, TimeUnit.MINUTES));
            for (int i = 1; i < 1000; i++) {
                done.add(file.writeAsync(buffer(10, 1), i * 10L)
                        .thenRun(() -> threads.add(Thread.currentThread().getName())));
            }
            registered.countDown();
            getAll(done);
        });
        threads.remove(Thread.currentThread().getName());
        assertTrue(Set.of("test-executor").containsAll(threads), threads.toString());
    }

    @Test
    void anExecutorThatRefusesLosesNoFuture() throws Exception {
        final ExecutorService executor = Executors.newSingleThreadExecutor();
        executor.shutdown();
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .completionExecutor(executor)
                        .build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            for (int i = 0; i < 100; i++) {
                assertEquals(10, get(file.writeAsync(buffer(10, 1), i * 10L)));
            }
        }
    }

    @Test
    void anExecutorThatRunsNothingDoesNotKeepTheEngineFromClosing() throws Exception {
        final List<CompletableFuture<Integer>> futures = new ArrayList<>();
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .completionExecutor(task -> {})
                        .build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            for (int i = 0; i < 100; i++) {
                futures.add(file.writeAsync(buffer(10, 1), i * 10L));
            }
        }
        assertTrue(futures.stream().allMatch(CompletableFuture::isDone));
    }

    @Test
    void interruptsAndTimeoutsWorkInACallback() throws Exception {
        inEveryMode((engine, file) -> {
            final CompletableFuture<Integer> never =
                    file.writeAsync(buffer(10, 1), 0).thenCompose(x -> newFuture());
            final CompletableFuture<Boolean> timeout = file.writeAsync(buffer(10, 1), 0)
                    .thenApply(count -> {
                        assertThrows(TimeoutException.class, () -> never.get(20, TimeUnit.MILLISECONDS));
                        Thread.currentThread().interrupt();
                        assertThrows(InterruptedException.class, never::get);
                        Thread.currentThread().interrupt();
                        assertEquals(10, file.writeAsync(buffer(10, 1), 0).join());
                        return Thread.interrupted();
                    });
            assertTrue(get(timeout), "join leaves the interrupt to the thread");
            never.cancel(false);
        });
    }

    private static CompletableFuture<Integer> newFuture() {
        return new CompletableFuture<>();
    }

    @Test
    void aHundredThousandFuturesAreOutstanding() throws Exception {
        final int count = 100_000;
        final ExecutorService executor = Executors.newSingleThreadExecutor();
        final CountDownLatch submitted = new CountDownLatch(1);
        executor.execute(() -> unchecked(() -> submitted.await(2, TimeUnit.MINUTES)));
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                        .completionExecutor(executor)
                        .build();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.allocate(0, count * 16L);
            final List<CompletableFuture<Integer>> futures = new ArrayList<>();
            final ByteBuffer record = ByteBuffer.allocateDirect(16);
            for (int i = 0; i < count; i++) {
                record.clear().putLong(i).putLong(~(long) i).flip();
                futures.add(file.writeAsync(record, i * 16L));
            }
            // A write that ended within its call needs no executor: its future is done.
            final long done = futures.stream().filter(CompletableFuture::isDone).count();
            assertTrue(done < count / 10, () -> done + " are done");
            submitted.countDown();
            getAll(futures);
            final ByteBuffer found = ByteBuffer.wrap(Files.readAllBytes(path));
            for (int i = 0; i < count; i++) {
                assertEquals(i, found.getLong());
                assertEquals(~(long) i, found.getLong());
            }
        } finally {
            executor.shutdown();
        }
    }
}
