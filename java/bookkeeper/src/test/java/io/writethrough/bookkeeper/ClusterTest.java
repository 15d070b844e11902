// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.Enumeration;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.bookkeeper.bookie.BookieImpl;
import org.apache.bookkeeper.bookie.Journal;
import org.apache.bookkeeper.client.BKException;
import org.apache.bookkeeper.client.BookKeeper;
import org.apache.bookkeeper.client.LedgerEntry;
import org.apache.bookkeeper.client.LedgerHandle;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@SuppressWarnings("try")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ClusterTest {
    private static final int BOOKIES = 3;
    private static final int KILLED = 1;
    private static final byte[] PASSWORD = new byte[0];

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
    void aBookieThatIsKilledHasEachEntryThatItAcknowledgedAndItsClusterGoesOn() throws Exception {
        try (Cluster cluster = new Cluster(directory, BOOKIES, 5000, ChildJvm.STARTS_SOON, settings());
                BookKeeper client = cluster.client()) {
            // An entry of the first is acknowledged by all three bookies, and so by the one that is killed.
            final Adds byAll = new Adds(client, 3);
            final Adds byTwo = new Adds(client, 2);
            while (byAll.acknowledgedCount() < 1000) {
                byAll.add();
                byTwo.add();
            }
            cluster.kill(KILLED);
            assertEquals(128 + 9, cluster.bookie(KILLED).exitValue());
            final long before = byTwo.acknowledgedCount();
            while (byTwo.acknowledgedCount() < before + 1000) {
                byTwo.add();
            }

            final Set<Long> acknowledgedByAll = byAll.acknowledged();
            assertHasAll(journalOf(cluster, KILLED, byAll.ledger.getId()), acknowledgedByAll);
            cluster.restart(KILLED);
            for (int i = 0; i < 100; i++) {
                byTwo.add();
            }
            byTwo.awaitAll();
            assertTwoJournalsHaveEachEntryOf(byTwo, cluster);
            assertIsReadBack(byTwo.ledger.getId(), byTwo.acknowledged(), cluster);
            assertIsReadBack(byAll.ledger.getId(), acknowledgedByAll, cluster);
        }
    }

    private static Map<String, String> settings() {
        return Map.of(
                "journalChannelProvider", Provider.WRITE_THROUGH.className,
                "journalMaxGroupWaitMSec", "0",
                "journalPreAllocSizeMB", "1");
    }

    private static void assertHasAll(final Set<Long> there, final Set<Long> acknowledged) {
        final Set<Long> lost = new TreeSet<>(acknowledged);
        lost.removeAll(there);
        assertEquals(Set.of(), lost, "entries that were acknowledged");
    }

    private static void assertTwoJournalsHaveEachEntryOf(final Adds adds, final Cluster cluster) throws IOException {
        final Set<Long> atLeastOnce = new TreeSet<>();
        final Set<Long> atLeastTwice = new TreeSet<>();
        for (int bookie = 0; bookie < BOOKIES; bookie++) {
            for (final Long entry : journalOf(cluster, bookie, adds.ledger.getId())) {
                if (!atLeastOnce.add(entry)) {
                    atLeastTwice.add(entry);
                }
            }
        }
        assertHasAll(atLeastTwice, adds.acknowledged());
    }

    /** The entries of a ledger in the journal of a bookie, as the default provider reads it. */
    private static Set<Long> journalOf(final Cluster cluster, final int bookie, final long ledger) throws IOException {
        final ServerConfiguration configuration = TestJournal.configuration(Provider.DEFAULT, cluster.home(bookie));
        final Journal journal = TestJournal.journal(configuration);
        final Set<Long> entries = new TreeSet<>();
        for (final long id : Journal.listJournalIds(
                BookieImpl.getCurrentDirectory(configuration.getJournalDirs()[0]), null)) {
            journal.scanJournal(
                    id,
                    0,
                    (version, offset, bytes) -> {
                        final byte[] entry = new byte[bytes.remaining()];
                        bytes.get(entry);
                        final long number = ByteBuffer.wrap(entry).getLong(8);
                        if (ByteBuffer.wrap(entry).getLong() == ledger && number >= 0) {
                            final byte[] body = body(number);
                            assertArrayEquals(
                                    body, Arrays.copyOfRange(entry, entry.length - body.length, entry.length));
                            entries.add(number);
                        }
                    },
                    false);
        }
        return entries;
    }

    private static byte[] body(final long entry) {
        final Random random = new Random(entry);
        final byte[] body = new byte[random.nextInt(3000)];
        random.nextBytes(body);
        return body;
    }

    /** By another client, which recovers the ledger first. */
    private static void assertIsReadBack(final long ledger, final Set<Long> acknowledged, final Cluster cluster)
            throws Exception {
        try (BookKeeper client = cluster.client();
                LedgerHandle opened = client.openLedger(ledger, BookKeeper.DigestType.CRC32C, PASSWORD)) {
            assertTrue(opened.getLastAddConfirmed() >= Collections.max(acknowledged));
            final Enumeration<LedgerEntry> entries = opened.readEntries(0, opened.getLastAddConfirmed());
            while (entries.hasMoreElements()) {
                final LedgerEntry entry = entries.nextElement();
                assertArrayEquals(body(entry.getEntryId()), entry.getEntry());
            }
        }
    }

    /** Adds of one ledger, up to 64 under way. */
    private static final class Adds {
        private static final int UNDER_WAY = 64;

        final LedgerHandle ledger;
        private final Semaphore free = new Semaphore(UNDER_WAY);
        private final Set<Long> acknowledged = Collections.synchronizedSet(new TreeSet<>());
        private long next;

        Adds(final BookKeeper client, final int acknowledgedBy) throws Exception {
            ledger = client.createLedger(BOOKIES, BOOKIES, acknowledgedBy, BookKeeper.DigestType.CRC32C, PASSWORD);
        }

        void add() throws InterruptedException {
            assertTrue(free.tryAcquire(1, TimeUnit.MINUTES), "no entry is acknowledged");
            ledger.asyncAddEntry(
                    body(next++),
                    (code, handle, entry, context) -> {
                        if (code == BKException.Code.OK) {
                            acknowledged.add(entry);
                        }
                        free.release();
                    },
                    null);
        }

        void awaitAll() throws InterruptedException {
            assertTrue(free.tryAcquire(UNDER_WAY, 1, TimeUnit.MINUTES), "not all are acknowledged");
            assertEquals(next, acknowledgedCount());
        }

        int acknowledgedCount() {
            return acknowledged.size();
        }

        Set<Long> acknowledged() {
            synchronized (acknowledged) {
                return new TreeSet<>(acknowledged);
            }
        }
    }
}
