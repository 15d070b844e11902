// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Reading and writing allocate nothing on the Java heap. */
class AllocationTest extends OnEveryFileSystem {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int RUNS = 5;
    private static final int OPERATIONS = 200;

    private final ByteBuffer heap = ByteBuffer.allocate(4096);
    private final ByteBuffer direct = ByteBuffer.allocateDirect(4096);
    private final ByteBuffer[] vector = {ByteBuffer.allocate(1000), ByteBuffer.allocateDirect(3096)};

    private WriteThroughFile file;

    private interface Operation {
        void run() throws IOException;
    }

    @BeforeEach
    void open() throws IOException {
        file = WriteThroughFile.open(path, Durability.DEVICE, CREATE, READ, WRITE);
        file.write(buffer(1 << 20, 1), 0);
    }

    @AfterEach
    void close() throws IOException {
        file.close();
    }

    @Test
    void aWriteOfADirectBuffer() throws IOException {
        assertAllocatesNothing(() -> file.write(direct.clear(), 8192));
    }

    @Test
    void aWriteOfAHeapBuffer() throws IOException {
        assertAllocatesNothing(() -> file.write(heap.clear(), 8192));
    }

    @Test
    void aDurableWrite() throws IOException {
        assertAllocatesNothing(() -> file.write(direct.clear(), 8192, Durability.DSYNC));
    }

    @Test
    void aWriteOfPartsOfBlocks() throws IOException {
        assertAllocatesNothing(() -> file.write(heap.clear(), 8200));
    }

    @Test
    void aVectoredWrite() throws IOException {
        assertAllocatesNothing(() -> file.write(cleared(), 8192));
    }

    @Test
    void aReadIntoADirectBuffer() throws IOException {
        assertAllocatesNothing(() -> file.read(direct.clear(), 8192));
    }

    @Test
    void aReadIntoAHeapBuffer() throws IOException {
        assertAllocatesNothing(() -> file.read(heap.clear(), 8192));
    }

    @Test
    void aVectoredRead() throws IOException {
        assertAllocatesNothing(() -> file.read(cleared(), 8192));
    }

    @Test
    void theSize() throws IOException {
        assertAllocatesNothing(() -> file.size());
    }

    /* A lane's operations from their start to their end, in a lane of this thread. */
    private void assertLaneAllocatesNothing(final LaneOperation operation) throws IOException {
        try (Lane lane = WriteThroughEngine.shared().openLane()) {
            final Lane.Handler handler = (token, result, offset, failure) -> assertNull(failure);
            assertAllocatesNothing(() -> {
                for (int i = 0; i < 4; i++) {
                    operation.start(lane, i);
                }
                while (lane.underWay() > 0) {
                    lane.poll(handler, 4, -1);
                }
            });
        }
    }

    private interface LaneOperation {
        void start(Lane lane, int number) throws IOException;
    }

    @Test
    void writesOfALane() throws IOException {
        final WriteFlag[] flags = {WriteFlag.HIGH_PRIORITY};
        assertLaneAllocatesNothing((lane, i) -> lane.write(file, direct.clear(), i * 4096L, i));
        assertLaneAllocatesNothing((lane, i) -> lane.write(file, heap.clear(), i * 4096L, i));
        assertLaneAllocatesNothing((lane, i) -> lane.write(file, direct.clear(), 0, i, Durability.DSYNC, flags));
    }

    @Test
    void appendsOfALane() throws IOException {
        assertLaneAllocatesNothing((lane, i) -> lane.append(file, direct.clear().limit(128), i));
    }

    @Test
    void readsOfALane() throws IOException {
        assertLaneAllocatesNothing((lane, i) -> lane.read(file, direct.clear(), i * 4096L, i));
        assertLaneAllocatesNothing((lane, i) -> lane.prefetch(file, i * 4096L, 4096, i));
    }

    private ByteBuffer[] cleared() {
        vector[0].clear();
        vector[1].clear();
        return vector;
    }

    private static void assertAllocatesNothing(final Operation operation) throws IOException {
        // The first run loads classes and makes what threads keep. Once in a while the JVM allocates some bytes for
        // itself in a later run too: what the operation allocates is in every run.
        long least = allocatedBy(operation);
        for (int run = 0; run < RUNS && least > 0; run++) {
            least = Math.min(least, allocatedBy(operation));
        }
        assertEquals(0, least, "bytes allocated by " + OPERATIONS + " operations, in the best of " + RUNS + " runs");
    }

    private static long allocatedBy(final Operation operation) throws IOException {
        final long before = THREADS.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < OPERATIONS; i++) {
            operation.run();
        }
        return THREADS.getCurrentThreadAllocatedBytes() - before;
    }
}
