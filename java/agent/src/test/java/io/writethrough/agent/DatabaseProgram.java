// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;
import static io.writethrough.agent.Checks.stats;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/** Commits rows to a database and ends without closing it, or counts the rows. */
final class DatabaseProgram {
    static final int ROWS = 50;

    private DatabaseProgram() {}

    public static void main(final String[] arguments) throws Exception {
        final Connection connection = DriverManager.getConnection(arguments[0]);
        try (Statement statement = connection.createStatement()) {
            if (arguments[1].equals("create")) {
                statement.execute("create table t(id int primary key)");
            }
            if (!arguments[1].equals("count")) {
                insert(arguments[0], statement);
                check(stats().writes() >= ROWS, "the commits are carried: " + stats());
                System.out.println(rows(statement) + " rows");
                System.out.flush();
                Runtime.getRuntime().halt(0);
            }
            System.out.println(rows(statement) + " rows");
        }
        connection.close();
    }

    private static void insert(final String url, final Statement statement) throws SQLException {
        if (url.startsWith("jdbc:hsqldb:")) {
            statement.execute("set files write delay false");
        }
        final int first = rows(statement);
        for (int i = 0; i < ROWS; i++) {
            statement.execute("insert into t values(" + (first + i) + ")");
        }
    }

    private static int rows(final Statement statement) throws SQLException {
        try (ResultSet count = statement.executeQuery("select count(*) from t")) {
            count.next();
            return count.getInt(1);
        }
    }
}
