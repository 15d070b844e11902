// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.path.OpenRules.Setting;
import io.writethrough.internal.path.WriteThroughPath;
import io.writethrough.internal.path.WriteThroughWatchService;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A file system over the default one, with the same files. The library writes through the channels and streams of this
 * file system: each write is on stable storage when the write returns. So a program changes to this library by the
 * paths that it uses:
 *
 * <pre>{@code
 * Path data = WriteThroughFileSystem.path(Path.of("data"));
 * FileChannel channel = FileChannel.open(data.resolve("log"), CREATE, WRITE);   // each write is durable at return
 * }</pre>
 *
 * <p><b>What an engine does.</b> {@code newFileChannel}, {@code newByteChannel}, {@code newAsynchronousFileChannel},
 * {@code newInputStream} and {@code newOutputStream} of {@link java.nio.file.Files} and of the channels, for the
 * regular files that {@link Builder#paths} and {@link Builder#passBy} choose. A file that is opened for reading alone is the
 * engine's as long as it is open for writing there, and always if {@link Builder#cacheReads} has it. Otherwise the file
 * system beneath opens it: such a channel can be mapped with any arena, has a descriptor, and sees what other programs write.
 * Options, and exceptions of an open, are
 * those of {@link WriteThroughEngine#open(Path, Set, java.nio.file.attribute.FileAttribute...)}. Durability, exceptions
 * of a write, and the use of buffers are those of {@link WriteThroughFile#asFileChannel(InterruptPolicy)}. No position,
 * length or buffer address needs an alignment.
 *
 * <p><b>What the file system beneath does.</b> Everything else, with the durability of the file system beneath:
 * attributes, deletions, files that are not regular, and everything in {@code /proc} and {@code /sys}. But where each write is
 * durable, so are copies, moves, links and new directories when the call returns, by fsync(2) of the file and of the
 * directories: not where {@link Builder#commitAtForce} has the target. Sizes are those that the writer sees, also where bytes
 * wait for a force or the file grows ahead; {@link java.io.File#length()} asks the kernel, and may tell another size there.
 *
 * <p><b>One way to a file.</b> While a file is open here, nothing else may write to the file: not {@code java.io},
 * which uses no file system; not a path of the file system beneath; not a link to the file that a pattern passes by.
 * The engine may not see such a write, or may overwrite it. For that reason {@link Path#toFile()} throws {@link
 * UnsupportedOperationException}, unless this file system is the default one. Other means may read the file: they see
 * each write that returned.
 *
 * <p><b>Paths.</b> A path of either kind may be resolved, relativized and compared ({@code startsWith}) against a path
 * of the other kind, and {@link java.nio.file.Files#isSameFile isSameFile} takes both if the path of this kind is the
 * first. Copies and moves between the two work. Two paths of different kinds are never {@code equal}. Directory streams
 * are not secure ones.
 *
 * <p>{@link WriteThroughFileSystemProvider} writes all files of a program through, without a change of the program.
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

    /** {@return the file system of {@link #path(Path)}: all paths, on the shared engine, which the first open makes} */
    public static WriteThroughFileSystem shared() {
        return Shared.FILE_SYSTEM;
    }

    /**
     * The same path, in a file system on the {@link WriteThroughEngine#shared() shared engine}. This opens nothing.
     *
     * @param path a path of the default file system
     * @return the path in {@link #shared()}
     * @throws java.nio.file.ProviderMismatchException if the path is of another file system
     */
    public static Path path(final Path path) {
        return shared().wrap(path);
    }

    /**
     * The default options of a file system.
     *
     * @return a builder with the defaults
     */
    public static Builder builder() {
        return Builder.DEFAULTS;
    }

    /**
     * The same path in this file system.
     *
     * @param path a path of the file system beneath, or of another file system of this class over the same one
     * @return the path in this file system
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
     * @param path a path of any file system
     * @return the path beneath; for a path that is not of a file system of this class the same path
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

    /**
     * Opens a file as the channels of this file system do: for programs that want more than a channel, and to learn who
     * opens a file.
     *
     * @param path of this file system, or of the one beneath
     * @param options as of {@link WriteThroughEngine#open(Path, Set, FileAttribute...)}; those that the file system has for
     *     the path are added
     * @param attributes as there
     * @return the file; {@code null} if the file is left to the file system beneath, and nothing was opened
     * @throws IOException as there
     */
    public @Nullable WriteThroughFile openFile(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return provider.openFile(path, options, attributes);
    }

    /**
     * Tells this file system of a stream or channel that was opened for reading past it, after {@link #openFile} had left the
     * file to the file system beneath. As long as the reader is open, a write to a file that commits at a force returns no
     * sooner than the reader can see the write.
     *
     * @param reader what was opened; it is held weakly
     * @param path of this file system, or of the one beneath
     * @return false if the engine has meanwhile begun to write the file: close the reader, and call {@code openFile} again
     */
    public boolean admitsReader(final Closeable reader, final Path path) {
        return provider.admitsReader(reader, path);
    }

    @Override
    public WriteThroughFileSystemProvider provider() {
        return provider;
    }

    /**
     * Throws always: the file system exists for as long as the process. Close the channels.
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
     * Options of a file system. A builder is immutable: each method returns another builder.
     *
     * @since 0.1
     */
    public static final class Builder {
        private static final Builder DEFAULTS = new Builder(null, Map.of());

        private final @Nullable WriteThroughEngine engine;
        private final Map<Setting, String> settings;

        private Builder(final @Nullable WriteThroughEngine engine, final Map<Setting, String> settings) {
            this.engine = engine;
            this.settings = settings;
        }

        private Builder with(final Setting setting, final String value) {
            final Map<Setting, String> changed = new EnumMap<>(Setting.class);
            changed.putAll(settings);
            changed.put(setting, Objects.requireNonNull(value));
            return new Builder(engine, changed);
        }

        /**
         * The engine that opens the files. The program closes the engine; the file system never does.
         *
         * @param wanted an open engine; by default {@link WriteThroughEngine#shared()}
         * @return a builder with this value
         */
        public Builder engine(final WriteThroughEngine wanted) {
            return new Builder(Objects.requireNonNull(wanted), settings);
        }

        /**
         * The files that are written through. The channels of all other files are those of the file system beneath.
         *
         * @param pattern {@code glob:...} or {@code regex:...}, as {@link FileSystem#getPathMatcher} takes it. The
         *     pattern is matched with the absolute, normalized path, and links are not resolved. But where a glob names a
         *     directory in full and that is a link, the pattern also has the files by the name of the directory that the
         *     link leads to. By default all paths
         * @return a builder with this value
         */
        public Builder paths(final String pattern) {
            return with(Setting.PATHS, pattern);
        }

        /**
         * Files that pass by although {@link #paths} has them: their channels are those of the file system beneath.
         *
         * @param pattern a pattern as for {@link #paths}; by default none
         * @return a builder with this value
         */
        public Builder passBy(final String pattern) {
            return with(Setting.PASS_BY, pattern);
        }

        /**
         * Which of the files the engine opens also for reading alone: then their reads come from the cache, and the engine
         * holds a file as long as a reader has it open. By default the file system beneath opens a file that is opened for
         * reading alone, unless the file is open for writing on the engine.
         *
         * @param pattern a pattern as for {@link #paths}; by default none
         * @return a builder with this value
         */
        public Builder cacheReads(final String pattern) {
            return with(Setting.CACHE_READS, pattern);
        }

        /**
         * What an interrupt does to a channel that the interrupted thread uses. An interrupt never closes a stream, as
         * in the JDK.
         *
         * @param policy {@link InterruptPolicy#IGNORE} by default
         * @return a builder with this value
         */
        public Builder interrupts(final InterruptPolicy policy) {
            return with(Setting.INTERRUPTS, policy.name());
        }

        /**
         * Which files commit at a force: their channels are those of {@link Commit#AT_FORCE}, unless they are opened with
         * {@code SYNC} or {@code DSYNC}.
         *
         * @param pattern as in {@link #paths}; none by default
         * @return a builder with this value
         * @since 0.1
         */
        public Builder commitAtForce(final String pattern) {
            return with(Setting.COMMIT_AT_FORCE, pattern);
        }

        /**
         * Which files grow ahead, as with the option {@link GrowthAhead}.
         *
         * @param pattern as in {@link #paths}; none by default
         * @param bytes how far at a time; 0: not at all
         * @return a builder with this value
         * @throws IllegalArgumentException if bytes is negative
         * @since 0.1
         */
        public Builder growAhead(final String pattern, final long bytes) {
            final long checked = new GrowthAhead(bytes).bytes();
            return with(Setting.GROW_AHEAD, Objects.requireNonNull(pattern) + "=" + checked);
        }

        /**
         * Makes a file system with these options over the default one. This opens no engine and no file.
         *
         * @return a new file system
         * @throws IllegalArgumentException if a pattern is not a valid one
         */
        public WriteThroughFileSystem build() {
            return WriteThroughFileSystemProvider.overDefault(engine, settings);
        }
    }
}
