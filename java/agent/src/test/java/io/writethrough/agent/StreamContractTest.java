// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code java.io} returns and throws is the same with the agent and without. */
class StreamContractTest {
    private static String ofJdk = "";

    @TempDir
    static Path directory;

    @BeforeAll
    static void runWithoutTheAgent() throws IOException, InterruptedException {
        ofJdk = AgentJvm.of(StreamContract.class, place("without")).run().successful();
        assertTrue(ofJdk.lines().count() > 200, ofJdk);
    }

    private static Path place(final String name) throws IOException {
        return Files.createDirectory(directory.resolve(name));
    }

    private static void assertSame(final Path place, final AgentJvm jvm) throws IOException, InterruptedException {
        assertSame(jvm.withAgent("paths=glob:" + place + "/**").run().successful(), "");
    }

    /* Without the lines that have this text. */
    private static void assertSame(final String output, final String without) {
        final List<String> wanted = linesWithout(ofJdk, without);
        final List<String> found = linesWithout(output, without);
        for (int i = 0; i < Math.min(wanted.size(), found.size()); i++) {
            assertEquals(wanted.get(i), found.get(i));
        }
        assertEquals(wanted.size(), found.size(), output);
    }

    private static List<String> linesWithout(final String output, final String text) {
        return output.lines()
                .filter(line -> text.isEmpty() || !line.contains(text))
                .toList();
    }

    @Test
    void eachResultIsThatOfTheJdk() throws Exception {
        final Path place = place("each");
        assertSame(place, AgentJvm.of(StreamContract.class, place));
    }

    @Test
    void eachResultIsThatOfTheJdkWithCommitsAtAForceAndGrowthAhead() throws Exception {
        final Path place = place("force");
        final AgentJvm jvm = AgentJvm.of(StreamContract.class, place)
                .withAgent(
                        "paths=glob:" + place + "/**;commitAtForce=glob:**;growAhead=glob:**=65536;interrupts=close");
        assertSame(jvm.run().successful(), "length on disk");
    }

    @Test
    void filesOfOtherPathsAreThoseOfTheJdk() throws Exception {
        final AgentJvm jvm = AgentJvm.of(StreamContract.class, place("other"));
        assertSame(jvm.withAgent("paths=glob:/nowhere/**").run().successful(), "");
    }

    @Test
    void theFlightRecorderRewritesTheSameClasses() throws Exception {
        final Path place = place("recorded");
        assertSame(
                place,
                AgentJvm.of(StreamContract.class, place)
                        .with("-Xlog:jfr=off")
                        .with("-Xlog:jfr+startup=off")
                        .with("-XX:StartFlightRecording:filename=" + directory + "/recording.jfr"));
    }
}
