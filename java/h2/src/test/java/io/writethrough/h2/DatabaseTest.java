// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.WriteThroughEngine;
import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collections;
import org.h2.api.ErrorCode;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FileUtils;
import org.h2.tools.Restore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class DatabaseTest {
    private Path directory;
    private String path;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
        path = "wt:" + directory.resolve("db");
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    private static Connection connect(final String path) throws SQLException {
        return DriverManager.getConnection("jdbc:h2:" + path);
    }

    private static void execute(final Connection connection, final String... all) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (final String sql : all) {
                statement.execute(sql);
            }
        }
    }

    private static long count(final Connection connection, final String table) throws SQLException {
        return TpcB.number(connection, "select count(*) from " + table);
    }

    /* Whatever a test before it has registered. */
    private static long writes() {
        return WriteThroughEngine.shared().stats().writes();
    }

    @Test
    void theDriverManagerRegistersTheSchemeAndIsGivenNoDriver() throws Exception {
        try (Connection connection = connect(path)) {
            execute(connection, "create table t(id int)");
        }
        assertInstanceOf(FilePathWriteThrough.class, FilePath.get(path));
        assertFalse(
                Collections.list(DriverManager.getDrivers()).stream().anyMatch(RegisteringDriver.class::isInstance));
    }

    @Test
    void aCommitIsWrittenThroughBeforeItReturns() throws Exception {
        try (Connection connection = connect(path + ";WRITE_DELAY=0")) {
            execute(connection, "create table t(id int)");
            for (int i = 0; i < 20; i++) {
                final long before = writes();
                execute(connection, "insert into t values(" + i + ")");
                assertTrue(writes() > before);
            }
        }
    }

    @Test
    void itIsTheSameDatabaseWithoutTheScheme() throws Exception {
        try (Connection connection = connect(path)) {
            execute(connection, "create table t(id int) as select x from system_range(1, 10000)");
        }
        try (Connection connection = connect(directory.resolve("db") + ";IFEXISTS=TRUE")) {
            assertEquals(10_000, count(connection, "t"));
            execute(connection, "delete from t where id > 5000");
        }
        try (Connection connection = connect(path + ";IFEXISTS=TRUE")) {
            assertEquals(5000, count(connection, "t"));
        }
    }

    @Test
    void aClosedDatabaseKeepsNothingOfTheGrowthAhead() throws Exception {
        final Path file = directory.resolve("db.mv.db");
        try (Connection connection = connect(path)) {
            execute(connection, "create table t(id int)", "insert into t values(1)", "checkpoint sync");
            assertTrue(Files.size(file) >= 4 << 20, Files.size(file) + " bytes");
        }
        assertTrue(Files.size(file) < 1 << 20, Files.size(file) + " bytes");
    }

    @Test
    void compactingReplacesTheFileAndKeepsTheRows() throws Exception {
        final Path file = directory.resolve("db.mv.db");
        final Object before;
        try (Connection connection = connect(path)) {
            execute(
                    connection,
                    "create table t(id int primary key, text varchar) as select x, random_uuid() from system_range(1, 50000)",
                    "delete from t where id > 1000");
            before = Files.getAttribute(file, "unix:ino");
            execute(connection, "shutdown defrag");
        }
        assertNotEquals(before, Files.getAttribute(file, "unix:ino"));
        try (Connection connection = connect(path + ";IFEXISTS=TRUE")) {
            assertEquals(1000, count(connection, "t"));
        }
    }

    @Test
    void largeObjectsAndLargeResultsAndEncryptionWork() throws Exception {
        try (Connection connection =
                DriverManager.getConnection("jdbc:h2:" + path + ";CIPHER=AES;MAX_MEMORY_ROWS=100", "sa", "file user")) {
            execute(
                    connection,
                    "create table t(id int primary key, large blob)",
                    "insert into t select x, cast(repeat('0123456789abcdef', 20000) as blob) from system_range(1, 20)");
            assertEquals(
                    5000,
                    TpcB.number(
                            connection,
                            "select count(*) from (select distinct x * 7 y from system_range(1, 5000) order by y)"));
        }
        try (Connection connection =
                DriverManager.getConnection("jdbc:h2:" + path + ";CIPHER=AES;IFEXISTS=TRUE", "sa", "file user")) {
            assertEquals(20 * 320_000, TpcB.number(connection, "select sum(octet_length(large)) from t"));
        }
    }

    @Test
    void backupOfAnOpenDatabaseCanBeRestored() throws Exception {
        final Path zip = directory.resolve("backup.zip");
        final Path restored = Files.createDirectory(directory.resolve("restored"));
        try (Connection connection = connect(path)) {
            execute(
                    connection,
                    "create table t(id int) as select x from system_range(1, 10000)",
                    "backup to '" + zip + "'");
        }
        Restore.execute(zip.toString(), restored.toString(), "db");
        try (Connection connection = connect("wt:" + restored.resolve("db") + ";IFEXISTS=TRUE")) {
            assertEquals(10_000, count(connection, "t"));
        }
    }

    @Test
    void temporaryFilesPassBy() throws Exception {
        FilePathWriteThrough.register();
        final String temporary = FileUtils.createTempFile(path, ".temp.db", false);
        final long before = writes();
        try (var channel = FileUtils.open(temporary, "rw")) {
            channel.write(ByteBuffer.allocate(10_000));
        }
        assertEquals(before, writes());
        assertEquals(10_000, FileUtils.size(temporary));
        FileUtils.delete(temporary);
    }

    @Test
    void aReadOnlyDatabaseIsRead() throws Exception {
        try (Connection connection = connect(path)) {
            execute(connection, "create table t(id int) as select x from system_range(1, 100)");
        }
        try (Connection connection = connect(path + ";ACCESS_MODE_DATA=r")) {
            assertEquals(100, count(connection, "t"));
            final SQLException refused = assertThrows(SQLException.class, () -> execute(connection, "delete from t"));
            assertEquals(ErrorCode.DATABASE_IS_READ_ONLY, refused.getErrorCode());
        }
    }

    @Test
    void aDatabaseThatAnotherProcessHasIsInUse() throws Exception {
        final Process holder = ChildJvm.start(Holder.class, path);
        try {
            assertEquals('!', holder.getInputStream().read());
            final SQLException refused =
                    assertThrows(SQLException.class, () -> connect(path).close());
            assertEquals(ErrorCode.DATABASE_ALREADY_OPEN_1, refused.getErrorCode(), refused.toString());
            holder.getOutputStream().close();
            assertEquals(0, holder.waitFor());
        } finally {
            holder.destroyForcibly().waitFor();
        }
        connect(path + ";IFEXISTS=TRUE").close();
    }

    static final class Holder {
        public static void main(final String[] arguments) throws Exception {
            try (Connection connection = connect(arguments[0])) {
                execute(connection, "create table t(id int)");
                System.out.print('!');
                System.out.flush();
                System.in.read();
            }
        }
    }

    @Test
    void aFileSystemOfH2GoesOverItAndItGoesOverNoneButTheDisk() throws Exception {
        try (Connection connection = connect("split:20:" + path)) {
            execute(
                    connection,
                    "create table t(id int, text varchar) as select x, space(500) from system_range(1, 10000)");
        }
        assertTrue(Files.exists(directory.resolve("db.mv.db.1.part")));
        try (Connection connection = connect("split:20:" + path + ";IFEXISTS=TRUE")) {
            assertEquals(10_000, count(connection, "t"));
        }
        final SQLException refused =
                assertThrows(SQLException.class, () -> connect("wt:nioMapped:" + directory.resolve("mapped")));
        assertTrue(
                rootOf(refused).getMessage().contains("split:wt:"),
                rootOf(refused).toString());
    }

    private static Throwable rootOf(final Throwable thrown) {
        return thrown.getCause() == null ? thrown : rootOf(thrown.getCause());
    }

    @Test
    void anEngineOfTheProgramsOwnIsUsed() throws Exception {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(8 << 20).build()) {
            FilePathWriteThrough.register(engine);
            try (MVStore store = MVStore.open(path)) {
                final MVMap<Integer, String> map = store.openMap("map");
                map.put(1, "one");
                store.commit();
                assertTrue(engine.stats().writes() > 0);
            }
            try (MVStore store = MVStore.open(path)) {
                assertEquals("one", store.openMap("map").get(1));
            }
            assertEquals(0, engine.stats().openFiles());
        } finally {
            FilePathWriteThrough.register();
        }
    }

    @Test
    void anInterruptDoesNotCloseTheDatabase() throws Exception {
        try (Connection connection = connect(path + ";WRITE_DELAY=0")) {
            execute(connection, "create table t(id int)");
            Thread.currentThread().interrupt();
            execute(connection, "insert into t values(1)", "insert into t values(2)");
            assertTrue(Thread.interrupted());
            assertEquals(2, count(connection, "t"));
        }
    }
}
