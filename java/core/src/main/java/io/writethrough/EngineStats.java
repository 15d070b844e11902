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
 * @param readHits reads that needed no I/O
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
        long evictions) {}
