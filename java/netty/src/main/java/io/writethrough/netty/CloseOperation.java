// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.util.concurrent.EventExecutor;
import io.writethrough.WriteThroughFile;
import java.io.IOException;

/** The closing of a file: the last of its operations to be started, and the one that waits for all of them. */
final class CloseOperation extends FileOperation<Void> {
    private final WriteThroughFile file;

    CloseOperation(final EventExecutor executor, final WriteThroughFile file) {
        super(executor);
        this.file = file;
        begin();
    }

    @Override
    boolean startNow() {
        return false;
    }

    @Override
    void startWaiting() {
        try {
            file.close();
            succeed(null);
        } catch (final IOException | RuntimeException e) {
            fail(e);
        }
    }

    @Override
    void release() {}
}
