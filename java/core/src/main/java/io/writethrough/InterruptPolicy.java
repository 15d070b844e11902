// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.channels.FileChannel;

/**
 * What happens to a {@link FileChannel} when a thread that uses it is interrupted.
 *
 * <p>An interrupt closes every {@code FileChannel} of the JDK, and with it the file of all other threads. A database
 * whose threads may be interrupted has to be built around that. Here it is a choice.
 *
 * @since 0.1
 */
public enum InterruptPolicy {
    /**
     * The operation goes on to its end, the channel stays open, and the thread stays interrupted. That also holds for {@link
     * FileChannel#lock(long, long, boolean)}, which waits until it has the lock or the channel is closed.
     */
    IGNORE,

    /**
     * As in the JDK: the channel and its file are closed, the thread stays interrupted, and the operation throws
     * {@link java.nio.channels.ClosedByInterruptException}, or {@link
     * java.nio.channels.FileLockInterruptionException} if the thread waited for a lock. The operation may have been
     * carried out anyway: a write that has begun goes on to the device.
     */
    CLOSE
}
