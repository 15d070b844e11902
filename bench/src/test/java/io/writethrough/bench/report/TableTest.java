// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

final class TableTest {

    @Test
    void columnsAreAsWideAsTheirWidestCell() {
        Table table = new Table(List.of("", "ops/s"));
        table.row(List.of("one", "1"));
        table.row(List.of("number two", "12,345,678"));
        assertEquals("""
                |            |      ops/s |
                | ---------- | ---------: |
                | one        |          1 |
                | number two | 12,345,678 |
                """, table.toString());
    }

    @Test
    void aRowOfAnotherLengthIsRefused() {
        Table table = new Table(List.of("a", "b"));
        assertThrows(IllegalArgumentException.class, () -> table.row(List.of("only one")));
    }
}
