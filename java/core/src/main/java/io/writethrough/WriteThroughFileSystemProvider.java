// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.async.ChannelThreads;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.path.PathOptions;
import io.writethrough.internal.path.PathSelection;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.spi.FileSystemProvider;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import org.jspecify.annotations.Nullable;

/**
 * The provider of {@link WriteThroughFileSystem}. As the default provider of a JVM this class writes the files of a
 * program through that does not know this library:
 *
 * <pre>
 * java -Djava.nio.file.spi.DefaultFileSystemProvider=io.writethrough.WriteThroughFileSystemProvider
 *      -Dio.writethrough.paths='glob:/var/lib/app/**' ...
 * </pre>
 *
 * <p>The jars of this library and of JNA are on the class path of the program. These system properties choose the
 * files:
 *
 * <ul>
 *   <li>{@code io.writethrough.paths}: the files that are written through, as {@link
 *       WriteThroughFileSystem.Builder#paths} takes them. Reads of these files go through the cache, too. Without this
 *       property: every regular file that is opened for writing. A file that is opened only for reading then passes by,
 *       since another program may write that file.
 *   <li>{@code io.writethrough.passBy}: the files that pass by all the same, as {@link
 *       WriteThroughFileSystem.Builder#passBy} takes them.
 *   <li>{@code io.writethrough.interrupts}: {@code ignore} (the default) or {@code close}, an {@link InterruptPolicy}.
 * </ul>
 *
 * <p>{@link WriteThroughFileSystem} says what is durable when, and what the file system beneath does. The engine is the
 * {@link WriteThroughEngine#shared() shared} one, which the first open makes. Only one process can have a file open for
 * writing: a second open gets a {@link WriteThroughException} with {@code EBUSY}. Let the files of a program pass by
 * that depends on several writers, such as a log to which several processes append.
 *
 * <p>{@code java.io} uses no file system. What a program writes with {@link java.io.RandomAccessFile} or {@link
 * java.io.FileOutputStream} passes by. Do not mix such writes with channels of the same open file.
 *
 * <p>Without the switch, the JVM has this provider for URIs of the scheme {@code writethrough}: {@code
 * writethrough:///var/lib/app} is {@code WriteThroughFileSystem.path(Path.of("/var/lib/app"))}.
 *
 * @since 0.1
 */
public final class WriteThroughFileSystemProvider extends FileSystemProvider {
    private static final String FILE_SCHEME = "file";
    private static final String OWN_SCHEME = "writethrough";
    private static final String PATHS = "io.writethrough.paths";
    private static final String PASS_BY = "io.writethrough.passBy";
    private static final String INTERRUPTS = "io.writethrough.interrupts";
    private static final String COMMIT_AT_FORCE = "io.writethrough.commitAtForce";
    private static final String GROW_AHEAD = "io.writethrough.growAhead";

    private final String scheme;
    private final @Nullable FileSystemProvider parent;
    private final @Nullable WriteThroughFileSystem fileSystem;

    /* null: the shared one. */
    private final @Nullable WriteThroughEngine engine;
    private final @Nullable PathSelection selection;
    private final @Nullable PathOptions pathOptions;
    private final InterruptPolicy interrupts;

    /** The provider of the scheme {@code writethrough}, for {@link java.util.ServiceLoader}. */
    public WriteThroughFileSystemProvider() {
        this(OWN_SCHEME, null, null, null, null, null, InterruptPolicy.IGNORE);
    }

    /**
     * The default provider of a JVM, with the options of the system properties. The JVM calls this constructor while
     * {@link FileSystems#getDefault()} is being made.
     *
     * @param parent the provider beneath
     * @throws IllegalArgumentException if the value of a property is not valid
     */
    public WriteThroughFileSystemProvider(final FileSystemProvider parent) {
        this(
                FILE_SCHEME,
                parent,
                parent.getFileSystem(URI.create("file:///")),
                null,
                selectionOfProperties(parent.getFileSystem(URI.create("file:///"))),
                optionsOfProperties(parent.getFileSystem(URI.create("file:///"))),
                interruptsOfProperty());
    }

    private WriteThroughFileSystemProvider(
            final String scheme,
            final @Nullable FileSystemProvider parent,
            final @Nullable FileSystem beneath,
            final @Nullable WriteThroughEngine engine,
            final @Nullable PathSelection selection,
            final @Nullable PathOptions pathOptions,
            final InterruptPolicy interrupts) {
        this.scheme = scheme;
        this.parent = parent;
        this.fileSystem = beneath == null ? null : new WriteThroughFileSystem(this, beneath);
        this.engine = engine;
        this.selection = selection;
        this.pathOptions = pathOptions;
        this.interrupts = interrupts;
    }

    static WriteThroughFileSystem overDefault(
            final @Nullable WriteThroughEngine engine,
            final @Nullable String paths,
            final @Nullable String passBy,
            final InterruptPolicy interrupts,
            final @Nullable String atForce,
            final @Nullable String growing,
            final long growthBytes) {
        final FileSystem standard = FileSystems.getDefault();
        final FileSystem beneath = standard instanceof WriteThroughFileSystem wrapped ? wrapped.beneath() : standard;
        final PathSelection selection = PathSelection.of(beneath, paths, passBy, true);
        final PathOptions pathOptions = PathOptions.of(beneath, atForce, growing, growthBytes);
        return new WriteThroughFileSystemProvider(
                        OWN_SCHEME, beneath.provider(), beneath, engine, selection, pathOptions, interrupts)
                .fileSystem();
    }

    private static PathSelection selectionOfProperties(final FileSystem beneath) {
        final String paths = System.getProperty(PATHS);
        try {
            return PathSelection.of(beneath, paths, System.getProperty(PASS_BY), paths != null);
        } catch (final IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "system property " + PATHS + " or " + PASS_BY + ": " + e.getMessage(), e);
        }
    }

    private static PathOptions optionsOfProperties(final FileSystem beneath) {
        final String grow = System.getProperty(GROW_AHEAD);
        final int end = grow == null ? -1 : grow.lastIndexOf('=');
        final long bytes = grow == null ? 0 : growthOf(grow, end);
        final String growing = grow == null ? null : grow.substring(0, end);
        try {
            return PathOptions.of(beneath, System.getProperty(COMMIT_AT_FORCE), growing, bytes);
        } catch (final IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "system property " + COMMIT_AT_FORCE + " or " + GROW_AHEAD + ": " + e.getMessage(), e);
        }
    }

    private static long growthOf(final String property, final int end) {
        try {
            return Long.parseUnsignedLong(property.substring(end + 1));
        } catch (final NumberFormatException e) {
            throw new IllegalArgumentException(
                    "system property " + GROW_AHEAD + " is '" + property + "', must be PATTERN=BYTES", e);
        }
    }

    private static InterruptPolicy interruptsOfProperty() {
        final String value = System.getProperty(INTERRUPTS, InterruptPolicy.IGNORE.name());
        try {
            return InterruptPolicy.valueOf(value.toUpperCase(Locale.ROOT));
        } catch (final IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "system property " + INTERRUPTS + " is '" + value + "', must be ignore or close", e);
        }
    }

    // ---- file systems and paths ----

    /* The installed provider has no file system of its own: it stands for the shared one. */
    private WriteThroughFileSystem fileSystem() {
        return fileSystem != null ? fileSystem : WriteThroughFileSystem.shared();
    }

    private FileSystemProvider parent() {
        return parent != null ? parent : fileSystem().beneath().provider();
    }

    @Override
    public String getScheme() {
        return scheme;
    }

    @Override
    public FileSystem newFileSystem(final URI uri, final Map<String, ?> environment) throws IOException {
        return parent().newFileSystem(toParent(uri), environment);
    }

    @Override
    public FileSystem getFileSystem(final URI uri) {
        parent().getFileSystem(toParent(uri));
        return fileSystem();
    }

    @Override
    public Path getPath(final URI uri) {
        // The platform's provider may come to its path by java.io.File, and so by the default file system.
        return fileSystem().wrapBeneath(unwrap(parent().getPath(toParent(uri))));
    }

    private URI toParent(final URI uri) {
        if (!scheme.equalsIgnoreCase(uri.getScheme())) {
            throw new IllegalArgumentException("URI scheme is not \"" + scheme + "\"");
        }
        return withScheme(parent().getScheme(), uri);
    }

    URI toUri(final Path beneath) {
        return withScheme(scheme, beneath.toUri());
    }

    private static URI withScheme(final String scheme, final URI uri) {
        return scheme.equals(uri.getScheme())
                ? uri
                : URI.create(scheme + uri.toString().substring(uri.getScheme().length()));
    }

    static ProviderMismatchException mismatch(final Path path) {
        return new ProviderMismatchException("writethrough opens files of the default file system; this path is of "
                + path.getFileSystem().provider() + ": " + path);
    }

    private static Path unwrap(final Path path) {
        return WriteThroughFileSystem.unwrap(path);
    }

    // ---- channels and streams ----

    @Override
    public FileChannel newFileChannel(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return newFileChannel(path, options, interrupts, attributes);
    }

    private FileChannel newFileChannel(
            final Path path,
            final Set<? extends OpenOption> options,
            final InterruptPolicy policy,
            final FileAttribute<?>... attributes)
            throws IOException {
        final WriteThroughFile file = openThrough(path, options, attributes);
        return file != null ? file.asFileChannel(policy) : parent().newFileChannel(unwrap(path), options, attributes);
    }

    @Override
    public SeekableByteChannel newByteChannel(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        final WriteThroughFile file = openThrough(path, options, attributes);
        return file != null
                ? file.asFileChannel(interrupts)
                : parent().newByteChannel(unwrap(path), options, attributes);
    }

    @Override
    public AsynchronousFileChannel newAsynchronousFileChannel(
            final Path path,
            final Set<? extends OpenOption> options,
            final @Nullable ExecutorService executor,
            final FileAttribute<?>... attributes)
            throws IOException {
        if (options.contains(StandardOpenOption.APPEND)) {
            throw new UnsupportedOperationException("APPEND not allowed");
        }
        final ExecutorService handlers = executor == null ? ChannelThreads.handlers() : executor;
        final WriteThroughFile file = openThrough(path, options, attributes);
        return file == null
                ? parent().newAsynchronousFileChannel(unwrap(path), options, executor, attributes)
                : file.asAsynchronousFileChannel(handlers);
    }

    /* Streams know no interrupts. */
    @Override
    public InputStream newInputStream(final Path path, final OpenOption... options) throws IOException {
        final Set<OpenOption> asked = new HashSet<>(Arrays.asList(options));
        for (final OpenOption option : asked) {
            if (option == StandardOpenOption.APPEND || option == StandardOpenOption.WRITE) {
                throw new UnsupportedOperationException("'" + option + "' not allowed");
            }
        }
        final WriteThroughFile file = openThrough(path, asked);
        return file != null
                ? Channels.newInputStream(file.asFileChannel())
                : parent().newInputStream(unwrap(path), options);
    }

    @Override
    public OutputStream newOutputStream(final Path path, final OpenOption... options) throws IOException {
        final Set<OpenOption> asked = new HashSet<>(Arrays.asList(options));
        if (asked.isEmpty()) {
            asked.add(StandardOpenOption.CREATE);
            asked.add(StandardOpenOption.TRUNCATE_EXISTING);
        }
        if (asked.contains(StandardOpenOption.READ)) {
            throw new IllegalArgumentException("READ not allowed");
        }
        asked.add(StandardOpenOption.WRITE);
        final WriteThroughFile file = openThrough(path, asked);
        return file != null
                ? Channels.newOutputStream(file.asFileChannel())
                : parent().newOutputStream(unwrap(path), options);
    }

    /* null: it passes by. What the file system beneath would refuse anyway, it is left to refuse. */
    private @Nullable WriteThroughFile openThrough(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        final Path beneath = unwrap(path);
        final boolean forWriting =
                options.contains(StandardOpenOption.WRITE) || options.contains(StandardOpenOption.APPEND);
        if (!selection().includes(beneath, forWriting) || WriteThroughEngine.isOpeningShared()) {
            return null;
        }
        try {
            final WriteThroughEngine on = engine != null ? engine : WriteThroughFile.sharedEngine();
            return on.open(beneath, pathOptions().with(options, beneath), attributes);
        } catch (final WriteThroughException e) {
            if (e.errno() == Errno.EOPNOTSUPP) {
                return null;
            }
            throw e;
        } catch (final FileSystemException e) { // the engine has looked before it opened anything
            if (isRegularOrMissing(beneath, options)) {
                throw e;
            }
            return null;
        }
    }

    private PathSelection selection() {
        return Objects.requireNonNull(fileSystem().provider().selection);
    }

    private PathOptions pathOptions() {
        return Objects.requireNonNull(fileSystem().provider().pathOptions);
    }

    private boolean isRegularOrMissing(final Path beneath, final Set<? extends OpenOption> options) {
        final boolean noFollow =
                options.contains(LinkOption.NOFOLLOW_LINKS) || options.contains(StandardOpenOption.DELETE_ON_CLOSE);
        final LinkOption[] links = noFollow ? new LinkOption[] {LinkOption.NOFOLLOW_LINKS} : new LinkOption[0];
        try {
            return parent().readAttributes(beneath, BasicFileAttributes.class, links)
                    .isRegularFile();
        } catch (final NoSuchFileException e) {
            return true;
        } catch (final IOException e) {
            return false;
        }
    }

    // ---- everything else ----

    @Override
    public DirectoryStream<Path> newDirectoryStream(
            final Path directory, final DirectoryStream.Filter<? super Path> filter) throws IOException {
        final WriteThroughFileSystem owner = fileSystem();
        final DirectoryStream<Path> stream =
                parent().newDirectoryStream(unwrap(directory), entry -> filter.accept(owner.wrapBeneath(entry)));
        return new Entries(owner, stream);
    }

    private record Entries(WriteThroughFileSystem owner, DirectoryStream<Path> stream)
            implements DirectoryStream<Path> {
        @Override
        public Iterator<Path> iterator() {
            final Iterator<Path> entries = stream.iterator();
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return entries.hasNext();
                }

                @Override
                public Path next() {
                    return owner.wrapBeneath(entries.next());
                }
            };
        }

        @Override
        public void close() throws IOException {
            stream.close();
        }
    }

    @Override
    public void createDirectory(final Path directory, final FileAttribute<?>... attributes) throws IOException {
        parent().createDirectory(unwrap(directory), attributes);
    }

    @Override
    public void createSymbolicLink(final Path link, final Path target, final FileAttribute<?>... attributes)
            throws IOException {
        parent().createSymbolicLink(unwrap(link), unwrap(target), attributes);
    }

    @Override
    public void createLink(final Path link, final Path existing) throws IOException {
        parent().createLink(unwrap(link), unwrap(existing));
    }

    @Override
    public Path readSymbolicLink(final Path link) throws IOException {
        return fileSystem().wrapBeneath(parent().readSymbolicLink(unwrap(link)));
    }

    @Override
    public void delete(final Path path) throws IOException {
        parent().delete(unwrap(path));
    }

    @Override
    public boolean deleteIfExists(final Path path) throws IOException {
        return parent().deleteIfExists(unwrap(path));
    }

    @Override
    public void copy(final Path source, final Path target, final CopyOption... options) throws IOException {
        parent().copy(unwrap(source), unwrap(target), options);
    }

    @Override
    public void move(final Path source, final Path target, final CopyOption... options) throws IOException {
        parent().move(unwrap(source), unwrap(target), options);
    }

    @Override
    public boolean isSameFile(final Path path, final Path other) throws IOException {
        return parent().isSameFile(unwrap(path), unwrap(other));
    }

    @Override
    public boolean isHidden(final Path path) throws IOException {
        return parent().isHidden(unwrap(path));
    }

    @Override
    public FileStore getFileStore(final Path path) throws IOException {
        return parent().getFileStore(unwrap(path));
    }

    @Override
    public void checkAccess(final Path path, final AccessMode... modes) throws IOException {
        parent().checkAccess(unwrap(path), modes);
    }

    @Override
    public <V extends FileAttributeView> @Nullable V getFileAttributeView(
            final Path path, final Class<V> type, final LinkOption... options) {
        return parent().getFileAttributeView(unwrap(path), type, options);
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(
            final Path path, final Class<A> type, final LinkOption... options) throws IOException {
        return parent().readAttributes(unwrap(path), type, options);
    }

    @Override
    public Map<String, Object> readAttributes(final Path path, final String attributes, final LinkOption... options)
            throws IOException {
        return parent().readAttributes(unwrap(path), attributes, options);
    }

    @Override
    public void setAttribute(final Path path, final String attribute, final Object value, final LinkOption... options)
            throws IOException {
        parent().setAttribute(unwrap(path), attribute, value, options);
    }
}
