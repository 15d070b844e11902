// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import org.jspecify.annotations.Nullable;

/** Records in a table of a database, each inserted by a transaction of its own. */
final class TableRecords implements Records {
    /** Ends the database. */
    interface End {
        void run() throws SQLException;
    }

    private final Connection connection;
    private final PreparedStatement insert;
    private final PreparedStatement select;
    private final End end;

    TableRecords(final Connection connection, final End end) throws SQLException {
        this.connection = connection;
        this.end = end;
        insert = connection.prepareStatement("insert into records values(?, ?)");
        select = connection.prepareStatement("select record from records where number = ?");
    }

    /** Whether a database has the table. */
    static boolean isThere(final Connection connection) throws SQLException {
        try (ResultSet tables = connection.getMetaData().getTables(null, null, "RECORDS", null)) {
            return tables.next();
        }
    }

    /** Makes the table; the type of a record is the database's own word for bytes. */
    static void create(final Connection connection, final String type) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table records(number bigint primary key, record " + type + ")");
        }
    }

    @Override
    public void commit(final long number, final byte[] record) throws SQLException {
        insert.setLong(1, number);
        insert.setBytes(2, record);
        insert.executeUpdate();
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
        insert.close();
        select.close();
        end.run();
        connection.close();
    }
}
