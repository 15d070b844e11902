// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import org.jspecify.annotations.Nullable;

/** The events of the flight recorder, where this JVM has one: the module jdk.jfr may be missing. */
final class LogEvents {
    private static final boolean HAS_RECORDER =
            ModuleLayer.boot().findModule("jdk.jfr").isPresent();

    private LogEvents() {}

    /** Null: there is no recorder. The type is no class of the recorder, which may be missing. */
    static @Nullable Object beginRecovery() {
        return HAS_RECORDER ? Made.recovery() : null;
    }

    static void endRecovery(final @Nullable Object begun, final LogFiles files, final RecoveryReport report) {
        if (begun != null) {
            Made.end(begun, files, report);
        }
    }

    static @Nullable Object beginSegment() {
        return HAS_RECORDER ? Made.segment() : null;
    }

    static void endSegment(final @Nullable Object begun, final LogFiles files, final long sequence) {
        if (begun != null) {
            Made.end(begun, files, sequence);
        }
    }

    /** What needs the recorder. */
    private static final class Made {
        static Object recovery() {
            final RecoveryEvent event = new RecoveryEvent();
            event.begin();
            return event;
        }

        static void end(final Object begun, final LogFiles files, final RecoveryReport report) {
            final RecoveryEvent event = (RecoveryEvent) begun;
            if (event.shouldCommit()) {
                event.log = files.toString();
                event.end = report.end();
                event.tornBytes = report.tornBytes();
                event.scannedBytes = report.scannedBytes();
                event.commit();
            }
        }

        static Object segment() {
            final SegmentEvent event = new SegmentEvent();
            event.begin();
            return event;
        }

        static void end(final Object begun, final LogFiles files, final long sequence) {
            final SegmentEvent event = (SegmentEvent) begun;
            if (event.shouldCommit()) {
                event.log = files.toString();
                event.sequence = sequence;
                event.commit();
            }
        }
    }
}
