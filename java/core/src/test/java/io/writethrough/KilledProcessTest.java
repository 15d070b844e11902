// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * JVMs that are killed (SIGKILL) at some moment under load: what they told this process of is there, and their files open
 * again at once. WT_KILLS (200) of them, in all directories together.
 */
class KilledProcessTest extends OnEveryFileSystem {
    static final int KILLS = Integer.parseInt(orElse(TestDirectories.setting("WT_KILLS"), "200"));
    private static final int LANES = 2;
    private static final int ENDLESS = 1_000_000;
    private static final int MOST_ACKNOWLEDGED = 600;

    private static String orElse(final String value, final String other) {
        return value != null ? value : other;
    }

    @Test
    void whatAKilledProcessToldOfIsThereAndItsFilesOpenAtOnce() {
        final int lives =
                Math.max(1, KILLS / LANES / (int) TestDirectories.all().count());
        final List<CompletableFuture<Integer>> lanes = new ArrayList<>();
        for (int lane = 0; lane < LANES; lane++) {
            final int seed = lane * 1_000_000;
            lanes.add(CompletableFuture.supplyAsync(() -> kill(seed, lives)));
        }
        final int told = lanes.stream().mapToInt(CompletableFuture::join).sum();
        System.out.println(LANES * lives + " processes killed in " + root + ", " + told + " operations acknowledged");
        assertTrue(told > 0);
    }

    private int kill(final int seed, final int lives) {
        try {
            final Path files = Files.createDirectory(directory.resolve("lane-" + seed));
            final CrashLedger ledger = new CrashLedger();
            int told = 0;
            for (int life = 0; life < lives; life++) {
                ledger.begin(seed + life);
                liveAndDie(files, seed + life, ledger);
                told += ledger.count();
                openAndCheck(files, ledger);
            }
            return told;
        } catch (final IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void liveAndDie(final Path files, final int seed, final CrashLedger ledger)
            throws IOException, InterruptedException {
        final int last = new Random(seed).nextInt(MOST_ACKNOWLEDGED);
        final Process process = ChildJvm.of(
                        CrashWriter.class, files.toString(), Integer.toString(seed), Integer.toString(ENDLESS))
                .start();
        final StringBuilder other = new StringBuilder();
        try (BufferedReader output = process.inputReader()) {
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                if (!ledger.acknowledge(line)) {
                    other.append(line).append('\n');
                }
                if (ledger.count() >= last) {
                    process.toHandle().destroyForcibly(); // unlike that of Process it leaves the output open
                }
            }
        } finally {
            process.toHandle().destroyForcibly();
            process.waitFor();
        }
        if (!other.isEmpty()) {
            throw new AssertionError("life " + seed + ": " + other);
        }
    }

    /* The process is gone this moment. */
    private static void openAndCheck(final Path directory, final CrashLedger ledger) throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final List<WriteThroughFile> files = new ArrayList<>();
            for (final CrashPlan.File name : CrashPlan.File.values()) {
                files.add(engine.open(directory.resolve(name.name()), READ, WRITE));
            }
            ledger.check(directory);
            for (final WriteThroughFile file : files) {
                assertArrayEquals(Files.readAllBytes(file.path()), read(file, 0, (int) file.size()));
            }
            for (final CrashPlan.File log : List.of(CrashPlan.File.log, CrashPlan.File.ahead)) {
                files.get(log.ordinal()).truncate(ledger.end(log));
            }
        }
        ledger.adopt(directory);
    }
}
