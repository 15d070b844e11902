// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.bookkeeper.client.BKException;
import org.apache.bookkeeper.client.BookKeeper;
import org.apache.bookkeeper.client.BookKeeperAdmin;
import org.apache.bookkeeper.client.LedgerHandle;
import org.apache.bookkeeper.conf.ClientConfiguration;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.apache.bookkeeper.server.EmbeddedServer;
import org.apache.bookkeeper.server.conf.BookieConfiguration;
import org.jspecify.annotations.Nullable;

/** A bookie with its default journal and storage of ledgers, its metadata in ZooKeeper, and one ledger. */
final class BookKeeperProgram {
    /* So short that the next bookie need not wait for the session of the one that was killed. */
    private static final int TICK_MILLIS = 100;
    private static final int SESSION_MILLIS = 1000;

    private static final byte[] PASSWORD = "records".getBytes(US_ASCII);

    private BookKeeperProgram() {}

    public static void main(final String[] arguments) {
        Logging.none();
        Program.run(Bookie::new, arguments);
    }

    private static final class Bookie implements Records {
        private final BookKeeper client;
        private final Path ledgerId;
        private @Nullable LedgerHandle ledger;

        Bookie(final Path directory) throws Exception {
            final int[] ports = Ports.twoFree();
            final String metadata = "zk+hierarchical://127.0.0.1:" + ports[0] + "/ledgers";
            final Path data = directory.resolve("bookie");
            final boolean anew = Files.notExists(data);
            ZooKeeperServers.start(directory.resolve("zookeeper"), ports[0], TICK_MILLIS);
            final ServerConfiguration server = new ServerConfiguration();
            server.setMetadataServiceUri(metadata);
            server.setZkTimeout(SESSION_MILLIS);
            server.setBookieId("bookie");
            server.setAdvertisedAddress("127.0.0.1");
            server.setAllowLoopback(true);
            server.setBookiePort(ports[1]);
            server.setJournalDirName(data.resolve("journal").toString());
            server.setLedgerDirNames(new String[] {data.resolve("ledgers").toString()});
            if (anew) {
                BookKeeperAdmin.initNewCluster(server);
            }
            EmbeddedServer.builder(new BookieConfiguration(server))
                    .build()
                    .getLifecycleComponentStack()
                    .start();
            final ClientConfiguration configuration = new ClientConfiguration();
            configuration.setMetadataServiceUri(metadata);
            configuration.setZkTimeout(SESSION_MILLIS);
            client = new BookKeeper(configuration);
            ledgerId = directory.resolve("ledger");
        }

        @Override
        public void commit(final long number, final byte[] record) throws Exception {
            if (ledger == null) {
                ledger = client.createLedger(1, 1, 1, BookKeeper.DigestType.CRC32C, PASSWORD);
                Files.writeString(ledgerId, Long.toString(ledger.getId()));
            }
            ledger.addEntry(record);
        }

        /* The first opening of a ledger that nobody closed closes it, with what the bookie has of it. */
        @Override
        public byte @Nullable [] read(final long number) throws Exception {
            if (ledger == null) {
                final long id = Long.parseLong(Files.readString(ledgerId));
                ledger = client.openLedger(id, BookKeeper.DigestType.CRC32C, PASSWORD);
            }
            return number - 1 > ledger.getLastAddConfirmed()
                    ? null
                    : ledger.readEntries(number - 1, number - 1).nextElement().getEntry();
        }

        /* The bookie and the metadata end with the JVM. */
        @Override
        public void close() throws IOException {
            try {
                if (ledger != null) {
                    ledger.close();
                }
                client.close();
            } catch (final BKException | InterruptedException e) {
                throw new IOException(e);
            }
        }
    }
}
