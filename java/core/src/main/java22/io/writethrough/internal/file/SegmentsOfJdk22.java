// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import io.writethrough.SegmentScope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Segments of durable memory. Compiled and loaded as {@code FileChannelOfJdk22}. */
public final class SegmentsOfJdk22 implements Segments {
    @Override
    public Made make(final long address, final long bytes, final SegmentScope scope, final Runnable ended) {
        final Arena arena =
                switch (scope) {
                    case CONFINED -> Arena.ofConfined();
                    case SHARED -> Arena.ofShared();
                    case AUTO -> Arena.ofAuto();
                };
        final MemorySegment segment =
                MemorySegment.ofAddress(address).reinterpret(bytes, arena, ignored -> ended.run());
        return new Made(segment, arena);
    }
}
