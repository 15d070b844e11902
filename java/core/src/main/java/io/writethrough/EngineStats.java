package io.writethrough;

import io.writethrough.internal.ControlPlane;
import java.util.Arrays;

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
 * @param flushes flushes of the device's cache that durable writes needed: one of its own for a write, or one for several. A
 *     device without FUA needs them, and what goes through the kernel's page cache
 * @param lostRecords records of gathers and slow I/Os for the flight recorder and the log that were dropped, since more came
 *     than could be taken
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
        Histogram readHitNanos,
        Histogram readMissNanos,
        Histogram writeNanos,
        Histogram deviceReadNanos,
        Histogram deviceWriteNanos,
        Histogram queueNanos,
        Histogram writesOfGather) {

    /* WT_HISTOGRAM_*. */
    private static final int READ_HITS = 0;
    private static final int READ_MISSES = 1;
    private static final int WRITES = 2;
    private static final int DEVICE_READS = 3;
    private static final int DEVICE_WRITES = 4;
    private static final int QUEUE = 5;
    private static final int GATHERS = 6;

    /**
     * How many of the reads needed no I/O.
     *
     * @return from 0 to 1; 1 if there was no read
     */
    public double hitRate() {
        final long reads = readHits + readMisses;
        return reads == 0 ? 1 : (double) readHits / reads;
    }

    /** Those of an engine of the C core; null if it is closed. */
    static EngineStats of(final long engine) {
        final ControlPlane.EngineCounters counters = new ControlPlane.EngineCounters();
        final Histogram[] histograms = new Histogram[GATHERS + 1];
        for (int which = 0; which < histograms.length; which++) {
            final long[] values = new long[1 + Histogram.BUCKETS];
            if (ControlPlane.wt_engine_histogram(engine, which, values) < 0) {
                return null;
            }
            histograms[which] = new Histogram(values[0], Arrays.copyOfRange(values, 1, values.length));
        }
        return ControlPlane.wt_engine_stats(engine, counters) < 0 ? null : of(counters, histograms);
    }

    private static EngineStats of(final ControlPlane.EngineCounters counters, final Histogram[] histograms) {
        return new EngineStats(
                counters.cache_bytes,
                counters.cached_bytes,
                counters.in_flight_bytes,
                counters.open_files,
                counters.open_inodes,
                counters.read_hits,
                counters.read_misses,
                counters.writes,
                counters.write_errors,
                counters.device_reads,
                counters.device_writes,
                counters.device_read_bytes,
                counters.device_written_bytes,
                counters.gathers,
                counters.gathered_writes,
                counters.evictions,
                counters.in_flight_ios,
                counters.fua_writes,
                counters.flushes,
                counters.lost_traces,
                histograms[READ_HITS],
                histograms[READ_MISSES],
                histograms[WRITES],
                histograms[DEVICE_READS],
                histograms[DEVICE_WRITES],
                histograms[QUEUE],
                histograms[GATHERS]);
    }
}
