// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A JVM that appends to a journal is killed; another loads the journal. */
@Timeout(300)
class CrashTest {
    private static final int THREADS = 4;
    private static final int RECORDS_OF_A_TRANSACTION = 3;

    private Path directory;

    static Stream<Kind> kinds() {
        return Kind.tested();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aKilledJournalHasWhatItAcknowledgedAndTransactionsAsAWhole(final Kind kind) throws Exception {
        directory = TestDirectories.make();
        final Set<Long> acknowledged = new TreeSet<>();
        // Twice: a journal that was killed goes on, in files that were used before.
        for (final int count : new int[] {300, 600}) {
            acknowledged.addAll(killedAfter(count, kind, acknowledged.size()));
            try (TestJournal journal = TestJournal.open(kind, directory)) {
                check(journal, acknowledged);
            }
        }
    }

    private Set<Long> killedAfter(final int count, final Kind kind, final int before) throws Exception {
        final Process child = ChildJvm.start(Load.class, kind.name(), directory.toString(), Integer.toString(before));
        return ChildJvm.killAfter(count, child).stream().map(Long::parseLong).collect(Collectors.toSet());
    }

    private static void check(final TestJournal journal, final Set<Long> acknowledged) {
        for (final Map.Entry<Long, byte[]> record : journal.records.entrySet()) {
            assertArrayEquals(TestJournal.body(record.getKey()), record.getValue(), "record " + record.getKey());
        }
        for (final long id : acknowledged) {
            assertTrue(journal.records.containsKey(id), "record " + id + " was acknowledged");
        }
        final Set<Long> all = journal.records.keySet();
        for (final long id : all) {
            if (isOfATransaction(id)) {
                final long first = id - id % 10;
                for (int i = 0; i < RECORDS_OF_A_TRANSACTION; i++) {
                    assertTrue(all.contains(first + i), "record " + (first + i) + " of the transaction of " + id);
                }
            }
        }
    }

    private static boolean isOfATransaction(final long id) {
        return id / 1_000_000_000L % 2 == 1;
    }

    /** Appends until it is killed, and tells the id of each record that was acknowledged. */
    static final class Load {
        public static void main(final String[] arguments) throws Exception {
            final TestJournal journal = TestJournal.open(Kind.valueOf(arguments[0]), Path.of(arguments[1]));
            final long run = Long.parseLong(arguments[2]);
            for (int thread = 0; thread < THREADS; thread++) {
                final long begin = thread * 1_000_000_000L + run * 100_000;
                new Thread(() -> append(journal, begin)).start();
            }
        }

        private static void append(final TestJournal journal, final long begin) {
            try {
                for (long id = begin; ; id += 10) {
                    if (isOfATransaction(id)) {
                        for (int i = 0; i < RECORDS_OF_A_TRANSACTION; i++) {
                            journal.journal.appendAddRecordTransactional(
                                    id, id + i, TestJournal.TYPE, TestJournal.body(id + i));
                        }
                        journal.journal.appendCommitRecord(id, true);
                    } else {
                        journal.add(id, true);
                    }
                    // One write(2), so that a kill leaves whole lines.
                    System.out.write((id + ";\n").getBytes(StandardCharsets.UTF_8));
                    System.out.flush();
                }
            } catch (final Exception e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
