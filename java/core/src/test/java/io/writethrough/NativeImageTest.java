// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/**
 * The metadata for GraalVM's native-image, beside what the code asks for by reflection, by JNI, as a resource and as a service.
 * It was not tried by an image: that is for a machine that has GraalVM.
 */
class NativeImageTest {
    private static final Path MODULES = Path.of("..");

    /* The agent changes classes as they are loaded, and an image loads none. */
    private static final Set<String> WITHOUT_IMAGE = Set.of("agent", "systems", "bom");

    /* What looks something up by a name that the analysis of an image may not know. */
    private static final Set<String> LOOK_UPS = Set.of(
            "forName",
            "getField",
            "getDeclaredField",
            "getMethod",
            "getDeclaredMethod",
            "getConstructor",
            "getDeclaredConstructor",
            "findVirtual",
            "findStatic",
            "findSpecial",
            "findConstructor",
            "findVarHandle",
            "findStaticVarHandle",
            "findGetter",
            "findStaticGetter",
            "findSetter",
            "newProxyInstance",
            "newInstance",
            "getResource",
            "getResourceAsStream");

    /* Look-ups without a literal for a name: what they ask for. Nothing: that is the program's to name. */
    private static final Map<String, List<String>> BY_A_VARIABLE = Map.ofEntries(
            Map.entry("Segments.getConstructor", List.of("io.writethrough.internal.file.SegmentsOfJdk22.<init>")),
            Map.entry("ChannelThreads.forName", List.of()),
            Map.entry("ChannelThreads.getConstructor", List.of()),
            Map.entry(
                    "BufferMemory.getDeclaredField",
                    List.of("java.nio.Buffer.segment", "java.nio.MappedByteBuffer.fd")),
            Map.entry(
                    "MemorySegments.getMethod",
                    List.of("java.lang.foreign.Arena.ofAuto", "java.lang.foreign.Arena.global")),
            Map.entry(
                    "MemoryFile.newInstance",
                    List.of("java.lang.foreign.MemoryLayout[]", "java.lang.foreign.Linker$Option[]")),
            Map.entry("EngineBean.getMethod", List.of("io.writethrough.EngineStats.allPublicMethods")),
            Map.entry("EngineCounters.getConstructor", List.of("io.writethrough.EngineStats.allPublicConstructors")),
            Map.entry("EngineBean.newProxyInstance", List.of("proxy io.writethrough.WriteThroughEngineMXBean")),
            Map.entry("LogBean.getMethod", List.of("io.writethrough.log.LogStats.allPublicMethods")),
            Map.entry("LogBean.newProxyInstance", List.of("proxy io.writethrough.log.DurableLogMXBean")),
            Map.entry(
                    "SizedAttributes.newProxyInstance",
                    List.of(
                            "proxy java.nio.file.attribute.BasicFileAttributeView",
                            "proxy java.nio.file.attribute.DosFileAttributeView",
                            "proxy java.nio.file.attribute.PosixFileAttributeView")),
            Map.entry(
                    "WriteThroughFileChannel.findConstructor",
                    List.of("io.writethrough.internal.channel.FileChannelOfJdk22.<init>")));

    /* What others ask for: JMX of its interfaces, the JVM of a default file system, H2 of a path. */
    private static final Set<String> OF_OTHERS = Set.of(
            "io.writethrough.WriteThroughEngineMXBean.allPublicMethods",
            "io.writethrough.WriteThroughCoverageMXBean.allPublicMethods",
            "io.writethrough.log.DurableLogMXBean.allPublicMethods",
            "io.writethrough.HistogramSummary.allPublicMethods",
            "io.writethrough.WriteThroughFileSystemProvider.<init>",
            "io.writethrough.h2.FilePathWriteThrough.<init>");

    @Test
    void whatTheCodeLooksUpIsInTheMetadataAndNothingElse() throws IOException {
        for (final Path module : modules()) {
            final Set<String> elements = new TreeSet<>();
            for (final JsonNode entry : metadataOf(module).path("reflection")) {
                elements.addAll(elementsOf(entry));
            }
            final Set<String> asked = new TreeSet<>(servicesOf(module));
            for (final String element : elements) {
                if (OF_OTHERS.contains(element)) {
                    asked.add(element);
                }
            }
            final List<String> missing = new ArrayList<>();
            for (final String lookUp : lookUpsOf(module)) {
                require(lookUp, elements, asked, missing);
            }
            if (module.endsWith("core")) {
                for (final String lookUp : lookUpsOfJni()) {
                    require(lookUp, elements, asked, missing);
                }
            }
            assertEquals(List.of(), missing, module.toString());
            elements.removeAll(asked);
            assertEquals(Set.of(), elements, "nobody asks for it in " + module);
        }
    }

    /* A look-up is a name: of an element, of a class, or of a member of any class. */
    private static void require(
            final String lookUp, final Set<String> elements, final Set<String> asked, final List<String> missing) {
        final List<String> found = elements.stream()
                .filter(element -> element.equals(lookUp) || lookUp.startsWith(".") && element.endsWith(lookUp))
                .toList();
        if (found.isEmpty()) {
            missing.add(lookUp);
        }
        asked.addAll(found);
    }

    @Test
    void eachElementIsThereAndIsOpenToJniWhereJniAsks() throws Exception {
        for (final Path module : modules()) {
            if (module.endsWith("h2") || module.endsWith("log")) {
                continue; // not on this class path; their tests use what is named there
            }
            for (final JsonNode entry : metadataOf(module).path("reflection")) {
                if (entry.get("type").isTextual() && isOfThisJdk(entry)) {
                    checkMembers(typeOf(entry.get("type").asText()), entry);
                }
            }
        }
        final Set<String> open = new TreeSet<>();
        for (final JsonNode entry : metadataOf(MODULES.resolve("core")).path("reflection")) {
            if (entry.path("jniAccessible").asBoolean()) {
                open.addAll(elementsOf(entry));
            }
        }
        final List<String> missing = new ArrayList<>();
        for (final String lookUp : lookUpsOfJni()) {
            require(lookUp, open, new TreeSet<>(), missing);
        }
        assertEquals(List.of(), missing);
    }

    @Test
    void theLibraryAndTheServicesAreResourcesOfTheImage() throws IOException {
        for (final Path module : modules()) {
            final List<String> globs = new ArrayList<>();
            metadataOf(module)
                    .path("resources")
                    .forEach(each -> globs.add(each.get("glob").asText()));
            final List<String> resources = new ArrayList<>();
            final Path own = module.resolve("src/main/resources");
            if (Files.isDirectory(own)) {
                try (Stream<Path> files = Files.walk(own)) {
                    files.filter(file -> Files.isRegularFile(file)
                                    && !file.toString().contains("native-image"))
                            .forEach(file -> resources.add(own.relativize(file).toString()));
                }
            }
            if (module.endsWith("core")) {
                for (final String platform : List.of("x86-64", "aarch64", "x86-64-musl", "aarch64-musl")) {
                    resources.add("linux-" + platform + "/libwritethrough.so");
                    resources.add("linux-" + platform + "/libwritethrough.so.crc32");
                }
                assertNotNull(WriteThroughFile.class.getResource("/" + resources.get(resources.size() - 8)));
            }
            for (final String resource : resources) {
                assertTrue(
                        globs.stream()
                                .anyMatch(glob -> FileSystems.getDefault()
                                        .getPathMatcher("glob:" + glob)
                                        .matches(Path.of(resource))),
                        resource + " of " + module);
            }
        }
    }

    // ---- what is in the metadata ----

    private static JsonNode metadataOf(final Path module) throws IOException {
        final String name = module.getFileName().toString();
        final Path file = module.resolve("src/main/resources/META-INF/native-image/io.writethrough/writethrough"
                + (name.equals("core") ? "" : "-" + name) + "/reachability-metadata.json");
        return Files.exists(file) ? new ObjectMapper().readTree(file.toFile()) : new ObjectMapper().createObjectNode();
    }

    /* TYPE and TYPE.MEMBER for each member, or "proxy INTERFACE". */
    private static List<String> elementsOf(final JsonNode entry) {
        final JsonNode type = entry.get("type");
        if (!type.isTextual()) {
            return List.of("proxy " + type.get("proxy").get(0).asText());
        }
        final List<String> elements = new ArrayList<>();
        for (final String kind : List.of("methods", "fields")) {
            entry.path(kind)
                    .forEach(member -> elements.add(
                            type.asText() + "." + member.get("name").asText()));
        }
        entry.fieldNames().forEachRemaining(name -> {
            if (name.startsWith("all")) {
                elements.add(type.asText() + "." + name);
            }
        });
        if (elements.isEmpty() || entry.path("jniAccessible").asBoolean() || isLookedUpByItsName(type.asText())) {
            elements.add(type.asText());
        }
        return elements;
    }

    private static boolean isLookedUpByItsName(final String type) {
        return type.startsWith("java.lang.foreign.")
                || type.startsWith("jdk.internal.foreign.")
                || type.endsWith("OfJdk22");
    }

    private static boolean isOfThisJdk(final JsonNode entry) {
        final String reason = entry.get("reason").asText();
        final Matcher since = Pattern.compile("from JDK (\\d+) on").matcher(reason);
        final boolean foreign = entry.get("type").asText().startsWith("java.lang.foreign.");
        final int first = since.find() ? Integer.parseInt(since.group(1)) : foreign ? 22 : 17;
        return Runtime.version().feature() >= first;
    }

    private static Class<?> typeOf(final String name) throws ClassNotFoundException {
        return switch (name) {
            case "int" -> int.class;
            case "long" -> long.class;
            default ->
                name.endsWith("[]")
                        ? typeOf(name.substring(0, name.length() - 2)).arrayType()
                        : Class.forName(name, false, NativeImageTest.class.getClassLoader());
        };
    }

    private static void checkMembers(final Class<?> type, final JsonNode entry) throws Exception {
        for (final JsonNode method : entry.path("methods")) {
            final String name = method.get("name").asText();
            final List<Class<?>> parameters = new ArrayList<>();
            for (final JsonNode parameter : method.path("parameterTypes")) {
                parameters.add(typeOf(parameter.asText()));
            }
            final Executable[] all = name.equals("<init>") ? type.getDeclaredConstructors() : type.getMethods();
            assertTrue(
                    Arrays.stream(all)
                            .anyMatch(each -> (name.equals("<init>")
                                            || each.getName().equals(name))
                                    && Arrays.asList(each.getParameterTypes()).equals(parameters)),
                    type + " has no " + method);
        }
        for (final JsonNode field : entry.path("fields")) {
            final Field[] fields = type.getDeclaredFields();
            assertTrue(
                    // The JDK hides some of its fields, such as AccessibleObject.override, from reflection.
                    entry.path("jniAccessible").asBoolean()
                            || Arrays.stream(fields)
                                    .anyMatch(each -> each.getName()
                                            .equals(field.get("name").asText())),
                    type + " has no " + field);
        }
    }

    // ---- what the code asks for ----

    /* Those that are published and may be in an image. */
    private static List<Path> modules() throws IOException {
        try (Stream<Path> all = Files.list(MODULES)) {
            final List<Path> modules = all.filter(module -> Files.isDirectory(module.resolve("src/main/java"))
                            && !WITHOUT_IMAGE.contains(module.getFileName().toString()))
                    .sorted()
                    .toList();
            assertTrue(modules.size() >= 8, modules.toString());
            return modules;
        }
    }

    private static List<String> servicesOf(final Path module) throws IOException {
        final Path services = module.resolve("src/main/resources/META-INF/services");
        if (!Files.isDirectory(services)) {
            return List.of();
        }
        final List<String> providers = new ArrayList<>();
        try (Stream<Path> files = Files.list(services)) {
            for (final Path file : files.toList()) {
                Files.readAllLines(file).forEach(line -> providers.add(line + ".<init>"));
            }
        }
        return providers;
    }

    private static List<String> lookUpsOf(final Path module) throws IOException {
        final List<Path> sources;
        try (Stream<Path> files = Files.walk(module.resolve("src/main"))) {
            sources = files.filter(file -> file.toString().endsWith(".java")
                            && !file.endsWith("module-info.java")
                            && !file.toString().contains("stubs"))
                    .toList();
        }
        assertFalse(sources.isEmpty());
        final var compiler = ToolProvider.getSystemJavaCompiler();
        final var files = compiler.getStandardFileManager(null, null, null);
        final JavacTask task = (JavacTask) compiler.getTask(
                null, files, null, List.of("-proc:none"), null, files.getJavaFileObjectsFromPaths(sources));
        final List<String> lookUps = new ArrayList<>();
        for (final CompilationUnitTree source : task.parse()) {
            final String file =
                    Path.of(source.getSourceFile().getName()).getFileName().toString();
            new LookUps(file.replace(".java", ""), lookUps).scan(source, null);
        }
        return lookUps;
    }

    private static final class LookUps extends TreeScanner<Void, Void> {
        private final String file;
        private final List<String> names;

        LookUps(final String file, final List<String> names) {
            this.file = file;
            this.names = names;
        }

        @Override
        public Void visitMethodInvocation(final MethodInvocationTree call, final Void unused) {
            if (call.getMethodSelect() instanceof MemberSelectTree select
                    && LOOK_UPS.contains(select.getIdentifier().toString())
                    // That of a constructor is no look-up.
                    && (!select.getIdentifier().contentEquals("newInstance")
                            || select.getExpression().toString().equals("Array"))) {
                add(select.getIdentifier().toString(), call);
            }
            return super.visitMethodInvocation(call, unused);
        }

        private void add(final String method, final MethodInvocationTree call) {
            final List<? extends ExpressionTree> arguments = call.getArguments();
            if (method.startsWith("getResource")) {
                return; // the other test
            }
            for (final ExpressionTree argument : arguments) {
                if (argument instanceof LiteralTree literal && literal.getValue() instanceof String name) {
                    names.add(
                            method.equals("forName")
                                    ? name.startsWith("[L") ? name.substring(2).replace(";", "[]") : name
                                    : "." + name);
                    return;
                }
            }
            final List<String> known = BY_A_VARIABLE.get(file + "." + method);
            if (known == null) {
                names.add(file + ": " + call + ", which this test does not know");
            } else {
                names.addAll(known);
            }
        }
    }

    /* Classes and fields. A native method is found by the class that declares it. */
    private static List<String> lookUpsOfJni() throws IOException {
        final String code = Files.readString(Path.of("..", "..", "native", "src", "api", "jni.c"));
        final List<String> names = new ArrayList<>();
        final Matcher classes = Pattern.compile("FindClass\\(env, (?:\"([^\"]+)\"|([A-Z_]+))\\)")
                .matcher(code);
        while (classes.find()) {
            String name = classes.group(1);
            if (name == null) {
                final Matcher macro = Pattern.compile("#define " + classes.group(2) + " \"([^\"]+)\"")
                        .matcher(code);
                assertTrue(macro.find(), classes.group());
                name = macro.group(1);
            }
            names.add(name.replace('/', '.'));
        }
        final Matcher members = Pattern.compile("Get(?:Static)?(?:Field|Method)ID\\(env, .*, \"(\\w+)\", \"")
                .matcher(code);
        while (members.find()) {
            names.add("." + members.group(1));
        }
        names.add("sun.nio.ch.FileChannelImpl"); // by GetObjectClass
        assertEquals(
                code.split("FindClass\\(|FieldID\\(|MethodID\\(", -1).length - 1,
                names.size() - 1,
                "each look-up of jni.c is understood");
        return names;
    }
}
