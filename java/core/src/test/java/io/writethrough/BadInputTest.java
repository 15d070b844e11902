// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Arguments that cannot be are refused, and nothing has changed then: no file, no buffer. */
class BadInputTest extends OnEveryFileSystem {
    private static final long FAR = 1L << 62;

    private WriteThroughFile file;

    @BeforeEach
    void open() throws IOException {
        file = WriteThroughFile.open(path, CREATE, READ, WRITE);
        file.write(buffer(1000, 1), 0);
    }

    @AfterEach
    void nothingHasChanged() throws IOException {
        file.close();
        assertArrayEquals(bytes(1000, 1), Files.readAllBytes(path));
    }

    @Test
    void negativePositionsAndLengths() {
        final ByteBuffer buffer = buffer(10, 2);
        assertThrows(IllegalArgumentException.class, () -> file.write(buffer, -1));
        assertThrows(IllegalArgumentException.class, () -> file.read(buffer, -1));
        assertThrows(IllegalArgumentException.class, () -> file.write(new ByteBuffer[] {buffer}, Long.MIN_VALUE));
        assertThrows(IllegalArgumentException.class, () -> file.read(new ByteBuffer[] {buffer}, -1));
        assertThrows(IllegalArgumentException.class, () -> file.truncate(-1));
        assertThrows(IllegalArgumentException.class, () -> file.allocate(-1, 1));
        assertThrows(IllegalArgumentException.class, () -> file.allocate(1, -1));
        assertEquals(0, buffer.position());
    }

    @Test
    void rangesThatWouldEndPastTheLargestOffset() {
        final long position = Long.MAX_VALUE - 9;
        assertThrows(IllegalArgumentException.class, () -> file.write(buffer(10, 2), Long.MAX_VALUE - 9));
        assertThrows(IllegalArgumentException.class, () -> file.write(buffer(10, 2), Long.MAX_VALUE));
        assertThrows(
                IllegalArgumentException.class,
                () -> file.write(new ByteBuffer[] {buffer(5, 2), direct(bytes(5, 2))}, position));
        assertThrows(IllegalArgumentException.class, () -> file.allocate(position, 10));
    }

    @Test
    void aReadThatWouldEndPastTheLargestOffsetIsPastTheEndOfTheFile() throws IOException {
        assertEquals(-1, file.read(ByteBuffer.allocate(10), Long.MAX_VALUE));
        assertEquals(-1, file.read(ByteBuffer.allocateDirect(10), Long.MAX_VALUE - 3));
        assertEquals(-1, file.read(new ByteBuffer[] {ByteBuffer.allocate(10)}, Long.MAX_VALUE - 3));
    }

    @Test
    void aReadOnlyDestination() {
        final ByteBuffer heap = ByteBuffer.allocate(10).asReadOnlyBuffer();
        final ByteBuffer direct = ByteBuffer.allocateDirect(10).asReadOnlyBuffer();
        final ByteBuffer writable = ByteBuffer.allocate(10);
        assertThrows(IllegalArgumentException.class, () -> file.read(heap, 0));
        assertThrows(IllegalArgumentException.class, () -> file.read(direct, 0));
        assertThrows(IllegalArgumentException.class, () -> file.read(new ByteBuffer[] {writable, heap}, 0));
        assertThrows(IllegalArgumentException.class, () -> file.read(new ByteBuffer[] {writable, direct}, 0));
        assertEquals(0, writable.position());
        assertEquals(ByteBuffer.allocate(10), writable, "nothing was read into the writable one");
        assertEquals(ByteBuffer.allocate(10), direct);
    }

    @Test
    void nulls() {
        assertThrows(NullPointerException.class, () -> file.write((ByteBuffer) null, 0));
        assertThrows(NullPointerException.class, () -> file.read((ByteBuffer) null, 0));
        assertThrows(NullPointerException.class, () -> file.write((ByteBuffer[]) null, 0));
        assertThrows(NullPointerException.class, () -> file.read((ByteBuffer[]) null, 0));
        assertThrows(NullPointerException.class, () -> file.write(new ByteBuffer[] {buffer(1, 1), null}, 0));
        assertThrows(NullPointerException.class, () -> file.read(new ByteBuffer[] {buffer(1, 1), null}, 0));
        assertThrows(NullPointerException.class, () -> file.write(buffer(1, 1), 0, null));
        assertThrows(NullPointerException.class, () -> file.write(new ByteBuffer[] {buffer(1, 1)}, 0, null));
    }

    @Test
    void afterAVectorThatWasRefusedTheThreadsNextIsWhole() throws IOException {
        assertThrows(NullPointerException.class, () -> file.read(new ByteBuffer[] {ByteBuffer.allocate(10), null}, 0));
        assertThrows(IllegalArgumentException.class, () -> file.write(new ByteBuffer[] {ByteBuffer.allocate(10)}, -1));
        final ByteBuffer[] one = {ByteBuffer.allocate(1000)};
        assertEquals(1000, file.read(one, 0));
        assertArrayEquals(bytes(1000, 1), one[0].array());
    }

    @Test
    void writesOfNothingDoNothing() throws IOException {
        for (final ByteBuffer nothing : new ByteBuffer[] {
            ByteBuffer.allocate(0),
            ByteBuffer.allocateDirect(0),
            ByteBuffer.allocate(9).position(9)
        }) {
            assertEquals(0, file.write(nothing, 0));
            assertEquals(0, file.write(nothing, FAR), "the file does not grow to there");
            assertEquals(0, file.write(nothing, Long.MAX_VALUE));
        }
        file.allocate(FAR, 0);
    }

    @Test
    void aWritePastWhatTheFileSystemHoldsIsRefusedAsFileTooLarge() throws IOException {
        // Some file systems hold any offset that a long can name: the kernel says which.
        final boolean holdsIt = fileChannelWritesFarAway();
        final ByteBuffer source = direct(bytes(4096, 2));
        if (holdsIt) {
            assertEquals(4096, file.write(source, FAR));
            file.truncate(1000);
            return;
        }
        final WriteThroughException e = assertThrows(WriteThroughException.class, () -> file.write(source, FAR));
        assertEquals("EFBIG", e.errnoName());
        assertEquals(27, e.errno());
        assertEquals("write", e.operation());
        assertEquals(path.toString(), e.path());
        assertEquals(FAR, e.offset());
        assertEquals(4096, e.length());
        assertEquals(0, e.stableBytes());
        assertTrue(e.getMessage().contains("larger than its file system"), e.getMessage());
        assertEquals(0, source.position());
        assertEquals(1000, file.size());
    }

    private boolean fileChannelWritesFarAway() throws IOException {
        try (FileChannel channel = FileChannel.open(directory.resolve("far"), CREATE, WRITE)) {
            channel.write(buffer(1, 1), FAR);
            return true;
        } catch (final IOException e) {
            return false;
        }
    }
}
