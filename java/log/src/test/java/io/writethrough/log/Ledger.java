// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** All appends of a program in their order, and what was told of each: so what a log must have, may have and must not have. */
final class Ledger {
    /** One append: records with these numbers. */
    static final class Append {
        final int first;
        final int count;
        long lsn;
        boolean acknowledged;
        boolean failed;
        boolean mayBeGone;
        boolean gone;

        Append(final int first, final int count) {
            this.first = first;
            this.count = count;
        }
    }

    private final List<Append> appends = new ArrayList<>();
    private int numbers;
    private int present;

    /** The bytes of a record, which its number tells. */
    static byte[] record(final int number) {
        final Random random = new Random(number * 31L + 7);
        final int kind = random.nextInt(60);
        final int length = kind == 0
                ? 60_000 + random.nextInt(150_000)
                : kind < 6 ? 8 + random.nextInt(9_000) : 8 + random.nextInt(500);
        final byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        ByteBuffer.wrap(bytes).putInt(0, number).putInt(4, length);
        return bytes;
    }

    Append add(final int count) {
        final Append append = new Append(numbers, count);
        numbers += count;
        appends.add(append);
        return append;
    }

    static List<ByteBuffer> buffers(final Append append) {
        final List<ByteBuffer> buffers = new ArrayList<>();
        for (int i = 0; i < append.count; i++) {
            buffers.add(ByteBuffer.wrap(record(append.first + i)));
        }
        return buffers;
    }

    List<Append> appends() {
        return appends;
    }

    /** How many records were read in all checks. */
    int present() {
        return present;
    }

    /** Nothing has been told yet. */
    void replay() {
        for (final Append append : appends) {
            append.acknowledged = false;
            append.failed = false;
            append.mayBeGone = false;
            append.gone = false;
        }
    }

    /** Reads the log and compares. */
    void check(final DurableLog log) throws IOException {
        final boolean[] there = new boolean[appends.size()];
        int at = 0;
        try (LogReader reader = log.reader(log.start())) {
            boolean any = reader.next();
            while (any) {
                final int number = reader.record().duplicate().getInt();
                while (at < appends.size() && appends.get(at).first != number) {
                    at++;
                }
                assertTrue(at < appends.size(), "record " + number + " at LSN " + reader.lsn() + " is out of order");
                final Append append = appends.get(at);
                for (int i = 0; i < append.count; i++) {
                    assertTrue(any, "append " + append.first + " is there in part");
                    final byte[] bytes = new byte[reader.record().remaining()];
                    reader.record().duplicate().get(bytes);
                    assertArrayEquals(record(append.first + i), bytes);
                    present++;
                    any = reader.next();
                }
                there[at++] = true;
            }
        }
        checkPresence(there);
    }

    private void checkPresence(final boolean[] there) {
        int last = there.length - 1;
        while (last >= 0 && !there[last]) {
            last--;
        }
        int cutThere = 0;
        int cut = 0;
        for (int i = 0; i < there.length; i++) {
            final Append append = appends.get(i);
            if (append.gone) {
                assertTrue(!there[i], "append " + append.first + " has come back");
            } else if (append.mayBeGone) {
                cut += append.acknowledged ? 1 : 0;
                cutThere += append.acknowledged && there[i] ? 1 : 0;
            } else if (append.acknowledged) {
                assertTrue(there[i], "append " + append.first + " is lost");
            } else if (i < last && !append.failed) {
                assertTrue(there[i], "append " + append.first + " is lost, but a later one is there");
            }
        }
        assertTrue(
                cutThere == 0 || cutThere == cut,
                "of " + cut + " appends that are cut or trimmed " + cutThere + " are there");
    }

    @Override
    public String toString() {
        return appends.size() + " appends, " + present + " records read";
    }
}
