// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The operations of an engine: in use, or free to be used again. Their number is the most that were outstanding at a time. */
public final class Operations {
    private volatile Operation[] all = new Operation[0];
    private @Nullable Operation free;
    private int used;

    synchronized Operation take() {
        if (free == null) {
            grow();
        }
        final Operation operation = free;
        assert operation != null;
        free = operation.next;
        operation.next = null;
        used++;
        return operation;
    }

    synchronized void give(final Operation operation) {
        operation.clear();
        operation.next = free;
        free = operation;
        used--;
    }

    /** Whether none is in use. */
    synchronized boolean areFree() {
        return used == 0;
    }

    /** The operation of an event; null if that operation is over: who submitted it did not wait for the event. */
    @Nullable
    Operation of(final long token) {
        final Operation operation = all[(int) token];
        return operation.token() == token ? operation : null;
    }

    /** Whether a future is not done. */
    boolean anyOpen() {
        for (final Operation operation : all) {
            if (operation.isOpen()) {
                return true;
            }
        }
        return false;
    }

    /* None is free before all are there: where memory ends in between, nothing has changed. */
    private void grow() {
        final int count = all.length;
        final Operation[] more = Arrays.copyOf(all, count == 0 ? 64 : 2 * count);
        @Nullable Operation first = null;
        for (int i = more.length - 1; i >= count; i--) {
            assert Faults.at(Faults.Step.MAKE_OPERATIONS);
            more[i] = new Operation(i);
            more[i].next = first;
            first = more[i];
        }
        all = more;
        free = first;
    }
}
