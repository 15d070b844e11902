// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CallbackOrderTest {
    private final CallbackOrder order = new CallbackOrder();
    private final List<String> told = new ArrayList<>();

    private CallbackOrder.Write begin(final String name) {
        return order.begin(failure -> told.add(failure == null ? name : name + " failed"));
    }

    @Test
    void anEndIsToldWhenAllBeforeItHaveEnded() {
        final CallbackOrder.Write first = begin("first");
        final CallbackOrder.Write second = begin("second");
        final CallbackOrder.Write third = begin("third");
        order.finish(third, null);
        assertEquals(List.of(), told);
        order.finish(first, null);
        assertEquals(List.of("first"), told);
        order.finish(second, new IllegalStateException());
        assertEquals(List.of("first", "second failed", "third"), told);
    }

    @Test
    void anEndMayFinishAnotherWriteAndBeginOne() {
        final CallbackOrder.Write[] inner = new CallbackOrder.Write[2];
        final CallbackOrder.Write first = order.begin(failure -> {
            inner[1] = begin("third");
            order.finish(inner[1], null);
            order.finish(inner[0], null);
            told.add("first");
        });
        inner[0] = begin("second");
        order.finish(first, null);
        assertEquals(List.of("first", "second", "third"), told);
    }

    @Test
    void theFailureIsToldAsItIs() {
        final Throwable[] seen = new Throwable[1];
        final Throwable failure = new IllegalStateException();
        order.finish(order.begin(thrown -> seen[0] = thrown), failure);
        assertSame(failure, seen[0]);
    }
}
