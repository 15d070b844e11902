// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Where entries are in the log, by their index: for each an LSN at or before its record, with no entry of a lower index
 * wanted in between. Gaps between indexes may be.
 *
 * <p>Each entry that was put has a place of its own. Of older entries, those of {@link #begin}, only some have, the points. What
 * is between two points has to be looked for behind the first of them, and may not be there.
 */
final class EntryIndex {
    private static final int PAGE_BITS = 10;
    private static final int PAGE = 1 << PAGE_BITS;

    /** No entry, and no LSN. */
    static final long NONE = -1;

    /* Bytes of the log from one point to the next, at least. */
    private final long betweenPoints;

    /* An LSN is never 0. */
    private final TreeMap<Long, long[]> pages = new TreeMap<>();

    /* Of older and newer entries, of the first one too. The first entry behind a point's LSN has no higher index than the point. */
    private final TreeMap<Long, Long> points = new TreeMap<>();

    /* The last of the older entries; NONE: there are none. */
    private long lastOlder = NONE;
    private long first = NONE;
    private long last = NONE;

    EntryIndex(final long betweenPoints) {
        this.betweenPoints = betweenPoints;
    }

    /** There are these older entries. */
    synchronized void begin(final long firstIndex, final long lastIndex, final Map<Long, Long> somePoints) {
        clear();
        points.putAll(somePoints);
        first = firstIndex;
        last = lastIndex;
        lastOlder = lastIndex;
    }

    /** {@return some entries, in order, as {@link #begin} takes them} */
    synchronized NavigableMap<Long, Long> points() {
        return new TreeMap<>(points);
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
        if (points.isEmpty() || lsn - points.lastEntry().getValue() >= betweenPoints) {
            points.put(index, lsn);
        }
    }

    private long placeOf(final long index) {
        final long[] page = pages.get(index >> PAGE_BITS);
        return page == null ? 0 : page[(int) (index & PAGE - 1)];
    }

    /** {@return the LSN; NONE if there is no such entry} */
    synchronized long get(final long index) {
        final long lsn = placeOf(index);
        if (lsn != 0) {
            return lsn;
        }
        return isOlder(index) ? points.floorEntry(index).getValue() : NONE;
    }

    /** Whether an entry, if it is there, has to be looked for behind a point. */
    synchronized boolean isOlder(final long index) {
        return index >= first && index <= lastOlder && placeOf(index) == 0;
    }

    /** {@return the index of the point before an older entry} */
    synchronized long pointOf(final long index) {
        return points.floorKey(index);
    }

    /** {@return the lowest index that is not below this one, and not older; NONE if there is none} */
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

    /** {@return the highest index that is not above this one, which is not older; NONE if there is none} */
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
        return lastOlder <= index ? lastOlder : NONE;
    }

    /** The index is not of an older entry. */
    synchronized void dropBefore(final long index) {
        if (index <= first) {
            return;
        }
        pages.headMap(index >> PAGE_BITS, false).clear();
        final long[] page = pages.get(index >> PAGE_BITS);
        for (int i = (int) (index & PAGE - 1) - 1; page != null && i >= 0; i--) {
            page[i] = 0;
        }
        lastOlder = NONE;
        points.headMap(index, false).clear();
        first = ceiling(index);
        last = first == NONE ? NONE : last;
        if (first != NONE) {
            points.put(first, placeOf(first));
        }
    }

    /** The index is of an older entry, whose record has the LSN. */
    synchronized void dropOlderBefore(final long index, final long lsn) {
        points.headMap(index, true).clear();
        points.put(index, lsn);
        first = index;
    }

    /** The index is not of an older entry, or of the last of them. */
    synchronized void dropAfter(final long index) {
        pages.tailMap(index >> PAGE_BITS, false).clear();
        final long[] page = pages.get(index >> PAGE_BITS);
        for (int i = (int) (index & PAGE - 1) + 1; page != null && i < PAGE; i++) {
            page[i] = 0;
        }
        points.tailMap(index, false).clear();
        lastOlder = index < first ? NONE : lastOlder;
        last = floor(index);
        first = last == NONE ? NONE : first;
    }

    synchronized void clear() {
        pages.clear();
        points.clear();
        lastOlder = NONE;
        first = NONE;
        last = NONE;
    }
}
