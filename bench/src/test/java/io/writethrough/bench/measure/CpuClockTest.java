package io.writethrough.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class CpuClockTest {

    @Test
    void aThreadThatEndedTakesNothingFromTheOthers() {
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
}
