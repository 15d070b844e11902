// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import java.util.Arrays;
import jetbrains.exodus.ArrayByteIterable;
import jetbrains.exodus.ByteIterable;
import jetbrains.exodus.bindings.LongBinding;
import jetbrains.exodus.env.Environment;
import jetbrains.exodus.env.EnvironmentConfig;
import jetbrains.exodus.env.Environments;
import jetbrains.exodus.env.Store;
import jetbrains.exodus.env.StoreConfig;
import org.jspecify.annotations.Nullable;

/** A store of Xodus that makes its log durable at each commit. */
final class XodusProgram {
    private XodusProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        Program.run(Database::new, arguments);
    }

    private static final class Database implements Records {
        private final Environment environment;
        private final Store store;

        Database(final Path directory) {
            environment =
                    Environments.newInstance(directory.toFile(), new EnvironmentConfig().setLogDurableWrite(true));
            store = environment.computeInTransaction(
                    transaction -> environment.openStore("records", StoreConfig.WITHOUT_DUPLICATES, transaction));
        }

        @Override
        public void commit(final long number, final byte[] record) {
            environment.executeInTransaction(transaction ->
                    store.put(transaction, LongBinding.longToEntry(number), new ArrayByteIterable(record)));
        }

        @Override
        public byte @Nullable [] read(final long number) {
            final ByteIterable found = environment.computeInReadonlyTransaction(
                    transaction -> store.get(transaction, LongBinding.longToEntry(number)));
            return found == null ? null : Arrays.copyOf(found.getBytesUnsafe(), found.getLength());
        }

        @Override
        public void close() {
            environment.close();
        }
    }
}
