// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.Set;

/** A channel whose writes become stable at a force does what the JDK's does. */
class AtForceFileChannelTest extends FileChannelContract {
    @Override
    FileChannel openInterruptible(
            final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return WriteThroughFile.open(file, options, attributes).asFileChannel(InterruptPolicy.CLOSE, Commit.AT_FORCE);
    }

    @Override
    FileChannel open(final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return WriteThroughFile.open(file, options, attributes).asFileChannel(Commit.AT_FORCE);
    }
}
