// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Format.Control;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** The control file: what is known of the log besides its records. Each change is durable when its method returns. */
final class ControlFile implements Closeable {
    static final String NAME = "control";

    private final LogFile file;
    private Control now;

    private ControlFile(final LogFile file, final Control now) {
        this.file = file;
        this.now = now;
    }

    /** What the file says; null if it says nothing, because the log was being made. */
    static @Nullable Control read(final LogFile file, final Object directory) throws IOException {
        @Nullable Control newest = null;
        boolean empty = true;
        for (int slot = 0; slot < 2; slot++) {
            final ByteBuffer bytes = Format.direct(Format.HEADER_BYTES);
            file.read(bytes, (long) slot * Format.HEADER_BYTES);
            for (int i = 0; i < Format.HEADER_BYTES; i += 8) {
                empty &= bytes.getLong(i) == 0;
            }
            if (!Control.isValid(bytes)) {
                continue;
            }
            if (Control.versionOf(bytes) != Format.VERSION) {
                throw new IOException("The log " + directory + " has version " + Control.versionOf(bytes)
                        + ", this library reads version " + Format.VERSION + ". Use a newer library");
            }
            final Control control = Control.of(bytes);
            if (control.isPlausible() && (newest == null || control.generation() > newest.generation())) {
                newest = control;
            }
        }
        if (newest == null && !empty) {
            throw new LogDamagedException(directory, NAME, 0, 0, "no slot has a right checksum");
        }
        return newest;
    }

    /** As {@link #read(LogFile, Object)}, for somebody who only reads: the owner may write meanwhile. */
    static @Nullable Control read(final LogFiles files) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try (LogFile file = files.open(NAME, false)) {
                return read(file, files);
            } catch (final LogDamagedException e) {
                if (attempt == 3) {
                    throw e;
                }
            }
        }
    }

    static ControlFile of(final LogFile file, final Control control) {
        return new ControlFile(file, control);
    }

    /** Of a log that is new. */
    static ControlFile make(final LogFile file, final long logId, final long segmentBytes) throws IOException {
        final ControlFile made = new ControlFile(
                file,
                new Control(0, logId, segmentBytes, segmentBytes + Format.HEADER_BYTES, Format.NONE, Format.NONE));
        file.zero(0, 2 * Format.HEADER_BYTES); // so that no later change needs room
        made.set(made.now.start(), Format.NONE, Format.NONE);
        return made;
    }

    synchronized Control now() {
        return now;
    }

    private void set(final long start, final long cut, final long end) throws IOException {
        final long more = cut != Format.NONE && cut != now.cut() ? Control.CUT_GENERATIONS : 1;
        final Control next = new Control(now.generation() + more, now.logId(), now.segmentBytes(), start, cut, end);
        file.write(next.slot(), (next.generation() & 1) * Format.HEADER_BYTES);
        now = next;
    }

    synchronized void start(final long start) throws IOException {
        set(start, now.cut(), now.end());
    }

    synchronized void cut(final long cut) throws IOException {
        set(now.start(), cut, now.end());
    }

    synchronized void end(final long end) throws IOException {
        set(now.start(), now.cut(), end);
    }

    /** Nothing is to be cut, and the log goes on. */
    synchronized void opened() throws IOException {
        set(now.start(), Format.NONE, Format.NONE);
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
