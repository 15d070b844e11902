// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import io.writethrough.testing.TestDirectories;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.h2.store.fs.FilePath;

/**
 * TPC-B like transactions per second of H2 on this file system and on its own, in rounds that take turns: arguments are a
 * directory, the seconds that each takes in a round, and the rounds. Prints a table of medians.
 */
public final class TpcBBenchmark {
    private record Contender(String name, String scheme, String settings, boolean checkpoints) {}

    private static final List<Contender> CONTENDERS = List.of(
            new Contender("`wt:`", "wt:", "WRITE_DELAY=0", false),
            new Contender("`nio:`, force after each write", "forced:", "WRITE_DELAY=0", false),
            new Contender("`nio:`, `CHECKPOINT SYNC` after each commit", "", "WRITE_DELAY=500", true),
            new Contender("not durable: `nio:`", "", "WRITE_DELAY=0", false),
            new Contender("not durable: `async:`", "async:", "WRITE_DELAY=0", false));

    private static final int[] CLIENTS = {1, 8};

    private TpcBBenchmark() {}

    public static void main(final String[] arguments) throws Exception {
        final Path root = Path.of(arguments[0]);
        final double seconds = Double.parseDouble(arguments[1]);
        final int rounds = Integer.parseInt(arguments[2]);
        FilePath.register(new ForcedFilePath());
        final double[][][] rates = new double[CONTENDERS.size()][CLIENTS.length][rounds];
        for (int round = -1; round < rounds; round++) { // the first is for the compiler
            for (int contender = 0; contender < CONTENDERS.size(); contender++) {
                for (int i = 0; i < CLIENTS.length; i++) {
                    final double rate =
                            measure(CONTENDERS.get(contender), root, CLIENTS[i], round < 0 ? seconds / 2 : seconds);
                    rates[contender][i][Math.max(round, 0)] = rate;
                }
            }
        }
        System.out.println("|                 | 1 client, tx/s | 8 clients, tx/s |");
        System.out.println("| --------------- | -------------: | --------------: |");
        for (int contender = 0; contender < CONTENDERS.size(); contender++) {
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %,.0f | %,.0f |%n",
                    CONTENDERS.get(contender).name(),
                    median(rates[contender][0]),
                    median(rates[contender][1]));
        }
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private static double measure(final Contender contender, final Path root, final int clients, final double seconds)
            throws Exception {
        final Path directory = TestDirectories.makeIn(root);
        try {
            final String url = "jdbc:h2:" + contender.scheme() + directory.resolve("db") + ";LOCK_TIMEOUT=60000;"
                    + contender.settings();
            return measure(url, contender.checkpoints(), clients, seconds);
        } finally {
            TestDirectories.delete(directory);
        }
    }

    private static double measure(final String url, final boolean checkpoints, final int clients, final double seconds)
            throws Exception {
        TpcB.create(url);
        final ExecutorService executor = Executors.newFixedThreadPool(clients);
        final List<TpcB.Client> all = new ArrayList<>();
        try {
            for (int client = 0; client < clients; client++) {
                all.add(new TpcB.Client(url, client));
            }
            run(executor, all, checkpoints, seconds / 4); // so that what follows is compiled and cached
            final long begin = System.nanoTime();
            final long count = run(executor, all, checkpoints, seconds);
            return count * 1e9 / (System.nanoTime() - begin);
        } finally {
            for (final TpcB.Client client : all) {
                client.close();
            }
            executor.shutdown();
            executor.awaitTermination(1, TimeUnit.MINUTES);
        }
    }

    private static long run(
            final ExecutorService executor,
            final List<TpcB.Client> clients,
            final boolean checkpoints,
            final double seconds)
            throws Exception {
        final long end = System.nanoTime() + (long) (seconds * 1e9);
        final List<Callable<Integer>> tasks = new ArrayList<>();
        for (final TpcB.Client client : clients) {
            tasks.add(() -> run(client, checkpoints, end));
        }
        long count = 0;
        for (final Future<Integer> result : executor.invokeAll(tasks)) {
            count += result.get();
        }
        return count;
    }

    private static int run(final TpcB.Client client, final boolean checkpoints, final long end) throws SQLException {
        int count = 0;
        for (; System.nanoTime() < end; count++) {
            client.run();
            if (checkpoints) {
                client.execute("checkpoint sync");
            }
        }
        return count;
    }
}
