// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A page cache as a database writes one for itself: stripes, each a map in the order of use under a lock of its own, from
 * which the page longest unused goes. The lock is held over the I/O, so that no reader fills in what a writer has replaced.
 */
final class HandMadeCache {
    private static final int STRIPES = 64;

    /** I/O of one page. */
    @FunctionalInterface
    interface Transfer {
        int of(ByteBuffer page, long offset) throws IOException;
    }

    private static final class Stripe {
        private final Map<Long, byte[]> pages = new LinkedHashMap<>(16, 0.75f, true);
    }

    private final Stripe[] stripes = new Stripe[STRIPES];
    private final int pagesPerStripe;
    private final int bytes;

    HandMadeCache(int pages, int bytes) {
        this.pagesPerStripe = Math.max(1, pages / STRIPES);
        this.bytes = bytes;
        for (int i = 0; i < STRIPES; i++) {
            stripes[i] = new Stripe();
        }
    }

    private Stripe stripe(long offset) {
        return stripes[(int) ((offset / bytes * 0x9E3779B97F4A7C15L) >>> 58)];
    }

    int read(ByteBuffer destination, long offset, Transfer miss) throws IOException {
        Stripe stripe = stripe(offset);
        synchronized (stripe) {
            byte[] page = stripe.pages.get(offset);
            if (page != null) {
                destination.put(page);
                return bytes;
            }
            int begin = destination.position();
            int count = miss.of(destination, offset);
            if (count == bytes) {
                byte[] memory = room(stripe);
                destination.get(begin, memory);
                stripe.pages.put(offset, memory);
            }
            return count;
        }
    }

    int write(ByteBuffer source, long offset, Transfer through) throws IOException {
        Stripe stripe = stripe(offset);
        synchronized (stripe) {
            int begin = source.position();
            // What a failed write leaves on the disk is unknown.
            byte[] memory = stripe.pages.remove(offset);
            int count = through.of(source, offset);
            if (count == bytes) {
                memory = memory != null ? memory : room(stripe);
                source.get(begin, memory);
                stripe.pages.put(offset, memory);
            }
            return count;
        }
    }

    /** Memory for one more page: of the one longest unused, when there are enough. */
    private byte[] room(Stripe stripe) {
        if (stripe.pages.size() < pagesPerStripe) {
            return new byte[bytes];
        }
        Map.Entry<Long, byte[]> oldest = stripe.pages.entrySet().iterator().next();
        stripe.pages.remove(oldest.getKey());
        return oldest.getValue();
    }
}
