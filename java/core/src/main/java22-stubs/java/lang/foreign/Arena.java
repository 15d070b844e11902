// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package java.lang.foreign;

/** An arena, as far as a compiler of JDK 17 has to know. The JDK's own type takes its place when the program runs. */
public interface Arena extends AutoCloseable {
    static Arena ofConfined() {
        throw new AssertionError();
    }

    static Arena ofShared() {
        throw new AssertionError();
    }

    static Arena ofAuto() {
        throw new AssertionError();
    }

    @Override
    void close();
}
