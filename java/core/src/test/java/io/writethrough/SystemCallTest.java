// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.Strace.Call;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operation asks of the kernel: the evidence is strace's. */
class SystemCallTest extends OnEveryFileSystem {
    private static final Map<Path, Traced> RUNS = new HashMap<>();

    private static final String TRACED =
            "statx,fstat,newfstatat,openat,flock,close,fcntl,pwritev2,pwritev,pwrite64,preadv2,preadv,pread64,fsync,fdatasync,sync_file_range,io_uring_enter,ioprio_set";
    private static final Set<String> IO = Set.of(
            "pwritev2", "pwritev", "pwrite64", "preadv2", "preadv", "pread64", "fsync", "fdatasync", "sync_file_range");

    @BeforeEach
    void straceAndDirectIo() throws Exception {
        Strace.assumeThatItWorksHere();
        assumeTrue(
                StorageProfile.of(directory).writePath() == StorageProfile.WritePath.DIRECT,
                "no direct I/O on " + StorageProfile.of(directory));
    }

    /* One run of the operations in each root of directories: every test looks at all calls of it. */
    private List<Call> trace() throws Exception {
        Traced traced = RUNS.get(root);
        if (traced == null) {
            final Path log = directory.resolve("strace");
            traced = new Traced(path, Strace.trace(ChildJvm.of(Operations.class, path.toString()), log, TRACED));
            RUNS.put(root, traced);
        }
        path = traced.path();
        return traced.calls();
    }

    /* The calls of a run, and the path of its file. */
    private record Traced(Path path, List<Call> calls) {}

    @Test
    void aDurableOverwriteOfABlockIsOneDirectWriteWithDsync() throws Exception {
        final List<Call> calls = trace();
        for (final String operation : List.of("write direct", "write heap", "write vector")) {
            assertOneDirectWrite(calls, operation, "RWF_DSYNC");
        }
    }

    @Test
    void theDurabilityOfAWriteIsTheFlagOfItsSystemCall() throws Exception {
        final List<Call> calls = trace();
        assertOneDirectWrite(calls, "write DEVICE", ", 0)");
        assertOneDirectWrite(calls, "write DSYNC", "RWF_DSYNC");
        assertOneDirectWrite(calls, "write SYNC", "RWF_SYNC");
    }

    @Test
    void anAtomicWriteIsOneDirectWriteThatSaysSo() throws Exception {
        assumeTrue(
                StorageProfile.of(directory).atomicWriteMaxBytes() >= 4096,
                "no atomic writes on " + StorageProfile.of(directory));
        final List<Call> calls = trace();
        assertOneDirectWrite(calls, "write ATOMIC", "RWF_DSYNC");
        final String text = callsOf(calls, "write ATOMIC").get(0).text();
        assertTrue(text.contains("RWF_ATOMIC") || text.contains("|0x40"), text); // older straces have no name for it
    }

    @Test
    void aWriteOfHighPriorityRaisesThatOfItsThreadAndPutsItBack() throws Exception {
        final List<Call> calls = trace();
        final String operation = "write HIGH_PRIORITY";
        assertOneDirectWrite(calls, operation, "RWF_DSYNC");
        final List<Call> made =
                calls.subList(indexOfMark(calls, "begin " + operation), indexOfMark(calls, "end " + operation));
        final List<Call> inOrder = made.stream()
                .filter(call -> call.name().equals("ioprio_set")
                        || call.name().equals("pwritev2") && call.text().contains("<" + path + ">"))
                .toList();
        assertEquals(
                List.of("ioprio_set", "pwritev2", "ioprio_set"),
                inOrder.stream().map(Call::name).toList());
        assertTrue(inOrder.get(0).text().contains("IOPRIO_CLASS_BE, 0)"), inOrder.toString());
        assertFalse(inOrder.get(2).text().contains("IOPRIO_CLASS_BE, 0)"), inOrder.toString());
    }

    @Test
    void anOpenSetsTheFlagsOfTheFileOnce() throws Exception {
        final List<Call> flags = trace().stream()
                .filter(call -> call.name().equals("fcntl") && call.text().contains("<" + path + ">"))
                .toList();
        assertEquals(1, flags.size(), flags.toString());
        assertTrue(flags.get(0).text().contains("O_DIRECT"), flags.toString());
        assertFalse(flags.get(0).text().contains("O_NONBLOCK"), flags.toString());
    }

    @Test
    void anOpenOfAFileThatExistsLooksOnceAtThePathAndOnceAtTheFileAndHasBothDescriptors() throws Exception {
        assumeTrue(
                StorageProfile.of(directory).dioOffsetAlignment() != 0,
                "no alignment is told on " + StorageProfile.of(directory));
        final List<Call> calls = trace();
        final List<Call> made = calls.subList(indexOfMark(calls, "begin open"), indexOfMark(calls, "end open")).stream()
                .filter(call -> call.text().contains(path + ".existing"))
                .toList();
        assertEquals(
                List.of("statx", "openat", "openat", "flock", "fstat", "flock", "close", "close"),
                made.stream()
                        .map(call -> call.name().replace("newfstatat", "fstat"))
                        .toList(),
                made.toString());
        assertTrue(made.get(1).text().contains("O_DIRECT"), made.toString());
        assertFalse(made.get(2).text().contains("O_DIRECT"), made.toString());
    }

    @Test
    void aWriteWithinTheLastBlockALockAndAMappingOpenNothing() throws Exception {
        final List<Call> calls = trace();
        final List<Call> opened =
                calls.subList(indexOfMark(calls, "begin first use"), indexOfMark(calls, "end first use")).stream()
                        .filter(call -> call.name().equals("openat"))
                        .filter(call -> call.text().contains(path + ".first")
                                || call.text().contains("/fd/"))
                        .toList();
        assertEquals(List.of(), opened);
    }

    @Test
    void aNewFileThatCommitsAtForceIsDurableByTheForceAndNotBefore() throws Exception {
        final List<Call> calls = trace();
        assertEquals(List.of(), syncsOf(calls, "open of a new file AT_FORCE"));
        assertEquals(List.of(), syncsOf(calls, "close of it"));
        assertEquals(1, syncsOf(calls, "force of a new file").size());
        assertEquals(1, syncsOf(calls, "force of an empty new file").size());
    }

    @Test
    void aForceWithMetadataFlushesNothingWhereOnlyTimesHaveChanged() throws Exception {
        final List<Call> calls = trace();
        for (final String commit : List.of("EACH_WRITE", "AT_FORCE")) {
            assertEquals(1, flushesOf(calls, "the first force(true) " + commit), commit);
            assertEquals(
                    commit.equals("EACH_WRITE") ? 0 : 10, flushesOf(calls, "writes and force(true) " + commit), commit);
            assertEquals(1, flushesOf(calls, "force(true) after a chmod " + commit), commit);
            assertEquals(0, flushesOf(calls, "force(true) after nothing " + commit), commit);
        }
    }

    @Test
    void whatMakesNamesIsDurableWhereEachWriteIs() throws Exception {
        final List<Call> calls = trace();
        assertEquals(2, flushesOf(calls, "copy EACH_WRITE"), "of the file and its directory");
        assertEquals(2, flushesOf(calls, "move EACH_WRITE"), "of the file and its directory");
        assertEquals(3, flushesOf(calls, "move to another directory EACH_WRITE"), "of the file and both directories");
        assertEquals(1, flushesOf(calls, "createDirectory EACH_WRITE"));
        assertEquals(1, flushesOf(calls, "createLink EACH_WRITE"));
        assertEquals(1, flushesOf(calls, "createSymbolicLink EACH_WRITE"));
        assertEquals(0, flushesOf(calls, "delete EACH_WRITE"));
        for (final String operation : List.of("copy", "move", "move to another directory", "createDirectory")) {
            assertEquals(0, flushesOf(calls, operation + " AT_FORCE"), operation);
        }
    }

    @Test
    void anInterruptKeepsNoNameFromBeingDurable() throws Exception {
        final List<Call> calls = trace();
        assertEquals(2, flushesOf(calls, "move by an interrupted thread"), "of the file and its directory");
        assertEquals(1, flushesOf(calls, "forceDirectory by an interrupted thread"));
    }

    /* Flushes by themselves: a write with RWF_DSYNC is none. */
    private static long flushesOf(final List<Call> calls, final String operation) {
        return syncsOf(calls, operation).stream()
                .filter(call -> call.name().equals("fsync") || call.name().equals("fdatasync"))
                .count();
    }

    /* What asks the kernel to make anything stable, by any thread between the two marks. */
    private static List<Call> syncsOf(final List<Call> calls, final String operation) {
        return calls.subList(indexOfMark(calls, "begin " + operation), indexOfMark(calls, "end " + operation)).stream()
                .filter(call -> call.name().equals("fsync")
                        || call.name().equals("fdatasync")
                        || call.text().contains("SYNC_FILE_RANGE_WRITE")
                        || call.text().contains("RWF_DSYNC"))
                .toList();
    }

    /* The JDK's own call, and to open a file for reading a look beforehand whether the engine writes it. */
    @Test
    void theSizeOfAFileAndAReaderCostNoLookByThePathThatIsNotNeeded() throws Exception {
        final List<Call> calls = trace();
        for (final Commit commit : Commit.values()) {
            assertEquals(1, looksOf(calls, "attributes " + commit), "attributes " + commit);
        }
        assertEquals(1, looksOf(calls, "open for reading EACH_WRITE"));
        assertEquals(2, looksOf(calls, "open for reading AT_FORCE"), "and the key of the reader");
    }

    private static long looksOf(final List<Call> calls, final String operation) {
        return calls.subList(indexOfMark(calls, "begin " + operation), indexOfMark(calls, "end " + operation)).stream()
                .filter(call -> call.name().equals("statx") || call.name().equals("newfstatat"))
                .filter(call -> call.text().contains(".names.") && call.text().contains("AT_FDCWD"))
                .count();
    }

    @Test
    void aReadOfCachedBytesIsNoSystemCall() throws Exception {
        final List<Call> calls = trace();
        for (final String operation : List.of("read direct", "read heap", "read vector", "size")) {
            assertEquals(List.of(), callsOf(calls, operation), operation);
        }
    }

    private void assertOneDirectWrite(final List<Call> calls, final String operation, final String flag) {
        final List<Call> made = callsOf(calls, operation);
        assertEquals(1, made.size(), operation + ": " + made);
        final Call write = made.get(0);
        assertEquals("pwritev2", write.name(), operation);
        assertTrue(write.text().contains(flag), operation + " has " + flag + ": " + write);
        assertTrue(write.text().endsWith(" = 4096"), write.text());
        assertTrue(isDirect(calls.subList(0, calls.indexOf(write)), write.descriptor()), operation + ": " + write);
    }

    /* The descriptor's flags are those of the last open or F_SETFL before. */
    private static boolean isDirect(final List<Call> before, final String descriptor) {
        final Call last = before.stream()
                .filter(call -> call.opened(descriptor) || call.setFlagsOf(descriptor))
                .reduce((first, second) -> second)
                .orElseThrow(() -> new AssertionError("nobody opened descriptor " + descriptor));
        return last.text().contains("O_DIRECT");
    }

    /* I/O on the file by any thread between the two marks; waiting for a ring counts if it is the caller who waits. */
    private List<Call> callsOf(final List<Call> calls, final String operation) {
        final int begin = indexOfMark(calls, "begin " + operation);
        final int end = indexOfMark(calls, "end " + operation);
        final int caller = calls.get(begin).thread();
        return calls.subList(begin + 1, end).stream()
                .filter(call -> IO.contains(call.name()) && call.text().contains("<" + path + ">")
                        || call.name().equals("io_uring_enter") && call.thread() == caller)
                .toList();
    }

    private static int indexOfMark(final List<Call> calls, final String mark) {
        for (int i = 0; i < calls.size(); i++) {
            if (calls.get(i).text().contains("/no/" + mark + "\"")) {
                return i;
            }
        }
        throw new AssertionError("no mark " + mark);
    }

    static final class Operations {
        private interface Operation {
            void run() throws IOException;
        }

        public static void main(final String[] arguments) throws IOException {
            final ByteBuffer heap = ByteBuffer.allocate(4096);
            final ByteBuffer direct = ByteBuffer.allocateDirect(4096);
            final ByteBuffer[] vector = {ByteBuffer.allocate(96), ByteBuffer.allocateDirect(4000)};
            try (WriteThroughFile file = WriteThroughFile.open(Path.of(arguments[0]), CREATE, READ, WRITE)) {
                file.allocate(0, 1 << 20);
                marked("write direct", () -> file.write(direct.clear(), 8192));
                marked("write heap", () -> file.write(heap.clear(), 8192));
                marked("write vector", () -> file.write(cleared(vector), 8192));
                for (final Durability durability : Durability.values()) {
                    marked("write " + durability, () -> file.write(direct.clear(), 16384, durability));
                }
                marked(
                        "write HIGH_PRIORITY",
                        () -> file.write(direct.clear(), 8192, Durability.DSYNC, WriteFlag.HIGH_PRIORITY));
                if (file.profile().atomicWriteMaxBytes() >= 4096) {
                    marked("write ATOMIC", () -> file.write(heap.clear(), 8192, Durability.DSYNC, WriteFlag.ATOMIC));
                }
                marked("read direct", () -> file.read(direct.clear(), 8192));
                marked("read heap", () -> file.read(heap.clear(), 8192));
                marked("read vector", () -> file.read(cleared(vector), 8192));
                marked("size", file::size);
                commitAtForce(arguments[0]);
                force(arguments[0], Commit.EACH_WRITE);
                force(arguments[0], Commit.AT_FORCE);
                makeNames(arguments[0], Commit.EACH_WRITE);
                makeNames(arguments[0], Commit.AT_FORCE);
                final Path existing = Files.write(Path.of(arguments[0] + ".existing"), new byte[4096]);
                useFirst(Path.of(arguments[0] + ".warm"), false);
                useFirst(Path.of(arguments[0] + ".first"), true);
                marked(
                        "open",
                        () -> WriteThroughFile.open(existing, READ, WRITE).close());
            }
        }

        private static void commitAtForce(final String name) throws IOException {
            final Path path = Path.of(name + ".new");
            mark("begin open of a new file AT_FORCE");
            final WriteThroughFile file = WriteThroughFile.open(path, CREATE, WRITE, Commit.AT_FORCE);
            mark("end open of a new file AT_FORCE");
            file.writeLater(ByteBuffer.allocate(4096), 0);
            mark("begin close of it");
            file.close();
            mark("end close of it");
            try (WriteThroughFile again = WriteThroughFile.open(path, WRITE, Commit.AT_FORCE)) {
                mark("begin force of a new file");
                again.force();
                mark("end force of a new file");
            }
            try (WriteThroughFile empty =
                    WriteThroughFile.open(Path.of(name + ".empty"), CREATE, WRITE, Commit.AT_FORCE)) {
                mark("begin force of an empty new file");
                empty.force();
                mark("end force of an empty new file");
            }
        }

        private static void force(final String name, final Commit commit) throws IOException {
            final Path path = Path.of(name + "." + commit);
            try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, WRITE, commit)) {
                file.allocate(0, 1 << 20);
                final FileChannel channel = file.asFileChannel();
                markedOnce("the first force(true) " + commit, () -> channel.force(true));
                markedOnce("writes and force(true) " + commit, () -> {
                    for (int i = 0; i < 10; i++) {
                        // Far from each other: what is one I/O, or two of neighbours that the engine has sent before,
                        // needs no flush.
                        channel.write(ByteBuffer.allocate(4096), 0);
                        channel.write(ByteBuffer.allocate(4096), 512 << 10);
                        channel.force(true);
                    }
                });
                Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-r-----"));
                markedOnce("force(true) after a chmod " + commit, () -> channel.force(true));
                Files.setLastModifiedTime(path, FileTime.fromMillis(1));
                markedOnce("force(true) after nothing " + commit, () -> channel.force(true));
            }
        }

        private static void makeNames(final String name, final Commit commit) throws IOException {
            final WriteThroughFileSystem.Builder builder = WriteThroughFileSystem.builder();
            final WriteThroughFileSystem fileSystem =
                    (commit == Commit.AT_FORCE ? builder.commitAtForce("glob:**") : builder).build();
            final Path file = fileSystem.wrap(Path.of(name + ".names." + commit));
            final Path copy = file.resolveSibling(file.getFileName() + ".copy");
            final Path moved = file.resolveSibling(file.getFileName() + ".moved");
            final Path directory = file.resolveSibling(file.getFileName() + ".directory");
            Files.write(file, new byte[10]);
            marked("attributes " + commit, () -> Files.readAttributes(file, BasicFileAttributes.class));
            marked(
                    "open for reading " + commit,
                    () -> FileChannel.open(file, READ).close());
            markedOnce("copy " + commit, () -> Files.copy(file, copy));
            markedOnce("move " + commit, () -> Files.move(copy, moved));
            if (commit == Commit.EACH_WRITE) {
                markedOnce("move by an interrupted thread", () -> interrupted(() -> Files.move(moved, copy)));
                markedOnce(
                        "forceDirectory by an interrupted thread",
                        () -> interrupted(() ->
                                WriteThroughFile.forceDirectory(Path.of(name).getParent())));
                Files.move(copy, moved);
            }
            markedOnce("createDirectory " + commit, () -> Files.createDirectory(directory));
            markedOnce("move to another directory " + commit, () -> Files.move(moved, directory.resolve("moved")));
            markedOnce("createLink " + commit, () -> Files.createLink(copy, file));
            markedOnce("createSymbolicLink " + commit, () -> Files.createSymbolicLink(moved, file));
            markedOnce("delete " + commit, () -> Files.delete(moved));
        }

        private static void useFirst(final Path path, final boolean marked) throws IOException {
            try (WriteThroughFile file = WriteThroughFile.open(path, CREATE, READ, WRITE);
                    FileChannel channel = file.asFileChannel()) {
                if (marked) {
                    mark("begin first use");
                }
                file.write(ByteBuffer.allocate(5000), 0);
                channel.lock(0, 10, false).release();
                channel.tryLock(0, 10, true).release();
                channel.map(FileChannel.MapMode.READ_ONLY, 0, 100);
                channel.map(FileChannel.MapMode.PRIVATE, 0, 100);
                if (marked) {
                    mark("end first use");
                }
            }
        }

        private static ByteBuffer[] cleared(final ByteBuffer[] vector) {
            for (final ByteBuffer buffer : vector) {
                buffer.clear();
            }
            return vector;
        }

        /* The first time is for the classes to be loaded and the bytes to be cached. */
        private static void marked(final String name, final Operation operation) throws IOException {
            operation.run();
            markedOnce(name, operation);
        }

        private static void markedOnce(final String name, final Operation operation) throws IOException {
            mark("begin " + name);
            operation.run();
            mark("end " + name);
        }

        private static void interrupted(final Operation operation) throws IOException {
            Thread.currentThread().interrupt();
            operation.run();
            if (!Thread.interrupted()) {
                throw new AssertionError("the interrupt is lost");
            }
        }

        private static void mark(final String text) {
            try (FileInputStream none = new FileInputStream("/no/" + text)) {
                throw new AssertionError(none);
            } catch (final IOException e) {
                // The attempt is what strace sees.
            }
        }
    }
}
