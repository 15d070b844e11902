// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import io.writethrough.log.LogOptions;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What SOFAJRaft expects of a log. Each test runs with SOFAJRaft's own log too, which says what is right. */
@Timeout(120)
class LogStorageTest {
    private Path directory;
    private final List<LogStorage> open = new ArrayList<>();
    private ConfigurationManager configurations = new ConfigurationManager();

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void closeAndDelete() throws IOException {
        open.forEach(LogStorage::shutdown);
        TestDirectories.delete(directory);
    }

    private LogStorage open(final Storage storage) {
        final LogStorage log = storage.factory()
                .createLogStorage(directory.resolve(storage.name()).toString(), new RaftOptions());
        assertTrue(log.init(options()));
        open.add(log);
        return log;
    }

    private LogStorageOptions options() {
        final LogStorageOptions options = new LogStorageOptions();
        configurations = new ConfigurationManager();
        options.setConfigurationManager(configurations);
        options.setLogEntryCodecFactory(LogEntryV2CodecFactory.getInstance());
        options.setGroupId("group");
        return options;
    }

    private LogStorage openAgain(final Storage storage, final LogStorage log) {
        open.remove(log);
        log.shutdown();
        return open(storage);
    }

    private static LogEntry entry(final long index, final long term, final int bytes) {
        final LogEntry entry = new LogEntry(EntryType.ENTRY_TYPE_DATA);
        entry.setId(new LogId(index, term));
        final byte[] data = new byte[bytes];
        new Random(index * 31 + term).nextBytes(data);
        entry.setData(ByteBuffer.wrap(data));
        return entry;
    }

    private static List<LogEntry> entries(final long first, final int count, final long term) {
        final List<LogEntry> entries = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            entries.add(entry(first + i, term, (int) (first + i) * 7 % 900));
        }
        return entries;
    }

    private static LogEntry configuration(final long index, final String peers) {
        final LogEntry entry = new LogEntry(EntryType.ENTRY_TYPE_CONFIGURATION);
        entry.setId(new LogId(index, 1));
        entry.setPeers(JRaftUtils.getConfiguration(peers).listPeers());
        return entry;
    }

    @ParameterizedTest
    @EnumSource
    void aNewLogHasNoEntryAndBeginsWithTheFirst(final Storage storage) {
        final LogStorage log = open(storage);
        assertEquals(1, log.getFirstLogIndex());
        assertEquals(0, log.getLastLogIndex());
        assertNull(log.getEntry(1));
        assertNull(log.getEntry(-1));
        assertEquals(0, log.appendEntries(List.of()));
    }

    @ParameterizedTest
    @EnumSource
    void entriesAreThereAlsoAfterTheNextOpening(final Storage storage) {
        LogStorage log = open(storage);
        assertTrue(log.appendEntry(entry(1, 1, 100)));
        final List<LogEntry> more = entries(2, 300, 2);
        assertEquals(300, log.appendEntries(more));
        for (int i = 0; i < 2; i++) {
            assertEquals(1, log.getFirstLogIndex());
            assertEquals(301, log.getLastLogIndex());
            assertEquals(entry(1, 1, 100), log.getEntry(1));
            for (final LogEntry entry : more) { // in order, and then in another one
                assertEquals(entry, log.getEntry(entry.getId().getIndex()));
            }
            for (int number = 301; number >= 1; number -= 13) {
                assertEquals(number, log.getEntry(number).getId().getIndex());
            }
            assertNull(log.getEntry(302));
            log = openAgain(storage, log);
        }
    }

    @ParameterizedTest
    @EnumSource
    void indexesMayHaveGapsAndBeginAnywhere(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntry(entry(100, 1, 10));
        assertEquals(100, log.getFirstLogIndex());
        log.appendEntry(entry(5000, 2, 10));
        for (int i = 0; i < 2; i++) {
            assertEquals(100, log.getFirstLogIndex());
            assertEquals(5000, log.getLastLogIndex());
            assertEquals(1, log.getEntry(100).getId().getTerm());
            assertNull(log.getEntry(101));
            assertEquals(entry(5000, 2, 10), log.getEntry(5000));
            log = openAgain(storage, log);
        }
    }

    @ParameterizedTest
    @EnumSource
    void configurationsAreToldToTheManagerAtTheNextOpening(final Storage storage) {
        final LogStorage log = open(storage);
        log.appendEntry(configuration(1, "localhost:1,localhost:2"));
        log.appendEntries(List.of(entry(2, 1, 5), configuration(3, "localhost:1,localhost:2,localhost:3")));
        assertTrue(configurations.getLastConfiguration().isEmpty());
        openAgain(storage, log);
        assertEquals(
                "localhost:1,localhost:2,localhost:3",
                configurations.getLastConfiguration().getConf().toString());
        assertEquals("localhost:1,localhost:2", configurations.get(2).getConf().toString());
    }

    @ParameterizedTest
    @EnumSource
    void aConfigurationThatWasCutOffIsNotToldToTheManager(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntry(configuration(1, "localhost:1,localhost:2"));
        assertTrue(log.truncateSuffix(0));
        log = openAgain(storage, log);
        assertTrue(configurations.getLastConfiguration().isEmpty());
        log.appendEntry(configuration(1, "localhost:1,localhost:2,localhost:3"));
        openAgain(storage, log);
        assertEquals(
                "localhost:1,localhost:2,localhost:3",
                configurations.getLastConfiguration().getConf().toString());
    }

    @ParameterizedTest
    @EnumSource
    void aPrefixThatIsTruncatedIsGone(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntries(entries(1, 100, 1));
        assertTrue(log.truncatePrefix(41));
        for (int i = 0; i < 2; i++) {
            assertEquals(41, log.getFirstLogIndex());
            assertEquals(100, log.getLastLogIndex());
            assertNull(log.getEntry(40));
            assertNotNull(log.getEntry(41));
            log = openAgain(storage, log);
        }
        log.appendEntry(entry(101, 2, 10));
        assertEquals(entry(101, 2, 10), log.getEntry(101));
    }

    @ParameterizedTest
    @EnumSource
    void aPrefixOfMoreThanThereIsLeavesAnEmptyLogThatBeginsThere(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntries(entries(1, 10, 1));
        assertTrue(log.truncatePrefix(21));
        for (int i = 0; i < 2; i++) {
            assertEquals(21, log.getFirstLogIndex());
            assertNull(log.getEntry(10));
            log = openAgain(storage, log);
        }
        log.appendEntries(entries(21, 5, 2));
        log = openAgain(storage, log);
        assertEquals(21, log.getFirstLogIndex());
        assertEquals(25, log.getLastLogIndex());
    }

    @ParameterizedTest
    @EnumSource
    void aSuffixThatIsTruncatedIsGoneAndOtherEntriesTakeItsPlace(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntries(entries(1, 60, 1));
        assertTrue(log.truncateSuffix(30)); // in the middle of what was appended together
        assertNull(log.getEntry(31));
        log.appendEntries(entries(31, 10, 2));
        for (int i = 0; i < 2; i++) {
            assertEquals(1, log.getFirstLogIndex());
            assertEquals(40, log.getLastLogIndex());
            for (int number = 1; number <= 40; number++) {
                assertEquals(number <= 30 ? 1 : 2, log.getEntry(number).getId().getTerm());
            }
            assertNull(log.getEntry(41));
            log = openAgain(storage, log);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aSuffixMayBeAllThatThereIs(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntries(entries(11, 20, 1));
        assertTrue(log.truncateSuffix(10));
        assertNull(log.getEntry(11));
        log.appendEntries(entries(11, 2, 2));
        for (int i = 0; i < 2; i++) {
            assertEquals(11, log.getFirstLogIndex());
            assertEquals(12, log.getLastLogIndex());
            assertEquals(2, log.getEntry(11).getId().getTerm());
            log = openAgain(storage, log);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aResetLeavesTheOneEntryOrMakesIt(final Storage storage) {
        LogStorage log = open(storage);
        log.appendEntries(entries(1, 20, 3));
        assertTrue(log.reset(15));
        for (int i = 0; i < 2; i++) {
            assertEquals(15, log.getFirstLogIndex());
            assertEquals(15, log.getLastLogIndex());
            assertEquals(3, log.getEntry(15).getId().getTerm());
            assertNull(log.getEntry(14));
            log = openAgain(storage, log);
        }
        assertTrue(log.reset(1000));
        for (int i = 0; i < 2; i++) {
            assertEquals(1000, log.getFirstLogIndex());
            assertEquals(1000, log.getLastLogIndex());
            assertEquals(EntryType.ENTRY_TYPE_NO_OP, log.getEntry(1000).getType());
            log = openAgain(storage, log);
        }
        final LogStorage last = log;
        assertThrows(IllegalArgumentException.class, () -> last.reset(0));
    }

    @ParameterizedTest
    @EnumSource
    void largeEntriesAreReadAsTheyWere(final Storage storage) {
        final LogStorage log = open(storage);
        for (int i = 0; i < 1000; i += 50) {
            final List<LogEntry> batch = new ArrayList<>();
            for (int j = i; j < i + 50; j++) {
                batch.add(entry(j, j, 16 * 1024));
            }
            assertEquals(50, log.appendEntries(batch));
        }
        log.shutdown();
        assertTrue(log.init(options()));
        for (int i = 0; i < 1000; i++) {
            assertEquals(entry(i, i, 16 * 1024), log.getEntry(i));
        }
    }

    /* What a node does with its log, in any order, with both logs: they answer the same. */
    @Test
    void bothLogsAnswerTheSameToProgramsOfChance() {
        final Random random = new Random(20);
        final LogStorage[] logs = {open(Storage.WRITE_THROUGH), open(Storage.ROCKSDB)};
        long term = 1;
        long first = 1;
        long next = 1;
        for (int step = 0; step < 120; step++) {
            final int what = random.nextInt(20);
            if (what < 13) {
                final List<LogEntry> entries = entries(next, 1 + random.nextInt(40), term);
                next += entries.size();
                for (final LogStorage log : logs) {
                    assertEquals(entries.size(), log.appendEntries(entries));
                }
            } else if (what < 15 && next > first) {
                next = first + random.nextInt((int) Math.min(1000, next - first)) + 1;
                term++;
                for (final LogStorage log : logs) {
                    assertTrue(log.truncateSuffix(next - 1));
                }
            } else if (what < 17) {
                first += random.nextInt((int) (next - first) + (random.nextInt(8) == 0 ? 20 : 1));
                next = Math.max(next, first);
                for (final LogStorage log : logs) {
                    assertTrue(log.truncatePrefix(first));
                }
            } else if (what == 17 && random.nextInt(3) == 0) {
                first = first + random.nextInt((int) (next - first) + 50);
                next = first + 1;
                for (final LogStorage log : logs) {
                    assertTrue(log.reset(first));
                }
            } else if (what > 17) {
                for (int i = 0; i < 2; i++) {
                    logs[i] = openAgain(Storage.values()[i], logs[i]);
                }
            }
            assertEquals(logs[1].getFirstLogIndex(), logs[0].getFirstLogIndex(), "step " + step);
            if (next > first) { // RocksDB drops a prefix a moment later, and then is empty too
                assertEquals(logs[1].getLastLogIndex(), logs[0].getLastLogIndex(), "step " + step);
            }
            for (long number = Math.max(1, first - 3); number < next + 3; number += 1 + random.nextInt(20)) {
                assertEquals(logs[1].getEntry(number), logs[0].getEntry(number), "step " + step);
            }
        }
    }

    @Test
    void aLogInRocksDbIsNotTakenForAnEmptyOne() throws IOException {
        final LogStorage log = open(Storage.ROCKSDB);
        log.appendEntry(entry(1, 1, 1));
        log.shutdown();
        open.clear();
        final Path path = directory.resolve(Storage.ROCKSDB.name());
        final LogStorage other = Storage.WRITE_THROUGH.factory().createLogStorage(path.toString(), new RaftOptions());
        assertFalse(other.init(options()));
        assertFalse(Files.exists(path.resolve("control")));
    }

    @Test
    void aRetentionBySizeIsRefused() {
        final LogOptions options = LogOptions.builder().retentionBytes(1 << 30).build();
        assertThrows(IllegalArgumentException.class, () -> new WriteThroughJRaftServiceFactory(options));
    }
}
