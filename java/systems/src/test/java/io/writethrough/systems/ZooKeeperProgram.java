// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.jspecify.annotations.Nullable;

/** A standalone server of ZooKeeper. Each record is a node, and each thread that commits records has a client of its own. */
final class ZooKeeperProgram {
    private static final int TICK_MILLIS = 2000;

    private ZooKeeperProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        Program.run(Server::new, arguments);
    }

    private static final class Server implements Records {
        private final int port;
        private final Queue<ZooKeeper> clients = new ConcurrentLinkedQueue<>();
        private final ThreadLocal<@Nullable ZooKeeper> own = new ThreadLocal<>();

        Server(final Path directory) throws Exception {
            port = Ports.twoFree()[0];
            ZooKeeperServers.start(directory.resolve("data"), port, TICK_MILLIS);
            if (client().exists("/records", false) == null) {
                client().create("/records", new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
        }

        private ZooKeeper client() throws IOException, InterruptedException {
            ZooKeeper client = own.get();
            if (client == null) {
                client = ZooKeeperServers.connect(port);
                clients.add(client);
                own.set(client);
            }
            return client;
        }

        @Override
        public void commit(final long number, final byte[] record) throws Exception {
            client().create("/records/" + number, record, ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }

        @Override
        public byte @Nullable [] read(final long number) throws Exception {
            try {
                return client().getData("/records/" + number, false, null);
            } catch (final KeeperException.NoNodeException e) {
                return null;
            }
        }

        /* The server ends with the JVM, as a killed one does. */
        @Override
        public void close() throws IOException {
            for (final ZooKeeper client : clients) {
                try {
                    client.close();
                } catch (final InterruptedException e) {
                    throw new IOException(e);
                }
            }
        }
    }
}
