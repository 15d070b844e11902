// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.CRC32C;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.junit.jupiter.api.Test;

/**
 * The format of package-info.java, read by its words, without the code of the library. version-1.zip is a log that an earlier
 * build has written: it stays as it is for ever.
 */
class FormatTest extends LogOnDisk {
    private static final int SEGMENT = 64 << 10;

    /* The records of the stored log: the 4th and the 5th are a batch, the 6th goes over the end of the first segment. */
    private static List<byte[]> records() {
        final List<byte[]> records = new ArrayList<>();
        for (final int length : new int[] {1, 8, 500, 20, 33, 70_000, 12}) {
            final byte[] record = new byte[length];
            for (int i = 0; i < length; i++) {
                record[i] = (byte) (i * 7 + length);
            }
            records.add(record);
        }
        return records;
    }

    private static List<byte[]> appendAll(final DurableLog log) throws IOException {
        final List<byte[]> records = records();
        for (int i = 0; i < records.size(); i++) {
            if (i == 3) {
                log.appendBatch(List.of(ByteBuffer.wrap(records.get(3)), ByteBuffer.wrap(records.get(4))));
                i = 4;
            } else {
                log.append(ByteBuffer.wrap(records.get(i)));
            }
        }
        return records;
    }

    private static void assertHas(final List<byte[]> records, final DurableLog log) throws IOException {
        try (LogReader reader = log.reader(log.start())) {
            for (final byte[] record : records) {
                assertTrue(reader.next());
                final byte[] bytes = new byte[reader.record().remaining()];
                reader.record().get(bytes);
                assertArrayEquals(record, bytes);
            }
            assertTrue(!reader.next());
        }
    }

    private void unpack(final String name) throws IOException {
        Files.createDirectory(path);
        try (InputStream stored = FormatTest.class.getResourceAsStream(name);
                ZipInputStream zip = new ZipInputStream(Objects.requireNonNull(stored, name))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                Files.write(path.resolve(entry.getName()), zip.readAllBytes());
            }
        }
    }

    @Test
    void aStoredLogOfVersion1IsReadAndGoesOn() throws IOException {
        unpack("version-1.zip");
        final List<byte[]> records = records();
        try (DurableLog log = DurableLog.openReadOnly(path)) {
            assertHas(records, log);
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertEquals(0, log.recovery().tornBytes());
            assertHas(records, log);
            log.append(ByteBuffer.wrap(records.get(2)));
            records.add(records.get(2));
        }
        try (DurableLog log = DurableLog.open(path)) {
            assertHas(records, log);
        }
    }

    @Test
    void aLogOfANewerVersionIsRefused() throws IOException {
        unpack("version-1.zip");
        final Path control = path.resolve(ControlFile.NAME);
        final ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(control)).order(ByteOrder.LITTLE_ENDIAN);
        for (int slot = 0; slot < 2; slot++) {
            bytes.putInt(slot * 4096 + 8, 2);
            bytes.putInt(slot * 4096 + 12, checksumOfHeader(bytes, slot * 4096));
        }
        Files.write(control, bytes.array());
        final IOException e = assertThrows(IOException.class, () -> DurableLog.open(path));
        assertTrue(e.getMessage().contains("has version 2"), e.getMessage());
    }

    private static int checksumOfHeader(final ByteBuffer bytes, final int at) {
        final byte[] used = new byte[64];
        bytes.get(at, used);
        ByteBuffer.wrap(used).putInt(12, 0);
        final CRC32C crc = new CRC32C();
        crc.update(used);
        return (int) crc.getValue();
    }

    private static String magic(final ByteBuffer bytes) {
        final byte[] magic = new byte[8];
        bytes.get(0, magic);
        return new String(magic, US_ASCII);
    }

    private ByteBuffer file(final String name) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(path.resolve(name))).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void theFilesAreAsTheDocumentSays() throws IOException {
        final List<byte[]> records;
        final long end;
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            records = appendAll(log);
            end = log.end();
        }
        final ByteBuffer control = file("control");
        assertEquals("WTLOGCTL", magic(control));
        final int slot = control.getLong(16) > control.getLong(4096 + 16) ? 0 : 4096;
        assertEquals(1, control.getInt(slot + 8));
        assertEquals(checksumOfHeader(control, slot), control.getInt(slot + 12));
        final long id = control.getLong(slot + 24);
        assertEquals(SEGMENT, control.getLong(slot + 32));
        assertEquals(SEGMENT + 4096, control.getLong(slot + 40));
        assertEquals(-1, control.getLong(slot + 48));
        assertEquals(end, control.getLong(slot + 56));
        final List<ByteBuffer> segments = new ArrayList<>();
        for (int sequence = 1; sequence <= 3; sequence++) {
            final ByteBuffer segment = file("000000000000000" + sequence + ".seg");
            assertEquals("WTLOGSEG", magic(segment));
            assertEquals(1, segment.getInt(8));
            assertEquals(checksumOfHeader(segment, 0), segment.getInt(12));
            assertEquals(id, segment.getLong(16));
            assertEquals(sequence, segment.getLong(24));
            assertEquals(SEGMENT, segment.getLong(32));
            assertEquals(SEGMENT, segment.capacity());
            segments.add(segment);
        }
        // What goes on in the frame behind, and the bytes, frame by frame.
        final int[] flags = {0, 0, 0, 2, 0, 3, 4, 0};
        final int first = SEGMENT - 4096 - 24 - 24 - 520 - 40 - 56 - 16;
        final byte[] sixth = records.get(5);
        final byte[][] frames = {
            records.get(0),
            records.get(1),
            records.get(2),
            records.get(3),
            records.get(4),
            java.util.Arrays.copyOf(sixth, first),
            java.util.Arrays.copyOfRange(sixth, first, sixth.length),
            records.get(6)
        };
        long lsn = SEGMENT + 4096;
        for (int i = 0; i < frames.length; i++) {
            assertFrame(segments.get((int) (lsn / SEGMENT) - 1), id, lsn, flags[i], frames[i]);
            lsn += (16 + frames[i].length + 7) / 8 * 8;
            lsn = lsn % SEGMENT == 0 ? lsn + 4096 : lsn;
        }
        assertEquals(end, lsn);
    }

    private static void assertFrame(
            final ByteBuffer segment, final long id, final long lsn, final int flags, final byte[] bytes) {
        final int at = (int) (lsn % SEGMENT);
        final CRC32C crc = new CRC32C();
        final ByteBuffer covered = ByteBuffer.allocate(32 + bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        covered.putLong(id)
                .putLong(lsn)
                .putInt(0)
                .putInt(bytes.length)
                .putLong(segment.getLong(at + 8))
                .put(bytes);
        crc.update(covered.array());
        assertEquals((int) crc.getValue(), segment.getInt(at), "at LSN " + lsn);
        assertEquals(bytes.length, segment.getInt(at + 4));
        assertEquals(flags, segment.getLong(at + 8) & 7, "at LSN " + lsn);
        final byte[] stored = new byte[bytes.length];
        segment.get(at + 16, stored);
        assertArrayEquals(bytes, stored);
    }

    /** Writes the stored log anew; nobody runs this but to make the log of another version. */
    public static void main(final String[] arguments) throws IOException {
        try (DurableLog log = DurableLog.open(Path.of(arguments[0]), SMALL)) {
            appendAll(log);
        }
    }
}
