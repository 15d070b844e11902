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
 * The file system {@code wt} of H2, on write-through files. The database at {@code jdbc:h2:wt:/path/db} is the database
 * at {@code jdbc:h2:/path/db}: the same files in the same format. Every write of H2 to the database is on stable
 * storage when the write returns.
 *
 * <p><b>Durability.</b> H2 on local files writes to the cache of the operating system, and flushes only for {@code
 * CHECKPOINT SYNC}. A power cut then takes what the system had not written yet. The system writes in any order, so the
 * power cut may also damage the database. With {@code wt:} every write of H2 is stable, in the order of H2's writes.
 * This class does not change when H2 writes: by default up to 500 ms after a commit ({@code WRITE_DELAY}). So a crash
 * takes the commits of the last 500 ms, and no other commit. With {@code jdbc:h2:wt:/path/db;WRITE_DELAY=0} H2 writes
 * before a commit returns, and each commit that returned is on stable storage. Commits of several connections at a time
 * share a write.
 *
 * <p>No file system mends this: H2 stores one table after another while other connections go on. If the process dies
 * before the next store, the database may have a part of a transaction that was not committed, as <a
 * href="https://github.com/h2database/h2database/issues/2080">the authors of H2 say</a>. With plain H2 2.3.232 on local
 * files and four writers that never rest, 53 of 22,861 stores had such a part. Committed transactions are whole.
 *
 * <p><b>Registration.</b> {@link java.sql.DriverManager} registers the scheme through {@link RegisteringDriver}, if
 * this artifact is on the class path. A program without the manager ({@code JdbcDataSource}, an H2 server, {@code
 * MVStore}) calls {@link #register()} first. Without a registration H2 takes {@code wt:/path/db} for a relative path
 * and refuses that path.
 *
 * <p><b>Files.</b> A file grows ahead by 4 MiB at a time ({@link GrowthAhead}). H2 cuts off the rest when the database
 * is closed or compacted, and ignores the rest after a crash. Temporary files ({@code .temp.db}), lock files and trace
 * files need no durability: these are ordinary files, and so are the streams of {@code BACKUP} and {@code SCRIPT}. The
 * name of a directory that was created, and of a file that was renamed, is on stable storage when the call returns. An
 * interrupt of a thread does not close a database; with H2's default file system an interrupt does. Another file system
 * of H2 may stand before this one ({@code split:wt:/path/db}). Behind this one there can be only the disk.
 *
 * <p><b>Other processes.</b> The engine owns a file while the file is open. H2 tells a second process that the database
 * is in use.
 *
 * @since 0.1
 */
public final class FilePathWriteThrough extends FilePathWrapper {
    /** The scheme: what stands before the path in a URL. */
    public static final String SCHEME = "wt";

    private static final long GROWTH_BYTES = 4 << 20;

    private static final Object REGISTRATION = new Object();
    private static final int EBUSY = 16;

    /* Null: the shared one, which is made when the first file is opened. */
    private static @Nullable WriteThroughEngine registeredEngine;
    private static boolean registered;

    /** For H2, which makes all paths from one path of the scheme. A program calls {@link #register()}. */
    public FilePathWriteThrough() {}

    /**
     * Registers {@code wt:} with H2, on the {@link WriteThroughEngine#shared() shared engine}. The library makes that
     * engine when the first file is opened. After another call, files that H2 opens are on the engine of the last call.
     */
    public static void register() {
        register(null, true);
    }

    /**
     * Registers {@code wt:} with H2, on an engine of the program. After another call, files that H2 opens are on the
     * engine of the last call.
     *
     * @param engine the engine of the files that H2 opens from now on. The program keeps the engine open for as long as
     *     H2 has files on the engine
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
     * Opens the file. Writes to the file are on stable storage when they return, unless the file needs no durability
     * (see above).
     *
     * @param mode {@code r}, {@code rw}, {@code rwd} or {@code rws}; all three modes of writing are equally durable
     * @return a channel of the file
     * @throws org.h2.mvstore.MVStoreException if another process has the file open. The code of the exception is H2's
     *     for a database in use; the cause names the process
     * @throws IOException as {@link WriteThroughEngine#open(Path, Set, java.nio.file.attribute.FileAttribute...)}
     *     throws it, or if the path is not a path of the disk
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

    /** Creates an empty file. The name of the file is on stable storage when this returns. */
    @Override
    public boolean createFile() {
        final boolean created = super.createFile();
        if (created && !passesBy(name)) {
            syncParent();
        }
        return created;
    }

    /** Creates a directory. The name of the directory is on stable storage when this returns. */
    @Override
    public void createDirectory() {
        super.createDirectory();
        syncParent();
    }

    /** Renames the file. When this returns, stable storage has the new name, and no longer the old name. */
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
        try {
            WriteThroughFile.forceDirectory(parent());
        } catch (final IOException e) {
            throw DbException.convertIOException(e, name);
        }
    }
}
