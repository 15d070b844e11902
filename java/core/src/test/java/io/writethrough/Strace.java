// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A child JVM under strace(1): what it asked of the kernel, or with what some calls were made to fail. */
final class Strace {
    /** A system call as strace prints it: {@code pwritev2(9</path>, ..., RWF_DSYNC) = 4096}. */
    record Call(int thread, String text) {
        String name() {
            return text.substring(0, text.indexOf('('));
        }

        /** The file descriptor that it is about. */
        String descriptor() {
            final Matcher matcher = Pattern.compile("^\\w+\\((\\d+)").matcher(text);
            return matcher.find() ? matcher.group(1) : "";
        }

        boolean opened(final String descriptor) {
            return name().equals("openat") && text.contains(" = " + descriptor + "<");
        }

        boolean setFlagsOf(final String descriptor) {
            return name().equals("fcntl") && descriptor().equals(descriptor) && text.contains("F_SETFL");
        }
    }

    private Strace() {}

    static void assumeThatItWorksHere() throws IOException, InterruptedException {
        int exit;
        try {
            exit = new ProcessBuilder("strace", "-o", "/dev/null", "-e", "inject=sync:error=EIO", "true")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (final IOException e) {
            exit = -1;
        }
        assumeTrue(exit == 0, "strace is not there, or may not trace");
    }

    /** Runs the JVM and returns its calls of these names, in order. */
    static List<Call> trace(final ChildJvm child, final Path log, final String names)
            throws IOException, InterruptedException {
        final ChildJvm.Result result = child.under(
                        "strace",
                        "-f",
                        "-y",
                        "-s",
                        "16",
                        "-o",
                        log.toString(),
                        "-e",
                        "signal=none",
                        "-e",
                        "trace=" + names)
                .run();
        if (result.exitCode() != 0) {
            throw new AssertionError(result.output());
        }
        return parse(Files.readAllLines(log, StandardCharsets.ISO_8859_1));
    }

    /** Runs the JVM with every call of these names failing. */
    static ChildJvm.Result inject(final ChildJvm child, final String names, final String errno)
            throws IOException, InterruptedException {
        return child.under(
                        "strace",
                        "-f",
                        "-o",
                        "/dev/null",
                        "-e",
                        "signal=none",
                        "-e",
                        "trace=" + names,
                        "-e",
                        "inject=" + names + ":error=" + errno)
                .run();
    }

    /* A call during which another thread was traced is on two lines: put together, at the place of the second. */
    private static List<Call> parse(final List<String> lines) {
        final List<Call> calls = new ArrayList<>();
        final Map<Integer, String> unfinished = new HashMap<>();
        for (final String line : lines) {
            final int space = line.indexOf(' ');
            final int thread = Integer.parseInt(line.substring(0, space));
            String text = line.substring(space).trim();
            if (text.endsWith("<unfinished ...>")) {
                unfinished.put(thread, text.replace("<unfinished ...>", "").trim());
                continue;
            }
            if (text.startsWith("<... ")) {
                text = unfinished.remove(thread)
                        + text.substring(text.indexOf('>') + 1).trim();
            }
            if (text.contains("(")) {
                calls.add(new Call(thread, text.replaceFirst("\\) += ", ") = ")));
            }
        }
        return calls;
    }
}
