// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

/** What a method handle throws whose method declares no exception. */
public final class Unchecked {
    private Unchecked() {}

    /** To be thrown by the caller; an Error, for want of memory say, is thrown here: any call of a handle may need memory. */
    public static RuntimeException of(final Throwable thrown) {
        if (thrown instanceof RuntimeException unchecked) {
            return unchecked;
        }
        if (thrown instanceof Error error) {
            throw error;
        }
        throw new AssertionError("the method declares no such exception", thrown);
    }
}
