// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import org.junit.jupiter.api.Test;

final class TeamTest {
    private static final int THREADS = 64;

    private static Slice slice(int bytes) throws IOException {
        return Team.run(THREADS, 0, 0, thread -> (end, pace, latency) -> {
            byte[] own = new byte[bytes];
            Slice.record(latency, 1, own.length);
        });
    }

    /** Else a short slice, or a slow disk, would show what the benchmark itself allocates as the contender's. */
    @Test
    void onlyTheWorkIsCountedAsAllocated() throws IOException {
        slice(1); // What is allocated once, for all later ones.
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            least = Math.min(least, slice(1000).allocatedBytes());
        }
        long work = THREADS * 1016L;
        assertTrue(least >= work && least < work + THREADS * 16L, least + " bytes for " + work);
    }

    @Test
    void everyThreadWorks() throws IOException {
        assertEquals(THREADS, slice(1).operations());
    }
}
