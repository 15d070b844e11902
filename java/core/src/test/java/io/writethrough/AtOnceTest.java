// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writes that are over when their method returns. Here the kernel takes them into its page cache, and no disk is waited for. */
@Timeout(120)
class AtOnceTest extends OnEveryFileSystem {
    private static final int BYTES = 100;

    private WriteThroughEngine engine() throws Exception {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        assumeTrue(engine.backend() == Backend.IO_URING, "only a ring takes such writes without a thread");
        return engine;
    }

    private void assumeDirect() throws Exception {
        final StorageProfile profile = StorageProfile.of(directory);
        assumeTrue(profile.writePath() == StorageProfile.WritePath.DIRECT, "no direct I/O on " + profile);
    }

    /* The first byte of the file tells the number of the write. */
    private static ByteBuffer numbered(final int number) {
        return ByteBuffer.allocateDirect(BYTES).put(0, (byte) number);
    }

    /* Writes until one was over when its method returned. Returns how many came before it. */
    private static int writeUntilOneIsOver(final WriteThroughFile file) throws Exception {
        for (int i = 0; i < 100_000; i++) {
            final CompletableFuture<Integer> write = file.writeAsync(numbered(i), 0, Durability.DEVICE);
            if (write.isDone()) {
                assertEquals(BYTES, write.get());
                return i;
            }
            assertEquals(BYTES, write.get(1, TimeUnit.MINUTES));
        }
        throw new AssertionError("no write was over when its method returned");
    }

    @Test
    void aWriteThatTheKernelTakesAtOnceIsOverWhenItsMethodReturns() throws Exception {
        assumeDirect();
        try (WriteThroughEngine engine = engine();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.write(numbered(0), 0);
            final int number = writeUntilOneIsOver(file);
            assertEquals((byte) number, Files.readAllBytes(path)[0]);
            final Thread[] ran = new Thread[1];
            for (int i = 0; ran[0] != Thread.currentThread() && i < 100_000; i++) {
                final CompletableFuture<Void> told = file.writeAsync(numbered(i), 0, Durability.DEVICE)
                        .thenRun(() -> ran[0] = Thread.currentThread());
                told.get(1, TimeUnit.MINUTES);
            }
            assertEquals(
                    Thread.currentThread(), ran[0], "a future that is done runs a callback in the call that adds it");
        }
    }

    @Test
    void writesThatAreOverAtOnceKeepNoOtherFromItsEnd() throws Exception {
        assumeDirect();
        try (WriteThroughEngine engine = engine();
                WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
            file.write(numbered(0), 4096);
            for (int i = 0; i < 200; i++) {
                final CompletableFuture<Integer> durable = file.writeAsync(numbered(i), 0);
                final CompletableFuture<Integer> quick = file.writeAsync(numbered(i), 4096, Durability.DEVICE);
                final CompletableFuture<Long> append = file.appendAsync(numbered(i), Durability.DEVICE);
                assertEquals(BYTES, quick.get(1, TimeUnit.MINUTES));
                assertEquals(BYTES, durable.get(1, TimeUnit.MINUTES));
                assertTrue(append.get(1, TimeUnit.MINUTES) > 4096);
            }
        }
    }
}
