// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks as strings: each sector has one letter. */
class UncertainWritesTest {
    private static final int FLUSH = 1;
    private static final int FUA = 2;

    @TempDir
    Path directory;

    private final UncertainWrites uncertain = new UncertainWrites();
    private FileChannel disk;

    @BeforeEach
    void makeDisk() throws IOException {
        disk = FileChannel.open(
                directory.resolve("disk"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
    }

    @AfterEach
    void closeDisk() throws IOException {
        disk.close();
    }

    private void write(final int sector, final String letters, final int flags) throws IOException {
        final byte[] bytes = new byte[letters.length() * UncertainWrites.SECTOR];
        for (int i = 0; i < letters.length(); i++) {
            bytes[i * UncertainWrites.SECTOR] = (byte) letters.charAt(i);
        }
        disk.write(ByteBuffer.wrap(bytes), (long) sector * UncertainWrites.SECTOR);
        uncertain.note(new WriteLog.Entry((long) sector * UncertainWrites.SECTOR, bytes.length, flags, bytes));
    }

    private void flush() {
        uncertain.note(new WriteLog.Entry(0, 0, FLUSH, new byte[0]));
    }

    private String onDisk() throws IOException {
        final byte[] letters = new byte[(int) (disk.size() / UncertainWrites.SECTOR)];
        for (int i = 0; i < letters.length; i++) {
            disk.read(ByteBuffer.wrap(letters, i, 1), (long) i * UncertainWrites.SECTOR);
        }
        return new String(letters, StandardCharsets.US_ASCII);
    }

    private List<String> states() throws IOException {
        final List<String> states = new ArrayList<>();
        for (int choice = 0; choice < uncertain.choices(); choice++) {
            uncertain.choose(disk, choice);
            states.add(onDisk());
        }
        uncertain.choose(disk, 0);
        return states;
    }

    @Test
    void aPlainWriteBehindOneWithFuaMayHaveBeenBelow() throws IOException {
        write(0, "abc", FUA);
        flush();
        write(1, "X", 0);
        assertEquals(List.of("aXc", "abc"), states());
        assertEquals(1, uncertain.sectors());
    }

    @Test
    void eachPairHasAnOrderOfItsOwn() throws IOException {
        write(0, "abcd", FUA);
        write(0, "X", 0);
        write(2, "YZ", 0);
        assertEquals(List.of("XbYZ", "Xbcd", "abYZ", "abcd"), states());
        uncertain.choose(disk, 2);
        uncertain.settle();
        assertEquals(List.of("abYZ"), states());
    }

    @Test
    void aWriteThatIsOlderThanTwoFlushesIsBelow() throws IOException {
        write(0, "ab", FUA);
        flush();
        flush();
        write(0, "X", 0);
        assertEquals(List.of("Xb"), states());
    }

    @Test
    void aLaterWriteToTheSectorEndsTheDoubt() throws IOException {
        write(0, "ab", FUA);
        write(0, "XY", 0);
        write(1, "c", FUA);
        assertEquals(List.of("Xc", "ac"), states());
        write(0, "d", FUA);
        assertEquals(List.of("dc"), states());
    }
}
