// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where tests keep their files: the directories of WT_TEST_DIRS (environment, or the system property of that name), separated
 * by colons, one on each file system to test. By default the module's target directory, and /dev/shm if there is one.
 */
final class TestDirectories {
    private TestDirectories() {}

    static Stream<Path> all() {
        final String named = setting("WT_TEST_DIRS");
        return named != null ? Stream.of(named.split(":")).map(Path::of) : defaults();
    }

    private static Stream<Path> defaults() {
        final List<Path> directories = new ArrayList<>(List.of(Path.of("target").toAbsolutePath()));
        final Path memory = Path.of("/dev/shm");
        if (Files.isDirectory(memory)) {
            directories.add(memory);
        }
        return directories.stream();
    }

    /** The value of an environment variable or system property; null if there is neither, or it is empty. */
    static String setting(final String name) {
        final String value = System.getProperty(name, System.getenv(name));
        return value == null || value.isEmpty() ? null : value;
    }
}
