// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Disks that refuse writes, disks that are full, and appends within appends. */
class FailingDiskTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(LogOptions.LEAST_SEGMENT_BYTES).build();

    private static ByteBuffer bytes(final String text) {
        return LogOnDisk.bytes(text);
    }

    @Test
    void appendsThatFailStayFailedAndLaterOnesGoOnBehindThem() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            log.append(bytes("before"));
            disk.failuresPerThousand = 1000;
            final long lost = log.appendLater(bytes("lost"));
            final CompletableFuture<Long> behind = log.appendAsync(bytes("lost too"));
            final CompletableFuture<Long> told = log.whenDurable(lost);
            disk.endAll();
            assertTrue(behind.isCompletedExceptionally() && told.isCompletedExceptionally());
            assertThrows(IOException.class, () -> log.append(bytes("cannot be repaired")));
            assertTrue(log.toString().contains("failed"), log.toString());
            disk.failuresPerThousand = 0;
            final long after = log.append(bytes("after"));
            assertTrue(after > lost, "the LSN of a failed record was given to another");
            final IOException e = assertThrows(IOException.class, () -> log.awaitDurable(lost));
            assertTrue(e.getMessage().contains("EIO"), e.getMessage());
            assertEquals(1, log.stats().repairs());
            assertEquals(List.of("before", "after"), LogOnDisk.read(log));
        }
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            assertEquals(List.of("before", "after"), LogOnDisk.read(log));
        }
    }

    @Test
    void aFullDiskKeepsWhatWasAcknowledgedAndAppendsGoOnWhenThereIsRoom() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            disk.room = 4 * OPTIONS.segmentBytes();
            int count = 0;
            final IOException e;
            while (true) {
                try {
                    log.append(ByteBuffer.allocate(9_000));
                    count++;
                } catch (final IOException full) {
                    e = full;
                    break;
                }
            }
            assertTrue(e.getMessage().contains("ENOSPC"), e.getMessage());
            assertTrue(count >= 3 * 6, count + " records");
            log.append(bytes("small")); // there is room in the segment
            assertThrows(IOException.class, () -> log.append(ByteBuffer.allocate(30_000)));
            assertEquals(count + 1, LogOnDisk.read(log).size());
            disk.room = Long.MAX_VALUE;
            log.append(ByteBuffer.allocate(30_000));
            assertEquals(count + 2, LogOnDisk.read(log).size());
        }
    }

    @Test
    void anAppendInADependentOfAFutureDoesNotDisturbTheAppendOfItsThread() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(3);
        disk.endsWithinWrites = false; // the engine tells nobody there
        try (DurableLog log = DurableLog.open(disk, OPTIONS, Runnable::run, () -> {})) {
            final List<Long> inner = new ArrayList<>();
            for (int i = 0; i < 50; i++) {
                log.appendAsync(bytes("future")).thenAccept(lsn -> inner.add(append(log)));
                final long outer = log.append(bytes("outer"));
                assertTrue(log.durable() > outer, "an append returned that was not durable");
            }
            disk.endAll();
            assertEquals(50, inner.size());
            assertEquals(150, LogOnDisk.read(log).size());
        }
    }

    private static long append(final DurableLog log) {
        try {
            return log.append(bytes("inner"));
        } catch (final IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
