// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import java.io.IOException;
import java.nio.file.Path;

/** What the kernel holds of a file in its page cache. */
final class PageCache {
    private static final int READ_ONLY = 0;
    private static final int POSIX_FADV_DONTNEED = 4;

    static {
        Native.register(PageCache.class, "c");
    }

    private PageCache() {}

    private static native int open(String path, int flags) throws LastErrorException;

    private static native int close(int descriptor) throws LastErrorException;

    private static native int posix_fadvise(int descriptor, long offset, long length, int advice);

    /** Drops all of a file that is durable, so that the next read of it comes from the disk. */
    static void drop(Path path) throws IOException {
        try {
            int descriptor = open(path.toString(), READ_ONLY);
            int error = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
            close(descriptor);
            if (error != 0) {
                throw new IOException(path + ": posix_fadvise: errno " + error);
            }
        } catch (LastErrorException e) {
            throw new IOException(path + ": " + e.getMessage(), e);
        }
    }
}
