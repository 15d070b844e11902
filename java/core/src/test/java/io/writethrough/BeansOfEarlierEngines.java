// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.concurrent.TimeUnit;

/** Engines that a process opened before it had an MBean server get their beans by a thread, which ends then. */
final class BeansOfEarlierEngines {
    private BeansOfEarlierEngines() {}

    /** Waits until these are there. The process has a server. */
    static void await() throws InterruptedException {
        for (final Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("writethrough-jmx")) {
                thread.join(TimeUnit.SECONDS.toMillis(20));
                assertFalse(thread.isAlive(), "the thread that registers beans has not ended");
            }
        }
    }
}
