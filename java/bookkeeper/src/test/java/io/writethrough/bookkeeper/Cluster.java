// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import io.writethrough.testing.ChildJvm;
import java.io.IOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.bookkeeper.client.BookKeeper;
import org.apache.bookkeeper.client.BookKeeperAdmin;
import org.apache.bookkeeper.conf.ClientConfiguration;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.server.NIOServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/** A ZooKeeper in this JVM, and bookies, each in a JVM of its own. */
@SuppressWarnings("try") // close() may be interrupted, as that of BookKeeper's classes
final class Cluster implements AutoCloseable {
    private static final int ZOOKEEPER_TICK_MILLIS = 500;

    static {
        // ZooKeeper has its log on the same disk, and need not outlive a power cut.
        System.setProperty("zookeeper.forceSync", "no");
    }

    private final Path directory;
    private final int timeoutMillis;
    private final ZooKeeperServer zooKeeper;
    private final NIOServerCnxnFactory connections = new NIOServerCnxnFactory();
    private final List<String> options;
    private final Map<String, String> settings;
    private final List<Integer> ports = new ArrayList<>();
    private final List<Process> bookies = new ArrayList<>();

    /**
     * ZooKeeper forgets a bookie after the time, up to 60 seconds. The options are those of the bookies' JVMs, and the settings
     * lines of bk_server.conf, the same for each bookie.
     */
    Cluster(
            final Path directory,
            final int count,
            final int timeoutMillis,
            final List<String> options,
            final Map<String, String> settings)
            throws Exception {
        this.directory = directory;
        this.timeoutMillis = timeoutMillis;
        this.options = options;
        this.settings = settings;
        final Path data = directory.resolve("zookeeper");
        zooKeeper = new ZooKeeperServer(data.toFile(), data.toFile(), ZOOKEEPER_TICK_MILLIS);
        zooKeeper.setMaxSessionTimeout(60_000);
        connections.configure(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 100);
        connections.startup(zooKeeper);
        try {
            BookKeeperAdmin.initNewCluster(new ServerConfiguration().setMetadataServiceUri(metadata()));
            for (int bookie = 0; bookie < count; bookie++) {
                ports.add(freePort());
                bookies.add(launch(bookie));
            }
            awaitBookies(count);
        } catch (final Exception e) {
            close();
            throw e;
        }
    }

    /* Another program may take the port until the bookie does, and the bookie then ends. */
    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private String metadata() {
        return "zk+hierarchical://127.0.0.1:" + connections.getLocalPort() + "/ledgers";
    }

    private Process launch(final int bookie) throws IOException {
        final Path home = home(bookie);
        final Map<String, String> lines = new HashMap<>(Map.of(
                "metadataServiceUri", metadata(),
                "zkTimeout", Integer.toString(timeoutMillis),
                "bookiePort", Integer.toString(ports.get(bookie)),
                "advertisedAddress", "127.0.0.1",
                "allowLoopback", "true",
                "journalDirectory", home.resolve("journal").toString(),
                "ledgerDirectories", home.resolve("ledgers").toString(),
                "diskUsageThreshold", "0.99",
                "diskUsageWarnThreshold", "0.99"));
        lines.putAll(settings);
        final Properties properties = new Properties();
        properties.putAll(lines);
        Files.createDirectories(home);
        final Path file = home.resolve("bk_server.conf");
        try (Writer writer = Files.newBufferedWriter(file)) {
            properties.store(writer, null);
        }
        return ChildJvm.start(List.of(), options, org.apache.bookkeeper.server.Main.class, "--conf", file.toString());
    }

    Path home(final int bookie) {
        return directory.resolve("bookie" + bookie);
    }

    Process bookie(final int bookie) {
        return bookies.get(bookie);
    }

    /** By SIGKILL. */
    void kill(final int bookie) throws InterruptedException {
        bookies.get(bookie).destroyForcibly().waitFor();
    }

    /** Starts a bookie that was killed. */
    void restart(final int bookie) throws Exception {
        awaitBookies(bookies.size() - 1); // ZooKeeper has to forget the one that was killed
        bookies.set(bookie, launch(bookie));
        awaitBookies(bookies.size());
    }

    /* Each has an entry in the ZooKeeper of this JVM, beside that of the directory for those that only read. */
    private void awaitBookies(final int count) throws Exception {
        final long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (available() != count) {
            if (System.nanoTime() > deadline) {
                throw new IOException(available() + " bookies are there, and not " + count);
            }
            Thread.sleep(20);
        }
    }

    private int available() throws KeeperException.NoNodeException {
        final List<String> children =
                zooKeeper.getZKDatabase().getDataTree().getChildren("/ledgers/available", null, null);
        return children.size() - (children.contains("readonly") ? 1 : 0);
    }

    /** A client that goes on with the bookies it has, as long as they are enough to acknowledge an entry. */
    BookKeeper client() throws Exception {
        final ClientConfiguration configuration = new ClientConfiguration();
        configuration.setMetadataServiceUri(metadata());
        configuration.setZkTimeout(timeoutMillis);
        configuration.setDelayEnsembleChange(true);
        configuration.setAddEntryTimeout(60); // on a busy machine too, a bookie that is killed is the one that fails
        configuration.setUseV2WireProtocol(true); // as Pulsar does
        return new BookKeeper(configuration);
    }

    @Override
    public void close() throws Exception {
        for (final Process bookie : bookies) {
            bookie.destroyForcibly().waitFor();
        }
        connections.shutdown();
        zooKeeper.shutdown();
    }
}
