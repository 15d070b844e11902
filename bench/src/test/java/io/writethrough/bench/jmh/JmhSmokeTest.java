// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every benchmark runs, however short. What it measures here means nothing. */
@Timeout(value = 5, unit = TimeUnit.MINUTES, threadMode = ThreadMode.SEPARATE_THREAD)
final class JmhSmokeTest {
    private static final Set<String> CLASSES = Set.of(
            "Appends",
            "AsyncWrites",
            "CachedReads",
            "ColdReads",
            "DurableWrites",
            "LargeWrites",
            "MixedPages",
            "OpenCloses");

    @TempDir
    private Path directory;

    @Test
    void everyBenchmarkRunsByTheLibraryAndByAnotherWay() throws RunnerException {
        System.setProperty("jmh.ignoreLock", "true");
        Options options = new OptionsBuilder()
                .include(Pattern.quote(JmhSmokeTest.class.getPackageName()))
                .forks(0)
                .threads(1)
                .warmupIterations(0)
                .measurementIterations(1)
                .measurementTime(TimeValue.milliseconds(5))
                .param("directory", directory.toString())
                .param("fileMiB", "1")
                .param("bytes", "4096")
                .param("queueDepth", "4")
                // A peer may not work here.
                .shouldFailOnError(false)
                .verbosity(VerboseMode.SILENT)
                .build();
        Map<String, Set<String>> ways = new HashMap<>();
        for (RunResult result : new Runner(options).run()) {
            String benchmark = result.getParams().getBenchmark().replaceAll(".*\\.(\\w+)\\.\\w+$", "$1");
            ways.computeIfAbsent(benchmark, key -> new HashSet<>())
                    .add(result.getParams().getParam("way"));
            assertTrue(result.getPrimaryResult().getScore() > 0, () -> "no score of " + result.getParams());
        }
        assertEquals(CLASSES, ways.keySet());
        ways.forEach((benchmark, measured) -> {
            assertTrue(measured.contains("WRITETHROUGH"), benchmark);
            assertTrue(measured.size() > 1, benchmark);
        });
    }
}
