// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.file.OpenOption;

/**
 * An option of {@link WriteThroughEngine#open(java.nio.file.Path, Durability, OpenOption...) open}: the file grows
 * ahead of what is written, by this many bytes at a time. A write past the end of the file on disk first makes the
 * file longer, as {@link WriteThroughFile#allocate} does. The writes that follow are overwrites, which cost no commit
 * of the file system's journal. For a log that is appended to. The same goes for writes in sequence into a hole of the
 * file: a write that begins where the last one ended first fills so much of the hole with zeros.
 *
 * <p>{@link WriteThroughFile#size()} and reads know only what was written. Closing the file cuts off what was only
 * grown ahead. Other programs see the longer file while it is open.
 *
 * <p>After a crash that part is still there: the file is longer than what was written to it, by zeros and by parts of
 * writes that were not acknowledged. Opening the file takes all of that for the file. So the records of a log must
 * tell themselves from zeros and from torn records.
 *
 * <p>The option holds for the file, by whichever handle; the last open that has the option counts. If there is no
 * room to grow ahead, the file stops growing ahead. The option does nothing for a file that is opened for reading
 * alone, or without direct I/O.
 *
 * @param bytes how far to grow at a time, rounded up to pages of 4096; 0: not any more
 * @since 0.1
 */
public record GrowthAhead(long bytes) implements OpenOption {
    /**
     * Makes the option.
     *
     * @param bytes how far to grow at a time; 0: not any more
     * @throws IllegalArgumentException if bytes is negative
     */
    public GrowthAhead {
        if (bytes < 0) {
            throw new IllegalArgumentException("Negative bytes: " + bytes);
        }
    }
}
