// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;

/** A log by any way of writing records where one says: each thread takes the next position, and none waits for another. */
public final class AppendWay extends AppendContender {
    private final Way way;
    private final AtomicLong position = new AtomicLong();

    /** Takes the way over, and closes it in the end. */
    public AppendWay(Way way, int threads) {
        super(threads);
        this.way = way;
    }

    @Override
    public Appender appender() throws IOException {
        Way.Operation operation = way.operation();
        return () -> operation.at(position.getAndAdd(RECORD_BYTES) % LOG_BYTES);
    }

    @Override
    public void close() throws IOException {
        way.close();
    }
}
