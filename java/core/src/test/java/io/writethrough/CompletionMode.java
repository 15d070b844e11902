// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** Where the futures of a test complete. */
enum CompletionMode {
    DEFAULT,
    DIRECT,
    ONE_THREAD,
    TWO_THREADS;

    interface Body {
        void run(WriteThroughEngine engine) throws Exception;
    }

    private ExecutorService executor() {
        return switch (this) {
            case DEFAULT, DIRECT -> null;
            case ONE_THREAD -> Executors.newFixedThreadPool(1, task -> new Thread(task, "test-executor"));
            case TWO_THREADS -> Executors.newFixedThreadPool(2, task -> new Thread(task, "test-executor"));
        };
    }

    private WriteThroughEngine.Builder builder(final ExecutorService executor) {
        final WriteThroughEngine.Builder builder = WriteThroughEngine.builder().cacheBytes(16 << 20);
        return switch (this) {
            case DEFAULT -> builder;
            case DIRECT -> builder.completionExecutor(Runnable::run);
            case ONE_THREAD, TWO_THREADS -> builder.completionExecutor(executor);
        };
    }

    /** Runs the body with an engine of this mode, and closes that if the body does not. */
    void run(final Body body) throws Exception {
        final ExecutorService executor = executor();
        try (WriteThroughEngine engine = open(executor)) {
            body.run(engine);
        } catch (final Exception | AssertionError e) {
            throw new AssertionError("mode " + this, e);
        } finally {
            end(executor);
        }
    }

    private WriteThroughEngine open(final ExecutorService executor) throws IOException {
        return builder(executor).build();
    }

    private static void end(final ExecutorService executor) throws InterruptedException {
        if (executor != null) {
            executor.shutdown();
            if (!executor.awaitTermination(1, TimeUnit.MINUTES)) {
                throw new AssertionError("a callback does not end");
            }
        }
    }
}
