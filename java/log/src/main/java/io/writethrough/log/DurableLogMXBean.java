// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

/**
 * What a log has done and holds, for JMX. Each log that a process has open for appends is registered with the platform's MBean
 * server from its opening until it is closed, as {@code io.writethrough:type=Log,directory="DIRECTORY"}.
 *
 * <p>Where the process has no MBean server when the log is opened, the log is registered when it has one, half a second later at
 * most. With {@code -Dio.writethrough.jmx=true} the log has one made at its opening. Without the module {@code java.management},
 * or with {@code -Dio.writethrough.jmx=false}, no log is registered.
 *
 * <p>The attributes are those of {@link LogStats}. Each is read when it is asked for.
 *
 * @since 0.1
 */
public interface DurableLogMXBean {
    /**
     * The log in one line.
     *
     * @return as {@link DurableLog#toString()}
     */
    String getState();

    /**
     * How many records and batches were appended.
     *
     * @return as {@link LogStats#appends()}
     */
    long getAppends();

    /**
     * The bytes that the appends took in the log.
     *
     * @return as {@link LogStats#appendedBytes()}
     */
    long getAppendedBytes();

    /**
     * How many appends are not durable yet, now.
     *
     * @return as {@link LogStats#appendsUnderWay()}
     */
    int getAppendsUnderWay();

    /**
     * The LSN from which on records are kept.
     *
     * @return as {@link LogStats#start()}
     */
    long getStart();

    /**
     * The LSN before which all is durable.
     *
     * @return as {@link LogStats#durable()}
     */
    long getDurable();

    /**
     * How many segments there are now.
     *
     * @return as {@link LogStats#segments()}
     */
    long getSegments();

    /**
     * How many files wait to be used again, now.
     *
     * @return as {@link LogStats#spareSegments()}
     */
    int getSpareSegments();

    /**
     * How many segments were begun by appends.
     *
     * @return as {@link LogStats#newSegments()}
     */
    long getNewSegments();

    /**
     * How many segments were written with zeros.
     *
     * @return as {@link LogStats#preparedSegments()}
     */
    long getPreparedSegments();

    /**
     * How many prepared segments were files of trimmed ones.
     *
     * @return as {@link LogStats#recycledSegments()}
     */
    long getRecycledSegments();

    /**
     * How often appends went on after a write had failed.
     *
     * @return as {@link LogStats#repairs()}
     */
    long getRepairs();
}
