// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty.example;

import static java.nio.file.StandardOpenOption.APPEND;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.WriteThroughFile;
import io.writethrough.netty.OnEveryFileSystem;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DurableLogServerTest extends OnEveryFileSystem {
    private static final int CLIENTS = 4;
    private static final int RECORDS_AT_A_TIME = 16;
    private static final int KILLS = 2;
    private static final int ANSWERS_BEFORE_A_KILL = 1500;
    private static final int MOST_RECORDS = 200_000;

    /** A record that tells who sent it. */
    private static byte[] record(final int sender, final int number) {
        final long seed = (long) sender << 32 | number;
        final byte[] bytes = bytes(8 + (int) (seed * 31 % 1500), seed);
        ByteBuffer.wrap(bytes).putLong(0, seed);
        return bytes;
    }

    @Test
    void recordsAreAnsweredInTheirOrderAndAreInTheFile() throws Exception {
        try (DurableLogServer server = new DurableLogServer(path, 0);
                LogClient client = new LogClient(server.port())) {
            long expected = 0;
            for (int i = 0; i < 20; i++) {
                client.send(record(0, 2 * i), record(0, 2 * i + 1), new byte[0]);
                for (final byte[] record : List.of(record(0, 2 * i), record(0, 2 * i + 1), new byte[0])) {
                    assertEquals(expected, client.answer());
                    expected += LogRecord.HEADER_BYTES + record.length;
                }
            }
            assertEquals(expected, Files.size(path));
        }
    }

    @Test
    void whatIsNoRecordBehindTheLastOneIsCutOffAtTheStart() throws Exception {
        final long end;
        try (DurableLogServer server = new DurableLogServer(path, 0);
                LogClient client = new LogClient(server.port())) {
            client.send(record(0, 1));
            end = client.answer() + LogRecord.HEADER_BYTES + record(0, 1).length;
        }
        Files.write(path, new byte[] {0, 0, 0, 3, 1, 2, 3, 4, 'a', 'b', 'c', 0, 0}, APPEND);
        try (DurableLogServer server = new DurableLogServer(path, 0);
                LogClient client = new LogClient(server.port())) {
            client.send(record(0, 2));
            assertEquals(end, client.answer());
        }
    }

    @Test
    void everyAnsweredRecordOutlivesAKill() throws Exception {
        final NavigableMap<Long, byte[]> answered = new ConcurrentSkipListMap<>();
        for (int round = 0; round < KILLS; round++) {
            final int before = answered.size();
            loadUntilKilled(round, answered);
            assertTrue(answered.size() - before >= ANSWERS_BEFORE_A_KILL);
            try (WriteThroughFile file = engine.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                checkAll(answered, file);
            }
            checkOnDisk(answered);
        }
    }

    private void loadUntilKilled(final int round, final Map<Long, byte[]> answered) throws Exception {
        final Path output = directory.resolve("output" + round);
        final Process server = startServer(output);
        try (BufferedReader lines = server.inputReader()) {
            final String line = lines.readLine();
            assertTrue(line != null && line.startsWith("listening on "), () -> line + read(output));
            final int port = Integer.parseInt(line.substring("listening on ".length()));
            final CountDownLatch enough = new CountDownLatch(ANSWERS_BEFORE_A_KILL);
            final List<Throwable> failures = new ArrayList<>();
            final List<Thread> clients = new ArrayList<>();
            for (int i = 0; i < CLIENTS; i++) {
                final int sender = round * CLIENTS + i;
                clients.add(new Thread(() -> load(sender, port, answered, enough)));
                clients.get(i).setUncaughtExceptionHandler((thread, failure) -> failures.add(failure));
                clients.get(i).start();
            }
            final boolean loaded = enough.await(2, TimeUnit.MINUTES);
            server.destroyForcibly();
            for (final Thread client : clients) {
                client.join();
            }
            assertTrue(loaded, "too few answers");
            assertEquals(List.of(), failures);
        } finally {
            server.destroyForcibly();
        }
        assertEquals(128 + 9, server.waitFor()); // SIGKILL
        final String errors = read(output);
        assertFalse(errors.contains("LEAK") || errors.contains("Exception"), errors);
    }

    private Process startServer(final Path output) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:TieredStopAtLevel=1",
                        "-Xmx128m",
                        "-Dio.netty.leakDetection.level=paranoid",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        DurableLogServer.class.getName(),
                        path.toString(),
                        "0")
                .redirectError(output.toFile())
                .start();
    }

    private static String read(final Path output) {
        try {
            return Files.readString(output);
        } catch (final IOException e) {
            return e.toString();
        }
    }

    /* Until the server is killed. */
    private static void load(
            final int sender, final int port, final Map<Long, byte[]> answered, final CountDownLatch enough) {
        int number = 0;
        try (LogClient client = new LogClient(port)) {
            while (number < MOST_RECORDS) {
                final byte[][] records = new byte[RECORDS_AT_A_TIME][];
                for (int i = 0; i < records.length; i++) {
                    records[i] = record(sender, number++);
                }
                client.send(records);
                for (final byte[] record : records) {
                    final long offset = client.answer();
                    assertFalse(answered.containsKey(offset), "two records are at " + offset);
                    answered.put(offset, record);
                    enough.countDown();
                }
            }
        } catch (final IOException e) {
            // The server is dead.
            return;
        }
        throw new AssertionError("nobody killed the server");
    }

    /** Each answered record is where it was said to be, and nothing but records is before it. */
    private static void checkAll(final NavigableMap<Long, byte[]> answered, final WriteThroughFile file)
            throws IOException {
        final Set<Long> found = new HashSet<>();
        long offset = 0;
        while (offset <= answered.lastKey()) {
            final ByteBuffer record = LogRecord.read(file, offset);
            assertNotEquals(null, record, "no record at " + offset + ", and an answered one behind it");
            final byte[] expected = answered.get(offset);
            if (expected != null) {
                assertArrayEquals(expected, record.array());
                found.add(offset);
            }
            offset += LogRecord.HEADER_BYTES + record.remaining();
        }
        assertEquals(answered.keySet(), found);
    }

    private void checkOnDisk(final NavigableMap<Long, byte[]> answered) throws IOException {
        final ByteBuffer all = ByteBuffer.wrap(Files.readAllBytes(path));
        answered.forEach((offset, record) -> {
            final byte[] bytes = new byte[record.length];
            all.get((int) (offset + LogRecord.HEADER_BYTES), bytes);
            assertArrayEquals(record, bytes);
        });
    }
}
