// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.Directories;
import io.writethrough.internal.async.ChannelThreads;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.path.CopiedFile;
import io.writethrough.internal.path.Coverage;
import io.writethrough.internal.path.Durably;
import io.writethrough.internal.path.FileDoor;
import io.writethrough.internal.path.FileIdentity;
import io.writethrough.internal.path.OpenRules;
import io.writethrough.internal.path.SizedAttributes;
import java.io.Closeable;
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
import java.nio.file.FileSystems;
import java.nio.file.Files;
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
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
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
 *       WriteThroughFileSystem.Builder#paths} takes them. Without this property: every regular file.
 *   <li>{@code io.writethrough.passBy}: the files that pass by all the same, as {@link
 *       WriteThroughFileSystem.Builder#passBy} takes them.
 *   <li>{@code io.writethrough.cacheReads}: the files that the engine opens also for reading alone, as {@link
 *       WriteThroughFileSystem.Builder#cacheReads} takes them.
 *   <li>{@code io.writethrough.commitAtForce}: the files that commit at a force, as {@link
 *       WriteThroughFileSystem.Builder#commitAtForce} takes them.
 *   <li>{@code io.writethrough.growAhead}: {@code PATTERN=BYTES}, the files that grow ahead and how far, as {@link
 *       WriteThroughFileSystem.Builder#growAhead} takes them.
 *   <li>{@code io.writethrough.interrupts}: {@code ignore} (the default) or {@code close}, an {@link InterruptPolicy}.
 * </ul>
 *
 * <p><b>What is carried is told.</b> The logger {@code io.writethrough} says which file is the first. A minute later, or on the
 * standard error stream at the end of a process that ends before, a line says how many were carried, and which files the
 * process has open past the library although {@code io.writethrough.paths} has them; a process that ends well before says
 * nothing. {@code -Dio.writethrough.report} tells that at the end in any case; with {@code -Dio.writethrough.coverage=false}
 * nothing is told. The command {@code coverage PID} of the jar, and {@link WriteThroughCoverageMXBean}, tell it by the file.
 *
 * <p>{@link WriteThroughFileSystem} says what is durable when, and what the file system beneath does. The engine is the
 * {@link WriteThroughEngine#shared() shared} one, which the first open makes. Only one process can have a file open for
 * writing: a second open gets a {@link WriteThroughException} with {@code EBUSY}. Let the files of a program pass by
 * that depends on several writers, such as a log to which several processes append.
 *
 * <p>{@code java.io} uses no file system. What a program writes with {@link java.io.RandomAccessFile} or {@link
 * java.io.FileOutputStream} passes by, unless the JVM has the agent of the artifact {@code writethrough-agent}. Without
 * the agent, do not mix such writes with channels of the same open file.
 *
 * <p>Without the switch, the JVM has this provider for URIs of the scheme {@code writethrough}: {@code
 * writethrough:///var/lib/app} is {@code WriteThroughFileSystem.path(Path.of("/var/lib/app"))}.
 *
 * @since 0.1
 */
public final class WriteThroughFileSystemProvider extends FileSystemProvider {
    private static final String FILE_SCHEME = "file";
    private static final String OWN_SCHEME = "writethrough";
    private static final String PROPERTIES = "io.writethrough.";

    private final String scheme;
    private final @Nullable FileSystemProvider parent;
    private final @Nullable WriteThroughFileSystem fileSystem;
    private final @Nullable FileDoor<WriteThroughFile> door;

    /** The provider of the scheme {@code writethrough}, for {@link java.util.ServiceLoader}. */
    public WriteThroughFileSystemProvider() {
        this(OWN_SCHEME, null, null, null);
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
                doorOfProperties(parent.getFileSystem(URI.create("file:///"))));
    }

    private WriteThroughFileSystemProvider(
            final String scheme,
            final @Nullable FileSystemProvider parent,
            final @Nullable FileSystem beneath,
            final @Nullable FileDoor<WriteThroughFile> door) {
        this.scheme = scheme;
        this.parent = parent;
        this.fileSystem = beneath == null ? null : new WriteThroughFileSystem(this, beneath);
        this.door = door;
    }

    static WriteThroughFileSystem overDefault(
            final @Nullable WriteThroughEngine engine, final Map<OpenRules.Setting, String> settings) {
        final FileSystem standard = FileSystems.getDefault();
        final FileSystem beneath = standard instanceof WriteThroughFileSystem wrapped ? wrapped.beneath() : standard;
        final FileDoor<WriteThroughFile> door =
                new FileDoor<>(new DoorsEngine(engine), OpenRules.of(beneath, settings::get, ""), null);
        return new WriteThroughFileSystemProvider(OWN_SCHEME, beneath.provider(), beneath, door).fileSystem();
    }

    private static FileDoor<WriteThroughFile> doorOfProperties(final FileSystem beneath) {
        final OpenRules rules = OpenRules.of(
                beneath, setting -> System.getProperty(PROPERTIES + setting.title()), "system property " + PROPERTIES);
        final DoorsEngine engine = new DoorsEngine(null);
        return new FileDoor<>(
                engine, rules, new Coverage(beneath, rules, path -> engine.writtenSize(path) != -Errno.ENOENT));
    }

    /** @param own null: the shared one */
    private record DoorsEngine(@Nullable WriteThroughEngine own) implements FileDoor.Engine<WriteThroughFile> {
        @Override
        public boolean isInTheMaking() {
            return WriteThroughEngine.isOpeningShared();
        }

        @Override
        public long writtenSize(final Path path) {
            final WriteThroughEngine engine = own != null ? own : WriteThroughEngine.sharedIfOpen();
            return engine == null ? -Errno.ENOENT : engine.writtenSize(path);
        }

        @Override
        public long writtenSize(final FileIdentity identity) {
            final WriteThroughEngine engine = own != null ? own : WriteThroughEngine.sharedIfOpen();
            return engine == null ? -Errno.ENOENT : engine.writtenSize(identity);
        }

        @Override
        public WriteThroughFile open(
                final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
                throws IOException {
            final WriteThroughEngine engine = own != null ? own : WriteThroughFile.sharedEngine();
            return engine.open(path, options, attributes);
        }

        @Override
        public void showToReaders(final WriteThroughFile file) throws IOException {
            file.openFile().beginMapping();
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
        return opened(
                path,
                options,
                file -> file.asFileChannel(door().interrupts()),
                beneath -> parent().newFileChannel(beneath, options, attributes),
                attributes);
    }

    @Override
    public SeekableByteChannel newByteChannel(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return opened(
                path,
                options,
                file -> file.asFileChannel(door().interrupts()),
                beneath -> parent().newByteChannel(beneath, options, attributes),
                attributes);
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
        return opened(
                path,
                options,
                file -> file.asAsynchronousFileChannel(handlers),
                beneath -> parent().newAsynchronousFileChannel(beneath, options, executor, attributes),
                attributes);
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
        return opened(
                path,
                asked,
                file -> Channels.newInputStream(file.asFileChannel()),
                beneath -> parent().newInputStream(beneath, options));
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
        return opened(
                path,
                asked,
                file -> Channels.newOutputStream(file.asFileChannel()),
                beneath -> parent().newOutputStream(beneath, options));
    }

    /** Opens something for a program. */
    private interface Opening<F, T> {
        T of(F file) throws IOException;
    }

    private <T extends Closeable> T opened(
            final Path path,
            final Set<? extends OpenOption> options,
            final Opening<WriteThroughFile, T> ofEngine,
            final Opening<Path, T> ofParent,
            final FileAttribute<?>... attributes)
            throws IOException {
        final Path beneath = unwrap(path);
        while (true) {
            final WriteThroughFile file = door().open(beneath, options, attributes);
            if (file != null) {
                return ofEngine.of(file);
            }
            final T opened = ofParent.of(beneath);
            if (FileDoor.writes(options) || door().admits(opened, beneath)) {
                return opened;
            }
            opened.close();
        }
    }

    private FileDoor<WriteThroughFile> door() {
        return Objects.requireNonNull(fileSystem().provider().door);
    }

    /** As {@link WriteThroughFileSystem#openFile}. */
    @Nullable
    WriteThroughFile openFile(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        return door().open(unwrap(path), options, attributes);
    }

    /** As {@link WriteThroughFileSystem#admitsReader}. */
    boolean admitsReader(final Closeable reader, final Path path) {
        return door().admits(reader, unwrap(path));
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
        final Path beneath = unwrap(directory);
        parent().createDirectory(beneath, attributes);
        if (door().isDurable(beneath)) {
            Durably.named(beneath);
        }
    }

    @Override
    public void createSymbolicLink(final Path link, final Path target, final FileAttribute<?>... attributes)
            throws IOException {
        final Path beneath = unwrap(link);
        parent().createSymbolicLink(beneath, unwrap(target), attributes);
        if (door().isDurable(beneath)) {
            Durably.named(beneath);
        }
    }

    @Override
    public void createLink(final Path link, final Path existing) throws IOException {
        final Path beneath = unwrap(link);
        parent().createLink(beneath, unwrap(existing));
        if (door().isDurable(beneath)) {
            Durably.named(beneath);
        }
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
        final Path from = unwrap(source);
        final Path to = unwrap(target);
        final boolean copiesLink = List.of(options).contains(LinkOption.NOFOLLOW_LINKS) && Files.isSymbolicLink(from);
        final long size = copiesLink ? -1 : sendForReader(from);
        final boolean isOther = size >= 0 && !CopiedFile.isAt(to, CopiedFile.keyOf(from));
        parent().copy(from, to, options);
        if (isOther) {
            CopiedFile.cut(to, size);
        }
        if (door().isDurable(to)) {
            Durably.copied(to);
        }
    }

    /* The device has what the engine has, for whoever reads past the engine. Returns the size, or a negative number. */
    private long sendForReader(final Path beneath) throws IOException {
        if (door().sizeOf(beneath) == -Errno.ENOENT) {
            return -1;
        }
        try (WriteThroughFile written = door().open(beneath, Set.of(StandardOpenOption.READ))) {
            if (written == null) {
                return -1;
            }
            written.force();
            return written.size();
        }
    }

    /* To another file system the JDK copies the file, and deletes what it has read. */
    @Override
    public void move(final Path source, final Path target, final CopyOption... options) throws IOException {
        final Path from = unwrap(source);
        final Path to = unwrap(target);
        final long size = Files.isSymbolicLink(from) || CopiedFile.isOnOneDevice(from, to) ? -1 : sendForReader(from);
        parent().move(from, to, options);
        if (size >= 0) {
            CopiedFile.cut(to, size);
        }
        if (door().isDurable(to) || door().isDurable(from)) {
            sync(to);
            Durably.moved(from, to);
        }
    }

    /* By the engine: the channel of the JDK that a flush needs would take all locks of this process on the file when it closes. */
    private void sync(final Path beneath) throws IOException {
        if (!Files.isRegularFile(beneath, LinkOption.NOFOLLOW_LINKS) || !Files.isReadable(beneath)) {
            return;
        }
        try (WriteThroughFile file = openForSync(beneath)) {
            if (file == null) {
                Directories.forceFile(beneath);
            } else {
                file.sync();
            }
        } catch (final NoSuchFileException e) {
            return; // Somebody has deleted it by now.
        }
    }

    /* null: the JDK is to open the file, such as one that another process writes. */
    private @Nullable WriteThroughFile openForSync(final Path beneath) throws IOException {
        try {
            return door().openInAnyCase(beneath, Set.of(StandardOpenOption.READ));
        } catch (final WriteThroughException e) {
            return null;
        }
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
        final Path beneath = unwrap(path);
        return SizedAttributes.view(
                parent().getFileAttributeView(beneath, type, options),
                type,
                read -> door().sizeOf(beneath, read.fileKey()));
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(
            final Path path, final Class<A> type, final LinkOption... options) throws IOException {
        final Path beneath = unwrap(path);
        return SizedAttributes.of(
                parent().readAttributes(beneath, type, options), type, read -> door().sizeOf(beneath, read.fileKey()));
    }

    @Override
    public Map<String, Object> readAttributes(final Path path, final String attributes, final LinkOption... options)
            throws IOException {
        final Path beneath = unwrap(path);
        final Map<String, Object> values = parent().readAttributes(beneath, attributes, options);
        final long size = values.containsKey("size") ? door().sizeOf(beneath) : -1;
        if (size < 0
                || parent().readAttributes(beneath, BasicFileAttributes.class, options)
                        .isSymbolicLink()) {
            return values;
        }
        final Map<String, Object> sized = new HashMap<>(values);
        sized.put("size", size);
        return sized;
    }

    @Override
    public void setAttribute(final Path path, final String attribute, final Object value, final LinkOption... options)
            throws IOException {
        parent().setAttribute(unwrap(path), attribute, value, options);
    }
}
