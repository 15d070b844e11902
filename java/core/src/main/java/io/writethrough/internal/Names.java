// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

/** What the library is called, where a program sees it. */
public final class Names {
    /** Of the logger, of the domain of the beans, of the events, and the beginning of the system properties. */
    public static final String LIBRARY = "io.writethrough";

    private Names() {}
}
