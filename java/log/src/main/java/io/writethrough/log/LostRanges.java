// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * The ranges of LSNs whose appends have failed, all of them: 16 bytes each, and ranges that meet are one. Why an append failed
 * is kept for the newest ranges.
 */
final class LostRanges {
    private static final int MOST_REASONS = 1024;

    /* Where each range begins and ends, in order. */
    private long[] bounds = new long[16];
    private int count;
    private final Deque<Reason> reasons = new ArrayDeque<>();

    private record Reason(long from, long to, Throwable why) {}

    boolean isEmpty() {
        return count == 0;
    }

    /** Behind all that were added before. What may fail for want of memory comes first, so that it can be done again. */
    void add(final long from, final long to, final Throwable why) {
        if (count == bounds.length) {
            bounds = Arrays.copyOf(bounds, 2 * count);
        }
        reasons.add(new Reason(from, to, why));
        if (reasons.size() > MOST_REASONS) {
            reasons.remove();
        }
        if (count > 0 && bounds[count - 1] == from) {
            bounds[count - 1] = to;
        } else {
            bounds[count++] = from;
            bounds[count++] = to;
        }
    }

    /** Forgets what there is from an LSN on. */
    void cut(final long end) {
        reasons.removeIf(reason -> reason.from >= end);
        while (count > 0 && bounds[count - 2] >= end) {
            count -= 2;
        }
        if (count > 0) {
            bounds[count - 1] = Math.min(bounds[count - 1], end);
        }
    }

    /** Why the append with this LSN failed; null if it did not. */
    @Nullable
    Throwable why(final long lsn) {
        final int found = Arrays.binarySearch(bounds, 0, count, lsn);
        final int before = found >= 0 ? found : -found - 2; // the last bound that is not behind the LSN
        if (before < 0 || before % 2 == 1) {
            return null;
        }
        for (final Reason reason : reasons) {
            if (lsn >= reason.from && lsn < reason.to) {
                return reason.why;
            }
        }
        return new IOException("append to the log: the record at LSN " + lsn
                + " is not durable, since a write failed. So many failed later that the reason is forgotten");
    }
}
