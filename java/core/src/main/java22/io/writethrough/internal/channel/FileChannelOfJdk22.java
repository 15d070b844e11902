// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import io.writethrough.Commit;
import io.writethrough.InterruptPolicy;
import io.writethrough.internal.file.OpenFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The channel with the method that JDK 22 added. Nothing before JDK 22 loads this class. The build compiles it on every JDK,
 * against the types in src/main/java22-stubs.
 */
public final class FileChannelOfJdk22 extends WriteThroughFileChannel {
    public FileChannelOfJdk22(
            final OpenFile file, final InterruptPolicy policy, final Commit commit, final Closing closing) {
        super(file, policy, commit, closing);
    }

    /* As of FileChannel, whose method a compiler of JDK 17 does not know. */
    public MemorySegment map(final MapMode mode, final long at, final long size, final Arena arena)
            throws IOException {
        return (MemorySegment) mapSegment(mode, at, size, arena);
    }
}
