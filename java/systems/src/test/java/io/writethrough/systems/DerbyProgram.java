// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** A table of an embedded Derby database. Its commits are durable by default. */
final class DerbyProgram {
    private DerbyProgram() {}

    public static void main(final String[] arguments) {
        Program.run(DerbyProgram::open, arguments);
    }

    private static Records open(final Path directory) throws SQLException {
        System.setProperty(
                "derby.stream.error.file", directory.resolve("derby.log").toString());
        final String url = "jdbc:derby:" + directory.resolve("db");
        final Connection connection = DriverManager.getConnection(url + ";create=true");
        if (!TableRecords.isThere(connection)) {
            TableRecords.create(connection, "varchar(100) for bit data");
        }
        return new TableRecords(connection, () -> shutDown(url));
    }

    /* Derby tells success by an exception. */
    private static void shutDown(final String url) throws SQLException {
        try {
            DriverManager.getConnection(url + ";shutdown=true");
        } catch (final SQLException e) {
            if (!"08006".equals(e.getSQLState())) {
                throw e;
            }
        }
    }
}
