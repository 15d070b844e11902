// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.command.Main;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The switch of the JVM says what it carries, and what passes by. */
@Timeout(120)
class CoverageTest {
    @TempDir
    Path directory;

    private ChildJvm child(final Class<?> main, final String pattern) {
        return ChildJvm.of(main, directory.toString())
                .withOption("-Djava.nio.file.spi.DefaultFileSystemProvider="
                        + WriteThroughFileSystemProvider.class.getName())
                .withOption("-Dio.writethrough.paths=" + pattern);
    }

    private String all() {
        return "glob:" + directory.toAbsolutePath() + "/**";
    }

    private static void write(final Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, CREATE, WRITE)) {
            channel.write(ByteBuffer.allocate(100));
        }
    }

    static final class WellBehaved {
        public static void main(final String[] arguments) throws IOException {
            write(Path.of(arguments[0]).resolve("a.db"));
        }
    }

    /** Ends when the log has been told, and its thread waits for the end of the minute. */
    static final class Logged {
        public static void main(final String[] arguments) throws IOException, InterruptedException {
            write(Path.of(arguments[0]).resolve("a.db"));
            while (Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().equals("writethrough-coverage")
                            && thread.getState() == Thread.State.TIMED_WAITING)) {
                Thread.sleep(10);
            }
        }
    }

    /** Has a file open, one by java.io, and one that is mapped, until its input ends. */
    static final class Mixed {
        /* To the end: what the collector takes is not mapped any more. */
        private static MappedByteBuffer mapped;

        public static void main(final String[] arguments) throws IOException {
            final Path directory = Path.of(arguments[0]);
            write(directory.resolve("closed.db"));
            try (FileChannel carried = FileChannel.open(directory.resolve("a.db"), CREATE, WRITE);
                    RandomAccessFile passing =
                            new RandomAccessFile(directory.resolve("b.db").toString(), "rw");
                    RandomAccessFile read =
                            new RandomAccessFile(directory.resolve("b.db").toString(), "r")) {
                try (RandomAccessFile file =
                        new RandomAccessFile(directory.resolve("c.db").toString(), "rw")) {
                    mapped = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 4096);
                }
                System.out.println("ready");
                System.in.read();
                mapped.put(0, (byte) 1);
                carried.write(ByteBuffer.allocate(passing.read() + read.read() + 10));
            }
        }
    }

    @Test
    void theFirstFileIsLoggedAndTheEndSaysNothingWhereAllIsWell() throws Exception {
        final ChildJvm.Result result = child(Logged.class, all()).run();
        assertEquals(0, result.exitCode(), result.output());
        assertTrue(
                result.output()
                        .contains("INFO: writethrough carries the files of paths=" + all() + ". The first is "
                                + directory.resolve("a.db")),
                result.output());
        assertFalse(result.output().contains("has carried"), result.output());
    }

    /* As for java -jar, which ignores every class path. */
    @Test
    void aProgramWhoseClassPathHasNoLibraryIsCarriedByTheBootClassPath() throws Exception {
        final List<String> library =
                new ArrayList<>(List.of(ChildJvm.testClassPath().split(File.pathSeparator)));
        final String program = library.remove(0);
        assertTrue(program.endsWith("test-classes") || program.endsWith("test-classes/"), program);
        final ChildJvm.Result result = child(WellBehaved.class, all())
                .withClassPath(program)
                .withOption("-Xbootclasspath/a:" + String.join(File.pathSeparator, library))
                .withOption("-Dio.writethrough.report=true")
                .run();
        assertTrue(result.output().contains("has carried 1 open of files"), result.output());
    }

    @Test
    void theEndIsToldWhereThatIsAsked() throws Exception {
        final ChildJvm.Result result = child(WellBehaved.class, all())
                .withOption("-Dio.writethrough.report=true")
                .run();
        assertTrue(
                result.output().contains("INFO: writethrough has carried 1 open of files of paths=" + all() + "\n"),
                result.output());
    }

    @Test
    void aPatternThatMatchesNothingIsToldAtTheEnd() throws Exception {
        final String pattern = "glob:" + directory.toAbsolutePath() + "/*.mistaken";
        final ChildJvm.Result result = child(WellBehaved.class, pattern).run();
        assertEquals(
                "WARNING: writethrough has carried no file: none that was opened by java.nio is of paths=" + pattern
                        + "\n",
                result.output());
    }

    @Test
    void aPatternBehindALinkIsToldWithTheLink() throws Exception {
        final Path link = Files.createSymbolicLink(directory.resolve("link"), directory);
        final ChildJvm.Result result =
                child(Logged.class, "glob:" + link + "/*.db").run();
        assertTrue(
                result.output().contains("/link/*.db (" + link + " is " + directory.toRealPath() + "). The first is "),
                result.output());
    }

    @Test
    void whatIsOpenPastTheLibraryIsWarnedOf() throws Exception {
        final ChildJvm.Result atTheEnd = child(Mixed.class, all()).run();
        assertFalse(atTheEnd.output().contains("b.db"), atTheEnd.output()); // It is closed by then.
        assertTrue(
                atTheEnd.output()
                        .contains("Past the library, and not durable by it: " + directory.resolve("c.db")
                                + " is mapped for writing. The agent"),
                atTheEnd.output());
        final Process process = child(Mixed.class, all())
                .withOption("-Dio.writethrough.reportSeconds=0")
                .start();
        try (BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            String line = output.readLine();
            while (line != null && !line.contains("has carried")) {
                line = output.readLine();
            }
            assertTrue(line != null && line.contains(" of files of paths=" + all()), line);
        } finally {
            process.getOutputStream().close();
            process.waitFor();
        }
    }

    @Test
    void coverageTellsByTheFile() throws Exception {
        final Process process = child(Mixed.class, all()).start();
        try (BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8))) {
            String line = output.readLine();
            while (line != null && !line.equals("ready")) {
                line = output.readLine();
            }
            final String pid = Long.toString(process.pid());
            final String a = directory.toAbsolutePath() + "/";
            assertEquals(
                    List.of(
                            "process " + pid + ", paths=" + all() + ", 2 opens carried",
                            a + "a.db       carried",
                            a + "b.db       open for writing by java.io or native code",
                            a + "c.db       mapped for writing",
                            a + "closed.db  carried, and closed"),
                    outputOf("coverage", pid).lines().toList());
            final String json = outputOf("coverage", "--json", pid);
            assertTrue(
                    json.startsWith("{\"pid\":" + pid + ",\"settings\":\"paths=" + all() + "\",\"carriedOpens\":2,"
                            + "\"files\":{\"" + a + "a.db\":\"carried\","),
                    json);
        } finally {
            process.getOutputStream().close();
            process.waitFor();
        }
    }

    /* The process registers its bean a moment after it has opened its first file. */
    private static String outputOf(final String... args) throws InterruptedException {
        final ByteArrayOutputStream err = new ByteArrayOutputStream();
        for (int attempt = 0; attempt < 100; attempt++) {
            final ByteArrayOutputStream out = new ByteArrayOutputStream();
            if (Main.run(List.of(args), new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8)) == 0) {
                return out.toString(UTF_8);
            }
            Thread.sleep(100);
        }
        throw new AssertionError(err.toString(UTF_8));
    }
}
