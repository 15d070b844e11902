// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import io.writethrough.StorageProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/** Where tests keep their files: the directories of WT_TEST_DIRS, one on each file system, else the module's target. */
final class TestDirectories {
    private TestDirectories() {}

    private static Stream<Path> all() {
        final String named = System.getProperty("WT_TEST_DIRS", System.getenv("WT_TEST_DIRS"));
        return named == null || named.isEmpty()
                ? Stream.of(Path.of("target").toAbsolutePath())
                : Stream.of(named.split(":")).map(Path::of);
    }

    /** The first of them whose files get direct I/O. */
    static Optional<Path> firstWithDirectIo() throws IOException {
        for (final Path directory : all().toList()) {
            if (StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT) {
                return Optional.of(directory);
            }
        }
        return Optional.empty();
    }

    static void delete(final Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (final Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
