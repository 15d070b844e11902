// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.file.OpenOption;

/**
 * When the writes of an open file become stable that name no {@link Durability} of their own. An option of {@link
 * WriteThroughEngine#open(java.nio.file.Path, OpenOption...) open}, and of {@link WriteThroughFile#asFileChannel(Commit)}.
 * Handles of both kinds may be open on one file at a time: each keeps its contract.
 *
 * @since 0.1
 */
public enum Commit implements OpenOption {
    /**
     * A write is as durable as the file asks when it returns. The default, and what every file is that was opened with
     * {@link java.nio.file.StandardOpenOption#SYNC SYNC} or {@link java.nio.file.StandardOpenOption#DSYNC DSYNC}.
     */
    EACH_WRITE,

    /**
     * A write returns when its bytes are in the cache, and {@link WriteThroughFile#force()} makes stable all that was
     * written before: the contract of {@link java.nio.channels.FileChannel} and of POSIX. For programs that write many
     * times and force once. {@link WriteThroughFile#writeLater(java.nio.ByteBuffer, long)} says what holds until the force.
     *
     * <p><b>A new file</b> is not durable when {@code open} returns, but by the first force, as with the JDK: on ext4, xfs
     * and btrfs with its name; POSIX asks for a force of the directory too. With {@link #EACH_WRITE} the file is durable
     * when {@code open} returns.
     *
     * <p><b>A new size</b> by {@link WriteThroughFile#truncate(long)} is durable with the next force, as with the JDK; when
     * {@code truncate} returns, if anything but a force has made bytes of the file durable since the file was opened. The
     * same holds for {@link java.nio.file.StandardOpenOption#TRUNCATE_EXISTING TRUNCATE_EXISTING}.
     *
     * <p><b>Closing</b> makes nothing durable, and may leave up to 64 KiB of what has grown the file in the kernel's page
     * cache: the next force of the file covers them, also on another channel. A file of at most 64 KiB that is opened for
     * reading alone is read through that cache, and as long as it is open so, each write to it is durable by itself.
     *
     * <p><b>A killed process.</b> The kernel keeps what was written by a channel of the JDK when a process is killed, also
     * without a force. Here the kernel has what left the cache: all that was written more than a millisecond ago, as long
     * as threads of the process run when they are due and no earlier I/O on the same block is in flight. What was written
     * in the last moment before may be lost. Of two writes to one block the later one is never kept without the earlier
     * one.
     *
     * <p><b>Asynchronous writes</b> are not meant: a future, or a handler of an {@link
     * java.nio.channels.AsynchronousFileChannel}, completes when the bytes are as durable as the file asks.
     *
     * <p>On a file without direct I/O ({@link StorageProfile#writePath()}) each write is durable all the same.
     */
    AT_FORCE
}
