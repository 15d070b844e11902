// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Waits for an operation as a synchronous one waits: an interrupt ends no wait, and its error is thrown. */
final class Completion {
    private Completion() {}

    static void await(final CompletableFuture<?> operation) throws IOException {
        try {
            operation.join();
        } catch (final CompletionException e) {
            if (e.getCause() instanceof IOException cause) {
                throw cause;
            }
            throw e;
        }
    }
}
