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

/** The first Java program of README.md compiles as printed, without a warning, and runs. */
class ReadmeTest {
    private static final Path README = Path.of("..", "..", "README.md");

    @TempDir
    Path directory;

    @Test
    void theFirstProgramCompilesAndRuns() throws Exception {
        final String program = firstProgram();
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

        final ChildJvm.Result result = ChildJvm.of(ReadmeTest.class)
                .named(name)
                .withClassPath(directory + File.pathSeparator + ChildJvm.testClassPath())
                .in(directory)
                .run();
        assertEquals(0, result.exitCode(), result.output());
    }

    private static String firstProgram() throws IOException {
        return firstGroup("```java\n(.*?)```", Files.readString(README));
    }

    private static String firstGroup(final String pattern, final String text) {
        final Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        assertTrue(matcher.find(), "nothing like " + pattern);
        return matcher.group(1);
    }
}
