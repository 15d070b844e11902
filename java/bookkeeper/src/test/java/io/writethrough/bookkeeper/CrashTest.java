// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that adds entries to a journal is killed; others replay the journal. */
@Timeout(300)
class CrashTest {
    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    @Test
    void aKilledJournalHasEachEntryThatItAcknowledgedForEachProvider() throws Exception {
        final Set<Long> acknowledged = new TreeSet<>();
        // Twice: a bookie that was killed goes on, in a new file.
        for (final int count : new int[] {300, 900}) {
            acknowledged.addAll(killedAfter(count, acknowledged.size()));
            for (final Provider provider : Provider.values()) {
                final Map<Long, Boolean> replayed = TestJournal.replay(provider, directory);
                assertFalse(replayed.containsValue(false), provider + ": an entry has other bytes");
                final Set<Long> lost = new TreeSet<>(acknowledged);
                lost.removeAll(replayed.keySet());
                assertEquals(Set.of(), lost, provider + ": entries that were acknowledged");
            }
        }
    }

    private Set<Long> killedAfter(final int count, final int before) throws Exception {
        final Process child = ChildJvm.start(Load.class, directory.toString(), Integer.toString(before));
        return ChildJvm.killAfter(count, child).stream().map(Long::parseLong).collect(Collectors.toSet());
    }

    /** Adds entries until it is killed, and tells the number of each that was acknowledged. */
    static final class Load {
        private static final int THREADS = 4;

        public static void main(final String[] arguments) throws Exception {
            final TestJournal journal = TestJournal.start(Provider.WRITE_THROUGH, Path.of(arguments[0]));
            final long before = Long.parseLong(arguments[1]);
            for (int thread = 0; thread < THREADS; thread++) {
                final long first = 1_000_000_000L * thread + 1_000_000 * before;
                new Thread(() -> add(journal, first)).start();
            }
        }

        private static void add(final TestJournal journal, final long first) {
            try {
                for (long number = first; ; number++) {
                    journal.add(number).join();
                    // One write(2), so that a kill leaves whole lines.
                    System.out.write((number + ";\n").getBytes(StandardCharsets.UTF_8));
                    System.out.flush();
                }
            } catch (final Exception e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
