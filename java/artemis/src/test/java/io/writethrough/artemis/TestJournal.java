// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.apache.activemq.artemis.core.journal.PreparedTransactionInfo;
import org.apache.activemq.artemis.core.journal.RecordInfo;
import org.apache.activemq.artemis.core.journal.impl.JournalImpl;

/** A journal of small files that is started and loaded, and what it had when it was. */
final class TestJournal implements AutoCloseable {
    static final int FILE_BYTES = 200 * 1024;
    static final byte TYPE = 1;

    final JournalImpl journal;
    final Map<Long, byte[]> records = new TreeMap<>();
    final Map<Long, byte[]> updates = new TreeMap<>();
    final List<PreparedTransactionInfo> prepared = new ArrayList<>();
    final List<Long> failed = new ArrayList<>();

    private TestJournal(final SequentialFileFactory factory) throws Exception {
        journal = new JournalImpl(FILE_BYTES, 2, 4, 0, 0, factory, "test", "amq", factory.getMaxIO());
        journal.start();
        final List<RecordInfo> committed = new ArrayList<>();
        journal.load(committed, prepared, (id, added, deleted) -> failed.add(id));
        for (final RecordInfo record : committed) {
            final byte[] before = (record.isUpdate ? updates : records).put(record.id, record.data);
            assertTrue(record.isUpdate || before == null, "twice there: " + record.id);
        }
    }

    static TestJournal open(final Kind kind, final Path directory) throws Exception {
        return new TestJournal(kind.factory(directory));
    }

    /** Of some length, and known by its id. */
    static byte[] body(final long id) {
        final Random random = new Random(id);
        final byte[] body = new byte[20 + random.nextInt(2000)];
        random.nextBytes(body);
        return body;
    }

    void add(final long id, final boolean sync) throws Exception {
        journal.appendAddRecord(id, TYPE, body(id), sync);
    }

    /** As a broker stops it: what was appended is written. */
    @Override
    public void close() throws Exception {
        journal.stop();
        journal.getFileFactory().stop();
    }
}
