// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.lang.reflect.InvocationTargetException;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Threads for what may take as long as it likes: handlers of asynchronous channels that have no executor of their own, and
 * waiting for locks of other processes. There are as many as are busy at a time.
 */
public final class ChannelThreads {
    /* Those of AsynchronousChannelGroup, which AsynchronousFileChannel refers to. */
    private static final String FACTORY = "java.nio.channels.DefaultThreadPool.threadFactory";
    private static final String INITIAL_SIZE = "java.nio.channels.DefaultThreadPool.initialSize";

    private static final ThreadFactory OWN = task -> CompletionThread.daemon(task, "writethrough-channel");

    /** For this library's own use. */
    public static final ExecutorService POOL = pool(0, OWN);

    private static @Nullable ExecutorService handlers;

    private ChannelThreads() {}

    /**
     * For the handlers of channels that have no executor: threads of the factory that the system properties name, if they do.
     *
     * @throws Error if they name one that cannot be made, or no number as the initial size, as the JDK does
     */
    public static synchronized ExecutorService handlers() {
        if (handlers == null) {
            final String factory = System.getProperty(FACTORY);
            final String initialSize = System.getProperty(INITIAL_SIZE);
            handlers = factory == null && initialSize == null
                    ? POOL
                    : pool(initialSizeOf(initialSize), factory == null ? OWN : factoryOf(factory));
        }
        return handlers;
    }

    /* As many threads as that are there at first. Each ends when it has had nothing to do. */
    private static ExecutorService pool(final int initialSize, final ThreadFactory factory) {
        final ThreadPoolExecutor pool = new ThreadPoolExecutor(
                initialSize, Integer.MAX_VALUE, 5, TimeUnit.SECONDS, new SynchronousQueue<>(), factory);
        pool.allowCoreThreadTimeOut(true);
        pool.prestartAllCoreThreads();
        return pool;
    }

    private static int initialSizeOf(final String text) {
        try {
            return text == null ? 0 : Math.max(Integer.parseInt(text), 0);
        } catch (final NumberFormatException e) {
            throw new Error("system property " + INITIAL_SIZE + " is '" + text + "', must be a number of threads", e);
        }
    }

    private static ThreadFactory factoryOf(final String name) {
        try {
            final Object factory = Class.forName(name, true, ClassLoader.getSystemClassLoader())
                    .getConstructor()
                    .newInstance();
            return Objects.requireNonNull((ThreadFactory) factory);
        } catch (final InvocationTargetException e) {
            throw noFactory(name, e.getCause());
        } catch (final ReflectiveOperationException | ClassCastException e) {
            throw noFactory(name, e);
        }
    }

    private static Error noFactory(final String name, final @Nullable Throwable cause) {
        return new Error(
                "system property " + FACTORY + " is '" + name + "', must be a ThreadFactory of the class path that is"
                        + " public and has a public constructor without parameters",
                cause);
    }
}
