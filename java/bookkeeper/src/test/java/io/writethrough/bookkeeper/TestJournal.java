// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.bookkeeper.bookie.BookieImpl;
import org.apache.bookkeeper.bookie.Journal;
import org.apache.bookkeeper.bookie.JournalAliveListener;
import org.apache.bookkeeper.bookie.LedgerDirsManager;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.apache.bookkeeper.stats.NullStatsLogger;
import org.apache.bookkeeper.util.DiskChecker;

/** The journal of a bookie, without the bookie. An entry has the bytes that its number says. */
final class TestJournal {
    static final long LEDGER = 7;

    final CompletableFuture<Void> exited = new CompletableFuture<>();
    private final Journal journal;

    private TestJournal(final ServerConfiguration configuration) throws IOException {
        journal = journal(configuration, () -> exited.complete(null));
    }

    static Journal journal(final ServerConfiguration configuration) throws IOException {
        return journal(configuration, () -> {});
    }

    private static Journal journal(final ServerConfiguration configuration, final JournalAliveListener listener)
            throws IOException {
        final File directory = BookieImpl.getCurrentDirectory(configuration.getJournalDirs()[0]);
        directory.mkdirs();
        final File[] ledgers = BookieImpl.getCurrentDirectories(configuration.getLedgerDirs());
        ledgers[0].mkdirs();
        return new Journal(
                0,
                directory,
                configuration,
                new LedgerDirsManager(configuration, configuration.getLedgerDirs(), new DiskChecker(0.99f, 0.98f)),
                NullStatsLogger.INSTANCE,
                UnpooledByteBufAllocator.DEFAULT,
                listener);
    }

    /** Segments and files are small, so that a test has several of both. */
    static ServerConfiguration configuration(final Provider provider, final Path directory) {
        final ServerConfiguration configuration = new ServerConfiguration();
        configuration.setJournalDirName(directory.resolve("journal").toString());
        configuration.setLedgerDirNames(
                new String[] {directory.resolve("ledgers").toString()});
        configuration.setJournalChannelProvider(provider.className);
        configuration.setJournalMaxGroupWaitMSec(0);
        configuration.setProperty("journalPreAllocSizeMB", 1);
        configuration.setMaxJournalSizeMB(3);
        return configuration;
    }

    static TestJournal start(final ServerConfiguration configuration) throws IOException {
        final TestJournal started = new TestJournal(configuration);
        started.journal.start();
        return started;
    }

    static TestJournal start(final Provider provider, final Path directory) throws IOException {
        return start(configuration(provider, directory));
    }

    CompletableFuture<Long> add(final long number) throws InterruptedException {
        final CompletableFuture<Long> acknowledged = new CompletableFuture<>();
        final ByteBuf entry = Unpooled.wrappedBuffer(entry(number));
        journal.logAddEntry(entry, false, (code, ledger, id, bookie, context) -> acknowledged.complete(number), null);
        entry.release();
        return acknowledged;
    }

    void close() {
        journal.shutdown();
    }

    static byte[] entry(final long number) {
        final Random random = new Random(number);
        // Some are longer than the journal's buffer of 64 KiB.
        final byte[] entry = new byte[16 + random.nextInt(number % 50 == 49 ? 100_000 : 3000)];
        random.nextBytes(entry);
        ByteBuffer.wrap(entry).putLong(LEDGER).putLong(number);
        return entry;
    }

    /** What a bookie would replay with this provider, by the number of the entry: whether it has its bytes. */
    static Map<Long, Boolean> replay(final Provider provider, final Path directory) throws IOException {
        final Map<Long, Boolean> entries = new TreeMap<>();
        final Journal journal = journal(configuration(provider, directory));
        for (final long id : Journal.listJournalIds(journal.getJournalDirectory(), null)) {
            journal.scanJournal(
                    id,
                    0,
                    (version, offset, bytes) -> {
                        final byte[] entry = new byte[bytes.remaining()];
                        bytes.get(entry);
                        final long number = ByteBuffer.wrap(entry).getLong(8);
                        entries.put(number, Arrays.equals(entry, entry(number)));
                    },
                    false);
        }
        return entries;
    }

    static File[] files(final Path directory) {
        final File[] files = BookieImpl.getCurrentDirectory(
                        directory.resolve("journal").toFile())
                .listFiles();
        Arrays.sort(files);
        return files;
    }
}
