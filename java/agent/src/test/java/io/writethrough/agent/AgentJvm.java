// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** A JVM with or without the agent. Its class path has the tests alone: the library comes with the agent's jar. */
final class AgentJvm {
    private static final Path AGENT = Path.of(System.getProperty("writethrough.agent"));

    private final List<String> before = new ArrayList<>();
    private final List<String> options = new ArrayList<>();
    private final List<String> program;

    record Result(int exitCode, String output) {
        String successful() {
            assertEquals(0, exitCode, output);
            return output;
        }
    }

    private AgentJvm(final List<String> program) {
        this.program = program;
    }

    /** Runs a class of the tests. */
    static AgentJvm of(final Class<?> main, final Object... arguments) {
        return onClassPath(testClasses(), main, arguments);
    }

    /** Runs a class of the tests that sees these artifacts too. */
    static AgentJvm with(final Set<String> artifacts, final Class<?> main, final Object... arguments) {
        final String all = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        final List<String> path = new ArrayList<>(List.of(testClasses()));
        for (final String entry : all.split(File.pathSeparator, -1)) {
            if (artifacts.stream().anyMatch(artifact -> entry.contains("/" + artifact + "/"))) {
                path.add(entry);
            }
        }
        return onClassPath(String.join(File.pathSeparator, path), main, arguments);
    }

    private static String testClasses() {
        return Path.of("target/test-classes").toAbsolutePath().toString();
    }

    private static AgentJvm onClassPath(final String path, final Class<?> main, final Object... arguments) {
        final List<String> program = new ArrayList<>(List.of("-cp", path, main.getName()));
        for (final Object argument : arguments) {
            program.add(argument.toString());
        }
        return new AgentJvm(program);
    }

    /** Runs what these arguments of java(1) say. */
    static AgentJvm running(final String... program) {
        return new AgentJvm(List.of(program));
    }

    AgentJvm withAgent(final String agentOptions) {
        return with("-javaagent:" + AGENT + "=" + agentOptions);
    }

    /** With an option of the JVM. */
    AgentJvm with(final String option) {
        options.add(option);
        return this;
    }

    /** Run by this command, which gets the JVM's command line as further arguments. */
    AgentJvm under(final String... command) {
        before.addAll(List.of(command));
        return this;
    }

    /** Starts it; its errors are in its output. */
    Process start() throws IOException {
        final List<String> command = new ArrayList<>(before);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:-UsePerfData", "-XX:TieredStopAtLevel=1", "-Xmx128m"));
        command.add("-Dio.writethrough.coverage=false"); // its lines are those of the core, which tests them
        command.addAll(options);
        command.addAll(program);
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    Result run() throws IOException, InterruptedException {
        final Process process = start();
        process.getOutputStream().close();
        final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(1, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new AssertionError("a JVM does not end: " + output);
        }
        return new Result(process.exitValue(), output);
    }
}
