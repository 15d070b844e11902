// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

final class BudgetTest {

    @Test
    void theTimeIsDividedAmongTheSlicesThatAreLeft() {
        Budget budget = Budget.within(Duration.ofHours(1), 10_000);
        Duration first = budget.slice();
        assertTrue(first.toMillis() > 100 && first.toMillis() < 360, () -> "first slice " + first);
        budget.spend(5_000, first.multipliedBy(5_000));
        assertTrue(budget.slice().compareTo(first.multipliedBy(3).dividedBy(2)) > 0);
    }

    @Test
    void aSliceIsNeverTooShortToTellAnything() {
        Budget budget = Budget.within(Duration.ofNanos(1), 1_000);
        assertTrue(budget.slice().toMillis() >= 50);
        assertEquals(Duration.ZERO, budget.left());
    }

    @Test
    void whatTheUserSaidIsTaken() {
        Budget budget = Budget.of(Duration.ofSeconds(3), 100);
        assertEquals(Duration.ofSeconds(3), budget.slice());
        assertTrue(budget.left().toSeconds() >= 300);
    }

    @Test
    void nothingBeginsWhenTheTimeIsOver() {
        AtomicLong now = new AtomicLong();
        Budget budget = Budget.within(Duration.ofSeconds(100), 10, now::get);
        BooleanSupplier half = budget.part(5);
        now.set(Duration.ofSeconds(49).toNanos());
        assertFalse(half.getAsBoolean());
        now.set(Duration.ofSeconds(50).toNanos());
        assertTrue(half.getAsBoolean());
        assertFalse(budget.over());
        now.set(Duration.ofSeconds(100).toNanos());
        assertTrue(budget.over());
        assertThrows(Budget.Over.class, budget::requireTime);
    }
}
