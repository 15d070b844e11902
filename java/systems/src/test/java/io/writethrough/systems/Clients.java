// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;

/** The threads of a program that commit records, as many as the property {@code clients} says. Without it that is this one. */
final class Clients implements AutoCloseable {
    /** Is told of a commit. */
    interface Committed {
        void accept(long number) throws Exception;
    }

    private final int count = Integer.getInteger("clients", 1);
    private final Records records;
    private final ExecutorService threads = Executors.newFixedThreadPool(count);
    private final AtomicLong last = new AtomicLong();

    Clients(final Records records) {
        this.records = records;
    }

    /** Commits the next records as long as there are more, and returns how many. */
    long commit(final LongPredicate more, final Committed committed) throws Exception {
        final Callable<Long> client = () -> commitOneByOne(more, committed);
        if (count == 1) {
            return client.call();
        }
        long commits = 0;
        for (final Future<Long> each : threads.invokeAll(Collections.nCopies(count, client))) {
            commits += each.get();
        }
        return commits;
    }

    private long commitOneByOne(final LongPredicate more, final Committed committed) throws Exception {
        long commits = 0;
        while (more.test(last.get() + 1)) {
            final long number = last.incrementAndGet();
            records.commit(number, Program.record(number));
            committed.accept(number);
            commits++;
        }
        return commits;
    }

    @Override
    public void close() {
        threads.shutdown();
    }
}
