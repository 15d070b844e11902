// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.CompletionHandler;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Channels that are opened without an executor have the threads that the system properties of the JDK's channels ask for. */
class DefaultThreadPoolTest extends OnEveryFileSystem {
    private static final String PREFIX = "-Djava.nio.channels.DefaultThreadPool.";

    /** Its threads have names. */
    public static final class Factory implements ThreadFactory {
        static final AtomicInteger MADE = new AtomicInteger();

        @Override
        public Thread newThread(final Runnable task) {
            MADE.incrementAndGet();
            final Thread thread = new Thread(task, "of the factory");
            thread.setDaemon(true);
            return thread;
        }
    }

    /** Prints the name of a handler's thread, and how many threads the factory had made when the channel was open. */
    public static final class Opener {
        public static void main(final String[] arguments) throws Exception {
            for (final Path path :
                    new Path[] {Path.of(arguments[0]), WriteThroughFileSystem.path(Path.of(arguments[0]))}) {
                try (AsynchronousFileChannel channel = open(path)) {
                    System.out.println(Factory.MADE.get() + " " + nameOfHandlersThread(channel));
                } catch (final Error e) {
                    System.out.println(e.getClass().getName() + " " + e.getMessage());
                }
            }
        }

        private static AsynchronousFileChannel open(final Path path) throws Exception {
            return path.getFileSystem() == java.nio.file.FileSystems.getDefault()
                    ? WriteThroughFile.open(path, CREATE, WRITE).asAsynchronousFileChannel()
                    : AsynchronousFileChannel.open(path, CREATE, WRITE);
        }

        private static String nameOfHandlersThread(final AsynchronousFileChannel channel) {
            final CompletableFuture<String> name = new CompletableFuture<>();
            channel.write(ByteBuffer.allocate(10), 0, null, new CompletionHandler<Integer, Void>() {
                @Override
                public void completed(final Integer count, final Void nothing) {
                    name.complete(Thread.currentThread().getName());
                }

                @Override
                public void failed(final Throwable failure, final Void nothing) {
                    name.completeExceptionally(failure);
                }
            });
            return name.join();
        }
    }

    private String[] linesWith(final String... options) throws Exception {
        ChildJvm child = ChildJvm.of(Opener.class, path.toString());
        for (final String option : options) {
            child = child.withOption(option);
        }
        return child.run().output().split("\n");
    }

    @Test
    void theThreadsOfHandlersAreOfTheFactoryThatTheSystemPropertyNames() throws Exception {
        final String[] lines = linesWith(PREFIX + "threadFactory=" + Factory.class.getName());
        assertEquals("0 of the factory", lines[0]);
        assertEquals("1 of the factory", lines[1]);
    }

    @Test
    void soManyThreadsAreThereAtFirstAsTheSystemPropertySays() throws Exception {
        final String[] lines = linesWith(PREFIX + "threadFactory=" + Factory.class.getName(), PREFIX + "initialSize=3");
        assertEquals("3 of the factory", lines[0]);
    }

    @Test
    void withoutSystemPropertiesHandlersRunOnThreadsOfTheLibrary() throws Exception {
        assertEquals("0 writethrough-channel", linesWith()[0]);
    }

    @Test
    void aPropertyThatCannotBeIsAnErrorThatNamesIt() throws Exception {
        assertEquals(
                "java.lang.Error system property java.nio.channels.DefaultThreadPool.initialSize is 'many', must be a number of"
                        + " threads",
                linesWith(PREFIX + "initialSize=many")[1]);
        assertEquals(
                "java.lang.Error system property java.nio.channels.DefaultThreadPool.threadFactory is 'no.such.Factory', must be"
                        + " a ThreadFactory of the class path that is public and has a public constructor without parameters",
                linesWith(PREFIX + "threadFactory=no.such.Factory")[0]);
    }
}
