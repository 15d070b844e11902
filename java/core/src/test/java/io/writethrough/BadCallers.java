// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Programs of calls as no sane caller makes them, drawn from seeds: {@code BadCallers DIRECTORY COUNT}. One that fails is made as
 * short as it can be, and printed. The process must have a limit of the size of files: some calls make all of one zeros.
 */
final class BadCallers {
    private static final int STEPS = 60;
    private static final int FILES = 3;
    private static final int ENDS_SECONDS = 300;

    private final Path directory;

    private BadCallers(final Path directory) {
        this.directory = directory;
    }

    public static void main(final String[] arguments) throws Exception {
        new BadCallers(Path.of(arguments[0])).run(Integer.parseInt(arguments[1]));
        System.out.println("ended");
    }

    /** One call. What it is called with is drawn from its seed, so that a step is the same without those before it. */
    private record Step(Call call, long seed) {}

    private enum Call {
        OPEN,
        OPEN_AGAIN,
        CLOSE,
        WRITE,
        WRITE_VECTOR,
        WRITE_ASYNC,
        WRITE_ALL,
        READ,
        READ_VECTOR,
        READ_ASYNC,
        APPEND,
        APPEND_ASYNC,
        TRUNCATE,
        ALLOCATE,
        PUNCH_HOLE,
        ZERO,
        SIZE,
        SYNC,
        PROFILE,
        RENAME,
        CHANNEL,
        CLOSE_ENGINE
    }

    private void run(final int programs) throws Exception {
        run(List.of(), 1); // what is loaded and opened once, is
        final List<String> descriptors = descriptors();
        for (int seed = 0; seed < programs; seed++) {
            final int threads = 1 + seed % 3;
            final List<Step> program = program(seed);
            final Throwable failure = failureOf(program, threads);
            if (failure != null) {
                final List<Step> shortest = shrink(program, threads);
                throw new AssertionError(
                        "seed " + seed + ", " + threads + " threads: " + failure + ", and so does\n"
                                + shortest.stream().map(Step::toString).collect(Collectors.joining("\n")),
                        failure);
            }
        }
        assertDescriptors(descriptors);
    }

    /* The JVM opens files of its own for a moment, such as those of its control group; a descriptor that is lost stays. */
    private static void assertDescriptors(final List<String> expected) throws Exception {
        final long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (descriptors().size() > expected.size() && System.nanoTime() < end) {
            Thread.sleep(10);
        }
        final List<String> found = descriptors();
        assertEquals(expected.size(), found.size(), () -> "before " + expected + ", now " + found);
    }

    private static List<Step> program(final long seed) {
        final Random random = new Random(seed);
        final Call[] calls = Call.values();
        return Stream.generate(() -> new Step(
                        calls[random.nextInt(calls.length - (random.nextInt(4) == 0 ? 0 : 1))], random.nextLong()))
                .limit(STEPS)
                .toList();
    }

    /* What each is of. One that is closed meanwhile is counted all the same. */
    private static List<String> descriptors() throws IOException {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.map(BadCallers::targetOf).sorted().toList();
        }
    }

    private static String targetOf(final Path descriptor) {
        try {
            return Files.readSymbolicLink(descriptor).toString();
        } catch (final IOException e) {
            return "closed";
        }
    }

    /* ---- shrinking ---- */

    private Throwable failureOf(final List<Step> program, final int threads) {
        try {
            run(program, threads);
            return null;
        } catch (final Exception | AssertionError e) {
            return e;
        }
    }

    /* Leaves out runs of steps, long ones first, as long as it still fails. */
    private List<Step> shrink(final List<Step> failing, final int threads) {
        List<Step> shortest = failing;
        for (int run = failing.size() / 2; run > 0; run /= 2) {
            for (int at = 0; at + run <= shortest.size(); ) {
                final List<Step> shorter = new ArrayList<>(shortest.subList(0, at));
                shorter.addAll(shortest.subList(at + run, shortest.size()));
                if (failureOf(shorter, threads) != null) {
                    shortest = shorter;
                } else {
                    at += run;
                }
            }
        }
        return shortest;
    }

    /* ---- running ---- */

    private void run(final List<Step> program, final int threads) throws Exception {
        final Path place = Files.createTempDirectory(directory, "program-");
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        final WriteThroughEngine engine = WriteThroughEngine.builder()
                .cacheBytes(1 << 20)
                .inFlightBytes(64 << 10)
                .build();
        final World world = new World(engine, place);
        final List<Thread> running = IntStream.range(0, threads)
                .mapToObj(which -> new Thread(() -> world.run(program, which, threads, failure)))
                .toList();
        running.forEach(Thread::start);
        for (final Thread thread : running) {
            thread.join(TimeUnit.SECONDS.toMillis(ENDS_SECONDS));
            if (thread.isAlive()) {
                throw new AssertionError("a call does not end: " + List.of(thread.getStackTrace()));
            }
        }
        world.end();
        try (Stream<Path> files = Files.list(place)) {
            for (final Path file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(place);
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    /** What a program works on: an engine and some files, which may be closed. */
    private static final class World {
        private final WriteThroughEngine engine;
        private final Path place;
        private final AtomicReferenceArray<WriteThroughFile> files = new AtomicReferenceArray<>(FILES);
        private final List<CompletableFuture<?>> futures = new ArrayList<>();

        World(final WriteThroughEngine engine, final Path place) throws IOException {
            this.engine = engine;
            this.place = place;
            for (int i = 0; i < FILES; i++) {
                files.set(i, engine.open(place.resolve("file-" + i), CREATE, READ, WRITE));
            }
        }

        void run(
                final List<Step> program,
                final int which,
                final int threads,
                final AtomicReference<Throwable> failure) {
            for (int i = which; i < program.size() && failure.get() == null; i += threads) {
                try {
                    call(program.get(i).call(), new Random(program.get(i).seed()));
                } catch (final Throwable e) {
                    if (!isClear(e)) {
                        failure.compareAndSet(null, new AssertionError(program.get(i) + ": " + e, e));
                    }
                }
            }
        }

        /* Every future ends, and so does everything else. */
        void end() throws Exception {
            for (int i = 0; i < FILES; i++) {
                files.get(i).close();
            }
            for (final CompletableFuture<?> future : futures) {
                try {
                    future.get(ENDS_SECONDS, TimeUnit.SECONDS);
                } catch (final ExecutionException e) {
                    if (!isClear(e.getCause())) {
                        throw e;
                    }
                }
            }
            if (engine.isOpen()) {
                assertEquals(0, engine.stats().openFiles());
                assertEquals(0, engine.stats().inFlightBytes());
            }
            engine.close();
        }

        private void call(final Call call, final Random random) throws IOException {
            final int slot = random.nextInt(FILES);
            final WriteThroughFile file = files.get(slot);
            final long position = position(random);
            switch (call) {
                case OPEN -> replace(slot, open(random, CREATE, READ, WRITE));
                case OPEN_AGAIN -> replace(slot, open(random, random.nextBoolean() ? READ : WRITE));
                case CLOSE -> file.close();
                case WRITE -> write(file, buffer(random), position, random);
                case WRITE_VECTOR -> file.write(buffers(random), position);
                case WRITE_ASYNC -> keep(file.writeAsync(buffer(random), position));
                case WRITE_ALL ->
                    file.writeAllAsync(List.of(
                                    new WriteRequest(buffer(random), position), new WriteRequest(buffer(random), 0)))
                            .forEach(this::keep);
                case READ -> read(file, buffer(random), position);
                case READ_VECTOR -> file.read(buffers(random), position);
                case READ_ASYNC -> keep(file.readAsync(buffer(random), position));
                case APPEND -> file.append(buffer(random));
                case APPEND_ASYNC -> keep(file.appendAsync(buffer(random)));
                case TRUNCATE -> file.truncate(position);
                case ALLOCATE -> file.allocate(position, length(random, position));
                case PUNCH_HOLE -> file.punchHole(position, length(random, position));
                case ZERO -> file.zero(position, length(random, position));
                case SIZE -> assertTrue(file.size() >= 0);
                case SYNC -> file.sync();
                case PROFILE -> file.profile();
                case RENAME ->
                    file.renameTo(
                            place.resolve("file-" + random.nextInt(FILES + 1)), StandardCopyOption.REPLACE_EXISTING);
                case CHANNEL ->
                    file.asFileChannel().transferTo(position, length(random, position), file.asFileChannel());
                case CLOSE_ENGINE -> engine.close();
            }
        }

        private WriteThroughFile open(final Random random, final OpenOption... options) throws IOException {
            return engine.open(
                    random.nextInt(10) == 0 ? place : place.resolve("file-" + random.nextInt(FILES)), options);
        }

        private void replace(final int slot, final WriteThroughFile file) throws IOException {
            files.getAndSet(slot, file).close();
        }

        private void keep(final CompletableFuture<?> future) {
            synchronized (futures) {
                futures.add(future);
            }
        }

        /* A buffer has moved by what was written, or not at all. */
        private static void write(
                final WriteThroughFile file, final ByteBuffer buffer, final long position, final Random random)
                throws IOException {
            final int before = buffer == null ? 0 : buffer.position();
            boolean done = false;
            try {
                file.write(buffer, position, Durability.values()[random.nextInt(Durability.values().length)]);
                done = true;
            } finally {
                if (buffer != null) {
                    assertEquals(done ? buffer.limit() : before, buffer.position());
                }
            }
        }

        private static void read(final WriteThroughFile file, final ByteBuffer buffer, final long position)
                throws IOException {
            final int before = buffer == null ? 0 : buffer.position();
            int count = 0;
            try {
                count = Math.max(0, file.read(buffer, position));
            } finally {
                if (buffer != null) {
                    assertEquals(before + count, buffer.position());
                }
            }
        }
    }

    /* ---- what calls are made with ---- */

    private static long position(final Random random) {
        return switch (random.nextInt(10)) {
            case 0 -> random.nextLong();
            case 1 -> Long.MAX_VALUE - random.nextInt(10_000);
            case 2 -> -1 - random.nextInt(10);
            case 3 -> 4096L * random.nextInt(40) + random.nextInt(3) - 1;
            default -> random.nextInt(200_000);
        };
    }

    /* A long one ends past all numbers: one that does not would fill the disk with zeros where files may be that long. */
    private static long length(final Random random, final long position) {
        return switch (random.nextInt(8)) {
            case 0 -> position > 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
            case 1 -> -1 - random.nextInt(10);
            default -> random.nextInt(100_000);
        };
    }

    private static ByteBuffer buffer(final Random random) {
        if (random.nextInt(12) == 0) {
            return null;
        }
        final BufferKind kind = BufferKind.values()[random.nextInt(BufferKind.values().length)];
        final ByteBuffer buffer =
                kind.of(new byte[random.nextInt(4) == 0 ? random.nextInt(3) : random.nextInt(30_000)]);
        return buffer.position(random.nextInt(buffer.limit() + 1));
    }

    private static ByteBuffer[] buffers(final Random random) {
        return random.nextInt(12) == 0
                ? null
                : Stream.generate(() -> buffer(random)).limit(random.nextInt(5)).toArray(ByteBuffer[]::new);
    }

    /** An exception that says what was wrong with the call, or what the system refused. */
    private static boolean isClear(final Throwable e) {
        return e instanceof IOException
                || e instanceof IllegalArgumentException
                || e instanceof IllegalStateException // the engine is closed
                || e instanceof NullPointerException
                || e instanceof NonReadableChannelException
                || e instanceof NonWritableChannelException;
    }
}
