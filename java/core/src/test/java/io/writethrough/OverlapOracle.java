// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Which contents a file may have after writes that overlapped: each unit is that of one write, and no other write of that unit
 * began after that one had been applied.
 */
final class OverlapOracle {
    private record Applied(long stamp, long began, long applied) {}

    private final int unitBytes;
    private final List<List<Applied>> ofUnit = new ArrayList<>();
    private final AtomicLong clock = new AtomicLong();
    private final AtomicLong lastStamp = new AtomicLong();

    OverlapOracle(final int units, final int unitBytes) {
        this.unitBytes = unitBytes;
        for (int i = 0; i < units; i++) {
            ofUnit.add(new ArrayList<>());
        }
    }

    int bytes() {
        return ofUnit.size() * unitBytes;
    }

    /** Random writes of a few units, some synchronous, some not. The first covers all, so that there is no hole. */
    void write(final WriteThroughFile file, final int seed, final int count) throws Exception {
        final Random random = new Random(seed);
        final List<CompletableFuture<?>> futures = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            final int first = i == 0 ? 0 : random.nextInt(ofUnit.size());
            final int units = i == 0 ? ofUnit.size() : 1 + random.nextInt(Math.min(12, ofUnit.size() - first));
            final long stamp = lastStamp.incrementAndGet();
            final ByteBuffer source = ByteBuffer.allocate(units * unitBytes);
            while (source.hasRemaining()) {
                source.putLong(stamp);
            }
            final long began = clock.incrementAndGet();
            if (i == 0 || random.nextInt(4) == 0) {
                file.write(source.flip(), (long) first * unitBytes);
            } else {
                futures.add(file.writeAsync(source.flip(), (long) first * unitBytes));
            }
            final Applied applied = new Applied(stamp, began, clock.incrementAndGet());
            for (int unit = first; unit < first + units; unit++) {
                synchronized (ofUnit) {
                    ofUnit.get(unit).add(applied);
                }
            }
            if (random.nextInt(8) == 0) {
                checkUnits(ByteBuffer.wrap(OnEveryFileSystem.read(file, (long) first * unitBytes, unitBytes)));
            }
        }
        for (final CompletableFuture<?> future : futures) {
            AsyncTest.get(future);
        }
    }

    private void checkUnits(final ByteBuffer unit) {
        final long stamp = unit.getLong();
        while (unit.hasRemaining()) {
            if (unit.getLong() != stamp) {
                throw new AssertionError("a unit of two writes");
            }
        }
    }

    void check(final byte[] contents) {
        for (int unit = 0; unit < ofUnit.size(); unit++) {
            final ByteBuffer bytes =
                    ByteBuffer.wrap(contents, unit * unitBytes, unitBytes).slice();
            final long stamp = bytes.getLong(0);
            checkUnits(bytes);
            final List<Applied> writes = ofUnit.get(unit);
            final Applied last = writes.stream()
                    .filter(write -> write.stamp == stamp)
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("nobody wrote " + stamp));
            for (final Applied write : writes) {
                if (write.began > last.applied) {
                    throw new AssertionError("unit: " + write + " came after " + last);
                }
            }
        }
    }
}
