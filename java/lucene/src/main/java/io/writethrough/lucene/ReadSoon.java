// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.lucene.util.IOUtils;
import org.jspecify.annotations.Nullable;

/**
 * Files that were written and will be read soon, held open until then: the cache has the bytes of open files alone. Of many the
 * oldest is let go.
 */
final class ReadSoon implements Closeable {
    private static final int MOST = 64;

    private final WriteThroughEngine engine;
    private final Map<String, WriteThroughFile> files = new LinkedHashMap<>();
    private boolean closed;

    ReadSoon(final WriteThroughEngine engine) {
        this.engine = engine;
    }

    /** Holds a file open, which is open now; unless that fails, with too many files open say: then the device is read. */
    void keep(final String name, final WriteThroughFile file) throws IOException {
        final WriteThroughFile own;
        try {
            own = engine.open(file.path(), StandardOpenOption.READ);
        } catch (final IOException e) {
            return;
        }
        final List<WriteThroughFile> past = new ArrayList<>();
        synchronized (this) {
            past.add(closed ? own : files.put(name, own));
            if (files.size() > MOST) {
                final Iterator<WriteThroughFile> oldest = files.values().iterator();
                past.add(oldest.next());
                oldest.remove();
            }
        }
        IOUtils.close(past);
    }

    /** Holds the file of this name no more. */
    void letGo(final String name) throws IOException {
        final @Nullable WriteThroughFile file;
        synchronized (this) {
            file = files.remove(name);
        }
        IOUtils.close(file);
    }

    @Override
    public void close() throws IOException {
        final List<WriteThroughFile> all;
        synchronized (this) {
            closed = true;
            all = new ArrayList<>(files.values());
            files.clear();
        }
        IOUtils.close(all);
    }
}
