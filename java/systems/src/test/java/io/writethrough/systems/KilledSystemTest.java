// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.Arguments.ArgumentSet;
import org.junit.jupiter.params.provider.MethodSource;

/** A JVM with a system that writes through is killed; another opens what is there. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class KilledSystemTest {
    /* With the property each system is tried by each way. Without it, those that take seconds to start are tried by one. */
    private static final boolean ALL = Boolean.getBoolean("writethrough.systems.all");

    private static final int COMMITS = 100;
    private static final int LOAD_SECONDS = 200;

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.makeWithDirectIo();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    static Stream<ArgumentSet> systems() {
        return Arrays.stream(Candidate.values())
                .filter(Candidate::isCarried)
                .filter(candidate -> ALL || candidate != Candidate.ZOOKEEPER && candidate != Candidate.KAFKA_8)
                .flatMap(candidate -> ways(candidate).stream()
                        .limit(ALL || !candidate.isServer() ? Way.values().length : 1)
                        .map(way -> Arguments.argumentSet(candidate + ", " + way, candidate, way)));
    }

    private static List<Way> ways(final Candidate candidate) {
        return candidate.ways().stream()
                .filter(way -> way == Way.AT_FORCE || way == Way.EACH_WRITE || way == Way.AGENT)
                .filter(candidate::isDurable)
                .filter(way -> candidate != Candidate.H2_SYNC || way != Way.EACH_WRITE)
                .toList();
    }

    /* Its pages are the kernel's, who keeps them when a process is killed. */
    @Test
    void aKilledSystemThatPassesByStartsWithTheAgentAndHasEveryAcknowledgedRecord() throws Exception {
        final long acknowledged = killedAmongCommits(Candidate.CHRONICLE, Way.AGENT);
        assertEquals(List.of("verified " + acknowledged), linesOf(Candidate.CHRONICLE, Way.AGENT, acknowledged));
    }

    @ParameterizedTest
    @MethodSource("systems")
    void aKilledSystemHasEveryAcknowledgedRecord(final Candidate candidate, final Way way) throws Exception {
        final long acknowledged = killedAmongCommits(candidate, way);
        assertEquals(List.of("verified " + acknowledged), linesOf(candidate, way, acknowledged));
        if (ALL || !candidate.isServer()) {
            assertEquals(List.of("verified " + acknowledged), linesOf(candidate, Way.JDK, acknowledged));
        }
    }

    /* How many records were acknowledged. */
    private long killedAmongCommits(final Candidate candidate, final Way way) throws Exception {
        final Process load = candidate.start(List.of(), way, directory, "load", LOAD_SECONDS);
        long acknowledged = 0;
        long written = 0;
        try (BufferedReader lines = output(load)) {
            String line;
            while ((line = lines.readLine()) != null) {
                final long number = Long.parseLong(line.substring(line.indexOf(' ') + 1));
                if (line.startsWith("ack ")) {
                    assertEquals(acknowledged + 1, number);
                    acknowledged = number;
                } else {
                    written = number;
                }
                if (acknowledged == COMMITS) {
                    load.toHandle().destroyForcibly(); // SIGKILL, and its output stays open
                }
            }
        } finally {
            load.destroyForcibly().waitFor();
        }
        assertEquals(128 + 9, load.exitValue());
        assertTrue(acknowledged >= COMMITS, acknowledged + " records");
        if (candidate.isCarried()) {
            assertTrue(written > 0, "no write through the library");
        }
        return acknowledged;
    }

    private List<String> linesOf(final Candidate candidate, final Way way, final long count) throws Exception {
        final Process verify = candidate.start(List.of(), way, directory, "verify", count);
        try (BufferedReader lines = output(verify)) {
            return lines.lines().toList();
        } finally {
            verify.destroyForcibly().waitFor();
        }
    }

    private static BufferedReader output(final Process process) {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }
}
