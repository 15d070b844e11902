// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** {@link EngineStats} lists the statistics of the C header, all of them and in its order, and the bean lists those. */
class StatisticsTest {
    private static final Path HEADER = Path.of("../../native/include/writethrough.h");
    private static final Path SOURCE = Path.of("src/main/java/io/writethrough/EngineStats.java");

    /* The header's name, where that of the API is another one. */
    private static final Map<String, String> RENAMED = Map.of("lostTraces", "lostRecords");

    /* WT_HISTOGRAM_* in camel case, and the API's name. */
    private static final Map<String, String> HISTOGRAMS = Map.of(
            "readHits", "readHitNanos",
            "readMisses", "readMissNanos",
            "writes", "writeNanos",
            "deviceReads", "deviceReadNanos",
            "deviceWrites", "deviceWriteNanos",
            "queue", "queueNanos",
            "gathers", "writesOfGather");

    private static List<String> components(final Class<?> type) {
        return Arrays.stream(EngineStats.class.getRecordComponents())
                .filter(component -> component.getType() == type)
                .map(RecordComponent::getName)
                .toList();
    }

    private static List<String> inHeader(final String body, final String pattern) {
        final List<String> names = new ArrayList<>();
        final Matcher matcher = Pattern.compile(pattern).matcher(body);
        while (matcher.find()) {
            names.add(camelCase(matcher.group(1).toLowerCase(Locale.ROOT)));
        }
        assertTrue(names.size() > 5, names.toString());
        return names;
    }

    private static String camelCase(final String name) {
        return Pattern.compile("_(.)")
                .matcher(name)
                .replaceAll(match -> match.group(1).toUpperCase(Locale.ROOT));
    }

    private static String header() throws IOException {
        return Files.readString(HEADER).replaceAll("(?s)/\\*.*?\\*/", "");
    }

    @Test
    void theCountersAreTheFieldsOfTheStructInTheirOrder() throws IOException {
        final String header = header();
        final int begin = header.indexOf("struct wt_engine_stats {");
        final List<String> fields = inHeader(header.substring(begin, header.indexOf("}", begin)), "uint64_t (\\w+);");
        assertEquals(
                fields.stream().map(name -> RENAMED.getOrDefault(name, name)).toList(), components(long.class));
    }

    @Test
    void theHistogramsAreThoseOfTheHeaderInTheirOrder() throws IOException {
        final List<String> constants = inHeader(header(), "WT_HISTOGRAM_(\\w+) = \\d");
        assertEquals(
                constants.stream()
                        .map(name -> HISTOGRAMS.getOrDefault(name, name))
                        .toList(),
                components(Histogram.class));
    }

    @Test
    void theHistogramsComeBehindTheCounters() {
        final List<String> all = new ArrayList<>(components(long.class));
        all.addAll(components(Histogram.class));
        assertEquals(
                all,
                Arrays.stream(EngineStats.class.getRecordComponents())
                        .map(RecordComponent::getName)
                        .toList());
    }

    @Test
    void theBeanHasEachOfThem() throws ReflectiveOperationException {
        final Set<String> expected = new TreeSet<>(components(long.class));
        expected.addAll(components(Histogram.class));
        expected.addAll(List.of("hitRate", "backend"));
        final Set<String> attributes = Arrays.stream(WriteThroughEngineMXBean.class.getMethods())
                .map(Method::getName)
                .map(name -> Character.toLowerCase(name.charAt(3)) + name.substring(4))
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(expected, attributes);
        for (final String name : components(long.class)) {
            final String getter = "get" + Character.toUpperCase(name.charAt(0)) + name.substring(1);
            assertEquals(
                    long.class, WriteThroughEngineMXBean.class.getMethod(getter).getReturnType(), getter);
        }
    }

    @Test
    void eachHasJavadoc() throws IOException {
        final String source = Files.readString(SOURCE);
        for (final RecordComponent component : EngineStats.class.getRecordComponents()) {
            assertTrue(source.contains(" * @param " + component.getName() + " "), component.getName());
        }
    }

    @Test
    void eachIsReadFromTheEngine() throws IOException {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
            final EngineStats stats = engine.stats();
            assertEquals(1 << 20, stats.cacheBytes());
            assertEquals(0, stats.lostRecords());
            assertEquals(0, stats.writesOfGather().count());
        }
    }
}
