// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.TestDirectories;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.apache.bookkeeper.bookie.BookieFileChannel;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.apache.bookkeeper.util.PageCacheUtil;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(300)
class JournalTest {
    private static final int ENTRIES = 4000;

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    @ParameterizedTest
    @CsvSource({"WRITE_THROUGH, DEFAULT", "DEFAULT, WRITE_THROUGH", "WRITE_THROUGH, WRITE_THROUGH"})
    void aJournalOfOneProviderIsReplayedByTheOther(final Provider writer, final Provider reader) throws Exception {
        write(TestJournal.start(writer, directory), 0, ENTRIES);

        assertTrue(TestJournal.files(directory).length > 2, "several files");
        assertAllThere(TestJournal.replay(reader, directory), ENTRIES);
    }

    @Test
    void aBookieCanChangeTheProviderAndBack() throws Exception {
        write(TestJournal.start(Provider.WRITE_THROUGH, directory), 0, 500);
        write(TestJournal.start(Provider.DEFAULT, directory), 500, 1000);
        write(TestJournal.start(Provider.WRITE_THROUGH, directory), 1000, 1500);

        assertAllThere(TestJournal.replay(Provider.DEFAULT, directory), 1500);
        assertAllThere(TestJournal.replay(Provider.WRITE_THROUGH, directory), 1500);
    }

    private static void write(final TestJournal journal, final long from, final long to) throws Exception {
        final List<CompletableFuture<Long>> added = new ArrayList<>();
        for (long number = from; number < to; number++) {
            added.add(journal.add(number));
        }
        CompletableFuture.allOf(added.toArray(CompletableFuture[]::new)).join();
        journal.close();
    }

    private static void assertAllThere(final Map<Long, Boolean> replayed, final long count) {
        assertFalse(replayed.containsValue(false), "an entry has other bytes");
        assertArrayEquals(
                LongStream.range(0, count).toArray(),
                replayed.keySet().stream().mapToLong(Long::longValue).toArray());
    }

    @Test
    void theFilesOfBothProvidersAreTheSameByteForByteUpToTheZerosAtTheirEnd() throws Exception {
        final Path other = directory.resolve("other");
        for (final Provider provider : Provider.values()) {
            final TestJournal journal = TestJournal.start(provider, provider == Provider.DEFAULT ? other : directory);
            for (long number = 0; number < 200; number++) {
                journal.add(number).join(); // one at a time, so that both pad alike
            }
            journal.close();
        }

        assertArrayEquals(withoutZeros(TestJournal.files(other)[0]), withoutZeros(TestJournal.files(directory)[0]));
    }

    private static byte[] withoutZeros(final File file) throws IOException {
        final byte[] bytes = Files.readAllBytes(file.toPath());
        int end = bytes.length;
        while (end > 0 && bytes[end - 1] == 0) {
            end--;
        }
        return Arrays.copyOf(bytes, end);
    }

    @Test
    void aNewJournalHasWrittenZerosAheadAndGetsMoreBeforeTheyAreUsed() throws Exception {
        final Path path = directory.resolve("1.txn");
        final BookieFileChannel bookieChannel =
                channel(path, TestJournal.configuration(Provider.WRITE_THROUGH, directory));
        final FileChannel channel = bookieChannel.getFileChannel();
        channel.write(ByteBuffer.allocate(512).put(0, (byte) 1));
        channel.force(true);
        channel.write(ByteBuffer.allocate(512), (1 << 20) - 512);
        assertTrue(spaceOf(path) >= 1 << 20, spaceOf(path) + " bytes of space");

        channel.write(ByteBuffer.allocate(600 << 10).put(0, (byte) 1));
        writeUntilItHas(2 << 20, path, channel);
        channel.write(ByteBuffer.allocate(1 << 20).put(0, (byte) 1));
        writeUntilItHas(3 << 20, path, channel);
        assertTrue(spaceOf(path) >= 3 << 20, spaceOf(path) + " bytes of space");
        assertTrue(channel.position() < 2 << 20, "the journal reached the zeros of the last segment");
        bookieChannel.close();
        assertFalse(channel.isOpen());
    }

    /* The zeros are those of a thread that nobody waits for. */
    private static void writeUntilItHas(final long size, final Path path, final FileChannel channel) throws Exception {
        final long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        while (Files.size(path) < size) {
            assertTrue(System.nanoTime() < deadline, "still no zeros up to " + size);
            channel.write(ByteBuffer.wrap(new byte[] {1}));
            channel.force(false);
        }
    }

    private static long spaceOf(final Path path) throws Exception {
        final Process stat = new ProcessBuilder("stat", "-c", "%b", path.toString()).start();
        return 512
                * Long.parseLong(new String(stat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip());
    }

    @Test
    void zerosOverBytesThatWereWrittenAreWritten() throws Exception {
        final Path path = directory.resolve("1.txn");
        final BookieFileChannel bookieChannel =
                channel(path, TestJournal.configuration(Provider.WRITE_THROUGH, directory));
        final FileChannel channel = bookieChannel.getFileChannel();
        channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}));
        channel.write(ByteBuffer.allocate(2), 1);
        channel.force(false);
        bookieChannel.close();

        assertArrayEquals(new byte[] {1, 0, 0, 4}, Files.readAllBytes(path));
    }

    @Test
    void theDescriptorOfAJournalIsOneThatNoPagesAreDroppedBy() throws Exception {
        final Path path = directory.resolve("1.txn");
        final ServerConfiguration configuration = TestJournal.configuration(Provider.WRITE_THROUGH, directory);
        final BookieFileChannel written = channel(path, configuration);
        written.getFileChannel().write(ByteBuffer.allocate(1));
        assertFalse(written.getFD().valid());
        assertEquals(-1, PageCacheUtil.getSysFileDescriptor(written.getFD()));
        written.close();

        final BookieFileChannel read = channel(path, configuration);
        read.getFileChannel();
        assertTrue(read.getFD().valid());
        assertNotEquals(-1, PageCacheUtil.getSysFileDescriptor(read.getFD()));
        read.close();
    }

    @Test
    void aJournalThatIsBeingWrittenCanBeReadByAnotherChannel() throws Exception {
        final TestJournal journal = TestJournal.start(Provider.WRITE_THROUGH, directory);
        for (long number = 0; number < 100; number++) {
            journal.add(number).join();
        }

        assertAllThere(TestJournal.replay(Provider.WRITE_THROUGH, directory), 100);
        journal.close();
    }

    @Test
    void whatIsAcknowledgedWithoutAForceIsWrittenByTheJdk() throws Exception {
        final ServerConfiguration configuration = TestJournal.configuration(Provider.WRITE_THROUGH, directory);
        configuration.setJournalSyncData(false);
        final BookieFileChannel channel = channel(directory.resolve("1.txn"), configuration);
        assertEquals(
                "sun.nio.ch.FileChannelImpl",
                channel.getFileChannel().getClass().getName());
        channel.close();

        configuration.setJournalSyncData(true);
        final BookieFileChannel other = channel(directory.resolve("2.txn"), configuration);
        assertInstanceOf(JournalFileChannel.class, other.getFileChannel());
        other.close();
    }

    /* As BookKeeper makes a file. */
    private static BookieFileChannel channel(final Path path, final ServerConfiguration configuration)
            throws IOException {
        final WriteThroughFileChannelProvider provider = new WriteThroughFileChannelProvider();
        final BookieFileChannel channel = provider.open(path.toFile(), configuration);
        if (!channel.fileExists(path.toFile())) {
            Files.createFile(path);
        }
        return channel;
    }
}
