// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.command.Main;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code java -jar writethrough.jar stats PID} prints of another process. */
class StatsCommandTest {
    @TempDir
    Path directory;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    /** Has an engine with five writes, and one that was closed, until its input ends. */
    static final class Live {
        public static void main(final String[] arguments) throws IOException {
            WriteThroughEngine.builder().build().close();
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(8 << 20).build()) {
                if (arguments.length == 0) {
                    engine.close();
                    awaitEnd();
                    return;
                }
                try (WriteThroughFile file = engine.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                    for (int i = 0; i < 5; i++) {
                        file.write(ByteBuffer.allocate(100), 0);
                    }
                    awaitEnd();
                }
            }
        }

        private static void awaitEnd() throws IOException {
            System.out.println("ready");
            System.in.read();
        }
    }

    private int run(final String... args) {
        return Main.run(List.of(args), new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
    }

    private interface Work {
        void run(String pid) throws Exception;
    }

    private static void with(final ChildJvm child, final Work work) throws Exception {
        final Process process = child.start();
        try (BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            assertEquals("ready", output.readLine());
            work.run(Long.toString(process.pid()));
        } finally {
            process.getOutputStream().close();
            process.waitFor();
        }
    }

    private ChildJvm live() {
        return ChildJvm.of(Live.class, directory.resolve("file").toString());
    }

    @Test
    void itShowsALiveProcessAsATable() throws Exception {
        with(live(), pid -> assertEquals(0, run("stats", "--once", pid), err::toString));
        final List<String> lines = out.toString(UTF_8).lines().toList();
        assertTrue(
                lines.get(0).matches("process [0-9]+, engine 2, (io_uring|threads), since it was opened"),
                lines.toString());
        assertTrue(lines.get(1).matches("cache 0[.][0-9] of 8[.]0 MiB, 1 files open .*"), lines.toString());
        assertTrue(
                lines.stream().anyMatch(line -> line.matches("writes +5 +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+")),
                lines.toString());
        assertTrue(lines.stream().anyMatch(line -> line.matches("reads, missed +0 +- +- +- +-")), lines.toString());
    }

    @Test
    void itIsDrawnAnewWithWhatChanged() throws Exception {
        with(live(), pid -> assertEquals(0, run("stats", "--interval", "1", "--count", "2", pid), err::toString));
        final List<String> lines = out.toString(UTF_8).lines().toList();
        assertTrue(lines.stream().anyMatch(line -> line.matches("process .* the last [0-9.]+ s")), lines.toString());
        assertTrue(lines.stream().anyMatch(line -> line.matches("writes +0 +- +- +- +-")), lines.toString());
    }

    @Test
    void jsonIsOneObjectForEachLook() throws Exception {
        with(live(), pid -> {
            assertEquals(0, run("stats", "--json", "--once", pid), err::toString);
            assertTrue(out.toString(UTF_8).startsWith("{\"pid\":" + pid + ",\"engines\":[{\"id\":2,"));
        });
        final String text = out.toString(UTF_8);
        assertTrue(text.contains("\"writes\":5,"), text);
        assertTrue(text.matches("(?s).*\"writeNanos\":\\{\"count\":5,.*\"p99\":[0-9]+.*\\}.*"), text);
        assertEquals(1, text.lines().count());
    }

    @Test
    void aProcessWithoutAnEngineIsToldApartFromNoProcess() throws Exception {
        with(ChildJvm.of(Live.class), pid -> assertEquals(1, run("stats", "--once", pid)));
        assertTrue(err.toString(UTF_8).contains("has no open WriteThroughEngine"), err.toString(UTF_8));
        err.reset();
        assertEquals(1, run("stats", "--once", "99999999"));
        assertTrue(err.toString(UTF_8).startsWith("process 99999999 cannot be attached to"), err.toString(UTF_8));
    }

    @Test
    void argumentsThatMakeNoSenseGetTheUsage() {
        for (final String[] args : new String[][] {
            {"stats"}, {"stats", "x"}, {"stats", "1", "2"}, {"stats", "--interval", "0", "1"}, {"stats", "--count"}
        }) {
            err.reset();
            assertEquals(2, run(args), () -> String.join(" ", args));
            assertTrue(err.toString(UTF_8).startsWith("usage: stats"), err.toString(UTF_8));
        }
    }
}
