// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileLock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * A file with a page cache over a disk, which can lose what a failed force was to bring there: the pages are clean after it, and the
 * next force has nothing to do with them. It writes down what is called.
 */
final class FakeDevice implements Device {
    final List<String> calls = Collections.synchronizedList(new ArrayList<>());

    private byte[] cached = new byte[0];
    private byte[] stable = new byte[0];
    private final Ranges dirty = new Ranges();
    private int leastSize; /* since the last force */

    /* Of the next force: it waits for the latch in its middle, and fails. */
    private CountDownLatch begun;
    private CountDownLatch goOn;
    private boolean fails;
    private boolean writesFail;
    private boolean truncateLacksMemory;
    private @Nullable Runnable beforeWrite;

    /** The next force stands still in its middle until the second is counted down; it counts down the first. */
    synchronized void holdForce(final CountDownLatch inTheMiddle, final CountDownLatch untilThis) {
        begun = inTheMiddle;
        goOn = untilThis;
    }

    synchronized void failForce() {
        fails = true;
    }

    synchronized void failWriteHalfway() {
        writesFail = true;
    }

    synchronized void failTruncateForWantOfMemory() {
        truncateLacksMemory = true;
    }

    /** Is run before the bytes of the write behind the next. */
    synchronized void beforeSecondWrite(final Runnable action) {
        beforeWrite = () -> beforeWrite = action;
    }

    /** What a power cut leaves now. */
    synchronized byte[] afterPowerCut() {
        return stable.clone();
    }

    synchronized byte[] contents() {
        return cached.clone();
    }

    @Override
    public synchronized int read(final ByteBuffer destination, final long position) {
        final int count = (int) Math.max(Math.min(destination.remaining(), cached.length - position), 0);
        if (count > 0) {
            destination.put(cached, (int) position, count);
        }
        return count;
    }

    @Override
    public synchronized void write(final ByteBuffer source, final long position) throws IOException {
        final Runnable action = beforeWrite;
        beforeWrite = null;
        if (action != null) {
            action.run();
        }
        final boolean failsNow = writesFail;
        writesFail = false;
        final int length = failsNow ? source.remaining() / 2 : source.remaining();
        calls.add("write " + position + " " + length);
        final int end = (int) position + length;
        if (end > cached.length) {
            cached = Arrays.copyOf(cached, end);
        }
        source.get(cached, (int) position, length);
        dirty.add(position, end);
        if (failsNow) {
            throw new IOException("No space left on device");
        }
    }

    @Override
    public void force(final boolean metadata) throws IOException {
        calls.add("force begins");
        final CountDownLatch waits;
        synchronized (this) {
            waits = goOn;
            goOn = null;
            if (waits != null) {
                begun.countDown();
            }
        }
        if (waits != null) {
            try {
                waits.await();
            } catch (final InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        synchronized (this) {
            final boolean failsNow = fails;
            fails = false;
            // What has come during the force is in it, where that fails: the system may have taken it along.
            if (!failsNow) {
                final byte[] now =
                        Arrays.copyOf(Arrays.copyOf(stable, Math.min(stable.length, leastSize)), cached.length);
                for (int i = 0; i < now.length; i++) {
                    now[i] = dirty.contains(i) ? cached[i] : now[i];
                }
                stable = now;
            }
            dirty.remove(0, Long.MAX_VALUE);
            leastSize = cached.length;
            calls.add(failsNow ? "force fails" : "force ends");
            if (failsNow) {
                throw new IOException("Input/output error");
            }
        }
    }

    @Override
    public synchronized long size() {
        return cached.length;
    }

    @Override
    public synchronized void truncate(final long size) {
        if (truncateLacksMemory) {
            truncateLacksMemory = false;
            throw new OutOfMemoryError("as a test wants");
        }
        if (size < cached.length) {
            calls.add("truncate " + size);
            cached = Arrays.copyOf(cached, (int) size);
            leastSize = Math.min(leastSize, (int) size);
        }
    }

    @Override
    public FileLock tryLock(final long position, final long size, final boolean shared) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        calls.add("close");
    }
}
