// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.util.Set;

/** The contract is what the JDK's channel does. */
class JdkFileChannelTest extends FileChannelContract {
    @Override
    FileChannel openInterruptible(
            final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return FileChannel.open(file, options, attributes);
    }

    @Override
    FileChannel open(final Path file, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return FileChannel.open(file, options, attributes);
    }
}
