// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.module.ModuleDescriptor;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The layers of the library, by the uses that jdeps finds: the data of the API at the bottom, which is enums, records,
 * exceptions and an interface; the internal packages above it, without a circle; then the classes of the API that do something;
 * and the commands on top, as any other user of the API.
 */
class PackageTest {
    private static final Path CLASSES = Path.of("target/classes");
    private static final String API = "io.writethrough";
    private static final String INTERNAL = API + ".internal";

    /** What internal packages may use of the API. These use nothing of the library but each other. */
    private static final Set<String> DATA = Set.of(
            "Backend",
            "Commit",
            "Durability",
            "EngineStats",
            "GrowthAhead",
            "Histogram",
            "HistogramSummary",
            "InterruptPolicy",
            "ReadFlag",
            "SegmentScope",
            "WriteFlag",
            "WriteRequest",
            "WriteThroughCoverageMXBean",
            "WriteThroughEngineMXBean",
            "WriteThroughException",
            "WriteThroughOption");

    /* For each class of the library those that it uses. A nested class counts as the one around it. */
    private static final Map<String, Set<String>> USES = new TreeMap<>();

    @BeforeAll
    static void findUses() {
        final StringWriter output = new StringWriter();
        final int status = ToolProvider.findFirst("jdeps")
                .orElseThrow()
                .run(
                        new PrintWriter(output, true),
                        new PrintWriter(output, true),
                        "-verbose:class",
                        "-filter:none",
                        "--ignore-missing-deps",
                        CLASSES.resolve("io").toString());
        assertEquals(0, status, output.toString());
        final Matcher matcher = Pattern.compile("(?m)^   (\\S+) +-> (\\S+) .*$").matcher(output.toString());
        while (matcher.find()) {
            final Set<String> used = USES.computeIfAbsent(outermost(matcher.group(1)), key -> new TreeSet<>());
            if (matcher.group(2).startsWith(API)) {
                used.add(outermost(matcher.group(2)));
            }
        }
        USES.forEach((name, used) -> used.remove(name));
        assertTrue(USES.size() > 60, "jdeps has found too little: " + output);
    }

    private static String outermost(final String name) {
        return name.replaceAll("\\$.*", "");
    }

    private static String packageOf(final String name) {
        return name.substring(0, name.lastIndexOf('.'));
    }

    private static boolean isData(final String name) {
        return packageOf(name).equals(API) && DATA.contains(name.substring(API.length() + 1));
    }

    @Test
    void thePackageOfTheApiHasPublicClassesAlone() throws ClassNotFoundException {
        // What WriteThroughFile has from here on JDK 22 is public by that class.
        final Set<String> without = Set.of(API + ".package-info", API + ".MemorySegmentMethods");
        for (final String name : USES.keySet()) {
            if (packageOf(name).equals(API) && !without.contains(name)) {
                assertTrue(Modifier.isPublic(Class.forName(name).getModifiers()), name + " is not public");
            }
        }
    }

    @Test
    void internalPackagesUseOnlyTheDataOfTheApi() {
        USES.forEach((name, used) -> {
            if (name.startsWith(INTERNAL)) {
                for (final String each : used) {
                    assertTrue(each.startsWith(INTERNAL) || isData(each), name + " uses " + each);
                }
            }
        });
    }

    @Test
    void theDataOfTheApiUsesNothingElse() {
        for (final String name : DATA) {
            for (final String each : USES.get(API + "." + name)) {
                assertTrue(isData(each), name + " uses " + each);
            }
        }
    }

    @Test
    void theInternalPackagesMakeNoCircle() {
        final Map<String, Set<String>> packages = new TreeMap<>();
        USES.forEach((name, used) -> {
            if (name.startsWith(INTERNAL)) {
                final Set<String> of = packages.computeIfAbsent(packageOf(name), key -> new TreeSet<>());
                used.stream()
                        .filter(each -> each.startsWith(INTERNAL))
                        .map(PackageTest::packageOf)
                        .filter(other -> !other.equals(packageOf(name)))
                        .forEach(of::add);
            }
        });
        // A package that uses none of those that are left goes; what never goes is on a circle, or uses one that is.
        boolean some = true;
        while (some) {
            some = packages.values().removeIf(used -> used.stream().noneMatch(packages::containsKey));
        }
        assertEquals(Map.of(), packages, "these make a circle, or use a package that does");
    }

    @Test
    void everyPackageSaysWhatMayBeNull() throws ClassNotFoundException {
        for (final String name : USES.keySet()) {
            final Class<?> ofPackage = Class.forName(packageOf(name) + ".package-info");
            assertTrue(ofPackage.isAnnotationPresent(NullMarked.class), ofPackage + " is not @NullMarked");
        }
    }

    @Test
    void nothingUsesTheCommands() {
        USES.forEach((name, used) -> {
            for (final String each : used) {
                assertTrue(
                        name.startsWith(API + ".command") || !each.startsWith(API + ".command"),
                        name + " uses " + each);
            }
        });
    }

    @Test
    void theModuleExportsTheApiAlone() throws IOException {
        try (var in = Files.newInputStream(CLASSES.resolve("module-info.class"))) {
            final Set<String> exported = new TreeSet<>();
            for (final ModuleDescriptor.Exports each : ModuleDescriptor.read(in).exports()) {
                exported.add(each.source());
            }
            assertEquals(Set.of(API), exported);
        }
    }
}
