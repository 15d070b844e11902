// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.writethrough.LaterSequence.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A program to be killed: {@code LaterWriter DIRECTORY PROGRESS SEED PAUSE_NS}. Threads write at {@link Commit#AT_FORCE} for
 * ever, in bursts with pauses between them, force now and then, and tell of both by a {@link LaterProgress}.
 */
final class LaterWriter {
    static final String READY = "ready";
    private static final int OF_BLOCKS = 3;
    private static final int OF_LOG = OF_BLOCKS;
    static final int THREADS = OF_LOG + 1;
    private static final int LONGEST_BURST = 8;
    private static final int BURSTS_BETWEEN_FORCES = 16;
    private static final long QUIET_NS = TimeUnit.MILLISECONDS.toNanos(5);
    private static final long LOG_PAUSE_NS = TimeUnit.MICROSECONDS.toNanos(50);

    /** One way to write later, and to force. */
    private interface Door {
        void write(ByteBuffer source, long position) throws IOException;

        void force() throws IOException;
    }

    private final LaterProgress progress;
    private final int seed;
    private final long pauseNs;
    private final Map<File, Door> doors = new EnumMap<>(File.class);

    private LaterWriter(final LaterProgress progress, final int seed, final long pauseNs) {
        this.progress = progress;
        this.seed = seed;
        this.pauseNs = pauseNs;
    }

    public static void main(final String[] arguments) throws Exception {
        final LaterWriter writer = new LaterWriter(
                new LaterProgress(Path.of(arguments[1])), Integer.parseInt(arguments[2]), Long.parseLong(arguments[3]));
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(8 << 20).build()) {
            writer.open(engine, Path.of(arguments[0]));
            System.out.println(READY);
            writer.run();
        }
    }

    private void open(final WriteThroughEngine engine, final Path directory) throws IOException {
        doors.put(
                File.channel,
                doorOf(engine.open(directory.resolve("channel"), READ, WRITE).asFileChannel(Commit.AT_FORCE)));
        doors.put(File.later, doorOf(engine.open(directory.resolve("later"), READ, WRITE)));
        doors.put(
                File.quiet,
                doorOf(engine.open(directory.resolve("quiet"), READ, WRITE, Commit.AT_FORCE)
                        .asFileChannel()));
        doors.put(File.log, logDoorOf(engine.open(directory.resolve("log"), CREATE, READ, WRITE)));
    }

    private static Door doorOf(final FileChannel channel) {
        return new Door() {
            @Override
            public void write(final ByteBuffer source, final long position) throws IOException {
                channel.write(source, position);
            }

            @Override
            public void force() throws IOException {
                channel.force(false);
            }
        };
    }

    private static Door doorOf(final WriteThroughFile file) {
        return new Door() {
            @Override
            public void write(final ByteBuffer source, final long position) throws IOException {
                file.writeLater(source, position);
            }

            @Override
            public void force() throws IOException {
                file.force();
            }
        };
    }

    private static Door logDoorOf(final WriteThroughFile file) {
        return new Door() {
            @Override
            public void write(final ByteBuffer source, final long position) throws IOException {
                if (file.appendLater(source) != position) {
                    throw new AssertionError("an append of a single thread is not at " + position);
                }
            }

            @Override
            public void force() throws IOException {
                file.force();
            }
        };
    }

    private void run() throws InterruptedException {
        final List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < OF_BLOCKS; i++) {
            final int number = i;
            threads.add(new Thread(() -> live(() -> writeBlocks(number))));
        }
        threads.add(new Thread(() -> live(this::writeLog)));
        threads.add(new Thread(() -> live(this::writeQuietly)));
        threads.forEach(Thread::start);
        for (final Thread thread : threads) {
            thread.join();
        }
    }

    /** What a thread does. */
    private interface Life {
        void run() throws IOException;
    }

    private static void live(final Life life) {
        try {
            life.run();
        } catch (final IOException | RuntimeException | Error e) {
            e.printStackTrace(System.out);
            Runtime.getRuntime().halt(1);
        }
    }

    /* Neighbouring blocks are of different threads. */
    private void writeBlocks(final int thread) throws IOException {
        final List<LaterSequence> mine = LaterSequence.ALL.stream()
                .filter(sequence -> sequence.file() == File.channel || sequence.file() == File.later)
                .filter(sequence -> sequence.index() % OF_BLOCKS == thread)
                .toList();
        writeAndForce(thread, mine, pauseNs);
    }

    private void writeLog() throws IOException {
        writeAndForce(OF_LOG, List.of(new LaterSequence(File.log, 0)), Math.max(pauseNs, LOG_PAUSE_NS));
    }

    private void writeAndForce(final int thread, final List<LaterSequence> mine, final long pause) throws IOException {
        final Random random = new Random(seed * 31L + thread);
        final ByteBuffer buffer = ByteBuffer.allocateDirect(LaterSequence.BLOCK);
        while (true) {
            LaterSequence last = mine.get(0);
            for (int left = 1 + random.nextInt(LONGEST_BURST); left > 0; left--) {
                last = mine.get(random.nextInt(mine.size()));
                write(last, buffer);
            }
            if (random.nextInt(BURSTS_BETWEEN_FORCES) == 0) {
                force(last.file(), thread);
            }
            if (pause > 0) {
                LockSupport.parkNanos(pause);
            }
        }
    }

    /* Nobody forces this file, and it is never near the bytes that are sent for their number. */
    private void writeQuietly() throws IOException {
        final ByteBuffer buffer = ByteBuffer.allocateDirect(LaterSequence.BLOCK);
        while (true) {
            for (int index = 0; index < File.quiet.sequences; index++) {
                write(new LaterSequence(File.quiet, index), buffer);
                LockSupport.parkNanos(QUIET_NS);
            }
        }
    }

    private void write(final LaterSequence sequence, final ByteBuffer buffer) throws IOException {
        final long number = progress.lastReturned(sequence) + 1;
        sequence.fill(buffer, number);
        doors.get(sequence.file()).write(buffer, sequence.offset(number));
        progress.tellReturned(sequence, number, System.nanoTime());
    }

    private void force(final File file, final int thread) throws IOException {
        final List<LaterSequence> covered = LaterSequence.ALL.stream()
                .filter(sequence -> sequence.file() == file)
                .toList();
        final long[] returned =
                covered.stream().mapToLong(progress::lastReturned).toArray();
        doors.get(file).force();
        for (int i = 0; i < returned.length; i++) {
            progress.tellForced(covered.get(i), thread, returned[i]);
        }
    }
}
