// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The options behind the name of the agent's jar: {@code NAME=VALUE}, with a semicolon between two. A value has no semicolon: one
 * that needs a semicolon is given by the system property. The first {@code =} ends a name, so a value may have more of them.
 */
final class Options {
    private static final String PROPERTIES = "io.writethrough.";
    private static final List<String> NAMES =
            List.of("paths", "passBy", "cacheReads", "commitAtForce", "growAhead", "interrupts");

    /* Without a value. */
    private static final String REPORT = "report";

    private Options() {}

    /** The system properties that options stand for. */
    static Map<String, String> parse(final @Nullable String options) {
        final Map<String, String> properties = new LinkedHashMap<>();
        if (options == null || options.isEmpty()) {
            return properties;
        }
        for (final String option : options.split(";", -1)) {
            final int end = option.equals(REPORT) ? option.length() : option.indexOf('=');
            final String name = end < 0 ? option : option.substring(0, end);
            if (end < 0 || !NAMES.contains(name) && !option.equals(REPORT)) {
                throw new IllegalArgumentException("'" + option
                        + "' is no option. Options are NAME=VALUE, with a semicolon between two; names are " + NAMES
                        + ". The option " + REPORT + " has no value");
            }
            if (properties.put(PROPERTIES + name, option.equals(REPORT) ? "true" : option.substring(end + 1)) != null) {
                throw new IllegalArgumentException("option " + name + " is there twice");
            }
        }
        return properties;
    }

    /** Makes them system properties, where the default file system looks for them. */
    static void apply(final @Nullable String options) {
        for (final Map.Entry<String, String> property : parse(options).entrySet()) {
            final String name = property.getKey();
            final String other = System.getProperty(name);
            if (other != null && !other.equals(property.getValue())) {
                throw new IllegalArgumentException(name + " is '" + other + "' by the system property, and '"
                        + property.getValue() + "' by the options of the agent");
            }
            System.setProperty(name, property.getValue());
        }
    }
}
