package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the native library comes into the process. */
class LoadingTest {
    @TempDir
    Path directory;

    static final class Load {
        public static void main(final String[] arguments) {
            if (arguments.length > 0) {
                System.setProperty("jna.tmpdir", arguments[0]);
            }
            for (int i = 0; i < 2; i++) {
                try {
                    System.out.println(WriteThroughEngine.shared().isOpen());
                } catch (final UnsatisfiedLinkError e) {
                    System.out.println(e.getMessage());
                }
            }
        }
    }

    @Test
    void outOfAJarItIsLoadedAndNoCopyIsLeft() throws Exception {
        final Path jar = directory.resolve("writethrough.jar");
        final Path classes = classes();
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (final Path file : filesBelow(classes)) {
                out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
                Files.copy(file, out);
            }
        }
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        final ChildJvm.Result result = ChildJvm.of(Load.class, temporary.toString())
                .withClassPath(classPathWith(jar))
                .run();
        assertEquals("true\ntrue\n", result.output());
        assertEquals(List.of(), filesBelow(temporary));
    }

    @Test
    void withoutALibraryForThePlatformEveryUseSaysSo() throws Exception {
        final String output = ChildJvm.of(Load.class)
                .withClassPath(classPathWith(copyOfClassesWithoutLibrary()))
                .run()
                .output();
        final String expected =
                "writethrough: no native library for " + Platform.RESOURCE_PREFIX + ". It runs on Linux";
        assertEquals(2, output.lines().filter(line -> line.startsWith(expected)).count(), output);
    }

    @Test
    void aLibraryOfAnotherReleaseIsRefused() throws Exception {
        final Path classes = copyOfClassesWithoutLibrary();
        final Path library = classes.resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so");
        final Path source = directory.resolve("other.c");
        Files.writeString(source, "int wt_abi_version(void) { return 99; }\n");
        Files.createDirectories(library.getParent());
        assumeTrue(compile(source, library), "no C compiler");
        final String output = ChildJvm.of(Load.class)
                .withClassPath(classPathWith(classes))
                .run()
                .output();
        assertTrue(output.contains("has ABI version 99, these classes need 3"), output);
    }

    private static boolean compile(final Path source, final Path library) throws InterruptedException {
        try {
            return new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString())
                            .inheritIO()
                            .start()
                            .waitFor()
                    == 0;
        } catch (final IOException e) {
            return false;
        }
    }

    private Path copyOfClassesWithoutLibrary() throws IOException, URISyntaxException {
        final Path copy = directory.resolve("classes");
        for (final Path file : filesBelow(classes())) {
            if (!file.toString().endsWith(".so")) {
                final Path target = copy.resolve(classes().relativize(file));
                Files.createDirectories(target.getParent());
                try (OutputStream out = Files.newOutputStream(target)) {
                    Files.copy(file, out);
                }
            }
        }
        return copy;
    }

    private static List<Path> filesBelow(final Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile).toList();
        }
    }

    /* What was compiled, as a directory: the tests run before there is a jar. */
    private static Path classes() throws URISyntaxException {
        return Path.of(WriteThroughFile.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
    }

    private static String classPathWith(final Path replacement) throws URISyntaxException {
        final String classes = classes().toString();
        return Stream.of(ChildJvm.testClassPath().split(File.pathSeparator))
                .map(entry ->
                        Path.of(entry).toAbsolutePath().toString().equals(classes) ? replacement.toString() : entry)
                .collect(Collectors.joining(File.pathSeparator));
    }
}
