// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.incubator.channel.uring.IOUring;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program for Netty of README.md compiles as printed, without a warning, and does what is said of it. */
class ReadmeTest {
    private static final Path README = Path.of("..", "..", "README.md");
    private static final String CLASS_PATH =
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));

    @TempDir
    Path directory;

    @Test
    void theServerCompilesAndAnswersLinesThatAreInItsLog() throws Exception {
        assumeTrue(IOUring.isAvailable(), () -> "no io_uring for Netty here: " + IOUring.unavailabilityCause());
        compile(Files.writeString(directory.resolve("LineLog.java"), program()));
        final Path log = directory.resolve("log");
        final Process server = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        directory + File.pathSeparator + CLASS_PATH,
                        "LineLog",
                        log.toString())
                .redirectErrorStream(true)
                .start();
        try (BufferedReader output = server.inputReader()) {
            final int port = Integer.parseInt(firstGroup("listening on .*:(\\d+)", firstOf("listening", output)));
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                socket.setSoTimeout(60_000);
                socket.getOutputStream().write("one\ntwo\n".getBytes(StandardCharsets.UTF_8));
                final BufferedReader answers = new BufferedReader(new InputStreamReader(socket.getInputStream()));
                assertEquals("ok", answers.readLine());
                assertEquals("ok", answers.readLine());
                assertEquals("one\ntwo\n", Files.readString(log));
            }
        } finally {
            server.destroyForcibly().waitFor();
        }
    }

    /* Newer JVMs may have warnings before it. */
    private static String firstOf(final String start, final BufferedReader output) throws IOException {
        final StringBuilder before = new StringBuilder();
        for (String line = output.readLine(); line != null; line = output.readLine()) {
            if (line.startsWith(start)) {
                return line;
            }
            before.append(line).append('\n');
        }
        throw new AssertionError(before);
    }

    private void compile(final Path source) throws Exception {
        final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        final StringWriter messages = new StringWriter();
        final boolean compiled = compiler.getTask(
                        messages,
                        null,
                        null,
                        List.of("-Xlint:all", "-cp", CLASS_PATH, "-d", directory.toString()),
                        null,
                        compiler.getStandardFileManager(null, null, null).getJavaFileObjects(source))
                .call();
        assertTrue(compiled, messages.toString());
        assertEquals("", messages.toString());
    }

    private static String program() throws Exception {
        return firstGroup("## Netty.*?```java\n(.*?)```", Files.readString(README));
    }

    private static String firstGroup(final String pattern, final String text) {
        final Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        assertTrue(matcher.find(), "nothing like " + pattern + " in " + text);
        return matcher.group(1);
    }
}
