// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import com.carrotsearch.randomizedtesting.ThreadFilter;

/** The threads of the shared engine outlive the tests that began them. */
public final class EngineThreads implements ThreadFilter {
    @Override
    public boolean reject(final Thread thread) {
        return thread.getName().startsWith("writethrough-");
    }
}
