// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.command.Main;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code java -jar writethrough.jar probe PATH} prints. */
class ProbeCommandTest extends OnEveryFileSystem {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    private int run(final String... args) {
        out.reset();
        err.reset();
        return Main.run(List.of(args), new PrintStream(out, true, UTF_8), new PrintStream(err, true, UTF_8));
    }

    private String output() {
        return out.toString(UTF_8);
    }

    @Test
    void itSaysWhatTheProfileSays() throws IOException {
        final StorageProfile profile = StorageProfile.of(directory);
        assertEquals(0, run("probe", directory.toString()));
        assertTrue(output().startsWith(directory.toString()), output());
        assertTrue(output().matches("(?s).*file system +" + profile.fileSystemType() + "\n.*"), output());
        assertTrue(output().matches("(?s).*block bytes +" + profile.blockBytes() + "\n.*"), output());
    }

    @Test
    void itSaysHowChangesOfDurableMemoryAreFound() throws IOException {
        final boolean watched;
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
                WriteThroughMapping mapping = file.map(0, 1)) {
            watched = mapping.isWatched();
        }
        run("probe", path.toString());
        assertEquals(watched, output().matches("(?s).*durable memory +watched by the kernel\n.*"), output());
        assertEquals(!watched, output().matches("(?s).*durable memory +compared with the file\n.*"), output());
        assertEquals(!watched, output().contains("userfaultfd is refused"), output());
    }

    @Test
    void jsonIsOneObjectForEachPath() {
        assertEquals(0, run("probe", "--json", directory.toString(), root.toString()));
        final String[] lines = output().split("\n");
        assertEquals(2, lines.length);
        for (final String line : lines) {
            assertTrue(line.startsWith("{\"path\":\"") && line.endsWith("]}"), line);
            assertTrue(line.contains("\"block_bytes\":"), line);
        }
    }

    @Test
    void aNameThatJsonCannotHoldIsEscaped() throws IOException {
        final var odd = Files.createFile(directory.resolve("a\"b\\c\nd"));
        assertEquals(0, run("probe", "--json", odd.toString()));
        assertTrue(output().contains("a\\\"b\\\\c\\u000ad"), output());
    }

    @Test
    void holesAreAdvisedToBeAllocatedUntilTheyAre() throws IOException {
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.truncate(1 << 20);
        }
        run("probe", path.toString());
        assumeTrue(output().contains("hole bytes"), "SKIP no FIEMAP in " + root);
        assertTrue(output().contains("1048576 of 1048576 bytes are unwritten extents or holes"), output());
        try (WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE)) {
            file.allocate(0, 1 << 20);
        }
        run("probe", path.toString());
        assertFalse(output().contains("unwritten extents or holes"), output());
    }

    @Test
    void aPartialLastBlockIsTold() throws IOException {
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "SKIP no direct I/O in " + root);
        try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
            file.write(buffer(4096 + 100, 1), 0);
        }
        run("probe", path.toString());
        assertTrue(output().contains("The last 100 bytes are a part of a block"), output());
    }

    @Test
    void aPathThatIsNotThereIsNamedAndTheOthersAreShown() {
        assertEquals(1, run("probe", path.toString(), directory.toString()));
        assertEquals(path + ": there is no such file\n", err.toString(UTF_8));
        assertTrue(output().startsWith(directory.toString()), output());
    }

    @Test
    void argumentsThatMakeNoSenseGetTheUsage() {
        for (final String[] args : new String[][] {{}, {"probe"}, {"prob", "/tmp"}, {"probe", "--json"}}) {
            assertEquals(2, run(args));
            assertTrue(err.toString(UTF_8).startsWith("usage: "), err.toString(UTF_8));
            assertEquals("", output());
        }
    }
}
