// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.h2;

import io.writethrough.GrowthAhead;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughException;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import org.h2.engine.Constants;
import org.h2.message.DbException;
import org.h2.mvstore.DataUtils;
import org.h2.store.fs.FilePath;
import org.h2.store.fs.FilePathWrapper;
import org.h2.store.fs.FileUtils;
import org.h2.store.fs.disk.FilePathDisk;
import org.jspecify.annotations.Nullable;

/**
 * H2's view of write-through files: the scheme {@code wt}. A database at {@code jdbc:h2:wt:/path/db} is that at {@code
 * jdbc:h2:/path/db}, the same files in the same format, and every write to it is on stable storage when it returns.
 *
 * <p><b>Durability.</b> H2 itself writes to the cache of the operating system and never flushes it, but for {@code CHECKPOINT
 * SYNC}: a power cut takes what the system had not written yet, and, since it writes in any order, may damage the file. Here
 * what H2 has written is stable, in H2's order. When H2 writes is as it was: by default up to 500 ms after a commit
 * ({@code WRITE_DELAY}), so that a crash takes the commits of that time, and nothing else. With {@code
 * jdbc:h2:wt:/path/db;WRITE_DELAY=0} H2 writes before a commit returns, and each commit is on stable storage then. Those that
 * come at a time from several connections share a write.
 *
 * <p>What no file system mends: H2 stores one table after another while other connections go on. If the process dies before
 * the next store, a part of a transaction that was not committed may be in the database, as <a
 * href="https://github.com/h2database/h2database/issues/2080">its authors say</a>; of plain H2 2.3.232 on local files we saw
 * it in 53 of 22,861 stores with four writers that never rest. Committed transactions are whole.
 *
 * <p><b>Registration.</b> {@link java.sql.DriverManager} registers the scheme by way of {@link RegisteringDriver}, if this
 * artifact is on its class path. Where nobody asks it for connections ({@code JdbcDataSource}, an H2 server, {@code MVStore}),
 * call {@link #register()} first. Without, H2 takes {@code wt:/path/db} for a relative path, and refuses it.
 *
 * <p><b>Files.</b> A file grows ahead, 4 MiB at a time, as {@link GrowthAhead} has it: closing the
 * database, and its own compaction, cuts that off, and after a crash H2 looks past it. What needs no durability passes by: temporary files
 * ({@code .temp.db}), lock files, traces; so do streams, as of {@code BACKUP} and {@code SCRIPT}. Directories that are made
 * and files that are renamed have their names on stable storage when the call returns. Interrupts of a thread do not close
 * a database, as they do with H2's default. Other file systems of H2 go over this one ({@code split:wt:/path/db}), and
 * this one over none but the disk.
 *
 * <p><b>Other processes.</b> The engine owns the file while it is open: a second process is told that the database is in use.
 *
 * @since 0.1
 */
public final class FilePathWriteThrough extends FilePathWrapper {
    /** The scheme, as it stands in URLs before the path. */
    public static final String SCHEME = "wt";

    private static final long GROWTH_BYTES = 4 << 20;

    private static final Object REGISTRATION = new Object();
    private static final int EBUSY = 16;

    /* Null: the shared one, which is made when the first file is opened. */
    private static @Nullable WriteThroughEngine registeredEngine;
    private static boolean registered;

    /** For H2, which makes all paths of one; programs call {@link #register()}. */
    public FilePathWriteThrough() {}

    /**
     * Makes {@code wt:} known to H2, on the {@link WriteThroughEngine#shared() shared engine}. It may be called again: files
     * that are opened afterwards are on the engine of the last call.
     */
    public static void register() {
        register(null, true);
    }

    /**
     * Makes {@code wt:} known to H2, on an engine of the program's own. It must be open for as long as databases are.
     *
     * @param engine for the files that are opened from now on
     */
    public static void register(final WriteThroughEngine engine) {
        register(Objects.requireNonNull(engine), true);
    }

    static void registerIfAbsent() {
        register(null, false);
    }

    private static void register(final @Nullable WriteThroughEngine engine, final boolean again) {
        synchronized (REGISTRATION) {
            if (!registered || again) {
                FilePath.register(new FilePathWriteThrough());
                registeredEngine = engine;
                registered = true;
            }
        }
    }

    private static WriteThroughFile open(final Path path, final Set<OpenOption> options) throws IOException {
        final @Nullable WriteThroughEngine engine;
        synchronized (REGISTRATION) {
            engine = registeredEngine;
        }
        return engine != null ? engine.open(path, options) : WriteThroughFile.open(path, options);
    }

    /** {@return {@value #SCHEME}} */
    @Override
    public String getScheme() {
        return SCHEME;
    }

    /**
     * Opens the file: written through, unless it is one that passes by.
     *
     * @param mode {@code r}, {@code rw}, {@code rwd} or {@code rws}
     * @return the file, as a channel
     * @throws org.h2.mvstore.MVStoreException if another process has it: of the kind by which H2 says that the database is
     *     in use, with the cause, which names the process
     * @throws IOException as {@link WriteThroughEngine#open(Path, Set, java.nio.file.attribute.FileAttribute...)} has it,
     *     or if the path is not one of the disk
     */
    @Override
    public FileChannel open(final String mode) throws IOException {
        if (passesBy(name)) {
            return super.open(mode);
        }
        final Set<OpenOption> options = new HashSet<>(FileUtils.modeToOptions(mode));
        if (options.contains(StandardOpenOption.WRITE)) {
            options.add(new GrowthAhead(GROWTH_BYTES));
        }
        try {
            return open(path(), options).asFileChannel();
        } catch (final WriteThroughException e) {
            if (e.errno() == EBUSY) {
                throw DataUtils.newMVStoreException(
                        DataUtils.ERROR_FILE_LOCKED, "The file is locked: {0} ({1})", name, e.getMessage(), e);
            }
            throw e;
        }
    }

    private static boolean passesBy(final String name) {
        return name.endsWith(Constants.SUFFIX_TEMP_FILE)
                || name.endsWith(Constants.SUFFIX_LOCK_FILE)
                || name.endsWith(Constants.SUFFIX_TRACE_FILE);
    }

    private Path path() throws IOException {
        if (!(getBase() instanceof FilePathDisk)) {
            throw new IOException(
                    name + ": wt: goes over files of the disk alone. Put the other file system before it, as in"
                            + " split:wt:/path/db");
        }
        return Path.of(getBase().name);
    }

    /** Creates an empty file whose name is on stable storage on return. */
    @Override
    public boolean createFile() {
        final boolean created = super.createFile();
        if (created && !passesBy(name)) {
            syncParent();
        }
        return created;
    }

    /** Creates a directory whose name is on stable storage on return. */
    @Override
    public void createDirectory() {
        super.createDirectory();
        syncParent();
    }

    /** Renames the file; its new name is on stable storage on return, and its old one gone from there. */
    @Override
    public void moveTo(final FilePath newName, final boolean atomicReplace) {
        super.moveTo(newName, atomicReplace);
        ((FilePathWriteThrough) newName).syncParent();
        if (!Objects.equals(parent(), ((FilePathWriteThrough) newName).parent())) {
            syncParent();
        }
    }

    private Path parent() {
        final Path own = Path.of(getBase().name).toAbsolutePath().normalize();
        return own.getParent() == null ? own : own.getParent();
    }

    /* What fsync of a directory does: the names in it are stable. */
    private void syncParent() {
        try (FileChannel directory = FileChannel.open(parent(), StandardOpenOption.READ)) {
            directory.force(true);
        } catch (final IOException e) {
            throw DbException.convertIOException(e, name);
        }
    }
}
