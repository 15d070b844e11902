// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * Who may use a segment, and what ends that: as the arenas of {@code java.lang.foreign}. For {@link
 * WriteThroughMapping#segment}.
 *
 * @since 0.1
 */
public enum SegmentScope {
    /**
     * The thread that asked for the segment, until {@link WriteThroughMapping#close()}, which this thread has to call: on
     * another it throws {@code WrongThreadException}, and the mapping stays open.
     */
    CONFINED,
    /**
     * Every thread, until {@link WriteThroughMapping#close()}. That throws {@link IllegalStateException} while an operation holds
     * the segment, such as I/O into its buffer, and the mapping stays open.
     */
    SHARED,
    /** Every thread, as long as the segment can be reached, also after {@link WriteThroughMapping#close()}. */
    AUTO
}
