// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import org.apache.bookkeeper.bookie.DefaultFileChannelProvider;

/** The providers that do the same. */
enum Provider {
    WRITE_THROUGH(WriteThroughFileChannelProvider.class.getName()),
    DEFAULT(DefaultFileChannelProvider.class.getName());

    final String className;

    Provider(final String className) {
        this.className = className;
    }
}
