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

    private ZooKeeperServers() {}

    /**
     * Starts one, which ends with the JVM.
     *
     * @param tick milliseconds: sessions of clients that are gone last at least two of them
     */
    static void start(final Path directory, final int port, final int tick) {
        System.setProperty("zookeeper.admin.enableServer", "false");
        final String[] arguments = {Integer.toString(port), directory.toString(), Integer.toString(tick)};
        final Thread server = new Thread(() -> ZooKeeperServerMain.main(arguments), "zookeeper");
        server.setDaemon(true);
        server.start();
    }

    /** A client that has a session. */
    static ZooKeeper connect(final int port) throws IOException, InterruptedException {
        final CountDownLatch connected = new CountDownLatch(1);
        final ZooKeeper client = new ZooKeeper("127.0.0.1:" + port, PATIENCE_MILLIS, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        if (!connected.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
            throw new IOException("no session of ZooKeeper");
        }
        return client;
    }
}
