// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.mapdb.DB;
import org.mapdb.DBMaker;
import org.mapdb.HTreeMap;
import org.mapdb.Serializer;

/** A map of MapDB with a write-ahead log, on file channels. */
final class MapDbProgram {
    private MapDbProgram() {}

    public static void main(final String[] arguments) {
        Program.run(Database::new, arguments);
    }

    private static final class Database implements Records {
        private final DB database;
        private final HTreeMap<Long, byte[]> map;

        Database(final Path directory) {
            database = DBMaker.fileDB(directory.resolve("db").toFile())
                    .fileChannelEnable()
                    .transactionEnable()
                    .make();
            map = database.hashMap("records", Serializer.LONG, Serializer.BYTE_ARRAY)
                    .createOrOpen();
        }

        @Override
        public void commit(final long number, final byte[] record) {
            map.put(number, record);
            database.commit();
        }

        @Override
        public byte @Nullable [] read(final long number) {
            return map.get(number);
        }

        @Override
        public void close() {
            database.close();
        }
    }
}
