// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.writethrough.log.DurableLog;
import io.writethrough.log.LogOptions;
import io.writethrough.log.LogReader;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A key-value store that survives {@code kill -9} and power cuts: a map in memory, and a log of its changes. Opening it reads
 * the log. {@link #compact} writes what the map has to the log's end, and gives up what was before.
 */
public final class KeyValueStore implements Closeable {
    private static final int LOCKS = 64;

    /** A value, and where the log has it. A value of null was deleted. */
    private record Entry(byte[] value, long lsn) {}

    private final DurableLog log;
    private final Map<String, Entry> entries = new ConcurrentHashMap<>();

    /* Changes of one key are in the log in the order in which they are in the map. */
    private final Object[] locks = new Object[LOCKS];

    public KeyValueStore(final Path directory) throws IOException {
        for (int i = 0; i < LOCKS; i++) {
            locks[i] = new Object();
        }
        log = DurableLog.open(
                directory, LogOptions.builder().segmentBytes(1 << 20).build());
        try (LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                replay(reader.record(), reader.lsn());
            }
        } catch (final IOException | RuntimeException e) {
            log.close();
            throw e;
        }
    }

    /* A record: the length of the key, the key, and the value; without the value if the length is negative. 0: a mark. */
    private void replay(final ByteBuffer record, final long lsn) {
        final int length = record.getInt();
        final byte[] key = new byte[Math.abs(length)];
        record.get(key);
        final byte[] value = new byte[record.remaining()];
        record.get(value);
        if (length == 0) {
            return;
        }
        if (length < 0) {
            entries.remove(new String(key, UTF_8));
        } else {
            entries.put(new String(key, UTF_8), new Entry(value, lsn));
        }
    }

    private long appendLater(final String key, final byte[] value) throws IOException {
        final byte[] name = key.getBytes(UTF_8);
        final ByteBuffer length =
                ByteBuffer.allocate(Integer.BYTES).putInt(0, value == null ? -name.length : name.length);
        return value == null
                ? log.appendLater(length, ByteBuffer.wrap(name))
                : log.appendLater(length, ByteBuffer.wrap(name), ByteBuffer.wrap(value));
    }

    /* The lock is free while the change becomes durable: so changes of many threads, also of one key, become durable together. */
    private long change(final String key, final byte[] value) throws IOException {
        synchronized (locks[Math.floorMod(key.hashCode(), LOCKS)]) {
            final long lsn = appendLater(key, value);
            entries.put(key, new Entry(value, lsn));
            return lsn;
        }
    }

    /** Returns when the value is durable. */
    public void put(final String key, final byte[] value) throws IOException {
        if (key.isEmpty()) {
            throw new IllegalArgumentException("An empty key");
        }
        log.awaitDurable(change(key, value.clone()));
    }

    /** Returns when the key is durably gone. */
    public void delete(final String key) throws IOException {
        if (entries.containsKey(key)) {
            log.awaitDurable(change(key, null));
        }
    }

    /** The value, or null. Whoever has seen a value never sees an older one, also after a crash. */
    public byte[] get(final String key) throws IOException {
        final Entry entry = entries.get(key);
        if (entry == null) {
            return null;
        }
        log.awaitDurable(entry.lsn);
        return entry.value == null ? null : entry.value.clone();
    }

    /** How many keys there are. */
    public int size() {
        return (int)
                entries.values().stream().filter(entry -> entry.value != null).count();
    }

    /** Makes the log short. Other calls go on meanwhile. */
    public synchronized void compact() throws IOException {
        final long end = log.append(ByteBuffer.allocate(Integer.BYTES));
        for (final String key : entries.keySet()) {
            synchronized (locks[Math.floorMod(key.hashCode(), LOCKS)]) {
                final Entry entry = entries.get(key);
                if (entry == null || entry.lsn > end) {
                    continue;
                }
                if (entry.value == null) {
                    entries.remove(key);
                } else {
                    entries.put(key, new Entry(entry.value, appendLater(key, entry.value)));
                }
            }
        }
        log.append(ByteBuffer.allocate(Integer.BYTES)); // durable, and so is all before it
        log.trim(end);
    }

    /** How many bytes the log has. */
    public long logBytes() {
        return log.end() - log.start();
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
