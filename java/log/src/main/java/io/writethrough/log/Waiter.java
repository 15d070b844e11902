// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import org.jspecify.annotations.Nullable;

/** Who is told when an append is durable. Those that are told together are a list, so that no object is made for that. */
interface Waiter {
    @Nullable
    Waiter next();

    void next(@Nullable Waiter waiter);

    /** The append is durable, or has failed. Runs nothing of a caller, and needs no memory. */
    void done(@Nullable Throwable failure);
}
