// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many threads open, append to and close one file, on JDK 21 and later virtual threads. */
final class Racers {
    private static final int RACERS = 16;
    private static final int ROUNDS = 20;
    private static final int BYTES = 100;

    private Racers() {}

    public static void main(final String[] arguments) throws Exception {
        final File file = Path.of(arguments[0], "file").toFile();
        final ExecutorService threads = threads();
        final List<Future<?>> racers = new ArrayList<>();
        for (int i = 0; i < RACERS; i++) {
            racers.add(threads.submit(() -> race(file)));
        }
        for (final Future<?> racer : racers) {
            racer.get();
        }
        threads.shutdown();
        check(file.length() == (long) RACERS * ROUNDS * BYTES, "all bytes are there");
        System.out.println("all well");
    }

    private static ExecutorService threads() {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (final ReflectiveOperationException e) {
            return Executors.newFixedThreadPool(RACERS);
        }
    }

    private static Void race(final File file) throws IOException {
        for (int i = 0; i < ROUNDS; i++) {
            try (FileOutputStream stream = new FileOutputStream(file, true);
                    RandomAccessFile reader = new RandomAccessFile(file, "r")) {
                stream.write(new byte[BYTES]);
                check(reader.length() >= BYTES, "its bytes are there");
            }
        }
        return null;
    }
}
