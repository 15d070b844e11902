// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What containers take away: memory, users, and file systems that may be written to. Each in a JVM of its own. */
class ContainerTest {
    private static final int REFUSED = 77;

    /* io_uring_setup, _enter and _register, on x86-64 and aarch64. */
    private static final int[] IO_URING = {425, 426, 427};

    /* What a JVM calls at one time and not at another. */
    private static final Set<String> OF_ANY_JVM = Set.of(
            "clock_nanosleep",
            "exit",
            "futex",
            "getrusage",
            "madvise",
            "membarrier",
            "mincore",
            "mprotect",
            "munmap",
            "poll",
            "restart_syscall",
            "rt_sigreturn",
            "sched_getaffinity",
            "sched_yield",
            "sysinfo",
            "tgkill",
            "write");

    @TempDir
    Path directory;

    /** Writes and reads a file of these mebibytes on the shared engine, and prints the size of its cache. */
    static final class Fill {
        public static void main(final String[] arguments) throws IOException {
            final ByteBuffer mebibyte = ByteBuffer.allocateDirect(1 << 20);
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
                    file.write(mebibyte.clear(), (long) i << 20);
                }
                System.out.println(
                        "cache " + (WriteThroughEngine.shared().stats().cacheBytes() >> 20) + " size " + file.size());
            }
        }
    }

    private ChildJvm fill(final int mebibytes) {
        return ChildJvm.of(Fill.class, directory.resolve("file").toString(), Integer.toString(mebibytes));
    }

    private ChildJvm.Result run(final ChildJvm child, final String setUp) throws Exception {
        final ChildJvm.Result result = child.under(
                        "unshare", "-m", "sh", "-c", "{ " + setUp + "; } || exit 77; exec \"$@\"", "sh")
                .run();
        assumeTrue(
                result.exitCode() != REFUSED && !result.output().startsWith("unshare"),
                "this machine refuses it: " + result.output());
        return result;
    }

    @Test
    void withLittleMemoryTheCacheIsSmallAndTheProcessGoesOn() throws Exception {
        final String group = "wt-test-" + ProcessHandle.current().pid();
        final String setUp = "v1=/sys/fs/cgroup/memory; v2=/sys/fs/cgroup; if [ -e $v1/memory.limit_in_bytes ];"
                + " then g=$v1/" + group + " f=memory.limit_in_bytes; else g=$v2/" + group + " f=memory.max; fi;"
                + " mkdir -p $g && echo 230686720 >$g/$f && echo $$ >$g/cgroup.procs";
        try {
            final ChildJvm.Result result = run(fill(400).withOption("-Xmx32m"), setUp);
            assertTrue(
                    result.output().matches("cache 4\\d size " + (400L << 20) + "\n"),
                    "exit code " + result.exitCode() + ": " + result.output());
        } finally {
            for (final String parent : new String[] {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
                Files.deleteIfExists(Path.of(parent, group));
            }
        }
    }

    @Test
    void anotherUserThanRootMayUseIt() throws Exception {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
        final ChildJvm.Result result = fill(2).under(
                        "setpriv",
                        "--reuid=65534",
                        "--regid=65534",
                        "--clear-groups",
                        "--bounding-set=-all",
                        "--no-new-privs")
                .run();
        assumeTrue(!result.output().startsWith("setpriv"), result.output());
        assertTrue(result.output().endsWith(" size 2097152\n"), result.output());
        assertEquals(65534, Files.getAttribute(directory.resolve("file"), "unix:uid"));
    }

    @Test
    void aReadOnlyRootIsEnoughBesideADirectoryForFilesAndOneForTheLibrary() throws Exception {
        final Path temporary = Files.createDirectory(directory.resolve("tmp"));
        final ChildJvm child =
                fill(2).withOption("-Djava.io.tmpdir=" + temporary).withOption("-Duser.home=/nonexistent");
        final ChildJvm.Result result = run(
                child,
                "mount --bind " + directory + " " + directory + " && mount -t tmpfs none " + temporary
                        + " && mount -o remount,bind,ro / && ! touch /read-only 2>/dev/null");
        assertTrue(result.output().endsWith(" size 2097152\n"), result.output());
    }

    /** Does everything once on the shared engine, and prints which backend that has. */
    static final class UseAll {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE)) {
                file.write(ByteBuffer.allocateDirect(4096), 0);
                file.append(ByteBuffer.allocate(100));
                file.writeLater(ByteBuffer.allocate(8192), 0);
                file.force();
                file.writeAsync(ByteBuffer.allocate(8192), 4096).join();
                file.readAsync(ByteBuffer.allocate(100), 0).join();
                file.sync();
                file.allocate(0, 1 << 20);
                file.punchHole(0, 4096);
                file.zero(8192, 10);
                file.truncate(100);
                file.renameTo(path.resolveSibling("renamed"));
                System.out.println(WriteThroughEngine.shared().backend() + " " + file.size());
            }
        }
    }

    static final class UseTheJdk {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            try (FileChannel channel = FileChannel.open(path, CREATE, READ, WRITE)) {
                channel.write(ByteBuffer.allocateDirect(4096), 0);
            }
            Files.createTempDirectory(path.getParent(), "jdk");
            Files.move(path, path.resolveSibling("renamed"));
        }
    }

    private ChildJvm use(final Class<?> program) {
        return ChildJvm.of(program, directory.resolve("file").toString());
    }

    /** A program that runs a command under a filter of system calls, which refuses some of them: ERRNO CALL... -- COMMAND. */
    private Path filter() throws IOException, InterruptedException {
        final Path source = directory.resolve("filter.c");
        Files.writeString(source, """
                #include <linux/filter.h>
                #include <linux/seccomp.h>
                #include <stddef.h>
                #include <stdlib.h>
                #include <string.h>
                #include <sys/prctl.h>
                #include <unistd.h>
                int main(int argc, char **argv) {
                    struct sock_filter filter[64] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
                    unsigned short count = 1;
                    int i = 2;
                    for (; i < argc - 1 && strcmp(argv[i], "--") != 0 && count < 60; i++) {
                        filter[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(argv[i]), 0, 1);
                        filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | atoi(argv[1]));
                    }
                    filter[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
                    struct sock_fprog program = {count, filter};
                    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
                        return 77;
                    execvp(argv[i + 1], argv + i + 1);
                    return 77;
                }
                """);
        final Path program = directory.resolve("filter");
        int exit;
        try {
            exit = new ProcessBuilder("cc", "-o", program.toString(), source.toString())
                    .inheritIO()
                    .start()
                    .waitFor();
        } catch (final IOException e) {
            exit = REFUSED;
        }
        assumeTrue(exit == 0, "no C compiler");
        return program;
    }

    private String underFilter(final int errno, final int... calls) throws Exception {
        final List<String> command = new ArrayList<>(List.of(filter().toString(), Integer.toString(errno)));
        for (final int call : calls) {
            command.add(Integer.toString(call));
        }
        command.add("--");
        final ChildJvm.Result result =
                use(UseAll.class).under(command.toArray(new String[0])).run();
        assumeTrue(result.exitCode() != REFUSED, "no filter of system calls here");
        return result.output();
    }

    @Test
    void aFilterThatRefusesIoUringLeavesThreads() throws Exception {
        for (final int errno : new int[] {Errno.EPERM, Errno.ENOSYS}) {
            final String output = underFilter(errno, IO_URING);
            assertTrue(output.endsWith("THREADS 100\n"), output);
            Files.delete(directory.resolve("renamed"));
        }
    }

    @Test
    void aFilterThatRefusesTheCallsOfNewerKernelsLeavesTheOlderOnes() throws Exception {
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the numbers are those of x86-64");
        // pwritev2, preadv2, statx, sync_file_range, renameat2 with the calls of io_uring
        final String output = underFilter(Errno.ENOSYS, 328, 327, 332, 277, 316, 425, 426, 427);
        assertTrue(output.endsWith("THREADS 100\n"), output);
    }

    @Test
    void theReadmeNamesEachSystemCallThatIsNotTheJvms() throws Exception {
        Strace.assumeThatItWorksHere();
        final Set<String> named = new HashSet<>();
        final Matcher block =
                Pattern.compile("(?s)```json\\s+(\\{\"names\".*?)```").matcher(readme());
        while (block.find()) {
            final Matcher name = Pattern.compile("\"([a-z0-9_]+)\"").matcher(block.group(1));
            while (name.find()) {
                named.add(name.group(1));
            }
        }
        assertTrue(named.contains("io_uring_setup") && named.contains("fdatasync"), named.toString());
        final Set<String> ours = callsOf(use(UseAll.class));
        Files.delete(directory.resolve("renamed"));
        ours.addAll(callsOf(use(UseAll.class).withOption("-Dio.writethrough.backend=threads")));
        Files.delete(directory.resolve("renamed"));
        assertTrue(ours.contains("fdatasync"), ours.toString());
        ours.removeAll(callsOf(use(UseTheJdk.class)));
        ours.removeAll(OF_ANY_JVM);
        ours.removeAll(named);
        assertEquals(Set.of(), ours);
    }

    private static String readme() throws IOException {
        return Files.readString(Path.of("../../README.md"));
    }

    private Set<String> callsOf(final ChildJvm child) throws Exception {
        final Path log = directory.resolve("calls");
        final ChildJvm.Result result =
                child.under("strace", "-f", "-qq", "-o", log.toString()).run();
        assertEquals(0, result.exitCode(), result.output());
        try (Stream<String> lines = Files.lines(log)) {
            return lines.map(line -> line.replaceFirst("^\\d+ +", ""))
                    .filter(line -> line.matches("[a-z0-9_]+\\(.*"))
                    .map(line -> line.substring(0, line.indexOf('(')))
                    .collect(Collectors.toCollection(TreeSet::new));
        }
    }
}
