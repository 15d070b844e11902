// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A way for a program to write its files that it knows nothing of: options of its JVM. */
enum Way {
    /** The channels of the JDK. */
    JDK("JDK"),
    /** The switch: a force makes durable what was written before. */
    AT_FORCE("`commitAtForce`"),
    /** The switch: each write is durable when it returns. */
    EACH_WRITE("the switch alone"),
    /** As {@link #AT_FORCE}, and logs grow ahead. */
    AHEAD("`commitAtForce`, `growAhead`");

    private static final int AHEAD_BYTES = 1 << 20;

    private final String title;

    Way(final String title) {
        this.title = title;
    }

    /** What people read of it. */
    String title() {
        return title;
    }

    /** The options of a JVM whose program has its files in this directory. */
    List<String> options(final Path directory) {
        final List<String> options = new ArrayList<>();
        if (this != JDK) {
            options.add("-Djava.nio.file.spi.DefaultFileSystemProvider=io.writethrough.WriteThroughFileSystemProvider");
            options.add("-Dio.writethrough.paths=glob:" + directory + "/**");
        }
        if (this == AT_FORCE || this == AHEAD) {
            options.add("-Dio.writethrough.commitAtForce=glob:" + directory + "/**");
        }
        if (this == AHEAD) {
            options.add("-Dio.writethrough.growAhead=glob:" + directory + "/**.log=" + AHEAD_BYTES);
        }
        return options;
    }
}
