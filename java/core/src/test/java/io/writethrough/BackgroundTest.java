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

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Background files are limited and foreground files are not. The C core's test has the rest, by a clock of its own. */
class BackgroundTest extends OnEveryFileSystem {
    private WriteThroughEngine engine;
    private WriteThroughFile foreground;
    private WriteThroughFile background;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(16 << 20).build();
        foreground = engine.open(path, CREATE, READ, WRITE);
        background = engine.open(path, READ, WRITE, WriteThroughOption.BACKGROUND);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    @Test
    void aBackgroundWriteWaitsForItsLimitAndAForegroundWriteDoesNot() throws Exception {
        engine.limitBackground(1, 0, 0);
        background.write(buffer(100, 1), 0); // a hundred seconds' worth, which begins at once
        final CompletableFuture<Integer> waits = CompletableFuture.supplyAsync(() -> {
            try {
                return background.write(buffer(100, 2), 0);
            } catch (final IOException e) {
                throw new AssertionError(e);
            }
        });
        for (int i = 0; i < 10; i++) {
            foreground.write(buffer(5000, 3), 200);
            foreground.read(ByteBuffer.allocate(5000), 200);
        }
        assertEquals(buffer(100, 1), ByteBuffer.wrap(read(foreground, 0, 100)));
        assertTrue(!waits.isDone());
        engine.limitBackground(0, 0, 0);
        assertEquals(100, waits.get(100, TimeUnit.SECONDS));
        assertEquals(buffer(100, 2), ByteBuffer.wrap(read(foreground, 0, 100)));
    }

    @Test
    void whatMayNotWaitForTheLimitFails() throws Exception {
        engine.limitBackground(1, 0, 0);
        background.write(buffer(100, 1), 0);
        final Exception failure = assertThrows(
                Exception.class,
                () -> background
                        .writeAsync(buffer(100, 2), 0, Durability.DSYNC, WriteFlag.NOWAIT)
                        .get());
        assertEquals(Errno.EAGAIN, ((WriteThroughException) failure.getCause()).errno());
    }

    @Test
    void aLongBackgroundWriteGoesInPieces() throws Exception {
        assumeTrue(
                foreground.profile().writePath() == StorageProfile.WritePath.DIRECT,
                "the kernel has the cache, and pieces of its own: no direct I/O on " + foreground.profile());
        foreground.allocate(0, 2 << 20);
        final long before = engine.stats().deviceWrites();
        assertEquals(1 << 20, background.write(buffer(1 << 20, 4), 0));
        assertEquals(8, engine.stats().deviceWrites() - before);
        assertEquals(buffer(1 << 20, 4), ByteBuffer.wrap(read(foreground, 0, 1 << 20)));
    }

    @Test
    void limitsThatCannotBeAreRefused() throws Exception {
        assertThrows(IllegalArgumentException.class, () -> engine.limitBackground(-1, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> engine.limitBackground(0, -1, 0));
        assertThrows(IllegalArgumentException.class, () -> engine.limitBackground(0, 0, -1));
        assertThrows(IllegalArgumentException.class, () -> engine.limitBackground(0, 0, 100));
        engine.limitBackground(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);
        background.write(buffer(100, 1), 0);
        engine.close();
        assertThrows(IllegalStateException.class, () -> engine.limitBackground(0, 0, 0));
    }
}
