// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * What an engine has done since it was opened, and what it holds now. The values are read one by one while the engine
 * runs: each is true, but not all of one instant.
 *
 * @param cacheBytes the limit of cached bytes in force: what was asked for, rounded to the unit of allocation
 * @param cachedBytes cache memory in use now
 * @param inFlightBytes bytes under I/O, or waiting for one, now
 * @param openFiles files open now, each counted as often as it is open
 * @param openInodes distinct files open now
 * @param readHits reads that needed no I/O; a few may be missing where many threads read at once
 * @param readMisses reads that needed I/O
 * @param writes writes that were completed without an error
 * @param writeErrors writes that were completed with an error
 * @param deviceReads read I/Os sent
 * @param deviceWrites write I/Os sent
 * @param deviceReadBytes bytes of the read I/Os
 * @param deviceWrittenBytes bytes of the write I/Os
 * @param gathers write I/Os that carried writes which had collected while another I/O held their blocks
 * @param gatheredWrites writes carried by those
 * @param evictions times that cache memory was taken back for other use
 * @param inFlightIos I/Os that were sent and have not ended, now
 * @param fuaWrites durable write I/Os that the device could take as one command each (FUA), by what it says of itself
 * @param flushes flushes of the device's cache that writes needed: one of its own for a write, or one for several. A
 *     device without FUA needs them, and what goes through the kernel's page cache
 * @param lostRecords records of gathers and slow I/Os for the flight recorder and the log that were dropped, since more came
 *     than could be taken
 * @param mappedFiles distinct files that are open and mapped for writing now: their I/O goes through the kernel's page cache
 * @param pinnedBytes of the pages that {@link PinnedBytes} keep in the cache now; a page counts once for each that has a part of it
 * @param mappedBytes the length of all mappings of these
 * @param durableMemoryBytes the length of all open mappings of {@link WriteThroughFile#map}
 * @param readHitNanos times of reads that needed no I/O, of one in 64
 * @param readMissNanos times of reads that needed I/O
 * @param writeNanos times of writes, from the call until the last byte was stable
 * @param deviceReadNanos times of read I/Os on the device: from when the kernel got them to their end
 * @param deviceWriteNanos times of write I/Os on the device, flushes included
 * @param queueNanos times of I/Os in the queue: from when the first write or read needed them until the kernel got them
 * @param writesOfGather writes that a gather carried
 * @since 0.1
 */
public record EngineStats(
        long cacheBytes,
        long cachedBytes,
        long inFlightBytes,
        long openFiles,
        long openInodes,
        long readHits,
        long readMisses,
        long writes,
        long writeErrors,
        long deviceReads,
        long deviceWrites,
        long deviceReadBytes,
        long deviceWrittenBytes,
        long gathers,
        long gatheredWrites,
        long evictions,
        long inFlightIos,
        long fuaWrites,
        long flushes,
        long lostRecords,
        long mappedFiles,
        long pinnedBytes,
        long mappedBytes,
        long durableMemoryBytes,
        Histogram readHitNanos,
        Histogram readMissNanos,
        Histogram writeNanos,
        Histogram deviceReadNanos,
        Histogram deviceWriteNanos,
        Histogram queueNanos,
        Histogram writesOfGather) {

    /**
     * How many of the reads needed no I/O.
     *
     * @return from 0 to 1; 1 if there was no read
     */
    public double hitRate() {
        final long reads = readHits + readMisses;
        return reads == 0 ? 1 : (double) readHits / reads;
    }
}
