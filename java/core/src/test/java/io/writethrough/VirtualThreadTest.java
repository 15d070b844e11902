// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Virtual threads on one carrier: who waits for a device leaves it to the others. */
@Timeout(120)
class VirtualThreadTest extends OnEveryFileSystem {
    private static final int THREADS = 64;
    private static final int WRITES = 20;

    @BeforeEach
    void virtualThreads() {
        assumeTrue(
                Runtime.version().feature() >= 21,
                "no virtual threads in Java " + Runtime.version().feature());
    }

    private String run(final Class<?> main) throws Exception {
        return ChildJvm.of(main, path.toString())
                .withOption("-Djdk.virtualThreadScheduler.parallelism=1")
                .withOption("-Djdk.virtualThreadScheduler.maxPoolSize=1")
                .run()
                .output();
    }

    interface Body {
        void run() throws Exception;
    }

    /* The tests are compiled for 17. */
    static Thread start(final Body body) throws Exception {
        final Runnable task = () -> {
            try {
                body.run();
            } catch (final Exception | AssertionError e) {
                e.printStackTrace();
            }
        };
        return (Thread)
                Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, task);
    }

    private static void join(final List<Thread> threads) throws InterruptedException {
        for (final Thread thread : threads) {
            thread.join();
        }
    }

    @Test
    void aVirtualThreadGetsNoLane() throws Exception {
        final List<Throwable> thrown = new CopyOnWriteArrayList<>();
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            start(() -> thrown.add(assertThrows(IllegalStateException.class, () -> engine.openLane())))
                    .join();
        }
        assertEquals(1, thrown.size());
        assertTrue(thrown.get(0).getMessage().contains("platform thread"), thrown.toString());
    }

    @Test
    void durableWritesOfManyThreadsAreUnderWayAtATimeAndTheCarrierIsFree() throws Exception {
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
        final String output = run(Writers.class);
        assertTrue(output.startsWith("all written, gathered, carrier free\n"), output);
    }

    static final class Writers {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                    WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                file.allocate(0, THREADS * WRITES * 128L);
                final long before = engine.stats().deviceWrites();
                final AtomicBoolean writing = new AtomicBoolean(true);
                final AtomicLong turns = new AtomicLong();
                final Thread other = start(() -> {
                    while (writing.get()) {
                        turns.incrementAndGet();
                        Thread.sleep(1);
                    }
                });
                final List<Thread> threads = new ArrayList<>();
                for (int t = 0; t < THREADS; t++) {
                    final int number = t;
                    threads.add(start(() -> {
                        final byte[] record = new byte[128];
                        Arrays.fill(record, (byte) (number + 1));
                        for (int i = 0; i < WRITES; i++) {
                            final long position = (i * (long) THREADS + number) * 128;
                            if (i % 2 == 0) {
                                file.write(ByteBuffer.wrap(record), position);
                            } else {
                                file.write(new ByteBuffer[] {ByteBuffer.wrap(record)}, position);
                            }
                        }
                    }));
                }
                join(threads);
                writing.set(false);
                other.join();
                final long writes = engine.stats().deviceWrites() - before;
                final byte[] found = Files.readAllBytes(path);
                boolean all = true;
                for (int i = 0; i < found.length; i++) {
                    all &= found[i] == i / 128 % THREADS + 1;
                }
                System.out.println((all ? "all written, " : "bytes missing, ")
                        + (writes < THREADS * WRITES / 2 ? "gathered, " : "one by one, ")
                        + (turns.get() > 1 ? "carrier free" : "carrier held"));
                System.out.println(writes + " device writes, " + turns + " turns");
            }
        }
    }

    @Test
    void everyOverloadOfAWriteParks() throws Exception {
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
        assertEquals("end\n", run(Overloads.class));
    }

    /** Says which overloads have left a write to a thread of the library. */
    static final class Overloads {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                    WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                for (final Method method : WriteThroughFile.class.getMethods()) {
                    if (method.getName().equals("write") || method.getName().equals("append")) {
                        join(List.of(start(() -> method.invoke(file, argumentsOf(method)))));
                        if (isAnyThreadWaiting()) {
                            System.out.println(method);
                            return;
                        }
                    }
                }
            }
            System.out.println("end");
        }

        private static Object[] argumentsOf(final Method method) {
            final ByteBuffer source = ByteBuffer.allocate(4096);
            return Arrays.stream(method.getParameterTypes())
                    .map(type -> type == ByteBuffer.class
                            ? source
                            : type == ByteBuffer[].class
                                    ? new ByteBuffer[] {source}
                                    : type == long.class
                                            ? (Object) 0L
                                            : type == Durability.class
                                                    ? Durability.DSYNC
                                                    : new WriteFlag[] {WriteFlag.DONTCACHE})
                    .toArray();
        }

        /* Those threads stay for some seconds after their last task. */
        private static boolean isAnyThreadWaiting() {
            return Thread.getAllStackTraces().keySet().stream()
                    .anyMatch(thread -> thread.getName().startsWith("writethrough-waiting"));
        }
    }

    @Test
    void readsOfWhatIsNotCachedParkToo() throws Exception {
        Files.write(path, bytes(THREADS * 8192, 1));
        assertEquals("right bytes\n", run(Readers.class));
    }

    static final class Readers {
        public static void main(final String[] arguments) throws Exception {
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                    WriteThroughFile file = engine.open(Path.of(arguments[0]), READ, WRITE)) {
                final byte[] expected = bytes(THREADS * 8192, 1);
                final AtomicLong right = new AtomicLong();
                final List<Thread> threads = new ArrayList<>();
                for (int t = 0; t < THREADS; t++) {
                    final int at = t * 8192;
                    threads.add(start(() -> {
                        final ByteBuffer one = ByteBuffer.allocate(3000);
                        final ByteBuffer[] two = {ByteBuffer.allocateDirect(192), ByteBuffer.allocate(5000)};
                        file.read(one, at);
                        file.read(two, at + 3000);
                        final byte[] all = new byte[8192];
                        ByteBuffer.wrap(all).put(one.flip()).put(two[0].flip()).put(two[1].flip());
                        if (Arrays.equals(all, Arrays.copyOfRange(expected, at, at + 8192))) {
                            right.incrementAndGet();
                        }
                    }));
                }
                join(threads);
                System.out.println(right.get() == THREADS ? "right bytes" : "right are " + right);
            }
        }
    }

    @Test
    void partsOfBlocksThatAreNotCachedLargeWritesErrorsAndInterrupts() throws Exception {
        Files.write(path, bytes(1 << 20, 1));
        assertEquals("rewritten\nlarge\nend -1\nstill interrupted\nclosed\n", run(Rest.class));
    }

    static final class Rest {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            join(List.of(start(() -> {
                final WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE);
                file.write(buffer(100, 2), 50_001);
                final byte[] expected = bytes(1 << 20, 1);
                System.arraycopy(bytes(100, 2), 0, expected, 50_001, 100);
                System.out.println(
                        Arrays.equals(expected, Files.readAllBytes(path)) ? "rewritten" : "wrongly rewritten");
                file.write(buffer(9 << 20, 3), 1);
                System.out.println(Arrays.equals(bytes(9 << 20, 3), read(file, 1, 9 << 20)) ? "large" : "wrong");
                System.out.println("end " + file.read(ByteBuffer.allocate(1), 100 << 20));
                Thread.currentThread().interrupt();
                file.write(buffer(100, 2), 0);
                System.out.println(Thread.interrupted() ? "still interrupted" : "interrupt lost");
                file.close();
                try {
                    file.write(buffer(100, 2), 0);
                } catch (final ClosedChannelException e) {
                    System.out.println("closed");
                }
            })));
        }
    }
}
