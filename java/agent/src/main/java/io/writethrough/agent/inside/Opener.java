// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.WriteThroughFile;
import io.writethrough.WriteThroughFileSystem;
import io.writethrough.agent.boot.CarriedChannel;
import io.writethrough.agent.boot.Carrier;
import io.writethrough.internal.jni.NativeIo;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.SyncFailedException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Opens the files of streams. The default file system says which the engine opens; this only says what the modes of {@code java.io}
 * mean there, and puts the channel into the stream.
 *
 * <p>A carried stream has a descriptor of its own on the same file, so that {@code getFD().valid()} and native code that locks or
 * asks by the descriptor find one. No byte of the agent goes by it.
 */
final class Opener implements Carrier {
    /* Of RandomAccessFile. */
    private static final int READ_ONLY = 1;
    private static final int SYNC = 4;
    private static final int DATA_SYNC = 8;
    private static final int TEMPORARY = 16;

    /* Of open(2), the same on x86-64 and aarch64. */
    private static final int O_RDONLY = 0;
    private static final int O_WRONLY = 1;
    private static final int O_RDWR = 2;
    private static final int O_APPEND = 02000;
    private static final int O_CLOEXEC = 02000000;

    private static final String LOGGER = "io.writethrough";
    private static final String STARTS_PROCESSES = "java.lang.ProcessImpl";
    private static final int FRAMES_TO_PROCESS = 8;

    private final WriteThroughFileSystem fileSystem;

    /* That of the process, which the property user.dir does not change; null: both are the same. */
    private final @Nullable Path workingDirectory;
    private final Jdk jdk;
    private final boolean closesByInterrupt;
    private final @Nullable Report report;

    /* The files that opening one needs, the JDK opens. */
    private final ThreadLocal<Boolean> opening = new ThreadLocal<>();

    Opener(
            final WriteThroughFileSystem fileSystem,
            final Jdk jdk,
            final boolean closesByInterrupt,
            final @Nullable Report report) {
        this.fileSystem = fileSystem;
        this.workingDirectory = workingDirectoryOf(fileSystem);
        this.jdk = jdk;
        this.closesByInterrupt = closesByInterrupt;
        this.report = report;
    }

    // ---- opens ----

    /** How a file is opened: the options, those of open(2), and the directions of the stream. */
    private record Mode(Set<OpenOption> options, int flags, boolean reads, boolean writes) {
        static Mode of(final int flags, final OpenOption... options) {
            final Set<OpenOption> all = Set.of(options);
            return new Mode(all, flags | O_CLOEXEC, all.contains(StandardOpenOption.READ), !(flags == O_RDONLY));
        }
    }

    private static final Mode READS = Mode.of(O_RDONLY, StandardOpenOption.READ);
    private static final Mode OVERWRITES = Mode.of(
            O_WRONLY, StandardOpenOption.WRITE, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
    private static final Mode APPENDS =
            Mode.of(O_WRONLY | O_APPEND, StandardOpenOption.APPEND, StandardOpenOption.CREATE);

    private static Mode modeOf(final int mode) {
        if ((mode & READ_ONLY) != 0) {
            return READS;
        }
        final EnumSet<StandardOpenOption> options =
                EnumSet.of(StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE);
        if ((mode & SYNC) != 0) {
            options.add(StandardOpenOption.SYNC);
        } else if ((mode & DATA_SYNC) != 0) {
            options.add(StandardOpenOption.DSYNC);
        }
        return Mode.of(O_RDWR, options.toArray(new OpenOption[0]));
    }

    @Override
    public boolean open(final RandomAccessFile file, final String name, final int mode) throws FileNotFoundException {
        return (mode & TEMPORARY) == 0 && open((Closeable) file, name, modeOf(mode));
    }

    @Override
    public boolean open(final FileOutputStream stream, final String name, final boolean append)
            throws FileNotFoundException {
        return open(stream, name, append ? APPENDS : OVERWRITES);
    }

    @Override
    public boolean open(final FileInputStream stream, final String name) throws FileNotFoundException {
        return open(stream, name, READS);
    }

    private enum Outcome {
        ENGINE,
        JDK,
        /** The JDK: a child process gets the descriptor. */
        FOR_CHILD
    }

    private boolean open(final Closeable stream, final String name, final Mode mode) throws FileNotFoundException {
        final Path path = opening.get() == null ? pathOf(name) : null;
        if (path == null) {
            return false;
        }
        final Outcome outcome;
        opening.set(true);
        try {
            outcome = tryToOpen(stream, path, mode);
        } catch (final IOException e) {
            throw notFound(name, e);
        } finally {
            opening.remove();
        }
        if (outcome == Outcome.FOR_CHILD) {
            if (report != null) {
                report.openedForChild(name);
            }
            System.getLogger(LOGGER)
                    .log(System.Logger.Level.WARNING, name + " is opened for a child process, and so not carried");
        }
        return outcome == Outcome.ENGINE;
    }

    private Outcome tryToOpen(final Closeable stream, final Path path, final Mode mode) throws IOException {
        final WriteThroughFile file = fileSystem.openFile(path, mode.options());
        if (file == null) {
            return Outcome.JDK;
        }
        try {
            if (isForChild()) {
                file.close();
                return Outcome.FOR_CHILD;
            }
            final FileDescriptor descriptor = descriptorOf(stream);
            jdk.set(descriptor, openAgain(file, mode.flags()), (mode.flags() & O_APPEND) != 0);
            put(CarriedFile.of(file), stream, descriptor, mode.reads(), mode.writes());
            return Outcome.ENGINE;
        } catch (final IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    /* A Redirect to a file: the child writes by the descriptor, where the engine would not see it. */
    private static boolean isForChild() {
        return StackWalker.getInstance()
                .walk(frames -> frames.limit(FRAMES_TO_PROCESS)
                        .anyMatch(frame -> frame.getClassName().equals(STARTS_PROCESSES)));
    }

    // ---- files that the JDK has opened for reading ----

    @Override
    public void opened(final RandomAccessFile file, final String name, final int mode) throws FileNotFoundException {
        if ((mode & READ_ONLY) == 0) {
            if (report != null && (mode & (SYNC | DATA_SYNC)) != 0) {
                report.openedSynced(name);
            }
        } else if ((mode & TEMPORARY) == 0) {
            opened((Closeable) file, name);
        }
    }

    @Override
    public void opened(final FileInputStream stream, final String name) throws FileNotFoundException {
        opened((Closeable) stream, name);
    }

    private void opened(final Closeable stream, final String name) throws FileNotFoundException {
        final Path path = opening.get() == null ? pathOf(name) : null;
        if (path == null) {
            return;
        }
        opening.set(true);
        try {
            while (!fileSystem.admitsReader(stream, path) && !isMovedToEngine(stream, path)) {
                Thread.onSpinWait(); // it was opened for writing, and closed again
            }
        } catch (final IOException e) {
            throw notFound(name, e);
        } finally {
            opening.remove();
        }
    }

    private boolean isMovedToEngine(final Closeable stream, final Path path) throws IOException {
        final WriteThroughFile file = fileSystem.openFile(path, READS.options());
        if (file == null) {
            return false;
        }
        try {
            final FileDescriptor descriptor = descriptorOf(stream);
            final int again = openAgain(file, READS.flags());
            jdk.close(descriptor);
            jdk.set(descriptor, again, false);
            put(CarriedFile.of(file), stream, descriptor, true, false);
            return true;
        } catch (final IOException | RuntimeException | Error e) {
            file.close();
            throw e;
        }
    }

    // ---- what a stream gets ----

    private void put(
            final CarriedFile file,
            final Closeable stream,
            final FileDescriptor descriptor,
            final boolean reads,
            final boolean writes) {
        final StreamChannel.Owner owner =
                new StreamChannel.Owner(jdk, report, stream, descriptor, reads, writes, closesByInterrupt);
        jdk.setChannel(stream, new StreamChannel(file, owner));
    }

    private static FileDescriptor descriptorOf(final Closeable stream) throws IOException {
        if (stream instanceof RandomAccessFile file) {
            return file.getFD();
        }
        return stream instanceof FileOutputStream output ? output.getFD() : ((FileInputStream) stream).getFD();
    }

    /* Where java.io opens relative names; null: where java.nio does. */
    private static @Nullable Path workingDirectoryOf(final WriteThroughFileSystem of) {
        try {
            final Path real = of.getPath("/proc/self/cwd").toRealPath();
            return real.equals(of.getPath("").toRealPath()) ? null : real;
        } catch (final IOException e) {
            return null;
        }
    }

    /* java.io opens names that java.nio cannot spell. */
    private @Nullable Path pathOf(final String name) {
        try {
            if (name.isEmpty()) {
                return null;
            }
            final Path path = fileSystem.getPath(name);
            return workingDirectory == null ? path : workingDirectory.resolve(path);
        } catch (final InvalidPathException e) {
            return null;
        }
    }

    /* A duplicate of the engine's descriptor would share its lock: the file would stay locked as long as somebody has the
    duplicate, a child process for example. */
    private int openAgain(final WriteThroughFile file, final int flags) throws IOException {
        final int descriptor = NativeIo.reopen(jdk.numberOf(file.fileDescriptor()), flags);
        if (descriptor < 0) {
            throw new IOException(NativeIo.errorText(-descriptor));
        }
        return descriptor;
    }

    /* The text of java.io: the name, and what the kernel says. */
    private static FileNotFoundException notFound(final String name, final IOException cause) {
        final FileNotFoundException e = new FileNotFoundException(name + " (" + reasonOf(cause) + ")");
        e.initCause(cause);
        return e;
    }

    private static @Nullable String reasonOf(final IOException e) {
        if (e instanceof NoSuchFileException) {
            return "No such file or directory";
        }
        if (e instanceof AccessDeniedException) {
            return "Permission denied";
        }
        final String reason = e instanceof FileSystemException failure ? failure.getReason() : null;
        if (reason == null) {
            return e.getMessage();
        }
        return reason.contains("not a directory") ? "Not a directory" : reason;
    }

    // ---- streams on a descriptor ----

    @Override
    public void share(final FileOutputStream stream, final FileDescriptor descriptor) {
        share(stream, descriptor, false, true);
    }

    @Override
    public void share(final FileInputStream stream, final FileDescriptor descriptor) {
        share(stream, descriptor, true, false);
    }

    private void share(
            final Closeable stream, final FileDescriptor descriptor, final boolean reads, final boolean writes) {
        final StreamChannel first = carriedOf(jdk.parentOf(descriptor));
        if (first != null) {
            put(first.file(), stream, descriptor, reads && first.reads(), writes && first.writes());
        }
    }

    private @Nullable StreamChannel carriedOf(final @Nullable Closeable stream) {
        final FileChannel channel = stream == null ? null : jdk.channelOf(stream);
        return channel instanceof CarriedChannel ? (StreamChannel) channel : null;
    }

    // ---- forces ----

    @Override
    public boolean sync(final FileDescriptor descriptor, final @Nullable Closeable parent) throws SyncFailedException {
        final StreamChannel channel = carriedOf(parent);
        if (channel == null) {
            passed(descriptor);
            return false;
        }
        try {
            channel.sync();
            return true;
        } catch (final IOException e) {
            final SyncFailedException failed = new SyncFailedException("sync failed");
            failed.initCause(e);
            throw failed;
        }
    }

    @Override
    public void passed(final FileDescriptor descriptor) {
        if (report != null) {
            report.passed(descriptor);
        }
    }
}
