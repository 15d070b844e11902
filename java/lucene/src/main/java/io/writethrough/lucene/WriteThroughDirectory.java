// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import io.writethrough.Commit;
import io.writethrough.WriteThroughEngine;
import io.writethrough.WriteThroughFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.FSLockFactory;
import org.apache.lucene.store.IOContext;
import org.apache.lucene.store.IndexInput;
import org.apache.lucene.store.IndexOutput;
import org.apache.lucene.store.LockFactory;
import org.apache.lucene.util.IOUtils;
import org.jspecify.annotations.Nullable;

/**
 * A directory of Lucene in the file system, whose files are read from the cache of a {@link WriteThroughEngine} and written by
 * its direct I/O. The cache has a size, which the index and the kernel do not change: {@link
 * WriteThroughEngine.Builder#cacheBytes}. The files are those of any other {@link FSDirectory}: an index can be opened by
 * another one before and after.
 *
 * <p><b>Reads.</b> An input asks for a few hundred bytes at a time, twice as many where it goes on in sequence, which is a copy
 * and calls nothing if they are cached. In a merge, and with the hints {@link org.apache.lucene.store.DataAccessHint#SEQUENTIAL}
 * and {@link org.apache.lucene.store.ReadOnceHint}, it asks for 16 KiB; with {@link
 * org.apache.lucene.store.DataAccessHint#RANDOM} always for few. After its close an input throws {@link
 * org.apache.lucene.store.AlreadyClosedException}; its clones and slices may still show bytes that they have copied, and throw
 * for the next ones.
 *
 * <p><b>Writes.</b> An output sends chunks of 256 KiB to the device while its caller goes on. Of a segment of up to 16 MiB they
 * stay in the cache, since a merge reads it soon; of a larger one they do not, so that a merge does not push out what searches
 * read. A file of less leaves at its sync, and costs no I/O if it is deleted before.
 *
 * <p><b>What is durable.</b> {@link #sync} makes its files durable together: they share flushes, and those that are durable
 * already, by this directory, cost nothing. {@link #syncMetaData} makes renames and new names durable. Both as every
 * {@link FSDirectory}.
 *
 * <p><b>Errors.</b> What the system refuses is a {@link io.writethrough.WriteThroughException}. A chunk that the device has
 * refused is told by the write of a later chunk or by the close of the output. Interrupts close no file.
 *
 * @since 0.1.0
 */
public final class WriteThroughDirectory extends FSDirectory {
    /* Segments of so many bytes are merged with others soon. */
    private static final long READ_SOON_BYTES = 16 << 20;

    private final WriteThroughEngine engine;
    private final @Nullable Windows fixedWindows;

    /* The directory as the engine knows it. */
    private final Path place;

    private final ReadSoon readSoon;
    private final AtomicLong temporaryFiles = new AtomicLong();

    /* Names of files that were written by this directory and not synced since; and of those whose bytes are durable. */
    private final Set<String> written = ConcurrentHashMap.newKeySet();
    private final Set<String> durable = ConcurrentHashMap.newKeySet();

    /**
     * A directory on the {@link WriteThroughEngine#shared() shared engine}, with Lucene's default locks.
     *
     * @param path of the directory, which is made if it is not there
     * @throws IOException if it cannot be made, or the shared engine cannot be opened
     */
    public WriteThroughDirectory(final Path path) throws IOException {
        this(path, FSLockFactory.getDefault());
    }

    /**
     * A directory on the {@link WriteThroughEngine#shared() shared engine}.
     *
     * @param path of the directory, which is made if it is not there
     * @param locks what locks the index
     * @throws IOException if it cannot be made, or the shared engine cannot be opened
     */
    public WriteThroughDirectory(final Path path, final LockFactory locks) throws IOException {
        this(path, locks, sharedEngine());
    }

    /**
     * A directory on an engine, which has to stay open as long as the directory, and is not closed with it.
     *
     * @param path of the directory, which is made if it is not there
     * @param locks what locks the index
     * @param engine whose cache has the files
     * @throws IOException if the directory cannot be made
     * @throws UnsupportedOperationException if the path is of a file system without a {@link Path#toFile() file}
     */
    public WriteThroughDirectory(final Path path, final LockFactory locks, final WriteThroughEngine engine)
            throws IOException {
        this(path, locks, engine, null);
    }

    /* For a test: inputs with windows of one size. */
    WriteThroughDirectory(
            final Path path,
            final LockFactory locks,
            final WriteThroughEngine engine,
            final @Nullable Windows fixedWindows)
            throws IOException {
        super(path, locks);
        this.engine = engine;
        this.readSoon = new ReadSoon(engine);
        this.fixedWindows = fixedWindows;
        // A file system around the default one, as those of Lucene's tests, sees the calls of the base class alone.
        this.place = directory.getFileSystem().equals(FileSystems.getDefault())
                ? directory
                : directory.toFile().toPath();
    }

    private static WriteThroughEngine sharedEngine() throws IOException {
        try {
            return WriteThroughEngine.shared();
        } catch (final UncheckedIOException e) {
            throw e.getCause();
        }
    }

    // ---- reads ----

    /**
     * Opens a file for reading.
     *
     * @param name of the file
     * @param context how it will be read
     * @return an input, to be closed, whose clones and slices end with it
     * @throws java.nio.file.NoSuchFileException if there is no such file
     * @throws IOException if it cannot be opened
     */
    @Override
    public IndexInput openInput(final String name, final IOContext context) throws IOException {
        ensureOpen();
        ensureCanRead(name);
        final Path path = place.resolve(name);
        // With a commit by force: what the kernel keeps of a small file that was written just now needs no I/O to be
        // read.
        final WriteThroughFile file = engine.open(path, StandardOpenOption.READ, Commit.AT_FORCE);
        try {
            readSoon.letGo(name);
            final Windows windows = fixedWindows != null ? fixedWindows : Windows.ANY.forContext(context);
            return new CachedIndexInput("CachedIndexInput(path=\"" + path + "\")", new CachedFile(file), windows);
        } catch (final Throwable e) {
            IOUtils.closeWhileSuppressingExceptions(e, file);
            throw e;
        }
    }

    // ---- writes ----

    /**
     * Makes a file. Its bytes are durable after {@link #sync}.
     *
     * @param name of the file
     * @param context the bytes of a flush or merge that makes up to 16 MiB stay in the cache, since a merge reads them soon;
     *     those of others do not
     * @return an output, to be closed
     * @throws FileAlreadyExistsException if there is such a file
     * @throws IOException if it cannot be made
     */
    @Override
    public IndexOutput createOutput(final String name, final IOContext context) throws IOException {
        ensureOpen();
        if (getPendingDeletions().contains(name)) {
            deletePendingFiles();
        }
        return create(name, context);
    }

    /**
     * Makes a file with a name that no other file has.
     *
     * @param prefix of its name
     * @param suffix of its name
     * @param context as for {@link #createOutput}
     * @return an output, to be closed, which knows the name
     * @throws IOException if it cannot be made
     */
    @Override
    public IndexOutput createTempOutput(final String prefix, final String suffix, final IOContext context)
            throws IOException {
        ensureOpen();
        while (true) {
            final String name = getTempFileName(prefix, suffix, temporaryFiles.getAndIncrement());
            try {
                return create(name, context);
            } catch (final FileAlreadyExistsException e) {
                // Of an earlier process, or about to be deleted: the next name.
            }
        }
    }

    private IndexOutput create(final String name, final IOContext context) throws IOException {
        final Path path = place.resolve(name);
        final WriteThroughFile file =
                engine.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, Commit.AT_FORCE);
        durable.remove(name);
        written.add(name);
        return new StreamIndexOutput(
                "StreamIndexOutput(path=\"" + path + "\")", name, file, isReadSoon(context) ? readSoon : null);
    }

    private static boolean isReadSoon(final IOContext context) {
        if (context.flushInfo() != null) {
            return context.flushInfo().estimatedSegmentSize() <= READ_SOON_BYTES;
        }
        return context.mergeInfo() != null && context.mergeInfo().estimatedMergeBytes() <= READ_SOON_BYTES;
    }

    /** Closes the directory; its inputs and outputs stay open. */
    @Override
    public void close() throws IOException {
        try (readSoon) {
            super.close();
        }
    }

    // ---- names ----

    /**
     * Deletes a file.
     *
     * @param name of the file
     * @throws java.nio.file.NoSuchFileException if there is no such file
     * @throws IOException if it cannot be deleted
     */
    @Override
    public void deleteFile(final String name) throws IOException {
        readSoon.letGo(name);
        super.deleteFile(name);
        written.remove(name);
        durable.remove(name);
    }

    /**
     * Gives a file another name, in one step. {@link #syncMetaData} makes the name durable.
     *
     * @param source its name
     * @param dest its other name, of which a file that is there is replaced
     * @throws IOException if it cannot be renamed
     */
    @Override
    public void rename(final String source, final String dest) throws IOException {
        readSoon.letGo(source);
        readSoon.letGo(dest);
        super.rename(source, dest);
        move(source, dest, written);
        move(source, dest, durable);
    }

    private static void move(final String source, final String dest, final Set<String> names) {
        if (names.remove(source)) {
            names.add(dest);
        } else {
            names.remove(dest);
        }
    }

    // ---- durability ----

    /**
     * Makes files durable: their bytes, and their sizes. On ext4, xfs and btrfs also the name of a file that is new. Files that
     * this directory has made durable before cost nothing. Those that it has written are forced together.
     *
     * @param names of the files, all closed by who wrote them
     * @throws java.nio.file.NoSuchFileException if there is no such file
     * @throws IOException if bytes are lost, or a file cannot be opened
     */
    @Override
    public void sync(final Collection<String> names) throws IOException {
        ensureOpen();
        final List<String> unsynced = new ArrayList<>();
        for (final String name : names) {
            if (written.contains(name)) {
                unsynced.add(name);
            } else if (!durable.contains(name)) {
                fsync(name);
                durable.add(name);
            }
        }
        force(unsynced);
        written.removeAll(unsynced);
        durable.addAll(unsynced);
    }

    private void force(final List<String> names) throws IOException {
        final List<WriteThroughFile> files = new ArrayList<>();
        try {
            for (final String name : names) {
                files.add(engine.open(place.resolve(name), StandardOpenOption.WRITE, Commit.AT_FORCE));
            }
            if (files.size() == 1) {
                files.get(0).force();
                return;
            }
            final List<CompletableFuture<Void>> forces = new ArrayList<>();
            for (final WriteThroughFile file : files) {
                forces.add(file.forceAsync());
            }
            for (final CompletableFuture<Void> force : forces) {
                Completion.await(force);
            }
        } finally {
            IOUtils.close(files);
        }
    }
}
