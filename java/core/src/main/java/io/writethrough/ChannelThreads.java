package io.writethrough;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Threads for what may take as long as it likes: handlers of asynchronous channels that have no executor of their own, and
 * waiting for locks of other processes. There are as many as are busy at a time.
 */
final class ChannelThreads {
    static final ExecutorService POOL = new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            5,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            task -> CompletionThread.daemon(task, "writethrough-channel"));

    private ChannelThreads() {}
}
