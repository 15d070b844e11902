// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** A file of a log. The log does all its I/O by this interface, so that tests can cut the power at each step of it. */
interface LogFile extends Closeable {
    /** Told when an asynchronous write has ended, on any thread. */
    @FunctionalInterface
    interface Ended {
        void ended(@Nullable Throwable failure);
    }

    String name();

    long size() throws IOException;

    /** Reads until the buffer is full or the file ends. Returns how many bytes were read. */
    int read(ByteBuffer destination, long offset) throws IOException;

    /** Writes all that remains, durably. */
    void write(ByteBuffer source, long offset) throws IOException;

    /** Writes all that remains in the buffers, one behind the other, durably. */
    void write(ByteBuffer[] sources, long offset) throws IOException;

    /** Starts a durable write of the buffers, one behind the other. They are free when this returns. */
    void writeAsync(ByteBuffer[] sources, long offset, Ended ended);

    /** Makes the range zeros that exist on the device, durably. The file grows to the end of the range. */
    void zero(long from, long to) throws IOException;

    /** Gives the file another name in the same directory, durably. Replaces a file that has the name. */
    void renameTo(String name) throws IOException;
}
