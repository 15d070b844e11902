// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import java.util.Map;
import java.util.TreeMap;

/**
 * Where entries are in the log, by their index: for each an LSN at or before its record, with no entry of a lower index
 * wanted in between. Gaps between indexes may be.
 */
final class EntryIndex {
    private static final int PAGE_BITS = 10;
    private static final int PAGE = 1 << PAGE_BITS;

    /** No entry, and no LSN. */
    static final long NONE = -1;

    /* An LSN is never 0. */
    private final TreeMap<Long, long[]> pages = new TreeMap<>();
    private long first = NONE;
    private long last = NONE;

    synchronized boolean isEmpty() {
        return first == NONE;
    }

    /** {@return the lowest index; NONE if there is no entry} */
    synchronized long first() {
        return first;
    }

    /** {@return the highest index; NONE if there is no entry} */
    synchronized long last() {
        return last;
    }

    synchronized void put(final long index, final long lsn) {
        pages.computeIfAbsent(index >> PAGE_BITS, page -> new long[PAGE])[(int) (index & PAGE - 1)] = lsn;
        first = first == NONE ? index : Math.min(first, index);
        last = Math.max(last, index);
    }

    /** {@return the LSN; NONE if there is no such entry} */
    synchronized long get(final long index) {
        final long[] page = pages.get(index >> PAGE_BITS);
        final long lsn = page == null ? 0 : page[(int) (index & PAGE - 1)];
        return lsn == 0 ? NONE : lsn;
    }

    /** {@return the lowest index that is not below this one; NONE if there is none} */
    synchronized long ceiling(final long index) {
        for (final Map.Entry<Long, long[]> page :
                pages.tailMap(index >> PAGE_BITS, true).entrySet()) {
            final long base = page.getKey() << PAGE_BITS;
            for (int i = (int) Math.max(0, index - base); i < PAGE; i++) {
                if (page.getValue()[i] != 0) {
                    return base + i;
                }
            }
        }
        return NONE;
    }

    /** {@return the highest index that is not above this one; NONE if there is none} */
    synchronized long floor(final long index) {
        for (final Map.Entry<Long, long[]> page :
                pages.headMap(index >> PAGE_BITS, true).descendingMap().entrySet()) {
            final long base = page.getKey() << PAGE_BITS;
            for (int i = (int) Math.min(PAGE - 1, index - base); i >= 0; i--) {
                if (page.getValue()[i] != 0) {
                    return base + i;
                }
            }
        }
        return NONE;
    }

    synchronized void dropBefore(final long index) {
        pages.headMap(index >> PAGE_BITS, false).clear();
        final long[] page = pages.get(index >> PAGE_BITS);
        for (int i = (int) (index & PAGE - 1) - 1; page != null && i >= 0; i--) {
            page[i] = 0;
        }
        first = ceiling(index);
        last = first == NONE ? NONE : last;
    }

    synchronized void dropAfter(final long index) {
        pages.tailMap(index >> PAGE_BITS, false).clear();
        final long[] page = pages.get(index >> PAGE_BITS);
        for (int i = (int) (index & PAGE - 1) + 1; page != null && i < PAGE; i++) {
            page[i] = 0;
        }
        last = floor(index);
        first = last == NONE ? NONE : first;
    }

    synchronized void clear() {
        pages.clear();
        first = NONE;
        last = NONE;
    }
}
