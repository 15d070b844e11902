// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.writethrough.WriteThroughFile;
import java.io.IOException;

/**
 * Writes zeros ahead of a journal's end, so that what the journal writes are overwrites. Nothing depends on the zeros: a
 * journal that reaches their end makes the file longer by its own writes, and only takes longer.
 */
final class ZerosAhead {
    private static final System.Logger LOGGER = System.getLogger(ZerosAhead.class.getPackageName());

    /* What the creation of a journal waits for. */
    private static final long FIRST_BYTES = 1 << 20;

    private final WriteThroughFile file;
    private final long segmentBytes;
    private final long limit;

    /* Where the zeros end that are written or under way. */
    private long end;

    /* Where the journal is when the next segment begins; never, while one is under way. */
    private volatile long nextAt = Long.MAX_VALUE;

    /** No segment begins at or behind the limit. */
    ZerosAhead(final WriteThroughFile file, final long segmentBytes, final long limit) {
        this.file = file;
        this.segmentBytes = segmentBytes;
        this.limit = limit;
    }

    /** Writes the first zeros, and starts a thread for the rest of their segment. */
    void begin() {
        end = Math.min(FIRST_BYTES, segmentBytes);
        if (zero(0, end)) {
            extend(segmentBytes);
        }
    }

    /** The journal has been written up to here. */
    void written(final long position) {
        if (position >= nextAt) {
            extend(end + segmentBytes);
        }
    }

    /* By the journal's thread. */
    private void extend(final long newEnd) {
        if (end >= limit) {
            nextAt = Long.MAX_VALUE;
            return;
        }
        final long from = end;
        end = newEnd;
        nextAt = Long.MAX_VALUE;
        final Thread thread = new Thread(
                () -> zeroSegment(from, newEnd), "journal zeros " + file.path().getFileName());
        thread.setDaemon(true);
        thread.start();
    }

    private void zeroSegment(final long from, final long to) {
        if (zero(from, to)) {
            nextAt = to - segmentBytes / 2;
        }
    }

    /** Whether the zeros are there. */
    private boolean zero(final long from, final long to) {
        try {
            file.allocate(from, to - from);
            return true;
        } catch (final IOException e) {
            if (file.isOpen()) {
                LOGGER.log(System.Logger.Level.WARNING, "No zeros ahead in " + file.path() + " any more", e);
            }
            return false;
        }
    }
}
