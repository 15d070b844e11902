// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import com.alipay.sofa.jraft.conf.Configuration;
import com.alipay.sofa.jraft.conf.ConfigurationEntry;
import com.alipay.sofa.jraft.conf.ConfigurationManager;
import com.alipay.sofa.jraft.entity.EnumOutter.EntryType;
import com.alipay.sofa.jraft.entity.LogEntry;
import com.alipay.sofa.jraft.entity.LogId;
import com.alipay.sofa.jraft.entity.codec.LogEntryDecoder;
import com.alipay.sofa.jraft.entity.codec.LogEntryEncoder;
import com.alipay.sofa.jraft.option.LogStorageOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import com.alipay.sofa.jraft.util.Describer;
import io.writethrough.log.DurableLog;
import io.writethrough.log.LogOptions;
import io.writethrough.log.LogReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jspecify.annotations.Nullable;

/**
 * A node's log in a {@link DurableLog}. A record is
 *
 * <pre>
 *   1 byte     what it is, a {@link Kind}
 *   8 bytes    the index that it is about, big-endian
 *   the rest   of an entry: as SOFAJRaft's encoder has it
 * </pre>
 *
 * <p>An opening reads the records in their order: an entry is added, and the others say what to drop. Where entries are
 * trimmed or cut off at the place of an entry, the log itself is, and no record says so.
 */
final class DurableLogStorage implements LogStorage, Describer {
    private static final System.Logger LOGGER = System.getLogger(DurableLogStorage.class.getPackageName());
    private static final int HEADER_BYTES = 9;
    private static final int MOST_IDLE = 4;

    /** What a record is. The code is in the format. */
    private enum Kind {
        ENTRY('E'),
        /** An entry that an opening gives to the configuration manager. */
        CONFIGURATION('C'),
        /** All entries below the index are gone, and the log begins with it. */
        FIRST('F'),
        /** All entries above the index are gone. */
        LAST('L'),
        /** All entries are gone, and the log begins with the index. */
        RESET('R');

        final byte code;

        Kind(final char code) {
            this.code = (byte) code;
        }

        static Kind of(final byte code) throws IOException {
            for (final Kind kind : values()) {
                if (kind.code == code) {
                    return kind;
                }
            }
            throw new IOException(
                    "A record begins with " + code + ". A newer version of the library wrote it: use that one");
        }
    }

    /* A reader, and which entry it comes to next. */
    private static final class Cursor {
        final LogReader reader;
        long next = EntryIndex.NONE;

        Cursor(final LogReader reader) {
            this.reader = reader;
        }
    }

    private final Path directory;
    private final LogOptions options;
    private final EntryIndex index = new EntryIndex();

    /* Shared by reads, and held alone by what takes records back or closes. Changes are one at a time, by the monitor. */
    private final ReadWriteLock cuts = new ReentrantReadWriteLock();
    private final Deque<Cursor> idle = new ArrayDeque<>();

    private @Nullable DurableLog log;
    private @Nullable LogEntryEncoder encoder;
    private @Nullable LogEntryDecoder decoder;

    /* Where the log was told to begin; NONE: at its first entry. */
    private volatile long firstKept = EntryIndex.NONE;

    DurableLogStorage(final Path directory, final LogOptions options) {
        this.directory = directory;
        this.options = options;
    }

    // ---- opening and closing ----

    @Override
    public synchronized boolean init(final LogStorageOptions of) {
        Objects.requireNonNull(of.getConfigurationManager(), "no configuration manager");
        if (log != null) {
            return true;
        }
        encoder = Objects.requireNonNull(of.getLogEntryCodecFactory().encoder());
        decoder = Objects.requireNonNull(of.getLogEntryCodecFactory().decoder());
        try {
            requireNoOtherFiles();
            open(of.getConfigurationManager());
            return true;
        } catch (final IOException | RuntimeException e) {
            failed("cannot be opened", e);
            return false;
        }
    }

    private void requireNoOtherFiles() throws IOException {
        if (Files.exists(directory.resolve("CURRENT")) && !Files.exists(directory.resolve("control"))) {
            throw new IOException("The directory " + directory
                    + " has a log in RocksDB. Begin the node with an empty directory, or without this factory");
        }
    }

    private void open(final ConfigurationManager configurations) throws IOException {
        final DurableLog opened = DurableLog.open(directory, options);
        boolean done = false;
        try {
            index.clear();
            firstKept = EntryIndex.NONE;
            load(opened, configurations);
            log = opened;
            done = true;
        } finally {
            if (!done) {
                opened.close();
            }
        }
    }

    private void load(final DurableLog from, final ConfigurationManager configurations) throws IOException {
        try (LogReader reader = from.reader(from.start())) {
            while (reader.next()) {
                final ByteBuffer record = reader.record();
                final Kind kind = Kind.of(record.get());
                final long number = record.getLong();
                switch (kind) {
                    case ENTRY -> index.put(number, reader.lsn());
                    case CONFIGURATION -> {
                        index.put(number, reader.lsn());
                        configurations.add(configurationOf(decode(record)));
                    }
                    case FIRST -> dropBefore(number);
                    case LAST -> index.dropAfter(number);
                    case RESET -> {
                        index.clear();
                        firstKept = number;
                    }
                }
            }
        }
    }

    private static ConfigurationEntry configurationOf(final LogEntry entry) {
        final ConfigurationEntry configuration = new ConfigurationEntry();
        configuration.setId(new LogId(entry.getId().getIndex(), entry.getId().getTerm()));
        configuration.setConf(new Configuration(entry.getPeers(), entry.getLearners()));
        if (entry.getOldPeers() != null) {
            configuration.setOldConf(new Configuration(entry.getOldPeers(), entry.getOldLearners()));
        }
        return configuration;
    }

    private void dropBefore(final long first) {
        index.dropBefore(first);
        firstKept = first;
    }

    @Override
    public synchronized void shutdown() {
        cuts.writeLock().lock();
        try {
            final DurableLog open = log;
            log = null;
            if (open != null) {
                forgetCursors();
                open.close();
            }
        } catch (final IOException e) {
            failed("was not closed in order", e);
        } finally {
            cuts.writeLock().unlock();
        }
    }

    private DurableLog open() throws IOException {
        final DurableLog open = log;
        if (open == null) {
            throw new IOException("The log of the node in " + directory + " is not open");
        }
        return open;
    }

    private void failed(final String what, final Exception why) {
        LOGGER.log(System.Logger.Level.ERROR, "The log of the node in " + directory + " " + what, why);
    }

    // ---- reading ----

    @Override
    public long getFirstLogIndex() {
        final long first = index.first();
        return firstKept != EntryIndex.NONE ? firstKept : first != EntryIndex.NONE ? first : 1;
    }

    @Override
    public long getLastLogIndex() {
        final long last = index.last();
        return last != EntryIndex.NONE ? last : 0;
    }

    @Override
    public @Nullable LogEntry getEntry(final long number) {
        cuts.readLock().lock();
        try {
            if (number < 0 || index.get(number) == EntryIndex.NONE) {
                return null;
            }
            final DurableLog from = open();
            final Cursor cursor = cursorFor(from, number);
            boolean done = false;
            try {
                final LogEntry entry = decode(find(cursor, number, placeOf(from, number)));
                cursor.next = number + 1;
                done = true;
                return entry;
            } finally {
                giveBack(cursor, done);
            }
        } catch (final IOException | RuntimeException e) {
            failed("does not give entry " + number, e);
            return null;
        } finally {
            cuts.readLock().unlock();
        }
    }

    /* The record of the entry, behind its header. */
    private static ByteBuffer find(final Cursor cursor, final long number, final long lsn) throws IOException {
        if (cursor.next != number) {
            cursor.reader.seek(lsn);
        }
        cursor.next = EntryIndex.NONE;
        while (cursor.reader.next()) {
            final ByteBuffer record = cursor.reader.record();
            final Kind kind = Kind.of(record.get());
            if (record.getLong() == number && (kind == Kind.ENTRY || kind == Kind.CONFIGURATION)) {
                return record;
            }
        }
        throw new IOException("Entry " + number + " is not behind LSN " + lsn);
    }

    /* Of entries that were appended together the first ones may be trimmed. */
    private long placeOf(final DurableLog from, final long number) {
        return Math.max(index.get(number), from.start());
    }

    private Cursor cursorFor(final DurableLog from, final long number) throws IOException {
        synchronized (idle) {
            for (final Cursor cursor : idle) {
                if (cursor.next == number) {
                    idle.remove(cursor);
                    return cursor;
                }
            }
            final Cursor oldest = idle.poll();
            if (oldest != null) {
                return oldest;
            }
        }
        return new Cursor(from.reader(from.start()));
    }

    private void giveBack(final Cursor cursor, final boolean done) throws IOException {
        if (done) {
            synchronized (idle) {
                if (idle.size() < MOST_IDLE) {
                    idle.add(cursor);
                    return;
                }
            }
        }
        cursor.reader.close();
    }

    /* With `cuts` alone. */
    private void forgetCursors() throws IOException {
        synchronized (idle) {
            for (Cursor cursor; (cursor = idle.poll()) != null; ) {
                cursor.reader.close();
            }
        }
    }

    private LogEntry decode(final ByteBuffer record) throws IOException {
        final byte[] bytes = new byte[record.remaining()];
        record.get(bytes);
        final LogEntry entry = decoder == null ? null : decoder.decode(bytes);
        if (entry == null) {
            throw new IOException("The node's decoder does not know the " + bytes.length
                    + " bytes of an entry. Use the codec that the log was written with");
        }
        return entry;
    }

    @Override
    @Deprecated
    public long getTerm(final long number) {
        final LogEntry entry = getEntry(number);
        return entry == null ? 0 : entry.getId().getTerm();
    }

    // ---- changes ----

    private ByteBuffer recordOf(final LogEntry entry) {
        final byte[] bytes = Objects.requireNonNull(encoder).encode(entry);
        final Kind kind = entry.getType() == EntryType.ENTRY_TYPE_CONFIGURATION ? Kind.CONFIGURATION : Kind.ENTRY;
        return record(kind, entry.getId().getIndex(), bytes);
    }

    private static ByteBuffer record(final Kind kind, final long number, final byte... bytes) {
        return ByteBuffer.allocate(HEADER_BYTES + bytes.length)
                .put(kind.code)
                .putLong(number)
                .put(bytes)
                .flip();
    }

    @Override
    public boolean appendEntry(final LogEntry entry) {
        return appendEntries(List.of(entry)) == 1;
    }

    @Override
    public synchronized int appendEntries(final @Nullable List<LogEntry> entries) {
        if (entries == null || entries.isEmpty()) {
            return 0;
        }
        try {
            final List<ByteBuffer> records = new ArrayList<>(entries.size());
            for (final LogEntry entry : entries) {
                records.add(recordOf(entry));
            }
            final long lsn = open().appendBatch(records);
            for (final LogEntry entry : entries) {
                index.put(entry.getId().getIndex(), lsn);
            }
            return entries.size();
        } catch (final IOException | RuntimeException e) {
            failed("does not take " + entries.size() + " entries", e);
            return 0;
        }
    }

    /** What takes records back. */
    private interface Change {
        void apply(DurableLog log) throws IOException;
    }

    private synchronized boolean change(final String what, final Change change) {
        cuts.writeLock().lock();
        try {
            final DurableLog open = open();
            forgetCursors();
            change.apply(open);
            return true;
        } catch (final IOException | RuntimeException e) {
            failed(what, e);
            return false;
        } finally {
            cuts.writeLock().unlock();
        }
    }

    @Override
    public boolean truncatePrefix(final long first) {
        return change("is not trimmed to entry " + first, open -> {
            if (first <= (firstKept != EntryIndex.NONE ? firstKept : index.first())) {
                return;
            }
            final long lsn;
            if (index.get(first) == EntryIndex.NONE) {
                final long marker = open.append(record(Kind.FIRST, first));
                final long kept = index.ceiling(first);
                lsn = kept == EntryIndex.NONE ? marker : lsnOf(open, kept);
            } else {
                lsn = lsnOf(open, first);
            }
            dropBefore(first);
            open.trim(lsn);
        });
    }

    @Override
    public boolean truncateSuffix(final long last) {
        return change("is not cut off behind entry " + last, open -> {
            if (last >= getLastLogIndex()) {
                return;
            }
            final long kept = index.floor(last);
            if (kept == EntryIndex.NONE) {
                open.append(record(Kind.LAST, last));
            } else {
                open.truncateAfter(lsnOf(open, kept));
            }
            index.dropAfter(last);
        });
    }

    /* Of the record itself. */
    private long lsnOf(final DurableLog open, final long number) throws IOException {
        try (LogReader reader = open.reader(open.start())) {
            find(new Cursor(reader), number, placeOf(open, number));
            return reader.lsn();
        }
    }

    @Override
    public boolean reset(final long next) {
        if (next <= 0) {
            throw new IllegalArgumentException("A log begins with index 1 or a later one: " + next);
        }
        final LogEntry known = getEntry(next);
        final LogEntry entry = known != null ? known : new LogEntry(EntryType.ENTRY_TYPE_NO_OP);
        if (known == null) {
            entry.setId(new LogId(next, 0));
        }
        return change("is not reset to entry " + next, open -> {
            final long lsn = open.appendBatch(List.of(record(Kind.RESET, next), recordOf(entry)));
            index.clear();
            firstKept = next;
            index.put(next, lsn);
            open.trim(lsn);
        });
    }

    // ---- the rest ----

    @Override
    public void describe(final Printer out) {
        final DurableLog open = log;
        out.println(open == null ? toString() : open.toString());
        if (open != null) {
            out.println(open.stats().toString());
        }
    }

    @Override
    public String toString() {
        return "DurableLogStorage[" + directory + ", entries " + getFirstLogIndex() + " to " + getLastLogIndex() + "]";
    }
}
