// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.path.WriteThroughPath;
import io.writethrough.internal.path.WriteThroughWatchService;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file system over another, the default one: with the same files, whose channels and streams are written through. So a
 * program moves to this library by the path it is given:
 *
 * <pre>{@code
 * Path data = WriteThroughFileSystem.path(Path.of("data"));
 * FileChannel channel = FileChannel.open(data.resolve("log"), CREATE, WRITE);   // every write is durable on return
 * }</pre>
 *
 * <p>What goes to an engine is {@code newFileChannel}, {@code newByteChannel}, {@code newAsynchronousFileChannel}, {@code
 * newInputStream} and {@code newOutputStream} of {@link java.nio.file.Files} and of the channels, for regular files that {@link
 * Builder#paths} and {@link Builder#passBy} say. Everything else is the business of the file system beneath: directories,
 * attributes, links, copies and moves, files that are not regular, and what is in {@code /proc} and {@code /sys}. Options and
 * failures are those of {@link WriteThroughEngine#open(Path, Set, java.nio.file.attribute.FileAttribute...)}; channels are
 * those of {@link WriteThroughFile#asFileChannel(InterruptPolicy)}.
 *
 * <p><b>One way to a file.</b> While a file is open here, no other means may write to it: not {@code java.io}, which knows no
 * file systems, not a path of the file system beneath, and not a link to it that a pattern passes by. What they write may
 * not be seen, or be written over. For that reason these paths have no {@link Path#toFile()}, unless the file system is the
 * default one. Reading by other means is safe: what a write that returned has written is seen.
 *
 * <p><b>Paths.</b> They mix with those of the file system beneath: a path of either kind may be resolved, relativized and
 * compared ({@code startsWith}, {@link java.nio.file.Files#isSameFile isSameFile} with the path of this kind first) against
 * the other; copying and moving between them works too. They are not {@code equal}. Directory streams are not secure ones.
 *
 * <p>To have all of a program's files written through without changing it, see {@link WriteThroughFileSystemProvider}.
 *
 * @since 0.1
 */
public final class WriteThroughFileSystem extends FileSystem {
    private final WriteThroughFileSystemProvider provider;
    private final FileSystem beneath;
    private final WriteThroughPath.Owner owner = new WriteThroughPath.Owner() {
        @Override
        public FileSystem fileSystem() {
            return WriteThroughFileSystem.this;
        }

        @Override
        public URI toUri(final Path path) {
            return provider.toUri(path);
        }
    };

    WriteThroughFileSystem(final WriteThroughFileSystemProvider provider, final FileSystem beneath) {
        this.provider = provider;
        this.beneath = beneath;
    }

    /* Not before it is asked for: the default file system may be in the making. */
    private static final class Shared {
        static final WriteThroughFileSystem FILE_SYSTEM = builder().build();
    }

    /** {@return the file system of {@link #path(Path)}: on the shared engine, for every path} */
    public static WriteThroughFileSystem shared() {
        return Shared.FILE_SYSTEM;
    }

    /**
     * The same path, of a file that is written through by the {@link WriteThroughEngine#shared() shared engine}.
     *
     * @param path a path of the default file system
     * @return the path in {@link #shared()}
     * @throws java.nio.file.ProviderMismatchException if the path is of any other file system
     */
    public static Path path(final Path path) {
        return shared().wrap(path);
    }

    /**
     * The start of a file system with options of its own.
     *
     * @return a builder with the defaults
     */
    public static Builder builder() {
        return Builder.DEFAULTS;
    }

    /**
     * The same path in this file system.
     *
     * @param path a path of the file system beneath, or of another one of this kind
     * @return the path here
     * @throws java.nio.file.ProviderMismatchException if the path is of any other file system
     */
    public Path wrap(final Path path) {
        final Path unwrapped = unwrap(path);
        if (unwrapped.getFileSystem() != beneath) {
            throw WriteThroughFileSystemProvider.mismatch(path);
        }
        return wrapBeneath(unwrapped);
    }

    /**
     * The same path in the file system beneath.
     *
     * @param path a path
     * @return the path beneath; a path that is not of a file system of this kind as it is
     */
    public static Path unwrap(final Path path) {
        return WriteThroughPath.unwrap(Objects.requireNonNull(path));
    }

    Path wrapBeneath(final Path path) {
        return WriteThroughPath.wrap(owner, path);
    }

    FileSystem beneath() {
        return beneath;
    }

    @Override
    public WriteThroughFileSystemProvider provider() {
        return provider;
    }

    /**
     * Refuses: the file system is there as long as the process.
     *
     * @throws UnsupportedOperationException always
     */
    @Override
    public void close() {
        throw new UnsupportedOperationException("the file system is there as long as the process: close its files");
    }

    @Override
    public boolean isOpen() {
        return true;
    }

    @Override
    public boolean isReadOnly() {
        return beneath.isReadOnly();
    }

    @Override
    public String getSeparator() {
        return beneath.getSeparator();
    }

    @Override
    public Iterable<Path> getRootDirectories() {
        final List<Path> roots = new ArrayList<>();
        for (final Path root : beneath.getRootDirectories()) {
            roots.add(wrapBeneath(root));
        }
        return List.copyOf(roots);
    }

    @Override
    public Iterable<FileStore> getFileStores() {
        return beneath.getFileStores();
    }

    @Override
    public Set<String> supportedFileAttributeViews() {
        return beneath.supportedFileAttributeViews();
    }

    @Override
    public Path getPath(final String first, final String... more) {
        return wrapBeneath(beneath.getPath(first, more));
    }

    @Override
    public PathMatcher getPathMatcher(final String syntaxAndPattern) {
        final PathMatcher matcher = beneath.getPathMatcher(syntaxAndPattern);
        return path -> matcher.matches(WriteThroughPath.unwrap(path));
    }

    @Override
    public UserPrincipalLookupService getUserPrincipalLookupService() {
        return beneath.getUserPrincipalLookupService();
    }

    @Override
    public WatchService newWatchService() throws IOException {
        return new WriteThroughWatchService(owner, beneath.newWatchService());
    }

    /**
     * Options of a file system. A builder is immutable: each method returns another one.
     *
     * @since 0.1
     */
    public static final class Builder {
        private static final Builder DEFAULTS = new Builder(null, null, null, InterruptPolicy.IGNORE);

        private final @Nullable WriteThroughEngine engine;
        private final @Nullable String paths;
        private final @Nullable String passBy;
        private final InterruptPolicy interrupts;

        private Builder(
                final @Nullable WriteThroughEngine engine,
                final @Nullable String paths,
                final @Nullable String passBy,
                final InterruptPolicy interrupts) {
            this.engine = engine;
            this.paths = paths;
            this.passBy = passBy;
            this.interrupts = interrupts;
        }

        /**
         * The engine on which files are opened.
         *
         * @param wanted {@link WriteThroughEngine#shared()} by default; it is not closed with the file system
         * @return a builder with this value
         */
        public Builder engine(final WriteThroughEngine wanted) {
            return new Builder(Objects.requireNonNull(wanted), paths, passBy, interrupts);
        }

        /**
         * Which paths are written through. The others pass by: their channels are those of the file system beneath.
         *
         * @param pattern {@code glob:...} or {@code regex:...}, as {@link FileSystem#getPathMatcher} takes it; it sees the
         *     absolute, normalized path and resolves no links. Every path by default
         * @return a builder with this value
         */
        public Builder paths(final String pattern) {
            return new Builder(engine, Objects.requireNonNull(pattern), passBy, interrupts);
        }

        /**
         * Which paths pass by although {@link #paths} has them.
         *
         * @param pattern as there; none by default
         * @return a builder with this value
         */
        public Builder passBy(final String pattern) {
            return new Builder(engine, paths, Objects.requireNonNull(pattern), interrupts);
        }

        /**
         * What the interrupt of a thread does to a channel that it uses. Streams know no interrupts, as those of the JDK.
         *
         * @param policy {@link InterruptPolicy#IGNORE} by default
         * @return a builder with this value
         */
        public Builder interrupts(final InterruptPolicy policy) {
            return new Builder(engine, paths, passBy, Objects.requireNonNull(policy));
        }

        /**
         * Makes a file system with these options over the default one.
         *
         * @return a new file system
         * @throws IllegalArgumentException if a pattern is none
         */
        public WriteThroughFileSystem build() {
            return WriteThroughFileSystemProvider.overDefault(engine, paths, passBy, interrupts);
        }
    }
}
