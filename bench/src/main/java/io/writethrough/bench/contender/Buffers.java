// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;

/** Buffers of the contenders: all of one workload have the same kind, size and alignment. */
public final class Buffers {
    /** Enough for any device's direct I/O. */
    private static final int ALIGNMENT = 4096;

    private static volatile boolean ofOneByte;

    private Buffers() {}

    /**
     * From now on all buffers are full of zeros, and stay so: zram keeps a page of one repeated byte without compressing it, so
     * a disk of zram takes no time for such pages.
     */
    public static void useOneByte() {
        ofOneByte = true;
    }

    /** Whether all bytes that are written are the same. */
    static boolean areOfOneByte() {
        return ofOneByte;
    }

    /** Makes the bytes others than those that were written before, so that no way can skip them. */
    static void stamp(ByteBuffer buffer, long number) {
        if (!ofOneByte) {
            buffer.putLong(0, number);
        }
    }

    /** A direct buffer, aligned for direct I/O, full of bytes that do not compress, or see {@link #useOneByte}. */
    public static ByteBuffer source(int bytes) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes + 2 * ALIGNMENT)
                .alignedSlice(ALIGNMENT)
                .slice(0, bytes);
        if (!ofOneByte) {
            fill(buffer, bytes);
        }
        return buffer;
    }

    /** A buffer to read into. */
    public static ByteBuffer destination(int bytes, boolean direct) {
        return direct ? ByteBuffer.allocateDirect(bytes) : ByteBuffer.allocate(bytes);
    }

    private static void fill(ByteBuffer buffer, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i + Long.BYTES <= buffer.capacity(); i += Long.BYTES) {
            buffer.putLong(i, random.nextLong());
        }
    }

    /**
     * Reads the first spanBytes of a file once, as the kernel's page cache has the files that were made for its users: the first use of each page
     * of memory, which the operating system has to clear, is not part of an operation.
     */
    static void readOnce(WriteThroughFile file, long spanBytes) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 20);
        for (long offset = 0; offset < spanBytes; offset += buffer.position()) {
            file.read(buffer.clear(), offset);
        }
    }
}
