// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class CpuClockTest {

    @Test
    void whatEndedTakesNothingFromTheOthers() {
        Map<String, Long> then = Map.of("ends", 1000L, "stays", 10L);
        Map<String, Long> now = Map.of("stays", 15L, "new", 7L);
        assertEquals(12, CpuClock.used(then, now));
    }

    @Test
    void whatThisThreadAllocatesIsCounted() {
        HeapClock heap = HeapClock.start();
        byte[] own = new byte[1 << 20];
        assertTrue(heap.bytes() >= own.length);
    }

    @Test
    void theTimeOfAThreadThatEndedCounts() throws InterruptedException {
        CpuClock cpu = CpuClock.start();
        Thread worker = new Thread(() -> {
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < 200_000_000) {
                Thread.onSpinWait();
            }
        });
        worker.start();
        worker.join();
        assertTrue(cpu.nanos() > 0);
    }
}
