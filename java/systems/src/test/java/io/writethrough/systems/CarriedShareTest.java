// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
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

/** What a system makes durable goes through the library. */
@Timeout(300)
@Execution(ExecutionMode.CONCURRENT)
class CarriedShareTest {
    /* As in KilledSystemTest. */
    private static final boolean ALL = Boolean.getBoolean("writethrough.systems.all");

    private static final int COMMITS = 100;
    private static final double LEAST_PERCENT = 95;

    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException, InterruptedException {
        assumeTrue(CarriedShare.canBeMeasured(), "strace is not there, or may not trace");
        directory = TestDirectories.makeWithDirectIo();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    static Stream<ArgumentSet> systems() {
        return Arrays.stream(Candidate.values())
                .filter(Candidate::isCarried)
                .filter(candidate -> ALL || candidate != Candidate.ZOOKEEPER_32 && candidate != Candidate.KAFKA_8)
                .flatMap(candidate -> candidate.ways().stream()
                        .filter(way -> way == Way.AGENT || ALL && way == Way.AT_FORCE)
                        .map(way -> Arguments.argumentSet(candidate + ", " + way, candidate, way)));
    }

    @ParameterizedTest
    @MethodSource("systems")
    void aSystemsDurableBytesAreCarried(final Candidate candidate, final Way way) throws Exception {
        final CarriedShare share = CarriedShare.measure(candidate, way, directory, COMMITS);
        assertTrue(share.carriedBytes() > 0, "nothing was carried");
        assertTrue(share.percent() >= LEAST_PERCENT, share.percent() + " %; past the library: " + share);
    }

    @Test
    void withoutTheLibraryTheShareIsZero() throws Exception {
        final CarriedShare share = CarriedShare.measure(Candidate.DERBY, Way.JDK, directory, COMMITS);
        assertEquals(0, share.carriedBytes());
        assertTrue(share.passedBytes() >= COMMITS, share.toString());
    }

    /* It writes mapped memory: no call of the kernel has its bytes. */
    @Test
    void chronicleQueuePassesBy() throws Exception {
        final CarriedShare share = CarriedShare.measure(Candidate.CHRONICLE, Way.AGENT, directory, COMMITS);
        assertEquals(0, share.carriedBytes());
    }
}
