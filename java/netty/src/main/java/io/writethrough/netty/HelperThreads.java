// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty;

import io.netty.util.concurrent.DefaultThreadFactory;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The few threads that wait where an event loop must not. Nothing of the user's runs on them. */
final class HelperThreads {
    private static final int THREADS = 16;

    static final Executor POOL = pool();

    private HelperThreads() {}

    private static ThreadPoolExecutor pool() {
        final ThreadPoolExecutor pool = new ThreadPoolExecutor(
                THREADS,
                THREADS,
                5,
                TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                new DefaultThreadFactory("writethrough-netty", true));
        pool.allowCoreThreadTimeOut(true);
        return pool;
    }
}
