// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import org.apache.activemq.artemis.api.core.ActiveMQBuffer;
import org.apache.activemq.artemis.core.journal.EncodingSupport;

/** The body of a record, for the methods of a journal that take callbacks. */
record Body(byte[] bytes) implements EncodingSupport {
    Body(final long id) {
        this(TestJournal.body(id));
    }

    @Override
    public int getEncodeSize() {
        return bytes.length;
    }

    @Override
    public void encode(final ActiveMQBuffer buffer) {
        buffer.writeBytes(bytes);
    }

    @Override
    public void decode(final ActiveMQBuffer buffer) {
        throw new UnsupportedOperationException();
    }
}
