// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Random operations on the channels of one file, each compared byte for byte with a model in memory. Every run has a seed that
 * it prints. {@code -Dio.writethrough.exerciser.operations=10000000} makes it long; {@code
 * -Dio.writethrough.exerciser.seed=N} repeats a run.
 */
@Timeout(3600)
class ChannelExerciserTest extends OnEveryFileSystem {
    private static final int MAX_SIZE = 3 << 20;
    private static final int LOGGED = 40;
    private static final long OPERATIONS = Long.getLong("io.writethrough.exerciser.operations", 2000);
    private static final Long SEED = Long.getLong("io.writethrough.exerciser.seed");

    @Test
    void channelsOnACacheOfAFewFolios() throws Exception {
        exercise(128 << 10, Backend.AUTO);
    }

    @Test
    void channelsOnACacheThatHoldsTheFile() throws Exception {
        exercise(16 << 20, Backend.AUTO);
    }

    @Test
    void channelsOnThreads() throws Exception {
        exercise(1 << 20, Backend.THREADS);
    }

    private void exercise(final long cacheBytes, final Backend backend) throws Exception {
        final long seed = SEED != null ? SEED : new Random().nextLong();
        System.out.println("exerciser: seed " + seed + ", cache of " + cacheBytes + " bytes, " + backend + ", " + root);
        try (WriteThroughEngine engine = WriteThroughEngine.builder()
                .cacheBytes(cacheBytes)
                .backend(backend)
                .build()) {
            final Run run = new Run(engine, seed);
            try {
                run.operations(OPERATIONS);
            } catch (final Throwable e) {
                throw new AssertionError("seed " + seed + ", after " + String.join("\n  ", run.log), e);
            } finally {
                run.channel.close();
            }
        }
    }

    /** A channel, what its file must hold, and what was done last. */
    private final class Run {
        private final WriteThroughEngine engine;
        private final Random random;
        private final ArrayDeque<String> log = new ArrayDeque<>();

        private final byte[] model = new byte[MAX_SIZE];
        private int size;
        private long position;
        private boolean appending;

        private WriteThroughFile file;
        private FileChannel channel;

        Run(final WriteThroughEngine engine, final long seed) throws IOException {
            this.engine = engine;
            this.random = new Random(seed);
            open(false);
        }

        private void open(final boolean append) throws IOException {
            final OpenOption[] options =
                    append ? new OpenOption[] {CREATE, APPEND} : new OpenOption[] {CREATE, READ, WRITE};
            file = engine.open(path, options);
            channel = file.asFileChannel(random.nextBoolean() ? InterruptPolicy.IGNORE : InterruptPolicy.CLOSE);
            appending = append;
            position = 0;
        }

        void operations(final long count) throws Exception {
            for (long i = 0; i < count; i++) {
                final int kind = random.nextInt(100);
                if (appending) {
                    append();
                    if (kind < 20) {
                        reopen();
                    }
                } else if (kind < 30) {
                    write(1 + random.nextInt(kind < 3 ? 200_000 : 9000));
                } else if (kind < 60) {
                    read(1 + random.nextInt(kind < 33 ? 200_000 : 9000));
                } else if (kind < 68) {
                    writeSeveral();
                } else if (kind < 76) {
                    readSeveral();
                } else if (kind < 84) {
                    asynchronously();
                } else if (kind < 90) {
                    transfer();
                } else if (kind < 95) {
                    resize();
                } else if (kind < 97) {
                    map();
                } else {
                    reopen();
                }
                check(channel.size() == size, "size is " + channel.size() + ", must be " + size);
            }
            reopen();
            compareAll();
        }

        private void log(final String operation, final long at, final long length) {
            log.addLast(operation + " " + at + " " + length + ", size " + size);
            if (log.size() > LOGGED) {
                log.removeFirst();
            }
        }

        /* Half of them at the start or end of a block, or near. */
        private int offset(final int bound) {
            final int any = random.nextInt(Math.max(bound, 1));
            return random.nextBoolean() ? any : Math.min(Math.max((any & -4096) + random.nextInt(5) - 2, 0), bound);
        }

        private ByteBuffer bytesOf(final int length) {
            final byte[] bytes = new byte[length];
            random.nextBytes(bytes);
            return random.nextBoolean() ? ByteBuffer.wrap(bytes) : direct(bytes);
        }

        private ByteBuffer space(final int length) {
            return random.nextBoolean() ? ByteBuffer.allocate(length) : ByteBuffer.allocateDirect(length);
        }

        private void wrote(final int at, final ByteBuffer bytes) {
            final ByteBuffer source = bytes.duplicate().rewind();
            final int length = source.remaining();
            source.get(model, at, length);
            size = Math.max(size, at + length);
        }

        private void write(final int wanted) throws IOException {
            final int at = offset(Math.min(size + 20_000, MAX_SIZE));
            final int length = Math.min(wanted, MAX_SIZE - at);
            final ByteBuffer bytes = bytesOf(length);
            log("write", at, length);
            if (random.nextBoolean()) {
                channel.write(bytes, at);
            } else {
                channel.position(at);
                channel.write(bytes);
                position = at + length;
            }
            check(!bytes.hasRemaining(), "bytes are left");
            wrote(at, bytes);
            check(channel.position() == position, "position is " + channel.position() + ", must be " + position);
        }

        private void writeSeveral() throws IOException {
            final int at = offset(Math.min(size + 5000, MAX_SIZE - 50_000));
            channel.position(at);
            final ByteBuffer[] several = new ByteBuffer[1 + random.nextInt(5)];
            int length = 0;
            for (int i = 0; i < several.length; i++) {
                several[i] = bytesOf(random.nextInt(9000));
                length += several[i].remaining();
            }
            log("write of " + several.length + " buffers", at, length);
            check(channel.write(several) == length, "not all was written");
            int next = at;
            for (final ByteBuffer bytes : several) {
                if (bytes.limit() > 0) {
                    wrote(next, bytes);
                }
                next += bytes.limit();
            }
            position = next;
            check(channel.position() == position, "position is " + channel.position() + ", must be " + position);
        }

        private int expected(final int at, final int length) {
            return length == 0 ? 0 : at >= size ? -1 : Math.min(length, size - at);
        }

        private void compare(final int at, final ByteBuffer found, final long count, final int wanted) {
            check(count == expected(at, wanted), "count is " + count + ", must be " + expected(at, wanted));
            check(found.position() == Math.max(count, 0), "the buffer's position is " + found.position());
            final ByteBuffer shown = found.duplicate().flip();
            if (count > 0) {
                final int differs = shown.mismatch(ByteBuffer.wrap(model, at, (int) count));
                check(differs < 0, "the byte at " + (at + differs) + " is wrong");
            }
        }

        private void read(final int length) throws IOException {
            final int at = offset(Math.min(size + 5000, MAX_SIZE));
            final ByteBuffer found = space(length);
            log("read", at, length);
            compare(at, found, channel.read(found, at), length);
        }

        private void readSeveral() throws IOException {
            final int at = offset(Math.min(size + 100, MAX_SIZE));
            channel.position(at);
            final ByteBuffer[] several = new ByteBuffer[1 + random.nextInt(5)];
            int length = 0;
            for (int i = 0; i < several.length; i++) {
                several[i] = space(1 + random.nextInt(9000));
                length += several[i].remaining();
            }
            log("read into " + several.length + " buffers", at, length);
            final long count = channel.read(several);
            check(count == expected(at, length), "count is " + count + ", must be " + expected(at, length));
            int next = at;
            for (final ByteBuffer part : several) {
                if (part.position() > 0) {
                    compare(next, part, part.position(), part.position());
                }
                next += part.position();
            }
            position = next;
        }

        private void asynchronously() throws InterruptedException, ExecutionException {
            final AsynchronousFileChannel asynchronous = file.asAsynchronousFileChannel();
            final int at = offset(Math.min(size + 1000, MAX_SIZE - 20_000));
            final int length = 1 + random.nextInt(10_000);
            final ByteBuffer first = bytesOf(length);
            final ByteBuffer second = bytesOf(length);
            final ByteBuffer found = space(length);
            log("asynchronous writes and read", at, length);
            final var one = asynchronous.write(first, at);
            final var other = asynchronous.write(second, at + length);
            check(one.get() == length && other.get() == length, "not all was written");
            wrote(at, first);
            wrote(at + length, second);
            compare(at, found, asynchronous.read(found, at).get(), length);
        }

        private void transfer() throws IOException {
            final int from = offset(size);
            final int length = Math.min(random.nextInt(20_000), size - from);
            final int to = offset(Math.min(size, MAX_SIZE - 20_000));
            if (from < to + length && to < from + length) {
                return;
            }
            channel.position(to);
            log("transfer to " + to + " from", from, length);
            check(channel.transferTo(from, length, channel) == length, "not all was transferred");
            System.arraycopy(model, from, model, to, length);
            size = length == 0 ? size : Math.max(size, to + length);
            position = to + length;
        }

        private void resize() throws IOException {
            final int to = offset(Math.min(size + 20_000, MAX_SIZE));
            log("truncate to", to, 0);
            if (random.nextInt(4) == 0) {
                file.truncate(to); // up, too
            } else {
                channel.truncate(to);
                position = Math.min(position, to);
                if (to > size) {
                    return;
                }
            }
            if (to < size) {
                Arrays.fill(model, to, size, (byte) 0);
            }
            size = to;
        }

        private void map() throws IOException {
            final int at = offset(size);
            final int length = Math.min(1 + random.nextInt(50_000), size - at);
            log("map", at, length);
            final ByteBuffer mapped = channel.map(
                    random.nextBoolean() ? FileChannel.MapMode.READ_ONLY : FileChannel.MapMode.PRIVATE, at, length);
            final int differs = mapped.mismatch(ByteBuffer.wrap(model, at, length));
            check(differs < 0, "the byte at " + (at + differs) + " of the mapping is wrong");
        }

        private void append() throws IOException {
            final ByteBuffer bytes = bytesOf(Math.min(1 + random.nextInt(9000), MAX_SIZE - size));
            log("append", size, bytes.remaining());
            final int at = size;
            if (random.nextBoolean()) {
                channel.write(bytes);
            } else {
                channel.write(bytes, random.nextInt(1000));
            }
            wrote(at, bytes);
            check(channel.position() == size, "position is " + channel.position() + ", must be " + size);
        }

        private void reopen() throws IOException {
            log("close and open", 0, 0);
            channel.close();
            if (random.nextInt(4) == 0) {
                compareAll();
            }
            open(random.nextInt(3) == 0);
        }

        /* By other means than the library. */
        private void compareAll() throws IOException {
            final byte[] found = Files.readAllBytes(path);
            check(found.length == size, "the file has " + found.length + " bytes, must have " + size);
            final int differs = Arrays.mismatch(found, 0, size, model, 0, size);
            check(differs < 0, "the byte at " + differs + " of the file is wrong");
        }

        private void check(final boolean right, final String message) {
            if (!right) {
                throw new AssertionError(message);
            }
        }
    }
}
