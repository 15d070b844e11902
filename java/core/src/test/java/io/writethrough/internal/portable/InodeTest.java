// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which force makes whose bytes stable, and who is told when it fails: on a disk that loses what a failed force had. */
@Timeout(60)
class InodeTest {
    private final FakeDevice device = new FakeDevice();
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private Inode inode;

    @BeforeEach
    void open() throws IOException {
        inode = new Inode(device, tasks::add, new Counters());
    }

    private static ByteBuffer[] bytes(final int length, final int value) {
        final byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return new ByteBuffer[] {ByteBuffer.wrap(bytes)};
    }

    /* A write whose caller waits: 0 or its errno. */
    private int write(final int length, final int value, final long position) {
        final Ticket ticket = new Ticket(Thread.currentThread(), false);
        final long at = inode.write(bytes(length, value), length, position, ticket);
        return at < 0 ? (int) -at : inode.await(ticket);
    }

    private long writeLater(final int length, final int value, final long position) {
        return inode.write(bytes(length, value), length, position, null);
    }

    /* A write that nobody waits for, which tells the fake when it is acknowledged. */
    private long submit(final int length, final int value, final long position, final String name) {
        final Ticket ticket = new Ticket(null, false) {
            @Override
            void ended(final int errno) {
                device.calls.add(name + (errno == 0 ? " is stable" : " failed " + errno));
            }
        };
        final long at = inode.write(bytes(length, value), length, position, ticket);
        inode.leadElsewhere();
        return at;
    }

    private void runTasks() {
        while (!tasks.isEmpty()) {
            tasks.remove().run();
        }
    }

    @Test
    void aWriteIsAcknowledgedAfterTheForceThatBeganBehindItsBytes() {
        submit(10, 1, 0, "a");
        runTasks();
        submit(10, 2, 10, "b");
        runTasks();
        assertEquals(
                List.of(
                        "write 0 10",
                        "force begins",
                        "force ends",
                        "a is stable",
                        "write 10 10",
                        "force begins",
                        "force ends",
                        "b is stable"),
                device.calls);
    }

    @Test
    void writesThatComeDuringAForceShareTheNextAndAreNotAcknowledgedByThisOne() throws Exception {
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        device.holdForce(begun, goOn);
        final CompletableFuture<Integer> leader = CompletableFuture.supplyAsync(() -> write(10, 1, 0));
        begun.await();
        submit(10, 2, 10, "b");
        submit(10, 3, 20, "c");
        runTasks();
        assertFalse(device.calls.contains("b is stable"));
        goOn.countDown();
        assertEquals(0, leader.get());
        runTasks();
        assertEquals(
                List.of(
                        "write 0 10",
                        "force begins",
                        "write 10 10",
                        "write 20 10",
                        "force ends",
                        "force begins",
                        "force ends",
                        "b is stable",
                        "c is stable"),
                device.calls);
    }

    @Test
    void aThreadThatHasWaitedThroughAForceLeadsTheNext() throws Exception {
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        device.holdForce(begun, goOn);
        final CompletableFuture<Integer> leader = CompletableFuture.supplyAsync(() -> write(10, 1, 0));
        begun.await();
        final CompletableFuture<Integer> second = new CompletableFuture<>();
        final Thread thread = new Thread(() -> second.complete(write(10, 2, 10)));
        thread.start();
        while (thread.getState() != Thread.State.WAITING) {
            Thread.onSpinWait();
        }
        goOn.countDown();
        assertEquals(0, leader.get());
        assertEquals(0, second.get());
    }

    @Test
    void threadsThatWaitLeadOneAfterTheOther() throws Exception {
        final List<CompletableFuture<Integer>> writers = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            final int first = i * 100;
            writers.add(CompletableFuture.supplyAsync(() -> {
                int errno = 0;
                for (int j = 0; j < 100; j++) {
                    errno |= write(1, j, first + j);
                }
                return errno;
            }));
        }
        for (final CompletableFuture<Integer> writer : writers) {
            assertEquals(0, writer.get());
        }
        assertArrayEquals(device.contents(), device.afterPowerCut());
        assertEquals(List.of(), List.copyOf(tasks), "no thread of the engine was needed");
    }

    @Test
    void aFailedForceIsToldToEachWriteThatItWasFor() {
        submit(10, 1, 0, "a");
        submit(10, 2, 10, "b");
        device.failForce();
        runTasks();
        assertTrue(device.calls.containsAll(List.of("a failed 5", "b failed 5")), device.calls.toString());
        assertEquals(0, write(10, 3, 0));
        assertEquals(3, device.afterPowerCut()[9]);
    }

    @Test
    void aWriteDuringAForceThatFailsIsToldThoughTheNextForceSucceeds() throws Exception {
        assertEquals(0, write(100, 9, 0));
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        device.holdForce(begun, goOn);
        device.failForce();
        final CompletableFuture<Integer> leader = CompletableFuture.supplyAsync(() -> write(10, 1, 0));
        begun.await();
        submit(10, 2, 10, "b");
        goOn.countDown();
        assertEquals(Errno.EIO, leader.get());
        runTasks();
        assertTrue(device.calls.contains("b failed 5"), device.calls.toString());
        assertEquals(9, device.afterPowerCut()[10], "the disk has lost it");
    }

    @Test
    void aLaterWriteDuringAForceThatFailsIsLostToo() throws Exception {
        assertEquals(0, write(100, 9, 0));
        final CountDownLatch begun = new CountDownLatch(1);
        final CountDownLatch goOn = new CountDownLatch(1);
        device.holdForce(begun, goOn);
        device.failForce();
        final CompletableFuture<Integer> leader = CompletableFuture.supplyAsync(() -> write(10, 1, 0));
        begun.await();
        writeLater(10, 2, 20);
        goOn.countDown();
        assertEquals(Errno.EIO, leader.get());
        assertEquals(-Errno.EIO, inode.force(false));
        assertEquals(9, device.afterPowerCut()[20], "the disk has lost it");
    }

    @Test
    void zerosOfWhichAForceHasLostAPartAreNotAcknowledged() {
        final int length = (1 << 20) + 1; // of two pieces
        assertEquals(0, write(length, 9, 0));
        device.beforeSecondWrite(() -> {
            device.failForce();
            assertEquals(-Errno.EIO, inode.force(true));
        });
        assertEquals(-Errno.EIO, inode.fill(0, length, false));
    }

    @Test
    void laterWritesThatAForceHasLostFailEachForceUntilTheyAreWrittenAgain() {
        assertEquals(0, write(100, 9, 0));
        writeLater(10, 1, 20);
        device.failForce();
        assertEquals(-Errno.EIO, inode.force(false));
        assertEquals(-Errno.EIO, inode.force(false));
        writeLater(5, 2, 20);
        assertEquals(-Errno.EIO, inode.force(false), "a half is not all");
        writeLater(5, 2, 25);
        assertEquals(0, inode.force(false));
        assertEquals(2, device.afterPowerCut()[29]);
    }

    @Test
    void laterWritesThatAForceHasLostAreForgottenWhenTheyAreCutOff() {
        assertEquals(0, write(100, 9, 0));
        writeLater(10, 1, 20);
        device.failForce();
        assertEquals(-Errno.EIO, inode.force(false));
        assertEquals(0, inode.truncate(20, true));
        assertEquals(0, inode.force(false));
        assertEquals(20, device.afterPowerCut().length);
    }

    @Test
    void aForceOfWhatIsStableAsksTheSystemOnce() {
        assertEquals(0, inode.force(false), "what an earlier process has left");
        assertEquals(0, inode.force(false));
        writeLater(10, 1, 0);
        assertEquals(0, inode.force(false));
        assertEquals(0, inode.force(false));
        assertEquals(0, inode.force(true));
        assertEquals(3, device.calls.stream().filter("force ends"::equals).count());
    }

    @Test
    void anAppendBehindOneThatFailedFollowsTheLastThatWasAcknowledged() {
        assertEquals(0, write(10, 1, Inode.AT_END));
        assertEquals(10, submit(10, 2, Inode.AT_END, "b"));
        assertEquals(20, submit(10, 3, Inode.AT_END, "c"));
        device.failForce();
        runTasks();
        assertTrue(device.calls.containsAll(List.of("b failed 5", "c failed 5", "truncate 10")));
        assertEquals(10, submit(10, 4, Inode.AT_END, "d"));
        runTasks();
        assertEquals(20, device.afterPowerCut().length);
        assertEquals(4, device.afterPowerCut()[10]);
    }

    @Test
    void aWriteThatFailsHalfwayLeavesTheFileAsLongAsItWas() {
        assertEquals(0, write(10, 1, 0));
        device.failWriteHalfway();
        assertEquals(Errno.ENOSPC, write(10, 2, Inode.AT_END));
        assertEquals(10, device.size());
        assertEquals(0, write(10, 3, Inode.AT_END));
        assertEquals(3, device.afterPowerCut()[10]);
    }

    @Test
    void aWriteForWhichNoThreadIsToBeHadIsForcedByTheThreadThatSubmitsIt() throws IOException {
        inode = new Inode(
                device,
                task -> {
                    throw new OutOfMemoryError("unable to create native thread");
                },
                new Counters());
        submit(10, 1, 0, "a");
        submit(10, 2, 10, "b");
        assertTrue(device.calls.containsAll(List.of("a is stable", "b is stable")), device.calls.toString());
    }

    @Test
    void aTruncationThatEndsInAnErrorKeepsNobodyWaiting() {
        assertEquals(0, write(10, 1, 0));
        device.failTruncateForWantOfMemory();
        assertThrows(OutOfMemoryError.class, () -> inode.truncate(5, true));
        assertEquals(0, inode.truncate(5, true));
        assertEquals(5, device.afterPowerCut().length);
    }

    @Test
    void aForceWhoseCleaningUpEndsInAnErrorIsToldAndKeepsNobodyWaiting() {
        assertEquals(0, write(10, 1, 0));
        submit(10, 2, 10, "b");
        device.failForce();
        device.failTruncateForWantOfMemory();
        assertThrows(OutOfMemoryError.class, this::runTasks);
        assertTrue(device.calls.contains("b failed 5"), device.calls.toString());
        assertEquals(0, write(10, 3, 0));
    }

    /* For each byte what may be on the disk: what was acknowledged last, or anything that came after it. */
    private static final class Expected {
        private static final int BYTES = 64;

        private final int[] acknowledged = new int[BYTES];
        private final List<List<Integer>> since = new ArrayList<>();

        private Expected() {
            for (int i = 0; i < BYTES; i++) {
                since.add(new ArrayList<>());
            }
        }

        private void wrote(final int from, final int to, final int value) {
            for (int i = from; i < to; i++) {
                since.get(i).add(value);
            }
        }

        private void acknowledge(final int from, final int to, final int value) {
            for (int i = from; i < to; i++) {
                final int last = since.get(i).lastIndexOf(value);
                if (last >= 0) {
                    acknowledged[i] = value;
                    since.get(i).subList(0, last + 1).clear();
                }
            }
        }

        private void check(final byte[] disk, final String program) {
            for (int i = 0; i < BYTES; i++) {
                final int found = i < disk.length ? disk[i] : 0;
                assertTrue(
                        found == acknowledged[i] || since.get(i).contains(found),
                        "byte " + i + " is " + found + ", acknowledged " + acknowledged[i] + ": " + program);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void noPowerCutTakesWhatWasAcknowledgedThoughForcesFail(final int seed) throws IOException {
        final Random random = new Random(seed);
        for (int program = 0; program < 100; program++) {
            runProgram(random);
        }
    }

    private void runProgram(final Random random) throws IOException {
        final FakeDevice disk = new FakeDevice();
        final ArrayDeque<Runnable> leaders = new ArrayDeque<>();
        final Inode file = new Inode(disk, leaders::add, new Counters());
        final Expected expected = new Expected();
        final List<int[]> later = new ArrayList<>();
        final StringBuilder program = new StringBuilder();
        int losses = 0;
        for (int step = 1; step < 40; step++) {
            if (random.nextInt(4) == 0) {
                disk.failForce();
                program.append("! ");
            }
            final int from = random.nextInt(Expected.BYTES - 8);
            final int to = from + 1 + random.nextInt(8);
            final int value = step;
            switch (random.nextInt(4)) {
                case 0 -> { // later
                    program.append("later ").append(from).append('-').append(to).append(' ');
                    expected.wrote(from, to, value);
                    file.write(bytes(to - from, value), to - from, from, null);
                    later.add(new int[] {from, to, value});
                }
                case 1 -> {
                    program.append("force ");
                    if (file.force(false) == 0) {
                        later.forEach(each -> expected.acknowledge(each[0], each[1], each[2]));
                        later.clear();
                    }
                }
                case 2 -> {
                    program.append("submit ")
                            .append(from)
                            .append('-')
                            .append(to)
                            .append(' ');
                    expected.wrote(from, to, value);
                    final Ticket ticket = new Ticket(null, false) {
                        @Override
                        void ended(final int errno) {
                            if (errno == 0) {
                                expected.acknowledge(from, to, value);
                            }
                        }
                    };
                    file.write(bytes(to - from, value), to - from, from, ticket);
                    file.leadElsewhere();
                }
                default -> {
                    program.append("lead ");
                    if (!leaders.isEmpty()) {
                        leaders.remove().run();
                    }
                }
            }
            if (file.losses() > losses) { // the handle is told, and what was cut off is not there for another force
                losses = file.losses();
                later.removeIf(each -> each[1] > disk.size());
            }
            expected.check(disk.afterPowerCut(), program.toString());
        }
    }
}
