package io.writethrough.bench.measure;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Processor time of this process in nanoseconds, without the just-in-time compilers': they work on the program, not on
 * the operation. Threads of the library itself count, garbage collection too. Where Linux does not tell the time of
 * each thread, it is the time of the process.
 */
public final class CpuClock {
    private static final Path TASKS = Path.of("/proc/self/task");

    private CpuClock() {}

    /** The time used so far; only differences mean anything. */
    public static long nanos() {
        long sum = 0;
        boolean known = false;
        try (DirectoryStream<Path> tasks = Files.newDirectoryStream(TASKS)) {
            for (Path task : tasks) {
                long nanos = taskNanos(task);
                known |= nanos >= 0;
                sum += Math.max(0, nanos);
            }
        } catch (IOException e) {
            known = false;
        }
        return known ? sum : processNanos();
    }

    /** -1: the thread has ended, is a compiler, or its time is not told. */
    private static long taskNanos(Path task) {
        try {
            String name = Files.readString(task.resolve("comm"));
            if (name.startsWith("C1 Comp") || name.startsWith("C2 Comp")) {
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
