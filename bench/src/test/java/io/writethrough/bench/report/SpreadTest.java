// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

final class SpreadTest {

    @Test
    void theMedianAndTheRangeAreThoseOfTheRounds() {
        Spread spread = Spread.of(List.of(9.0, 1.0, 2.0, 4.0));
        assertEquals(3, spread.median());
        assertEquals(1, spread.least());
        assertEquals(9, spread.most());
    }

    @Test
    void theNoiseShrinksWithMoreRoundsAndGrowsWithTheirSpread() {
        double ofFour = Spread.of(List.of(1.0, 1.0, 3.0, 3.0)).noise();
        assertEquals(1.57 * 2 / 2, ofFour, 1e-9);
        assertEquals(ofFour / 2, Spread.of(List.of(1.0, 1.0, 2.0, 2.0)).noise(), 1e-9);
        double ofSixteen = Spread.of(
                        List.of(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0))
                .noise();
        assertEquals(ofFour / 2, ofSixteen, 1e-9);
        assertEquals(0, Spread.of(List.of(7.0)).noise());
    }
}
