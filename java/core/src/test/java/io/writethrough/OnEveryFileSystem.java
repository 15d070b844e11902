// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A test class that runs once in each of the {@link TestDirectories}. Every test has an empty directory to itself. */
@ParameterizedClass(name = "{0}")
@MethodSource("io.writethrough.TestDirectories#all")
abstract class OnEveryFileSystem {
    @Parameter
    Path root;

    Path directory;
    Path path;

    @BeforeEach
    final void makeDirectory() throws IOException {
        directory = Files.createTempDirectory(root, "writethrough-test-");
        path = directory.resolve("file");
    }

    @AfterEach
    final void deleteDirectory() throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            all.sorted(Comparator.reverseOrder()).forEach(OnEveryFileSystem::delete);
        }
    }

    private static void delete(final Path path) {
        try {
            Files.delete(path);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes that are the same at every run and differ from seed to seed. */
    static byte[] bytes(final int length, final long seed) {
        final byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }

    static ByteBuffer buffer(final int length, final long seed) {
        return ByteBuffer.wrap(bytes(length, seed));
    }

    static ByteBuffer direct(final byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    /** Reads a whole range through the library. */
    static byte[] read(final WriteThroughFile file, final long position, final int length) throws IOException {
        final byte[] bytes = new byte[length];
        final int count = file.read(ByteBuffer.wrap(bytes), position);
        if (count != length) {
            throw new AssertionError("read " + count + " of " + length + " bytes at " + position);
        }
        return bytes;
    }
}
