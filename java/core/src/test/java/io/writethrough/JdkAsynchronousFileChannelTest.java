// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.OpenOption;
import java.util.Set;
import java.util.concurrent.ExecutorService;

/** The contract is what the JDK's channel does. */
class JdkAsynchronousFileChannelTest extends AsynchronousFileChannelContract {
    @Override
    AsynchronousFileChannel open(final Set<? extends OpenOption> options, final ExecutorService executor)
            throws IOException {
        return AsynchronousFileChannel.open(path, options, executor);
    }
}
