// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import io.writethrough.CrashPlan.Op;
import io.writethrough.CrashPlan.Task;
import io.writethrough.testing.DeviceMapper;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * A program to be killed, or to have its power cut: {@code CrashWriter DIRECTORY SEED COUNT [DEVICE]}. Each task of a {@link
 * CrashPlan} does COUNT operations, times those that it has in flight, in a thread of its own, and tells of each that has been acknowledged before it begins another:
 * on its output, or by marks in the log of a device of dm-log-writes. {@link CrashLedger} understands them.
 */
final class CrashWriter {
    static final String READY = "ready";
    static final String DONE = "done";

    /** Tells somebody who survives; returns when it is told. */
    interface Teller {
        void tell(String what) throws IOException;
    }

    /* Says that a file is mapped, which nobody listens to. Kept, so that its level is. */
    private static final Logger LOGGER = Logger.getLogger("io.writethrough");

    private final CrashPlan plan;
    private final int count;
    private final Teller teller;
    private final Map<CrashPlan.File, WriteThroughFile> files = new EnumMap<>(CrashPlan.File.class);

    /** How a task puts bytes where a force finds them. */
    private interface Store {
        void put(Op op, byte[] content) throws IOException;
    }

    private interface Force {
        void of(Op first, Op last) throws IOException;
    }

    private CrashWriter(final CrashPlan plan, final int count, final Teller teller) {
        this.plan = plan;
        this.count = count;
        this.teller = teller;
    }

    public static void main(final String[] arguments) throws Exception {
        LOGGER.setLevel(Level.WARNING);
        final Teller teller = arguments.length > 3 ? marks(arguments[3]) : output();
        write(Path.of(arguments[0]), Long.parseLong(arguments[1]), Integer.parseInt(arguments[2]), teller);
        teller.tell(DONE);
    }

    /** The program, in this process. */
    static void write(final Path directory, final long seed, final int count, final Teller teller)
            throws IOException, InterruptedException {
        final CrashWriter writer = new CrashWriter(new CrashPlan(seed), count, teller);
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(8 << 20).build()) {
            writer.open(engine, directory);
            writer.run();
        }
    }

    /* One call of write(2) a line: a line is in the pipe, or is not. */
    private static Teller output() {
        @SuppressWarnings("resource")
        final FileOutputStream out = new FileOutputStream(FileDescriptor.out);
        return what -> out.write((what + "\n").getBytes(US_ASCII));
    }

    private static Teller marks(final String device) {
        final DeviceMapper mapper = new DeviceMapper();
        return what -> mapper.message(device, "mark " + what.replace(' ', ',')); // a message is split at blanks
    }

    private void open(final WriteThroughEngine engine, final Path directory) throws IOException {
        for (final CrashPlan.File file : CrashPlan.File.values()) {
            final List<OpenOption> options = new ArrayList<>(List.of(CREATE, READ, WRITE));
            if (file == CrashPlan.File.ahead) {
                options.add(new GrowthAhead(CrashPlan.GROWTH));
            }
            files.put(file, engine.open(directory.resolve(file.name()), options.toArray(OpenOption[]::new)));
        }
        for (final CrashPlan.File file : List.of(CrashPlan.File.pages, CrashPlan.File.mapped)) {
            files.get(file).allocate(0, file.bytes);
        }
        teller.tell(READY);
    }

    private void run() throws InterruptedException {
        final List<Thread> threads = new ArrayList<>();
        for (final Task task : Task.values()) {
            if (task == Task.MEMORY && Boolean.getBoolean("io.writethrough.portable")) {
                continue; // That engine has none.
            }
            threads.add(new Thread(() -> run(task), task.name()));
        }
        threads.forEach(Thread::start);
        for (final Thread thread : threads) {
            thread.join();
        }
    }

    private void run(final Task task) {
        final WriteThroughFile file = files.get(task.file);
        try {
            switch (task) {
                case BLOCKS_FORCED ->
                    runForced(
                            task,
                            (op, content) -> file.writeLater(ByteBuffer.wrap(content), op.offset()),
                            (first, last) -> file.force());
                case MEMORY -> runOnMemory(task, file);
                case MAPPED -> {
                    final MappedByteBuffer mapped =
                            file.asFileChannel().map(FileChannel.MapMode.READ_WRITE, 0, task.file.bytes);
                    runForced(task, (op, content) -> mapped.put(op.offset(), content), (first, last) -> mapped.force());
                }
                default -> runEach(task);
            }
        } catch (final IOException | RuntimeException e) {
            fail(e);
        }
    }

    /* Forces all of it and parts of it by turns. */
    private void runOnMemory(final Task task, final WriteThroughFile file) throws IOException {
        try (WriteThroughMapping mapping = file.map(CrashPlan.MEMORY_OFFSET, CrashPlan.MAPPED_BYTES)) {
            final ByteBuffer memory = mapping.buffer();
            runForced(
                    task,
                    (op, content) -> memory.put(op.offset() - CrashPlan.MEMORY_OFFSET, content),
                    (first, last) -> {
                        if (first.number() % 2 == 0) {
                            mapping.force();
                            return;
                        }
                        for (int number = first.number(); number <= last.number(); number++) {
                            final Op op = plan.op(task, number);
                            mapping.force(op.offset() - CrashPlan.MEMORY_OFFSET, op.length());
                        }
                    });
        }
    }

    private void runForced(final Task task, final Store store, final Force force) throws IOException {
        for (int number = 0; number < count * task.inFlight; number += task.inFlight) {
            for (int i = 0; i < task.inFlight; i++) {
                final Op op = plan.op(task, number + i);
                store.put(op, plan.content(op));
            }
            force.of(plan.op(task, number), plan.op(task, number + task.inFlight - 1));
            for (int i = 0; i < task.inFlight; i++) {
                tell(plan.op(task, number + i), 0);
            }
        }
    }

    private void runEach(final Task task) {
        final Semaphore room = new Semaphore(task.inFlight);
        try {
            for (int number = 0; number < count * task.inFlight; number++) {
                room.acquire();
                final Op op = plan.op(task, number);
                if (task.inFlight == 1) {
                    tell(op, carryOut(op));
                    room.release();
                } else {
                    start(op).whenComplete((offset, failure) -> told(op, offset, failure, room));
                }
            }
            room.acquire(task.inFlight);
        } catch (final IOException | InterruptedException | RuntimeException e) {
            fail(e);
        }
    }

    /* The position of an append, else 0. */
    private long carryOut(final Op op) throws IOException {
        final WriteThroughFile file = files.get(op.task().file);
        switch (op.kind()) {
            case WRITE -> file.write(ByteBuffer.wrap(plan.content(op)), op.offset());
            case PUNCH -> file.punchHole(op.offset(), op.length());
            case ZERO -> file.zero(op.offset(), op.length());
            case TRUNCATE -> file.truncate(op.length());
            case APPEND -> {
                return file.append(ByteBuffer.wrap(plan.content(op)));
            }
        }
        return 0;
    }

    private CompletableFuture<Long> start(final Op op) {
        final WriteThroughFile file = files.get(op.task().file);
        final ByteBuffer content = ByteBuffer.wrap(plan.content(op));
        return op.kind() == CrashPlan.Kind.APPEND
                ? file.appendAsync(content)
                : file.writeAsync(content, op.offset()).thenApply(Long::valueOf);
    }

    private void told(final Op op, final Long offset, final Throwable failure, final Semaphore room) {
        if (failure != null) {
            fail(failure);
        }
        try {
            tell(op, offset);
        } catch (final IOException e) {
            fail(e);
        }
        room.release();
    }

    private void tell(final Op op, final long offset) throws IOException {
        final String what = op.task().ordinal() + " " + op.number();
        teller.tell(op.kind() == CrashPlan.Kind.APPEND ? what + " " + offset : what);
    }

    private static void fail(final Throwable failure) {
        failure.printStackTrace(System.out);
        Runtime.getRuntime().halt(1);
    }
}
