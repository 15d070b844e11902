// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log.example;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class KeyValueStoreTest {
    private static final int THREADS = 3;

    @TempDir
    private Path directory;

    @Test
    void valuesAreThereAfterReopeningAndCompacting() throws IOException {
        try (KeyValueStore store = new KeyValueStore(directory)) {
            for (int i = 0; i < 3000; i++) {
                store.put("key " + i % 10, ("value " + i).getBytes(UTF_8));
            }
            store.delete("key 3");
            final long before = store.logBytes();
            store.compact();
            assertTrue(store.logBytes() < before / 10, store.logBytes() + " of " + before);
            store.put("key 4", "new".getBytes(UTF_8));
        }
        try (KeyValueStore store = new KeyValueStore(directory)) {
            assertEquals(9, store.size());
            assertNull(store.get("key 3"));
            assertArrayEquals("new".getBytes(UTF_8), store.get("key 4"));
            assertArrayEquals("value 2999".getBytes(UTF_8), store.get("key 9"));
        }
    }

    @Test
    void aKilledStoreHasEachValueThatWasAcknowledged() throws Exception {
        final Map<String, Integer> told = new HashMap<>();
        final Process child = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:-UsePerfData",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Load.class.getName(),
                        directory.resolve("store").toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(child.getInputStream(), UTF_8))) {
            String line;
            int count = 0;
            while ((line = lines.readLine()) != null && line.endsWith(";")) {
                final String[] words = line.substring(0, line.length() - 1).split(" ");
                told.put(words[0], Integer.parseInt(words[1]));
                if (++count == 400) {
                    child.toHandle().destroyForcibly(); // SIGKILL, and its output stays open
                }
            }
            assertTrue(count >= 400, "the load ended by itself after " + count);
        } finally {
            child.destroyForcibly().waitFor();
        }
        assertEquals(128 + 9, child.exitValue());
        assertTrue(Files.isDirectory(directory.resolve("store")));
        try (KeyValueStore store = new KeyValueStore(directory.resolve("store"))) {
            for (final Map.Entry<String, Integer> entry : told.entrySet()) {
                final int value = Integer.parseInt(new String(store.get(entry.getKey()), UTF_8));
                assertTrue(value >= entry.getValue(), entry + " became " + value);
            }
        }
    }

    /** Puts numbers that grow, compacts now and then, and tells what was acknowledged. */
    static final class Load {
        public static void main(final String[] arguments) throws Exception {
            final KeyValueStore store = new KeyValueStore(Path.of(arguments[0]));
            for (int thread = 0; thread < THREADS; thread++) {
                final int own = thread;
                new Thread(() -> put(store, own)).start();
            }
        }

        private static void put(final KeyValueStore store, final int thread) {
            try {
                for (int number = 0; ; number++) {
                    final String key = thread + "-" + number % 7;
                    store.put(key, Integer.toString(number).getBytes(UTF_8));
                    // One write(2), so that a kill leaves whole lines.
                    System.out.write((key + " " + number + ";\n").getBytes(UTF_8));
                    System.out.flush();
                    if (number % 50 == 49) {
                        store.compact();
                    }
                }
            } catch (final Exception e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
