// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

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
import io.writethrough.internal.buffer.Buffers;
import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Buffers whose memory goes while it is used: the views of a closed arena, and a mapped file that was cut short. */
class BufferMemoryTest extends OnEveryFileSystem {
    private static final int BYTES = 10_000;

    private WriteThroughEngine engine;
    private WriteThroughFile file;

    /** An operation with a buffer, which it waits for. */
    private interface Use {
        void of(ByteBuffer buffer) throws Exception;
    }

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(16 << 20).build();
        file = engine.open(path, CREATE, READ, WRITE);
        file.write(buffer(BYTES, 1), 0);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private static List<Use> writes(final WriteThroughFile file) {
        final AsynchronousFileChannel asynchronous = file.asAsynchronousFileChannel();
        final FileChannel channel = file.asFileChannel();
        final List<Use> writes = new ArrayList<>();
        writes.add(buffer -> file.write(buffer, 0));
        writes.add(buffer -> file.write(vectorOf(buffer), 0));
        writes.add(buffer -> file.write(buffer, 0, Durability.DSYNC, WriteFlag.DONTCACHE));
        writes.add(buffer -> file.write(vectorOf(buffer), 0, Durability.DSYNC, WriteFlag.DONTCACHE));
        writes.add(buffer -> file.writeAsync(buffer, 0).get());
        writes.add(buffer -> file.writeAsync(vectorOf(buffer), 0).get());
        writes.add(buffer ->
                file.writeAllAsync(List.of(new WriteRequest(buffer, 0))).get(0).get());
        writes.add(file::append);
        writes.add(buffer -> file.append(vectorOf(buffer)));
        writes.add(buffer -> file.appendAsync(buffer).get());
        writes.add(
                buffer -> file.appendAsync(vectorOf(buffer), Durability.DSYNC).get());
        writes.add(buffer -> channel.write(buffer, 0));
        writes.add(buffer -> channel.position(0).write(vectorOf(buffer)));
        writes.add(buffer -> asynchronous.write(buffer, 0).get());
        return writes;
    }

    private static List<Use> synchronousReads(final WriteThroughFile file) {
        final FileChannel channel = file.asFileChannel();
        return List.of(
                buffer -> file.read(buffer, 0),
                buffer -> file.read(vectorOf(buffer), 0),
                buffer -> channel.read(buffer, 0),
                buffer -> channel.position(0).read(vectorOf(buffer)));
    }

    private static List<Use> asynchronousReads(final WriteThroughFile file) {
        final AsynchronousFileChannel asynchronous = file.asAsynchronousFileChannel();
        return List.of(
                buffer -> file.readAsync(buffer, 0).get(),
                buffer -> file.readAsync(vectorOf(buffer), 0).get(),
                buffer -> asynchronous.read(buffer, 0).get());
    }

    private static List<Use> all(final WriteThroughFile file) {
        final List<Use> all = writes(file);
        all.addAll(synchronousReads(file));
        all.addAll(asynchronousReads(file));
        return all;
    }

    private static ByteBuffer[] vectorOf(final ByteBuffer buffer) {
        return new ByteBuffer[] {ByteBuffer.allocate(5), buffer};
    }

    private static Throwable causeOf(final Throwable failure) {
        return failure instanceof ExecutionException ? failure.getCause() : failure;
    }

    private static ByteBuffer cutMapping(final Path mapped, final int bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(mapped, CREATE, READ, WRITE)) {
            channel.write(ByteBuffer.allocate(bytes), 0);
            final ByteBuffer mapping = channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes);
            channel.truncate(0);
            return mapping;
        }
    }

    @Test
    void aMappedFileThatWasCutIsEfaultByEveryOperationAndNothingIsWritten() throws Exception {
        final List<Use> uses = all(file);
        for (int way = 0; way < uses.size(); way++) {
            final Use use = uses.get(way);
            final ByteBuffer cut = cutMapping(directory.resolve("mapped" + way), 8192);
            final Throwable failure = causeOf(assertThrows(Exception.class, () -> use.of(cut), "way " + way));
            final WriteThroughException told = assertInstanceOf(WriteThroughException.class, failure, "way " + way);
            assertEquals(Errno.EFAULT, told.errno(), "way " + way);
            assertEquals(0, cut.position());
            assertEquals(BYTES, file.size());
            assertArrayEquals(bytes(BYTES, 1), read(file, 0, BYTES));
        }
    }

    @Test
    void aMappedFileIsWrittenAndReadByEveryOperation() throws Exception {
        final Path other = directory.resolve("mapped");
        try (FileChannel channel = FileChannel.open(other, CREATE, READ, WRITE)) {
            channel.write(buffer(BYTES, 2), 0);
            for (final Use use : writes(file)) {
                file.truncate(0);
                use.of(channel.map(FileChannel.MapMode.READ_ONLY, 0, BYTES));
                final int size = (int) file.size();
                assertArrayEquals(bytes(BYTES, 2), read(file, size - BYTES, BYTES));
            }
            file.truncate(0);
            file.write(buffer(BYTES, 3), 0);
            final List<Use> reads = new ArrayList<>(synchronousReads(file));
            reads.addAll(asynchronousReads(file));
            for (int way = 0; way < reads.size(); way++) {
                channel.write(ByteBuffer.allocate(BYTES + 100), 0);
                final ByteBuffer mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, BYTES + 100);
                reads.get(way).of(mapped);
                final int skipped = BYTES - mapped.position(); // five, with a vector
                final byte[] expected = Arrays.copyOfRange(bytes(BYTES, 3), skipped, BYTES + 100 + skipped);
                Arrays.fill(expected, BYTES - skipped, expected.length, (byte) 0);
                final byte[] found = new byte[BYTES + 100];
                mapped.get(0, found);
                assertArrayEquals(expected, found, "way " + way);
            }
        }
    }

    @Test
    void aMappedFileIsReadIntoByOperationsThatWaitForTheDevice() throws Exception {
        final int large = 3 << 20;
        try (WriteThroughEngine small =
                        WriteThroughEngine.builder().cacheBytes(1 << 20).build();
                WriteThroughFile uncached = small.open(directory.resolve("uncached"), CREATE, READ, WRITE);
                FileChannel other = FileChannel.open(directory.resolve("mapped"), CREATE, READ, WRITE)) {
            uncached.write(buffer(large, 6), 0);
            final List<Use> reads = new ArrayList<>(synchronousReads(uncached));
            reads.addAll(asynchronousReads(uncached));
            for (int way = 0; way < reads.size(); way++) {
                other.truncate(0);
                final ByteBuffer mapped = other.map(FileChannel.MapMode.READ_WRITE, 0, large);
                reads.get(way).of(mapped);
                final byte[] found = new byte[mapped.position()];
                mapped.get(0, found);
                assertTrue(found.length >= large - 5, "way " + way);
                assertArrayEquals(
                        Arrays.copyOfRange(bytes(large, 6), large - found.length, large), found, "way " + way);
            }
        }
    }

    // ---- JDK 22 and later; these tests are compiled for 17 ----

    @Test
    void aClosedArenaIsAnIllegalStateByEveryOperation() throws Exception {
        for (final String factory : List.of("ofShared", "ofConfined")) {
            final List<Use> uses = all(file);
            for (int way = 0; way < uses.size(); way++) {
                final ForeignArena arena = ForeignArena.of(factory);
                final ByteBuffer view = arena.allocate(100);
                arena.close();
                final Use use = uses.get(way);
                final Throwable failure = assertThrows(Exception.class, () -> use.of(view), "way " + way);
                if (!(failure instanceof IllegalArgumentException)) { // a confined one is refused before that is seen
                    assertInstanceOf(IllegalStateException.class, failure, "way " + way);
                }
                assertEquals(BYTES, file.size());
            }
        }
    }

    @Test
    void everyKindOfArenaIsWrittenAndReadByTheThreadThatMayTouchIt() throws Exception {
        for (final String factory : List.of("ofShared", "ofConfined", "ofAuto", "global")) {
            final ByteBuffer view = ForeignArena.of(factory).allocate(BYTES);
            for (final Use use : writes(file)) {
                view.clear().put(bytes(BYTES, 4)).flip();
                file.truncate(0);
                use.of(view);
                assertArrayEquals(bytes(BYTES, 4), read(file, file.size() - BYTES, BYTES));
            }
            file.truncate(0);
            file.write(buffer(BYTES, 5), 0);
            for (final Use use : synchronousReads(file)) {
                use.of(view.clear());
                final byte[] found = new byte[view.position()];
                view.get(0, found);
                assertArrayEquals(Arrays.copyOfRange(bytes(BYTES, 5), BYTES - found.length, BYTES), found);
            }
        }
    }

    @Test
    void aVirtualThreadUsesAnArenaThatIsConfinedToIt() throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "java.lang.foreign is there from JDK 22 on");
        final List<Throwable> failures = new ArrayList<>();
        final Runnable uses = () -> {
            try {
                final ByteBuffer view = ForeignArena.of("ofConfined").allocate(BYTES);
                for (final Use use : writes(file)) {
                    use.of(view.clear());
                }
                for (final Use use : synchronousReads(file)) {
                    use.of(view.clear());
                }
            } catch (final Throwable e) {
                failures.add(e);
            }
        };
        final Thread thread = (Thread)
                Thread.class.getMethod("startVirtualThread", Runnable.class).invoke(null, uses);
        thread.join();
        assertEquals(List.of(), failures);
    }

    @Test
    void anArenaIsHeldOpenWhileItsMemoryIsUsed() throws Exception {
        for (final String factory : List.of("ofShared", "ofConfined")) {
            final ForeignArena arena = ForeignArena.of(factory);
            final ByteBuffer view = arena.allocate(100);
            final Object held = Buffers.hold(view);
            assertThrows(IllegalStateException.class, arena::close);
            Buffers.release(held);
            arena.close();
            assertThrows(IllegalStateException.class, () -> Buffers.hold(view));
        }
    }

    @Test
    void theMemoryOfAnArenaIsNotCopiedOnItsWay() throws Exception {
        final int large = 1 << 20;
        final ByteBuffer view = ForeignArena.of("ofShared").allocate(large);
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        for (int run = 0; run < 3; run++) { // the first run loads classes
            final long before =
                    threads.getThreadAllocatedBytes(Thread.currentThread().getId());
            file.write(view.clear(), 0);
            file.read(view.clear(), 0);
            final long allocated =
                    threads.getThreadAllocatedBytes(Thread.currentThread().getId()) - before;
            assertTrue(run == 0 || allocated < large / 2, allocated + " bytes were allocated");
        }
    }

    @Test
    void anAsynchronousReadIntoAConfinedArenaIsRefused() throws Exception {
        final ByteBuffer view = ForeignArena.of("ofConfined").allocate(100);
        for (final Use use : asynchronousReads(file)) {
            assertThrows(IllegalArgumentException.class, () -> use.of(view));
        }
    }

    @Test
    void anArenaThatIsClosedDuringAnOperationEndsItAndNotTheProcess() throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "java.lang.foreign is there from JDK 22 on");
        final ChildJvm.Result result =
                ChildJvm.of(ClosedMeanwhile.class, directory.toString()).run();
        assertEquals("all operations ended\n", result.output());
    }

    /** Operations whose arena is closed while they are under way. */
    static final class ClosedMeanwhile {
        private static final int LARGE = 8 << 20;

        public static void main(final String[] arguments) throws Exception {
            try (WriteThroughEngine engine =
                            WriteThroughEngine.builder().cacheBytes(4 << 20).build();
                    WriteThroughFile file =
                            engine.open(Path.of(arguments[0]).resolve("large"), Set.of(CREATE, READ, WRITE))) {
                file.write(ByteBuffer.allocate(LARGE), 0);
                final Supplier<List<Use>> uses = () -> all(file);
                for (int way = 0; way < uses.get().size(); way++) {
                    for (int delay = 0; delay < 4; delay++) {
                        use(uses.get().get(way), delay);
                        file.truncate(LARGE);
                    }
                }
            }
            System.out.println("all operations ended");
        }

        /* An operation keeps the arena open while it uses the memory. */
        private static void closeWhenFree(final ForeignArena arena) throws ReflectiveOperationException {
            while (true) {
                try {
                    arena.close();
                    return;
                } catch (final IllegalStateException e) {
                    Thread.onSpinWait();
                }
            }
        }

        private static void use(final Use use, final int delay) throws Exception {
            final ForeignArena arena = ForeignArena.of("ofShared");
            final ByteBuffer view = arena.allocate(LARGE);
            final CountDownLatch begun = new CountDownLatch(1);
            final List<Throwable> unexpected = new ArrayList<>();
            final Thread user = new Thread(() -> {
                begun.countDown();
                try {
                    use.of(view);
                } catch (final Throwable e) {
                    final Throwable cause = causeOf(e);
                    if (!(cause instanceof IllegalStateException
                            || cause instanceof WriteThroughException told && told.errno() == Errno.EFAULT)) {
                        unexpected.add(e);
                    }
                }
            });
            user.start();
            begun.await();
            for (int i = 0; i < delay * 200_000; i++) {
                Thread.onSpinWait();
            }
            closeWhenFree(arena);
            user.join();
            assertTrue(unexpected.isEmpty(), unexpected::toString);
        }
    }
}
