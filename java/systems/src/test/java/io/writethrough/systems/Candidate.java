// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A database or log that is tried, with its program. */
enum Candidate {
    MAPDB("MapDB, WAL", MapDbProgram.class),
    /** Its commits are durable where each write is: H2 forces nothing after a commit. */
    H2("H2, `WRITE_DELAY=0`", H2Program.class),
    H2_SYNC("H2, `CHECKPOINT SYNC` after each commit", H2Program.class, "-Dcheckpoint=true"),
    LUCENE("Lucene, `IndexWriter.commit`", LuceneProgram.class),
    KAFKA("Kafka, a flush for each record", KafkaProgram.class);

    private final String title;
    private final Class<?> program;
    private final List<String> settings;

    Candidate(final String title, final Class<?> program, final String... settings) {
        this.title = title;
        this.program = program;
        this.settings = List.of(settings);
    }

    /** What people read of it. */
    String title() {
        return title;
    }

    /** What it is tried by. Of these systems Kafka alone has a log that it extends and keeps: files that profit from growth. */
    List<Way> ways() {
        return this == KAFKA ? List.of(Way.values()) : List.of(Way.JDK, Way.AT_FORCE, Way.EACH_WRITE);
    }

    /** Whether what the program acknowledges in this way is durable. */
    boolean isDurable(final Way way) {
        return this != H2 || way == Way.EACH_WRITE;
    }

    /** Starts the program, see {@link Program}. Its errors go to those of this process. */
    Process start(final Way way, final Path directory, final String mode, final Number number) throws IOException {
        final List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Xmx512m",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
        command.addAll(settings);
        command.addAll(way.options(directory));
        command.addAll(List.of(program.getName(), directory.toString(), mode, number.toString()));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }
}
