// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import com.sun.management.UnixOperatingSystemMXBean;
import com.sun.nio.file.ExtendedOpenOption;
import io.writethrough.WriteThroughEngine;
import io.writethrough.bench.contender.Alone;
import io.writethrough.bench.contender.Contender;
import io.writethrough.bench.contender.LibraryRead;
import io.writethrough.bench.contender.ManyFiles;
import io.writethrough.bench.contender.MemoryCopy;
import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import io.writethrough.bench.report.Progress;
import io.writethrough.bench.workload.Scratch;
import io.writethrough.bench.workload.Steps;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Whether the cost of an operation stays flat as the number of open files and of cached bytes grows. Every step runs
 * in every round, and the median counts. However many files there are, together they have the same size: so a step
 * differs from the others in the number of files, and not in what the processor's caches hold.
 */
final class Scaling {
    /** For the command line. */
    static final String ID = "scaling";

    private static final int PAGE = 4096;
    private static final long MIB = 1 << 20;
    /** The library has two descriptors of each open file, and the JVM has some of its own. */
    private static final int OTHER_DESCRIPTORS = 500;

    private static final int[] FILE_COUNTS = {100, 1_000, Math.min(10_000, openFilesMost())};
    private static final int TOTAL_PAGES = 10_000;
    private static final int SAMPLE_EVERY = 16;
    private static final OpenOption[] READ_WRITE = {StandardOpenOption.READ, StandardOpenOption.WRITE};
    private static final OpenOption[] DIRECT_DSYNC = {
        StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DSYNC, ExtendedOpenOption.DIRECT
    };

    private final Scratch scratch;
    private final Duration slice;
    private final int rounds;
    private final long[] cachedBytes;
    private final Budget budget;
    private final Progress progress;

    Scaling(Scratch scratch, Options options, Budget budget, Progress progress) {
        this.scratch = scratch;
        this.slice = budget.slice().dividedBy(2);
        this.rounds = Math.min(3, options.rounds());
        this.cachedBytes = cachedBytes(options.quick());
        this.budget = budget;
        this.progress = progress;
    }

    /** How many files the library may have open in this process: see ulimit -n. */
    private static int openFilesMost() {
        long descriptors = ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix
                ? unix.getMaxFileDescriptorCount()
                : Integer.MAX_VALUE;
        return (int) Math.max(2_000, Math.min(Integer.MAX_VALUE, (descriptors - OTHER_DESCRIPTORS) / 2));
    }

    private static long[] cachedBytes(boolean quick) {
        return quick ? new long[] {64 * MIB, 256 * MIB} : new long[] {64 * MIB, 256 * MIB, 512 * MIB, 1024 * MIB};
    }

    /** How many slices it is, roughly: opening and filling take about as long again as measuring. */
    static double slices(Options options) {
        int slices = 4 * FILE_COUNTS.length + 2 * cachedBytes(options.quick()).length;
        return slices * (1 + Math.min(3, options.rounds()));
    }

    List<Steps> run() throws IOException {
        List<Steps> all = new ArrayList<>(overFiles());
        all.add(overCachedBytes());
        return all;
    }

    /** Nanoseconds of the rounds, by size. */
    private static final class Samples {
        private final Map<Long, List<Double>> library = new TreeMap<>();
        private final Map<Long, List<Double>> reference = new TreeMap<>();

        void add(boolean ofLibrary, long size, double nanos) {
            (ofLibrary ? library : reference)
                    .computeIfAbsent(size, key -> new ArrayList<>())
                    .add(nanos);
        }

        Steps steps(String id, String title, String unit, String referenceName) {
            List<Steps.Step> steps = new ArrayList<>();
            library.forEach(
                    (size, nanos) -> steps.add(new Steps.Step(size, median(nanos), median(reference.get(size)))));
            return new Steps(id, title, unit, referenceName, steps);
        }

        private static double median(List<Double> values) {
            double[] sorted =
                    values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            return sorted[sorted.length / 2];
        }
    }

    private List<Steps> overFiles() throws IOException {
        Map<Integer, Path[]> sets = new TreeMap<>();
        for (int count : FILE_COUNTS) {
            progress.step(ID + ": making " + count + " files");
            sets.put(count, scratch.files("files-" + count, count, fileBytes(count)));
        }
        Samples opens = new Samples();
        Samples reads = new Samples();
        Samples writes = new Samples();
        // Round -1 warms up: its figures are thrown away.
        for (int round = -1; round < rounds; round++) {
            for (int turn = 0; turn < FILE_COUNTS.length; turn++) {
                if (round > 0 && budget.over()) {
                    break;
                }
                budget.requireTime();
                int count = FILE_COUNTS[Math.floorMod(round + turn, FILE_COUNTS.length)];
                progress.step(ID + ": " + count + " open files");
                Samples[] into = round < 0
                        ? new Samples[] {new Samples(), new Samples(), new Samples()}
                        : new Samples[] {opens, reads, writes};
                measureLibrary(sets.get(count), round, into[0], into[1], into[2]);
                measureChannel(sets.get(count), round, into[0], into[1], into[2]);
            }
        }
        return List.of(
                opens.steps("open-files", "Opening a file while others are open", "files", "FileChannel.open"),
                reads.steps("read-files", "4 KiB cached read, over many open files", "files", "FileChannel.read"),
                writes.steps(
                        "write-files",
                        "4 KiB durable overwrite (median), over many open files",
                        "files",
                        "FileChannel DIRECT + DSYNC"));
    }

    private static int fileBytes(int count) {
        return TOTAL_PAGES / count * PAGE;
    }

    private void measureLibrary(Path[] paths, int round, Samples opens, Samples reads, Samples writes)
            throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            measure(true, paths, round, false, ManyFiles.library(engine, READ_WRITE), opens, reads);
        }
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            measure(true, paths, round, true, ManyFiles.library(engine, READ_WRITE), opens, writes);
        }
    }

    private void measureChannel(Path[] paths, int round, Samples opens, Samples reads, Samples writes)
            throws IOException {
        measure(false, paths, round, false, ManyFiles.channel(READ_WRITE), opens, reads);
        measure(false, paths, round, true, ManyFiles.channel(DIRECT_DSYNC), new Samples(), writes);
    }

    /** One engine, or one set of channels, after the other: all together would be too many descriptors. */
    private void measure(
            boolean ofLibrary,
            Path[] paths,
            int round,
            boolean write,
            ManyFiles.Opener opener,
            Samples opens,
            Samples operations)
            throws IOException {
        int fileBytes = fileBytes(paths.length);
        for (int opened = 0; opened < TOTAL_PAGES - paths.length; opened += paths.length) {
            // As many opens at every step, so that each is as warm as the next.
            try (ManyFiles files = new ManyFiles(paths, fileBytes, PAGE, true, opener)) {
                opens.add(ofLibrary, paths.length, files.nanosPerOpen());
            }
        }
        try (ManyFiles files = new ManyFiles(paths, fileBytes, PAGE, write, opener)) {
            opens.add(ofLibrary, paths.length, files.nanosPerOpen());
            Pattern pattern = Pattern.random(PAGE, (long) TOTAL_PAGES * PAGE, round);
            operations.add(ofLibrary, paths.length, nanosPerOperation(files, pattern, write));
        }
    }

    /** A device's time of one write varies much, so the median counts; reads are many and alike, so their mean does. */
    private double nanosPerOperation(Contender contender, Pattern pattern, boolean write) throws IOException {
        Slice measured = contender.run(pattern, slice.toNanos(), write ? 1 : SAMPLE_EVERY);
        return write ? measured.latency().getValueAtPercentile(50) : (double) measured.nanos() / measured.operations();
    }

    private Steps overCachedBytes() throws IOException {
        long most = cachedBytes[cachedBytes.length - 1];
        progress.step(ID + ": making a file of " + most / MIB + " MiB");
        Path path = scratch.file("cached", most);
        Samples samples = new Samples();
        for (int round = -1; round < rounds; round++) {
            for (int turn = 0; turn < cachedBytes.length; turn++) {
                if (round > 0 && budget.over()) {
                    break;
                }
                budget.requireTime();
                long bytes = cachedBytes[Math.floorMod(round + turn, cachedBytes.length)];
                progress.step(ID + ": " + bytes / MIB + " MiB cached");
                Samples into = round < 0 ? new Samples() : samples;
                try (Contender library = new Alone(new LibraryRead(path, bytes, PAGE, true))) {
                    into.add(true, bytes / MIB, nanosPerOperation(library, Pattern.random(PAGE, bytes, round), false));
                }
                try (MemoryCopy memory = new MemoryCopy(bytes, PAGE)) {
                    into.add(false, bytes / MIB, nanosPerOperation(memory, Pattern.random(PAGE, bytes, round), false));
                }
            }
        }
        return samples.steps(
                "read-cached", "4 KiB cached read, over one file", "MiB cached", "copy of as much plain memory");
    }
}
