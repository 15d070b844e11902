// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Platform;
import io.writethrough.internal.jni.CApi;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.net.URISyntaxException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How the native library comes into the process. */
class LoadingTest {
    private static final int OTHER_USER = 65534;

    @TempDir
    Path directory;

    static final class Load {
        public static void main(final String[] arguments) {
            if (arguments.length > 0) {
                System.setProperty("jna.tmpdir", arguments[0]);
            }
            for (int i = 0; i < 2; i++) {
                try {
                    System.out.println(open());
                } catch (final UnsatisfiedLinkError e) {
                    System.out.println(e.getMessage());
                }
            }
        }
    }

    private static boolean open() {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().backend(Backend.THREADS).build()) {
            return engine.isOpen();
        } catch (final IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Writes and reads on the shared engine. */
    static final class WriteOnShared {
        public static void main(final String[] arguments) throws IOException {
            for (int i = 0; i < 2; i++) {
                try (WriteThroughFile file = WriteThroughFile.open(
                        Path.of(arguments[0]),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
                    file.write(ByteBuffer.allocateDirect(10), 0);
                    System.out.println(file.profile().backend().orElseThrow() + " "
                            + file.read(ByteBuffer.allocateDirect(20), 0) + " "
                            + file.readAsync(ByteBuffer.allocateDirect(20), 0).join());
                }
                try (WriteThroughEngine other = WriteThroughEngine.builder().build()) {
                    System.out.println(other.backend() + " "
                            + StorageProfile.of(Path.of(arguments[0])).writePath());
                }
            }
        }
    }

    private static void assertPortable(final ChildJvm.Result result, final String cause) {
        final String output = result.output();
        assertEquals(2, output.split("(?m)^JDK 10 10$", -1).length - 1, output);
        assertEquals(2, output.split("(?m)^JDK ", -1).length - 3, output);
        assertEquals(2, output.split("The portable engine \\(Backend.JDK\\) carries the I/O", -1).length, output);
        assertTrue(output.contains(cause), output);
    }

    /** As {@link WriteOnShared}, with a handler of log lines that waits for another thread, which uses the shared engine. */
    static final class LogByTheEngine {
        public static void main(final String[] arguments) throws IOException {
            final Logger logger = Logger.getLogger("io.writethrough");
            logger.addHandler(new Handler() {
                @Override
                public void publish(final LogRecord line) {
                    final Thread other = new Thread(() -> System.out.println(
                            "other: " + WriteThroughEngine.shared().backend()));
                    other.setDaemon(true);
                    other.start();
                    try {
                        other.join(20_000);
                    } catch (final InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    System.out.println("waits: " + other.isAlive());
                }

                @Override
                public void flush() {
                    // Nothing is held back.
                }

                @Override
                public void close() {
                    // Nothing is open.
                }
            });
            WriteOnShared.main(arguments);
            System.out.println("logger: " + logger.getName());
        }
    }

    @Test
    void aLoggerMayUseTheEngineThatItTellsOf() throws Exception {
        final String output = ChildJvm.of(
                        LogByTheEngine.class, directory.resolve("file").toString())
                .withClassPath(classPathWith(copyOfClassesWithoutLibrary()))
                .run()
                .output();
        assertTrue(output.contains("other: JDK\n") && output.contains("waits: false\n"), output);
    }

    @Test
    void withoutALibraryForThePlatformThePortableEngineWritesAndOneLineSaysWhy() throws Exception {
        assertPortable(
                ChildJvm.of(WriteOnShared.class, directory.resolve("file").toString())
                        .withClassPath(classPathWith(copyOfClassesWithoutLibrary()))
                        .run(),
                "no native library for " + Platform.RESOURCE_PREFIX);
    }

    @Test
    void whereTheSystemRefusesWhatTheLibraryNeedsThePortableEngineWritesAndOneLineSaysWhy() throws Exception {
        Strace.assumeThatItWorksHere();
        assertPortable(
                ChildJvm.of(WriteOnShared.class, directory.resolve("file").toString())
                        .under(
                                "strace",
                                "-f",
                                "-qq",
                                "-o",
                                directory.resolve("trace").toString(),
                                "-e",
                                "trace=flock",
                                "-e",
                                "inject=flock:error=EPERM")
                        .run(),
                "EPERM");
    }

    @Test
    void outOfAJarItIsLoadedAndNoCopyIsLeft() throws Exception {
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        assertEquals("true\ntrue\n", load(jarWith(null), temporary));
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

    static final class Available {
        public static void main(final String[] arguments) {
            System.out.println(WriteThroughEngine.isAvailable() + " " + WriteThroughEngine.unavailabilityCause());
        }
    }

    @Test
    void whereAnEngineCanBeOpenedItIsAvailable() throws Exception {
        assertEquals("true null\n", ChildJvm.of(Available.class).run().output());
        assertTrue(WriteThroughEngine.isAvailable());
    }

    @Test
    void withoutALibraryForThePlatformNoneIsAvailable() throws Exception {
        final String output = ChildJvm.of(Available.class)
                .withClassPath(classPathWith(copyOfClassesWithoutLibrary()))
                .run()
                .output();
        assertTrue(
                output.startsWith("false java.lang.UnsatisfiedLinkError: writethrough: no native library for "),
                output);
    }

    @Test
    void whereTheSystemRefusesWhatAnEngineNeedsNoneIsAvailable() throws Exception {
        Strace.assumeThatItWorksHere();
        final String output = ChildJvm.of(Available.class)
                .under(
                        "strace",
                        "-f",
                        "-qq",
                        "-o",
                        directory.resolve("trace").toString(),
                        "-e",
                        "trace=fdatasync",
                        "-e",
                        "inject=fdatasync:error=EPERM")
                .run()
                .output();
        assertTrue(output.startsWith("false io.writethrough.WriteThroughException: open of an engine"), output);
        assertTrue(output.contains("EPERM"), output);
    }

    @Test
    void aLibraryOfAnotherReleaseIsRefused() throws Exception {
        final Path classes = copyOfClassesWithoutLibrary();
        final Path library = classes.resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so");
        final Path source = directory.resolve("other.c");
        Files.writeString(
                source, "int Java_io_writethrough_internal_load_NativeLibraries_abiVersion(void) { return 99; }\n");
        Files.createDirectories(library.getParent());
        assumeTrue(compile(source, library), "no C compiler");
        writeChecksum(library);
        final String output = ChildJvm.of(Load.class)
                .withClassPath(classPathWith(classes))
                .run()
                .output();
        assertTrue(
                output.startsWith(
                        "writethrough: the native library has ABI version 99, these classes need " + CApi.ABI_VERSION),
                output);
    }

    private static void writeChecksum(final Path library) throws Exception {
        final CRC32 checksum = new CRC32();
        checksum.update(Files.readAllBytes(library));
        Files.writeString(checksumOf(library), Long.toHexString(checksum.getValue()) + "\n");
    }

    private static Path checksumOf(final Path library) {
        return library.resolveSibling(library.getFileName() + ".crc32");
    }

    /** A jar of what was compiled, in which the library may be another. */
    private Path jarWith(final byte[] libraryBytes) throws Exception {
        final Path jar = directory.resolve("writethrough.jar");
        final Path classes = classes();
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar))) {
            for (final Path file : filesBelow(classes)) {
                out.putNextEntry(new JarEntry(classes.relativize(file).toString()));
                if (libraryBytes != null && file.toString().endsWith(".so")) {
                    out.write(libraryBytes);
                } else {
                    Files.copy(file, out);
                }
            }
        }
        return jar;
    }

    private String load(final Path classesOrJar, final Path temporary) throws Exception {
        return ChildJvm.of(Load.class, temporary.toString())
                .withClassPath(classPathWith(classesOrJar))
                .run()
                .output();
    }

    @Test
    void aLibraryThatWasChangedIsNotLoaded() throws Exception {
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        final byte[] changed =
                Files.readAllBytes(classes().resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so"));
        changed[changed.length / 2] ^= 1;
        final String output = load(jarWith(changed), temporary);
        assertTrue(output.contains("it was damaged or changed"), output);
        assertTrue(output.contains("has the CRC-32 checksum"), output);
        assertEquals(List.of(), filesBelow(temporary));
    }

    @Test
    void nothingIsLoadedFromWhereEverybodyMayWrite() throws Exception {
        final Path open = Files.createDirectory(directory.resolve("open"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        final Path below = Files.createDirectory(open.resolve("below"));
        for (final Path temporary : new Path[] {open, below}) {
            final String output = load(jarWith(null), temporary);
            assertTrue(output.contains("everybody may write to " + open.toRealPath()), output);
            assertTrue(output.contains("-Djna.tmpdir"), output);
        }
        Files.setAttribute(open, "unix:mode", 01777);
        assertEquals("true\ntrue\n", load(jarWith(null), open)); // as /tmp is: nobody can replace what is in it
    }

    @Test
    void nothingIsLoadedFromWhereAGroupMayWrite() throws Exception {
        final Path open = Files.createDirectory(directory.resolve("open"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxr-x"));
        final Path below = Files.createDirectory(open.resolve("below"));
        for (final Path temporary : new Path[] {open, below}) {
            final String output = load(jarWith(null), temporary);
            assertTrue(output.contains("its group may write to " + open.toRealPath()), output);
        }
    }

    @Test
    void nothingIsLoadedFromADirectoryOfAnotherUser() throws Exception {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "not root");
        final Path foreign = Files.createDirectory(directory.resolve("foreign"));
        final Path below = Files.createDirectory(foreign.resolve("below"));
        Files.setAttribute(foreign, "unix:uid", OTHER_USER);
        for (final Path temporary : new Path[] {foreign, below}) {
            final String output = load(jarWith(null), temporary);
            assertTrue(output.contains("the user " + OTHER_USER + " owns " + foreign.toRealPath()), output);
        }
        Files.setAttribute(foreign, "unix:mode", 01777); // its owner can exchange what is in it all the same
        assertTrue(load(jarWith(null), foreign).contains("the user " + OTHER_USER + " owns"));
        if (!hasMemoryFiles()) {
            final String output = loadWith(jarWith(null), foreign, foreign);
            assertTrue(output.contains("the user " + OTHER_USER + " owns " + foreign.toRealPath()), output);
        }
    }

    @Test
    void aLibraryOfAnotherUserInADirectoryOfClassesIsCopied() throws Exception {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "not root");
        final Path classes = copyOfClassesWithoutLibrary();
        final Path library = classes.resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so");
        Files.copy(classes().resolve(classes.relativize(library)), library);
        Files.setAttribute(library, "unix:uid", OTHER_USER);
        final Path foreign = Files.createDirectory(directory.resolve("foreign"));
        Files.setAttribute(foreign, "unix:uid", OTHER_USER);
        assertEquals("true\ntrue\n", load(classes, Files.createDirectory(directory.resolve("own"))));
        assertTrue(load(classes, foreign).contains("owns"));
    }

    @Test
    void nothingIsLeftInTheHomeOrAmongTemporaryFiles() throws Exception {
        final Path home = Files.createDirectory(directory.resolve("home"));
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        assertEquals("true\ntrue\n", loadWith(jarWith(null), temporary, home));
        assertEquals("true\ntrue\n", loadWith(classes(), temporary, home));
        try (Stream<Path> all = Files.list(home)) {
            assertEquals(List.of(), all.toList());
        }
        assertEquals(List.of(), filesBelow(temporary));
    }

    @Test
    void aDirectoryForTemporaryFilesThatIsNotThereIsNamedAndTheCacheOfTheUserTaken() throws Exception {
        final Path missing = directory.resolve("missing");
        final Path home = Files.createDirectory(directory.resolve("home"));
        final String loaded = loadWith(jarWith(null), missing, home);
        assertTrue(loaded.endsWith("true\ntrue\n"), loaded);
        Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxrwxrwx"));
        final String refused = loadWith(jarWith(null), missing, home);
        if (hasMemoryFiles()) {
            assertTrue(refused.endsWith("true\ntrue\n"), refused); // behind a warning of the JVM's
            return;
        }
        assertTrue(refused.contains("java.io.tmpdir names " + missing + ", which does not exist"), refused);
        assertTrue(refused.contains("everybody may write to " + home), refused);
        assertFalse(refused.contains("glibc"), refused);
    }

    @Test
    void aFileSystemThatIsMountedNoexecIsNamed() throws Exception {
        final Path noexec = Files.createDirectory(directory.resolve("noexec"));
        final ChildJvm.Result result = ChildJvm.of(Load.class, noexec.toString())
                .withClassPath(classPathWith(jarWith(null)))
                .under(
                        "unshare",
                        "-m",
                        "sh",
                        "-c",
                        "mount -t tmpfs -o noexec none " + noexec + " || exit 77; exec \"$@\"",
                        "sh")
                .run();
        assumeTrue(result.exitCode() != 77 && !result.output().startsWith("unshare"), "nothing can be mounted here");
        assertTrue(result.output().contains("the file system of " + noexec + " is mounted noexec"), result.output());
        assertTrue(result.output().contains("-Djna.tmpdir=DIRECTORY"), result.output());
        assertTrue(result.output().contains("-Dio.writethrough.library=FILE"), result.output());
        assertFalse(result.output().contains("glibc"), result.output());
    }

    private ChildJvm.Result runWhereNoDirectoryMayHavePrograms(final Class<?> main) throws Exception {
        final Path noexec = Files.createDirectory(directory.resolve("noexec"));
        final ChildJvm.Result result = ChildJvm.of(main)
                .withClassPath(classPathWith(jarWith(null)))
                .withOption("-Djava.io.tmpdir=" + noexec)
                .withOption("-Duser.home=" + noexec)
                .under(
                        "unshare",
                        "-m",
                        "sh",
                        "-c",
                        "mount -t tmpfs -o noexec none " + noexec + " || exit 77; unset XDG_CACHE_HOME; exec \"$@\"",
                        "sh")
                .run();
        assumeTrue(result.exitCode() != 77 && !result.output().startsWith("unshare"), "nothing can be mounted here");
        return result;
    }

    @Test
    void whereNoDirectoryMayHaveProgramsTheLibraryIsLoadedFromMemory() throws Exception {
        final ChildJvm.Result result = runWhereNoDirectoryMayHavePrograms(Load.class);
        if (hasMemoryFiles()) {
            assertEquals("true\ntrue\n", result.output());
        } else {
            assertTrue(result.output().contains("before JDK 22 nothing is loaded from memory"), result.output());
            assertTrue(result.output().contains("-Dio.writethrough.library=FILE"), result.output());
        }
    }

    /** Loads the library twice, each time for a class loader of its own, as two web applications would. */
    static final class LoadTwice {
        public static void main(final String[] arguments) throws Exception {
            final List<URL> urls = new ArrayList<>();
            for (final String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
                urls.add(Path.of(entry).toUri().toURL());
            }
            for (int i = 0; i < 2; i++) {
                final ClassLoader loader =
                        new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
                final Method main = loader.loadClass(Load.class.getName()).getDeclaredMethod("main", String[].class);
                main.setAccessible(true);
                main.invoke(null, (Object) new String[0]);
            }
        }
    }

    @Test
    void eachClassLoaderLoadsTheFileThatAPropertyNames() throws Exception {
        final Path library = directory.resolve("of-the-image.so");
        Files.copy(classes().resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so"), library);
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        final String output = ChildJvm.of(LoadTwice.class)
                .withClassPath(classPathWith(jarWith(null)))
                .withOption("-Djava.io.tmpdir=" + temporary)
                .withOption("-Dio.writethrough.library=" + library)
                .run()
                .output();
        assertEquals("true\n".repeat(4), output);
        assertEquals(List.of(), filesBelow(temporary));
    }

    @Test
    void eachClassLoaderLoadsTheLibraryFromMemory() throws Exception {
        final ChildJvm.Result result = runWhereNoDirectoryMayHavePrograms(LoadTwice.class);
        if (hasMemoryFiles()) {
            assertEquals("true\n".repeat(4), result.output());
        } else {
            assertTrue(result.output().contains("before JDK 22 nothing is loaded from memory"), result.output());
        }
    }

    private static boolean hasMemoryFiles() {
        return Runtime.version().feature() >= 22;
    }

    @Test
    void theFileThatAPropertyNamesIsLoadedAndNoDirectoryNeeded() throws Exception {
        final Path library = directory.resolve("of-the-image.so");
        Files.copy(classes().resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so"), library);
        final Path missing = directory.resolve("missing");
        final ChildJvm load = ChildJvm.of(Load.class)
                .withClassPath(classPathWith(jarWith(null)))
                .withOption("-Djava.io.tmpdir=" + missing)
                .withOption("-Duser.home=" + missing);
        final ChildJvm named = load.withOption("-Dio.writethrough.library=" + library);
        final String loaded = named.run().output();
        assertTrue(loaded.endsWith("true\ntrue\n"), loaded); // behind a warning of the JVM's
        assertFalse(Files.exists(missing));

        Files.setPosixFilePermissions(library, PosixFilePermissions.fromString("rw-rw-rw-"));
        assertTrue(named.run().output().contains("everybody may write to " + library.toRealPath()));
        Files.setPosixFilePermissions(library, PosixFilePermissions.fromString("rw-r--r--"));
        Files.write(library, new byte[] {0}, StandardOpenOption.APPEND);
        assertTrue(named.run().output().contains("or is of another release"));
        Files.delete(library);
        assertTrue(named.run().output().contains("io.writethrough.library names " + library + ", which is no file"));
    }

    /* Without -Djna.tmpdir. */
    private String loadWith(final Path classesOrJar, final Path temporary, final Path home) throws Exception {
        return ChildJvm.of(Load.class)
                .withClassPath(classPathWith(classesOrJar))
                .withOption("-Djava.io.tmpdir=" + temporary)
                .withOption("-Duser.home=" + home)
                .under("env", "-u", "XDG_CACHE_HOME")
                .run()
                .output();
    }

    @Test
    void aLibraryInADirectoryOfClassesThatEverybodyMayWriteToIsCopied() throws Exception {
        final Path classes = copyOfClassesWithoutLibrary();
        final Path library = classes.resolve(Platform.RESOURCE_PREFIX).resolve("libwritethrough.so");
        Files.copy(classes().resolve(classes.relativize(library)), library);
        Files.setPosixFilePermissions(library.getParent(), PosixFilePermissions.fromString("rwxrwxrwx"));
        final Path strict = Files.createDirectory(directory.resolve("strict"));
        assertEquals("true\ntrue\n", load(classes, strict));
        Files.writeString(checksumOf(library), "no checksum");
        assertTrue(load(classes, strict).contains("holds no CRC-32 checksum"));
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
