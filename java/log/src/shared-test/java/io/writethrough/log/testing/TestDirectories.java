// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;

/** Where tests keep their files: the directories of WT_TEST_DIRS, one on each file system, else the module's target. */
public final class TestDirectories {
    private TestDirectories() {}

    public static Stream<Path> all() {
        final String named = System.getProperty("WT_TEST_DIRS", System.getenv("WT_TEST_DIRS"));
        return named == null || named.isEmpty()
                ? Stream.of(Path.of("target").toAbsolutePath())
                : Stream.of(named.split(":")).map(Path::of);
    }

    /** An empty directory in the first of them. */
    public static Path make() throws IOException {
        return Files.createTempDirectory(all().findFirst().orElseThrow(), "writethrough-test-");
    }

    public static void delete(final Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(TestDirectories::deleteOne);
        }
    }

    private static void deleteOne(final Path path) {
        try {
            Files.delete(path);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
