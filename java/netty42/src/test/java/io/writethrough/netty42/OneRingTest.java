// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty42;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.IoEventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringServerSocketChannel;
import io.writethrough.Backend;
import io.writethrough.EngineStats;
import io.writethrough.StorageProfile;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughException;
import io.writethrough.WriteThroughFile;
import io.writethrough.netty.DurableHandler;
import io.writethrough.netty.NettyWriteThroughFile;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 3, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class OneRingTest {
    private static final int BLOCK = 4096;
    private static final int MANY = 500;
    private static final Queue<String> LEAKS = new ConcurrentLinkedQueue<>();

    @TempDir
    private Path directory;

    private Path path;
    private MultiThreadIoEventLoopGroup group;
    private IoEventLoop loop;
    private OneRing ring;
    private WriteThroughFile file;

    @BeforeEach
    void openAll() throws Exception {
        assumeTrue(IoUring.isAvailable(), () -> "no io_uring for Netty here: " + IoUring.unavailabilityCause());
        directory = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "one-ring-");
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O here: nothing goes on the ring");
        ByteBufUtil.setLeakListener((type, records) -> LEAKS.add(type + ": " + records));
        path = directory.resolve("file");
        group = new MultiThreadIoEventLoopGroup(2, IoUringIoHandler.newFactory());
        loop = group.next();
        ring = OneRing.open(WriteThroughEngine.builder().cacheBytes(16 << 20), loop);
        file = ring.engine().open(path, CREATE, READ, WRITE);
        file.allocate(0, MANY * BLOCK);
    }

    @AfterEach
    void closeAll() throws Exception {
        if (group == null) {
            return;
        }
        ring.close();
        group.shutdownGracefully(0, 30, TimeUnit.SECONDS).sync();
        assertFalse(ring.isOnRing());
        while (countThreads("wt-reaper") > 0) { // they end, or the test does not
            Thread.onSpinWait();
        }
        try (Stream<Path> files = Files.list(directory)) {
            files.forEach(OneRingTest::delete);
        }
        Files.delete(directory);
        System.gc();
        Unpooled.directBuffer(1).release();
        assertEquals(List.of(), List.copyOf(LEAKS));
    }

    private static void delete(final Path path) {
        try {
            Files.delete(path);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /* Of this process, with this name. */
    private static long countThreads(final String name) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
            return tasks.filter(task -> isNamed(task, name)).count();
        }
    }

    private static boolean isNamed(final Path task, final String name) {
        try {
            return Files.readString(task.resolve("comm")).strip().equals(name);
        } catch (final IOException e) {
            return false; // It has ended.
        }
    }

    private static ByteBuffer block(final int seed) {
        final byte[] bytes = new byte[BLOCK];
        new Random(seed).nextBytes(bytes);
        return ByteBuffer.allocateDirect(BLOCK).put(bytes).flip();
    }

    private List<CompletableFuture<Integer>> writeMany() {
        final List<CompletableFuture<Integer>> writes = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            writes.add(file.writeAsync(block(i), (long) i * BLOCK));
        }
        return writes;
    }

    private static void getAll(final List<CompletableFuture<Integer>> writes) throws Exception {
        for (final CompletableFuture<Integer> write : writes) {
            assertEquals(BLOCK, get(write));
        }
    }

    /* As any other program finds it. */
    private void checkMany() throws IOException {
        final byte[] found = Files.readAllBytes(path);
        for (int i = 0; i < MANY; i++) {
            assertEquals(block(i), ByteBuffer.wrap(found, i * BLOCK, BLOCK), "block " + i);
        }
    }

    private static <T> T get(final Future<T> future) throws Exception {
        return future.get(1, TimeUnit.MINUTES);
    }

    private <T> T onLoop(final Callable<T> call) throws Exception {
        return get(loop.submit(call));
    }

    private static long deviceIos(final EngineStats stats) {
        return stats.deviceReads() + stats.deviceWrites();
    }

    private static String errnoOf(final Throwable failure) {
        return assertInstanceOf(WriteThroughException.class, failure).errnoName();
    }

    @Test
    void asynchronousIoGoesOnTheRingAndNeedsNoThreadOfTheEngine() throws Exception {
        final long iosBefore = deviceIos(ring.engine().stats());
        final long before = ring.submissions();
        getAll(writeMany());
        getAll(onLoop(this::writeMany));
        final long end = get(onLoop(() -> file.appendAsync(block(1))));
        assertEquals((long) MANY * BLOCK, end);
        assertEquals((long) (MANY + 1) * BLOCK, get(file.appendAsync(block(2))));
        final long ios = deviceIos(ring.engine().stats()) - iosBefore;
        assertTrue(ios > 0);
        assertEquals(ios, ring.submissions() - before);
        assertEquals(0, countThreads("wt-reaper"));
        assertEquals(Backend.IO_URING, ring.engine().backend());
        assertTrue(ring.isOnRing());
        checkMany();
    }

    @Test
    void theEngineOfARingHasNoLanes() throws Exception {
        assertNoLane();
        onLoop(() -> {
            assertNoLane();
            return null;
        });
    }

    private void assertNoLane() {
        assertThrows(UnsupportedOperationException.class, () -> {
            ring.engine().openLane().close();
        });
    }

    @Test
    void whatIsReadGoesOnTheRing() throws Exception {
        getAll(writeMany());
        try (OneRing another = OneRing.open(WriteThroughEngine.builder().cacheBytes(1 << 20), loop)) {
            file.close();
            file = another.engine().open(path, READ);
            final ByteBuffer into = ByteBuffer.allocateDirect(BLOCK);
            final CompletableFuture<Integer> read = onLoop(() -> file.readAsync(into, 17L * BLOCK));
            assertEquals(BLOCK, get(read));
            assertEquals(block(17), into.flip());
            assertTrue(another.submissions() > 0);
        }
    }

    @Test
    void manyThreadsAndTheLoopWriteTogether() throws Exception {
        final List<Thread> threads = new ArrayList<>();
        final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        for (int t = 0; t < 4; t++) {
            threads.add(new Thread(() -> {
                try {
                    for (int i = 0; i < 5; i++) {
                        getAll(writeMany());
                        file.write(block(0), 0);
                    }
                } catch (final Exception | Error e) {
                    failures.add(e);
                }
            }));
        }
        threads.forEach(Thread::start);
        for (int i = 0; i < 20; i++) {
            getAll(onLoop(this::writeMany));
        }
        for (final Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), List.copyOf(failures));
        checkMany();
    }

    @Test
    void theLoopMayWriteSynchronouslyWhileNothingIsOnItsRing() throws Exception {
        assertEquals(BLOCK, onLoop(() -> file.write(block(3), 3 * BLOCK)));
        // Nobody can have taken the first when the second is called.
        final CompletableFuture<Integer> first = onLoop(() -> {
            final CompletableFuture<Integer> write = file.writeAsync(block(4), 4 * BLOCK);
            file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 4 * BLOCK + 10);
            return write;
        });
        assertEquals(BLOCK, get(first));
        final byte[] expected = new byte[BLOCK];
        block(4).get(expected);
        System.arraycopy(new byte[] {1, 2, 3}, 0, expected, 10, 3);
        final byte[] found = new byte[BLOCK];
        ByteBuffer.wrap(Files.readAllBytes(path), 4 * BLOCK, BLOCK).get(found);
        assertArrayEquals(expected, found);
        // Once the loop has come by, the ring is used again.
        final long before = ring.submissions();
        while (ring.submissions() == before) {
            get(onLoop(() -> file.writeAsync(block(5), 5 * BLOCK)));
        }
    }

    @Test
    void aSynchronousCallOnTheLoopIsRefusedWhileItWouldWaitForTheRing() throws Exception {
        onLoop(() -> file.write(block(7), 7 * BLOCK));
        final CompletableFuture<List<String>> refusals = new CompletableFuture<>();
        final AtomicBoolean enough = new AtomicBoolean();
        final CompletableFuture<Void> stopped = new CompletableFuture<>();
        loop.execute(() -> writeOn(enough, stopped));
        loop.execute(() -> tryOn(refusals));
        assertEquals(List.of("write", "read", "close", "open", "truncate", "close"), get(refusals));
        enough.set(true);
        get(stopped);
        onLoop(() -> file.write(block(7), 7 * BLOCK));
        assertTrue(file.isOpen());
        assertTrue(ring.engine().isOpen());
    }

    /* One after the other. */
    private void writeOn(final AtomicBoolean enough, final CompletableFuture<Void> stopped) {
        if (enough.get()) {
            stopped.complete(null);
        } else {
            file.writeAsync(block(1), BLOCK).thenRun(() -> writeOn(enough, stopped));
        }
    }

    /* On the loop, again and again until something is on the ring. */
    private void tryOn(final CompletableFuture<List<String>> refusals) {
        final List<String> refused = new ArrayList<>();
        final ByteBuffer cached = ByteBuffer.allocate(BLOCK);
        try {
            tryCall(refused, "write", () -> file.write(block(2), 2 * BLOCK));
            if (refused.isEmpty()) {
                loop.schedule(() -> tryOn(refusals), 50, TimeUnit.MICROSECONDS); // the loop has to do I/O in between
                return;
            }
            tryCall(refused, "read", () -> file.read(ByteBuffer.allocate(BLOCK), 9L * BLOCK));
            tryCall(refused, "close", () -> {
                file.close();
                return null;
            });
            tryCall(refused, "open", () -> ring.engine().open(path, READ));
            tryCall(refused, "truncate", () -> {
                file.truncate(0);
                return null;
            });
            tryCall(refused, "close", () -> {
                ring.close();
                return null;
            });
            file.read(cached, 7L * BLOCK);
            assertEquals(block(7), cached.flip());
            refusals.complete(refused);
        } catch (final Exception | Error e) {
            refusals.completeExceptionally(e);
        }
    }

    private static void tryCall(final List<String> refused, final String name, final Callable<?> call)
            throws Exception {
        try {
            call.call();
        } catch (final WriteThroughException e) {
            assertEquals("EDEADLK", e.errnoName());
            refused.add(name);
        }
    }

    @Test
    void whoWaitsDoesNotNeedALoopThatIsBusyElsewhere() throws Exception {
        final CountDownLatch goOn = new CountDownLatch(1);
        final Future<Boolean> busy = loop.submit(() -> goOn.await(1, TimeUnit.MINUTES));
        final CompletableFuture<Integer> first = file.writeAsync(block(4), 4 * BLOCK);
        file.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 4 * BLOCK + 10);
        assertEquals(BLOCK, get(first));
        goOn.countDown();
        assertTrue(get(busy));
    }

    @Test
    void failuresReachTheFutureAndNoOther() throws Exception {
        final CompletableFuture<Integer> tooFar = onLoop(() -> file.writeAsync(block(1), 1L << 60));
        final CompletableFuture<Integer> good = file.writeAsync(block(2), 2 * BLOCK);
        final Throwable failure =
                assertThrows(ExecutionException.class, () -> get(tooFar)).getCause();
        assertEquals("EFBIG", errnoOf(failure));
        assertEquals(BLOCK, get(good));
        file.close();
        final CompletableFuture<Integer> closed = onLoop(() -> file.writeAsync(block(1), 0));
        assertInstanceOf(
                ClosedChannelException.class,
                assertThrows(ExecutionException.class, () -> get(closed)).getCause());
    }

    @Test
    void theEngineClosesWithIoInFlight() throws Exception {
        for (int i = 0; i < 10; i++) {
            try (OneRing another = OneRing.open(WriteThroughEngine.builder().cacheBytes(4 << 20), loop)) {
                file.close();
                file = another.engine().open(path, READ, WRITE);
                final List<CompletableFuture<Integer>> writes = onLoop(this::writeMany);
                another.close();
                for (final CompletableFuture<Integer> write : writes) {
                    assertTrue(write.isDone());
                }
                getAll(writes);
                checkMany();
            }
        }
    }

    /* Without a quiet period, in which the loop forgets to close its handles. */
    @RepeatedTest(10)
    void aLoopThatShutsDownEndsWhatIsOnItsRing() throws Exception {
        final List<CompletableFuture<Integer>> writes = onLoop(this::writeMany);
        final List<CompletableFuture<Integer>> more = writeMany();
        group.shutdownGracefully(0, 30, TimeUnit.SECONDS);
        final List<CompletableFuture<Integer>> late = writeMany();
        getAll(writes);
        getAll(more);
        getAll(late);
        group.terminationFuture().sync();
        assertFalse(ring.isOnRing());
        final long before = ring.submissions();
        getAll(writeMany());
        assertEquals(BLOCK, file.write(block(0), 0));
        assertEquals(before, ring.submissions());
        checkMany();
    }

    @Test
    void anEngineIsOpenedAndClosedByItsLoop() throws Exception {
        final IoEventLoop other = group.next();
        final Path another = directory.resolve("another");
        final OneRing opened = get(other.submit(() -> OneRing.open(WriteThroughEngine.builder(), other)));
        try (WriteThroughFile log = opened.engine().open(another, CREATE, WRITE)) {
            assertEquals(0, get(log.appendAsync(block(1))));
        }
        get(other.submit(() -> {
            opened.close();
            return null;
        }));
        assertEquals(-1, Files.mismatch(another, Files.write(directory.resolve("expected"), bytesOf(block(1)))));
    }

    @Test
    void nothingStaysOnTheLoopOfEnginesThatWereClosed() throws Exception {
        final long before = countEventDescriptors();
        for (int i = 0; i < 30; i++) {
            try (OneRing another = OneRing.open(WriteThroughEngine.builder().cacheBytes(1 << 20), loop);
                    WriteThroughFile log = another.engine().open(directory.resolve("another"), CREATE, WRITE)) {
                get(log.appendAsync(block(i)));
            }
        }
        final long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (countEventDescriptors() > before && System.nanoTime() < deadline) {
            Thread.sleep(1);
        }
        assertEquals(before, countEventDescriptors());
    }

    private static long countEventDescriptors() throws IOException {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.filter(OneRingTest::isEventDescriptor).count();
        }
    }

    private static boolean isEventDescriptor(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString().equals("anon_inode:[eventfd]");
        } catch (final IOException e) {
            return false; // It was closed.
        }
    }

    private static byte[] bytesOf(final ByteBuffer buffer) {
        final byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    @Test
    void aLoopWithoutIoUringOrShutDownIsRefused() throws Exception {
        final MultiThreadIoEventLoopGroup other = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        try {
            assertThrows(
                    IllegalArgumentException.class, () -> OneRing.open(WriteThroughEngine.builder(), other.next()));
        } finally {
            other.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        }
        final MultiThreadIoEventLoopGroup gone = new MultiThreadIoEventLoopGroup(1, IoUringIoHandler.newFactory());
        gone.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
        assertThrows(IllegalStateException.class, () -> OneRing.open(WriteThroughEngine.builder(), gone.next()));
        assertThrows(
                IllegalStateException.class,
                () -> OneRing.open(WriteThroughEngine.builder().submissionPolling(true), loop));
    }

    /* Records of connections on the same loop, each answered when it is durable. */
    @Test
    void channelsAndFilesShareTheRing() throws Exception {
        final Path path = directory.resolve("log");
        final NettyWriteThroughFile log = NettyWriteThroughFile.of(ring.engine().open(path, CREATE, WRITE));
        final long before = ring.submissions();
        final Channel server = new ServerBootstrap()
                .group(loop)
                .channel(IoUringServerSocketChannel.class)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(final Channel channel) {
                        channel.pipeline().addLast(new DurableHandler(log), new Answer());
                    }
                })
                .bind("localhost", 0)
                .sync()
                .channel();
        final int port = ((InetSocketAddress) server.localAddress()).getPort();
        try (Socket client = new Socket("localhost", port)) {
            client.setSoTimeout((int) Duration.ofMinutes(1).toMillis());
            final DataInputStream answers = new DataInputStream(client.getInputStream());
            for (int i = 1; i <= 200; i++) {
                client.getOutputStream().write(i);
                assertEquals(i, answers.readUnsignedByte());
                assertTrue(Files.size(path) >= i, "durable before it was answered");
            }
        }
        server.close().sync();
        assertTrue(ring.submissions() > before);
    }

    private static final class Answer extends SimpleChannelInboundHandler<ByteBuf> {
        @Override
        protected void channelRead0(final ChannelHandlerContext context, final ByteBuf record) {
            context.writeAndFlush(record.retainedSlice());
        }
    }
}
