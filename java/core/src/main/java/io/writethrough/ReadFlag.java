// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * How a read is to be done. Where the kernel has the cache the flags have no effect: for a file without direct I/O ({@link
 * StorageProfile#writePath()}), and while a file is mapped for writing.
 *
 * @since 0.1.0
 */
public enum ReadFlag {
    /* The order of the constants is the order of their bits in writethrough.h. */

    /**
     * The read waits for no device. The read ends before the first byte that is not cached, and then returns less than was asked
     * for. It fails with {@code EAGAIN} if that is the first byte of the read.
     */
    NOWAIT,

    /**
     * What the read brings into the cache leaves the cache when the read returns: pages that were missing, and pages that
     * were {@linkplain WriteThroughFile#prefetch(long, long) prefetched} or read ahead and that nobody has read before. Pages
     * that were cached otherwise stay, and so do pages with other I/O on them. For bytes that will not be read again soon.
     */
    DONTCACHE,

    /**
     * The I/O of the read has the highest priority that needs no privilege, as of a write with {@link WriteFlag#HIGH_PRIORITY}.
     */
    HIGH_PRIORITY,

    /**
     * The read is one of many that go on where the one before ended. What follows is read ahead from the first of them on,
     * and each page leaves the cache as with {@link #DONTCACHE}, but only when a read has come to the end of the page, or of
     * the file. For scans, copies and compactions.
     */
    SEQUENTIAL
}
