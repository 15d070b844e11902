// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;
import java.nio.file.Path;

/** One thread that has many records in flight to a log of this library. */
abstract class ArrivalLog implements ArrivalWay {
    final LibraryLog log;
    final int inFlight;

    ArrivalLog(Path path, int inFlight) throws IOException {
        this.log = new LibraryLog(path);
        this.inFlight = inFlight;
    }

    @Override
    public int threads() {
        return 1;
    }

    @Override
    public void makeRoom(long records) throws IOException {
        log.makeRoom(records);
    }

    @Override
    public void close() throws IOException {
        log.close();
    }
}
