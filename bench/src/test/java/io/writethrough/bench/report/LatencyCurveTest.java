// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

final class LatencyCurveTest {

    private static Spread spread(Double... rounds) {
        return Spread.of(List.of(rounds));
    }

    @Test
    void theTableHasTheMedianAndTheRangeOfTheRounds() {
        LatencyCurve.Point point = new LatencyCurve.Point(
                10.0,
                1000,
                spread(990.0),
                spread(30.0, 29.0, 41.0),
                spread(70.0),
                spread(1234.0),
                spread(0.25, 0.2, 0.5));
        LatencyCurve curve = new LatencyCurve(
                "id", "A title", List.of(new LatencyCurve.Way("one way", spread(10_000.0), List.of(point))));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new TextReport(new PrintStream(out, true, StandardCharsets.UTF_8)).print(curve);
        String text = out.toString(StandardCharsets.UTF_8).replaceAll(" +", " ");
        assertTrue(text.startsWith("A title\n"), text);
        assertTrue(
                text.contains("| one way | 10 % | 1,000 | 990 | 30 (29..41) | 70 (70..70) | 1,234 (1,234..1,234) "
                        + "| 0.25 (0.20..0.50) |"),
                text);
        assertTrue(text.contains("one way: 10,000 (10,000..10,000) records/s at most, without pauses"), text);
    }
}
