// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the system refuses, each tried in a JVM of its own: a clear error, or the fallback that is documented. */
class RefusalTest extends OnEveryFileSystem {
    @Test
    void aWritePastTheLimitOfFileSizesIsFileTooLarge() throws Exception {
        final ChildJvm.Result result = ChildJvm.of(PastTheLimit.class, path.toString())
                .withLimit("-f 2048")
                .run();
        assertTrue(result.output().startsWith("EFBIG stable 0 size 8192\n"), result.output());
        assertTrue(result.output().contains("RLIMIT_FSIZE"), result.output());
        assertEquals(8192, Files.size(path));
    }

    static final class PastTheLimit {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.write(buffer(8192, 1), 0);
                try {
                    file.write(buffer(8192, 2), 8 << 20);
                } catch (final WriteThroughException e) {
                    System.out.println(e.errnoName() + " stable " + e.stableBytes() + " size " + file.size());
                    System.out.println(e.getMessage());
                }
            }
        }
    }

    @Test
    void moreFilesThanTheProcessMayOpenIsSaidAndPassesWhenSomeAreClosed() throws Exception {
        final ChildJvm.Result result = ChildJvm.of(ManyFiles.class, path.toString())
                .withLimit("-n 100")
                .run();
        assertTrue(result.output().contains("EMFILE (24). The process has as many open files"), result.output());
        assertTrue(result.output().endsWith("again\n"), result.output());
    }

    static final class ManyFiles {
        public static void main(final String[] arguments) throws IOException {
            // Classes are files too: load those of errors while that is possible.
            open(Path.of("/dev/null"), new ArrayList<>());
            final List<WriteThroughFile> files = new ArrayList<>();
            String failure = "";
            for (int i = 0; i < 200 && failure.isEmpty(); i++) {
                failure = open(Path.of(arguments[0] + i), files);
            }
            for (final WriteThroughFile file : files) {
                file.close();
            }
            WriteThroughFile.open(Path.of(arguments[0] + "last"), CREATE, WRITE).close();
            System.out.println(failure);
            System.out.println("again");
        }

        private static String open(final Path path, final List<WriteThroughFile> files) throws IOException {
            try {
                files.add(WriteThroughFile.open(path, CREATE, WRITE));
                return "";
            } catch (final WriteThroughException e) {
                return e.getMessage();
            }
        }
    }

    @Test
    void withoutLockableMemoryEverythingWorks() throws Exception {
        final ChildJvm.Result result = withoutLockableMemory(ChildJvm.of(RoundTrip.class, path.toString()))
                .run();
        assertTrue(result.output().endsWith("round trip\n"), result.output());
    }

    /* Root may lock memory beyond the limit, unless that capability is taken. */
    private static ChildJvm withoutLockableMemory(final ChildJvm child) throws IOException, InterruptedException {
        final String[] limit = {"sh", "-c", "ulimit -l 0 && exec \"$@\"", "sh"};
        final String[] drop = {"setpriv", "--bounding-set=-ipc_lock"};
        if (!"root".equals(System.getProperty("user.name"))) {
            return child.under(limit);
        }
        assumeTrue(
                new ProcessBuilder("setpriv", "--bounding-set=-ipc_lock", "true")
                                .start()
                                .waitFor()
                        == 0,
                "root cannot give up CAP_IPC_LOCK here");
        final List<String> both = new ArrayList<>(Arrays.asList(drop));
        both.addAll(Arrays.asList(limit));
        return child.under(both.toArray(new String[0]));
    }

    static final class RoundTrip {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.write(buffer(100_000, 1), 1);
                System.out.println(
                        Arrays.equals(bytes(100_000, 1), read(file, 1, 100_000)) ? "round trip" : "other bytes");
            }
        }
    }

    @Test
    void whereTheKernelRefusesIoUringThreadsDoTheWork() throws Exception {
        Strace.assumeThatItWorksHere();
        for (final String errno : List.of("EPERM", "ENOSYS")) {
            final ChildJvm.Result result =
                    Strace.inject(ChildJvm.of(WithoutIoUring.class, path.toString()), "io_uring_setup", errno);
            assertTrue(result.output().contains("THREADS round trip\n" + errno), result.output());
            assertTrue(result.output().contains("ask for AUTO or THREADS"), result.output());
            assertEquals(
                    2,
                    result.output().split("There is no io_uring for this process").length,
                    "one line: " + result.output());
        }
    }

    static final class WithoutIoUring {
        public static void main(final String[] arguments) throws IOException {
            System.out.print(WriteThroughEngine.shared().backend() + " ");
            RoundTrip.main(arguments);
            WriteThroughEngine.builder().build().close();
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().backend(Backend.IO_URING).build()) {
                System.out.println(engine.backend());
            } catch (final WriteThroughException e) {
                System.out.println(e.errnoName() + " " + e.getMessage());
            }
        }
    }

    @Test
    void whereTheKernelRefusesSubmissionPollingTheEngineDoesNotOpen() throws Exception {
        Strace.assumeThatItWorksHere();
        for (final String errno : List.of("EPERM", "ENOSYS")) {
            final ChildJvm.Result result =
                    Strace.inject(ChildJvm.of(WithSubmissionPolling.class), "io_uring_setup", errno);
            assertTrue(result.output().startsWith(errno), result.output());
            assertTrue(result.output().contains("refuses io_uring with submissionPolling"), result.output());
        }
    }

    static final class WithSubmissionPolling {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughEngine engine =
                    WriteThroughEngine.builder().submissionPolling(true).build()) {
                System.out.println(engine.backend());
            } catch (final WriteThroughException e) {
                System.out.println(e.errnoName() + " " + e.getMessage());
            }
        }
    }

    @Test
    void aWriteThatTheDeviceRefusesThrowsAndLeavesNothingOfItselfInTheCache() throws Exception {
        Strace.assumeThatItWorksHere();
        Files.write(path, bytes(16384, 1));
        final ChildJvm.Result result =
                Strace.inject(ChildJvm.of(Refused.class, path.toString()), "pwritev2,pwritev,pwrite64", "EIO");
        assertEquals("EIO stable 0 position 0 old bytes\n".repeat(4) + "writes 0 errors 4\n", result.output());
    }

    static final class Refused {
        public static void main(final String[] arguments) throws IOException {
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                    WriteThroughFile file = engine.open(Path.of(arguments[0]), READ, WRITE)) {
                refused(file, buffer(4096, 2), 4096);
                refused(file, direct(bytes(4096, 2)), 4096);
                refused(file, buffer(100, 2), 4000);
                refused(file, buffer(10_000, 2), 1);
                System.out.println("writes " + engine.stats().writes() + " errors "
                        + engine.stats().writeErrors());
            }
        }

        private static void refused(final WriteThroughFile file, final ByteBuffer source, final long position)
                throws IOException {
            try {
                file.write(source, position);
                System.out.println("written");
            } catch (final WriteThroughException e) {
                final boolean old = Arrays.equals(bytes(16384, 1), read(file, 0, 16384));
                System.out.println(e.errnoName() + " stable " + e.stableBytes() + " position " + source.position()
                        + (old ? " old bytes" : " other bytes"));
            }
        }
    }
}
