// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.channels.FileChannel.MapMode.PRIVATE;
import static java.nio.channels.FileChannel.MapMode.READ_ONLY;
import static java.nio.channels.FileChannel.MapMode.READ_WRITE;
import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.DELETE_ON_CLOSE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.SPARSE;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ByteChannel;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.FileLockInterruptionException;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.Pipe;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** What a FileChannel does. The JDK's own channel and this library's are held to the same. */
@Timeout(60)
abstract class FileChannelContract extends OnEveryFileSystem {
    private static final boolean GROWS_PAST_END = Runtime.version().feature() >= 21;

    /** A channel that an interrupt closes. */
    abstract FileChannel openInterruptible(Path file, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException;

    /** A channel that an interrupt need not close. */
    abstract FileChannel open(Path file, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException;

    FileChannel open(final OpenOption... options) throws IOException {
        return open(path, Set.of(options));
    }

    /** A channel for reading and writing of a file of that many bytes. */
    FileChannel filled(final int length, final long seed) throws IOException {
        Files.write(path, bytes(length, seed));
        return open(READ, WRITE);
    }

    static void assertMessage(final String message, final Class<? extends Throwable> type, final Executable body) {
        assertEquals(message, assertThrows(type, body).getMessage());
    }

    static byte[] contents(final FileChannel channel) throws IOException {
        final ByteBuffer all = ByteBuffer.allocate((int) channel.size());
        while (all.hasRemaining()) {
            assertTrue(channel.read(all, all.position()) > 0);
        }
        return all.array();
    }

    // ---- open ----

    @Test
    void optionsThatCannotBeTogetherAreRefused() {
        assertMessage("READ + APPEND not allowed", IllegalArgumentException.class, () -> open(CREATE, READ, APPEND));
        assertMessage(
                "APPEND + TRUNCATE_EXISTING not allowed",
                IllegalArgumentException.class,
                () -> open(CREATE, APPEND, TRUNCATE_EXISTING));
        assertMessage(
                "NOSHARE_READ not supported",
                UnsupportedOperationException.class,
                () -> open(CREATE, WRITE, ExtendedOpenOption.NOSHARE_READ));
        assertFalse(Files.exists(path));
    }

    @Test
    void appendAloneWritesAndCreates() throws IOException {
        try (FileChannel channel = open(APPEND, CREATE)) {
            assertEquals(3, channel.write(buffer(3, 1)));
            assertThrows(NonReadableChannelException.class, () -> channel.read(ByteBuffer.allocate(1)));
        }
        assertArrayEquals(bytes(3, 1), Files.readAllBytes(path));
        assertThrows(FileAlreadyExistsException.class, () -> open(APPEND, CREATE_NEW));
        assertThrows(NoSuchFileException.class, () -> open(directory.resolve("missing"), Set.of(APPEND)));
    }

    @Test
    void deleteOnCloseTakesTheNameAtOnceAndTheChannelGoesOn() throws IOException {
        try (FileChannel channel = open(READ, WRITE, CREATE_NEW, DELETE_ON_CLOSE, SPARSE)) {
            assertFalse(Files.exists(path));
            channel.write(buffer(10_000, 1));
            assertArrayEquals(bytes(10_000, 1), contents(channel));
            assertEquals(10_000, channel.map(READ_ONLY, 0, 10_000).remaining());
            try (FileLock lock = channel.lock()) {
                assertTrue(lock.isValid());
            }
        }
        assertFalse(Files.exists(path));
    }

    @Test
    void deleteOnCloseDoesNotFollowALink() throws IOException {
        Files.createFile(path);
        final Path link = Files.createSymbolicLink(directory.resolve("link"), path);
        assertThrows(IOException.class, () -> open(link, Set.of(READ, DELETE_ON_CLOSE)));
        assertTrue(Files.exists(path));
    }

    @Test
    void aFileIsCreatedWithThePermissionsThatWereAskedFor() throws IOException {
        final var owner = PosixFilePermissions.fromString("rw-------");
        open(path, Set.of(CREATE_NEW, WRITE), PosixFilePermissions.asFileAttribute(owner))
                .close();
        assertEquals(owner, Files.getPosixFilePermissions(path));
        final FileAttribute<String> other = new FileAttribute<>() {
            @Override
            public String name() {
                return "user:colour";
            }

            @Override
            public String value() {
                return "red";
            }
        };
        assertMessage(
                "'user:colour' not supported as initial attribute",
                UnsupportedOperationException.class,
                () -> open(path, Set.of(WRITE), other));
    }

    @Test
    void aDirectoryCannotBeWritten() {
        final FileSystemException e =
                assertThrows(FileSystemException.class, () -> open(directory, Set.of(READ, WRITE)));
        assertEquals("Is a directory", e.getReason());
        assertEquals(directory.toString(), e.getFile());
    }

    // ---- relative reads and writes ----

    @Test
    void readsAndWritesMoveOnePosition() throws IOException {
        try (FileChannel channel = open(READ, WRITE, CREATE)) {
            assertEquals(0, channel.position());
            assertEquals(5000, channel.write(buffer(5000, 1)));
            assertEquals(5000, channel.position());
            assertEquals(-1, channel.read(ByteBuffer.allocate(1)));
            assertEquals(5000, channel.position());
            assertSame(channel, channel.position(4990));
            final ByteBuffer read = ByteBuffer.allocate(100);
            assertEquals(10, channel.read(read));
            assertEquals(10, read.position());
            assertEquals(100, read.limit());
            assertEquals(5000, channel.position());
            channel.position(10);
            assertEquals(3, channel.write(buffer(3, 2)));
            assertEquals(13, channel.position());
            assertEquals(5000, channel.size());
        }
    }

    @Test
    void absoluteReadsAndWritesLeaveThePosition() throws IOException {
        try (FileChannel channel = filled(100, 1)) {
            channel.position(7);
            assertEquals(10, channel.write(buffer(10, 2), 95));
            final ByteBuffer read = ByteBuffer.allocateDirect(20);
            assertEquals(10, channel.read(read, 95));
            assertEquals(buffer(10, 2), read.flip());
            assertEquals(7, channel.position());
            assertEquals(105, channel.size());
        }
    }

    @Test
    void aWritePastTheEndLeavesZeros() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            channel.position(10_000);
            assertEquals(10_000, channel.position());
            assertEquals(10, channel.size());
            assertEquals(-1, channel.read(ByteBuffer.allocate(1)));
            channel.write(buffer(1, 2));
            assertEquals(10_001, channel.size());
            final byte[] expected = Arrays.copyOf(bytes(10, 1), 10_001);
            expected[10_000] = bytes(1, 2)[0];
            assertArrayEquals(expected, contents(channel));
        }
    }

    @Test
    void buffersWithoutSpaceTransferNothing() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            final ByteBuffer none = ByteBuffer.allocate(0);
            channel.position(100);
            assertEquals(0, channel.read(none));
            assertEquals(0, channel.read(none, 100));
            assertEquals(0, channel.read(new ByteBuffer[] {none, none}));
            assertEquals(0, channel.read(new ByteBuffer[0]));
            assertEquals(0, channel.write(none));
            assertEquals(0, channel.write(none, 100));
            assertEquals(0, channel.write(none, Long.MAX_VALUE));
            assertEquals(0, channel.write(new ByteBuffer[] {none, none}));
            assertEquals(0, channel.write(new ByteBuffer[0]));
            assertEquals(10, channel.size());
            assertEquals(100, channel.position());
        }
    }

    @Test
    void readsPastTheEndAreMinusOne() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            assertEquals(-1, channel.read(ByteBuffer.allocate(1), 10));
            assertEquals(-1, channel.read(ByteBuffer.allocate(1), 1L << 40));
            channel.position(11);
            assertEquals(-1, channel.read(ByteBuffer.allocateDirect(1)));
            assertEquals(-1, channel.read(new ByteBuffer[] {ByteBuffer.allocate(0), ByteBuffer.allocate(1)}));
            assertEquals(11, channel.position());
        }
    }

    @Test
    void aWriteThatWouldEndPastTheLargestOffsetFails() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            assertMessage("Invalid argument", IOException.class, () -> channel.write(buffer(10, 1), Long.MAX_VALUE));
            final ByteBuffer source = buffer(10, 1);
            assertThrows(IOException.class, () -> channel.write(source, Long.MAX_VALUE - 9));
            assertEquals(0, source.position());
            assertEquals(10, channel.size());
        }
    }

    @Test
    void vectoredTransfersTakeBuffersInTurn() throws IOException {
        try (FileChannel channel = open(READ, WRITE, CREATE)) {
            final ByteBuffer[] sources = {
                buffer(100, 1),
                ByteBuffer.allocate(0),
                direct(bytes(5000, 2)),
                buffer(7, 3).asReadOnlyBuffer(),
                direct(bytes(1, 4)).asReadOnlyBuffer()
            };
            assertEquals(5108, channel.write(sources));
            for (final ByteBuffer source : sources) {
                assertFalse(source.hasRemaining());
            }
            assertEquals(5108, channel.position());
            final ByteBuffer[] destinations = {
                ByteBuffer.allocate(99),
                ByteBuffer.allocateDirect(1),
                ByteBuffer.allocate(5000),
                ByteBuffer.allocate(50)
            };
            channel.position(0);
            assertEquals(5108, channel.read(destinations));
            assertEquals(8, destinations[3].position());
            assertEquals(5108, channel.position());
            assertEquals(buffer(5000, 2), destinations[2].flip());
            assertEquals(bytes(100, 1)[99], destinations[1].get(0));
        }
    }

    @Test
    void aPartOfAnArrayOfBuffersIsTransferred() throws IOException {
        try (FileChannel channel = open(READ, WRITE, CREATE)) {
            final ByteBuffer[] sources = {buffer(10, 1), buffer(20, 2), buffer(30, 3)};
            assertEquals(20, channel.write(sources, 1, 1));
            assertEquals(10, sources[0].remaining());
            assertEquals(0, sources[1].remaining());
            assertEquals(30, sources[2].remaining());
            assertEquals(0, channel.write(sources, 3, 0));
            channel.position(0);
            final ByteBuffer[] destinations = {null, ByteBuffer.allocate(5), ByteBuffer.allocate(40)};
            assertEquals(20, channel.read(destinations, 1, 2));
            assertEquals(15, destinations[2].position());
            assertThrows(IndexOutOfBoundsException.class, () -> channel.read(destinations, 1, 3));
            assertThrows(IndexOutOfBoundsException.class, () -> channel.read(destinations, -1, 1));
            assertThrows(IndexOutOfBoundsException.class, () -> channel.write(destinations, 0, -1));
            assertThrows(NullPointerException.class, () -> channel.read(destinations, 0, 2));
        }
    }

    @Test
    void manyBuffersAreWrittenInOrder() throws IOException {
        final byte[] expected = bytes(3000 * 3, 1);
        final ByteBuffer[] sources = new ByteBuffer[3000];
        for (int i = 0; i < sources.length; i++) {
            sources[i] = ByteBuffer.wrap(expected, i * 3, 3);
        }
        try (FileChannel channel = open(READ, WRITE, CREATE)) {
            long written = 0;
            int done = 0;
            while (written < expected.length) {
                written += channel.write(sources, done, sources.length - done);
                done = (int) (written / 3);
            }
            assertArrayEquals(expected, contents(channel));
        }
    }

    @Test
    void readOnlyBuffersCannotBeReadInto() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            final ByteBuffer readOnly = ByteBuffer.allocate(3).asReadOnlyBuffer();
            assertMessage("Read-only buffer", IllegalArgumentException.class, () -> channel.read(readOnly));
            assertMessage("Read-only buffer", IllegalArgumentException.class, () -> channel.read(readOnly, 0));
            final ByteBuffer[] mixed = {ByteBuffer.allocate(1), readOnly};
            assertMessage("Read-only buffer", IllegalArgumentException.class, () -> channel.read(mixed));
            assertEquals(0, mixed[0].position());
            assertEquals(0, channel.position());
        }
    }

    @Test
    void nullsAreRefused() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            assertThrows(NullPointerException.class, () -> channel.read((ByteBuffer) null));
            assertThrows(NullPointerException.class, () -> channel.read((ByteBuffer) null, 0));
            assertThrows(NullPointerException.class, () -> channel.read((ByteBuffer[]) null));
            assertThrows(NullPointerException.class, () -> channel.write((ByteBuffer) null));
            assertThrows(NullPointerException.class, () -> channel.write((ByteBuffer) null, 0));
            assertThrows(NullPointerException.class, () -> channel.write((ByteBuffer[]) null));
            assertThrows(NullPointerException.class, () -> channel.write(new ByteBuffer[] {buffer(1, 1), null}));
            assertThrows(NullPointerException.class, () -> channel.transferTo(0, 1, null));
            assertThrows(NullPointerException.class, () -> channel.transferFrom(null, 0, 1));
            assertMessage("Mode is null", NullPointerException.class, () -> channel.map(null, 0, 1));
            assertArrayEquals(bytes(10, 1), contents(channel));
        }
    }

    @Test
    void negativePositionsAreRefused() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            final String negative = "Negative position";
            assertMessage(negative, IllegalArgumentException.class, () -> channel.read(ByteBuffer.allocate(1), -1));
            assertMessage(negative, IllegalArgumentException.class, () -> channel.write(buffer(1, 1), -1));
            assertMessage(null, IllegalArgumentException.class, () -> channel.position(-1));
            assertMessage("Negative size", IllegalArgumentException.class, () -> channel.truncate(-1));
            assertMessage(null, IllegalArgumentException.class, () -> channel.transferTo(-1, 1, channel));
            assertMessage(null, IllegalArgumentException.class, () -> channel.transferTo(0, -1, channel));
            assertMessage(null, IllegalArgumentException.class, () -> channel.transferFrom(channel, -1, 1));
            assertMessage(null, IllegalArgumentException.class, () -> channel.transferFrom(channel, 0, -1));
        }
    }

    @Test
    void aChannelForReadingCannotChangeTheFile() throws IOException {
        Files.write(path, bytes(10, 1));
        try (FileChannel channel = open(READ)) {
            assertThrows(NonWritableChannelException.class, () -> channel.write(buffer(1, 1)));
            assertThrows(NonWritableChannelException.class, () -> channel.write(ByteBuffer.allocate(0)));
            assertThrows(NonWritableChannelException.class, () -> channel.write(buffer(1, 1), 0));
            assertThrows(NonWritableChannelException.class, () -> channel.write(new ByteBuffer[] {buffer(1, 1)}));
            assertThrows(NonWritableChannelException.class, () -> channel.truncate(5));
            assertMessage("Negative size", IllegalArgumentException.class, () -> channel.truncate(-1));
            assertThrows(NonWritableChannelException.class, () -> channel.transferFrom(channel, 0, 1));
            assertThrows(NonWritableChannelException.class, () -> channel.lock());
            assertThrows(NonWritableChannelException.class, () -> channel.tryLock());
            channel.force(true);
            channel.force(false);
            assertArrayEquals(bytes(10, 1), contents(channel));
        }
    }

    @Test
    void aChannelForWritingCannotRead() throws IOException {
        try (FileChannel channel = open(WRITE, CREATE)) {
            channel.write(buffer(10, 1));
            assertThrows(NonReadableChannelException.class, () -> channel.read(ByteBuffer.allocate(1)));
            assertThrows(NonReadableChannelException.class, () -> channel.read(ByteBuffer.allocate(1), 0));
            assertThrows(
                    NonReadableChannelException.class, () -> channel.read(new ByteBuffer[] {ByteBuffer.allocate(1)}));
            assertThrows(NonReadableChannelException.class, () -> channel.transferTo(0, 1, channel));
            assertThrows(NonReadableChannelException.class, () -> channel.map(READ_ONLY, 0, 1));
            assertThrows(NonReadableChannelException.class, () -> channel.lock(0, 1, true));
            assertThrows(NonReadableChannelException.class, () -> channel.tryLock(0, 1, true));
            try (FileLock lock = channel.tryLock()) {
                assertTrue(lock.isValid());
            }
        }
    }

    // ---- append ----

    @Test
    void appendingIgnoresThePosition() throws IOException {
        Files.write(path, bytes(10, 1));
        try (FileChannel channel = open(APPEND)) {
            assertEquals(10, channel.position());
            channel.position(3);
            assertEquals(10, channel.position());
            assertEquals(5, channel.write(buffer(5, 2)));
            assertEquals(15, channel.position());
            assertEquals(6, channel.write(new ByteBuffer[] {buffer(5, 3), buffer(1, 4)}));
            assertEquals(21, channel.position());
            assertEquals(2, channel.write(buffer(2, 5), 0));
            assertEquals(23, channel.position());
            assertEquals(4, channel.write(buffer(4, 6), 1000));
            assertEquals(27, channel.size());
        }
        final ByteBuffer expected =
                ByteBuffer.allocate(27).put(bytes(10, 1)).put(bytes(5, 2)).put(bytes(5, 3));
        expected.put(bytes(1, 4)).put(bytes(2, 5)).put(bytes(4, 6));
        assertArrayEquals(expected.array(), Files.readAllBytes(path));
    }

    @Test
    void appendersOfOneFileLoseNothing() throws Exception {
        final int threads = 4;
        final int each = 200;
        final FutureTask<?>[] tasks = new FutureTask<?>[threads];
        for (int t = 0; t < threads; t++) {
            final byte[] record = new byte[37];
            Arrays.fill(record, (byte) (t + 1));
            tasks[t] = new FutureTask<>(() -> {
                try (FileChannel channel = open(APPEND, CREATE)) {
                    for (int i = 0; i < each; i++) {
                        assertEquals(37, channel.write(ByteBuffer.wrap(record)));
                    }
                }
                return null;
            });
            new Thread(tasks[t]).start();
        }
        for (final FutureTask<?> task : tasks) {
            task.get();
        }
        final byte[] found = Files.readAllBytes(path);
        assertEquals(threads * each * 37, found.length);
        final int[] counts = new int[threads + 1];
        for (int i = 0; i < found.length; i += 37) {
            counts[found[i]]++;
            for (int j = 1; j < 37; j++) {
                assertEquals(found[i], found[i + j], "a record is torn at " + i);
            }
        }
        assertArrayEquals(new int[] {0, each, each, each, each}, counts);
    }

    @Test
    void transfersToAnAppendingChannelAppend() throws IOException {
        final Path other = Files.write(directory.resolve("other"), bytes(20, 2));
        Files.write(path, bytes(10, 1));
        try (FileChannel source = open(other, Set.of(READ));
                FileChannel channel = open(APPEND)) {
            assertEquals(20, source.transferTo(0, 100, channel));
            assertEquals(30, channel.position());
            assertEquals(1, channel.transferFrom(Channels.newChannel(new ByteArrayInputStream(bytes(1, 3))), 0, 9));
            assertEquals(31, channel.size());
            channel.truncate(12);
            assertEquals(12, channel.position());
        }
        assertArrayEquals(bytes(2, 2), Arrays.copyOfRange(Files.readAllBytes(path), 10, 12));
    }

    // ---- size ----

    @Test
    void truncateCutsAndMovesThePositionBack() throws IOException {
        try (FileChannel channel = filled(10_000, 1)) {
            channel.position(9000);
            assertSame(channel, channel.truncate(5000));
            assertEquals(5000, channel.position());
            assertEquals(5000, channel.size());
            channel.position(100);
            channel.truncate(200);
            assertEquals(100, channel.position());
            assertArrayEquals(bytes(200, 1), contents(channel));
        }
        assertEquals(200, Files.size(path));
    }

    @Test
    void truncateToALargerSizeChangesOnlyThePosition() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            channel.position(1000);
            channel.truncate(500);
            assertEquals(500, channel.position());
            assertEquals(10, channel.size());
            channel.truncate(Long.MAX_VALUE);
            assertEquals(500, channel.position());
            assertEquals(10, channel.size());
            channel.truncate(10);
            assertArrayEquals(bytes(10, 1), contents(channel));
        }
    }

    @Test
    void whatWasCutDoesNotComeBack() throws IOException {
        try (FileChannel channel = filled(10_000, 1)) {
            channel.truncate(4097);
            channel.write(buffer(1, 2), 9999);
            final byte[] expected = Arrays.copyOf(bytes(4097, 1), 10_000);
            expected[9999] = bytes(1, 2)[0];
            assertArrayEquals(expected, contents(channel));
        }
    }

    @Test
    void forceIsAccepted() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            channel.write(buffer(5, 2), 3);
            channel.force(false);
            channel.force(true);
        }
    }

    // ---- transfers ----

    @Test
    void transferToCopiesARangeAndMovesTheTargetsPosition() throws IOException {
        final Path other = directory.resolve("other");
        try (FileChannel source = filled(3_000_000, 1);
                FileChannel target = open(other, Set.of(READ, WRITE, CREATE))) {
            source.position(5);
            target.position(3);
            assertEquals(
                    2_999_000,
                    whole(source, 2_999_000, done -> source.transferTo(1000 + done, (1L << 40) - done, target)));
            assertEquals(5, source.position());
            assertEquals(2_999_003, target.position());
            final byte[] expected = new byte[2_999_003];
            System.arraycopy(bytes(3_000_000, 1), 1000, expected, 3, 2_999_000);
            assertArrayEquals(expected, contents(target));
            assertEquals(0, source.transferTo(3_000_000, 10, target));
            assertEquals(0, source.transferTo(3_000_001, 10, target));
            assertEquals(0, source.transferTo(0, 0, target));
        }
    }

    private interface Transfer {
        long from(long done) throws IOException;
    }

    /* The kernel copies for the JDK's channels, and may stop before the end. */
    private static long whole(final FileChannel channel, final long count, final Transfer transfer) throws IOException {
        long done = transfer.from(0);
        while (done < count && !channel.getClass().getName().startsWith("io.writethrough.")) {
            done += transfer.from(done);
        }
        return done;
    }

    @Test
    void transferFromCopiesARangeAndMovesTheSourcesPosition() throws IOException {
        final Path other = Files.write(directory.resolve("other"), bytes(3_000_000, 2));
        try (FileChannel target = filled(10, 1);
                FileChannel source = open(other, Set.of(READ))) {
            source.position(100);
            target.position(1);
            assertEquals(
                    2_000_000,
                    whole(target, 2_000_000, done -> target.transferFrom(source, 10 + done, 2_000_000 - done)));
            assertEquals(2_000_100, source.position());
            assertEquals(1, target.position());
            assertEquals(2_000_010, target.size());
            assertArrayEquals(
                    Arrays.copyOfRange(bytes(3_000_000, 2), 100, 2_000_100),
                    Arrays.copyOfRange(contents(target), 10, 2_000_010));
            source.position(3_000_000);
            assertEquals(0, target.transferFrom(source, 0, 10));
            assertEquals(0, target.transferFrom(source, 0, 0));
        }
    }

    @Test
    void transfersBetweenAChannelOfThisKindAndTheJdks() throws IOException {
        final Path other = Files.write(directory.resolve("other"), bytes(100_000, 2));
        try (FileChannel channel = filled(10, 1);
                FileChannel jdk = FileChannel.open(other, READ, WRITE)) {
            assertEquals(100_000, channel.transferFrom(jdk, 5, 1 << 20));
            assertEquals(100_000, jdk.position());
            assertEquals(100_005, jdk.transferFrom(channel, 0, 1 << 20));
            assertEquals(100_005, channel.position());
            assertArrayEquals(contents(channel), contents(jdk));
            jdk.truncate(0);
            assertEquals(100_005, channel.transferTo(0, 1 << 20, jdk));
            channel.position(0);
            assertEquals(100_005, jdk.transferTo(0, 1 << 20, channel));
            assertArrayEquals(contents(channel), contents(jdk));
        }
    }

    @Test
    void transfersByStreams() throws IOException {
        try (FileChannel channel = filled(100_000, 1)) {
            final ByteArrayOutputStream out = new ByteArrayOutputStream();
            final WritableByteChannel sink = Channels.newChannel(out);
            long done = 0;
            while (done < 90_000) {
                done += channel.transferTo(10_000 + done, 90_000 - done, sink);
            }
            assertArrayEquals(Arrays.copyOfRange(bytes(100_000, 1), 10_000, 100_000), out.toByteArray());
            final ReadableByteChannel source = Channels.newChannel(new ByteArrayInputStream(bytes(50_000, 2)));
            assertEquals(50_000, channel.transferFrom(source, 90_000, 1 << 20));
            assertEquals(140_000, channel.size());
            assertEquals(0, channel.transferFrom(source, 0, 10));
        }
    }

    @Test
    void transfersByPipe() throws IOException {
        final Pipe pipe = Pipe.open();
        try (FileChannel channel = filled(3000, 1);
                Pipe.SinkChannel sink = pipe.sink();
                Pipe.SourceChannel source = pipe.source()) {
            assertEquals(1000, channel.transferTo(500, 1000, sink));
            sink.close();
            assertEquals(1000, channel.transferFrom(source, 3000, 5000));
            assertArrayEquals(
                    Arrays.copyOfRange(bytes(3000, 1), 500, 1500), Arrays.copyOfRange(contents(channel), 3000, 4000));
        }
    }

    @Test
    void transferFromToAPositionPastTheEnd() throws IOException {
        final Path other = Files.write(directory.resolve("other"), bytes(10, 2));
        try (FileChannel channel = filled(10, 1);
                FileChannel source = open(other, Set.of(READ))) {
            assertEquals(GROWS_PAST_END ? 10 : 0, channel.transferFrom(source, 100, 10));
            assertEquals(GROWS_PAST_END ? 110 : 10, channel.size());
            assertEquals(GROWS_PAST_END ? 10 : 0, source.position());
        }
    }

    @Test
    void transfersWithinOneFile() throws IOException {
        try (FileChannel channel = filled(100, 1)) {
            channel.position(100);
            assertEquals(100, channel.transferTo(0, 100, channel));
            assertEquals(200, channel.position());
            channel.position(50);
            assertEquals(150, channel.transferFrom(channel, 200, 1000));
            assertEquals(200, channel.position());
            assertEquals(350, channel.size());
            final byte[] found = contents(channel);
            assertArrayEquals(bytes(100, 1), Arrays.copyOfRange(found, 100, 200));
            assertArrayEquals(Arrays.copyOfRange(found, 50, 200), Arrays.copyOfRange(found, 200, 350));
        }
    }

    @Test
    void transfersCheckTheOtherChannelToo() throws IOException {
        final Path other = Files.write(directory.resolve("other"), bytes(10, 2));
        try (FileChannel channel = filled(10, 1);
                FileChannel jdkReader = FileChannel.open(other, READ);
                FileChannel reader = open(other, Set.of(READ))) {
            for (final FileChannel notWritable : new FileChannel[] {reader, jdkReader}) {
                assertThrows(NonWritableChannelException.class, () -> channel.transferTo(0, 1, notWritable));
                assertThrows(NonWritableChannelException.class, () -> channel.transferTo(0, 0, notWritable));
                assertThrows(NonWritableChannelException.class, () -> channel.transferTo(1000, 1, notWritable));
            }
        }
        try (FileChannel channel = open(READ, WRITE);
                FileChannel writer = open(other, Set.of(WRITE))) {
            assertThrows(NonReadableChannelException.class, () -> channel.transferFrom(writer, 0, 1));
            assertThrows(NonReadableChannelException.class, () -> channel.transferFrom(writer, 0, 0));
            writer.close();
            assertThrows(ClosedChannelException.class, () -> channel.transferFrom(writer, 0, 1));
            assertThrows(ClosedChannelException.class, () -> channel.transferTo(0, 1, writer));
            assertArrayEquals(bytes(10, 1), contents(channel));
        }
    }

    @Test
    void aTransferThatBreaksOffReturnsWhatItDid() throws IOException {
        final ReadableByteChannel breaking = new ReadableByteChannel() {
            private int calls;

            @Override
            public int read(final ByteBuffer destination) throws IOException {
                if (calls++ > 0) {
                    throw new IOException("broken");
                }
                destination.put(bytes(10, 2));
                return 10;
            }

            @Override
            public boolean isOpen() {
                return true;
            }

            @Override
            public void close() {}
        };
        try (FileChannel channel = filled(10, 1)) {
            assertEquals(10, channel.transferFrom(breaking, 0, 1000));
            assertMessage("broken", IOException.class, () -> channel.transferFrom(breaking, 0, 1000));
            assertArrayEquals(bytes(10, 2), contents(channel));
        }
    }

    // ---- mappings ----

    @Test
    void aReadOnlyMappingShowsTheFile() throws IOException {
        try (FileChannel channel = filled(20_000, 1)) {
            final MappedByteBuffer mapped = channel.map(READ_ONLY, 5000, 10_000);
            assertTrue(mapped.isReadOnly());
            assertEquals(10_000, mapped.remaining());
            assertEquals(ByteBuffer.wrap(bytes(20_000, 1), 5000, 10_000), mapped);
        }
    }

    @Test
    void aReadOnlyMappingFollowsWritesThatReturned() throws IOException {
        try (FileChannel channel = filled(40_000, 1)) {
            final MappedByteBuffer mapped = channel.map(READ_ONLY, 0, 40_000);
            assertEquals(buffer(40_000, 1), mapped);
            for (int seed = 2; seed < 50; seed++) {
                final int at = seed * 700;
                channel.write(buffer(5000, seed), at);
                assertEquals(buffer(5000, seed), mapped.slice(at, 5000));
                channel.write(buffer(8192, seed), 8192);
                assertEquals(buffer(8192, seed), mapped.slice(8192, 8192));
            }
        }
    }

    @Test
    void aPrivateMappingKeepsItsChangesToItself() throws IOException {
        try (FileChannel channel = filled(10_000, 1)) {
            final MappedByteBuffer mapped = channel.map(PRIVATE, 10, 9000);
            assertFalse(mapped.isReadOnly());
            assertEquals(ByteBuffer.wrap(bytes(10_000, 1), 10, 9000), mapped);
            mapped.put(0, bytes(9000, 2));
            assertArrayEquals(bytes(10_000, 1), contents(channel));
        }
        assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(path));
    }

    @Test
    void aMappingPastTheEndMakesTheFileGrowIfItMay() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            assertEquals(1000, channel.map(READ_ONLY, 500, 1000).remaining());
            assertEquals(1500, channel.size());
            assertEquals(0, channel.map(READ_ONLY, 2000, 0).remaining());
            assertEquals(2000, channel.size());
            assertArrayEquals(Arrays.copyOf(bytes(10, 1), 2000), contents(channel));
        }
        try (FileChannel channel = open(READ)) {
            assertMessage(
                    "Channel not open for writing - cannot extend file to required size",
                    IOException.class,
                    () -> channel.map(READ_ONLY, 0, 2001));
        }
    }

    @Test
    void aMappingForWritingAndTheChannelSeeEachOther() throws IOException {
        try (FileChannel channel = filled(40_000, 1)) {
            final MappedByteBuffer mapped = channel.map(READ_WRITE, 100, 50_000);
            assertFalse(mapped.isReadOnly());
            assertEquals(50_100, channel.size());
            assertEquals(ByteBuffer.wrap(bytes(40_000, 1), 100, 39_900), mapped.slice(0, 39_900));
            for (int seed = 2; seed < 50; seed++) {
                final int at = seed * 700;
                mapped.put(at, bytes(5000, seed));
                final ByteBuffer read = ByteBuffer.allocate(5000);
                assertEquals(5000, channel.read(read, at + 100));
                assertEquals(buffer(5000, seed), read.flip());
                channel.write(buffer(3000, seed + 50), at + 1100);
                assertEquals(buffer(3000, seed + 50), mapped.slice(at + 1000, 3000));
                channel.write(buffer(4096, seed), 8192);
                assertEquals(buffer(4096, seed), mapped.slice(8092, 4096));
            }
            mapped.force();
            channel.force(false);
            final byte[] all = contents(channel);
            assertEquals(ByteBuffer.wrap(all, 100, 50_000), mapped);
            assertArrayEquals(Files.readAllBytes(path), all);
        }
    }

    @Test
    void aMappingForWritingOutlivesItsChannelAndShowsInTheNext() throws IOException {
        final FileChannel first = filled(10_000, 1);
        final MappedByteBuffer mapped = first.map(READ_WRITE, 0, 10_000);
        first.close();
        mapped.put(0, bytes(5000, 2));
        try (FileChannel channel = open(READ, WRITE)) {
            mapped.put(5000, bytes(5000, 3));
            assertEquals(mapped, ByteBuffer.wrap(contents(channel)));
            channel.write(buffer(100, 4), 0);
            assertEquals(buffer(100, 4), mapped.slice(0, 100));
        }
    }

    @Test
    void mappingsThatCannotBeAreRefused() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            final Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
            assertMessage("Negative position", illegal, () -> channel.map(READ_ONLY, -1, 1));
            assertMessage("Negative size", illegal, () -> channel.map(READ_ONLY, 0, -1));
            assertMessage("Size exceeds Integer.MAX_VALUE", illegal, () -> channel.map(READ_ONLY, 0, 1L << 31));
            assertMessage("Position + size overflow", illegal, () -> channel.map(READ_ONLY, Long.MAX_VALUE, 1));
        }
        try (FileChannel channel = open(READ)) {
            assertThrows(NonWritableChannelException.class, () -> channel.map(PRIVATE, 0, 1));
            assertThrows(NonWritableChannelException.class, () -> channel.map(READ_WRITE, 0, 1));
        }
    }

    @Test
    void aMappingOutlivesItsChannel() throws IOException {
        final FileChannel channel = filled(10_000, 1);
        final MappedByteBuffer mapped = channel.map(READ_ONLY, 0, 10_000);
        channel.close();
        assertEquals(buffer(10_000, 1), mapped);
    }

    // ---- locks ----

    @Test
    void aLockHasItsRegionAndIsGoneWhenItIsReleasedOrTheChannelCloses() throws IOException {
        final FileLock lock;
        try (FileChannel channel = filled(10, 1)) {
            lock = channel.lock(5, 100, false);
            assertSame(channel, lock.acquiredBy());
            assertSame(channel, lock.channel());
            assertEquals(5, lock.position());
            assertEquals(100, lock.size());
            assertFalse(lock.isShared());
            assertTrue(lock.overlaps(0, 6));
            assertFalse(lock.overlaps(0, 5));
            final FileLock other = channel.tryLock(200, 10, true);
            assertTrue(other.isShared());
            assertTrue(other.isValid());
            other.release();
            assertFalse(other.isValid());
            other.release();
            assertTrue(lock.isValid());
        }
        assertFalse(lock.isValid());
        assertThrows(ClosedChannelException.class, lock::release);
    }

    @Test
    void locksOfOneJvmThatOverlapAreAnErrorWhicheverChannelHasThem() throws IOException {
        try (FileChannel channel = filled(10, 1);
                FileChannel same = open(READ, WRITE);
                FileChannel jdk = FileChannel.open(path, READ, WRITE)) {
            try (FileLock lock = channel.lock(10, 10, false)) {
                assertNotNull(lock);
                for (final FileChannel other : new FileChannel[] {channel, same, jdk}) {
                    assertThrows(OverlappingFileLockException.class, () -> other.lock(15, 1, false));
                    assertThrows(OverlappingFileLockException.class, () -> other.tryLock(0, 11, true));
                    other.tryLock(20, 1, false).release();
                }
            }
            try (FileLock lock = jdk.lock()) {
                assertNotNull(lock);
                assertThrows(OverlappingFileLockException.class, () -> channel.tryLock());
            }
            channel.tryLock().release();
        }
    }

    @Test
    void regionsThatCannotBeAreRefused() throws IOException {
        try (FileChannel channel = filled(10, 1)) {
            final Class<IllegalArgumentException> illegal = IllegalArgumentException.class;
            assertMessage("Negative position", illegal, () -> channel.lock(-1, 1, false));
            assertMessage("Negative size", illegal, () -> channel.tryLock(0, -1, false));
            assertMessage("Negative position + size", illegal, () -> channel.lock(Long.MAX_VALUE, 1, false));
            channel.tryLock(0, Long.MAX_VALUE, true).close();
        }
    }

    @Test
    void anotherProcessIsExcludedUntilTheLockIsReleased() throws Exception {
        try (FileChannel channel = filled(10, 1)) {
            final FileLock lock = channel.lock(0, 10, false);
            assertFalse(OtherProcess.tryLock(path, 5, false));
            assertFalse(OtherProcess.tryLock(path, 5, true));
            assertTrue(OtherProcess.tryLock(path, 10, false));
            lock.release();
            assertTrue(OtherProcess.tryLock(path, 5, false));
            try (FileLock shared = channel.lock(0, 10, true)) {
                assertNotNull(shared);
                assertFalse(OtherProcess.tryLock(path, 5, false));
                assertTrue(OtherProcess.tryLock(path, 5, true));
            }
        }
    }

    @Test
    void openingTheFileAgainKeepsItsLocks() throws Exception {
        try (FileChannel channel = filled(10, 1);
                FileLock lock = channel.lock();
                FileChannel writer = open(READ, WRITE);
                FileChannel reader = open(READ)) {
            assertTrue(lock.isValid() && writer.isOpen() && reader.isOpen());
            assertFalse(OtherProcess.tryLock(path, 5, false));
        }
    }

    @Test
    void aLockOfAnotherProcessIsWaitedFor() throws Exception {
        try (FileChannel channel = filled(10, 1)) {
            OtherProcess.hold(path);
            assertNull(channel.tryLock());
            final FutureTask<Boolean> waiting = new FutureTask<>(() -> {
                try (FileLock lock = channel.lock()) {
                    return lock.isValid();
                }
            });
            final Thread thread = new Thread(waiting);
            thread.start();
            awaitBlocked(thread);
            assertFalse(waiting.isDone());
            OtherProcess.letGo();
            assertTrue(waiting.get());
        }
    }

    @Test
    void closingTheChannelEndsTheWaitForALock() throws Exception {
        final FileChannel channel = filled(10, 1);
        OtherProcess.hold(path);
        final FutureTask<FileLock> waiting = new FutureTask<>(() -> channel.lock());
        final Thread thread = new Thread(waiting);
        thread.start();
        awaitBlocked(thread);
        channel.close();
        assertEquals(
                AsynchronousCloseException.class,
                assertThrows(Exception.class, waiting::get).getCause().getClass());
        OtherProcess.letGo();
    }

    @Test
    void anInterruptEndsTheWaitForALockAndClosesAnInterruptibleChannel() throws Exception {
        Files.write(path, bytes(10, 1));
        final FileChannel channel = openInterruptible(path, Set.of(READ, WRITE));
        OtherProcess.hold(path);
        final FutureTask<Boolean> waiting = new FutureTask<>(() -> {
            assertThrows(FileLockInterruptionException.class, channel::lock);
            return Thread.interrupted();
        });
        final Thread thread = new Thread(waiting);
        thread.start();
        awaitBlocked(thread);
        thread.interrupt();
        assertTrue(waiting.get(), "the thread is not interrupted any more");
        assertFalse(channel.isOpen());
        OtherProcess.letGo();
    }

    /* A thread in a native call counts as running: it is blocked when its stack has stood in one for long enough. */
    static void awaitBlocked(final Thread thread) throws InterruptedException {
        final CountDownLatch never = new CountDownLatch(1);
        int still = 0;
        StackTraceElement[] before = {};
        while (still < 10) {
            never.await(20, TimeUnit.MILLISECONDS);
            final StackTraceElement[] now = thread.getStackTrace();
            final boolean inLock =
                    Arrays.stream(now).anyMatch(frame -> frame.getMethodName().equals("lock"));
            still = inLock && Arrays.equals(now, before) ? still + 1 : 0;
            before = now;
        }
    }

    // ---- interrupts ----

    @Test
    void anInterruptedThreadClosesAnInterruptibleChannelAndStaysInterrupted() throws IOException {
        for (final ChannelUse use : USES) {
            Files.write(path, bytes(10_000, 1));
            final FileChannel channel = openInterruptible(path, Set.of(READ, WRITE));
            Thread.currentThread().interrupt();
            assertThrows(ClosedByInterruptException.class, () -> use.on(channel), use.toString());
            assertTrue(Thread.interrupted());
            assertFalse(channel.isOpen());
        }
    }

    interface ChannelUse {
        void on(FileChannel channel) throws IOException;
    }

    static final ChannelUse[] USES = {
        channel -> channel.read(ByteBuffer.allocate(1)),
        channel -> channel.read(ByteBuffer.allocate(1), 0),
        channel -> channel.read(new ByteBuffer[] {ByteBuffer.allocate(1)}),
        channel -> channel.write(buffer(1, 1)),
        channel -> channel.write(buffer(1, 1), 0),
        channel -> channel.write(new ByteBuffer[] {buffer(1, 1)}),
        channel -> channel.position(),
        channel -> channel.position(3),
        channel -> channel.size(),
        channel -> channel.truncate(3),
        channel -> channel.force(true),
        channel -> channel.force(false),
        channel -> channel.map(READ_ONLY, 0, 1),
        channel -> channel.transferTo(0, 100, new Endless()),
        channel -> channel.transferFrom(new Endless(), 0, 10),
    };

    /** Takes and gives as many bytes as there are, and knows no interrupts. */
    private static final class Endless implements ByteChannel {
        @Override
        public int read(final ByteBuffer destination) {
            final int count = destination.remaining();
            destination.position(destination.limit());
            return count;
        }

        @Override
        public int write(final ByteBuffer source) {
            return read(source);
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {}
    }

    @Test
    void anInterruptWhileAnotherThreadUsesTheChannelClosesItForBoth() throws Exception {
        Files.write(path, bytes(100_000, 1));
        final FileChannel channel = openInterruptible(path, Set.of(READ, WRITE));
        final CountDownLatch begun = new CountDownLatch(1);
        final FutureTask<Void> interrupted = new FutureTask<>(() -> {
            final ByteBuffer bytes = buffer(4096, 2);
            assertThrows(ClosedByInterruptException.class, () -> {
                while (true) {
                    channel.write(bytes.clear(), 4096);
                    begun.countDown();
                }
            });
            return null;
        });
        final Thread thread = new Thread(interrupted);
        thread.start();
        begun.await();
        thread.interrupt();
        interrupted.get();
        assertThrows(ClosedChannelException.class, () -> channel.read(ByteBuffer.allocate(1), 0));
    }

    // ---- closing ----

    @Test
    void aClosedChannelRefusesEverything() throws IOException {
        final FileChannel channel = filled(10, 1);
        assertTrue(channel.isOpen());
        channel.close();
        channel.close();
        assertFalse(channel.isOpen());
        for (final ChannelUse use : USES) {
            assertThrows(ClosedChannelException.class, () -> use.on(channel), use.toString());
        }
        assertThrows(ClosedChannelException.class, () -> channel.lock());
        assertThrows(ClosedChannelException.class, () -> channel.tryLock());
        assertThrows(ClosedChannelException.class, () -> channel.position(-1));
        assertThrows(ClosedChannelException.class, () -> channel.truncate(-1));
        assertThrows(ClosedChannelException.class, () -> channel.transferTo(-1, 1, null));
        assertThrows(ClosedChannelException.class, () -> channel.map(READ_ONLY, -1, 1));
        assertThrows(IllegalArgumentException.class, () -> channel.read(ByteBuffer.allocate(1), -1));
        assertThrows(NullPointerException.class, () -> channel.map(null, 0, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> channel.read(new ByteBuffer[1], 0, 2));
    }

    @Test
    void closingWhileOthersReadAndWriteIsCleanForAll() throws Exception {
        final FileChannel channel = filled(100_000, 1);
        final CountDownLatch begun = new CountDownLatch(3);
        final FutureTask<?>[] tasks = new FutureTask<?>[3];
        for (int t = 0; t < tasks.length; t++) {
            final int seed = t;
            tasks[t] = new FutureTask<>(() -> {
                final ByteBuffer bytes = buffer(10_000, seed);
                // ClosedChannelException, of which AsynchronousCloseException is one.
                assertThrows(ClosedChannelException.class, () -> {
                    while (true) {
                        bytes.clear();
                        if (seed == 0) {
                            channel.read(bytes, 50_000);
                        } else {
                            channel.write(bytes, seed * 20_000L);
                        }
                        begun.countDown();
                    }
                });
                return null;
            });
            new Thread(tasks[t]).start();
        }
        begun.await();
        channel.close();
        for (final FutureTask<?> task : tasks) {
            task.get();
        }
        assertEquals(100_000, Files.size(path));
    }

    @Test
    void theChannelOfAFileThatWasRenamedOrUnlinkedStaysWithTheFile() throws IOException {
        try (FileChannel channel = filled(10_000, 1)) {
            Files.move(path, directory.resolve("moved"));
            Files.write(path, bytes(10_000, 9));
            channel.write(buffer(100, 2), 10_000);
            assertEquals(buffer(100, 2), channel.map(READ_ONLY, 10_000, 100));
            try (FileLock lock = channel.lock();
                    FileChannel jdk = FileChannel.open(directory.resolve("moved"), WRITE)) {
                assertTrue(lock.isValid());
                assertThrows(OverlappingFileLockException.class, jdk::tryLock);
            }
            Files.delete(directory.resolve("moved"));
            channel.write(buffer(100, 3), 10_100);
            assertEquals(10_200, channel.size());
            assertEquals(buffer(100, 3), channel.map(PRIVATE, 10_100, 100));
        }
        assertArrayEquals(bytes(10_000, 9), Files.readAllBytes(path));
    }
}
