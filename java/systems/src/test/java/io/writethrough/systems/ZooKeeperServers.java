// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.server.ZooKeeperServerMain;

/** Standalone servers of ZooKeeper in this process, and their clients. */
final class ZooKeeperServers {
    private static final int PATIENCE_MILLIS = 30_000;

    /* A client that comes while its server starts may get no answer. */
    private static final int TRIAL_MILLIS = 2000;

    private static final int TRIALS = PATIENCE_MILLIS / TRIAL_MILLIS;

    private ZooKeeperServers() {}

    /**
     * Starts one, which ends with the JVM, and waits until it has clients.
     *
     * @param tick milliseconds: sessions of clients that are gone last at least two of them
     */
    static void start(final Path directory, final int port, final int tick) throws IOException, InterruptedException {
        System.setProperty("zookeeper.admin.enableServer", "false");
        final String[] arguments = {Integer.toString(port), directory.toString(), Integer.toString(tick)};
        final Thread server = new Thread(() -> ZooKeeperServerMain.main(arguments), "zookeeper");
        server.setDaemon(true);
        server.start();
        for (int trial = 0; trial < TRIALS; trial++) {
            if (answers(port)) {
                return;
            }
        }
        throw new IOException("a server of ZooKeeper has no clients");
    }

    private static boolean answers(final int port) throws IOException, InterruptedException {
        final Client client = new Client(port, TRIAL_MILLIS);
        try {
            return client.isConnected();
        } finally {
            client.client.close(TRIAL_MILLIS);
        }
    }

    /** A client that has a session. */
    static ZooKeeper connect(final int port) throws IOException, InterruptedException {
        final Client client = new Client(port, PATIENCE_MILLIS);
        if (!client.isConnected()) {
            throw new IOException("no session of ZooKeeper");
        }
        return client.client;
    }

    private static final class Client {
        private final CountDownLatch connected = new CountDownLatch(1);
        private final ZooKeeper client;
        private final int patience;

        Client(final int port, final int patience) throws IOException {
            this.patience = patience;
            client = new ZooKeeper("127.0.0.1:" + port, patience, event -> {
                if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                    connected.countDown();
                }
            });
        }

        boolean isConnected() throws InterruptedException {
            return connected.await(patience, TimeUnit.MILLISECONDS);
        }
    }
}
