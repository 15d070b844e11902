// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A way for a program to write its files that it knows nothing of: options of its JVM. */
enum Way {
    /** The channels and streams of the JDK. */
    JDK("JDK"),
    /** The switch: a force makes durable what was written before. */
    AT_FORCE("`commitAtForce`"),
    /** The switch: each write is durable when it returns. */
    EACH_WRITE("the switch alone"),
    /** As {@link #AT_FORCE}, and logs grow ahead. */
    AHEAD("`commitAtForce`, `growAhead`"),
    /** The agent, which also carries {@code java.io}: a force makes durable what was written before. */
    AGENT("agent, `commitAtForce`"),
    /** As {@link #AGENT}, and logs grow ahead. */
    AGENT_AHEAD("agent, `commitAtForce`, `growAhead`");

    private static final int AHEAD_BYTES = 1 << 20;

    private final String title;

    Way(final String title) {
        this.title = title;
    }

    /** What people read of it. */
    String title() {
        return title;
    }

    /** Whether the library comes with the agent's jar, and not by the class path. */
    boolean isByAgent() {
        return this == AGENT || this == AGENT_AHEAD;
    }

    private boolean isAhead() {
        return this == AHEAD || this == AGENT_AHEAD;
    }

    /** The options of a JVM whose program has its files in this directory. */
    List<String> options(final Path directory) {
        final List<String> options = new ArrayList<>();
        if (this == JDK) {
            return options;
        }
        options.add(
                isByAgent()
                        ? "-javaagent:" + System.getProperty("writethrough.agent")
                        : "-Djava.nio.file.spi.DefaultFileSystemProvider=io.writethrough.WriteThroughFileSystemProvider");
        options.add("-Dio.writethrough.paths=glob:" + directory + "/**");
        if (this != EACH_WRITE) {
            options.add("-Dio.writethrough.commitAtForce=glob:" + directory + "/**");
        }
        if (isAhead()) {
            options.add("-Dio.writethrough.growAhead=glob:" + directory + "/**{.log,.xd,/log.*}=" + AHEAD_BYTES);
        }
        return options;
    }
}
