// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.OpenOption;
import java.util.Set;
import java.util.concurrent.ExecutorService;

/** A channel that AsynchronousFileChannel.open makes of a path of this library's file system. */
class FileSystemAsynchronousFileChannelTest extends AsynchronousFileChannelContract {
    @Override
    AsynchronousFileChannel open(final Set<? extends OpenOption> options, final ExecutorService executor)
            throws IOException {
        return AsynchronousFileChannel.open(WriteThroughFileSystem.path(path), options, executor);
    }
}
