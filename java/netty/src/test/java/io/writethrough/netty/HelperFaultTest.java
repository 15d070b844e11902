// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.GlobalEventExecutor;
import java.lang.reflect.Proxy;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** An executor that has no memory for a task: every future completes. */
class HelperFaultTest {
    private static final class Operation extends FileOperation<Integer> {
        private boolean released;

        private Operation(final EventExecutor executor) {
            super(executor);
        }

        @Override
        boolean startNow() {
            return false;
        }

        @Override
        void startWaiting() {
            succeed(7);
        }

        @Override
        void release() {
            released = true;
        }
    }

    @Test
    void operationsThatTheHelperHasNoMemoryForFailAndLaterOnesGoOn() throws Exception {
        final AtomicBoolean full = new AtomicBoolean(true);
        final Executor helper = task -> {
            if (full.get()) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            task.run();
        };
        final WaitingOperations waiting = new WaitingOperations(helper);
        final Operation refused = new Operation(GlobalEventExecutor.INSTANCE);
        waiting.add(refused);
        assertInstanceOf(OutOfMemoryError.class, refused.future().await().cause());
        assertTrue(refused.released);
        assertTrue(waiting.isEmpty());
        full.set(false);
        final Operation next = new Operation(GlobalEventExecutor.INSTANCE);
        waiting.add(next);
        assertEquals(7, next.future().get());
    }

    /* As the other, but its execute has no memory. */
    private static EventExecutor full(final EventExecutor other) {
        return (EventExecutor) Proxy.newProxyInstance(
                EventExecutor.class.getClassLoader(),
                new Class<?>[] {EventExecutor.class},
                (proxy, method, arguments) -> {
                    if (method.getName().equals("execute")) {
                        throw new OutOfMemoryError("Java heap space");
                    }
                    return method.invoke(other, arguments);
                });
    }

    @Test
    void aResultThatTheCallersExecutorHasNoMemoryForIsThereAllTheSame() throws Exception {
        final Operation operation = new Operation(full(GlobalEventExecutor.INSTANCE));
        operation.startWaiting();
        assertTrue(operation.future().isDone());
        assertEquals(7, operation.future().getNow());
    }
}
