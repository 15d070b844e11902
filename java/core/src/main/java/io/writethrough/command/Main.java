// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What {@code java -jar} runs: tools for people who look after a database. */
public final class Main {
    private static final String USAGE =
            "usage: probe [--json] PATH...   what a file, or one made in a directory, gets there, and advice\n"
                    + StatsCommand.USAGE
                    + "\n"
                    + CoverageCommand.USAGE;

    static final int DONE = 0;
    static final int FAILED = 1;
    static final int MISUSED = 2;

    private Main() {}

    public static void main(final String[] args) {
        System.exit(run(List.of(args), System.out, System.err));
    }

    /** {@return the exit status: 0, 1 if something failed, 2 if the arguments make no sense} */
    public static int run(final List<String> args, final PrintStream out, final PrintStream err) {
        if (!args.isEmpty() && args.get(0).equals("stats")) {
            return StatsCommand.run(args.subList(1, args.size()), out, err);
        }
        if (!args.isEmpty() && args.get(0).equals("coverage")) {
            return CoverageCommand.run(args.subList(1, args.size()), out, err);
        }
        final boolean json = args.contains("--json");
        final List<String> paths = args.stream()
                .skip(1)
                .filter(argument -> !argument.equals("--json"))
                .toList();
        if (args.isEmpty() || !args.get(0).equals("probe") || paths.isEmpty()) {
            err.println(USAGE);
            return MISUSED;
        }
        int status = DONE;
        for (final String path : paths) {
            try {
                final ProbeReport report = ProbeReport.of(Path.of(path));
                out.print(json ? report.json() : report.text());
            } catch (final IOException | InvalidPathException e) {
                err.println(path + ": " + reason(e));
                status = FAILED;
            }
        }
        return status;
    }

    private static @Nullable String reason(final Exception e) {
        if (e instanceof NoSuchFileException) {
            return "there is no such file";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        return e instanceof FileSystemException system && system.getReason() != null
                ? system.getReason()
                : e.getMessage();
    }
}
