// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import static org.junit.jupiter.api.Assumptions.abort;

import io.writethrough.StorageProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
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
        return makeIn(all().findFirst().orElseThrow());
    }

    /** An empty directory in the first of them whose files get direct I/O; without one the test is skipped. */
    public static Path makeWithDirectIo() throws IOException {
        for (final Path directory : all().toList()) {
            if (StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT) {
                return makeIn(directory);
            }
        }
        return abort("no directory with direct I/O");
    }

    public static Path makeIn(final Path parent) throws IOException {
        return Files.createTempDirectory(parent, "writethrough-test-");
    }

    /** A new directory with the files of another as they are, as a crash leaves them: one may be renamed or deleted just now. */
    public static Path copy(final Path from, final Path to) throws IOException {
        Files.createDirectory(to);
        try (Stream<Path> files = Files.list(from)) {
            for (final Path file : files.toList()) {
                try {
                    Files.copy(file, to.resolve(file.getFileName()));
                } catch (final NoSuchFileException e) {
                    Files.deleteIfExists(to.resolve(file.getFileName()));
                }
            }
        }
        return to;
    }

    /** With all that is in it. Null is the directory of a test that was skipped before it had one. */
    public static void delete(final Path directory) throws IOException {
        if (directory == null) {
            return;
        }
        try (Stream<Path> files = Files.walk(directory)) {
            for (final Path path : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
