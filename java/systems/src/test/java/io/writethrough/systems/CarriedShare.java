// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How much of what a system makes durable went through the library, by strace(1).
 *
 * @param carriedBytes that the library wrote
 * @param passedBytes that the JDK wrote to files which are forced, or open with O_DSYNC or O_SYNC. Of each write its whole blocks
 *     count, as the library writes whole blocks
 * @param passed the files of these
 */
record CarriedShare(long carriedBytes, long passedBytes, Set<String> passed) {
    private static final int BLOCK_BYTES = 4096;

    private static final String CALLS = "openat,write,pwrite64,writev,fsync,fdatasync";

    /* The JDK writes by these alone, and the library by others. */
    private static final Pattern WRITE = Pattern.compile("(?:write|pwrite64|writev)\\(\\d+<(/[^>]*)>.* = (\\d+)");

    private static final Pattern FORCE = Pattern.compile("(?:fsync|fdatasync)\\(\\d+<(/[^>]*)>.*");
    private static final Pattern OPEN_SYNCED = Pattern.compile("openat\\(.*O_D?SYNC.* = \\d+<(/[^>]*)>.*");
    private static final Pattern MARK = Pattern.compile("write\\(1<[^>]*>, \"(begin|end) .*");

    /** Whether strace is there and may trace. */
    static boolean canBeMeasured() throws IOException, InterruptedException {
        try {
            return new ProcessBuilder("strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true")
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (final IOException e) {
            return false;
        }
    }

    /** Of so many commits of a system that has begun its work. */
    static CarriedShare measure(final Candidate candidate, final Way way, final Path directory, final int commits)
            throws IOException, InterruptedException {
        final Path files = Files.createDirectory(directory.resolve("files"));
        final Path log = directory.resolve("strace");
        final List<String> strace = List.of(
                "strace",
                "-f",
                "-y",
                "-s",
                "8",
                "--seccomp-bpf",
                "-e",
                "signal=none",
                "-e",
                "trace=" + CALLS,
                "-o",
                log.toString());
        final Process process = candidate.start(strace, way, files, "trace", commits);
        try {
            final long carried = carriedBytes(process);
            if (process.waitFor() != 0) {
                throw new IOException(candidate + ", " + way + ": exit status " + process.exitValue());
            }
            return of(carried, files, Files.readAllLines(log, StandardCharsets.ISO_8859_1));
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static long carriedBytes(final Process process) throws IOException {
        long bytes = 0;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = lines.readLine()) != null) {
                if (line.startsWith("begin ")) {
                    bytes -= Long.parseLong(line.substring("begin ".length()));
                } else if (line.startsWith("end ")) {
                    bytes += Long.parseLong(line.substring("end ".length()));
                }
            }
        }
        return bytes;
    }

    private static CarriedShare of(final long carried, final Path files, final List<String> log) {
        final Map<String, Long> written = new HashMap<>();
        final Set<String> forced = new HashSet<>();
        final Map<String, String> unfinished = new HashMap<>();
        boolean counts = false;
        for (final String line : log) {
            final String call = wholeCall(line, unfinished);
            final Matcher write = WRITE.matcher(call);
            final Matcher force = FORCE.matcher(call);
            final Matcher open = OPEN_SYNCED.matcher(call);
            final Matcher mark = MARK.matcher(call);
            if (mark.matches()) {
                counts = mark.group(1).equals("begin");
            } else if (write.matches() && counts) {
                written.merge(write.group(1), blocks(Long.parseLong(write.group(2))), Long::sum);
            } else if (force.matches()) {
                forced.add(force.group(1));
            } else if (open.matches()) {
                forced.add(open.group(1));
            }
        }
        written.keySet().retainAll(forced);
        written.keySet().removeIf(file -> !Path.of(file).startsWith(files));
        return new CarriedShare(
                carried, written.values().stream().mapToLong(Long::longValue).sum(), Set.copyOf(written.keySet()));
    }

    /* A call during which another thread was traced is on two lines. Empty for the first of them. */
    private static String wholeCall(final String line, final Map<String, String> unfinished) {
        final int space = line.indexOf(' ');
        final String thread = line.substring(0, space);
        final String text = line.substring(space).trim();
        if (text.endsWith("<unfinished ...>")) {
            unfinished.put(thread, text.replace("<unfinished ...>", ""));
            return "";
        }
        return text.startsWith("<... ") ? unfinished.remove(thread) + text.substring(text.indexOf('>') + 1) : text;
    }

    private static long blocks(final long bytes) {
        return (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    }

    /** Of what the system made durable, or NaN if that is nothing. */
    double percent() {
        return 100.0 * carriedBytes / (carriedBytes + passedBytes);
    }
}
