// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.MemoryLimit;
import io.writethrough.internal.Names;
import io.writethrough.internal.async.Completions;
import io.writethrough.internal.core.Core;
import io.writethrough.internal.file.Failures;
import io.writethrough.internal.file.OpenEngine;
import io.writethrough.internal.file.OpenFile;
import io.writethrough.internal.file.OpenRequest;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Codes;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.load.NativeLibraries;
import io.writethrough.internal.path.FileIdentity;
import io.writethrough.internal.ring.Rings;
import io.writethrough.internal.stats.EngineCounters;
import io.writethrough.internal.stats.EngineObserver;
import io.writethrough.internal.stats.EngineRegistration;
import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.nio.file.attribute.FileAttribute;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.LongToIntFunction;
import java.util.function.ToIntBiFunction;
import org.jspecify.annotations.Nullable;

/**
 * The page cache of a process and the way of its I/O: memory for cached file contents, limits, and a connection to
 * the kernel. Most programs need one engine: {@link #shared()}.
 *
 * <p>An engine owns the files that are open on it. While a file is open for writing on one engine, no other engine
 * and no other process that uses this library can open it. While a file is open for reading, none of them can open it
 * for writing. A file that is opened twice on one engine has one set of cached bytes, and each opening sees the
 * other's writes at once. A program that writes to the file by other means (a {@link java.nio.channels.FileChannel},
 * say) is not kept out, and what it writes may not be seen.
 *
 * <p>{@link #stats()} tells what the engine does, and so does {@link WriteThroughEngineMXBean} by JMX. With the
 * module {@code jdk.jfr} the flight recorder gets the events {@code io.writethrough.Write}, {@code Read}, {@code
 * Gather}, {@code Eviction} and {@code Error}, all of them, if a recording does not say otherwise. A slow I/O is
 * {@link Builder#slowIoThreshold logged}.
 *
 * <p>If an engine becomes unreachable before it is closed, it is closed then, with a warning to the {@link
 * System.Logger} {@code io.writethrough}.
 *
 * @since 0.1
 */
public final class WriteThroughEngine implements Closeable {
    private static final Object SHARED_LOCK = new Object();
    private static final AtomicInteger NUMBERS = new AtomicInteger();
    private static volatile @Nullable WriteThroughEngine sharedEngine;

    private final OpenEngine engine;
    private final Backend backend;
    private final boolean completionPolling;
    private final EngineRegistration registration;

    private WriteThroughEngine(final long handle, final Builder options, final BooleanSupplier mayWait) {
        this.completionPolling = options.completionPolling;
        final int number = NUMBERS.incrementAndGet();
        final EngineObserver observer = new EngineObserver(handle, number, options.slowIoNanos);
        final Completions completions = new Completions(handle, options.completionExecutor, observer::end);
        this.backend = Codes.backend(Core.backend(handle));
        this.registration = new EngineRegistration(handle, backend, number);
        this.engine = new OpenEngine(handle, completions, closing(registration, completions), mayWait);
        observer.start();
    }

    /* Static, so that it does not know the engine, which may be lost. */
    private static LongToIntFunction closing(final EngineRegistration registration, final Completions completions) {
        return handle -> {
            registration.end();
            return completions.close(handle);
        };
    }

    /**
     * The engine of this process, made at the first call. These system properties are read then:
     *
     * <ul>
     *   <li>{@code io.writethrough.cacheBytes}, {@code io.writethrough.inFlightBytes}: counts of bytes, as {@link
     *       Builder#cacheBytes} and {@link Builder#inFlightBytes} take them;
     *   <li>{@code io.writethrough.backend}: the name of a {@link Backend}, in upper or lower case (with {@code
     *       -Dio.writethrough.portable=true} every engine of the process whose backend is {@code AUTO} is {@code JDK});
     *   <li>{@code io.writethrough.slowIoMillis}: the {@link Builder#slowIoThreshold} in milliseconds, 0 for none.
     * </ul>
     *
     * <p>It lives as long as the process, or until {@link #closeShared()}: {@link #close()} on it is refused.
     *
     * @return the same engine at every call
     * @throws IllegalArgumentException if one of the properties has a value that cannot be
     * @throws UncheckedIOException if the engine cannot be opened; the next call tries again
     * @throws UnsatisfiedLinkError if the properties name a backend of the native library, and it cannot be loaded or there is none
     *     for this platform
     */
    public static WriteThroughEngine shared() {
        final WriteThroughEngine engine = sharedEngine;
        return engine != null ? engine : openShared();
    }

    /**
     * Closes the {@link #shared() shared engine}, if there is one, and every file still open on it. For a container
     * that unloads the class loader of this library: an open engine keeps the class loader. The next call of {@link
     * #shared()} makes another engine.
     *
     * @throws IOException as {@link #close()} does
     */
    public static void closeShared() throws IOException {
        final @Nullable WriteThroughEngine engine;
        synchronized (SHARED_LOCK) {
            engine = sharedEngine;
            sharedEngine = null;
        }
        if (engine != null) {
            engine.close();
        }
    }

    /**
     * Whether an engine of the native library can be opened in this process. Where not, {@link #unavailabilityCause()} says why, and
     * {@link Backend#AUTO} is the portable engine, {@link Backend#JDK}.
     *
     * @return whether the native library can be loaded and the system allows the calls that it needs
     */
    public static boolean isAvailable() {
        return unavailabilityCause() == null;
    }

    /**
     * Why no engine of the native library can be opened in this process. This loads the native library, if that was not done, and opens and closes
     * a small engine. What was not to be had may be the next time: a cause is not remembered.
     *
     * @return an {@link UnsatisfiedLinkError} if the native library cannot be loaded or there is none for this platform, a
     *     {@link WriteThroughException} if the system refuses what an engine needs (a seccomp filter, say), null if neither is
     *     so
     */
    public static @Nullable Throwable unavailabilityCause() {
        try {
            NativeLibraries.load();
            Builder.tryOut();
            return null;
        } catch (final LinkageError | IOException e) {
            return e;
        }
    }

    /** Whether this thread is just making the shared engine: the files that this needs cannot be opened on it. */
    static boolean isOpeningShared() {
        return Thread.holdsLock(SHARED_LOCK);
    }

    /** The shared engine, unless nobody has used it yet. */
    static @Nullable WriteThroughEngine sharedIfOpen() {
        return sharedEngine;
    }

    /** The size of a file that is open for writing here; -EAGAIN: it is being opened or closed; -ENOENT: it is not. */
    long writtenSize(final Path path) {
        try {
            return Core.writtenSize(engine.handle(), path);
        } finally {
            Reference.reachabilityFence(engine);
        }
    }

    /** As {@link #writtenSize(Path)}; the kernel is not asked. */
    long writtenSize(final FileIdentity identity) {
        try {
            return Core.writtenSizeOf(engine.handle(), identity.device(), identity.number());
        } finally {
            Reference.reachabilityFence(engine);
        }
    }

    private static WriteThroughEngine openShared() {
        final WriteThroughEngine made;
        synchronized (SHARED_LOCK) {
            if (sharedEngine == null) {
                try {
                    sharedEngine = builderOfProperties().open();
                } catch (final IOException e) {
                    throw new UncheckedIOException("cannot open the shared engine", e);
                }
            }
            made = sharedEngine;
        }
        // Without the lock: what is loaded for these may open files, on other threads that hold locks of classes or of
        // loggers.
        Builder.tellReport();
        made.registration.begin();
        return made;
    }

    /**
     * The start of an engine with options of its own.
     *
     * @return a builder with the defaults
     */
    public static Builder builder() {
        return Builder.DEFAULTS;
    }

    /**
     * Opens a file whose writes are {@link Durability#DSYNC}, or {@link Durability#SYNC} if the options say so. As {@link
     * #open(Path, Durability, OpenOption...)} in all else.
     *
     * @param path a path of the default file system
     * @param options as there
     * @return the open file
     * @throws IOException as there
     */
    public WriteThroughFile open(final Path path, final OpenOption... options) throws IOException {
        return open(path, Durability.DSYNC, options);
    }

    /**
     * Opens a file.
     *
     * <p>The options mean what they mean to {@link java.nio.channels.FileChannel#open(Path, OpenOption...)}: {@code
     * READ} (the default if there is no {@code WRITE} or {@code APPEND}), {@code WRITE}, {@code APPEND}, {@code
     * CREATE}, {@code CREATE_NEW}, {@code TRUNCATE_EXISTING}, {@code DELETE_ON_CLOSE}, {@code SYNC}, {@code DSYNC},
     * {@code SPARSE} and {@link java.nio.file.LinkOption#NOFOLLOW_LINKS}. {@code ExtendedOpenOption.DIRECT} is
     * accepted and changes nothing, since I/O is direct wherever it can be. {@code DELETE_ON_CLOSE} takes the name
     * away at once, as the JDK does on Linux, and does not follow a symbolic link. {@link GrowthAhead} makes the file
     * grow by a chunk at a time. With {@link WriteThroughOption#KEEP_NAME} operations fail once the file has no name
     * left.
     *
     * <p>A file that is created here has the permissions {@code rw-rw-rw-} less the umask, and its directory entry is
     * on stable storage when the call returns. So is the new size after {@code TRUNCATE_EXISTING}.
     *
     * <p>A writer also needs permission to read the file, since a write to a part of a block rewrites the block. For
     * the same reason a file with the attribute append-only ({@code chattr +a}) cannot be opened for writing. A file
     * that is written by direct I/O has two descriptors while it is open. It needs no other descriptor later, so its
     * mode may change.
     *
     * @param path a path of the default file system
     * @param durability of writes that do not name one of their own; {@code DSYNC} or {@code SYNC} among the options
     *     make it stronger, never weaker
     * @param options how to open the file
     * @return the open file
     * @throws NoSuchFileException if there is no such file, a directory of the path is missing, or the path is a
     *     symbolic link to nothing, and the file is not to be created
     * @throws FileAlreadyExistsException if {@code CREATE_NEW} was asked for and anything has that name
     * @throws AccessDeniedException if permissions, or the attributes append-only or immutable, do not allow it
     * @throws FileSystemLoopException if symbolic links lead in a circle
     * @throws FileSystemException if the path is a directory, or a symbolic link and {@code NOFOLLOW_LINKS} was asked
     *     for
     * @throws WriteThroughException if another engine or process has the file ({@code EBUSY}; the message names it),
     *     if it is no regular file with bytes of its own (a FIFO, a file of {@code /proc}), its device has no
     *     polled queues, on an engine with completion polling, or the kernel does not write through there, on an engine
     *     with {@link Backend#KERNEL} ({@code EOPNOTSUPP}), or for what else the system refuses, such as {@code EROFS} or
     *     {@code EMFILE}
     * @throws IllegalArgumentException for {@code APPEND} together with {@code READ} or {@code TRUNCATE_EXISTING}
     * @throws UnsupportedOperationException for options that are not named above
     * @throws ProviderMismatchException if the path is not of the default file system
     * @throws IllegalStateException if the engine is closed
     */
    public WriteThroughFile open(final Path path, final Durability durability, final OpenOption... options)
            throws IOException {
        return open(path, OpenRequest.of(durability, Arrays.asList(options)), OpenRequest.DEFAULT_MODE);
    }

    /**
     * Opens a file as {@link java.nio.channels.FileChannel#open(Path, Set, FileAttribute...)} does: with attributes for a file
     * that is created. As {@link #open(Path, Durability, OpenOption...)} with {@link Durability#DSYNC} in all else.
     *
     * @param path a path of the default file system
     * @param options as there
     * @param attributes {@code posix:permissions}, from which the umask is taken, or none; no effect on a file that exists
     * @return the open file
     * @throws IOException as there
     * @throws UnsupportedOperationException as there, and for any other attribute
     */
    public WriteThroughFile open(
            final Path path, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        final int mode = OpenRequest.modeOf(attributes);
        return open(path, OpenRequest.of(Durability.DSYNC, options), mode);
    }

    private WriteThroughFile open(final Path path, final OpenRequest request, final int mode) throws IOException {
        final Path beneath = WriteThroughFileSystem.unwrap(path);
        final long result;
        try {
            result = Core.open(engine.handle(), beneath, request.flags(), mode, Codes.of(request.durability()));
        } finally {
            Reference.reachabilityFence(engine);
        }
        if (result == -Errno.EBADF) {
            throw closed();
        }
        if (result == -Errno.EBUSY) {
            throw Core.isPortable(engine.handle())
                    ? Failures.ofFileHeldFromPortable(path, beneath)
                    : Failures.ofHeldFile(path, beneath);
        }
        if (result == -Errno.EOPNOTSUPP && completionPolling) {
            throw Failures.ofUnpolled(path);
        }
        if (result == -Errno.EOPNOTSUPP && backend == Backend.KERNEL) {
            throw Failures.ofNotWrittenThrough(path);
        }
        if (result < 0) {
            throw Failures.ofPath("open", path, request.noFollow(), (int) -result);
        }
        final OpenFile opened = new OpenFile(engine, result, path, request);
        if (request.growthBytes() >= 0 && request.writable()) {
            opened.growAhead(request.growthBytes());
        }
        if (request.deleteOnClose()) {
            deleteNow(path);
        }
        return new WriteThroughFile(opened, backend);
    }

    /* As the JDK does on Linux: the name is gone at once, and the file when its last descriptor is. */
    private static void deleteNow(final Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (final IOException e) {
            // The name stays: DELETE_ON_CLOSE is best effort.
            System.getLogger(Names.LIBRARY).log(System.Logger.Level.DEBUG, "DELETE_ON_CLOSE of " + path, e);
        }
    }

    /**
     * What the engine has done and holds. To ask costs some tens of microseconds.
     *
     * @return the counts of now
     * @throws IllegalStateException if the engine is closed
     */
    public EngineStats stats() {
        final EngineStats stats;
        try {
            stats = EngineCounters.of(engine.handle());
        } finally {
            Reference.reachabilityFence(engine);
        }
        if (stats == null) {
            throw closed();
        }
        return stats;
    }

    /**
     * Limits the background class of this engine: the reads and writes of files that were opened with {@link
     * WriteThroughOption#BACKGROUND}, all together. All others are of the foreground class, and are not limited. The limits
     * change at once, also for those that wait.
     *
     * <p>A read or write whose caller waits goes in pieces of at most 128 KiB and no more than {@code inFlightBytes}, one after
     * the other: each piece is an operation, and each of a durable write is durable by itself. Appends, writes with {@link
     * WriteFlag#ATOMIC} and asynchronous operations go as a whole, and begin alone if they are larger than {@code
     * inFlightBytes}. Before it begins each waits; an asynchronous one waits in the call that starts it, or fails with {@code
     * EAGAIN} if it has {@link WriteFlag#NOWAIT}. Of reads only what is not cached counts. What is prefetched and read ahead
     * counts, and is left out where it would have to wait.
     *
     * <p>Not limited are reads of files whose cache the kernel has ({@link StorageProfile#writePath()}), forces, the I/O of
     * writes that were made for a later force (which count when they are called), and calls that change the size or the space of a
     * file. While the engine is being closed nobody waits.
     *
     * @param bytesPerSecond more do not begin; 0: no limit, as of a new engine. Time that was not used is lost, but for a
     *     millisecond
     * @param operationsPerSecond the same of reads and writes
     * @param inFlightBytes more are not under I/O at a time; at least 16 KiB. 0: 256 KiB, as of a new engine
     * @throws IllegalArgumentException if a limit is negative, or {@code inFlightBytes} is too small
     * @throws IllegalStateException if the engine is closed
     * @since 0.1.0
     */
    public void limitBackground(final long bytesPerSecond, final long operationsPerSecond, final long inFlightBytes) {
        if (bytesPerSecond < 0 || operationsPerSecond < 0 || inFlightBytes < 0) {
            throw new IllegalArgumentException("A limit is negative: " + bytesPerSecond + " bytes a second, "
                    + operationsPerSecond + " operations a second, " + inFlightBytes + " bytes in flight");
        }
        final int result;
        try {
            result = Core.setBackground(engine.handle(), bytesPerSecond, operationsPerSecond, inFlightBytes);
        } finally {
            Reference.reachabilityFence(engine);
        }
        if (result == -Errno.EINVAL) {
            throw new IllegalArgumentException(inFlightBytes + " bytes in flight are less than 16 KiB");
        }
        if (result < 0) {
            throw closed();
        }
    }

    /**
     * Opens a lane for the current thread, whose ring takes 128 requests at once.
     *
     * @return the lane, which only this thread may use
     * @throws IOException as {@link #openLane(int)} does
     */
    public Lane openLane() throws IOException {
        return openLane(Lane.ENTRIES);
    }

    /**
     * Opens a lane for the current thread. Where the kernel refuses a ring, and with {@link Backend#THREADS} and {@link
     * Backend#KERNEL}, the engine's threads carry the lane's I/O, and nothing else changes.
     *
     * @param entries how many requests the lane's ring takes at once: a power of two from 8 to 4096. More operations than that
     *     may be under way
     * @return the lane, which only this thread may use
     * @throws IOException if there is no memory for it
     * @throws IllegalArgumentException if entries is another number
     * @throws IllegalStateException if the current thread is virtual, or the engine is closed
     * @throws UnsupportedOperationException if an event loop carries the engine's I/O (the module {@code
     *     io.writethrough.netty42})
     */
    public Lane openLane(final int entries) throws IOException {
        return new Lane(engine, entries);
    }

    /**
     * The backend that carries this engine's I/O.
     *
     * @return never {@link Backend#AUTO}
     */
    public Backend backend() {
        return backend;
    }

    /**
     * Whether the engine is open.
     *
     * @return false from the moment that somebody begins to close it
     */
    public boolean isOpen() {
        return engine.isOpen();
    }

    /**
     * Closes the engine and every file still open on it. Operations that have begun are finished first. Later
     * operations on those files throw {@link java.nio.channels.ClosedChannelException}. All writes that returned were
     * durable before, so nothing is flushed and nothing can be lost. Asynchronous operations that have begun are
     * finished too, and their futures are done when this returns; callbacks may still run.
     *
     * <p>All memory and descriptors are given back then. The range of addresses that the cache had is free once the
     * engine and its files are garbage. This may be called in a callback. To close an engine that is closed does
     * nothing.
     *
     * @throws WriteThroughException if closing one of the files met an error; the engine is closed all the same. With {@code
     *     EBUSY} a {@link Lane} is open, and nothing was done
     * @throws UnsupportedOperationException if this is the {@link #shared()} engine
     */
    @Override
    public void close() throws IOException {
        if (this == sharedEngine) {
            throw new UnsupportedOperationException(
                    "the shared engine is closed by closeShared, or lives as long as the process: close its files");
        }
        engine.close();
    }

    private static IllegalStateException closed() {
        return new IllegalStateException("the engine is closed");
    }

    private static Builder builderOfProperties() {
        final String cacheBytes = "io.writethrough.cacheBytes";
        final String inFlightBytes = "io.writethrough.inFlightBytes";
        final String backend = "io.writethrough.backend";
        final String slowIoMillis = "io.writethrough.slowIoMillis";
        Builder builder = builder();
        if (System.getProperty(cacheBytes) != null) {
            builder = builder.cacheBytes(bytesOfProperty(cacheBytes));
        }
        if (System.getProperty(inFlightBytes) != null) {
            builder = builder.inFlightBytes(bytesOfProperty(inFlightBytes));
        }
        if (System.getProperty(slowIoMillis) != null) {
            builder = builder.slowIoThreshold(Duration.ofMillis(millisOfProperty(slowIoMillis)));
        }
        if (System.getProperty(backend) != null) {
            builder = builder.backend(backendOfProperty(backend));
        }
        return builder;
    }

    private static long bytesOfProperty(final String name) {
        try {
            return Long.parseLong(System.getProperty(name));
        } catch (final NumberFormatException e) {
            throw badProperty(name, "a count of bytes", e);
        }
    }

    private static long millisOfProperty(final String name) {
        try {
            final long millis = Long.parseLong(System.getProperty(name));
            if (millis >= 0 && millis <= Builder.MAX_SLOW_IO.toMillis()) {
                return millis;
            }
        } catch (final NumberFormatException e) {
            // Said below.
        }
        throw badProperty(name, "milliseconds, from 0 to " + Builder.MAX_SLOW_IO.toMillis(), null);
    }

    private static Backend backendOfProperty(final String name) {
        try {
            return Backend.valueOf(System.getProperty(name).toUpperCase(Locale.ROOT));
        } catch (final IllegalArgumentException e) {
            final String all = String.join(
                    ", ", Arrays.stream(Backend.values()).map(Backend::name).toList());
            throw badProperty(name, "one of " + all.toLowerCase(Locale.ROOT), e);
        }
    }

    private static IllegalArgumentException badProperty(
            final String name, final String wanted, final @Nullable Exception cause) {
        return new IllegalArgumentException(
                "system property " + name + " is '" + System.getProperty(name) + "', must be " + wanted, cause);
    }

    /**
     * Options of an engine. A builder is immutable: each method returns another one.
     *
     * @since 0.1
     */
    public static final class Builder {
        private static final long MIN_CACHE_BYTES = 128 * 1024;
        private static final long MIN_IN_FLIGHT_BYTES = 64 * 1024;
        private static final int MIN_RING_ENTRIES = 8;
        private static final int MAX_RING_ENTRIES = 32768;

        /* Once in a process is enough to be found. */
        private static final AtomicBoolean FALLBACK_REPORTED = new AtomicBoolean();
        private static final AtomicReference<@Nullable Runnable> REPORT = new AtomicReference<>();

        /* AUTO means the portable engine. */
        private static final String PORTABLE = "io.writethrough.portable";

        /* WT_ENGINE_*. */
        private static final int ENGINE_SQPOLL = 1;
        private static final int ENGINE_IOPOLL = 2;

        private static final Builder DEFAULTS = new Builder();

        private static final Duration MAX_SLOW_IO = Duration.ofDays(1);

        static {
            Rings.grant(new Rings.Access<Builder, WriteThroughEngine>() {
                @Override
                public WriteThroughEngine open(final Builder builder, final BooleanSupplier mayWait)
                        throws IOException {
                    return builder.buildExternal(mayWait);
                }

                @Override
                public long handle(final WriteThroughEngine engine) {
                    return engine.engine.handle();
                }
            });
        }

        private long cacheBytes; /* 0: that of MemoryLimit */
        private long inFlightBytes = 64L << 20;
        private int ringEntries = 256;
        private Backend backend = Backend.AUTO;
        private boolean submissionPolling;
        private boolean completionPolling;
        private Executor completionExecutor = Runnable::run;
        private long slowIoNanos = 1_000_000_000L;

        private Builder() {}

        /* Nobody else has seen the copy before it is changed: to its users a builder never changes. */
        private Builder with(final Consumer<Builder> change) {
            final Builder copy = new Builder();
            copy.cacheBytes = cacheBytes;
            copy.inFlightBytes = inFlightBytes;
            copy.ringEntries = ringEntries;
            copy.backend = backend;
            copy.submissionPolling = submissionPolling;
            copy.completionPolling = completionPolling;
            copy.completionExecutor = completionExecutor;
            copy.slowIoNanos = slowIoNanos;
            change.accept(copy);
            return copy;
        }

        /**
         * The most memory that cached file contents take. The memory is native. Its addresses are reserved at once,
         * and it is used as it is needed.
         *
         * <p>The default is 256 MiB, or less where the machine or the control group of this process (a container, for
         * example) has little memory: a quarter of what the largest heap leaves of that, but 4 MiB at least.
         *
         * @param bytes at least 128 KiB
         * @return a builder with this value
         * @throws IllegalArgumentException if it is less
         */
        public Builder cacheBytes(final long bytes) {
            requireAtLeast("cacheBytes", bytes, MIN_CACHE_BYTES);
            return with(copy -> copy.cacheBytes = bytes);
        }

        /**
         * How many bytes may be under I/O at a time. A caller that would exceed it waits.
         *
         * @param bytes at least 64 KiB; 64 MiB by default
         * @return a builder with this value
         * @throws IllegalArgumentException if it is less
         */
        public Builder inFlightBytes(final long bytes) {
            requireAtLeast("inFlightBytes", bytes, MIN_IN_FLIGHT_BYTES);
            return with(copy -> copy.inFlightBytes = bytes);
        }

        /**
         * The length of io_uring's submission queue.
         *
         * @param entries a power of two from 8 to 32768; 256 by default
         * @return a builder with this value
         * @throws IllegalArgumentException if it is anything else
         */
        public Builder ringEntries(final int entries) {
            if (entries < MIN_RING_ENTRIES || entries > MAX_RING_ENTRIES || Integer.bitCount(entries) != 1) {
                throw new IllegalArgumentException("ringEntries is " + entries + ", must be a power of two from "
                        + MIN_RING_ENTRIES + " to " + MAX_RING_ENTRIES);
            }
            return with(copy -> copy.ringEntries = entries);
        }

        /**
         * The backend that carries the I/O.
         *
         * @param wanted {@link Backend#AUTO} by default
         * @return a builder with this value
         */
        public Builder backend(final Backend wanted) {
            Objects.requireNonNull(wanted);
            return with(copy -> copy.backend = wanted);
        }

        /**
         * Whether a thread of the kernel takes the requests of asynchronous operations out of io_uring's submission
         * queue (SQPOLL), so that to start an operation needs no system call. This is for engines that are always
         * busy with asynchronous operations, on machines with a processor to spare: the kernel's thread spins while
         * there are requests and for 10 ms after the last, and takes a whole processor then. With fewer processors
         * than busy threads it costs more than it saves, and so it does with synchronous writes, which do not use
         * that thread.
         *
         * <p>This is a feature of io_uring, and is never left out silently: with it {@link Backend#AUTO} means {@link
         * Backend#IO_URING}, and an engine that cannot have it does not open.
         *
         * @param wanted false by default
         * @return a builder with this value
         */
        public Builder submissionPolling(final boolean wanted) {
            return with(copy -> copy.submissionPolling = wanted);
        }

        /**
         * Whether the engine polls the device for the end of asynchronous operations, so that the device does not
         * interrupt (IOPOLL). That saves the time of the interrupt with a device that takes some microseconds. A
         * thread of the engine spins while such an operation is in flight, and takes a whole processor then. Flushes
         * are not polled for, nor is the write of a last, partial block of a file.
         *
         * <p>Only files on a device with polled queues can be opened on such an engine: {@code
         * /sys/block/NAME/queue/io_poll} is 1 there. For NVMe the kernel's parameter {@code nvme.poll_queues=N} makes
         * N of them. This is a feature of io_uring, and is never left out silently: with it {@link Backend#AUTO}
         * means {@link Backend#IO_URING}, and an engine that cannot have it does not open.
         *
         * @param wanted false by default
         * @return a builder with this value
         */
        public Builder completionPolling(final boolean wanted) {
            return with(copy -> copy.completionPolling = wanted);
        }

        /**
         * Where futures of asynchronous operations complete, and so where callbacks run that do not name an executor
         * of their own. By default, and with {@code Runnable::run}, that is the thread of the engine that learns of
         * the end of an operation: the shortest way there is.
         *
         * <p>One task on the executor completes all futures that are to be completed, up to some hundred, one after
         * the other. When more come, the executor gets another task. If the executor refuses a task, by throwing, a
         * thread of the engine completes the futures.
         *
         * <p>A write to a device that takes no time, or into the kernel's page cache, may be over when its method
         * returns. Its future is done then, and a callback runs in the call that adds it, as {@link
         * java.util.concurrent.CompletableFuture} says of any future that is done. A program that must not have that
         * names an executor when it adds the callback ({@code whenCompleteAsync}).
         *
         * <p><b>Blocking in a callback.</b> A callback may do all that another thread may do: read, write, and close
         * its file or the engine. A callback that waits for a future of this library, or for one derived from it
         * ({@code join}, {@code get}), completes other futures meanwhile, and their callbacks then run within it. By
         * default a callback may wait for anything, such as a latch that another callback counts down: when a
         * callback has taken some milliseconds, another thread goes on with the other futures, up to 256 threads in
         * all. An executor of the caller's own must have a thread for each callback that waits so, and one more.
         *
         * @param executor by default {@code Runnable::run}
         * @return a builder with this value
         */
        public Builder completionExecutor(final Executor executor) {
            Objects.requireNonNull(executor);
            return with(copy -> copy.completionExecutor = executor);
        }

        /**
         * The time from which on an I/O is slow. A slow I/O is a warning of the {@link System.Logger} {@code
         * io.writethrough.slow}, which names the file, the offset, the length, the time in the queue and the time on
         * the device. The queue begins where the first of the I/O's writes was called. For a device that stalls, ten
         * lines a second are logged, and the count of the others.
         *
         * @param threshold one second by default; zero: none is slow
         * @return a builder with this value
         * @throws IllegalArgumentException if it is negative, or longer than a day
         */
        public Builder slowIoThreshold(final Duration threshold) {
            if (threshold.isNegative() || threshold.compareTo(MAX_SLOW_IO) > 0) {
                throw new IllegalArgumentException(
                        "slowIoThreshold is " + threshold + ", must be from zero to " + MAX_SLOW_IO);
            }
            return with(copy -> copy.slowIoNanos = threshold.toNanos());
        }

        /**
         * Opens an engine with these options.
         *
         * @return a new engine, to be closed by the caller
         * @throws IllegalArgumentException if the cache is larger than any engine's can be, some tebibytes
         * @throws IllegalStateException if the backend is {@link Backend#THREADS} or {@link Backend#KERNEL}, and polling was
         *     asked for
         * @throws WriteThroughException if there is no memory for the cache ({@code ENOMEM}), or the kernel refuses a
         *     backend that was asked for by name, or polling ({@code EPERM}, {@code ENOSYS}, {@code EOPNOTSUPP})
         * @throws UnsatisfiedLinkError if the native library cannot be loaded, or there is none for this platform
         */
        public WriteThroughEngine build() throws IOException {
            final WriteThroughEngine engine = open();
            engine.registration.begin();
            return engine;
        }

        /** The same for the ring of an event loop. */
        private WriteThroughEngine buildExternal(final BooleanSupplier mayWait) throws IOException {
            if (!polling().isEmpty()) {
                throw new IllegalStateException(polling() + " is not for the ring of an event loop: leave it out");
            }
            if (backend == Backend.KERNEL || backend == Backend.JDK) {
                throw new IllegalStateException(
                        "the backend " + backend + " is not for the ring of an event loop: ask for AUTO");
            }
            final WriteThroughEngine engine = open(CApi::wt_engine_open_external, mayWait);
            engine.registration.begin();
            return engine;
        }

        private WriteThroughEngine open() throws IOException {
            if (isPortable()) {
                return openPortable();
            }
            if (backend != Backend.AUTO || !polling().isEmpty()) {
                return open(CApi::wt_engine_open, () -> true);
            }
            try {
                return open(CApi::wt_engine_open, () -> true);
            } catch (final UnsatisfiedLinkError e) {
                reportPortable(e);
            } catch (final WriteThroughException e) {
                if (!isRefusal(e.errno())) {
                    throw e;
                }
                reportPortable(e);
            }
            return openPortable();
        }

        /* Of a system that lets no engine of the library do what it needs; another one than that memory is short, say. */
        private static boolean isRefusal(final int errno) {
            return errno == Errno.EPERM || errno == Errno.EACCES || errno == Errno.ENOSYS;
        }

        private static void reportPortable(final Throwable cause) {
            report(
                    System.Logger.Level.WARNING,
                    "The portable engine (Backend.JDK) carries the I/O of this process. It is as durable, and slower."
                            + " There is no other, since: " + cause.getMessage());
        }

        /* Once. While the shared engine is made, nothing is logged: a logger may hold a lock and open its file meanwhile. */
        private static void report(final System.Logger.Level level, final String message) {
            if (FALLBACK_REPORTED.compareAndSet(false, true)) {
                REPORT.set(() -> System.getLogger(Names.LIBRARY).log(level, message));
            }
            if (!isOpeningShared()) {
                tellReport();
            }
        }

        private static void tellReport() {
            final Runnable report = REPORT.getAndSet(null);
            if (report != null) {
                report.run();
            }
        }

        private boolean isPortable() {
            return backend == Backend.JDK
                    || backend == Backend.AUTO && polling().isEmpty() && Boolean.getBoolean(PORTABLE);
        }

        private WriteThroughEngine openPortable() {
            checkPolling();
            return new WriteThroughEngine(Core.openPortableEngine(inFlightBytes), this, () -> true);
        }

        private void checkPolling() {
            if (!polling().isEmpty() && backend != Backend.AUTO && backend != Backend.IO_URING) {
                throw new IllegalStateException(polling() + " needs io_uring, and the backend is " + backend
                        + ": ask for AUTO or IO_URING, or leave " + polling() + " out");
            }
        }

        private WriteThroughEngine open(
                final ToIntBiFunction<CApi.EngineOptions, long[]> opener, final BooleanSupplier mayWait)
                throws IOException {
            checkPolling();
            NativeLibraries.load();
            final CApi.EngineOptions options = new CApi.EngineOptions();
            options.cache_bytes = cacheBytes != 0 ? cacheBytes : MemoryLimit.cacheBytes();
            options.in_flight_bytes = inFlightBytes;
            options.ring_entries = ringEntries;
            options.backend = Codes.of(backend);
            options.flags = (submissionPolling ? ENGINE_SQPOLL : 0) | (completionPolling ? ENGINE_IOPOLL : 0);
            final long[] engine = new long[1];
            final int result = opener.applyAsInt(options, engine);
            if (result == -Errno.EINVAL) {
                throw new IllegalArgumentException("no engine can have cacheBytes " + options.cache_bytes
                        + ", inFlightBytes " + inFlightBytes + ", ringEntries " + ringEntries);
            }
            if (result < 0) {
                throw refused(-result);
            }
            final WriteThroughEngine opened = new WriteThroughEngine(engine[0], this, mayWait);
            if (backend == Backend.AUTO && opened.backend == Backend.THREADS) {
                reportFallback();
            }
            return opened;
        }

        /* Of the C core alone: nothing in Java knows of this engine. */
        private static void tryOut() throws IOException {
            final CApi.EngineOptions options = new CApi.EngineOptions();
            options.cache_bytes = MIN_CACHE_BYTES;
            options.in_flight_bytes = MIN_IN_FLIGHT_BYTES;
            options.backend = Codes.of(Backend.THREADS);
            final long[] engine = new long[1];
            final int result = CApi.wt_engine_open(options, engine);
            if (result < 0) {
                throw Failures.ofEngine("open of an engine", -result);
            }
            Core.closeEngine(engine[0]);
        }

        private static void reportFallback() {
            report(
                    System.Logger.Level.INFO,
                    "There is no io_uring for this process (kernel.io_uring_disabled, a seccomp filter, or too"
                            + " little RLIMIT_MEMLOCK): a pool of threads carries the I/O. Nothing else differs.");
        }

        /* The options of polling that were asked for, or nothing. */
        private String polling() {
            final String submission = submissionPolling ? "submissionPolling" : "";
            final String completion = completionPolling ? "completionPolling" : "";
            return submission + (submissionPolling && completionPolling ? " and " : "") + completion;
        }

        private IOException refused(final int errno) {
            final String operation = "open of an engine";
            if (polling().isEmpty() || errno == Errno.ENOMEM) {
                return Failures.ofEngine(operation, errno);
            }
            final String needs =
                    submissionPolling ? ", which needs Linux 5.11, and before 5.13 the capability CAP_SYS_NICE" : "";
            return Failures.ofEngine(
                    operation,
                    errno,
                    "The kernel refuses io_uring with " + polling() + needs + ". Leave it out, or allow it"
                            + " (kernel.io_uring_disabled, the container's seccomp profile).");
        }

        private static void requireAtLeast(final String name, final long bytes, final long least) {
            if (bytes < least) {
                throw new IllegalArgumentException(name + " is " + bytes + ", must be at least " + least);
            }
        }
    }
}
