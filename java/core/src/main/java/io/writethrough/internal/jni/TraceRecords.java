// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** Records of I/Os that ended, as the C core hands them out: an array of struct wt_trace_record, used again and again. */
public final class TraceRecords {
    /** What records are kept of: gathers. */
    public static final int GATHERS = 1;

    /** What records are kept of: slow I/Os. */
    public static final int SLOW = 2;

    private static final int AT_ONCE = 64;

    /* struct wt_trace_record */
    private static final int OFFSET = 0;
    private static final int BYTES = 8;
    private static final int QUEUE_NS = 16;
    private static final int DEVICE_NS = 24;
    private static final int REASON = 32;
    private static final int WRITES = 36;
    private static final int ERROR = 40;
    private static final int IS_WRITE = 44;
    private static final int PATH = 48;
    private static final int RECORD_BYTES = 304;

    private final ByteBuffer memory =
            ByteBuffer.allocateDirect(AT_ONCE * RECORD_BYTES).order(ByteOrder.nativeOrder());

    /** One I/O. Times are nanoseconds; errno is 0 if it went well; the path may be the end of a long one, or empty. */
    public record Io(
            int reason,
            boolean isWrite,
            String path,
            long offset,
            long bytes,
            long queueNanos,
            long deviceNanos,
            int writes,
            int errno) {}

    /** Waits so long for records. Returns how many there are, or -errno when no more will come. */
    public int take(final long engine, final long timeoutNanos) {
        return CApi.wt_trace_take(engine, memory, AT_ONCE, timeoutNanos);
    }

    public Io get(final int index) {
        final int at = index * RECORD_BYTES;
        return new Io(
                memory.getInt(at + REASON),
                memory.getInt(at + IS_WRITE) != 0,
                pathAt(at + PATH),
                memory.getLong(at + OFFSET),
                memory.getLong(at + BYTES),
                memory.getLong(at + QUEUE_NS),
                memory.getLong(at + DEVICE_NS),
                memory.getInt(at + WRITES),
                -memory.getInt(at + ERROR));
    }

    /* Up to a 0, which is there. */
    private String pathAt(final int start) {
        int end = start;
        while (memory.get(end) != 0) {
            end++;
        }
        final byte[] bytes = new byte[end - start];
        memory.get(start, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
