// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The limit of memory, by the files of machines and containers. */
class MemoryLimitTest {
    private static final long MIB = 1 << 20;
    private static final String V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    private static final String V1_CPU = "33 32 0:30 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n";

    @TempDir
    Path root;

    @BeforeEach
    void ofEightGibibytes() throws IOException {
        write("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:          123456 kB\n");
    }

    private void write(final String file, final String text) throws IOException {
        final Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private long mebibytes() {
        return MemoryLimit.bytes(root.toFile()) / MIB;
    }

    @Test
    void withoutGroupsItIsThatOfTheMachine() {
        assertEquals(8192, mebibytes());
    }

    @Test
    void ofNestedGroupsOfVersion2TheLeastHolds() throws IOException {
        write("proc/self/cgroup", "0::/system.slice/db.service\n");
        write("proc/self/mountinfo", V2);
        write("sys/fs/cgroup/system.slice/db.service/memory.max", "max\n");
        write("sys/fs/cgroup/system.slice/memory.max", (300 * MIB) + "\n");
        assertEquals(300, mebibytes());
        write("sys/fs/cgroup/system.slice/db.service/memory.max", (220 * MIB) + "\n");
        assertEquals(220, mebibytes());
    }

    @Test
    void inAContainerOfVersion2TheGroupIsTheRootOfTheMount() throws IOException {
        write("proc/self/cgroup", "0::/\n");
        write("proc/self/mountinfo", V2);
        write("sys/fs/cgroup/memory.max", (512 * MIB) + "\n");
        assertEquals(512, mebibytes());
        write("proc/self/cgroup", "0::/../../kubepods/pod1\n");
        assertEquals(512, mebibytes());
    }

    @Test
    void ofGroupsOfVersion1TheOneOfMemoryCounts() throws IOException {
        write("proc/self/cgroup", "5:cpu,cpuacct:/other\n4:memory:/db\n1:name=systemd:/\n0::/\n");
        write("proc/self/mountinfo", V1_CPU + V1_CPU.replace("cpu", "memory"));
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("sys/fs/cgroup/memory/db/memory.limit_in_bytes", (100 * MIB) + "\n");
        assertEquals(100, mebibytes());
    }

    @Test
    void inAContainerOfVersion1TheMountBeginsAtTheGroup() throws IOException {
        write("proc/self/cgroup", "4:memory:/docker/abc/inner\n");
        write("proc/self/mountinfo", V1_CPU.replace("cpu", "memory").replace(" / ", " /docker/abc "));
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", (100 * MIB) + "\n");
        write("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", (50 * MIB) + "\n");
        assertEquals(50, mebibytes());
        write("proc/self/cgroup", "4:memory:/elsewhere\n");
        assertEquals(100, mebibytes());
    }

    /* As where a part of the hierarchy is mounted into a container, or a tool has mounted all of it once more. */
    @Test
    void ofSeveralMountsThoseThatHaveTheGroupCount() throws IOException {
        write("proc/self/cgroup", "0::/system.slice/db.service\n");
        final String ofOthers = V2.replace(" / /sys/fs/cgroup ", " /user.slice /mnt/users ");
        final String again = V2.replace(" /sys/fs/cgroup ", " /mnt/again ");
        write("proc/self/mountinfo", ofOthers + again + V2);
        write("mnt/users/memory.max", (50 * MIB) + "\n");
        write("sys/fs/cgroup/system.slice/db.service/memory.max", (220 * MIB) + "\n");
        assertEquals(220, mebibytes());
        write("mnt/again/system.slice/memory.max", (100 * MIB) + "\n");
        assertEquals(100, mebibytes());
        write("proc/self/cgroup", "0::/elsewhere\n");
        write(
                "proc/self/mountinfo",
                ofOthers + ofOthers.replace("users", "more").replace("user.slice", "more.slice"));
        write("mnt/more/memory.max", (40 * MIB) + "\n");
        assertEquals(40, mebibytes());
    }

    @Test
    void theCacheHasAQuarterOfWhatTheHeapLeavesWithinLimits() {
        assertEquals(256 * MIB, MemoryLimit.cacheBytes(8192 * MIB, 2048 * MIB));
        assertEquals(256 * MIB, MemoryLimit.cacheBytes(Long.MAX_VALUE, 2048 * MIB));
        assertEquals(47 * MIB, MemoryLimit.cacheBytes(220 * MIB, 32 * MIB));
        assertEquals(4 * MIB, MemoryLimit.cacheBytes(100 * MIB, 100 * MIB));
        assertEquals(4 * MIB, MemoryLimit.cacheBytes(100 * MIB, Long.MAX_VALUE));
    }
}
