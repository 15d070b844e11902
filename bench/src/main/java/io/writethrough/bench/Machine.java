// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench;

import io.writethrough.bench.contender.Fio;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the figures were measured on. */
final class Machine {
    private Machine() {}

    static Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("kernel", System.getProperty("os.name") + " " + System.getProperty("os.version"));
        facts.put(
                "processor", Runtime.getRuntime().availableProcessors() + " x " + field("/proc/cpuinfo", "model name"));
        facts.put("memory", field("/proc/meminfo", "MemTotal"));
        facts.put("java", System.getProperty("java.vm.name") + " " + Runtime.version());
        facts.put("writethrough", version("writethrough"));
        facts.put(
                "peers",
                "jasyncfio " + version("jasyncfio") + ", activemq-artemis-native "
                        + version("activemq-artemis-native"));
        facts.put("fio", fio());
        facts.put("load", read("/proc/loadavg").split(" ")[0] + " before the run");
        return facts;
    }

    private static String fio() {
        try {
            return Fio.version();
        } catch (IOException e) {
            return "none: " + e.getMessage();
        }
    }

    /** Of a library, as the name of its file on the class path tells. */
    private static String version(String artifact) {
        Pattern jar = Pattern.compile("/" + Pattern.quote(artifact) + "-([0-9][^/]*)\\.jar");
        Matcher matcher = jar.matcher(System.getProperty("java.class.path"));
        return matcher.find() ? matcher.group(1) : "of unknown version";
    }

    private static String field(String file, String name) {
        return read(file)
                .lines()
                .filter(line -> line.startsWith(name))
                .findFirst()
                .map(line -> line.substring(line.indexOf(':') + 1).trim())
                .orElse("unknown");
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file)).trim();
        } catch (IOException e) {
            return "unknown";
        }
    }
}
