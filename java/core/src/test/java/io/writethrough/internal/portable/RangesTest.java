// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RangesTest {
    @Test
    void rangesAreTheBytesOfASet() {
        final Random random = new Random(1);
        final Ranges ranges = new Ranges();
        final BitSet set = new BitSet();
        for (int i = 0; i < 20_000; i++) {
            final int from = random.nextInt(100);
            final int to = from + random.nextInt(20);
            if (random.nextBoolean()) {
                ranges.add(from, to);
                set.set(from, to);
            } else {
                ranges.remove(from, to);
                set.clear(from, to);
            }
            assertEquals(textOf(set), ranges.toString());
            assertEquals(set.get(from), ranges.contains(from));
        }
    }

    /* As that of a map from the first byte of a range to the one behind its last. */
    private static String textOf(final BitSet set) {
        final StringBuilder text = new StringBuilder("{");
        for (int from = set.nextSetBit(0); from >= 0; from = set.nextSetBit(set.nextClearBit(from))) {
            text.append(text.length() == 1 ? "" : ", ").append(from).append('=').append(set.nextClearBit(from));
        }
        return text.append('}').toString();
    }
}
