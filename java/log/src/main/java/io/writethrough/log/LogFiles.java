// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;

/** The directory of a log. */
interface LogFiles extends Closeable {
    /** The names of all files in it. */
    List<String> list() throws IOException;

    /** Opens a file; if it is to be made, it and its name are durable when this returns. */
    LogFile open(String name, boolean create) throws IOException;

    /**
     * Opens a file for reads of what is not written any more: what the kernel has of it needs no device. Who reads what is
     * written after this call may get old bytes.
     */
    default LogFile openWritten(final String name) throws IOException {
        return open(name, false);
    }

    /** Whether {@link #openWritten} may open a file that is open for writes. */
    default boolean opensBesideWrites() {
        return true;
    }

    void delete(String name) throws IOException;

    /**
     * Makes durable what these files have, and all names in the directory: also what a process left that was killed before it
     * had waited for that.
     */
    void sync(List<String> names) throws IOException;

    /** In tests: lets the device end a write. False: there is no such device, or it has nothing to do. */
    default boolean progress() {
        return false;
    }

    /** The directory, for messages. */
    @Override
    String toString();
}
