package io.writethrough.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

final class PatternTest {

    @Test
    void theSameSeedGivesTheSameOffsets() {
        Pattern one = Pattern.random(4096, 1 << 20, 7);
        Pattern other = Pattern.random(4096, 1 << 20, 7);
        for (int i = 0; i < 1000; i++) {
            assertEquals(one.next(), other.next());
        }
    }

    @Test
    void randomOffsetsReachEveryUnitAndNoOther() {
        Pattern pattern = Pattern.random(4096, 64 * 4096, 1);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            long offset = pattern.next();
            assertTrue(offset >= 0 && offset < 64 * 4096 && offset % 4096 == 0, () -> "offset " + offset);
            seen.add(offset);
        }
        assertEquals(64, seen.size());
    }

    @Test
    void aSequenceStartsAgainAtTheEnd() {
        Pattern pattern = Pattern.sequential(10, 35);
        assertEquals(0, pattern.next());
        assertEquals(10, pattern.next());
        assertEquals(20, pattern.next());
        assertEquals(0, pattern.next());
    }

    @Test
    void aSpanWithoutOneUnitIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> Pattern.random(4096, 4095, 0));
    }
}
