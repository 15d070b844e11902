// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.log.Frames.Found;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** {@code java -jar writethrough-log.jar inspect|verify|dump DIRECTORY}. Changes nothing, and reads beside an owner. */
final class LogCommand {
    private static final String USAGE = """
            usage: inspect DIRECTORY        what the log is, and where it ends
                   verify DIRECTORY         reads every record; the exit status is 1 if one is damaged
                   dump DIRECTORY [LSN]     prints every record, or those from the LSN on""";
    private static final int OK = 0;
    private static final int DAMAGED = 1;
    private static final int WRONG_USE = 2;
    private static final int SHOWN_BYTES = 64;

    private final LogFiles files;
    private final PrintStream out;

    private LogCommand(final LogFiles files, final PrintStream out) {
        this.files = files;
        this.out = out;
    }

    public static void main(final String[] arguments) {
        System.exit(run(System.out, System.err, arguments));
    }

    /** Returns the exit status. */
    static int run(final PrintStream out, final PrintStream err, final String... arguments) {
        if (arguments.length < 2 || arguments.length > ("dump".equals(arguments[0]) ? 3 : 2)) {
            err.println(USAGE);
            return WRONG_USE;
        }
        return run(new PlainFiles(Path.of(arguments[1])), out, err, arguments);
    }

    /** On these files. The second of the arguments is not looked at. */
    static int run(final LogFiles files, final PrintStream out, final PrintStream err, final String... arguments) {
        final LogCommand command = new LogCommand(files, out);
        try {
            return switch (arguments[0]) {
                case "inspect" -> command.inspect();
                case "verify" -> command.verify();
                case "dump" -> command.dump(arguments.length < 3 ? null : Long.valueOf(arguments[2]));
                default -> {
                    err.println(USAGE);
                    yield WRONG_USE;
                }
            };
        } catch (final LogDamagedException e) {
            err.println(e.getMessage());
            return DAMAGED;
        } catch (final IOException | IllegalArgumentException e) {
            err.println(e.getMessage() == null ? e.toString() : e.getMessage());
            return WRONG_USE;
        }
    }

    private int inspect() throws IOException {
        final Recovery.Look look = Recovery.look(files);
        final Format.Control control = look.control();
        out.printf(Locale.ROOT, "log id          %016x%n", control.logId());
        out.printf(Locale.ROOT, "format          version %d%n", Format.VERSION);
        out.printf(Locale.ROOT, "segment         %,d bytes%n", control.segmentBytes());
        out.printf(Locale.ROOT, "start           LSN %d%n", control.start());
        out.printf(
                Locale.ROOT,
                "closed          %s%n",
                control.end() == Format.NONE ? "no: it is open, or was killed" : "at LSN " + control.end());
        if (control.cut() != Format.NONE) {
            out.printf(Locale.ROOT, "being cut       from LSN %d on%n", control.cut());
        }
        final List<Long> sequences = Recovery.sequences(files.list());
        out.printf(
                Locale.ROOT,
                "segments        %d%s%n",
                sequences.size(),
                sequences.isEmpty() ? "" : ": " + sequences.get(0) + " to " + sequences.get(sequences.size() - 1));
        if (look.damage() != null) {
            throw look.damage();
        }
        final Recovery.Result found = look.found();
        out.printf(Locale.ROOT, "end             LSN %d%n", found.end());
        out.printf(
                Locale.ROOT,
                "torn tail       %s%n",
                found.tornBytes() == 0 ? "none" : found.tornBytes() + " bytes, which the next opening cuts off");
        return OK;
    }

    private int verify() throws IOException {
        final Recovery.Look look = Recovery.look(files);
        final Format.Control control = look.control();
        final long segmentBytes = control.segmentBytes();
        final long end = look.damage() == null ? look.found().end() : Format.NONE;
        int damaged = 0;
        if (look.damage() != null) {
            damaged++;
            out.println(look.damage().getMessage());
        }
        long records = 0;
        long bytes = 0;
        for (long sequence = Recovery.sequenceOf(control.start(), segmentBytes);
                sequence <= look.newest();
                sequence++) {
            final long base = sequence * segmentBytes;
            if (end != Format.NONE && base >= end) {
                break;
            }
            final long limit = end == Format.NONE ? segmentBytes : Math.min(segmentBytes, end - base);
            try (LogFile file = files.open(Segments.nameOf(sequence), false)) {
                Recovery.checkSegment(files, file, control.logId(), sequence, segmentBytes);
                final Frames frames = new Frames(file, control.logId(), base, Frames.window(segmentBytes));
                long offset = Math.max(Format.HEADER_BYTES, control.start() - base);
                while (frames.read(offset, limit, false) == Found.FRAME) {
                    records += frames.recordGoesOn() || frames.isFiller() ? 0 : 1;
                    bytes += frames.endOf(offset) - offset;
                    offset = frames.endOf(offset);
                }
                if (limit - offset >= Format.LEAST_FRAME_BYTES && end != Format.NONE) {
                    damaged++;
                    out.println("damaged: " + file.name() + " at offset " + offset + ", LSN " + (base + offset));
                }
            } catch (final LogDamagedException e) {
                damaged++;
                out.println(e.getMessage());
            }
        }
        out.printf(Locale.ROOT, "%,d records in %,d bytes, %d damaged places%n", records, bytes, damaged);
        return damaged == 0 ? OK : DAMAGED;
    }

    private int dump(final @Nullable Long from) throws IOException {
        try (DurableLog log = DurableLog.openReadOnly(files);
                LogReader reader = log.reader(from == null ? log.start() : from)) {
            while (reader.next()) {
                final ByteBuffer record = reader.record();
                final int length = record.remaining();
                final StringBuilder shown = new StringBuilder();
                for (int i = 0; i < Math.min(length, SHOWN_BYTES); i++) {
                    final int value = record.get(record.position() + i) & 0xff;
                    if (value >= ' ' && value < 0x7f && value != '\\') {
                        shown.append((char) value);
                    } else {
                        shown.append(String.format("\\x%02x", value));
                    }
                }
                out.println(reader.lsn() + " " + length + " " + shown + (length > SHOWN_BYTES ? "..." : ""));
            }
        }
        return OK;
    }
}
