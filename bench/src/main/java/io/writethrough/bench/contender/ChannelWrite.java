// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import com.sun.nio.file.ExtendedOpenOption;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Durable overwrites by the JDK's {@link FileChannel}. */
public final class ChannelWrite implements Way {

    /** How the channel makes a write durable. */
    public enum Mode {
        /** Write, then {@code force(false)}. */
        FORCE(StandardOpenOption.WRITE),
        /** Opened with {@code DSYNC}. */
        DSYNC(StandardOpenOption.WRITE, StandardOpenOption.DSYNC),
        /** Opened with {@code DIRECT} and {@code DSYNC}: past the kernel's page cache. */
        DIRECT_DSYNC(StandardOpenOption.WRITE, StandardOpenOption.DSYNC, ExtendedOpenOption.DIRECT);

        private final OpenOption[] options;

        Mode(OpenOption... options) {
            this.options = options;
        }
    }

    private final FileChannel channel;
    private final int bytes;
    private final boolean force;

    /** Opens a file that exists, for writes of so many bytes each. */
    public ChannelWrite(Path path, int bytes, Mode mode) throws IOException {
        this.channel = FileChannel.open(path, mode.options);
        this.bytes = bytes;
        this.force = mode == Mode.FORCE;
    }

    @Override
    public Operation operation() {
        Operation write = new Stamped(bytes, channel::write);
        return !force
                ? write
                : offset -> {
                    write.at(offset);
                    channel.force(false);
                };
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
