// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class UncheckedTest {
    @Test
    void wantOfMemoryIsToldAsSuchAndNotAsAFaultOfTheLibrary() {
        final Error error = new OutOfMemoryError();
        assertSame(error, assertThrows(OutOfMemoryError.class, () -> Unchecked.of(error)));
    }

    @Test
    void aRuntimeExceptionIsToBeThrownAsItIs() {
        final RuntimeException exception = new IllegalStateException();
        assertSame(exception, Unchecked.of(exception));
    }

    @Test
    void anExceptionThatTheMethodDoesNotDeclareIsAFault() {
        final IOException exception = new IOException();
        assertSame(
                exception,
                assertThrows(AssertionError.class, () -> Unchecked.of(exception))
                        .getCause());
    }
}
