// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Transactions like those of TPC-B: an account, its teller and its branch change by the same amount, and a row of history
 * tells so. Each client numbers its own. What was lost, or done in part, shows in the sums and in the numbers.
 */
final class TpcB {
    static final int BRANCHES = 50;
    private static final int TELLERS = 10 * BRANCHES;
    private static final int ACCOUNTS = 200 * BRANCHES;

    /* Lock timeout, deadlock, concurrent update: what a client has to try again. */
    private static final Set<Integer> AGAIN = Set.of(50200, 40001, 90131);

    private TpcB() {}

    static void create(final String url) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            statement.execute("create table branches(id int primary key, balance bigint, filler char(88))");
            statement.execute("create table tellers(id int primary key, branch int, balance bigint, filler char(84))");
            statement.execute("create table accounts(id int primary key, branch int, balance bigint, filler char(84))");
            statement.execute("create table history(client int, number int, teller int, branch int, account int,"
                    + " delta bigint, filler char(22), primary key(client, number))");
            statement.execute("insert into branches select x, 0, '' from system_range(1, " + BRANCHES + ")");
            statement.execute(
                    "insert into tellers select x, (x - 1) / 10 + 1, 0, '' from system_range(1, " + TELLERS + ")");
            statement.execute(
                    "insert into accounts select x, (x - 1) / 200 + 1, 0, '' from system_range(1, " + ACCOUNTS + ")");
        }
    }

    /** One connection and its transactions. */
    static final class Client implements AutoCloseable {
        private final int client;
        private final int clients;
        private final ReadWriteLock stores;
        private final Random random;
        private final Connection connection;
        private final PreparedStatement account;
        private final PreparedStatement balance;
        private final PreparedStatement teller;
        private final PreparedStatement branch;
        private final PreparedStatement history;
        private int number;

        /** One whose transactions may touch any branch. */
        Client(final String url, final int client) throws SQLException {
            this(url, client, 1, new ReentrantReadWriteLock());
        }

        /**
         * One of several, each with branches of its own, so that none waits for the rows of another. It changes rows with the
         * lock shared and commits with the lock alone.
         */
        Client(final String url, final int client, final int clients, final ReadWriteLock stores) throws SQLException {
            this.client = client;
            this.clients = clients;
            this.stores = stores;
            this.random = new Random(client);
            this.connection = DriverManager.getConnection(url);
            connection.setAutoCommit(false);
            account = connection.prepareStatement("update accounts set balance = balance + ? where id = ?");
            balance = connection.prepareStatement("select balance from accounts where id = ?");
            teller = connection.prepareStatement("update tellers set balance = balance + ? where id = ?");
            branch = connection.prepareStatement("update branches set balance = balance + ? where id = ?");
            history = connection.prepareStatement("insert into history values(?, ?, ?, ?, ?, ?, '')");
            try (ResultSet last = connection
                    .createStatement()
                    .executeQuery("select coalesce(max(number), 0) from history where client = " + client)) {
                last.next();
                number = last.getInt(1);
            }
        }

        /** One transaction. Returns its number when the commit has returned. */
        int run() throws SQLException {
            while (true) {
                try {
                    change();
                    with(stores.writeLock(), connection::commit);
                    return ++number;
                } catch (final SQLException e) {
                    if (!AGAIN.contains(e.getErrorCode())) {
                        throw e;
                    }
                    connection.rollback();
                }
            }
        }

        private void change() throws SQLException {
            final long delta = random.nextInt(1_999_999) - 999_999;
            final int branchId = 1 + client % clients + clients * random.nextInt(BRANCHES / clients);
            final int tellerId = 10 * (branchId - 1) + 1 + random.nextInt(10);
            final int accountId = 200 * (branchId - 1) + 1 + random.nextInt(200);
            update(account, delta, accountId);
            balance.setInt(1, accountId);
            balance.executeQuery().close();
            update(teller, delta, tellerId);
            update(branch, delta, branchId);
            history.setInt(1, client);
            history.setInt(2, number + 1);
            history.setInt(3, tellerId);
            history.setInt(4, branchId);
            history.setInt(5, accountId);
            history.setLong(6, delta);
            with(stores.readLock(), history::executeUpdate);
        }

        private void update(final PreparedStatement statement, final long delta, final int id) throws SQLException {
            statement.setLong(1, delta);
            statement.setInt(2, id);
            with(stores.readLock(), statement::executeUpdate);
        }

        private interface Step {
            void run() throws SQLException;
        }

        private static void with(final Lock lock, final Step step) throws SQLException {
            lock.lock();
            try {
                step.run();
            } finally {
                lock.unlock();
            }
        }

        /** Another statement on the same connection. */
        void execute(final String sql) throws SQLException {
            try (Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
        }

        @Override
        public void close() throws SQLException {
            connection.close();
        }
    }

    /** What the tables say of all transactions: equal sums, and the count and last number of each client. */
    record Books(long accounts, long tellers, long branches, long history) {
        static Books of(final Connection connection) throws SQLException {
            return new Books(
                    number(connection, "select sum(balance) from accounts"),
                    number(connection, "select sum(balance) from tellers"),
                    number(connection, "select sum(balance) from branches"),
                    number(connection, "select coalesce(sum(delta), 0) from history"));
        }

        boolean agree() {
            return accounts == history && tellers == history && branches == history;
        }
    }

    static long number(final Connection connection, final String query) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getLong(1);
        }
    }
}
