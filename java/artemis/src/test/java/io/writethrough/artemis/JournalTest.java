// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.apache.activemq.artemis.core.journal.IOCompletion;
import org.apache.activemq.artemis.core.journal.PreparedTransactionInfo;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Artemis' journal, on this factory and on its own. */
@Timeout(300)
class JournalTest {
    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    static Stream<Kind> kinds() {
        return Kind.tested();
    }

    private static void assertRecords(final TestJournal journal, final LongStream ids) {
        final Set<Long> expected = ids.boxed().collect(Collectors.toCollection(TreeSet::new));
        assertEquals(expected, journal.records.keySet());
        for (final Map.Entry<Long, byte[]> record : journal.records.entrySet()) {
            assertArrayEquals(TestJournal.body(record.getKey()), record.getValue(), "record " + record.getKey());
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void recordsUpdatesAndDeletesAreThereWhenItIsLoadedAgain(final Kind kind) throws Exception {
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            for (long id = 1; id <= 300; id++) {
                journal.add(id, id % 50 == 0);
            }
            for (long id = 1; id <= 300; id += 3) {
                journal.journal.appendDeleteRecord(id, false);
            }
            for (long id = 2; id <= 300; id += 3) {
                journal.journal.appendUpdateRecord(id, TestJournal.TYPE, TestJournal.body(-id), id == 299);
            }
        }
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            assertRecords(journal, LongStream.rangeClosed(1, 300).filter(id -> id % 3 != 1));
            assertEquals(100, journal.updates.size());
            journal.updates.forEach((id, body) -> assertArrayEquals(TestJournal.body(-id), body));
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void transactionsAreThereWhenTheyWereCommittedOrPrepared(final Kind kind) throws Exception {
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            for (long tx = 1000; tx < 1006; tx++) {
                for (long id = 10 * (tx - 1000); id < 10 * (tx - 1000) + 10; id++) {
                    journal.journal.appendAddRecordTransactional(tx, id, TestJournal.TYPE, TestJournal.body(id));
                }
            }
            journal.journal.appendCommitRecord(1000, true);
            journal.journal.appendCommitRecord(1001, false);
            journal.journal.appendRollbackRecord(1002, true);
            journal.journal.appendPrepareRecord(1003, new byte[] {1, 2, 3}, true);
            journal.journal.appendPrepareRecord(1004, new byte[] {4}, true);
            journal.journal.appendCommitRecord(1004, true);
        }
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            assertRecords(journal, LongStream.concat(LongStream.range(0, 20), LongStream.range(40, 50)));
            assertEquals(
                    List.of(1003L),
                    journal.prepared.stream()
                            .map(PreparedTransactionInfo::getId)
                            .toList());
            assertEquals(10, journal.prepared.get(0).getRecords().size());
            assertArrayEquals(new byte[] {1, 2, 3}, journal.prepared.get(0).getExtraData());
            assertEquals(List.of(1005L), journal.failed);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void compactingKeepsWhatIsAlive(final Kind kind) throws Exception {
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            for (long id = 1; id <= 2000; id++) {
                journal.add(id, false);
            }
            for (long id = 1; id <= 2000; id++) {
                if (id % 20 != 0) {
                    journal.journal.appendDeleteRecord(id, false);
                }
            }
            journal.journal.flush();
            final int before = journal.journal.getDataFilesCount();
            journal.journal.testCompact();
            assertTrue(
                    journal.journal.getDataFilesCount() < before / 2,
                    journal.journal.getDataFilesCount() + " of " + before);
            journal.add(2001, true);
        }
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            assertRecords(
                    journal,
                    LongStream.concat(LongStream.rangeClosed(1, 2000).filter(id -> id % 20 == 0), LongStream.of(2001)));
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void filesAreUsedAnewAndShowNothingOfTheirPast(final Kind kind) throws Exception {
        for (long begin = 0; begin < 6000; begin += 3000) {
            try (TestJournal journal = TestJournal.open(kind, directory)) {
                assertRecords(journal, begin == 0 ? LongStream.empty() : LongStream.of(begin));
                for (long id = begin + 1; id <= begin + 3000; id++) {
                    journal.add(id, false);
                    if (id > 1) {
                        journal.journal.appendDeleteRecord(id - 1, false);
                    }
                    if (id % 200 == 0) {
                        journal.journal.flush();
                        journal.journal.checkReclaimStatus();
                    }
                }
            }
        }
        try (TestJournal journal = TestJournal.open(kind, directory);
                Stream<Path> files = Files.list(directory)) {
            assertRecords(journal, LongStream.of(6000));
            // 6 MB went through files of 200 KiB.
            final long count = files.count();
            assertTrue(count <= 12, count + " files");
        }
    }

    /* Of one file: Artemis' own go on to the next while the last one's writes are under way, in another order then. */
    @ParameterizedTest
    @MethodSource("kinds")
    void callbacksComeOnceForEachRecordAndInOrder(final Kind kind) throws Exception {
        final int count = 120; // of about a kilobyte
        final ConcurrentLinkedQueue<Integer> called = new ConcurrentLinkedQueue<>();
        final CountDownLatch done = new CountDownLatch(count);
        try (TestJournal journal = TestJournal.open(kind, directory)) {
            for (int i = 0; i < count; i++) {
                final int number = i;
                journal.journal.appendAddRecord(i, TestJournal.TYPE, new Body(i), true, new Completion(() -> {
                    called.add(number);
                    done.countDown();
                }));
            }
            assertTrue(done.await(2, TimeUnit.MINUTES));
        }
        assertEquals(LongStream.range(0, count).mapToObj(i -> (int) i).toList(), List.copyOf(called));
    }

    @Test
    void aJournalGoesFromArtemisOwnFilesToTheseAndBack() throws Exception {
        long id = 0;
        for (final Kind kind :
                List.of(Kind.NIO, Kind.WRITE_THROUGH, Kind.NIO, Kind.WRITE_THROUGH_BUFFERED, Kind.WRITE_THROUGH)) {
            try (TestJournal journal = TestJournal.open(kind, directory)) {
                assertRecords(journal, LongStream.range(0, id));
                for (final long end = id + 200; id < end; id++) {
                    journal.add(id, id == end - 1);
                }
            }
        }
        try (TestJournal journal = TestJournal.open(Kind.NIO, directory)) {
            assertRecords(journal, LongStream.range(0, id));
        }
    }

    private record Completion(Runnable onDone) implements IOCompletion {
        @Override
        public void done() {
            onDone.run();
        }

        @Override
        public void onError(final int code, final String message) {
            throw new AssertionError(message);
        }

        @Override
        public void storeLineUp() {}
    }
}
