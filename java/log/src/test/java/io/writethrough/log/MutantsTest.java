// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.StringWriter;
import java.lang.annotation.Annotation;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;

/**
 * Deliberate faults of the log. The file {@code mutants} beside this class has them: for each some edits of the sources, and the
 * test that must fail with them, which passes without. The edited sources are compiled, and the test runs with these classes in
 * place of the log's, by a class loader of its own.
 */
class MutantsTest {
    private static final Path SOURCES = Path.of("src/main/java/io/writethrough/log");
    private static final int MOST_SECONDS = 60;

    private static final JavaCompiler COMPILER = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler());
    private static final StandardJavaFileManager COMPILED_WITH =
            COMPILER.getStandardFileManager(null, Locale.ROOT, UTF_8);

    private Path directory;

    /** In place of some lines that a source has once others. */
    private record Edit(String source, List<String> before, List<String> after) {}

    private record Mutant(String name, String test, List<Edit> edits) {
        @Override
        public String toString() {
            return name;
        }
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    static Collection<Mutant> mutants() throws IOException {
        final Map<String, Mutant> mutants = new LinkedHashMap<>();
        Mutant mutant = new Mutant("", "", List.of());
        Edit edit = new Edit("", List.of(), List.of());
        try (InputStream stored = MutantsTest.class.getResourceAsStream("mutants");
                BufferedReader lines =
                        new BufferedReader(new InputStreamReader(Objects.requireNonNull(stored), UTF_8))) {
            for (String line; (line = lines.readLine()) != null; ) {
                final String[] words = line.split(" +");
                switch (words[0]) {
                    case "mutant" -> {
                        mutant = new Mutant(words[1], words[2], new ArrayList<>());
                        assertNull(mutants.put(words[1], mutant), words[1] + " is there twice");
                    }
                    case "in" -> {
                        edit = new Edit(words[1], new ArrayList<>(), new ArrayList<>());
                        mutant.edits.add(edit);
                    }
                    case "-" -> edit.before.add(line.substring(1).strip());
                    case "+" -> edit.after.add(line.substring(1).strip());
                    case "", "#" -> {}
                    default -> fail("no line of the list of mutants: " + line);
                }
            }
        }
        return mutants.values();
    }

    /* The first of each class: all tests pass by themselves, and here one of each shows that they are run as they should be. */
    static Collection<String> tests() throws IOException {
        final Map<String, String> tests = new LinkedHashMap<>();
        mutants().forEach(mutant -> tests.putIfAbsent(mutant.test.split("\\.")[0], mutant.test));
        return tests.values();
    }

    @ParameterizedTest
    @MethodSource("tests")
    void withoutAMutantATestPasses(final String test) throws Exception {
        final Throwable failure = failureOf(test);
        if (failure != null) {
            throw new AssertionError(test + " fails as it is run here", failure);
        }
    }

    @ParameterizedTest
    @MethodSource("mutants")
    void eachMutantIsFoundByItsTest(final Mutant mutant) throws Exception {
        compile(mutant);
        final Throwable failure = failureOf(mutant.test);
        assertTrue(failure != null, mutant + " survives " + mutant.test);
        assertTrue(!(failure instanceof LinkageError), "the test did not run: " + failure);
        System.out.println(
                mutant + " is found: " + failure.toString().lines().findFirst().orElse(""));
    }

    /* So that no edit is of a line that some other part of the log happens to have, too. */
    @Test
    void anEditOfLinesThatASourceHasTwiceIsRefused() {
        final List<String> lines = List.of("a", "b", "a");
        assertEquals(List.of("a", "c", "a"), edited(lines, new Edit("X", List.of("b"), List.of("c"))));
        for (final String none : List.of("a", "d")) {
            final Edit edit = new Edit("X", List.of(none), List.of());
            final AssertionError e = assertThrows(AssertionError.class, () -> edited(lines, edit));
            assertTrue(
                    String.valueOf(e.getMessage()).contains("X.java has " + (none.equals("a") ? 2 : 0)), e.toString());
        }
    }

    // ---- the classes ----

    private static List<String> edited(final List<String> lines, final Edit edit) {
        final List<String> stripped = lines.stream().map(String::strip).toList();
        final int length = edit.before.size();
        int at = -1;
        int count = 0;
        for (int i = 0; i + length <= stripped.size(); i++) {
            if (stripped.subList(i, i + length).equals(edit.before)) {
                at = i;
                count++;
            }
        }
        if (count != 1) {
            fail(edit.source + ".java has " + count + " places with these lines, and a mutant edits one: "
                    + String.join("\n", edit.before) + "\nMend the list of mutants");
        }
        final List<String> edited = new ArrayList<>(lines.subList(0, at));
        edited.addAll(edit.after);
        edited.addAll(lines.subList(at + length, lines.size()));
        return edited;
    }

    private void compile(final Mutant mutant) throws IOException {
        final Map<Path, List<String>> sources = new TreeMap<>();
        for (final Edit edit : mutant.edits) {
            final Path source = directory.resolve(edit.source + ".java");
            final List<String> lines = sources.get(source);
            sources.put(
                    source,
                    edited(lines != null ? lines : Files.readAllLines(SOURCES.resolve(source.getFileName())), edit));
        }
        for (final Map.Entry<Path, List<String>> source : sources.entrySet()) {
            Files.write(source.getKey(), source.getValue());
        }
        final StringWriter messages = new StringWriter();
        final boolean compiled = COMPILER.getTask(
                        messages,
                        COMPILED_WITH,
                        null,
                        List.of("-proc:none", "-nowarn", "-d", directory.toString(), "-cp", classPath()),
                        null,
                        COMPILED_WITH.getJavaFileObjectsFromPaths(sources.keySet()))
                .call();
        assertTrue(compiled, mutant + " cannot be compiled:\n" + messages);
    }

    private static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    private static URL placeOf(final Class<?> type) {
        return type.getProtectionDomain().getCodeSource().getLocation();
    }

    /** Has the log and its tests for itself, and finds edited classes first. All else is everyone's. */
    private static final class Loader extends URLClassLoader {
        Loader(final Path edited) throws IOException {
            super(
                    new URL[] {edited.toUri().toURL(), placeOf(DurableLog.class), placeOf(MutantsTest.class)},
                    MutantsTest.class.getClassLoader());
            setDefaultAssertionStatus(true);
        }

        @Override
        protected Class<?> loadClass(final String name, final boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith(MutantsTest.class.getPackageName() + ".")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                final Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }
    }

    // ---- the tests ----

    /* Null: the test passes. A test that hangs has failed too. */
    private @Nullable Throwable failureOf(final String test) throws Exception {
        final String[] names = test.split("\\.");
        try (Loader loader = new Loader(directory)) {
            final FutureTask<@Nullable Throwable> task = new FutureTask<>(
                    () -> run(loader.loadClass(MutantsTest.class.getPackageName() + "." + names[0]), names[1]));
            final Thread thread = new Thread(task, test);
            thread.setDaemon(true);
            thread.start();
            return task.get(MOST_SECONDS, TimeUnit.SECONDS);
        } catch (final TimeoutException e) {
            return e;
        }
    }

    /* As JUnit would: what comes before each test, the test, and what comes after each. A parameter is a seed, 0. */
    private static @Nullable Throwable run(final Class<?> type, final String name) throws ReflectiveOperationException {
        final Object object = makeAccessible(type.getDeclaredConstructor()).newInstance();
        final Method test = Stream.of(type.getDeclaredMethods())
                .filter(method -> method.getName().equals(name))
                .findFirst()
                .orElseThrow(() -> new NoSuchMethodException(type + "." + name));
        final Object[] arguments = test.getParameterCount() == 0 ? new Object[0] : new Object[] {0L};
        @Nullable Throwable failure = null;
        try {
            for (final Method method : methods(type, BeforeEach.class)) {
                method.invoke(object);
            }
            makeAccessible(test).invoke(object, arguments);
        } catch (final InvocationTargetException e) {
            failure = e.getCause();
        }
        for (final Method method : methods(type, AfterEach.class)) {
            try {
                method.invoke(object);
            } catch (final InvocationTargetException e) {
                failure = failure == null ? e.getCause() : failure;
            }
        }
        if (failure instanceof TestAbortedException) {
            throw new IllegalStateException(name + " is skipped here, so it finds no mutant", failure);
        }
        return failure;
    }

    private static List<Method> methods(final Class<?> type, final Class<? extends Annotation> annotation) {
        final List<Method> methods = new ArrayList<>();
        for (Class<?> at = type; at != Object.class; at = at.getSuperclass()) {
            for (final Method method : at.getDeclaredMethods()) {
                if (method.isAnnotationPresent(annotation)) {
                    methods.add(makeAccessible(method));
                }
            }
        }
        return methods;
    }

    private static <T extends AccessibleObject> T makeAccessible(final T member) {
        member.setAccessible(true);
        return member;
    }
}
