// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that appends by several threads is killed, again and again; the log has what was acknowledged. */
@Timeout(3600)
class KilledLogTest extends LogOnDisk {
    private static final int THREADS = 4;

    private static int kills() {
        final String named = System.getProperty("WT_LOG_KILLS", System.getenv("WT_LOG_KILLS"));
        return named == null ? 3 : Integer.parseInt(named);
    }

    @Test
    void aKilledLogHasEachAppendThatWasAcknowledgedOnceAndWhole() throws Exception {
        final Random random = new Random();
        final int kills = kills();
        long acknowledged = 0;
        for (int kill = 0; kill < kills; kill++) {
            final Map<Long, String> told = killedAfter(50 + random.nextInt(1500), kill);
            acknowledged += told.size();
            check(told, kill);
        }
        System.out.println(
                kills + " processes were killed, " + acknowledged + " appends were acknowledged, none is lost");
    }

    private Map<Long, String> killedAfter(final int count, final int round) throws Exception {
        final Map<Long, String> told = new HashMap<>();
        final Process child = ChildJvm.start(Load.class, path.toString(), Integer.toString(round));
        for (final String line : ChildJvm.killAfter(count, child)) {
            final String[] words = line.split(" ");
            told.put(Long.parseLong(words[0]), words[1] + " " + words[2]);
        }
        return told;
    }

    /* Batches are two records with the same name. */
    private void check(final Map<Long, String> told, final int round) throws IOException {
        final Map<Long, String> missing = new HashMap<>(told);
        final Set<String> seen = new HashSet<>();
        try (DurableLog log = DurableLog.open(path, Load.OPTIONS);
                LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                final String text = textOf(reader.record());
                final String[] words = text.split(" ");
                assertEquals(Load.text(words[0], Integer.parseInt(words[1])), text);
                final String name = words[0] + " " + words[1];
                if (missing.containsKey(reader.lsn())) {
                    assertEquals(missing.remove(reader.lsn()), name);
                }
                assertTrue(seen.add(name), name + " is there twice");
                if (Integer.parseInt(words[1]) % 7 == 0) {
                    assertTrue(reader.next(), "half a batch of " + name);
                    assertEquals(text, textOf(reader.record()));
                }
            }
            assertEquals(Map.of(), missing, "appends of round " + round + " that were acknowledged");
            log.trim(log.end());
        }
    }

    /** Appends until it is killed, and tells each append that was acknowledged: its LSN, the thread, a number. */
    static final class Load {
        static final LogOptions OPTIONS = LogOptions.builder()
                .segmentBytes(4 * LogOptions.LEAST_SEGMENT_BYTES)
                .build();

        static String text(final String thread, final int number) {
            return thread + " " + number + " " + "k".repeat(number * 37 % 1200);
        }

        public static void main(final String[] arguments) throws Exception {
            final DurableLog log = DurableLog.open(Path.of(arguments[0]), OPTIONS);
            for (int thread = 0; thread < THREADS; thread++) {
                final String name = arguments[1] + "-" + thread;
                new Thread(() -> append(log, name)).start();
            }
        }

        private static void append(final DurableLog log, final String thread) {
            try {
                for (int number = 0; ; number++) {
                    final ByteBuffer record = bytes(text(thread, number));
                    final long lsn = number % 7 == 0
                            ? log.appendBatch(List.of(record, record.duplicate()))
                            : number % 2 == 0
                                    ? log.append(record)
                                    : log.appendAsync(record).join();
                    // One write(2), so that a kill leaves whole lines.
                    System.out.write((lsn + " " + thread + " " + number + ";\n").getBytes(StandardCharsets.UTF_8));
                    System.out.flush();
                }
            } catch (final Exception e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
