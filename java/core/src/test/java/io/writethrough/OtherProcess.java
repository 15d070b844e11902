// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** One more process, which locks files by channels of the JDK. All tests of a JVM share it; the process ends with that JVM. */
final class OtherProcess {
    private static OtherProcess running;

    private final PrintStream asked;
    private final BufferedReader answers;

    private OtherProcess(final Process process) {
        asked = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        answers = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    }

    /** Whether the process gets a lock of this byte of the file. The process gives the lock back at once. */
    static boolean tryLock(final Path file, final long position, final boolean shared) throws IOException {
        return ask("try " + position + " " + shared + " " + file).equals("locked");
    }

    /** The process takes a lock of the whole file, and has it until {@link #letGo}. */
    static void hold(final Path file) throws IOException {
        ask("hold " + file);
    }

    /** The process closes the file that it holds, if there is one. */
    static void letGo() throws IOException {
        ask("let-go");
    }

    private static synchronized String ask(final String command) throws IOException {
        if (running == null) {
            running = new OtherProcess(ChildJvm.of(Main.class).start());
        }
        running.asked.println(command);
        final String answer = running.answers.readLine();
        if (answer == null || !answer.equals("locked") && !answer.equals("refused") && !answer.equals("free")) {
            running = null; // its output ends with its error: the next test gets another
            throw new AssertionError(command + ": the other process says " + answer);
        }
        return answer;
    }

    /** Answers each line of its input by a line. */
    static final class Main {
        private static RandomAccessFile held;

        public static void main(final String[] arguments) throws IOException {
            final BufferedReader commands =
                    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                final String[] words = line.split(" ", 4);
                System.out.println(
                        switch (words[0]) {
                            case "try" -> tryLock(words[3], Long.parseLong(words[1]), Boolean.parseBoolean(words[2]));
                            case "hold" -> hold(line.substring("hold ".length()));
                            default -> letGo();
                        });
            }
        }

        private static String tryLock(final String file, final long position, final boolean shared) throws IOException {
            try (RandomAccessFile opened = new RandomAccessFile(file, "rw");
                    FileLock lock = opened.getChannel().tryLock(position, 1, shared)) {
                return lock == null ? "refused" : "locked";
            }
        }

        private static String hold(final String file) throws IOException {
            letGo();
            held = new RandomAccessFile(file, "rw");
            final FileChannel channel = held.getChannel();
            return channel.lock().isValid() ? "locked" : "not valid";
        }

        private static String letGo() throws IOException {
            if (held != null) {
                held.close();
                held = null;
            }
            return "free";
        }
    }
}
