// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import java.io.File;
import java.io.IOException;
import org.apache.bookkeeper.bookie.BookieFileChannel;
import org.apache.bookkeeper.bookie.FileChannelProvider;
import org.apache.bookkeeper.conf.ServerConfiguration;

/**
 * Opens the journal files of a bookie, in place of {@code DefaultFileChannelProvider}. In {@code bk_server.conf}:
 *
 * <pre>{@code
 * journalChannelProvider=io.writethrough.bookkeeper.WriteThroughFileChannelProvider
 * journalMaxGroupWaitMSec=0
 * }</pre>
 *
 * <p><b>Why no wait for a group.</b> By default a bookie holds each entry back for up to two milliseconds, so that
 * entries share a flush. With 0 the entries that arrive during a flush share the next flush. A provider cannot change
 * that setting: the journal has read the setting before it asks for a channel.
 *
 * <p><b>Commits.</b> The journal writes a group of entries, and another thread then forces the file. The write copies
 * the bytes to the cache of the library. The force sends all that was written as one durable write, by direct I/O.
 * The write goes to zeros that were written before, so that the file system has nothing to commit. BookKeeper's own
 * channel gets a hole there, because BookKeeper preallocates by one write far behind the end: so each commit of such a
 * journal allocates blocks, and commits the journal of the file system too.
 *
 * <p><b>Zeros.</b> The library writes {@code journalPreAllocSizeMB} of zeros at a time. The first of them are written
 * when the journal is created. A thread writes the others when half of the last ones are used.
 *
 * <p><b>Files</b> are the same as those of the default provider, byte for byte. A bookie can change the provider
 * at any time while it is stopped. A journal that exists is read by a channel of the JDK, without the library: so {@code
 * bookkeeper shell readjournal} can read the journal of a bookie that runs. Journal files are not used anew ({@code
 * journalReuseFiles} has no effect): an old file would have to be filled with zeros as a new one is.
 *
 * <p><b>Acknowledged before the force.</b> With {@code journalSyncData=false} a bookie acknowledges what only the kernel
 * has. Then the provider opens channels of the JDK, because the kernel keeps such bytes when the bookie is
 * killed. Entries of a ledger with {@code WriteFlag.DEFERRED_SYNC} are acknowledged before the force too. If the
 * bookie is killed, entries of the last millisecond that no force covered may be lost there.
 *
 * <p><b>Page cache.</b> The kernel has no pages of a journal to be dropped. {@code journalRemovePagesFromCache} gets a
 * descriptor that is not valid, which BookKeeper takes as a reason to drop nothing. To read that descriptor BookKeeper
 * needs {@code --add-opens java.base/java.io=ALL-UNNAMED}, as with every provider; BookKeeper's scripts set that.
 *
 * <p><b>Entry logs.</b> BookKeeper 4.17 has no such setting for entry logs and indexes: it opens them by {@code
 * RandomAccessFile}, and {@code DbLedgerStorage} makes its own {@code O_DIRECT} writer. Only that writer, {@code
 * dbStorage_directIOEntryLogger=true}, keeps entry logs out of the page cache.
 *
 * <p>All journals of a JVM share one engine, with a cache of 32 MiB, which is closed with the last journal file. The
 * engine owns a file while the file is open: a second bookie cannot open the file for writing.
 *
 * @since 0.1
 */
public final class WriteThroughFileChannelProvider implements FileChannelProvider {
    /** A provider. It opens nothing. BookKeeper calls this constructor by its name. */
    public WriteThroughFileChannelProvider() {}

    /**
     * Prepares a channel of a journal file. {@link BookieFileChannel#getFileChannel()} opens the file.
     *
     * @param file the path of the file, which may not exist yet
     * @param configuration the bookie's
     * @return a channel that is not open yet
     */
    @Override
    public BookieFileChannel open(final File file, final ServerConfiguration configuration) {
        return new WriteThroughBookieFileChannel(file, configuration);
    }

    /** Closes a channel. */
    @Override
    public void close(final BookieFileChannel channel) throws IOException {
        channel.close();
    }

    /** Does nothing: a bookie calls this before its journal has ended, and each channel is closed by itself. */
    @Override
    public void close() {}
}
