// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Numbered records in a database or log of the kind that a program tries. */
interface Records extends AutoCloseable {
    /** Opens what is in a directory, or makes it. */
    interface Opener {
        Records open(Path directory) throws Exception;
    }

    /**
     * Stores a record; it is committed when this returns. Numbers come in order, from 1 on: in order for each thread, where
     * several threads commit.
     */
    void commit(long number, byte[] record) throws Exception;

    /** The record of this number, or null. Numbers come in order, from 1 on. */
    byte @Nullable [] read(long number) throws Exception;

    @Override
    void close() throws IOException, SQLException;
}
