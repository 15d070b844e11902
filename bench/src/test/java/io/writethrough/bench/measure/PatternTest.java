// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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
    void fourInFiveGoToAFifthThatIsScattered() {
        int units = 1000;
        Pattern pattern = Pattern.skewed(4096, units * 4096L, 1);
        Map<Long, Integer> visits = new HashMap<>();
        int count = 100_000;
        for (int i = 0; i < count; i++) {
            visits.merge(pattern.next() / 4096, 1, Integer::sum);
        }
        List<Long> favoured = visits.entrySet().stream()
                .sorted(Map.Entry.<Long, Integer>comparingByValue().reversed())
                .limit(units / 5)
                .map(Map.Entry::getKey)
                .toList();
        int ofFavoured = favoured.stream().mapToInt(visits::get).sum();
        // Four in five, and a fifth of the fifth one.
        assertEquals(0.84, (double) ofFavoured / count, 0.01);
        assertTrue(favoured.stream().filter(unit -> unit >= units / 2).count() > units / 20);
        assertEquals(units, visits.size());
    }

    @Test
    void threadsHaveOtherRandomOffsetsAndTheSameSequence() {
        Pattern one = Pattern.random(1, 1 << 20, 7);
        assertNotEquals(one.fork(0).next(), one.fork(1).next());
        assertEquals(0, Pattern.sequential(10, 35).fork(3).next());
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
