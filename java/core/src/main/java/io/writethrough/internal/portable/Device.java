// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileLock;
import org.jspecify.annotations.Nullable;

/** What the portable engine needs of an open file of the system. No interrupt ends a call of it. */
interface Device {
    /** Reads until the buffer is full or the file ends. The count of bytes. */
    int read(ByteBuffer destination, long position) throws IOException;

    /** Writes all bytes of the buffer into the page cache of the system. */
    void write(ByteBuffer source, long position) throws IOException;

    /** Makes durable what was written before, and the size; with metadata the times too. */
    void force(boolean metadata) throws IOException;

    long size() throws IOException;

    /** Cuts the file. Nothing happens to one that is not longer. */
    void truncate(long size) throws IOException;

    /** Null: another process has a lock that overlaps. */
    @Nullable
    FileLock tryLock(long position, long size, boolean shared) throws IOException;

    void close() throws IOException;
}
