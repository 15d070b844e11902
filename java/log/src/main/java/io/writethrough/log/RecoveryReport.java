// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

/**
 * What an opening found.
 *
 * @param created whether the log was new
 * @param start the LSN from which on records are kept
 * @param end the LSN behind the last record
 * @param tornBytes how many bytes behind the end were cut off: parts of appends that were never acknowledged. 0: the log
 *     ended cleanly, or, in a segment that is used again, nothing tells that it did not. There what is torn is counted up to the
 *     next multiple of 4096
 * @param scannedBytes how many bytes were looked through for that
 * @since 0.1
 */
public record RecoveryReport(boolean created, long start, long end, long tornBytes, long scannedBytes) {}
