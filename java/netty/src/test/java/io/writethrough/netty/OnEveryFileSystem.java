// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.incubator.channel.uring.IOUring;
import io.netty.incubator.channel.uring.IOUringEventLoopGroup;
import io.netty.util.concurrent.Future;
import io.writethrough.StorageProfile;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A test class that runs once in each directory of WT_TEST_DIRS; by default the module's target directory, and /dev/shm. Every
 * test has an empty directory, an engine, and event loops on io_uring; when it is over nothing may have leaked.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("io.writethrough.netty.OnEveryFileSystem#directories")
public abstract class OnEveryFileSystem {
    static final int MIB = 1 << 20;

    /* More than the engine takes at once. */
    static final int LARGE = 5 * MIB;

    private static final Queue<String> LEAKS = new ConcurrentLinkedQueue<>();

    @Parameter
    public Path root;

    protected Path directory;
    protected Path path;
    protected WriteThroughEngine engine;
    EventLoopGroup loops;
    EventLoop loop;

    /* Without caches of threads it counts exactly. */
    final PooledByteBufAllocator allocator = new PooledByteBufAllocator(true, 1, 1, 8192, 9, 0, 0, false);

    public static Stream<Path> directories() {
        final String named = System.getProperty("WT_TEST_DIRS", System.getenv("WT_TEST_DIRS"));
        if (named != null && !named.isEmpty()) {
            return Stream.of(named.split(":")).map(Path::of);
        }
        final List<Path> directories = new ArrayList<>(List.of(Path.of("target").toAbsolutePath()));
        final Path memory = Path.of("/dev/shm");
        if (Files.isDirectory(memory)) {
            directories.add(memory);
        }
        return directories.stream();
    }

    @BeforeEach
    final void openAll() throws IOException {
        assumeTrue(IOUring.isAvailable(), () -> "no io_uring for Netty here: " + IOUring.unavailabilityCause());
        ByteBufUtil.setLeakListener((type, records) -> LEAKS.add(type + ": " + records));
        directory = Files.createTempDirectory(root, "writethrough-netty-");
        path = directory.resolve("file");
        engine = newEngine();
        loops = new IOUringEventLoopGroup(2);
        loop = loops.next();
    }

    static WriteThroughEngine newEngine() throws IOException {
        return WriteThroughEngine.builder().cacheBytes(16 * MIB).build();
    }

    @AfterEach
    final void closeAll() throws Exception {
        if (loops == null) {
            return;
        }
        engine.close();
        loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).await();
        try (Stream<Path> all = Files.walk(directory)) {
            all.sorted(Comparator.reverseOrder()).forEach(OnEveryFileSystem::delete);
        }
        assertEquals(0, allocated(), "buffers that were not released");
        System.gc();
        allocator.buffer(1).release(); // this looks for leaks that the collector found
        assertEquals(List.of(), List.copyOf(LEAKS));
    }

    private static void delete(final Path path) {
        try {
            Files.delete(path);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    final long allocated() {
        return allocator.metric().directArenas().get(0).numActiveAllocations()
                + allocator.metric().heapArenas().get(0).numActiveAllocations();
    }

    /** The result of an operation that is called on the event loop. */
    final <T> T onLoop(final java.util.concurrent.Callable<Future<T>> call) throws Exception {
        return get(loop.submit(call).get(1, TimeUnit.MINUTES));
    }

    static <T> T get(final java.util.concurrent.Future<T> future) throws Exception {
        return future.get(1, TimeUnit.MINUTES);
    }

    final boolean isDirect(final WriteThroughFile file) throws IOException {
        return file.profile().writePath() == StorageProfile.WritePath.DIRECT;
    }

    /** Bytes that are the same at every run and differ from seed to seed. */
    protected static byte[] bytes(final int length, final long seed) {
        final byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }
}
