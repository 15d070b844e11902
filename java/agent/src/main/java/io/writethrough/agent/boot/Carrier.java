// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.boot;

import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.SyncFailedException;
import org.jspecify.annotations.Nullable;

/** What {@link Hooks} call: the agent, which no class of the bootstrap loader could name. */
public interface Carrier {
    /** Whether the file was opened. False: the JDK is to open it. The modes are those of {@code RandomAccessFile.open}. */
    boolean open(RandomAccessFile file, String name, int mode) throws FileNotFoundException;

    /** As {@link #open(RandomAccessFile, String, int)}. */
    boolean open(FileOutputStream stream, String name, boolean append) throws FileNotFoundException;

    /** As {@link #open(RandomAccessFile, String, int)}. */
    boolean open(FileInputStream stream, String name) throws FileNotFoundException;

    /** The JDK has opened the file. */
    void opened(RandomAccessFile file, String name, int mode) throws FileNotFoundException;

    /** The JDK has opened the file. */
    void opened(FileInputStream stream, String name) throws FileNotFoundException;

    /** A stream was made on a descriptor, perhaps that of a stream whose file is carried. */
    void share(FileOutputStream stream, FileDescriptor descriptor);

    /** As {@link #share(FileOutputStream, FileDescriptor)}. */
    void share(FileInputStream stream, FileDescriptor descriptor);

    /**
     * Whether a file was synced. False: the descriptor is of no carried file.
     *
     * @param parent the stream that has opened the descriptor, if one has
     */
    boolean sync(FileDescriptor descriptor, @Nullable Closeable parent) throws SyncFailedException;

    /** A channel of the JDK is being forced. */
    void passed(FileDescriptor descriptor);

    /** What a native method of the JDK did which a method in Java has replaced. */
    interface Natives {
        void sync(FileDescriptor descriptor) throws SyncFailedException;

        long pointer(FileDescriptor descriptor) throws IOException;

        long length(FileDescriptor descriptor) throws IOException;

        void setLength(FileDescriptor descriptor, long length) throws IOException;
    }
}
