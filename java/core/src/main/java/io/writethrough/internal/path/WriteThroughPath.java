// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/** A path of the file system beneath, in a file system of this library. Paths of the two may be mixed as arguments. */
public final class WriteThroughPath implements Path {
    private final Owner owner;
    private final Path path;

    /** What a path needs of its file system. */
    public interface Owner {
        FileSystem fileSystem();

        /** The URI of a path beneath. */
        URI toUri(Path beneath);
    }

    private WriteThroughPath(final Owner owner, final Path path) {
        this.owner = owner;
        this.path = path;
    }

    /** A path beneath, in a file system. */
    public static Path wrap(final Owner owner, final Path beneath) {
        return new WriteThroughPath(owner, beneath);
    }

    /** The path beneath; any other path as it is. */
    public static Path unwrap(final Path path) {
        return path instanceof WriteThroughPath wrapped ? wrapped.path : path;
    }

    private Path wrap(final Path beneath) {
        return wrap(owner, beneath);
    }

    private @Nullable Path wrapOrNull(final @Nullable Path beneath) {
        return beneath == null ? null : wrap(beneath);
    }

    @Override
    public FileSystem getFileSystem() {
        return owner.fileSystem();
    }

    @Override
    public boolean isAbsolute() {
        return path.isAbsolute();
    }

    @Override
    public @Nullable Path getRoot() {
        return wrapOrNull(path.getRoot());
    }

    @Override
    public @Nullable Path getFileName() {
        return wrapOrNull(path.getFileName());
    }

    @Override
    public @Nullable Path getParent() {
        return wrapOrNull(path.getParent());
    }

    @Override
    public int getNameCount() {
        return path.getNameCount();
    }

    @Override
    public Path getName(final int index) {
        return wrap(path.getName(index));
    }

    @Override
    public Path subpath(final int begin, final int end) {
        return wrap(path.subpath(begin, end));
    }

    @Override
    public boolean startsWith(final Path other) {
        return path.startsWith(unwrap(other));
    }

    @Override
    public boolean endsWith(final Path other) {
        return path.endsWith(unwrap(other));
    }

    @Override
    public Path normalize() {
        return wrap(path.normalize());
    }

    @Override
    public Path resolve(final Path other) {
        return wrap(path.resolve(unwrap(other)));
    }

    @Override
    public Path relativize(final Path other) {
        return wrap(path.relativize(unwrap(other)));
    }

    @Override
    public URI toUri() {
        return owner.toUri(path);
    }

    @Override
    public Path toAbsolutePath() {
        return path.isAbsolute() ? this : wrap(path.toAbsolutePath());
    }

    @Override
    public Path toRealPath(final LinkOption... options) throws IOException {
        return wrap(path.toRealPath(options));
    }

    @Override
    public WatchKey register(
            final WatchService watcher, final WatchEvent.Kind<?>[] events, final WatchEvent.Modifier... modifiers)
            throws IOException {
        if (!(watcher instanceof WriteThroughWatchService service)) {
            return path.register(watcher, events, modifiers);
        }
        return service.wrap(path.register(service.beneath(), events, modifiers));
    }

    @Override
    public Iterator<Path> iterator() {
        final Iterator<Path> names = path.iterator();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return names.hasNext();
            }

            @Override
            public Path next() {
                return wrap(names.next());
            }
        };
    }

    @Override
    public int compareTo(final Path other) {
        return path.compareTo(((WriteThroughPath) other).path);
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof WriteThroughPath that && owner == that.owner && path.equals(that.path);
    }

    @Override
    public int hashCode() {
        return path.hashCode();
    }

    @Override
    public String toString() {
        return path.toString();
    }
}
