// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.writethrough.internal.jni.Errno;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Handles of the portable engine. */
class PortableIoTest {
    @Test
    void aLaneWhoseThreadHasEndedIsForgottenWithItsEngine() throws Exception {
        final long engine = PortableIo.openEngine(1 << 20);
        final CompletableFuture<Long> opened = new CompletableFuture<>();
        final Thread thread = new Thread(() -> opened.complete(PortableIo.laneOpen(engine, 8)));
        thread.start();
        thread.join();
        final long lane = opened.get();
        assertEquals(0, PortableIo.laneSend(lane));
        assertEquals(0, PortableIo.refuseLanes(engine));
        assertEquals(0, PortableIo.shutDown(engine));
        assertEquals(0, PortableIo.closeEngine(engine));
        assertEquals(-Errno.EBADF, PortableIo.laneSend(lane));
    }
}
