// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.codec.v2.LogEntryV2CodecFactory;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import io.writethrough.WriteThroughEngine;
import io.writethrough.log.LogOptions;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An opening reads the last segment and the hint of what is before; whatever the hint says, the entries are those of the log. */
@Timeout(120)
class EntryHintTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(64 << 10).build();
    private static final int COUNT = 1500;

    /* So many entries of 100 to 500 bytes, of any length as often, may be in two segments. */
    private static final int MOST_OF_TWO_SEGMENTS = 2 * (64 << 10) / 290;

    /* Each hint that does not fit is worth some lines, but not here. Kept, or the level would be forgotten. */
    private static final Logger LOGGER = Logger.getLogger("io.writethrough.jraft");

    static {
        LOGGER.setLevel(Level.OFF);
    }

    private Path directory;
    private Path path;
    private final List<DurableLogStorage> open = new ArrayList<>();
    private ConfigurationManager configurations = new ConfigurationManager();

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
        path = directory.resolve("log");
    }

    @AfterEach
    void closeAndDelete() throws IOException {
        open.forEach(DurableLogStorage::shutdown);
        TestDirectories.delete(directory);
    }

    private DurableLogStorage open(final Path at) {
        return open(at, OPTIONS);
    }

    private DurableLogStorage open(final Path at, final LogOptions logOptions) {
        final LogStorageOptions options = new LogStorageOptions();
        configurations = new ConfigurationManager();
        options.setConfigurationManager(configurations);
        options.setLogEntryCodecFactory(LogEntryV2CodecFactory.getInstance());
        options.setGroupId("group");
        final DurableLogStorage storage = new DurableLogStorage(at, logOptions);
        assertTrue(storage.init(options));
        open.add(storage);
        return storage;
    }

    private DurableLogStorage openAgain(final DurableLogStorage storage) {
        open.remove(storage);
        storage.shutdown();
        return open(path);
    }

    private static LogEntry entry(final long index, final long term) {
        final LogEntry entry =
                new LogEntry(index % 500 == 7 ? EntryType.ENTRY_TYPE_CONFIGURATION : EntryType.ENTRY_TYPE_DATA);
        entry.setId(new LogId(index, term));
        if (entry.getType() == EntryType.ENTRY_TYPE_CONFIGURATION) {
            entry.setPeers(JRaftUtils.getConfiguration("localhost:" + index).listPeers());
        } else {
            final byte[] data = new byte[100 + (int) (index * 37 % 400)];
            new Random(index * 31 + term).nextBytes(data);
            entry.setData(ByteBuffer.wrap(data));
        }
        return entry;
    }

    /* In batches. */
    private static void append(final DurableLogStorage storage, final long first, final long last, final long term) {
        for (long index = first; index <= last; ) {
            final List<LogEntry> batch = new ArrayList<>();
            while (batch.size() < 10 && index <= last) {
                batch.add(entry(index++, term));
            }
            assertEquals(batch.size(), storage.appendEntries(batch));
        }
    }

    private static void check(final DurableLogStorage storage, final long first, final long last, final long term) {
        assertEquals(first, storage.getFirstLogIndex());
        assertEquals(last, storage.getLastLogIndex());
        assertNull(storage.getEntry(first - 1));
        assertNull(storage.getEntry(last + 1));
        for (long index = last; index >= first; index -= 77) {
            assertEquals(entry(index, term), storage.getEntry(index));
        }
        for (long index = first; index <= last; index++) {
            assertEquals(entry(index, term), storage.getEntry(index));
        }
    }

    /* As a crash leaves it. The log may be renaming a file just now. */
    private Path copy(final String name) throws IOException {
        return TestDirectories.copy(path, directory.resolve(name));
    }

    @Test
    void anOpeningReadsNoMoreThanTheLastSegments() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        for (int i = 0; i < 2; i++) {
            storage = openAgain(storage);
            assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, storage.scanned() + " records");
            check(storage, 1, COUNT, 1);
            assertEquals(
                    "localhost:1007",
                    configurations.getLastConfiguration().getConf().toString());
            assertEquals("localhost:507", configurations.get(1000).getConf().toString());
        }
        final DurableLogStorage crashed = open(copy("crashed"));
        check(crashed, 1, COUNT, 1);
        Files.delete(path.resolve(EntryHint.NAME));
        storage = openAgain(storage);
        assertEquals(COUNT, storage.scanned());
        check(storage, 1, COUNT, 1);
        storage = openAgain(storage); // an opening that reads all leaves a hint
        assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, storage.scanned() + " records");
    }

    @Test
    void anOlderPrefixIsTrimmed() {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        storage = openAgain(storage);
        for (final int first : new int[] {433, 434, 507, 508, 1008}) { // also within what was appended together
            assertTrue(storage.truncatePrefix(first));
            check(storage, first, COUNT, 1);
            storage = openAgain(storage);
            assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, storage.scanned() + " records");
            check(storage, first, COUNT, 1);
            assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, "all was read, since a place was wrong");
            assertEquals(first > 1007, configurations.getLastConfiguration().isEmpty());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aPrefixThatCouldNotBeTrimmedIsNotToldToBe(final boolean isOlder) throws IOException {
        final WriteThroughEngine engine = WriteThroughEngine.builder().build();
        final LogOptions options = LogOptions.builder()
                .segmentBytes(OPTIONS.segmentBytes())
                .engine(engine)
                .build();
        DurableLogStorage storage = open(path, options);
        append(storage, 1, COUNT, 1);
        if (isOlder) {
            open.remove(storage);
            storage.shutdown();
            storage = open(path, options);
        }
        engine.close(); // so that no write of the control file works
        assertFalse(storage.truncatePrefix(300));
        assertFalse(storage.truncatePrefix(300));
        storage = openAgain(storage);
        check(storage, 1, COUNT, 1);
        assertTrue(storage.truncatePrefix(300));
        check(storage, 300, COUNT, 1);
    }

    @Test
    void aPrefixThatEndsInAGapIsTrimmedAndLaterEntriesStay() {
        DurableLogStorage storage = open(path);
        append(storage, 1, 300, 1);
        append(storage, 400, COUNT, 1);
        assertTrue(storage.truncatePrefix(350));
        storage = openAgain(storage);
        assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, storage.scanned() + " records");
        assertEquals(350, storage.getFirstLogIndex());
        assertNull(storage.getEntry(399));
        assertEquals(entry(400, 1), storage.getEntry(400));
        assertEquals(entry(COUNT, 1), storage.getEntry(COUNT));
    }

    @Test
    void anOlderSuffixIsCutOffAndNoHintTellsOfIt() {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        storage = openAgain(storage);
        assertTrue(storage.truncateSuffix(400));
        assertFalse(Files.exists(path.resolve(EntryHint.NAME)));
        storage = openAgain(storage);
        check(storage, 1, 400, 1);
        assertEquals(
                "localhost:7", configurations.getLastConfiguration().getConf().toString());
        assertTrue(storage.truncateSuffix(0));
        assertTrue(storage.truncatePrefix(401));
        append(storage, 401, COUNT, 2);
        storage = openAgain(storage);
        check(storage, 401, COUNT, 2);
    }

    @Test
    void aConfigurationOfTheHintThatWasCutOffIsNotToldToTheManager() {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        storage = openAgain(storage);
        assertTrue(storage.truncateSuffix(0));
        append(storage, 1, 10, 2);
        storage = openAgain(storage);
        assertTrue(storage.scanned() < COUNT, "all was read: " + storage.scanned());
        assertEquals(new LogId(7, 2), configurations.getLastConfiguration().getId());
    }

    @Test
    void aHintThatIsTornIsNotUsed() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        final byte[] hint = Files.readAllBytes(path.resolve(EntryHint.NAME));
        for (final int length : new int[] {0, 8, 59, 60, hint.length - 1, hint.length}) {
            final byte[] torn = java.util.Arrays.copyOf(hint, length);
            if (length == hint.length) {
                torn[47] ^= 1; // with which index the log begins
            }
            storage.shutdown();
            Files.write(path.resolve(EntryHint.NAME), torn);
            storage = openAgain(storage);
            assertEquals(COUNT, storage.scanned());
            assertEquals(entry(COUNT, 1), storage.getEntry(COUNT));
        }
    }

    @Test
    void aHintThatIsOldMakesTheOpeningReadMore() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, 700, 1);
        final Path old = Files.copy(path.resolve(EntryHint.NAME), directory.resolve("old"));
        append(storage, 701, COUNT, 1);
        storage.shutdown();
        Files.copy(old, path.resolve(EntryHint.NAME), StandardCopyOption.REPLACE_EXISTING);
        storage = openAgain(storage);
        assertTrue(storage.scanned() >= COUNT - 700 && storage.scanned() < COUNT, storage.scanned() + " records");
        check(storage, 1, COUNT, 1);
        assertEquals(
                "localhost:1007",
                configurations.getLastConfiguration().getConf().toString());
    }

    @Test
    void aHintOfOtherEntriesIsNotBelieved() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        final Path other = Files.copy(path.resolve(EntryHint.NAME), directory.resolve("other"));
        assertTrue(storage.truncateSuffix(300));
        assertFalse(Files.exists(path.resolve(EntryHint.NAME)));
        for (long index = 301; index <= COUNT; index++) { // one by one: all is at other places
            assertTrue(storage.appendEntry(entry(index, 2)));
        }
        storage.shutdown();
        Files.copy(other, path.resolve(EntryHint.NAME), StandardCopyOption.REPLACE_EXISTING);
        storage = openAgain(storage);
        assertEquals(1, storage.getFirstLogIndex());
        assertEquals(COUNT, storage.getLastLogIndex());
        for (long index = COUNT; index >= 1; index--) {
            assertEquals(entry(index, index <= 300 ? 1 : 2), storage.getEntry(index));
        }
    }

    @Test
    void aPlaceThatIsWrongIsNotBelieved() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        final EntryHint hint = EntryHint.read(path);
        assertNotNull(hint);
        final Long second = hint.points().higherKey(hint.points().firstKey());
        hint.points().put(second, hint.points().higherEntry(second).getValue());
        hint.write(path);
        storage = openAgain(storage);
        assertTrue(storage.scanned() <= MOST_OF_TWO_SEGMENTS, storage.scanned() + " records");
        check(storage, 1, COUNT, 1);
        assertEquals(COUNT, storage.scanned());
    }

    @Test
    void aCutThatCannotDeleteTheHintDoesSoWhenItIsTriedAgain() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        final Path hint = path.resolve(EntryHint.NAME);
        final Path kept = Files.move(hint, directory.resolve("kept"));
        Files.createDirectories(hint.resolve("child")); // is not deleted as a file is
        assertFalse(storage.truncateSuffix(300));
        Files.delete(hint.resolve("child"));
        Files.delete(hint);
        Files.move(kept, hint);
        assertTrue(storage.truncateSuffix(300));
        assertFalse(Files.exists(hint));
        storage = openAgain(storage);
        check(storage, 1, 300, 1);
    }

    @Test
    void aLogOfWhichAPartTurnsOutDamagedGivesNoEntryInItsMiddleForTheLast() throws IOException {
        DurableLogStorage storage = open(path);
        append(storage, 1, COUNT, 1);
        storage = openAgain(storage);
        assertTrue(storage.scanned() < COUNT);
        final Path second = path.resolve("0000000000000001.seg");
        try (FileChannel channel = FileChannel.open(second, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.allocate(4096), 20_000);
        }
        for (long index = 1; index <= COUNT; index++) {
            if (storage.getEntry(index) == null) {
                break;
            }
        }
        assertEquals(0, storage.getLastLogIndex());
        assertNull(storage.getEntry(1));
        assertEquals(0, storage.appendEntries(List.of(entry(COUNT + 1, 1))));
    }

    /* What a node does, in any order, with openings and crashes; a map says what is right. */
    @Test
    void noProgramOfChanceLosesAnEntryByAHint() throws IOException {
        for (int seed = 0; seed < 4; seed++) {
            path = directory.resolve("log-" + seed);
            final Random random = new Random(seed);
            DurableLogStorage storage = open(path);
            final TreeMap<Long, Long> model = new TreeMap<>();
            long first = 1;
            long next = 1;
            long term = 1;
            int byHint = 0;
            for (int step = 0; step < 100; step++) {
                final int what = random.nextInt(20);
                if (what < 11) {
                    final long last = next + random.nextInt(200);
                    append(storage, next, last, term);
                    for (; next <= last; next++) {
                        model.put(next, term);
                    }
                } else if (what < 13 && next > first) {
                    next = Math.max(first, next - random.nextInt(random.nextInt(3) == 0 ? 1200 : 60));
                    term++;
                    assertTrue(storage.truncateSuffix(next - 1));
                    model.tailMap(next).clear();
                } else if (what < 15 && next > first) {
                    first += random.nextInt((int) (next - first));
                    assertTrue(storage.truncatePrefix(first));
                    model.headMap(first).clear();
                } else if (what == 15 && random.nextInt(4) == 0) {
                    first = next + random.nextInt(20);
                    next = first + 1;
                    assertTrue(storage.reset(first));
                    model.clear();
                    model.put(first, 0L);
                } else if (what > 16) {
                    if (random.nextBoolean()) {
                        final Path crashed = copy("crashed-" + seed + "-" + step);
                        storage.shutdown();
                        open.remove(storage);
                        path = crashed;
                        storage = open(path);
                    } else {
                        storage = openAgain(storage);
                    }
                    byHint += storage.scanned() < model.size() ? 1 : 0;
                    checkConfigurations(model);
                }
                check(storage, model, random);
            }
            assertTrue(byHint > 2, "seed " + seed + ": " + byHint + " openings by a hint");
        }
    }

    private void checkConfigurations(final TreeMap<Long, Long> model) {
        LogId last = new LogId();
        for (final Map.Entry<Long, Long> entry : model.entrySet()) {
            if (entry.getKey() % 500 == 7 && entry.getValue() != 0) { // term 0: of a reset
                last = new LogId(entry.getKey(), entry.getValue());
                assertEquals(last, configurations.get(entry.getKey()).getId());
            }
        }
        assertEquals(last, configurations.getLastConfiguration().getId());
    }

    private static void check(final DurableLogStorage storage, final TreeMap<Long, Long> model, final Random random) {
        if (model.isEmpty()) {
            return;
        }
        assertEquals(model.firstKey(), storage.getFirstLogIndex());
        assertEquals(model.lastKey(), storage.getLastLogIndex());
        assertNull(storage.getEntry(model.firstKey() - 1));
        assertNull(storage.getEntry(model.lastKey() + 1));
        final int span = (int) (model.lastKey() - model.firstKey()) + 1;
        for (int i = 0; i < 30; i++) {
            final Map.Entry<Long, Long> expected = model.floorEntry(model.firstKey() + random.nextInt(span));
            final LogEntry found = storage.getEntry(expected.getKey());
            assertNotNull(found, "entry " + expected.getKey());
            assertEquals(expected.getKey(), found.getId().getIndex());
            assertEquals(expected.getValue(), found.getId().getTerm());
        }
    }
}
