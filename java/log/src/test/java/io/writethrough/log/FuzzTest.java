// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Opens and reads logs whose files were changed in any way. Whatever they say, only records that were appended are read, in
 * their order, and every opening ends. {@code -DWT_LOG_FUZZ=N}, or the variable of that name, tries N files.
 */
@Timeout(3600)
class FuzzTest {
    private static final LogOptions OPTIONS =
            LogOptions.builder().segmentBytes(LogOptions.LEAST_SEGMENT_BYTES).build();

    /* Each torn tail is worth a line, but not here. Kept, or the level would be forgotten. */
    private static final Logger LOGGER = Logger.getLogger("io.writethrough.log");

    static {
        LOGGER.setLevel(Level.WARNING);
    }

    private final Map<Long, Integer> records = new HashMap<>();
    private int opened;
    private int refused;
    private int read;

    private static int count() {
        final String named = System.getProperty("WT_LOG_FUZZ", System.getenv("WT_LOG_FUZZ"));
        return named == null ? 600 : Integer.parseInt(named);
    }

    private static DurableLog open(final SimulatedDisk disk) throws IOException {
        return DurableLog.open(disk, OPTIONS, Runnable::run, () -> {});
    }

    /* Of a log over three segments, with batches, and with records that have a log in them. */
    private Map<String, byte[]> log(final boolean closed) throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(5);
        final DurableLog log = open(disk);
        final Random random = new Random(6);
        for (int number = 0; number < 120; number++) {
            final byte[] record = new byte[number == 60 ? 70_000 : 20 + random.nextInt(1500)];
            random.nextBytes(record);
            if (number % 5 == 0) { // looks like frames, at many places
                final ByteBuffer fake = ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i + 16 <= record.length; i += 8) {
                    fake.putInt(i, 77).putLong(i + 8, log.end());
                }
            }
            ByteBuffer.wrap(record).putInt(0, number);
            records.put(log.append(ByteBuffer.wrap(record)), java.util.Arrays.hashCode(record));
        }
        if (closed) {
            log.close();
        }
        disk.endAll();
        return disk.after(disk.steps(), random);
    }

    @Test
    void noFileMakesALogReadWhatWasNotAppended() throws IOException {
        final Map<String, byte[]> closed = log(true);
        final Map<Long, Integer> ofClosed = new HashMap<>(records);
        records.clear();
        final Map<String, byte[]> crashed = log(false);
        final Map<Long, Integer> ofCrashed = new HashMap<>(records);
        final int count = count();
        for (int seed = 0; seed < count; seed++) {
            final Random random = new Random(seed);
            final boolean isClosed = random.nextInt(3) == 0;
            records.clear();
            records.putAll(isClosed ? ofClosed : ofCrashed);
            try {
                check(changed(isClosed ? closed : crashed, random));
            } catch (final AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        System.out.println(opened + " files were opened, " + refused + " refused, " + read
                + " records read, and no checksum was right by chance");
        assertTrue(opened > count / 10 && refused > count / 10, opened + " opened, " + refused + " refused");
    }

    private static Map<String, byte[]> changed(final Map<String, byte[]> files, final Random random) {
        final Map<String, byte[]> changed = new TreeMap<>();
        files.forEach((name, bytes) -> changed.put(name, bytes.clone()));
        final String[] names = files.keySet().toArray(new String[0]);
        for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
            final String name = names[random.nextInt(names.length)];
            final byte[] bytes = changed.get(name);
            if (bytes == null || bytes.length < 64) {
                continue;
            }
            final int at = random.nextInt(4) == 0 ? random.nextInt(64) : random.nextInt(bytes.length - 32);
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> java.util.Arrays.fill(bytes, at, at + 1 + random.nextInt(32), (byte) 0);
                case 2 ->
                    java.util.Arrays.fill(
                            bytes, at / 512 * 512, Math.min(bytes.length, at / 512 * 512 + 512), (byte) 0);
                case 3 -> ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at & -4, random.nextInt());
                case 4 ->
                    ByteBuffer.wrap(bytes)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(at & -8, random.nextBoolean() ? -1 : Integer.MAX_VALUE);
                case 5 ->
                    System.arraycopy(
                            bytes,
                            at & -8,
                            bytes,
                            random.nextInt(bytes.length / 2) & -8,
                            Math.min(Math.min(2000, bytes.length / 2), bytes.length - (at & -8)));
                case 6 -> changed.put(name, java.util.Arrays.copyOf(bytes, at));
                default -> changed.put(names[random.nextInt(names.length)], bytes.clone());
            }
        }
        if (random.nextInt(20) == 0) {
            changed.remove(names[random.nextInt(names.length)]);
        }
        return changed;
    }

    private void check(final Map<String, byte[]> files) {
        try (DurableLog log = DurableLog.openReadOnly(new SimulatedDisk(1, files))) {
            readAll(log);
        } catch (final IOException e) {
            assertTrue(e.getMessage() != null, e.toString());
        }
        final SimulatedDisk disk = new SimulatedDisk(1, files);
        try (DurableLog log = open(disk)) {
            opened++;
            if (!log.recovery().created()) {
                readAll(log);
                log.append(ByteBuffer.wrap(new byte[] {1}));
            }
        } catch (final IOException e) {
            refused++;
            assertTrue(e.getMessage() != null, e.toString());
        }
    }

    private void readAll(final DurableLog log) throws IOException {
        try (LogReader reader = log.reader(log.start())) {
            int last = -1;
            while (reader.next()) {
                final byte[] record = new byte[reader.record().remaining()];
                reader.record().duplicate().get(record);
                final int number = ByteBuffer.wrap(record).getInt(0);
                assertTrue(
                        records.getOrDefault(reader.lsn(), 0) == java.util.Arrays.hashCode(record),
                        "another record at LSN " + reader.lsn());
                assertTrue(last == -1 || number == last + 1, number + " behind " + last);
                last = number;
                read++;
            }
        }
    }
}
