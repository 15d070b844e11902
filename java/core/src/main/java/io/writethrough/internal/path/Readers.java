// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.io.Closeable;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.ref.WeakReference;
import java.nio.channels.Channel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Channels and streams of the JDK that read files which a program commits at a force, or which grow ahead. They see what the
 * device has: where there is one, a write to its file is to return no sooner than the device has the bytes, and the file is not
 * to grow ahead.
 */
public final class Readers {
    private static final int FILES_BETWEEN_LOOKS = 256;

    /* By what names a file, however it is called. Guarded by itself. */
    private final Map<Object, List<WeakReference<Closeable>>> ofFiles = new HashMap<>();
    private int looked = FILES_BETWEEN_LOOKS;

    /** A file was opened for reading. Returns its key; null: it has been deleted meanwhile, and nobody can open it again. */
    public @Nullable Object add(final Closeable reader, final Path path) {
        final Object key = keyOf(path);
        if (key == null) {
            return null;
        }
        synchronized (ofFiles) {
            if (ofFiles.size() >= looked) {
                ofFiles.values().removeIf(readers -> !anyOpen(readers));
                looked = Math.max(2 * ofFiles.size(), FILES_BETWEEN_LOOKS);
            }
            final List<WeakReference<Closeable>> readers = ofFiles.computeIfAbsent(key, absent -> new ArrayList<>(1));
            readers.removeIf(Readers::isClosed);
            readers.add(new WeakReference<>(reader));
        }
        return key;
    }

    /** Whether somebody may read that file. */
    public boolean anyOf(final Path path) {
        synchronized (ofFiles) {
            if (ofFiles.isEmpty()) {
                return false;
            }
        }
        final Object key = keyOf(path);
        synchronized (ofFiles) {
            final List<WeakReference<Closeable>> readers = key == null ? null : ofFiles.get(key);
            final boolean any = readers != null && anyOpen(readers);
            if (!any && key != null) {
                ofFiles.remove(key);
            }
            return any;
        }
    }

    private static boolean anyOpen(final List<WeakReference<Closeable>> readers) {
        readers.removeIf(Readers::isClosed);
        return !readers.isEmpty();
    }

    private static boolean isClosed(final WeakReference<Closeable> reference) {
        final Closeable reader = reference.get();
        return reader == null || !isOpen(reader);
    }

    /* Other streams do not tell: they are open as long as they are reachable. */
    private static boolean isOpen(final Closeable reader) {
        try {
            if (reader instanceof FileInputStream stream) {
                return stream.getFD().valid();
            }
            if (reader instanceof RandomAccessFile file) {
                return file.getFD().valid();
            }
        } catch (final IOException e) {
            return false;
        }
        return !(reader instanceof Channel channel) || channel.isOpen();
    }

    private static @Nullable Object keyOf(final Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (final IOException e) {
            return null;
        }
    }
}
