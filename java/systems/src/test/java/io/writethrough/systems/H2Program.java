// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/**
 * A table of an embedded H2 database that writes each commit before it returns. H2 flushes nothing of itself: where no write is
 * durable of itself, the property {@code checkpoint=true} makes it flush after each commit, by {@code CHECKPOINT SYNC}.
 */
final class H2Program {
    private H2Program() {}

    public static void main(final String[] arguments) {
        Program.run(Database::new, arguments);
    }

    private static final class Database implements Records {
        private final boolean checkpoints = Boolean.getBoolean("checkpoint");
        private final Connection connection;
        private final PreparedStatement insert;
        private final PreparedStatement select;
        private final PreparedStatement checkpoint;

        Database(final Path directory) throws SQLException {
            connection = DriverManager.getConnection(
                    "jdbc:h2:" + directory.resolve("db") + ";WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE");
            try (Statement statement = connection.createStatement()) {
                statement.execute("create table if not exists records(number bigint primary key, record varbinary)");
            }
            insert = connection.prepareStatement("insert into records values(?, ?)");
            select = connection.prepareStatement("select record from records where number = ?");
            checkpoint = connection.prepareStatement("checkpoint sync");
        }

        @Override
        public void commit(final long number, final byte[] record) throws SQLException {
            insert.setLong(1, number);
            insert.setBytes(2, record);
            insert.executeUpdate();
            if (checkpoints) {
                checkpoint.execute();
            }
        }

        @Override
        public byte @Nullable [] read(final long number) throws SQLException {
            select.setLong(1, number);
            try (ResultSet found = select.executeQuery()) {
                return found.next() ? found.getBytes(1) : null;
            }
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }
}
