// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log.testing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another JVM, with the class path of the tests. */
public final class ChildJvm {
    private ChildJvm() {}

    /** Its errors go to those of the tests. */
    public static Process start(final Class<?> main, final String... arguments) throws IOException {
        return start(List.of(), List.of(), main, arguments);
    }

    /** Run by a command that takes the JVM's as its further arguments, with these options of the JVM. */
    public static Process start(
            final List<String> wrapper, final List<String> options, final Class<?> main, final String... arguments)
            throws IOException {
        final List<String> command = new ArrayList<>(wrapper);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:-UsePerfData",
                "-Xmx512m"));
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
}
