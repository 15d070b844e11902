// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package java.lang.foreign;

import java.nio.ByteBuffer;

/** A segment of memory, as far as a compiler of JDK 17 has to know. The JDK's own type takes its place when the program runs. */
public interface MemorySegment {
    long byteSize();

    MemorySegment asSlice(long offset, long newSize);

    ByteBuffer asByteBuffer();
}
