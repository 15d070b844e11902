// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.async.Faults;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * An Error at any step between a submission and its callback: every future that a caller got completes, a write that was
 * durable is told as such, later operations go on, and the engine closes.
 */
@Timeout(240)
class CompletionFaultTest extends OnEveryFileSystem {
    private static final int BLOCK = 4096;
    private static final int OPERATIONS = 70; // more than are made at first

    private final Set<Faults.Step> seen = EnumSet.noneOf(Faults.Step.class);

    @AfterEach
    void noMoreFaults() {
        Faults.plan(null);
    }

    /** Throws at the given occurrences of a step, on whatever thread. */
    private final class Plan implements java.util.function.Consumer<Faults.Step> {
        private final Faults.Step step;
        private final Supplier<? extends Error> error;
        private final int first;
        private final int last;
        private final AtomicInteger count = new AtomicInteger();
        private final boolean passes;

        private Plan(final Faults.Step step, final Supplier<? extends Error> error, final int first, final int last) {
            this.step = step;
            this.error = error;
            this.first = first;
            this.last = last;
            this.passes = error == null || !(error.get() instanceof InternalError);
        }

        @Override
        public void accept(final Faults.Step at) {
            synchronized (seen) {
                seen.add(at);
            }
            if (at == step) {
                final int occurrence = count.incrementAndGet();
                if (occurrence >= first && occurrence <= last) {
                    throw error.get();
                }
            }
        }
    }

    private WriteThroughEngine engine(final Executor executor) throws Exception {
        return WriteThroughEngine.builder()
                .cacheBytes(1 << 20)
                .completionExecutor(executor)
                .build();
    }

    /* Every kind of operation, with callbacks, one of which waits for another operation. What a submission throws is no future. */
    private List<CompletableFuture<?>> submitAll(
            final WriteThroughFile file, final List<CompletableFuture<Integer>> writes) {
        final List<CompletableFuture<?>> futures = new ArrayList<>();
        for (int i = 0; i < OPERATIONS; i++) {
            final int number = i;
            submit(futures, () -> {
                final CompletableFuture<Integer> write = file.writeAsync(buffer(BLOCK, number), number * (long) BLOCK);
                synchronized (writes) {
                    writes.add(write);
                }
                return write.thenApply(count -> count);
            });
        }
        submit(futures, () -> file.appendAsync(buffer(100, 1)));
        submit(futures, () -> file.writeAsync(new ByteBuffer[] {buffer(10, 1), buffer(20, 2)}, 5L << 20));
        submit(futures, () -> file.readAsync(ByteBuffer.allocate(2 * BLOCK), 1L << 20));
        submit(futures, () -> file.readAsync(new ByteBuffer[] {ByteBuffer.allocate(BLOCK)}, 2L << 20));
        submit(futures, () -> file.readAsync(ByteBuffer.allocate(3 << 20), 0)); // more than is fetched
        submit(
                futures,
                () -> file.writeAsync(buffer(100, 1), 0).thenApply(count -> {
                    try {
                        return file.writeAsync(buffer(100, 2), 100).join();
                    } catch (final OutOfMemoryError | StackOverflowError e) {
                        return -1;
                    }
                }));
        submit(
                futures,
                () -> file.writeAsync(buffer(100, 1), 0).handle((count, failure) -> {
                    throw new StackOverflowError("of a callback");
                }));
        try {
            final List<WriteRequest> requests = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                requests.add(new WriteRequest(buffer(100, i), i * 100L));
            }
            futures.addAll(file.writeAllAsync(requests));
        } catch (final OutOfMemoryError | StackOverflowError | InternalError e) {
            assertTrue(e.getMessage().startsWith("injected"));
        }
        return futures;
    }

    private static void submit(
            final List<CompletableFuture<?>> futures, final Supplier<CompletableFuture<?>> submission) {
        try {
            futures.add(submission.get());
        } catch (final OutOfMemoryError | StackOverflowError | InternalError e) {
            assertTrue(e.getMessage().startsWith("injected"), e.toString());
        }
    }

    private void withFault(final Executor executor, final Plan plan) throws Exception {
        final String what = plan.step + " from " + plan.first + " to " + plan.last;
        final WriteThroughEngine engine = engine(executor);
        try {
            WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.allocate(0, 4 << 20);
            file.close();
            file = engine.open(path, READ, WRITE);
            final List<CompletableFuture<Integer>> writes = new ArrayList<>();
            Faults.plan(plan);
            final List<CompletableFuture<?>> futures = submitAll(file, writes);
            for (final CompletableFuture<?> future : futures) {
                assertEnds(what, future);
            }
            for (final CompletableFuture<Integer> write : writes) {
                assertTold(what, plan.passes, write);
            }
            Faults.plan(new Plan(null, null, 0, 0));
            assertEquals(10, file.writeAsync(buffer(10, 7), 0).get(20, TimeUnit.SECONDS), what);
            assertArrayEquals(bytes(10, 7), read(file, 0, 10));
            Faults.plan(plan);
            final CompletableFuture<Integer> last = lastWrite(file);
            close(engine);
            assertTrue(last == null || last.isDone(), what);
        } finally {
            Faults.plan(null);
            engine.close();
        }
        assertFalse(engine.isOpen());
    }

    private static CompletableFuture<Integer> lastWrite(final WriteThroughFile file) {
        try {
            return file.writeAsync(buffer(BLOCK, 1), 0);
        } catch (final OutOfMemoryError | StackOverflowError | InternalError e) {
            return null;
        }
    }

    private static void close(final WriteThroughEngine engine) throws Exception {
        try {
            engine.close();
        } catch (final OutOfMemoryError | StackOverflowError | InternalError e) {
            assertTrue(e.getMessage().startsWith("injected"), e.toString());
        }
    }

    /* What was durable is not told to have failed for want of memory. */
    private static void assertTold(final String what, final boolean passes, final CompletableFuture<Integer> write)
            throws Exception {
        try {
            assertEquals(BLOCK, write.get(20, TimeUnit.SECONDS), what);
        } catch (final ExecutionException e) {
            assertFalse(passes, what);
        }
    }

    private static void assertEnds(final String what, final CompletableFuture<?> future) throws Exception {
        try {
            future.get(20, TimeUnit.SECONDS);
        } catch (final ExecutionException e) {
            assertInstanceOf(Error.class, e.getCause(), what);
        } catch (final java.util.concurrent.TimeoutException e) {
            throw new AssertionError("a future does not complete after a fault at " + what, e);
        }
    }

    /* Nothing runs what completes: only to close does. */
    private void withFaultAtTheClose(final Plan plan) throws Exception {
        final WriteThroughEngine engine = engine(task -> {});
        final List<CompletableFuture<?>> futures = new ArrayList<>();
        try {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            Faults.plan(plan);
            for (int i = 0; i < OPERATIONS; i++) {
                final long position = i * (long) BLOCK;
                submit(futures, () -> file.writeAsync(buffer(BLOCK, 1), position));
            }
            close(engine);
        } finally {
            Faults.plan(null);
            engine.close();
        }
        for (final CompletableFuture<?> future : futures) {
            assertTrue(future.isDone(), plan.step.toString());
            assertEquals(BLOCK, future.get());
        }
    }

    private void eachStepFails(final Executor executor, final Supplier<? extends Error> error) throws Exception {
        for (final Faults.Step step : Faults.Step.values()) {
            withFault(executor, new Plan(step, error, 1, 1));
            withFault(executor, new Plan(step, error, 2, 2));
            withFault(executor, new Plan(step, error, 1, 7));
        }
    }

    @Test
    void anOutOfMemoryErrorAtAnyStepLosesNoCompletion() throws Exception {
        eachStepFails(Runnable::run, () -> new OutOfMemoryError("injected"));
        for (final Faults.Step step : Faults.Step.values()) {
            withFaultAtTheClose(new Plan(step, () -> new OutOfMemoryError("injected"), 1, 1));
            withFaultAtTheClose(new Plan(step, () -> new OutOfMemoryError("injected"), 1, 5));
        }
        final Set<Faults.Step> all = EnumSet.allOf(Faults.Step.class);
        if (StorageProfile.of(directory).writePath() != StorageProfile.WritePath.DIRECT) {
            // A read there is done when it is begun.
            all.removeAll(Set.of(Faults.Step.READ_ON, Faults.Step.HAND_TO_WAITING, Faults.Step.RUN_WAITING));
        }
        assertEquals(all, seen, "each step is on the way of something here");
    }

    @Test
    void aStackOverflowErrorAtAnyStepLosesNoCompletion() throws Exception {
        eachStepFails(Runnable::run, () -> new StackOverflowError("injected"));
    }

    @Test
    void anyOtherErrorAtAnyStepLosesNoCompletion() throws Exception {
        eachStepFails(Runnable::run, () -> new InternalError("injected"));
    }

    @Test
    void withAnExecutorAnOutOfMemoryErrorAtAnyStepLosesNoCompletion() throws Exception {
        final ExecutorService executor = Executors.newFixedThreadPool(2);
        try {
            eachStepFails(executor, () -> new OutOfMemoryError("injected"));
        } finally {
            executor.shutdown();
        }
    }

    /* With direct I/O the first operation finds that the write would wait, and the second is for a thread that waits. */
    @Test
    void theWriterOfAChannelIsToldThatThereIsNoMemoryForAnOperation() throws Exception {
        for (int occurrence = 1; occurrence <= 2; occurrence++) {
            try (WriteThroughEngine before = engine(Runnable::run);
                    WriteThroughFile file = before.open(path, CREATE, WRITE)) {
                file.write(buffer(2 * BLOCK, 1), 0);
            }
            try (WriteThroughEngine engine = engine(Runnable::run);
                    WriteThroughFile file = engine.open(path, READ, WRITE)) {
                final AsynchronousFileChannel channel = file.asAsynchronousFileChannel();
                final Plan plan = new Plan(
                        Faults.Step.BEGIN_OPERATION, () -> new OutOfMemoryError("injected"), occurrence, occurrence);
                Faults.plan(plan);
                try {
                    assertEquals(10, channel.write(buffer(10, 2), 1).get(10, TimeUnit.SECONDS));
                    assertTrue(plan.count.get() < occurrence, "the fault was kept from the writer");
                } catch (final ExecutionException | OutOfMemoryError e) {
                    assertEquals("injected", (e instanceof OutOfMemoryError ? e : e.getCause()).getMessage());
                }
                Faults.plan(null);
                assertEquals(10, channel.write(buffer(10, 2), 1).get(10, TimeUnit.SECONDS));
            }
        }
    }

    @Test
    void anExecutorThatThrowsLosesNoCompletion() throws Exception {
        final Plan none = new Plan(null, null, 0, 0);
        withFault(
                task -> {
                    throw new RejectedExecutionException("full");
                },
                none);
        withFault(
                task -> {
                    throw new OutOfMemoryError("unable to create native thread");
                },
                none);
        withFault(
                task -> {
                    task.run();
                    throw new NoClassDefFoundError("after the task");
                },
                none);
        final AtomicInteger calls = new AtomicInteger();
        withFault(
                task -> {
                    if (calls.getAndIncrement() % 2 == 0) {
                        throw new StackOverflowError("every other time");
                    }
                    task.run();
                },
                none);
    }

    @Test
    void aCallbackThatThrowsAnErrorKeepsNoOtherFromRunning() throws Exception {
        try (WriteThroughEngine engine = engine(Runnable::run);
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            final List<CompletableFuture<?>> throwing = new ArrayList<>();
            for (int i = 0; i < 100; i++) {
                throwing.add(file.writeAsync(buffer(100, i), i * 100L).thenRun(() -> {
                    throw new OutOfMemoryError("of the callback");
                }));
            }
            for (final CompletableFuture<?> future : throwing) {
                assertTrue(future.handle((nothing, failure) -> failure.getCause() instanceof OutOfMemoryError)
                        .get(20, TimeUnit.SECONDS));
            }
            assertEquals(10, file.writeAsync(buffer(10, 1), 0).get(20, TimeUnit.SECONDS));
        }
    }

    /** The heap is full for a moment, with operations in flight. */
    public static final class FullHeap {
        private static Object[] chain;

        private static void fill() {
            for (int size = 1 << 20; size >= 16; size /= 2) {
                try {
                    for (; ; ) {
                        chain = new Object[] {chain, new byte[size]};
                    }
                } catch (final OutOfMemoryError e) {
                    continue; // smaller ones
                }
            }
        }

        public static void main(final String[] arguments) throws Exception {
            final WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(8 << 20).build();
            final WriteThroughFile file = engine.open(java.nio.file.Path.of(arguments[0]), CREATE, READ, WRITE);
            file.allocate(0, 4 << 20);
            final ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
            final CompletableFuture<?>[] futures = new CompletableFuture<?>[600];
            file.writeAsync(block.clear(), 0).get();
            int count = 0;
            int thrown = 0;
            for (int i = 0; i < 300; i++) {
                if (i == 63) {
                    fill();
                }
                try {
                    futures[count] = file.writeAsync(block.clear(), i * (long) BLOCK);
                    count++;
                } catch (final OutOfMemoryError e) {
                    if (++thrown == 40) {
                        chain = null;
                    }
                }
            }
            chain = null;
            for (int i = 0; i < count; i++) {
                futures[i].get(30, TimeUnit.SECONDS);
            }
            file.writeAsync(ByteBuffer.allocate(10), 0).get(30, TimeUnit.SECONDS);
            engine.close();
            System.out.println(
                    "all done, " + (thrown > 0 ? "some submissions had no memory" : "the heap was not full"));
            System.exit(0); // what this JVM shows is shown
        }
    }

    @Test
    void aHeapThatIsFullForAMomentLosesNoCompletion() throws Exception {
        final ChildJvm.Result result = ChildJvm.of(FullHeap.class, path.toString())
                .withOption("-XX:+UseSerialGC")
                .withOption("-Xmx24m")
                .run();
        assertEquals("all done, some submissions had no memory", result.output().trim());
    }
}
