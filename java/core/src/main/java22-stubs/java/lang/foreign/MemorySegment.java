// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package java.lang.foreign;

import java.nio.ByteBuffer;
import java.util.function.Consumer;

/** A segment of memory, as far as a compiler of JDK 17 has to know. The JDK's own type takes its place when the program runs. */
public interface MemorySegment {
    static MemorySegment ofAddress(final long address) {
        throw new AssertionError();
    }

    long byteSize();

    MemorySegment asSlice(long offset, long newSize);

    ByteBuffer asByteBuffer();

    MemorySegment reinterpret(long newSize, Arena arena, Consumer<MemorySegment> cleanup);
}
