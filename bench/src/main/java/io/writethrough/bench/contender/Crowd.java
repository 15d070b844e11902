// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import io.writethrough.bench.measure.Pattern;
import io.writethrough.bench.measure.Slice;
import java.io.IOException;
import org.HdrHistogram.Histogram;

/** A way that is gone by several threads at once. Every operation is timed by itself. */
public final class Crowd implements Contender {
    private final Way way;
    private final Way.Operation[] operations;

    /** Takes the way over, and closes it in the end. */
    public Crowd(Way way, int threads) throws IOException {
        this.way = way;
        this.operations = new Way.Operation[threads];
        for (int i = 0; i < threads; i++) {
            operations[i] = way.operation();
        }
    }

    @Override
    public Slice run(Pattern pattern, long nanos, int sampleEvery) throws IOException {
        return Team.run(operations.length, nanos, 0, thread -> {
            Way.Operation operation = operations[thread];
            Pattern own = pattern.fork(thread);
            return (end, pace, latency) -> work(operation, own, end, latency);
        });
    }

    private static void work(Way.Operation operation, Pattern pattern, long end, Histogram latency) throws IOException {
        long before;
        do {
            long offset = pattern.next();
            before = System.nanoTime();
            operation.at(offset);
            Slice.record(latency, System.nanoTime() - before, 1);
        } while (before < end);
    }

    @Override
    public void close() throws IOException {
        way.close();
    }
}
