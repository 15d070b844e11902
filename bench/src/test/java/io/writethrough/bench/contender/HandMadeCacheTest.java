// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class HandMadeCacheTest {
    private static final int BYTES = 8;
    private static final int PAGES = 1024;

    private final long[] disk = new long[PAGES];
    private final HandMadeCache cache = new HandMadeCache(PAGES / 2, BYTES);
    private int diskReads;

    private int readDisk(ByteBuffer page, long offset) {
        diskReads++;
        page.putLong(disk[(int) offset / BYTES]);
        return BYTES;
    }

    private int writeDisk(ByteBuffer page, long offset) {
        disk[(int) offset / BYTES] = page.getLong();
        return BYTES;
    }

    private long read(int page) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BYTES);
        assertEquals(BYTES, cache.read(buffer, (long) page * BYTES, this::readDisk));
        return buffer.getLong(0);
    }

    private void write(int page, long value) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(BYTES).putLong(0, value);
        assertEquals(BYTES, cache.write(buffer, (long) page * BYTES, this::writeDisk));
    }

    @Test
    void aPageThatWasReadOrWrittenIsNotReadAgain() throws IOException {
        write(1, 11);
        assertEquals(11, read(1));
        assertEquals(0, read(2));
        assertEquals(0, read(2));
        assertEquals(1, diskReads);
    }

    @Test
    void aReadSeesTheNewestWriteHoweverManyPagesThereAre() throws IOException {
        for (int round = 1; round <= 3; round++) {
            for (int page = 0; page < PAGES; page++) {
                write(page, page * 10L + round);
            }
            for (int page = 0; page < PAGES; page++) {
                assertEquals(page * 10L + round, read(page));
                assertEquals(page * 10L + round, disk[page]);
            }
        }
        assertTrue(diskReads >= PAGES / 2, "no more than half can be cached, but only " + diskReads + " were read");
    }
}
