// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A JVM of its own for what can only be tried there: limits, refused system calls, the work of another process. */
final class ChildJvm {
    private final List<String> wrapper;
    private final String classPath;
    private final Path workingDirectory;
    private final String main;
    private final List<String> arguments;

    /* Of the engine that tests of this JVM have: a child has the same. */
    private static final String PORTABLE = "io.writethrough.portable";

    record Result(int exitCode, String output) {}

    private ChildJvm(
            final List<String> wrapper,
            final String classPath,
            final Path workingDirectory,
            final String main,
            final List<String> arguments) {
        this.wrapper = wrapper;
        this.classPath = classPath;
        this.workingDirectory = workingDirectory;
        this.main = main;
        this.arguments = arguments;
    }

    /** A JVM that runs a class of the tests. */
    static ChildJvm of(final Class<?> main, final String... arguments) {
        return new ChildJvm(List.of(), testClassPath(), Path.of("."), main.getName(), List.of(arguments));
    }

    static String testClassPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    ChildJvm named(final String otherMain) {
        return new ChildJvm(wrapper, classPath, workingDirectory, otherMain, arguments);
    }

    /** Run by this command, which gets the JVM's command line as further arguments. */
    ChildJvm under(final String... command) {
        return new ChildJvm(List.of(command), classPath, workingDirectory, main, arguments);
    }

    ChildJvm withClassPath(final String other) {
        return new ChildJvm(wrapper, other, workingDirectory, main, arguments);
    }

    ChildJvm in(final Path directory) {
        return new ChildJvm(wrapper, classPath, directory, main, arguments);
    }

    /** With a limit of ulimit(1), such as "-f 100". */
    ChildJvm withLimit(final String limit) {
        return under("sh", "-c", "ulimit " + limit + " && exec \"$@\"", "sh");
    }

    /** With an option of the JVM. */
    ChildJvm withOption(final String option) {
        return new ChildJvm(wrapper, classPath, workingDirectory, option, concat(main, arguments));
    }

    private static List<String> concat(final String first, final List<String> rest) {
        final List<String> all = new ArrayList<>();
        all.add(first);
        all.addAll(rest);
        return all;
    }

    private List<String> command() {
        final List<String> command = new ArrayList<>(wrapper);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-XX:-UsePerfData");
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-Xmx128m");
        if (Boolean.getBoolean(PORTABLE)) {
            command.add("-D" + PORTABLE + "=true");
        }
        command.add("-cp");
        command.add(classPath);
        command.add(main);
        command.addAll(arguments);
        return command;
    }

    /** Starts it; its errors are in its output, and it ends when its input does. */
    Process start() throws IOException {
        return new ProcessBuilder(command())
                .directory(workingDirectory.toFile())
                .redirectErrorStream(true)
                .start();
    }

    Result run() throws IOException, InterruptedException {
        final Process process = start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new AssertionError("a child JVM does not end: " + command() + "\n" + output);
        }
        return new Result(process.exitValue(), output);
    }
}
