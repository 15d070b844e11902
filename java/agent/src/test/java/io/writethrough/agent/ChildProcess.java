// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Lets a child process write to a file. */
final class ChildProcess {
    private ChildProcess() {}

    public static void main(final String[] arguments) throws IOException, InterruptedException {
        final File file = Path.of(arguments[0], "child.txt").toFile();
        for (int i = 0; i < 2; i++) {
            check(
                    new ProcessBuilder("echo", "line")
                                    .redirectOutput(ProcessBuilder.Redirect.appendTo(file))
                                    .start()
                                    .waitFor()
                            == 0,
                    "the child ends");
        }
        check(Files.readString(file.toPath()).equals("line\nline\n"), "its lines are there");
        try (FileOutputStream held =
                new FileOutputStream(Path.of(arguments[0], "held").toFile())) {
            final Process child = new ProcessBuilder("sleep", "20").start();
            held.write(1);
            held.close();
            // Nothing that the child has keeps the file locked.
            new FileOutputStream(Path.of(arguments[0], "held").toFile()).close();
            child.destroyForcibly().waitFor();
        }
        System.out.println("all well");
    }
}
