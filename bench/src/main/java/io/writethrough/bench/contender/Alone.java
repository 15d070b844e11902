// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

import java.io.IOException;

/** A way that is gone by one thread. */
public class Alone extends JavaContender {
    private final Way way;
    private final Way.Operation operation;

    /** Takes the way over, and closes it in the end. */
    public Alone(Way way) throws IOException {
        this.way = way;
        this.operation = way.operation();
    }

    @Override
    protected void operate(long offset) throws IOException {
        operation.at(offset);
    }

    @Override
    public void close() throws IOException {
        way.close();
    }
}
