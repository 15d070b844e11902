// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A control group of the kernel, of either version, that limits the memory of processes, their part of the page cache included. */
final class MemoryGroup implements Closeable {
    private static final Path ROOT = Path.of("/sys/fs/cgroup");

    private final Path group;

    /** Fails where nobody may make a group. */
    MemoryGroup(final long bytes) throws IOException {
        final boolean first = Files.isDirectory(ROOT.resolve("memory"));
        group = ROOT.resolve(first ? "memory" : "")
                .resolve("writethrough-lucene-" + ProcessHandle.current().pid());
        Files.createDirectory(group);
        try {
            Files.writeString(group.resolve(first ? "memory.limit_in_bytes" : "memory.max"), Long.toString(bytes));
        } catch (final IOException e) {
            close();
            throw e;
        }
    }

    /** What runs a command in the group. */
    List<String> wrapper() {
        return List.of("sh", "-c", "echo $$ > '" + group.resolve("cgroup.procs") + "' && exec \"$@\"", "sh");
    }

    @Override
    public void close() throws IOException {
        Files.delete(group);
    }
}
