// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** A table of an embedded HSQLDB database that makes its log durable at each commit. */
final class HsqldbProgram {
    private HsqldbProgram() {}

    public static void main(final String[] arguments) {
        Program.run(HsqldbProgram::open, arguments);
    }

    private static Records open(final Path directory) throws SQLException {
        System.setProperty("hsqldb.reconfig_logging", "false");
        final Connection connection = DriverManager.getConnection("jdbc:hsqldb:file:" + directory.resolve("db"));
        execute(connection, "set files write delay false");
        if (!TableRecords.isThere(connection)) {
            TableRecords.create(connection, "varbinary(100)");
        }
        return new TableRecords(connection, () -> execute(connection, "shutdown"));
    }

    private static void execute(final Connection connection, final String command) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(command);
        }
    }
}
