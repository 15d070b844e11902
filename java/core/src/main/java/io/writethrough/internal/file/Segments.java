// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.SegmentScope;
import org.jspecify.annotations.Nullable;

/** What makes a java.lang.foreign.MemorySegment of memory, which is there from JDK 22 on: this is compiled for 17. */
interface Segments {
    /** A MemorySegment, and the Arena that it is in, whose close throws nothing that is checked. */
    record Made(Object segment, AutoCloseable arena) {}

    /** @param ended called once nobody can touch the segment any more, by the arena, which refers to it until then */
    Made make(long address, long bytes, SegmentScope scope, Runnable ended);

    /** null before JDK 22. */
    static @Nullable Segments ofThisJdk() {
        return Holder.OF_THIS_JDK;
    }

    /** Loads what only some programs need. */
    final class Holder {
        private static final @Nullable Segments OF_THIS_JDK = find();

        private Holder() {}

        private static @Nullable Segments find() {
            if (Runtime.version().feature() < 22) {
                return null;
            }
            try {
                return (Segments) Class.forName("io.writethrough.internal.file.SegmentsOfJdk22")
                        .getConstructor()
                        .newInstance();
            } catch (final ReflectiveOperationException e) {
                throw new ExceptionInInitializerError(e);
            }
        }
    }
}
