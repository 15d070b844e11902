// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.Closeable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** What the threads of a way opened each for itself. */
final class Closing implements Closeable {
    private final List<Closeable> opened = new ArrayList<>();

    synchronized <T extends Closeable> T add(T more) {
        opened.add(more);
        return more;
    }

    @Override
    public synchronized void close() throws IOException {
        for (Closeable one : opened) {
            one.close();
        }
    }
}
