// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.jmh;

import io.writethrough.bench.contender.Way;
import io.writethrough.bench.workload.Workload.Order;
import java.io.IOException;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** What the threads of a benchmark share: a way, open from its beginning to its end. */
public abstract class OpenWay {
    private BenchFiles files;
    private Way open;

    abstract Way open(BenchFiles benchFiles) throws IOException;

    /** Opens the file. */
    @Setup(Level.Trial)
    public void begin(BenchFiles benchFiles) throws IOException {
        files = benchFiles;
        open = open(benchFiles);
    }

    /** Closes it. */
    @TearDown(Level.Trial)
    public void end() throws IOException {
        open.close();
    }

    /** What one more thread does. */
    BenchFiles.Loop loop(int unitBytes, Order order) throws IOException {
        return files.loop(open, unitBytes, order);
    }
}
