// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Processor time of this process in nanoseconds, without the just-in-time compilers': they work on the program, not on
 * the operation. Threads of the library itself count, also those that have ended, and the kernel's I/O workers of this
 * process, and garbage collection.
 */
public final class CpuClock {
    private static final Path TASKS = Path.of("/proc/self/task");

    private final Map<String, Long> compilers;
    private final long process;

    private CpuClock(Map<String, Long> compilers, long process) {
        this.compilers = compilers;
        this.process = process;
    }

    /** Counts from now on. */
    public static CpuClock start() {
        return new CpuClock(compilerNanos(), processNanos());
    }

    /** The time used since the start, to some ten milliseconds. */
    public long nanos() {
        return Math.max(0, processNanos() - process - used(compilers, compilerNanos()));
    }

    /** What those that are there now used since then. */
    static <K> long used(Map<K, Long> then, Map<K, Long> now) {
        long sum = 0;
        for (Map.Entry<K, Long> entry : now.entrySet()) {
            sum += Math.max(0, entry.getValue() - then.getOrDefault(entry.getKey(), 0L));
        }
        return sum;
    }

    /** Empty where Linux does not tell. */
    private static Map<String, Long> compilerNanos() {
        Map<String, Long> nanos = new HashMap<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(TASKS)) {
            for (Path task : paths) {
                long used = compilerNanos(task);
                if (used >= 0) {
                    nanos.put(task.getFileName().toString(), used);
                }
            }
        } catch (IOException e) {
            return Map.of();
        }
        return nanos;
    }

    /** -1: the thread has ended, is no compiler, or its time is not told. */
    private static long compilerNanos(Path task) {
        try {
            String name = Files.readString(task.resolve("comm"));
            if (!name.startsWith("C1 Comp") && !name.startsWith("C2 Comp")) {
                return -1;
            }
            String stat = Files.readString(task.resolve("schedstat"));
            return Long.parseLong(stat.substring(0, stat.indexOf(' ')));
        } catch (IOException | RuntimeException e) {
            return -1;
        }
    }

    private static long processNanos() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
