// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.LaterSequence.File;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * JVMs that are killed (SIGKILL) while they write at {@link Commit#AT_FORCE}: what a force covered is there, no block has a
 * later write without an earlier one, and only what was written a moment before is lost. The test measures how long that
 * moment is. WT_KILLS (200) of them, in all directories together.
 */
class KilledCommitTest extends OnEveryFileSystem {
    private static final int LANES = 2;
    private static final int LIFE_MS_MOST = 100;
    private static final int FIRST_LIFE_MS = 2500; // long enough to lose what is too old, if nobody sends it
    private static final long PAUSE_NS = TimeUnit.MICROSECONDS.toNanos(50);
    private static final Path MEMORY = Path.of("/dev/shm");

    /* Bytes leave in less than a millisecond, unless threads do not run when they are due, or an I/O near them takes long. */
    private static final long WINDOW_NS_MOST = TimeUnit.SECONDS.toNanos(2);

    /** A life that ended. windowNs: the age at its end of the oldest write that is lost; 0: none is. */
    private record Death(boolean paced, long windowNs, long writes, long lost) {}

    @Test
    void aKilledProcessLosesOnlyWhatItWroteInTheMomentBeforeAndDidNotForce() {
        final int lives = Math.max(
                2, KilledProcessTest.KILLS / LANES / (int) TestDirectories.all().count());
        final List<CompletableFuture<List<Death>>> lanes = new ArrayList<>();
        for (int lane = 0; lane < LANES; lane++) {
            final int seed = lane * 1_000_000;
            lanes.add(CompletableFuture.supplyAsync(() -> kill(seed, lives)));
        }
        final List<Death> deaths =
                lanes.stream().flatMap(lane -> lane.join().stream()).toList();
        final Map<Boolean, List<Death>> byPace = deaths.stream().collect(Collectors.partitioningBy(Death::paced));
        report("that paused after each burst of writes", byPace.get(true));
        report("that never paused", byPace.get(false));
        assertTrue(deaths.stream().mapToLong(Death::writes).sum() > 0);
        final long window = deaths.stream().mapToLong(Death::windowNs).max().orElseThrow();
        assertTrue(window <= WINDOW_NS_MOST, () -> "a write was lost that was " + millis(window) + " old");
    }

    private void report(final String which, final List<Death> deaths) {
        final List<Long> windows = deaths.stream().map(Death::windowNs).sorted().toList();
        System.out.println(deaths.size() + " processes " + which + " killed in " + root + ", "
                + deaths.stream().mapToLong(Death::lost).sum() + " of "
                + deaths.stream().mapToLong(Death::writes).sum() + " writes lost; the age of the oldest: median "
                + millis(windows.get(windows.size() / 2)) + ", 99th percentile "
                + millis(windows.get(windows.size() * 99 / 100)) + ", largest "
                + millis(windows.get(windows.size() - 1)));
    }

    private static String millis(final long nanos) {
        return String.format(Locale.ROOT, "%.3f ms", nanos / 1e6);
    }

    private List<Death> kill(final int seed, final int lives) {
        try {
            final Path files = makeFiles(seed);
            final Path told = Files.createTempFile(Files.isDirectory(MEMORY) ? MEMORY : directory, "progress-", "");
            try {
                final LaterProgress progress = new LaterProgress(told);
                final List<Death> deaths = new ArrayList<>();
                for (int life = 0; life < lives; life++) {
                    final boolean paced = life % 2 == 0;
                    final int lifeMs = life == 0 ? FIRST_LIFE_MS : new Random(seed + life).nextInt(LIFE_MS_MOST);
                    final long killed = liveAndDie(files, told, seed + life, paced ? PAUSE_NS : 0, lifeMs);
                    deaths.add(openAndCheck(files, progress, paced, killed));
                }
                return deaths;
            } finally {
                Files.delete(told);
            }
        } catch (final IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private Path makeFiles(final int seed) throws IOException {
        final Path files = Files.createDirectory(directory.resolve("lane-" + seed));
        for (final File file : List.of(File.channel, File.later, File.quiet)) {
            Files.write(files.resolve(file.name()), new byte[file.sequences * LaterSequence.BLOCK]);
        }
        return files;
    }

    /* Returns when the process was told to die. */
    private static long liveAndDie(
            final Path files, final Path progress, final int seed, final long pauseNs, final int lifeMs)
            throws IOException, InterruptedException {
        final Process process = ChildJvm.of(
                        LaterWriter.class,
                        files.toString(),
                        progress.toString(),
                        Integer.toString(seed),
                        Long.toString(pauseNs))
                .start();
        try (BufferedReader output = process.inputReader()) {
            final String first = output.readLine();
            Thread.sleep(lifeMs);
            final long now = System.nanoTime();
            process.toHandle().destroyForcibly(); // unlike that of Process it leaves the output open
            final String rest = output.lines().collect(Collectors.joining("\n"));
            assertEquals(LaterWriter.READY, first, rest);
            assertEquals("", rest, "life " + seed);
            return now;
        } finally {
            process.toHandle().destroyForcibly();
            process.waitFor();
        }
    }

    /* The process is gone this moment. */
    private static Death openAndCheck(
            final Path directory, final LaterProgress progress, final boolean paced, final long killed)
            throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final Map<File, WriteThroughFile> files = new EnumMap<>(File.class);
            final Map<File, byte[]> contents = new EnumMap<>(File.class);
            for (final File file : File.values()) {
                files.put(file, engine.open(directory.resolve(file.name()), READ, WRITE));
                contents.put(file, Files.readAllBytes(directory.resolve(file.name())));
            }
            // Not of a file: one that has the number of a file which was mapped and deleted is on the page cache for a
            // moment.
            final boolean direct = StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT;
            final Death death = check(contents, progress, paced, direct, killed);
            files.get(File.log).truncate(0);
            progress.begin(new LaterSequence(File.log, 0), 0);
            return death;
        }
    }

    private static Death check(
            final Map<File, byte[]> contents,
            final LaterProgress progress,
            final boolean paced,
            final boolean direct,
            final long killed) {
        final long end = LaterSequence.ALL.stream()
                .mapToLong(sequence -> progress.timeOf(sequence, progress.lastReturned(sequence)))
                .reduce(killed, Math::max);
        long window = 0;
        long writes = 0;
        long lost = 0;
        for (final LaterSequence sequence : LaterSequence.ALL) {
            final long last = sequence.lastIn(contents.get(sequence.file()));
            final long returned = progress.lastReturned(sequence);
            final long forced = progress.lastForced(sequence);
            assertTrue(last >= forced, () -> sequence + " ends with " + last + ", a force covered " + forced);
            assertTrue(last <= returned + 1, () -> sequence + " has " + last + " after " + returned);
            assertTrue(
                    direct || last >= returned, () -> sequence + " ends with " + last + ", " + returned + " was sent");
            if (last < returned) {
                assertTrue(returned - last <= LaterProgress.TIMES, () -> sequence + " lost " + (returned - last));
                window = Math.max(window, end - progress.timeOf(sequence, last + 1));
                lost += returned - last;
            }
            writes += progress.countReturned(sequence);
            progress.begin(sequence, last);
        }
        return new Death(paced, window, writes, lost);
    }
}
