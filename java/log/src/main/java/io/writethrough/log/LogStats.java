// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

/**
 * Counts of an open log, since it was opened.
 *
 * @param appends how many records and batches were appended
 * @param appendedBytes what they took in the log
 * @param appendsUnderWay how many are not durable yet, now
 * @param start the LSN from which on records are kept
 * @param durable the LSN before which all is durable
 * @param segments how many segments there are now, those included that are ready for later
 * @param spareSegments how many files wait to be used again, now
 * @param newSegments how many segments were begun by appends
 * @param preparedSegments how many segments were made ready
 * @param recycledSegments how many of these were files of trimmed segments
 * @param repairs how often appends went on after a write had failed
 * @since 0.1
 */
public record LogStats(
        long appends,
        long appendedBytes,
        int appendsUnderWay,
        long start,
        long durable,
        long segments,
        int spareSegments,
        long newSegments,
        long preparedSegments,
        long recycledSegments,
        long repairs) {}
