// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
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

/** The Java programs of README.md compile as printed, without a warning, and run; so does its command for H2. */
class ReadmeTest {
    private static final Path README = Path.of("..", "..", "README.md");

    @TempDir
    Path directory;

    @Test
    void theFirstProgramCompilesAndRuns() throws Exception {
        run(compile(programAfter("## A first program")));
    }

    @Test
    void theLogOfALaneCompilesAndRuns() throws Exception {
        final String name = compile(programAfter("## Lanes"));
        final Path log = directory.resolve("lane.log");
        run(name, log.toString());
        final List<String> records = Files.readAllLines(log);
        assertEquals(1000, records.size());
        assertEquals("record 999", records.get(999));
    }

    @Test
    void thePageStoreCompilesAndRunsWithAtomicWritesAndWithout() throws Exception {
        final String name = compile(programAfter("## Pages that nothing tears"));
        for (final Path root : TestDirectories.all().toList()) {
            final Path pages = Files.createTempFile(root, "pages-", "");
            try {
                run(name, pages.toString());
                assertEquals(4 * (16 << 10), Files.size(pages));
            } finally {
                Files.delete(pages);
            }
        }
    }

    @Test
    void theMappedMemoryCompilesAndCountsItsStarts() throws Exception {
        final String name = compile(programAfter("## Mapped memory"));
        final Path counts = directory.resolve("starts");
        for (int start = 1; start <= 3; start++) {
            run(name, counts.toString());
            assertEquals(start, ByteBuffer.wrap(Files.readAllBytes(counts)).getLong(4096));
        }
        assertEquals(8192, Files.size(counts));
    }

    @Test
    void theSwitchForH2CarriesTheDatabaseAndPassesItsTraceBy() throws Exception {
        final String recipe = firstGroup("here the H2 database:\n\n```sh\n(.*?)```", Files.readString(README));
        final String java =
                Path.of(System.getProperty("java.home"), "bin", "java").toString();
        final String command = recipe.strip()
                        .replaceFirst("^java ", java + " --enable-native-access=ALL-UNNAMED ")
                        .replace("writethrough.jar:jna.jar:h2.jar", ChildJvm.testClassPath())
                        .replace("/var/lib/app", directory.toString())
                + " -sql \"set trace_level_file 3; create table t(id int); insert into t values(42); select * from t;"
                + " create alias open_files for '"
                + SharedEngine.class.getName().replace("$", "\\$")
                + ".openFiles'; select open_files()\"";
        assertFalse(command.contains("/var/lib"), command);
        final Process shell = new ProcessBuilder("sh", "-c", command)
                .redirectErrorStream(true)
                .start();
        final String output = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, shell.waitFor(), output);
        assertTrue(output.contains("\n42\n"), output);
        assertNotEquals(0, Files.size(directory.resolve("db.trace.db")));
        assertTrue(output.contains("OPEN_FILES()\n1\n"), output); // db.mv.db
    }

    /** For an alias of H2. */
    public static final class SharedEngine {
        private SharedEngine() {}

        public static long openFiles() {
            return WriteThroughEngine.shared().stats().openFiles();
        }
    }

    private String compile(final String program) throws IOException {
        final String name = firstGroup("class (\\w+)", program);
        final Path source = Files.writeString(directory.resolve(name + ".java"), program);

        final JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        final StringWriter messages = new StringWriter();
        final boolean compiled = compiler.getTask(
                        messages,
                        null,
                        null,
                        List.of("-Xlint:all", "-cp", ChildJvm.testClassPath(), "-d", directory.toString()),
                        null,
                        compiler.getStandardFileManager(null, null, null).getJavaFileObjects(source))
                .call();
        assertTrue(compiled, messages.toString());
        assertEquals("", messages.toString());
        return name;
    }

    private void run(final String name, final String... arguments) throws Exception {
        final ChildJvm.Result result = ChildJvm.of(ReadmeTest.class, arguments)
                .named(name)
                .withClassPath(directory + File.pathSeparator + ChildJvm.testClassPath())
                .in(directory)
                .run();
        assertEquals(0, result.exitCode(), result.output());
    }

    private static String programAfter(final String heading) throws IOException {
        return firstGroup(Pattern.quote(heading) + ".*?```java\n(.*?)```", Files.readString(README));
    }

    private static String firstGroup(final String pattern, final String text) {
        final Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        assertTrue(matcher.find(), "nothing like " + pattern);
        return matcher.group(1);
    }
}
