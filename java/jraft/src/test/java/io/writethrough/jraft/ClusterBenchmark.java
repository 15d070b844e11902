// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.RaftGroupService;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.core.StateMachineAdapter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.option.NodeOptions;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;

/**
 * Commits a second of a group of three nodes in this JVM, each with its log in a directory of the disk that is measured, by each
 * storage in turns: ClusterBenchmark DIRECTORY ROUNDS SECONDS RECORD_BYTES IN_FLIGHT. A median, and the ratio of each round.
 */
final class ClusterBenchmark {
    private static final int NODES = 3;
    private static final int FIRST_PORT = 17_400;

    private ClusterBenchmark() {}

    public static void main(final String[] arguments) throws Exception {
        final Path directory = TestDirectories.makeIn(Path.of(arguments[0]));
        final int rounds = Integer.parseInt(arguments[1]);
        final int seconds = Integer.parseInt(arguments[2]);
        final int bytes = Integer.parseInt(arguments[3]);
        final int inFlight = Integer.parseInt(arguments[4]);
        final double[][] rates = new double[2][rounds];
        final double[] ratios = new double[rounds];
        try {
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < 2; i++) {
                    final int which = (round + i) % 2; // each is the first one every other time
                    final int place = 2 * round + i;
                    rates[which][round] = commits(
                            Storage.values()[which],
                            directory.resolve("group" + place),
                            FIRST_PORT + NODES * place,
                            seconds,
                            bytes,
                            inFlight);
                }
                ratios[round] = rates[0][round] / rates[1][round];
            }
        } finally {
            TestDirectories.delete(directory);
        }
        System.out.printf(
                Locale.ROOT,
                "%d bytes, %d in flight: write-through %.0f commits a second, RocksDB with sync %.0f; ratio %.2f (%.2f to %.2f)%n",
                bytes,
                inFlight,
                median(rates[0]),
                median(rates[1]),
                median(ratios),
                Arrays.stream(ratios).min().orElseThrow(),
                Arrays.stream(ratios).max().orElseThrow());
        Runtime.getRuntime().halt(0); // SOFAJRaft leaves threads
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static double commits(
            final Storage storage,
            final Path directory,
            final int port,
            final int seconds,
            final int bytes,
            final int inFlight)
            throws Exception {
        final List<String> peers = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            peers.add("127.0.0.1:" + (port + i));
        }
        final List<RaftGroupService> services = new ArrayList<>();
        try {
            for (int i = 0; i < NODES; i++) {
                services.add(start(storage, directory.resolve("node" + i), peers, i));
            }
            final Node leader = leader(services);
            load(leader, Math.max(1, seconds / 4), bytes, inFlight); // warms up
            return load(leader, seconds, bytes, inFlight);
        } finally {
            for (final RaftGroupService service : services) {
                service.shutdown();
                service.join();
            }
        }
    }

    private static RaftGroupService start(
            final Storage storage, final Path directory, final List<String> peers, final int number)
            throws IOException {
        Files.createDirectories(directory);
        final NodeOptions options = new NodeOptions();
        options.setInitialConf(JRaftUtils.getConfiguration(String.join(",", peers)));
        options.setFsm(new Commits());
        options.setLogUri(directory.resolve("log").toString());
        options.setRaftMetaUri(directory.resolve("meta").toString());
        options.setServiceFactory(storage.factory());
        final RaftGroupService service = new RaftGroupService("group", PeerId.parsePeer(peers.get(number)), options);
        service.start();
        return service;
    }

    private static Node leader(final List<RaftGroupService> services) throws InterruptedException {
        while (true) {
            for (final RaftGroupService service : services) {
                if (service.getRaftNode().isLeader(false)) {
                    return service.getRaftNode();
                }
            }
            Thread.sleep(10);
        }
    }

    private static double load(final Node leader, final int seconds, final int bytes, final int inFlight)
            throws InterruptedException {
        final Semaphore room = new Semaphore(inFlight);
        final LongAdder committed = new LongAdder();
        final long begun = System.nanoTime();
        while (System.nanoTime() - begun < seconds * 1_000_000_000L) {
            room.acquire();
            leader.apply(new Task(ByteBuffer.allocate(bytes), status -> {
                if (!status.isOk()) {
                    throw new IllegalStateException(status.toString());
                }
                committed.increment();
                room.release();
            }));
        }
        room.acquire(inFlight);
        return committed.sum() * 1e9 / (System.nanoTime() - begun);
    }

    /** Forgets what is committed. */
    private static final class Commits extends StateMachineAdapter {
        @Override
        public void onApply(final Iterator entries) {
            while (entries.hasNext()) {
                if (entries.done() != null) {
                    entries.done().run(Status.OK());
                }
                entries.next();
            }
        }
    }
}
