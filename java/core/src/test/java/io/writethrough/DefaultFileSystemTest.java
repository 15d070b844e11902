// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Programs that know nothing of this library, in a JVM whose default file system it is. */
@Timeout(300)
class DefaultFileSystemTest extends OnEveryFileSystem {
    private ChildJvm child(final Class<?> main, final String... arguments) {
        return ChildJvm.of(main, arguments)
                .withOption("-Dio.writethrough.coverage=false")
                .withOption("-Djava.nio.file.spi.DefaultFileSystemProvider="
                        + WriteThroughFileSystemProvider.class.getName());
    }

    private static String successful(final ChildJvm.Result result) {
        assertEquals(0, result.exitCode(), result.output());
        return result.output();
    }

    @Test
    void filesAreWrittenThroughAndAllElseWorks() throws Exception {
        assertEquals(
                "all well\n",
                successful(child(Everything.class, directory.toString()).run()));
    }

    static final class Everything {
        public static void main(final String[] arguments) throws IOException {
            final Path directory = Path.of(arguments[0]);
            assertTrue(FileSystems.getDefault() instanceof WriteThroughFileSystem);
            final Path path = directory.resolve("data");
            Files.write(path, bytes(10_000, 1));
            final EngineStats stats = WriteThroughEngine.shared().stats();
            assertNotEquals(0, stats.writes());

            // Read by way of java.io and back: names, URIs and files are those of the platform.
            final File file = path.toFile();
            assertEquals(10_000, file.length());
            assertEquals(path, file.toPath());
            assertEquals(path.toAbsolutePath(), Path.of(path.toUri()));
            assertEquals("file", path.toUri().getScheme());
            assertEquals(path.toAbsolutePath(), Path.of(file.toURI()));

            // Files that are only read pass by: they may be another program's.
            assertArrayEquals(bytes(10_000, 1), Files.readAllBytes(path));
            assertEquals(
                    stats.readHits() + stats.readMisses(),
                    WriteThroughEngine.shared().stats().readHits()
                            + WriteThroughEngine.shared().stats().readMisses());

            Files.copy(path, directory.resolve("copy"));
            Files.move(directory.resolve("copy"), directory.resolve("moved"));
            assertEquals(-1, Files.mismatch(path, directory.resolve("moved")));
            Files.writeString(path, "more", APPEND);
            assertEquals(10_004, Files.size(path));
            try (Stream<Path> all = Files.walk(directory)) {
                assertEquals(3, all.count());
            }
            final Path temporary = Files.createTempFile("writethrough", null);
            Files.writeString(temporary, "temporary");
            Files.delete(temporary);
            try (FileChannel channel = FileChannel.open(path, READ, WRITE);
                    FileLock lock = channel.tryLock()) {
                assertTrue(lock.isValid());
                channel.write(ByteBuffer.wrap(bytes(100, 2)), 0);
                final ByteBuffer mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, 100);
                assertEquals(ByteBuffer.wrap(bytes(100, 2)), mapped);
            }
            try (WriteThroughFile own = WriteThroughFile.open(path, READ, WRITE)) {
                own.write(ByteBuffer.wrap(bytes(100, 3)), 0);
            }
            try (var zip = FileSystems.newFileSystem(directory.resolve("a.zip"), Map.of("create", "true"))) {
                Files.write(zip.getPath("/entry"), bytes(5000, 4));
            }
            try (var zip = FileSystems.newFileSystem(directory.resolve("a.zip"))) {
                assertArrayEquals(bytes(5000, 4), Files.readAllBytes(zip.getPath("/entry")));
            }
            assertTrue(Files.readString(Path.of("/proc/self/status")).contains("Pid:"));
            Files.write(Path.of("/dev/null"), bytes(10, 1));
            System.out.println("all well");
        }
    }

    @Test
    void propertiesSayWhichPathsWriteThroughAndWhichPassBy() throws Exception {
        final ChildJvm child = child(Selected.class, directory.toString())
                .withOption("-Dio.writethrough.paths=glob:" + directory.toAbsolutePath() + "/**")
                .withOption("-Dio.writethrough.passBy=glob:**.log")
                .withOption("-Dio.writethrough.cacheReads=glob:**");
        assertEquals("data true, read true, log false\n", successful(child.run()));
    }

    static final class Selected {
        public static void main(final String[] arguments) throws IOException {
            final Path directory = Path.of(arguments[0]);
            Files.write(directory.resolve("data"), bytes(10_000, 1));
            final EngineStats first = WriteThroughEngine.shared().stats();
            Files.readAllBytes(directory.resolve("data"));
            final EngineStats second = WriteThroughEngine.shared().stats();
            Files.write(directory.resolve("a.log"), bytes(10_000, 1));
            final EngineStats third = WriteThroughEngine.shared().stats();
            System.out.println("data " + (first.writes() > 0)
                    + ", read " + (second.readHits() + second.readMisses() > first.readHits() + first.readMisses())
                    + ", log " + (third.writes() > second.writes()));
        }
    }

    @Test
    void aPropertyThatCannotBeIsNamed() throws Exception {
        final ChildJvm.Result result = child(Selected.class, directory.toString())
                .withOption("-Dio.writethrough.paths=everything")
                .run();
        assertNotEquals(0, result.exitCode());
        assertTrue(result.output().contains("system property io.writethrough.paths"), result.output());
        assertTrue(result.output().contains("'everything' is no pattern of paths"), result.output());
    }

    @Test
    void anH2DatabaseIsCreatedFilledClosedReopenedAndChecked() throws Exception {
        for (final String kind : List.of("", "async:")) {
            final String url = "jdbc:h2:" + kind + directory.toAbsolutePath() + "/db" + kind.length();
            final String filled = successful(child(Fill.class, url).run());
            assertTrue(filled.startsWith("2000 rows\n"), filled);
            assertTrue(filled.contains("writes through the engine: true"), filled);
            // It is a database for a JVM without the switch too.
            final ChildJvm reopening = kind.isEmpty() ? child(Check.class, url) : ChildJvm.of(Check.class, url);
            assertEquals("2000 rows, sum 1999000, right text true, recovered 20\n", successful(reopening.run()));
        }
    }

    static final class Fill {
        public static void main(final String[] arguments) throws Exception {
            try (Connection connection = DriverManager.getConnection(arguments[0]);
                    Statement statement = connection.createStatement()) {
                statement.execute("create table t(id int primary key, text varchar)");
                connection.setAutoCommit(false);
                try (PreparedStatement insert = connection.prepareStatement("insert into t values(?, ?)")) {
                    for (int id = 0; id < 2000; id++) {
                        insert.setInt(1, id);
                        insert.setString(2, "text of " + id);
                        insert.addBatch();
                        if (id % 100 == 99) {
                            insert.executeBatch();
                            connection.commit();
                        }
                    }
                }
                System.out.println("2000 rows");
            }
            // Committed and not closed: the process goes away under the open database.
            final Connection last = DriverManager.getConnection(arguments[0] + ";WRITE_DELAY=0");
            try (Statement statement = last.createStatement()) {
                statement.execute("create table killed(id int)");
                for (int id = 0; id < 20; id++) {
                    statement.execute("insert into killed values(" + id + ")");
                }
            }
            final EngineStats stats = WriteThroughEngine.shared().stats();
            System.out.println(
                    "writes through the engine: " + (stats.openFiles() == 1 && stats.writes() > 10) + ", " + stats);
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    static final class Check {
        public static void main(final String[] arguments) throws Exception {
            boolean right = true;
            try (Connection connection = DriverManager.getConnection(arguments[0] + ";IFEXISTS=TRUE");
                    Statement statement = connection.createStatement()) {
                final long sum;
                final long count;
                try (ResultSet all = statement.executeQuery("select count(*), sum(id) from t")) {
                    all.next();
                    count = all.getLong(1);
                    sum = all.getLong(2);
                }
                try (ResultSet rows = statement.executeQuery("select id, text from t")) {
                    while (rows.next()) {
                        right &= rows.getString(2).equals("text of " + rows.getInt(1));
                    }
                }
                try (ResultSet rows = statement.executeQuery("select count(*) from killed")) {
                    rows.next();
                    System.out.println(
                            count + " rows, sum " + sum + ", right text " + right + ", recovered " + rows.getLong(1));
                }
            }
        }
    }

    @Test
    void propertiesSayWhatCommitsAtAForceAndWhatGrowsAhead() throws Exception {
        final ChildJvm child = child(Committing.class, directory.toString())
                .withOption("-Dio.writethrough.commitAtForce=glob:**.db")
                .withOption("-Dio.writethrough.growAhead=glob:**.log=1048576");
        assertEquals("all well\n", successful(child.run()));
        final ChildJvm.Result result = child(Committing.class, directory.toString())
                .withOption("-Dio.writethrough.growAhead=glob:**.log")
                .run();
        assertNotEquals(0, result.exitCode());
        assertTrue(result.output().contains("must be PATTERN=BYTES"), result.output());
    }

    static final class Committing {
        private static final int WRITES = 100;

        public static void main(final String[] arguments) throws IOException {
            final Path directory = Path.of(arguments[0]);
            final long atForce = deviceWrites(directory.resolve("a.db"));
            final long each = deviceWrites(directory.resolve("a.log"));
            if (StorageProfile.of(directory.resolve("a.db")).writePath() == StorageProfile.WritePath.DIRECT) {
                assertTrue(atForce < WRITES / 4, atForce + " at a force");
                assertTrue(each >= WRITES, each + " for each write");
            }
            System.out.println("all well");
        }

        private static long deviceWrites(final Path path) throws IOException {
            try (FileChannel channel = FileChannel.open(path, CREATE, WRITE)) {
                channel.write(ByteBuffer.allocate(1));
                final long before = WriteThroughEngine.shared().stats().deviceWrites();
                for (int i = 0; i < WRITES; i++) {
                    channel.write(ByteBuffer.allocate(50));
                }
                channel.force(false);
                return WriteThroughEngine.shared().stats().deviceWrites() - before;
            }
        }
    }
}
