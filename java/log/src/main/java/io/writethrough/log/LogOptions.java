// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.WriteThroughEngine;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How a log is opened. Immutable.
 *
 * @since 0.1
 */
public final class LogOptions {
    static final long LEAST_SEGMENT_BYTES = 64 << 10;
    static final long MOST_SEGMENT_BYTES = 1 << 30;

    private final long segmentBytes;
    private final int spareSegments;
    private final long retentionBytes;
    private final @Nullable WriteThroughEngine engine;

    private LogOptions(final Builder builder) {
        this.segmentBytes = builder.segmentBytes;
        this.spareSegments = builder.spareSegments;
        this.retentionBytes = builder.retentionBytes;
        this.engine = builder.engine;
    }

    /** {@return options with all defaults} */
    public static LogOptions defaults() {
        return builder().build();
    }

    /** {@return a builder with all defaults} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return the bytes of a segment of a log that is new} */
    public long segmentBytes() {
        return segmentBytes;
    }

    /** {@return how many files of trimmed segments are kept for later segments} */
    public int spareSegments() {
        return spareSegments;
    }

    /** {@return how many bytes of segments are kept at least; 0: all, until they are trimmed} */
    public long retentionBytes() {
        return retentionBytes;
    }

    WriteThroughEngine engine() {
        return engine == null ? WriteThroughEngine.shared() : engine;
    }

    /**
     * Makes options.
     *
     * @since 0.1
     */
    public static final class Builder {
        private long segmentBytes = 64 << 20;
        private int spareSegments = 2;
        private long retentionBytes;
        private @Nullable WriteThroughEngine engine;

        private Builder() {}

        /**
         * The bytes of a segment: how much a new file gets of zeros at a time, and how much an opening reads. A log that exists
         * keeps the size it was made with.
         *
         * @param bytes a multiple of 4096 from 64 KiB to 1 GiB; 64 MiB by default
         * @return this
         * @throws IllegalArgumentException for other sizes
         */
        public Builder segmentBytes(final long bytes) {
            if (bytes < LEAST_SEGMENT_BYTES || bytes > MOST_SEGMENT_BYTES || bytes % Format.HEADER_BYTES != 0) {
                throw new IllegalArgumentException("A segment has from 64 KiB to 1 GiB, in steps of 4096: " + bytes);
            }
            segmentBytes = bytes;
            return this;
        }

        /**
         * How many files of trimmed segments wait to be used again. Further ones are deleted.
         *
         * @param count from 0 on; 2 by default
         * @return this
         * @throws IllegalArgumentException if the count is negative
         */
        public Builder spareSegments(final int count) {
            if (count < 0) {
                throw new IllegalArgumentException("Negative count: " + count);
            }
            spareSegments = count;
            return this;
        }

        /**
         * Trims the oldest segments by itself, as long as segments of so many bytes are left behind them.
         *
         * @param bytes 0 for a log that keeps all that is not trimmed, which is the default
         * @return this
         * @throws IllegalArgumentException if the bytes are negative
         */
        public Builder retentionBytes(final long bytes) {
            if (bytes < 0) {
                throw new IllegalArgumentException("Negative bytes: " + bytes);
            }
            retentionBytes = bytes;
            return this;
        }

        /**
         * The engine of the log's files. Close the log before the engine.
         *
         * @param value {@link WriteThroughEngine#shared()} by default
         * @return this
         */
        public Builder engine(final WriteThroughEngine value) {
            engine = Objects.requireNonNull(value);
            return this;
        }

        /** {@return the options} */
        public LogOptions build() {
            return new LogOptions(this);
        }
    }
}
