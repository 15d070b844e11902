// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.InterruptPolicy;
import io.writethrough.WriteThroughException;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.path.OpenRules.Opener;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.Channel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Opens the files of a file system by its rules: those that the engine is to open.
 *
 * @param <F> what the engine opens
 */
public final class FileDoor<F extends Channel> {
    private static final long SETTLE_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long SETTLE_LOOK_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    private final Engine<F> engine;
    private final OpenRules rules;
    private final @Nullable Coverage coverage;
    private final Readers readers = new Readers();

    /** The engine of a file system. */
    public interface Engine<F> {
        /** Whether the current thread is just making the engine: the files that this needs cannot be opened on it. */
        boolean isInTheMaking();

        /** The size of the file at a path if it is open there for writing; -EAGAIN: it is being opened or closed; -ENOENT: it is not. */
        long writtenSize(Path path);

        /** As {@link #writtenSize(Path)}. */
        long writtenSize(FileIdentity identity);

        F open(Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes) throws IOException;

        /** The JDK has opened the same file for reading, which is to see each write that has returned. */
        void showToReaders(F file) throws IOException;
    }

    /** @param coverage is told what the engine opens, or null */
    public FileDoor(final Engine<F> engine, final OpenRules rules, final @Nullable Coverage coverage) {
        this.engine = engine;
        this.rules = rules;
        this.coverage = coverage;
    }

    /** Whether an open with these options may write. */
    public static boolean writes(final Set<? extends OpenOption> options) {
        return options.contains(StandardOpenOption.WRITE) || options.contains(StandardOpenOption.APPEND);
    }

    public InterruptPolicy interrupts() {
        return rules.interrupts();
    }

    /** null: the JDK is to open the file. What the JDK would refuse anyway, it is left to refuse. */
    public @Nullable F open(
            final Path beneath, final Set<? extends OpenOption> options, final FileAttribute<?>... attributes)
            throws IOException {
        final Path name = nameOf(beneath);
        final boolean writes = writes(options);
        final OpenRules.OfFile rule = rules.of(name);
        final Opener opener = rule.opener(writes);
        if (coverage != null) {
            coverage.awaitEnd();
        }
        if (opener == Opener.JDK
                || engine.isInTheMaking()
                || opener == Opener.ENGINE_OF_ITS_WRITER && !isWritten(beneath)) {
            return null;
        }
        try {
            final boolean isRead = writes && mayBeThere(options) && rule.isSeenLater() && readers.anyOf(beneath);
            final F file = engine.open(beneath, rule.with(options, !isRead), attributes);
            if (isRead && rule.commitsAtForce()) {
                showToReaders(file);
            }
            if (coverage != null) {
                coverage.carried(name, file);
            }
            return file;
        } catch (final WriteThroughException e) {
            if (e.errno() == Errno.EOPNOTSUPP) {
                return null;
            }
            throw e;
        } catch (final FileSystemException e) { // the engine has looked before it opened anything
            if (isRegularOrMissing(beneath, options)) {
                throw e;
            }
            return null;
        }
    }

    /** Opens a file by the engine whatever the rules say; null: this thread is just making the engine. */
    public @Nullable F openInAnyCase(final Path beneath, final Set<? extends OpenOption> options) throws IOException {
        return engine.isInTheMaking() ? null : engine.open(beneath, options);
    }

    /* Nobody reads a file that the open is to make. To look for it costs as much as the open. */
    private static boolean mayBeThere(final Set<? extends OpenOption> options) {
        return !options.contains(StandardOpenOption.CREATE_NEW);
    }

    private boolean isWritten(final Path beneath) {
        return engine.writtenSize(beneath) != -Errno.ENOENT;
    }

    /** The size of a file that the engine writes; negative: the kernel's size is right. */
    public long sizeOf(final Path beneath) {
        return sizeOf(beneath, null);
    }

    /**
     * As {@link #sizeOf(Path)}.
     *
     * @param fileKey that of the file's attributes: with it the kernel is not asked again
     */
    public long sizeOf(final Path beneath, final @Nullable Object fileKey) {
        return rules.of(nameOf(beneath)).isSeenLater() ? settledSize(beneath, fileKey) : -Errno.ENOENT;
    }

    private long writtenSize(final Path beneath, final @Nullable Object fileKey) {
        final FileIdentity identity = FileIdentity.of(fileKey);
        return identity == null ? engine.writtenSize(beneath) : engine.writtenSize(identity);
    }

    /* While a handle of the file is opened or closed there is no size for a moment. A file system that hangs keeps nobody for long. */
    private long settledSize(final Path beneath, final @Nullable Object fileKey) {
        final long begin = System.nanoTime();
        long size = writtenSize(beneath, fileKey);
        while (size == -Errno.EAGAIN && System.nanoTime() - begin < SETTLE_NANOS) {
            LockSupport.parkNanos(SETTLE_LOOK_NANOS);
            size = writtenSize(beneath, fileKey);
        }
        return size;
    }

    /** Whether names, and copies of files, are durable when a call returns: where each write is. */
    public boolean isDurable(final Path beneath) {
        final OpenRules.OfFile rule = rules.of(nameOf(beneath));
        return rule.opener(true) == Opener.ENGINE && !rule.commitsAtForce();
    }

    private void showToReaders(final F file) throws IOException {
        try {
            engine.showToReaders(file);
        } catch (final IOException e) {
            file.close();
            throw e;
        }
    }

    /* As the rules know a path. */
    private static Path nameOf(final Path beneath) {
        return beneath.toAbsolutePath().normalize();
    }

    /**
     * The JDK has opened a file for reading. False: the engine has meanwhile begun to write the file, and is to open it for
     * this reader too.
     */
    public boolean admits(final Closeable reader, final Path beneath) {
        if (!rules.of(nameOf(beneath)).isSeenLater()) {
            return true; // What the engine writes the device has when a write returns.
        }
        final Object fileKey = readers.add(reader, beneath);
        return fileKey == null || writtenSize(beneath, fileKey) == -Errno.ENOENT;
    }

    private static boolean isRegularOrMissing(final Path beneath, final Set<? extends OpenOption> options) {
        final boolean noFollow =
                options.contains(LinkOption.NOFOLLOW_LINKS) || options.contains(StandardOpenOption.DELETE_ON_CLOSE);
        final LinkOption[] links = noFollow ? new LinkOption[] {LinkOption.NOFOLLOW_LINKS} : new LinkOption[0];
        try {
            return Files.readAttributes(beneath, BasicFileAttributes.class, links)
                    .isRegularFile();
        } catch (final NoSuchFileException e) {
            return true;
        } catch (final IOException e) {
            return false;
        }
    }
}
