// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * What an engine has done and holds, for JMX. Each engine of a process is registered with the platform's MBean server
 * from its opening until it is closed, as {@code io.writethrough:type=Engine,id=N}, with N counting from 1. Where
 * several class loaders have loaded this library, each counts for itself, and a name that is taken gets {@code
 * ,loader=2} and so on.
 *
 * <p>Where the process has no MBean server when the engine is opened, the engine is registered when it has one, half a
 * second later at most. With {@code -Dio.writethrough.jmx=true} the engine has one made at its opening. Without the
 * module {@code java.management}, or with {@code -Dio.writethrough.jmx=false}, no engine is registered.
 *
 * <p>The attributes are those of {@link EngineStats}. Each is read when it is asked for.
 *
 * @since 0.1
 */
public interface WriteThroughEngineMXBean {
    /**
     * The backend that carries the I/O.
     *
     * @return as {@link WriteThroughEngine#backend()}
     */
    String getBackend();

    /**
     * The limit of cached bytes.
     *
     * @return as {@link EngineStats#cacheBytes()}
     */
    long getCacheBytes();

    /**
     * Cache memory in use now.
     *
     * @return as {@link EngineStats#cachedBytes()}
     */
    long getCachedBytes();

    /**
     * Bytes under I/O, or waiting for one, now.
     *
     * @return as {@link EngineStats#inFlightBytes()}
     */
    long getInFlightBytes();

    /**
     * I/Os that have not ended, now.
     *
     * @return as {@link EngineStats#inFlightIos()}
     */
    long getInFlightIos();

    /**
     * Files open now.
     *
     * @return as {@link EngineStats#openFiles()}
     */
    long getOpenFiles();

    /**
     * Distinct files open now.
     *
     * @return as {@link EngineStats#openInodes()}
     */
    long getOpenInodes();

    /**
     * Reads that needed no I/O.
     *
     * @return as {@link EngineStats#readHits()}
     */
    long getReadHits();

    /**
     * Reads that needed I/O.
     *
     * @return as {@link EngineStats#readMisses()}
     */
    long getReadMisses();

    /**
     * The share of the reads that needed no I/O.
     *
     * @return as {@link EngineStats#hitRate()}
     */
    double getHitRate();

    /**
     * Writes that were completed without an error.
     *
     * @return as {@link EngineStats#writes()}
     */
    long getWrites();

    /**
     * Writes that were completed with an error.
     *
     * @return as {@link EngineStats#writeErrors()}
     */
    long getWriteErrors();

    /**
     * Read I/Os sent.
     *
     * @return as {@link EngineStats#deviceReads()}
     */
    long getDeviceReads();

    /**
     * Write I/Os sent.
     *
     * @return as {@link EngineStats#deviceWrites()}
     */
    long getDeviceWrites();

    /**
     * Bytes of the read I/Os.
     *
     * @return as {@link EngineStats#deviceReadBytes()}
     */
    long getDeviceReadBytes();

    /**
     * Bytes of the write I/Os.
     *
     * @return as {@link EngineStats#deviceWrittenBytes()}
     */
    long getDeviceWrittenBytes();

    /**
     * Durable write I/Os that were one command each.
     *
     * @return as {@link EngineStats#fuaWrites()}
     */
    long getFuaWrites();

    /**
     * Flushes of the device that writes needed.
     *
     * @return as {@link EngineStats#flushes()}
     */
    long getFlushes();

    /**
     * Write I/Os that carried gathered writes.
     *
     * @return as {@link EngineStats#gathers()}
     */
    long getGathers();

    /**
     * Writes that gathers carried.
     *
     * @return as {@link EngineStats#gatheredWrites()}
     */
    long getGatheredWrites();

    /**
     * Count of evictions from the cache.
     *
     * @return as {@link EngineStats#evictions()}
     */
    long getEvictions();

    /**
     * Records of gathers and slow I/Os that were dropped.
     *
     * @return as {@link EngineStats#lostRecords()}
     */
    long getLostRecords();

    /**
     * Files that are mapped for writing now.
     *
     * @return as {@link EngineStats#mappedFiles()}
     */
    long getMappedFiles();

    /**
     * What {@link PinnedBytes} keep in the cache now.
     *
     * @return as {@link EngineStats#pinnedBytes()}
     */
    long getPinnedBytes();

    /**
     * Length of the mappings of these files.
     *
     * @return as {@link EngineStats#mappedBytes()}
     */
    long getMappedBytes();

    /**
     * Length of the open mappings of durable memory.
     *
     * @return as {@link EngineStats#durableMemoryBytes()}
     */
    long getDurableMemoryBytes();

    /**
     * Times of reads that needed no I/O.
     *
     * @return as {@link EngineStats#readHitNanos()}
     */
    HistogramSummary getReadHitNanos();

    /**
     * Times of reads that needed I/O.
     *
     * @return as {@link EngineStats#readMissNanos()}
     */
    HistogramSummary getReadMissNanos();

    /**
     * Times of writes.
     *
     * @return as {@link EngineStats#writeNanos()}
     */
    HistogramSummary getWriteNanos();

    /**
     * Times of read I/Os on the device.
     *
     * @return as {@link EngineStats#deviceReadNanos()}
     */
    HistogramSummary getDeviceReadNanos();

    /**
     * Times of write I/Os on the device.
     *
     * @return as {@link EngineStats#deviceWriteNanos()}
     */
    HistogramSummary getDeviceWriteNanos();

    /**
     * Times of I/Os in the queue.
     *
     * @return as {@link EngineStats#queueNanos()}
     */
    HistogramSummary getQueueNanos();

    /**
     * Writes that a gather carried.
     *
     * @return as {@link EngineStats#writesOfGather()}
     */
    HistogramSummary getWritesOfGather();
}
