// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.Stream;
import org.h2.mvstore.MVStoreTool;
import org.h2.tools.Recover;
import org.h2.tools.RunScript;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A JVM with a database under load is killed; another opens the database. */
@Timeout(300)
class CrashTest {
    private static final int CLIENTS = 4;

    private Path directory;

    /* Two will do: that each file system keeps what it was given is tested with the library itself. */
    static Stream<Path> directories() {
        return TestDirectories.all().limit(2);
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    @ParameterizedTest
    @MethodSource("directories")
    void aKilledDatabaseHasEveryAcknowledgedCommitAndNothingInPart(final Path root) throws Exception {
        directory = TestDirectories.makeIn(root);
        final String url = "jdbc:h2:wt:" + directory.resolve("db") + ";WRITE_DELAY=0;LOCK_TIMEOUT=60000";
        TpcB.create(url);
        final int[] acknowledged = new int[CLIENTS];
        // Twice: a database that has recovered is one to crash again.
        for (final int transactions : new int[] {100, 200}) {
            killedAfter(transactions, url, acknowledged);
            try (Connection connection = DriverManager.getConnection(url + ";IFEXISTS=TRUE")) {
                checkBooks(connection, acknowledged);
            }
            assertNull(MVStoreTool.info("wt:" + directory.resolve("db.mv.db"), new PrintWriter(Writer.nullWriter())));
        }
        checkRecoveryTool();
    }

    private static void killedAfter(final int transactions, final String url, final int[] acknowledged)
            throws Exception {
        final Process child = ChildJvm.start(Load.class, url);
        for (final String line : ChildJvm.killAfter(transactions, child)) {
            final int space = line.indexOf(' ');
            acknowledged[Integer.parseInt(line.substring(0, space))] = Integer.parseInt(line.substring(space + 1));
        }
    }

    private static void checkBooks(final Connection connection, final int[] acknowledged) throws SQLException {
        final TpcB.Books books = TpcB.Books.of(connection);
        assertTrue(books.agree(), books.toString());
        for (int client = 0; client < CLIENTS; client++) {
            final long last = TpcB.number(connection, "select max(number) from history where client = " + client);
            final long count = TpcB.number(connection, "select count(*) from history where client = " + client);
            // One more may have been committed whose acknowledgement did not get out.
            assertTrue(
                    last == acknowledged[client] || last == acknowledged[client] + 1,
                    "client " + client + ": " + last + " of " + acknowledged[client]);
            assertEquals(last, count);
        }
        try (Statement statement = connection.createStatement();
                ResultSet script = statement.executeQuery("script")) {
            int lines = 0;
            while (script.next()) {
                lines++;
            }
            assertTrue(lines > 10, lines + " lines");
        }
    }

    /* What H2's own tool for damaged databases gets out of the file is the whole database. */
    private void checkRecoveryTool() throws SQLException {
        Recover.execute(directory.toString(), "db");
        final String copy = "jdbc:h2:mem:";
        try (Connection original = DriverManager.getConnection("jdbc:h2:wt:" + directory.resolve("db"));
                Connection recovered = DriverManager.getConnection(copy)) {
            try (BufferedReader script = Files.newBufferedReader(directory.resolve("db.h2.sql"))) {
                RunScript.execute(recovered, script);
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
            assertEquals(TpcB.Books.of(original), TpcB.Books.of(recovered));
            final String rows = "select count(*) from history";
            assertEquals(TpcB.number(original, rows), TpcB.number(recovered, rows));
        }
    }

    /**
     * Runs transactions until it is killed, and tells each that was committed.
     *
     * <p>No row changes while H2 stores: it takes one table after the other, and if it is killed before it stores again, what
     * changed in between is there without the record by which it would be rolled back, on any file system (H2's issue 2080).
     * Transactions are half done, though, when another one commits.
     */
    static final class Load {
        public static void main(final String[] arguments) throws Exception {
            final ReadWriteLock stores = new ReentrantReadWriteLock();
            for (int client = 0; client < CLIENTS; client++) {
                final TpcB.Client transactions = new TpcB.Client(arguments[0], client, CLIENTS, stores);
                final int number = client;
                new Thread(() -> run(transactions, number)).start();
            }
        }

        private static void run(final TpcB.Client client, final int number) {
            try {
                while (true) {
                    final String line = number + " " + client.run() + ";\n";
                    // One write(2), so that a kill leaves whole lines.
                    System.out.write(line.getBytes(StandardCharsets.UTF_8));
                    System.out.flush();
                }
            } catch (final SQLException | IOException e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(1);
            }
        }
    }
}
