// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import io.writethrough.WriteThroughEngine;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A database or log that is tried, with its program. */
enum Candidate {
    MAPDB("MapDB, WAL", MapDbProgram.class, Opens.CHANNELS),
    /** Its commits are durable where each write is: H2 forces nothing after a commit. */
    H2("H2, `WRITE_DELAY=0`", H2Program.class, Opens.CHANNELS),
    H2_SYNC("H2, `CHECKPOINT SYNC` after each commit", H2Program.class, Opens.CHANNELS, "-Dcheckpoint=true"),
    LUCENE("Lucene, `IndexWriter.commit`", LuceneProgram.class, Opens.CHANNELS),
    /** It maps its indexes for writing, and makes them anew where they are not whole. */
    KAFKA("Kafka, a flush for each record", KafkaProgram.class, Opens.CHANNELS),
    KAFKA_8("Kafka, 8 producers, a partition each", KafkaProgram.class, Opens.CHANNELS, "-Dclients=8"),
    DERBY("Derby", DerbyProgram.class, Opens.STREAMS),
    HSQLDB("HSQLDB, `WRITE DELAY FALSE`", HsqldbProgram.class, Opens.STREAMS),
    XODUS("Xodus, `logDurableWrite`", XodusProgram.class, Opens.STREAMS),
    ZOOKEEPER("ZooKeeper, 1 client", ZooKeeperProgram.class, Opens.STREAMS),
    ZOOKEEPER_32("ZooKeeper, 32 clients", ZooKeeperProgram.class, Opens.STREAMS, "-Dclients=32"),
    BOOKKEEPER("BookKeeper, one bookie", BookKeeperProgram.class, Opens.STREAMS),
    ARTEMIS("Artemis, journal on NIO", ArtemisProgram.class, Opens.STREAMS),
    RATIS("Ratis, one server", RatisProgram.class, Opens.STREAMS),
    /** Its files pass by: with the agent's channels it would not start. */
    CHRONICLE(
            "Chronicle Queue",
            ChronicleProgram.class,
            Opens.MAPPINGS,
            "-Dio.writethrough.passBy=glob:**.{cq4,cq4t}",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
            "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=jdk.unsupported/sun.misc=ALL-UNNAMED",
            "--add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED",
            "--add-opens=jdk.compiler/com.sun.tools.javac=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-opens=java.base/java.io=ALL-UNNAMED",
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-opens=java.base/java.util=ALL-UNNAMED");

    /** By what a system opens the files that it makes durable. */
    private enum Opens {
        /** {@code java.nio}: the switch carries them, and the agent. */
        CHANNELS,
        /** {@code java.io}: the agent carries them. */
        STREAMS,
        /** Nothing carries them, as the system writes memory. */
        MAPPINGS
    }

    /* A program that runs for seconds is done before the better compiler has paid for itself. */
    private static final List<String> FOR_SHORT_RUNS = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    private final String title;
    private final Class<?> program;
    private final Opens opens;
    private final List<String> settings;

    Candidate(final String title, final Class<?> program, final Opens opens, final String... settings) {
        this.title = title;
        this.program = program;
        this.opens = opens;
        this.settings = List.of(settings);
    }

    /** What people read of it. */
    String title() {
        return title;
    }

    /** Whether the library can carry what the system makes durable. */
    boolean isCarried() {
        return opens != Opens.MAPPINGS;
    }

    /** Whether it takes seconds to start. */
    boolean isServer() {
        return switch (this) {
            case KAFKA, KAFKA_8, ZOOKEEPER, ZOOKEEPER_32, BOOKKEEPER, ARTEMIS, RATIS -> true;
            default -> false;
        };
    }

    /**
     * What it is tried by. Files profit from growth where a system extends a log by each commit, or writes it into a hole, and
     * keeps it.
     */
    List<Way> ways() {
        return Arrays.stream(Way.values())
                .filter(way -> way == Way.JDK || way.isByAgent() || opens == Opens.CHANNELS)
                .filter(way -> way != Way.AHEAD || this == KAFKA || this == KAFKA_8)
                .filter(way -> way != Way.AGENT_AHEAD || growsLogs())
                .toList();
    }

    private boolean growsLogs() {
        return switch (this) {
            case KAFKA, KAFKA_8, HSQLDB, XODUS, ZOOKEEPER, ZOOKEEPER_32 -> true;
            default -> false;
        };
    }

    /** Whether what the program acknowledges in this way is durable, and not only in the kernel's memory. */
    boolean isDurable(final Way way) {
        return this == H2 ? way == Way.EACH_WRITE : isCarried();
    }

    /**
     * Starts the program, see {@link Program}. Its errors go to those of this process.
     *
     * @param before the command that runs the JVM, if any
     */
    Process start(
            final List<String> before, final Way way, final Path directory, final String mode, final Number number)
            throws IOException {
        final List<String> command = new ArrayList<>(before);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx512m",
                "-cp",
                classPath(way)));
        if (!mode.equals("measure")) {
            command.addAll(FOR_SHORT_RUNS);
        }
        command.addAll(settings);
        command.addAll(way.options(directory));
        command.addAll(List.of(program.getName(), directory.toString(), mode, number.toString()));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static String classPath(final Way way) throws IOException {
        final String all = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        final Path library = library();
        return Arrays.stream(all.split(File.pathSeparator))
                .filter(element -> !way.isByAgent() || !Path.of(element).equals(library))
                .collect(Collectors.joining(File.pathSeparator));
    }

    private static Path library() throws IOException {
        try {
            return Path.of(WriteThroughEngine.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (final URISyntaxException e) {
            throw new IOException(e);
        }
    }
}
