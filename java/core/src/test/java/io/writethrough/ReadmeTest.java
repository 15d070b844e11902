package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java programs of README.md compile as printed, without a warning, and run. */
class ReadmeTest {
    private static final Path README = Path.of("..", "..", "README.md");

    @TempDir
    Path directory;

    @Test
    void theFirstProgramCompilesAndRuns() throws Exception {
        run(compile(programAfter("## A first program")));
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
