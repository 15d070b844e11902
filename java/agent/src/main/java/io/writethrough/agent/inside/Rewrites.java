// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What becomes of which method of {@code java.io}: the one table of that, for every JDK. */
final class Rewrites {
    static final String HOOKS = "io/writethrough/agent/boot/Hooks";
    static final String CARRIED = "io/writethrough/agent/boot/CarriedChannel";
    static final String DESCRIPTOR = "Ljava/io/FileDescriptor;";

    private static final String INPUT = "java/io/FileInputStream";
    private static final String OUTPUT = "java/io/FileOutputStream";
    private static final String RANDOM = "java/io/RandomAccessFile";
    private static final String DESCRIPTOR_CLASS = "java/io/FileDescriptor";

    /** Rewritten for a report alone. */
    static final String CHANNEL = "sun/nio/ch/FileChannelImpl";

    static final Set<String> CLASSES = Set.of(INPUT, OUTPUT, RANDOM, DESCRIPTOR_CLASS);

    /** The method of {@code CarriedChannel} that does the work of a method, for a carried file. */
    private static final Map<String, Map<String, String>> STREAMS = Map.of(
            INPUT,
            Map.of(
                    "read()I", "readByte",
                    "read([B)I", "readBytes",
                    "read([BII)I", "readBytes",
                    "skip(J)J", "skip",
                    "available()I", "available",
                    "length()J", "length",
                    "position()J", "pointer"),
            OUTPUT,
            Map.of("write(I)V", "writeByte", "write([B)V", "writeBytes", "write([BII)V", "writeBytes"),
            RANDOM,
            Map.ofEntries(
                    Map.entry("read()I", "readByte"),
                    Map.entry("read([B)I", "readBytes"),
                    Map.entry("read([BII)I", "readBytes"),
                    Map.entry("readLine()Ljava/lang/String;", "readLine"),
                    Map.entry("write(I)V", "writeByte"),
                    Map.entry("write([B)V", "writeBytes"),
                    Map.entry("write([BII)V", "writeBytes"),
                    Map.entry("writeBytes(Ljava/lang/String;)V", "writeLowBytes"),
                    Map.entry("writeChars(Ljava/lang/String;)V", "writeChars"),
                    Map.entry("getFilePointer()J", "pointer"),
                    Map.entry("seek(J)V", "seek"),
                    Map.entry("length()J", "length"),
                    Map.entry("setLength(J)V", "setLength")),
            DESCRIPTOR_CLASS,
            Map.of());

    /** Private methods that open a file. */
    private static final Map<String, String> OPENS = Map.of(
            INPUT,
            "open(Ljava/lang/String;)V",
            OUTPUT,
            "open(Ljava/lang/String;Z)V",
            RANDOM,
            "open(Ljava/lang/String;I)V");

    private static final Set<String> SHARING = Set.of(INPUT, OUTPUT);
    private static final String ON_DESCRIPTOR = "<init>(" + DESCRIPTOR + ")V";
    private static final String SYNC = "sync()V";
    private static final String FORCE = "force(Z)V";

    /* A file is opened by them, or nothing of a carried file is read, written or asked. */
    private static final Set<String> HARMLESS = Set.of("open0", "isRegularFile0", "close0");

    private Rewrites() {}

    static @Nullable String stream(final String owner, final String method) {
        return STREAMS.getOrDefault(owner, Map.of()).get(method);
    }

    static boolean opens(final String owner, final String method) {
        return method.equals(OPENS.get(owner));
    }

    /** Whether the agent must learn that the JDK has opened a file. */
    static boolean tellsOfOpens(final String owner) {
        return owner.equals(INPUT) || owner.equals(RANDOM);
    }

    static boolean shares(final String owner, final String method) {
        return SHARING.contains(owner) && method.equals(ON_DESCRIPTOR);
    }

    static boolean syncs(final String owner, final String method) {
        return owner.equals(DESCRIPTOR_CLASS) && method.equals(SYNC);
    }

    /** Whether a method is told of in a report. */
    static boolean forces(final String owner, final String method) {
        return owner.equals(CHANNEL) && method.equals(FORCE);
    }

    /** Whether a method is rewritten so that it does no I/O by the JDK on a carried file. */
    static boolean covers(final String owner, final String method) {
        return stream(owner, method) != null || opens(owner, method) || syncs(owner, method);
    }

    static boolean isHarmless(final String nativeName) {
        return HARMLESS.contains(nativeName);
    }

    /** The methods that there must be, for each JDK has them. */
    static Set<String> required(final String owner) {
        if (owner.equals(DESCRIPTOR_CLASS)) {
            return Set.of(SYNC);
        }
        final Set<String> all =
                new HashSet<>(STREAMS.getOrDefault(owner, Map.of()).keySet());
        final String open = OPENS.get(owner);
        if (open != null) {
            all.add(open);
        }
        if (SHARING.contains(owner)) {
            all.add(ON_DESCRIPTOR);
        }
        return all;
    }
}
