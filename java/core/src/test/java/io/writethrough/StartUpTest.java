// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a program pays that opens one file and writes one block. */
class StartUpTest {
    private static final int MOST_RUNS = 15;

    /* A quiet machine shows 160 to 190. JMX, the flight recorder and JNA are 270 more. */
    private static final long MOST_MILLIS = 250;

    /* The clock shows twice the time of the JDK, on a busy machine too. A thread that waits in native code makes that four times. */
    private static final long MOST_TIMES = 3;

    /* In /proc/self/stat, behind the name of the program. */
    private static final int UTIME = 11;
    private static final int STIME = 12;
    private static final int MILLIS_OF_TICK = 10;

    @TempDir
    Path directory;

    /** Prints the processor time of the process. */
    private static void report() throws IOException {
        try (FileInputStream stat = new FileInputStream("/proc/self/stat")) {
            final String text = new String(stat.readAllBytes(), ISO_8859_1);
            final String[] fields = text.substring(text.indexOf(") ") + 2).split(" ");
            System.out.println(
                    "millis " + (Long.parseLong(fields[UTIME]) + Long.parseLong(fields[STIME])) * MILLIS_OF_TICK);
        }
    }

    static final class ByThisLibrary {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.write(ByteBuffer.allocateDirect(4096), 0);
            }
            report();
        }
    }

    static final class ByTheJdk {
        public static void main(final String[] arguments) throws IOException {
            try (FileChannel file = FileChannel.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.write(ByteBuffer.allocateDirect(4096), 0);
                file.force(false);
            }
            report();
        }
    }

    /** Opens an engine, and only then has an MBean server. */
    static final class Late {
        public static void main(final String[] arguments) throws Exception {
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
                final var server = ManagementFactory.getPlatformMBeanServer();
                final ObjectName name = new ObjectName("io.writethrough:type=Engine,id=1");
                for (int look = 0; look < 600 && !server.isRegistered(name); look++) {
                    Thread.sleep(50);
                }
                System.out.println(server.getAttribute(name, "CacheBytes") + " " + engine.isOpen());
            }
        }
    }

    private ChildJvm program(final Class<?> program) throws IOException {
        final Path file = directory.resolve("file");
        Files.deleteIfExists(file);
        return ChildJvm.of(program, file.toString());
    }

    @Test
    void nothingIsLoadedThatNobodyHasAskedFor() throws Exception {
        final String output = program(ByThisLibrary.class)
                .withOption("-Xlog:class+load")
                .run()
                .output();
        assertTrue(output.contains(" io.writethrough.WriteThroughFile "), output);
        final var unasked = new TreeSet<String>();
        final Matcher matcher = Pattern.compile(
                        "\\] ((?:com\\.sun\\.jna|jdk\\.jfr|javax\\.management|com\\.sun\\.jmx|\\w+\\.lang\\.management"
                                + "|sun\\.management|com\\.sun\\.management)\\.\\S+)")
                .matcher(output);
        while (matcher.find()) {
            unasked.add(matcher.group(1));
        }
        // What tells whether there is a flight recorder or an MBean server, and the types in the signatures of its
        // methods.
        unasked.removeAll(List.of(
                "jdk.jfr.FlightRecorder",
                "jdk.jfr.FlightRecorderListener",
                "javax.management.JMException",
                "javax.management.OperationsException",
                "javax.management.InstanceAlreadyExistsException",
                "javax.management.MBeanServerFactory"));
        assertEquals(List.of(), List.copyOf(unasked));
    }

    /** Of the least run of a program. */
    private static final class Least {
        long processorMillis = Long.MAX_VALUE;
        long wallMillis = Long.MAX_VALUE;

        @Override
        public String toString() {
            return processorMillis + " ms of a processor in " + wallMillis + " ms";
        }
    }

    @Test
    void theFirstWriteTakesLittleMoreThanThatOfTheJdk() throws Exception {
        final Least ours = new Least();
        final Least jdks = new Least();
        // Whatever else the machine does makes a run longer, and none shorter.
        int runs = 0;
        do {
            measure(ByThisLibrary.class, ours);
            measure(ByTheJdk.class, jdks);
        } while (++runs < MOST_RUNS && !isLittleMore(ours, jdks));
        assertTrue(isLittleMore(ours, jdks), ours + " against " + jdks);
    }

    private static boolean isLittleMore(final Least ours, final Least jdks) {
        return ours.processorMillis - jdks.processorMillis <= MOST_MILLIS
                && ours.wallMillis <= MOST_TIMES * jdks.wallMillis;
    }

    private void measure(final Class<?> program, final Least least) throws Exception {
        final long begin = System.nanoTime();
        final String output = program(program).run().output();
        least.wallMillis = Math.min(least.wallMillis, (System.nanoTime() - begin) / 1_000_000);
        final Matcher matcher = Pattern.compile("millis (\\d+)").matcher(output);
        assertTrue(matcher.find(), output);
        least.processorMillis = Math.min(least.processorMillis, Long.parseLong(matcher.group(1)));
    }

    @Test
    void anEngineIsABeanOnceThereIsAServer() throws Exception {
        assertEquals("1048576 true\n", ChildJvm.of(Late.class).run().output());
    }

    @Test
    void withoutAServerAThreadLooksForOneUntilTheEngineIsClosed() throws Exception {
        final String output = ChildJvm.of(Unobserved.class).run().output();
        assertEquals("true\nfalse\n", output);
    }

    /** Prints whether a thread looks for a server, with an engine and without. */
    static final class Unobserved {
        public static void main(final String[] arguments) throws Exception {
            final WriteThroughEngine engine =
                    WriteThroughEngine.builder().cacheBytes(1 << 20).build();
            final List<Thread> looking = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().equals("writethrough-jmx"))
                    .toList();
            System.out.println(looking.size() == 1);
            engine.close();
            looking.get(0).join(30_000);
            System.out.println(looking.get(0).isAlive());
        }
    }
}
