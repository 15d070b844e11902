// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;

/** A lock that the JDK holds, as one acquired by a channel of this library. */
public final class WriteThroughFileLock extends FileLock {
    private final FileLock lock;

    WriteThroughFileLock(final FileChannel channel, final FileLock lock) {
        super(channel, lock.position(), lock.size(), lock.isShared());
        this.lock = lock;
    }

    WriteThroughFileLock(final AsynchronousFileChannel channel, final FileLock lock) {
        super(channel, lock.position(), lock.size(), lock.isShared());
        this.lock = lock;
    }

    @Override
    public boolean isValid() {
        return lock.isValid();
    }

    @Override
    public void release() throws IOException {
        if (!acquiredBy().isOpen()) {
            throw new ClosedChannelException();
        }
        lock.release();
    }
}
