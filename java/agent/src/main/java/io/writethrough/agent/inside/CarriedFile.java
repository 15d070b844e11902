// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * A file that the engine has opened for a stream, with what the kernel calls an open file description: one position and one set of
 * modes, for all streams and channels on one descriptor.
 *
 * @param file on the engine
 * @param channel of it, which no interrupt closes: streams know no interrupts
 */
record CarriedFile(WriteThroughFile file, FileChannel channel) {
    static CarriedFile of(final WriteThroughFile file) {
        return new CarriedFile(file, file.asFileChannel());
    }

    void close() throws IOException {
        file.close();
    }
}
