// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import java.io.File;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import org.apache.bookkeeper.bookie.BookieFileChannel;
import org.apache.bookkeeper.conf.ServerConfiguration;
import org.jspecify.annotations.Nullable;

/**
 * A journal file. BookKeeper makes a new file before it asks for the channel, and writes only new files. So an empty
 * file is opened for writing, by the library, and any other is opened as BookKeeper opens it, by the JDK.
 */
final class WriteThroughBookieFileChannel implements BookieFileChannel {
    private final File file;
    private final ServerConfiguration configuration;

    /* One of the two once the channel was asked for. */
    private @Nullable JournalFileChannel written;
    private @Nullable RandomAccessFile read;

    WriteThroughBookieFileChannel(final File file, final ServerConfiguration configuration) {
        this.file = file;
        this.configuration = configuration;
    }

    @Override
    public synchronized FileChannel getFileChannel() throws IOException {
        if (written != null) {
            return written;
        }
        if (read == null && configuration.getJournalSyncData() && file.length() == 0) {
            written = JournalFileChannel.open(file.toPath(), configuration);
            return written;
        }
        if (read == null) {
            read = new RandomAccessFile(file, "rw");
        }
        return read.getChannel();
    }

    @Override
    public boolean fileExists(final File wanted) {
        return wanted.exists();
    }

    /* For posix_fadvise alone. BookKeeper leaves that out if the descriptor is not valid. */
    @Override
    public synchronized FileDescriptor getFD() throws IOException {
        if (written == null && read == null) {
            throw new IOException("Not open: " + file);
        }
        return read == null ? new FileDescriptor() : read.getFD();
    }

    @Override
    public synchronized void close() throws IOException {
        if (written != null) {
            written.close();
        }
        if (read != null) {
            read.close();
        }
    }
}
