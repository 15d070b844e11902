// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.jni.Errno;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Logger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class NativeHandleTest {
    @Test
    void aLostHandleThatCannotBeClosedYetIsClosedLaterAndReportedOnce() throws Exception {
        final AtomicInteger attempts = new AtomicInteger();
        final AtomicInteger reports = new AtomicInteger();
        final CountDownLatch closed = new CountDownLatch(1);
        final Logger logger = Logger.getLogger("io.writethrough");
        logger.setFilter(report -> {
            reports.incrementAndGet();
            return false;
        });
        try {
            NativeHandle.of(
                    new Object(),
                    1,
                    value -> {
                        if (attempts.incrementAndGet() < 3) {
                            return -Errno.EBUSY;
                        }
                        closed.countDown();
                        return 0;
                    },
                    () -> "A handle");
            assertTrue(collectUntil(closed), attempts + " attempts");
            while (reports.get() == 0) {
                Thread.sleep(1);
            }
            System.gc();
            Thread.sleep(20);
            assertEquals(3, attempts.get());
            assertEquals(1, reports.get());
        } finally {
            logger.setFilter(null);
        }
    }

    private static boolean collectUntil(final CountDownLatch latch) throws InterruptedException {
        for (int i = 0; i < 300; i++) {
            System.gc();
            if (latch.await(100, TimeUnit.MILLISECONDS)) {
                return true;
            }
        }
        return false;
    }
}
