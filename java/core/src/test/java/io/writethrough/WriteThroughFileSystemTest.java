// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystemAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Paths whose files are written through, and all else as in the default file system. */
@Timeout(60)
class WriteThroughFileSystemTest extends OnEveryFileSystem {
    private WriteThroughEngine engine;
    private WriteThroughFileSystem fileSystem;
    private Path wrapped;

    @BeforeEach
    void open() throws IOException {
        engine = WriteThroughEngine.builder().cacheBytes(1 << 20).build();
        fileSystem = WriteThroughFileSystem.builder().engine(engine).build();
        wrapped = fileSystem.wrap(path);
    }

    @AfterEach
    void close() throws IOException {
        engine.close();
    }

    private interface Use {
        void run() throws IOException;
    }

    private long opensDuring(final Use use) throws IOException {
        final long before = engine.stats().writes()
                + engine.stats().readHits()
                + engine.stats().readMisses();
        use.run();
        return engine.stats().writes()
                + engine.stats().readHits()
                + engine.stats().readMisses()
                - before;
    }

    private void assertThrough(final Use use) throws IOException {
        assertNotEquals(0, opensDuring(use), "nothing went to the engine");
    }

    private void assertPassesBy(final Use use) throws IOException {
        assertEquals(0, opensDuring(use), "something went to the engine");
    }

    // ---- what goes to the engine ----

    @Test
    void everyWayToWriteAndReadAFileGoesToTheEngine() throws IOException {
        assertThrough(() -> Files.write(wrapped, bytes(10_000, 1)));
        assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(path));
        assertThrough(() -> {
            try (OutputStream out = Files.newOutputStream(wrapped, APPEND)) {
                out.write(bytes(10, 2));
            }
        });
        assertThrough(() -> {
            try (SeekableByteChannel channel = Files.newByteChannel(wrapped, WRITE)) {
                channel.position(5).write(buffer(5, 3));
            }
        });
        assertThrough(() -> {
            try (FileChannel channel = FileChannel.open(wrapped, READ, WRITE)) {
                channel.write(buffer(5, 3), 0);
            }
        });
        assertThrough(() -> Files.writeString(wrapped, "text"));
        assertThrough(() -> {
            try (InputStream in = Files.newInputStream(path)) {
                Files.copy(in, wrapped.resolveSibling("copy"));
            }
        });
        try (FileChannel writer = FileChannel.open(wrapped, WRITE)) {
            assertTrue(writer.isOpen());
            assertEveryReadIs(this::assertThrough, wrapped);
        }
    }

    /* A text. */
    private void assertEveryReadIs(final Reads reads, final Path text) throws IOException {
        reads.are(() -> assertArrayEquals("text".getBytes(UTF_8), Files.readAllBytes(text)));
        reads.are(() -> assertEquals(List.of("text"), Files.readAllLines(text)));
        reads.are(() -> {
            try (InputStream in = Files.newInputStream(text)) {
                assertEquals(4, in.readAllBytes().length);
            }
        });
        reads.are(() -> {
            try (FileChannel channel = FileChannel.open(text, READ)) {
                assertEquals(4, channel.read(ByteBuffer.allocate(10), 0));
            }
        });
        reads.are(() -> {
            try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(text, READ)) {
                assertEquals(4, channel.read(ByteBuffer.allocate(10), 0).get());
            } catch (final InterruptedException | ExecutionException e) {
                throw new IOException(e);
            }
        });
    }

    private interface Reads {
        void are(Use use) throws IOException;
    }

    // ---- who opens a file for reading alone ----

    @Test
    void aFileThatIsOpenedForReadingAloneIsTheJdks() throws IOException {
        Files.writeString(wrapped, "text");
        assertEveryReadIs(this::assertPassesBy, wrapped);
        try (FileChannel channel = FileChannel.open(wrapped, READ)) {
            assertEquals("sun.nio.ch.FileChannelImpl", channel.getClass().getName());
        }
    }

    @Test
    void aFileOfAnotherEngineCanBeRead() throws IOException {
        try (WriteThroughEngine other = WriteThroughEngine.builder().build();
                WriteThroughFile file = other.open(path, CREATE, WRITE)) {
            file.write(UTF_8.encode("text"), 0);
            assertEveryReadIs(this::assertPassesBy, wrapped);
        }
    }

    @Test
    void theEngineOpensForReadingAloneWhatCacheReadsNames() throws IOException {
        final WriteThroughFileSystem cached = WriteThroughFileSystem.builder()
                .engine(engine)
                .cacheReads("glob:**")
                .build();
        Files.writeString(wrapped, "text");
        assertEveryReadIs(this::assertThrough, cached.wrap(path));
    }

    @Test
    void openFileTellsWhoOpensAFile() throws IOException {
        assertThrows(NoSuchFileException.class, () -> fileSystem.openFile(wrapped, Set.of(WRITE)));
        try (WriteThroughFile file = fileSystem.openFile(path, Set.of(CREATE, WRITE))) {
            assertNotNull(file);
            try (WriteThroughFile reader = fileSystem.openFile(path, Set.of(READ))) {
                assertNotNull(reader);
                file.write(buffer(10, 1), 0);
                assertEquals(10, reader.read(ByteBuffer.allocate(20), 0));
            }
        }
        assertNull(fileSystem.openFile(path, Set.of(READ)));
        assertNull(fileSystem.openFile(Path.of("/proc/self/oom_adj"), Set.of(WRITE)));
    }

    @Test
    void aReaderOfTheJdkSeesEachLaterWriteThatReturned() throws IOException {
        final WriteThroughFileSystem later = WriteThroughFileSystem.builder()
                .engine(engine)
                .commitAtForce("glob:**")
                .build();
        Files.writeString(path, "text");
        try (FileChannel reader = FileChannel.open(later.wrap(path), READ);
                InputStream stream = Files.newInputStream(later.wrap(path));
                FileChannel writer = FileChannel.open(later.wrap(path), WRITE)) {
            assertEquals("sun.nio.ch.FileChannelImpl", reader.getClass().getName());
            for (int round = 0; round < 100; round++) {
                final ByteBuffer bytes = buffer(5000, round);
                writer.write(bytes.duplicate(), 0);
                final ByteBuffer read = ByteBuffer.allocate(5000);
                assertEquals(5000, reader.read(read, 0));
                assertEquals(bytes, read.flip());
            }
            assertArrayEquals(bytes(5000, 99), stream.readAllBytes());
        }
    }

    @Test
    void aReaderOfTheJdkSeesNoZerosThatAFileGrowsAheadBy() throws IOException {
        final WriteThroughFileSystem growing = WriteThroughFileSystem.builder()
                .engine(engine)
                .growAhead("glob:**", 1 << 20)
                .build();
        Files.writeString(path, "text");
        try (FileChannel reader = FileChannel.open(growing.wrap(path), READ)) {
            assertEquals("sun.nio.ch.FileChannelImpl", reader.getClass().getName());
            try (FileChannel writer = FileChannel.open(growing.wrap(path), WRITE, APPEND)) {
                writer.write(buffer(10, 1));
                assertEquals(14, reader.size());
                assertEquals(14, Files.size(growing.wrap(path)));
            }
        }
        try (FileChannel writer = FileChannel.open(growing.wrap(path), WRITE, APPEND)) {
            writer.write(buffer(10, 1));
            final boolean grows = StorageProfile.of(path).writePath() == StorageProfile.WritePath.DIRECT;
            assertEquals(grows ? 1 << 20 : 24, Files.size(path), "nobody reads it");
            assertEquals(24, Files.size(growing.wrap(path)));
        }
    }

    @Test
    void sizesAndCopiesAreThoseOfTheWriter() throws IOException {
        for (final WriteThroughFileSystem.Builder builder : List.of(
                WriteThroughFileSystem.builder().commitAtForce("glob:**"),
                WriteThroughFileSystem.builder().growAhead("glob:**", 1 << 20))) {
            final Path file = builder.engine(engine).build().wrap(path);
            Files.deleteIfExists(file);
            try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
                for (int size = 1000; size <= 100_000; size += 1000) {
                    channel.write(buffer(1000, size));
                    assertSizes(size, file);
                }
                Files.copy(file, file.resolveSibling("copy"), StandardCopyOption.REPLACE_EXISTING);
                assertEquals(-1, Files.mismatch(file, file.resolveSibling("copy")));
                assertEquals(100_000, Files.size(path.resolveSibling("copy")));
                Files.createSymbolicLink(path.resolveSibling("link"), path);
                assertSizes(100_000, file.resolveSibling("link"));
                assertEquals(
                        (long) path.toString().getBytes(UTF_8).length,
                        Files.getAttribute(file.resolveSibling("link"), "size", LinkOption.NOFOLLOW_LINKS));
                Files.delete(path.resolveSibling("link"));
            }
            assertSizes(100_000, file);
        }
    }

    private Path growing() {
        return WriteThroughFileSystem.builder()
                .engine(engine)
                .growAhead("glob:**", 1 << 20)
                .build()
                .wrap(path);
    }

    @Test
    void aCopyToItselfOrOfALinkLeavesTheFileAsItIs() throws IOException {
        final Path file = growing();
        final Path other = Files.createDirectory(file.resolveSibling("other"));
        try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
            channel.write(buffer(1000, 1));
            final long ofKernel = Files.size(path);
            Files.copy(file, file);
            Files.createLink(path.resolveSibling("hard"), path);
            Files.copy(file, file.resolveSibling("hard"));
            Files.createSymbolicLink(path.resolveSibling("link"), path.getFileName());
            Files.copy(file.resolveSibling("link"), other.resolve("link"), LinkOption.NOFOLLOW_LINKS);
            assertTrue(Files.isSymbolicLink(other.resolve("link")));
            assertEquals(ofKernel, Files.size(path));
            Files.copy(file, file.resolveSibling("link"), StandardCopyOption.REPLACE_EXISTING);
            assertFalse(Files.isSymbolicLink(path.resolveSibling("link")));
            assertEquals(1000, Files.size(path.resolveSibling("link")));
            assertEquals(ofKernel, Files.size(path));
        }
    }

    @Test
    void anInterruptedThreadCopiesAFileThatGrowsAhead() throws IOException {
        final Path file = growing();
        try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
            channel.write(buffer(1000, 1));
            Thread.currentThread().interrupt();
            Files.copy(file, file.resolveSibling("copy"));
            assertTrue(Thread.interrupted());
            assertArrayEquals(bytes(1000, 1), Files.readAllBytes(path.resolveSibling("copy")));
        }
    }

    @Test
    void aMoveToAnotherFileSystemTakesTheBytesThatWaitAndNoZeros() throws IOException {
        Path place = null;
        for (final String name : new String[] {"/dev/shm", "/var/tmp"}) {
            final Path at = Path.of(name);
            place = Files.isWritable(at) && !Files.getFileStore(at).equals(Files.getFileStore(directory)) ? at : place;
        }
        assumeTrue(place != null, "no other file system here");
        final Path there =
                place.resolve("writethrough-" + ProcessHandle.current().pid());
        for (final WriteThroughFileSystem.Builder builder : List.of(
                WriteThroughFileSystem.builder().commitAtForce("glob:**"),
                WriteThroughFileSystem.builder().growAhead("glob:**", 1 << 20))) {
            final Path file = builder.engine(engine).build().wrap(path);
            try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
                channel.write(buffer(1000, 1));
                Files.move(file, ((WriteThroughFileSystem) file.getFileSystem()).wrap(there));
            }
            assertArrayEquals(bytes(1000, 1), Files.readAllBytes(there));
            assertFalse(Files.exists(path));
            Files.delete(there);
        }
    }

    @Test
    void theSizeIsTheWritersWhileOtherHandlesAreOpenedAndClosed() throws Exception {
        final Path file = growing();
        final AtomicBoolean enough = new AtomicBoolean();
        try (FileChannel channel = FileChannel.open(file, CREATE, WRITE)) {
            channel.write(buffer(1000, 1));
            final Thread opener = new Thread(() -> {
                while (!enough.get()) {
                    try (FileChannel reader = FileChannel.open(file, READ, WRITE)) {
                        assertTrue(reader.isOpen());
                    } catch (final IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            });
            opener.start();
            try {
                for (int i = 0; i < 5000; i++) {
                    assertEquals(1000, Files.size(file));
                }
            } finally {
                enough.set(true);
                opener.join();
            }
        }
    }

    private static void assertSizes(final long size, final Path file) throws IOException {
        assertEquals(size, Files.size(file));
        assertEquals(size, Files.readAttributes(file, BasicFileAttributes.class).size());
        final PosixFileAttributes posix = Files.readAttributes(file, PosixFileAttributes.class);
        assertEquals(size, posix.size());
        assertEquals(Files.getOwner(file), posix.owner());
        assertTrue(posix.permissions().contains(PosixFilePermission.OWNER_READ));
        assertEquals(size, Files.getAttribute(file, "size"));
        assertEquals(size, Files.readAttributes(file, "posix:*").get("size"));
        for (final Class<? extends BasicFileAttributeView> type :
                List.of(BasicFileAttributeView.class, PosixFileAttributeView.class)) {
            assertEquals(
                    size,
                    Files.getFileAttributeView(file, type).readAttributes().size());
        }
    }

    @Test
    void patternsKnowTheDirectoryBehindALink() throws IOException {
        final Path real = Files.createDirectory(directory.resolve("real,{1}*"));
        final Path link = Files.createSymbolicLink(directory.resolve("link"), real);
        final WriteThroughFileSystem some = WriteThroughFileSystem.builder()
                .engine(engine)
                .paths("glob:" + link + "/deep/*.db")
                .build();
        Files.createDirectory(real.resolve("deep"));
        for (final Path through : List.of(link.resolve("deep/a.db"), real.resolve("deep/b.db"))) {
            assertThrough(() -> Files.write(some.wrap(through), bytes(10, 1)));
        }
        assertPassesBy(() -> Files.write(some.wrap(real.resolve("deep/a.log")), bytes(10, 1)));
    }

    @Test
    void streamsCheckTheirOptions() throws IOException {
        Files.write(path, bytes(10, 1));
        assertThrows(UnsupportedOperationException.class, () -> Files.newInputStream(wrapped, WRITE));
        assertThrows(IllegalArgumentException.class, () -> Files.newOutputStream(wrapped, READ));
        assertThrows(NoSuchFileException.class, () -> Files.newInputStream(wrapped.resolveSibling("missing")));
        assertThrows(NoSuchFileException.class, () -> Files.newOutputStream(wrapped.resolveSibling("missing"), WRITE));
        Files.newOutputStream(wrapped).close();
        assertEquals(0, Files.size(wrapped));
    }

    @Test
    void patternsSayWhatPassesBy() throws IOException {
        final WriteThroughFileSystem some = WriteThroughFileSystem.builder()
                .engine(engine)
                .paths("glob:" + directory + "/{db,deep/**}")
                .passBy("glob:**.tmp")
                .build();
        Files.createDirectories(directory.resolve("deep/er"));
        for (final String through : List.of("db", "deep/x", "deep/er/y", "deep/../db")) {
            assertThrough(() -> Files.write(some.wrap(directory.resolve(through)), bytes(10, 1)));
        }
        for (final String passing : List.of("other", "deep/x.tmp", "deep/../other")) {
            assertPassesBy(() -> Files.write(some.wrap(directory.resolve(passing)), bytes(10, 1)));
            assertPassesBy(() -> Files.readAllBytes(some.wrap(directory.resolve(passing))));
        }
        for (final String wrong : List.of("no pattern", "glob:data/**", "glob:*.db", "glob:")) {
            final IllegalArgumentException refusal = assertThrows(
                    IllegalArgumentException.class,
                    () -> WriteThroughFileSystem.builder().paths(wrong).build());
            assertTrue(refusal.getMessage().startsWith("paths: '" + wrong + "'"), refusal.getMessage());
        }
    }

    @Test
    void whatIsNoRegularFilePassesBy() throws Exception {
        final Path root = fileSystem.getPath("/");
        assertPassesBy(() -> {
            assertTrue(Files.readString(root.resolve("proc/self/status")).contains("Pid:"));
            Files.write(root.resolve("dev/null"), bytes(10, 1));
            try (InputStream in = Files.newInputStream(root.resolve("dev/zero"))) {
                assertArrayEquals(new byte[5], in.readNBytes(5));
            }
            try (FileChannel channel = FileChannel.open(fileSystem.wrap(directory), READ)) {
                assertTrue(channel.isOpen());
            }
        });
        final int made = new ProcessBuilder("mkfifo", path.toString()).start().waitFor();
        assumeTrue(made == 0, "mkfifo does not work here");
        assertPassesBy(() -> {
            try (FileChannel channel = FileChannel.open(wrapped, READ, WRITE)) {
                channel.write(buffer(10, 1));
                assertEquals(10, channel.read(buffer(10, 2)));
            }
        });
    }

    @Test
    void aFileThatIsOpenHereMayBeReadByOtherMeans() throws IOException {
        try (FileChannel channel = FileChannel.open(wrapped, CREATE, READ, WRITE)) {
            for (int seed = 1; seed < 20; seed++) {
                channel.write(buffer(5000, seed), seed * 1000);
                final byte[] found = Files.readAllBytes(path);
                assertEquals(channel.size(), found.length);
                assertEquals(
                        buffer(5000, seed),
                        ByteBuffer.wrap(found, seed * 1000, 5000).slice());
            }
        }
    }

    // ---- paths ----

    @Test
    void pathsBehaveAsThoseBeneath() throws IOException {
        assertSame(fileSystem, wrapped.getFileSystem());
        assertEquals(path.toString(), wrapped.toString());
        assertEquals(fileSystem.wrap(path), wrapped);
        assertEquals(fileSystem.wrap(path).hashCode(), wrapped.hashCode());
        assertNotEquals(path, wrapped);
        assertNotEquals(WriteThroughFileSystem.path(path), wrapped);
        assertEquals(path, WriteThroughFileSystem.unwrap(wrapped));
        assertEquals(path, WriteThroughFileSystem.unwrap(path));
        assertEquals(fileSystem.wrap(directory), wrapped.getParent());
        assertEquals(fileSystem.getPath("file"), wrapped.getFileName());
        assertEquals(fileSystem.getPath("a/b"), fileSystem.getPath("a", "b"));
        assertEquals(path.getNameCount(), wrapped.getNameCount());
        assertEquals(path.subpath(0, 2).toString(), wrapped.subpath(0, 2).toString());
        assertEquals("/", wrapped.toAbsolutePath().getRoot().toString());
        assertEquals(null, fileSystem.getPath("a").getParent());
        assertTrue(wrapped.startsWith(directory) && wrapped.startsWith(wrapped.getParent()));
        assertTrue(wrapped.endsWith("file"));
        assertEquals(wrapped, wrapped.getParent().resolve(Path.of("file")));
        assertEquals(wrapped, wrapped.getParent().resolve("x/../file").normalize());
        assertEquals(fileSystem.getPath("file"), wrapped.getParent().relativize(path));
        assertEquals(0, wrapped.compareTo(fileSystem.wrap(path)));
        assertThrows(ClassCastException.class, () -> wrapped.compareTo(path));
        final List<String> names = new ArrayList<>();
        wrapped.forEach(name -> names.add(name.toString()));
        assertEquals(path.getNameCount(), names.size());
        assertThrows(UnsupportedOperationException.class, wrapped::toFile);
        Files.createSymbolicLink(wrapped, Path.of("target"));
        assertEquals(fileSystem.getPath("target"), Files.readSymbolicLink(wrapped));
        assertEquals(
                fileSystem.wrap(directory.toRealPath()), wrapped.getParent().toRealPath());
    }

    @Test
    void pathsAreFoundByTheirUri() {
        final Path absolute = WriteThroughFileSystem.path(path.toAbsolutePath());
        final URI uri = absolute.toUri();
        assertEquals("writethrough", uri.getScheme());
        assertEquals(absolute, Path.of(uri));
        final FileSystem found = FileSystems.getFileSystem(URI.create("writethrough:///"));
        assertSame(WriteThroughFileSystem.shared(), found);
        assertThrows(
                FileSystemAlreadyExistsException.class,
                () -> FileSystems.newFileSystem(URI.create("writethrough:///"), Map.of()));
        assertThrows(
                IllegalArgumentException.class,
                () -> fileSystem.provider().getPath(path.toAbsolutePath().toUri()));
    }

    @Test
    void aPathOfAnotherFileSystemIsRefused() throws IOException {
        try (FileSystem zip = FileSystems.newFileSystem(directory.resolve("a.zip"), Map.of("create", "true"))) {
            assertThrows(ProviderMismatchException.class, () -> WriteThroughFileSystem.path(zip.getPath("/x")));
            assertThrows(ProviderMismatchException.class, () -> wrapped.resolve(zip.getPath("/x")));
        }
    }

    @Test
    void anEngineOpensSuchAPathToo() throws IOException {
        try (WriteThroughFile file = engine.open(wrapped, CREATE, WRITE)) {
            file.write(buffer(10, 1), 0);
            assertEquals(
                    StorageProfile.of(path).toString(),
                    StorageProfile.of(wrapped).toString());
        }
        assertEquals(10, Files.size(wrapped));
    }

    // ---- the rest of a file system ----

    @Test
    void filesAreCopiedAndMovedBetweenPathsOfBothKinds() throws IOException {
        Files.write(wrapped, bytes(10_000, 1));
        final Path plain = directory.resolve("plain");
        final Path second = fileSystem.wrap(directory.resolve("second"));
        Files.copy(wrapped, plain);
        assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(plain));
        Files.copy(plain, second);
        assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(second));
        Files.copy(wrapped, second, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
        Files.move(second, plain, StandardCopyOption.REPLACE_EXISTING);
        assertFalse(Files.exists(second));
        Files.move(plain, second);
        Files.move(second, wrapped, StandardCopyOption.ATOMIC_MOVE);
        assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(path));
        assertTrue(Files.isSameFile(wrapped, path));
        assertTrue(Files.isSameFile(wrapped, fileSystem.wrap(path)));
    }

    @Test
    void directoriesAreListedAndWalkedInPathsOfThisKind() throws IOException {
        Files.createDirectories(wrapped.resolveSibling("a/b"));
        Files.write(wrapped, bytes(1, 1));
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(wrapped.getParent(), "f*")) {
            final List<Path> found = new ArrayList<>();
            stream.forEach(found::add);
            assertEquals(List.of(wrapped), found);
        }
        try (Stream<Path> all = Files.walk(wrapped.getParent())) {
            assertTrue(all.allMatch(found -> found.getFileSystem() == fileSystem));
        }
        try (Stream<Path> all = Files.find(wrapped.getParent(), 5, (found, attributes) -> attributes.isRegularFile())) {
            assertEquals(List.of(wrapped), all.toList());
        }
    }

    @Test
    void attributesLinksAndAccess() throws IOException {
        final var owner = PosixFilePermissions.fromString("rw-------");
        Files.createFile(wrapped, PosixFilePermissions.asFileAttribute(owner));
        assertEquals(owner, Files.getPosixFilePermissions(wrapped));
        Files.setPosixFilePermissions(wrapped, PosixFilePermissions.fromString("rw-r-----"));
        assertEquals("rw-r-----", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
        assertTrue(Files.isReadable(wrapped) && Files.isWritable(wrapped));
        assertFalse(Files.isHidden(wrapped));
        assertEquals(0L, Files.getAttribute(wrapped, "size"));
        Files.setAttribute(wrapped, "basic:lastModifiedTime", FileTime.fromMillis(5000));
        assertEquals(5000, Files.getLastModifiedTime(wrapped).toMillis());
        assertEquals(
                5000,
                Files.getFileAttributeView(wrapped, BasicFileAttributeView.class)
                        .readAttributes()
                        .lastModifiedTime()
                        .toMillis());
        final Path link = wrapped.resolveSibling("link");
        Files.createSymbolicLink(link, wrapped);
        assertTrue(Files.isSymbolicLink(link));
        assertFalse(Files.isRegularFile(link, LinkOption.NOFOLLOW_LINKS));
        Files.createLink(wrapped.resolveSibling("hard"), wrapped);
        assertTrue(Files.isSameFile(wrapped, wrapped.resolveSibling("hard")));
        assertEquals(Files.getFileStore(path), Files.getFileStore(wrapped));
        assertTrue(Files.deleteIfExists(link));
        assertTrue(fileSystem.getPathMatcher("glob:**/fi*").matches(wrapped));
        assertEquals(FileSystems.getDefault().supportedFileAttributeViews(), fileSystem.supportedFileAttributeViews());
        assertThrows(UnsupportedOperationException.class, fileSystem::close);
        assertTrue(Files.createTempFile(wrapped.getParent(), "x", null).getFileSystem() == fileSystem);
    }

    @Test
    void watchServicesSpeakOfPathsOfThisKind() throws Exception {
        try (WatchService watcher = fileSystem.newWatchService()) {
            final WatchKey registered = wrapped.getParent().register(watcher, StandardWatchEventKinds.ENTRY_CREATE);
            Files.write(wrapped, bytes(1, 1));
            final WatchKey key = watcher.poll(30, TimeUnit.SECONDS);
            assertEquals(registered, key);
            assertEquals(Set.of(registered), Set.of(key));
            assertEquals(wrapped.getParent(), key.watchable());
            final var event = key.pollEvents().get(0);
            assertEquals(StandardWatchEventKinds.ENTRY_CREATE, event.kind());
            assertEquals(fileSystem.getPath("file"), event.context());
            assertTrue(key.reset());
        }
    }
}
