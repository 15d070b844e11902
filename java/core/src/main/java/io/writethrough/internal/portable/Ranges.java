// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.util.Map;
import java.util.TreeMap;

/** Bytes of a file, as ranges that neither meet nor overlap. */
final class Ranges {
    /* From the first byte of each to the one behind its last. */
    private final TreeMap<Long, Long> ends = new TreeMap<>();

    boolean isEmpty() {
        return ends.isEmpty();
    }

    boolean contains(final long position) {
        final Map.Entry<Long, Long> before = ends.floorEntry(position);
        return before != null && before.getValue() > position;
    }

    void add(final long start, final long end) {
        if (start >= end) {
            return;
        }
        long first = start;
        long last = end;
        Map.Entry<Long, Long> before = ends.floorEntry(last);
        while (before != null && before.getValue() >= first) {
            first = Math.min(first, before.getKey());
            last = Math.max(last, before.getValue());
            ends.remove(before.getKey());
            before = ends.floorEntry(last);
        }
        ends.put(first, last);
    }

    void addAll(final Ranges others) {
        others.ends.forEach(this::add);
    }

    void remove(final long start, final long end) {
        if (start >= end) {
            return;
        }
        Map.Entry<Long, Long> before = ends.lowerEntry(end);
        while (before != null && before.getValue() > start) {
            ends.remove(before.getKey());
            add(before.getKey(), start);
            add(end, before.getValue());
            before = ends.lowerEntry(end);
        }
    }

    void removeAll(final Ranges others) {
        others.ends.forEach(this::remove);
    }

    @Override
    public String toString() {
        return ends.toString();
    }
}
