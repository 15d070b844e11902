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
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
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
 *
 * <p>With each segment that entries begin, a file beside the log gets what the records before say, an {@link EntryHint}. So an
 * opening reads the records from there on alone. A cut before that place deletes the file first. Where an entry is not as the
 * file says, all records are read.
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

        boolean isEntry() {
            return this == ENTRY || this == CONFIGURATION;
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
    private final EntryIndex index;

    /* Which entries are configurations, and where. */
    private final NavigableMap<Long, Long> configured = new TreeMap<>();

    /* Up to where the file of the hint tells; NONE: there is no file. And the segment with which the last one was written. */
    private long hintedTo = EntryIndex.NONE;
    private long hintedSegment;

    /* For tests: how many records the opening went through. */
    private int scanned;

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
        // As many bytes as a reader reads at a time.
        this.index = new EntryIndex(Math.min(1 << 20, options.segmentBytes()));
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
            load(opened, configurations);
            log = opened;
            done = true;
        } finally {
            if (!done) {
                opened.close();
            }
        }
    }

    /* By the hint, if there is one and the log is as it says; else all records are read. */
    private void load(final DurableLog from, final ConfigurationManager configurations) throws IOException {
        final NavigableMap<Long, ConfigurationEntry> found = new TreeMap<>();
        if (!loadByHint(from, found)) {
            found.clear();
            EntryHint.delete(directory);
            loadAll(from, found);
        }
        found.keySet().retainAll(configured.keySet()); // the others were dropped by a later record
        found.values().forEach(configurations::add);
        if (segmentOf(from, from.end()) != hintedSegment) {
            writeHint(from, from.end());
        }
    }

    private void loadAll(final DurableLog from, final NavigableMap<Long, ConfigurationEntry> found) throws IOException {
        index.clear();
        configured.clear();
        firstKept = EntryIndex.NONE;
        hintedTo = EntryIndex.NONE;
        hintedSegment = segmentOf(from, from.start());
        scan(from, from.start(), found);
    }

    /* Whether the hint is of this log. What was trimmed since is left out, and what was appended since is read. */
    private boolean loadByHint(final DurableLog from, final NavigableMap<Long, ConfigurationEntry> found) {
        try {
            final EntryHint hint = EntryHint.read(directory);
            final long start = from.start();
            if (hint == null || start >= hint.position() || hint.position() > from.end() || start < hint.start()) {
                return false;
            }
            final NavigableMap<Long, Long> points = hint.points();
            long first = hint.first();
            if (start != hint.start() && first != EntryIndex.NONE) {
                first = entryAt(from, start);
                points.headMap(first, true).clear();
                points.put(first, start);
            }
            index.clear();
            configured.clear();
            if (first != EntryIndex.NONE) {
                index.begin(first, hint.last(), points);
                configured.putAll(hint.configurations().tailMap(first, true));
            }
            firstKept = start == hint.start() ? hint.firstKept() : EntryIndex.NONE;
            hintedTo = hint.position();
            hintedSegment = segmentOf(from, hintedTo);
            for (final Long number : configured.keySet()) {
                found.put(number, configurationOf(decode(olderRecord(from, number, configured.get(number), number))));
            }
            if (first != EntryIndex.NONE) {
                final long last = hint.last();
                olderRecord(from, last, index.get(last), index.pointOf(last));
            }
            scan(from, hintedTo, found);
            return true;
        } catch (final IOException | RuntimeException e) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "The file " + directory.resolve(EntryHint.NAME) + " does not fit the log. All records are read",
                    e);
            return false;
        }
    }

    private static long segmentOf(final DurableLog log, final long lsn) {
        return lsn / log.segmentBytes();
    }

    /* The index of the entry whose record is at the LSN. */
    private static long entryAt(final DurableLog from, final long lsn) throws IOException {
        try (LogReader reader = from.reader(lsn)) {
            if (reader.next() && Kind.of(reader.record().get()).isEntry()) {
                return reader.record().getLong();
            }
        }
        throw new IOException("No entry is at LSN " + lsn);
    }

    private static ByteBuffer olderRecord(
            final DurableLog from, final long number, final long lsn, final long mostOfFirst) throws IOException {
        try (LogReader reader = from.reader(Math.max(lsn, from.start()))) {
            final ByteBuffer record = findOlder(new Cursor(reader), number, mostOfFirst);
            if (record == null) {
                throw new IOException("Entry " + number + " is not behind LSN " + lsn);
            }
            final ByteBuffer copy = ByteBuffer.allocate(record.remaining());
            return copy.put(record).flip();
        }
    }

    private void scan(final DurableLog from, final long begin, final NavigableMap<Long, ConfigurationEntry> found)
            throws IOException {
        scanned = 0;
        try (LogReader reader = from.reader(begin)) {
            while (reader.next()) {
                scanned++;
                final ByteBuffer record = reader.record();
                final Kind kind = Kind.of(record.get());
                final long number = record.getLong();
                switch (kind) {
                    case ENTRY -> index.put(number, reader.lsn());
                    case CONFIGURATION -> {
                        index.put(number, reader.lsn());
                        configured.put(number, reader.lsn());
                        found.put(number, configurationOf(decode(record)));
                    }
                    case FIRST -> {
                        requireNotOlder(number);
                        dropBefore(number);
                    }
                    case LAST -> {
                        requireNotOlder(number);
                        dropAfter(number);
                    }
                    case RESET -> {
                        index.clear();
                        configured.clear();
                        firstKept = number;
                    }
                }
            }
        }
    }

    private void requireNotOlder(final long number) throws IOException {
        if (index.isOlder(number)) {
            throw new IOException("Older entries are dropped at index " + number);
        }
    }

    /* Of the records before the position, which is that of a record or the end. */
    private void writeHint(final DurableLog of, final long position) {
        hintedSegment = segmentOf(of, position);
        try {
            new EntryHint(
                            of.start(),
                            position,
                            index.first(),
                            index.last(),
                            firstKept,
                            index.points(),
                            new TreeMap<>(configured))
                    .write(directory);
            hintedTo = position;
        } catch (final IOException | RuntimeException e) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "The file " + directory.resolve(EntryHint.NAME) + " is not written. The next opening reads more",
                    e);
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
        configured.headMap(first, false).clear();
        firstKept = first;
    }

    private void dropAfter(final long last) {
        index.dropAfter(last);
        configured.tailMap(last, false).clear();
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
        try {
            return readEntry(number);
        } catch (final IOException | RuntimeException e) {
            if (!readAllAgain(number, e)) {
                return null;
            }
        }
        try {
            return readEntry(number);
        } catch (final IOException | RuntimeException e) {
            failed("does not give entry " + number, e);
            return null;
        }
    }

    /* If the hint may be wrong. */
    private boolean readAllAgain(final long number, final Exception why) {
        if (!index.isOlder(number)) {
            failed("does not give entry " + number, why);
            return false;
        }
        return change("cannot be read again for entry " + number, this::readAll);
    }

    /* A log of which a part cannot be read is closed: its entries would be missing without a word. */
    private void readAll(final DurableLog open) throws IOException {
        EntryHint.delete(directory);
        boolean done = false;
        try {
            loadAll(open, new TreeMap<>());
            done = true;
        } finally {
            if (!done) {
                log = null;
                index.clear();
                open.close();
            }
        }
    }

    private @Nullable LogEntry readEntry(final long number) throws IOException {
        cuts.readLock().lock();
        try {
            final long lsn = number < 0 ? EntryIndex.NONE : index.get(number);
            if (lsn == EntryIndex.NONE) {
                return null;
            }
            final DurableLog from = open();
            final Cursor cursor = cursorFor(from, number);
            boolean done = false;
            try {
                final ByteBuffer record = find(cursor, number, Math.max(lsn, from.start()));
                final LogEntry entry = record == null ? null : decode(record);
                cursor.next = record == null ? EntryIndex.NONE : number + 1;
                done = true;
                return entry;
            } finally {
                giveBack(cursor, done);
            }
        } finally {
            cuts.readLock().unlock();
        }
    }

    /* The record of the entry, behind its header. Null: there is none, as only an older entry's place may turn out. */
    private @Nullable ByteBuffer find(final Cursor cursor, final long number, final long lsn) throws IOException {
        final boolean goesOn = cursor.next == number;
        if (!goesOn) {
            cursor.reader.seek(lsn);
        }
        cursor.next = EntryIndex.NONE;
        if (index.isOlder(number)) {
            return findOlder(cursor, number, goesOn ? number : index.pointOf(number));
        }
        while (cursor.reader.next()) {
            final ByteBuffer record = cursor.reader.record();
            final Kind kind = Kind.of(record.get());
            if (record.getLong() == number && kind.isEntry()) {
                return record;
            }
        }
        throw new IOException("Entry " + number + " is not behind LSN " + lsn);
    }

    /* The first entry that is met has this index or a lower one, or the place is wrong. */
    private static @Nullable ByteBuffer findOlder(final Cursor cursor, final long number, final long mostOfFirst)
            throws IOException {
        boolean isFirst = true;
        while (cursor.reader.next()) {
            final ByteBuffer record = cursor.reader.record();
            final Kind kind = Kind.of(record.get());
            if (!kind.isEntry()) {
                continue;
            }
            final long index = record.getLong();
            if (index == number) {
                return record;
            }
            if (isFirst && index > mostOfFirst) {
                throw new IOException("Entry " + index + " is where entry " + mostOfFirst + " was to be");
            }
            if (index > number) {
                return null;
            }
            isFirst = false;
        }
        throw new IOException("Entry " + number + " is not where it was to be");
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
            final DurableLog open = open();
            final long lsn = open.appendBatch(records);
            if (segmentOf(open, lsn) != hintedSegment) {
                writeHint(open, lsn);
            }
            for (final LogEntry entry : entries) {
                index.put(entry.getId().getIndex(), lsn);
                if (entry.getType() == EntryType.ENTRY_TYPE_CONFIGURATION) {
                    configured.put(entry.getId().getIndex(), lsn);
                }
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
            final long older = index.isOlder(first) ? lsnOfOlder(open, first) : EntryIndex.NONE;
            if (older != EntryIndex.NONE) {
                open.trim(older);
                index.dropOlderBefore(first, older);
                configured.headMap(first, false).clear();
                firstKept = first;
                return;
            }
            final long kept = index.ceiling(first);
            final long lsn = kept == EntryIndex.NONE ? EntryIndex.NONE : lsnOf(open, kept);
            if (kept == first) {
                open.trim(lsn);
                dropBefore(first);
                return;
            }
            final long marker = open.append(record(Kind.FIRST, first));
            dropBefore(first); // as the next opening does, even if the trim fails
            open.trim(lsn == EntryIndex.NONE ? marker : lsn);
        });
    }

    /* NONE: there is no such entry, and none is older any more. */
    private long lsnOfOlder(final DurableLog open, final long number) throws IOException {
        try (LogReader reader = open.reader(placeOf(open, number))) {
            if (findOlder(new Cursor(reader), number, index.pointOf(number)) != null) {
                return reader.lsn();
            }
        }
        readAll(open);
        return EntryIndex.NONE;
    }

    @Override
    public boolean truncateSuffix(final long last) {
        return change("is not cut off behind entry " + last, open -> {
            if (last >= getLastLogIndex()) {
                return;
            }
            if (index.isOlder(last)) {
                readAll(open);
            }
            final long kept = index.floor(last);
            if (kept == EntryIndex.NONE) {
                open.append(record(Kind.LAST, last));
            } else {
                final long lsn = lsnOf(open, kept);
                if (lsn < hintedTo) {
                    EntryHint.delete(directory);
                    hintedTo = EntryIndex.NONE;
                }
                open.truncateAfter(lsn);
            }
            dropAfter(last);
        });
    }

    /* Of the record itself. */
    private long lsnOf(final DurableLog open, final long number) throws IOException {
        try (LogReader reader = open.reader(open.start())) {
            if (find(new Cursor(reader), number, placeOf(open, number)) == null) {
                throw new IOException("Entry " + number + " is not in the log");
            }
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
            configured.clear();
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

    /** For tests: how many records the opening went through. */
    int scanned() {
        return scanned;
    }

    @Override
    public String toString() {
        return "DurableLogStorage[" + directory + ", entries " + getFirstLogIndex() + " to " + getLastLogIndex() + "]";
    }
}
