// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;

/** Writes records until it is killed, and tells of each that is durable. */
final class KilledWriter {
    private static final int RECORD_BYTES = 100;

    private KilledWriter() {}

    public static void main(final String[] arguments) throws IOException {
        if (arguments[1].equals("append")) {
            try (FileOutputStream stream = new FileOutputStream(arguments[0], true)) {
                for (long number = 1; ; number++) {
                    stream.write(record(number));
                    stream.getFD().sync();
                    System.out.println(number);
                }
            }
        }
        final boolean syncs = arguments[1].equals("sync");
        try (RandomAccessFile file = new RandomAccessFile(arguments[0], syncs ? "rw" : "rwd")) {
            for (long number = 1; ; number++) {
                file.write(record(number));
                if (syncs) {
                    file.getFD().sync();
                }
                System.out.println(number);
            }
        }
    }

    private static byte[] record(final long number) {
        return ByteBuffer.allocate(RECORD_BYTES).putLong(0, number).array();
    }

    static void check(final byte[] file, final long told) {
        Checks.check(file.length >= told * RECORD_BYTES, "the file has " + told + " records");
        final ByteBuffer records = ByteBuffer.wrap(file);
        for (int number = 1; number <= told; number++) {
            Checks.check(records.getLong((number - 1) * RECORD_BYTES) == number, "record " + number + " is there");
        }
    }
}
