// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another JVM, with the class path of this one and what is opened to it, such as packages of the JDK. */
public final class ChildJvm {
    /** Options of a JVM that runs for a few seconds. */
    public static final List<String> STARTS_SOON = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");

    /* Of the engine that tests of this JVM have: a child has the same. */
    private static final String PORTABLE = "io.writethrough.portable";

    private ChildJvm() {}

    /** For a few seconds. Its errors go to those of the tests. */
    public static Process start(final Class<?> main, final String... arguments) throws IOException {
        return start(List.of(), STARTS_SOON, main, arguments);
    }

    /** Run by a command that takes the JVM's as its further arguments, with these options of the JVM. */
    public static Process start(
            final List<String> wrapper, final List<String> options, final Class<?> main, final String... arguments)
            throws IOException {
        final List<String> command = new ArrayList<>(wrapper);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(opened());
        command.addAll(List.of("-XX:-UsePerfData", "-Xmx512m"));
        if (Boolean.getBoolean(PORTABLE)) {
            command.add("-D" + PORTABLE + "=true");
        }
        command.addAll(options);
        command.addAll(List.of(
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                main.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
    }

    private static List<String> opened() {
        return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> option.startsWith("--enable-native-access") || option.startsWith("--add-opens"))
                .toList();
    }

    /**
     * Kills a JVM that prints a line for each thing that it has done, with ";" at its end, when it has printed so many.
     * Returns the lines without ";", also those that came before the signal took effect. A line that was cut off is
     * none.
     */
    public static List<String> killAfter(final int count, final Process child)
            throws IOException, InterruptedException {
        final List<String> told = new ArrayList<>();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = lines.readLine()) != null && line.endsWith(";")) {
                told.add(line.substring(0, line.length() - 1));
                if (told.size() == count) {
                    child.toHandle().destroyForcibly(); // SIGKILL, and its output stays open
                }
            }
            assertTrue(told.size() >= count, "the JVM ended by itself after " + told.size() + " lines");
        } finally {
            child.destroyForcibly().waitFor();
        }
        assertEquals(128 + 9, child.exitValue());
        return told;
    }
}
