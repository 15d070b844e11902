// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import org.h2.store.fs.FileBaseDefault;
import org.h2.store.fs.FilePathWrapper;

/** H2's own file system with the durability of this one: each write is forced to the device before it returns. */
public final class ForcedFilePath extends FilePathWrapper {
    @Override
    public String getScheme() {
        return "forced";
    }

    @Override
    public FileChannel open(final String mode) throws IOException {
        return new Forced(super.open(mode));
    }

    private static final class Forced extends FileBaseDefault {
        private final FileChannel channel;

        Forced(final FileChannel channel) {
            this.channel = channel;
        }

        @Override
        public int write(final ByteBuffer source, final long position) throws IOException {
            final int count = channel.write(source, position);
            channel.force(false);
            return count;
        }

        @Override
        public int read(final ByteBuffer destination, final long position) throws IOException {
            return channel.read(destination, position);
        }

        @Override
        public long size() throws IOException {
            return channel.size();
        }

        @Override
        protected void implTruncate(final long size) throws IOException {
            channel.truncate(size);
        }

        @Override
        public void force(final boolean metaData) throws IOException {
            channel.force(metaData);
        }

        @Override
        public FileLock tryLock(final long position, final long size, final boolean shared) throws IOException {
            return channel.tryLock(position, size, shared);
        }

        @Override
        protected void implCloseChannel() throws IOException {
            channel.close();
        }
    }
}
