// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import io.writethrough.Histogram;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import javax.management.Attribute;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import org.jspecify.annotations.Nullable;

/**
 * What the bean of an engine said at an instant.
 *
 * @param id of the engine in its process
 * @param nanos when, by the nanosecond clock of this process
 * @param values the attributes by their names
 */
public record EngineSnapshot(int id, long nanos, Map<String, Object> values) {
    private static final double MICRO = 1e3;
    private static final double MEBI = 1 << 20;

    /** Asks the bean; null if its engine was closed meanwhile. */
    static @Nullable EngineSnapshot of(final MBeanServerConnection server, final ObjectName name)
            throws IOException, JMException {
        final Map<String, Object> values = new TreeMap<>();
        try {
            final List<String> names = new ArrayList<>();
            for (final MBeanAttributeInfo attribute : server.getMBeanInfo(name).getAttributes()) {
                names.add(attribute.getName());
            }
            for (final Attribute each :
                    server.getAttributes(name, names.toArray(String[]::new)).asList()) {
                values.put(each.getName(), each.getValue());
            }
        } catch (final InstanceNotFoundException e) {
            return null;
        }
        final int id = Integer.parseInt(name.getKeyProperty("id"));
        return values.containsKey("WritesOfGather") ? new EngineSnapshot(id, System.nanoTime(), values) : null;
    }

    private long number(final String name) {
        return ((Number) Objects.requireNonNull(values.get(name))).longValue();
    }

    private Histogram histogram(final String name) {
        final CompositeData data = (CompositeData) Objects.requireNonNull(values.get(name));
        return new Histogram((Long) data.get("sum"), (long[]) data.get("counts"));
    }

    /* ---- for people ---- */

    /** A table: of the time since an earlier snapshot, or since the engine was opened if that is null. */
    String table(final long pid, final @Nullable EngineSnapshot earlier) {
        final StringBuilder text = new StringBuilder();
        final double seconds = earlier == null ? 0 : (nanos - earlier.nanos) / 1e9;
        text.append(String.format(
                Locale.ROOT,
                "process %d, engine %d, %s, %s%n",
                pid,
                id,
                values.get("Backend"),
                earlier == null ? "since it was opened" : String.format(Locale.ROOT, "the last %.1f s", seconds)));
        text.append(String.format(
                Locale.ROOT,
                "cache %.1f of %.1f MiB, %d files open (%d distinct), %d I/Os in flight (%.1f MiB)%n",
                number("CachedBytes") / MEBI,
                number("CacheBytes") / MEBI,
                number("OpenFiles"),
                number("OpenInodes"),
                number("InFlightIos"),
                number("InFlightBytes") / MEBI));
        text.append(String.format(
                Locale.ROOT,
                "%-14s %12s %10s %10s %10s %10s%n",
                "",
                earlier == null ? "count" : "per second",
                "p50 us",
                "p99 us",
                "p99.9 us",
                "max us"));
        row(text, "reads, cached", "ReadHits", "ReadHitNanos", earlier, seconds);
        row(text, "reads, missed", "ReadMisses", "ReadMissNanos", earlier, seconds);
        row(text, "writes", "Writes", "WriteNanos", earlier, seconds);
        row(text, "device reads", "DeviceReads", "DeviceReadNanos", earlier, seconds);
        row(text, "device writes", "DeviceWrites", "DeviceWriteNanos", earlier, seconds);
        row(text, "in the queue", null, "QueueNanos", earlier, seconds);
        final Histogram gathers = difference("WritesOfGather", earlier);
        text.append(String.format(
                Locale.ROOT,
                "gathers %.0f of %.1f writes; flushes %.0f, FUA writes %.0f; evictions %.0f; hit rate %.1f %%%n",
                rate(gathers.count(), seconds),
                gathers.mean(),
                rate(change("Flushes", earlier), seconds),
                rate(change("FuaWrites", earlier), seconds),
                rate(change("Evictions", earlier), seconds),
                100 * hitRate(earlier)));
        text.append(String.format(
                Locale.ROOT,
                "device: read %.1f MiB, written %.1f MiB; write errors %d; files mapped for writing %d%n",
                rate(change("DeviceReadBytes", earlier), seconds) / MEBI,
                rate(change("DeviceWrittenBytes", earlier), seconds) / MEBI,
                number("WriteErrors"),
                number("MappedFiles")));
        return text.toString();
    }

    private void row(
            final StringBuilder text,
            final String label,
            final @Nullable String counter,
            final String histogram,
            final @Nullable EngineSnapshot earlier,
            final double seconds) {
        final Histogram times = difference(histogram, earlier);
        final long count = counter == null ? times.count() : change(counter, earlier);
        text.append(String.format(Locale.ROOT, "%-14s %12.0f", label, rate(count, seconds)));
        for (final double percent : new double[] {50, 99, 99.9, 100}) {
            text.append(
                    times.count() == 0
                            ? String.format(" %10s", "-")
                            : String.format(Locale.ROOT, " %10.1f", times.percentile(percent) / MICRO));
        }
        text.append(System.lineSeparator());
    }

    private double hitRate(final @Nullable EngineSnapshot earlier) {
        final long hits = change("ReadHits", earlier);
        final long reads = hits + change("ReadMisses", earlier);
        return reads == 0 ? 1 : (double) hits / reads;
    }

    private static double rate(final long count, final double seconds) {
        return seconds == 0 ? count : count / seconds;
    }

    private Histogram difference(final String name, final @Nullable EngineSnapshot earlier) {
        return earlier == null ? histogram(name) : histogram(name).since(earlier.histogram(name));
    }

    private long change(final String name, final @Nullable EngineSnapshot earlier) {
        return number(name) - (earlier == null ? 0 : earlier.number(name));
    }

    /* ---- for programs ---- */

    /** An object with the attributes, whose names begin with a small letter, and the id. */
    String json() {
        final StringBuilder text = new StringBuilder("{\"id\":").append(id);
        values.forEach((name, value) -> text.append(",\"")
                .append(Character.toLowerCase(name.charAt(0)))
                .append(name, 1, name.length())
                .append("\":")
                .append(json(value)));
        return text.append('}').toString();
    }

    private static String json(final Object value) {
        if (value instanceof CompositeData data) {
            final List<String> members = new ArrayList<>();
            for (final String key : data.getCompositeType().keySet()) {
                if (!key.equals("counts")) {
                    members.add("\"" + key + "\":" + json(data.get(key)));
                }
            }
            return "{" + String.join(",", members) + "}";
        }
        return value instanceof Number ? value.toString() : "\"" + value + "\"";
    }
}
