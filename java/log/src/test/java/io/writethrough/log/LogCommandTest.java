// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class LogCommandTest extends LogOnDisk {
    private int status;

    private String run(final String... arguments) {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final PrintStream out = new PrintStream(bytes, true, UTF_8);
        status = LogCommand.run(out, out, arguments);
        return bytes.toString(UTF_8);
    }

    private String runOn(final LogFiles files, final String command) {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final PrintStream out = new PrintStream(bytes, true, UTF_8);
        status = LogCommand.run(files, out, out, command);
        return bytes.toString(UTF_8);
    }

    @Test
    void eachCommandTellsOfALogThatIsOpen() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            final long first = log.append(bytes("first \\ record\n"));
            log.appendBatch(java.util.List.of(bytes("second"), bytes("third")));
            for (int i = 0; i < 20; i++) {
                log.append(ByteBuffer.allocate(9000));
            }
            final long last = log.append(bytes("last"));
            final String inspected = run("inspect", path.toString());
            assertEquals(0, status, inspected);
            assertTrue(inspected.contains("end             LSN " + log.end()), inspected);
            assertTrue(inspected.contains("torn tail       none"), inspected);
            assertTrue(inspected.contains("no: it is open"), inspected);
            assertTrue(run("verify", path.toString()).startsWith("24 records in "));
            assertEquals(0, status);
            final String dumped = run("dump", path.toString());
            assertTrue(dumped.startsWith(first + " 15 first \\x5c record\\x0a\n"), dumped);
            assertEquals(24, dumped.lines().count());
            assertEquals(last + " 4 last\n", run("dump", path.toString(), Long.toString(last)));
        }
    }

    @Test
    void verifyFindsDamageInAnEarlierSegment() throws IOException {
        try (DurableLog log = DurableLog.open(path, SMALL)) {
            for (int i = 0; i < 30; i++) {
                log.append(ByteBuffer.allocate(9000));
            }
        }
        damage(path, 2, 20_000);
        final String verified = run("verify", path.toString());
        assertEquals(1, status, verified);
        assertTrue(verified.contains("damaged: " + Segments.nameOf(2)), verified);
        run("dump", path.toString());
        assertEquals(1, status);
    }

    @Test
    void damageInTheLastRecordOfAClosedLogIsFound() throws IOException {
        final long last = makeClosedLogWithADamagedLastRecord();
        for (final String command : new String[] {"verify", "inspect"}) {
            final String told = run(command, path.toString());
            assertEquals(1, status, told);
            assertTrue(told.contains("Records before LSN " + last + " are readable"), told);
        }
    }

    @Test
    void aLogWhoseOwnerCrashedWithinACutEndsAtTheCut() throws IOException {
        final SimulatedDisk disk = new SimulatedDisk(1);
        final DurableLog log = DurableLog.open(disk, SMALL, Runnable::run, () -> {});
        final long first = log.append(bytes("first"));
        final long withdrawn = log.append(bytes("withdrawn"));
        log.append(bytes("withdrawn too"));
        disk.failBehindWrites = 1; // the control file says where the cut is
        assertThrows(IOException.class, () -> log.truncateAfter(first));
        final String inspected = runOn(disk, "inspect");
        assertEquals(0, status, inspected);
        assertTrue(inspected.contains("end             LSN " + withdrawn), inspected);
        final String verified = runOn(disk, "verify");
        assertEquals(0, status, verified);
        assertTrue(verified.startsWith("1 records in "), verified);
    }

    private static void appendBehindReads(final SimulatedDisk disk, final DurableLog log, final int reads) {
        disk.afterRead = () -> {
            try {
                log.append(bytes("appended"));
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
            if (reads > 1) {
                appendBehindReads(disk, log, reads - 1);
            }
        };
    }

    @Test
    void whatAnOwnerAppendsMeanwhileIsNotDamage() throws IOException {
        // More than what is read at a time.
        final LogOptions options = LogOptions.builder().segmentBytes(4 << 20).build();
        for (final String command : new String[] {"verify", "inspect"}) {
            final SimulatedDisk disk = new SimulatedDisk(1);
            try (DurableLog log = DurableLog.open(disk, options, Runnable::run, () -> {})) {
                log.append(bytes("first"));
                appendBehindReads(disk, log, 12); // all within the first look
                final String told = runOn(disk, command);
                assertEquals(0, status, told);
                assertNull(disk.afterRead);
            }
        }
    }

    @Test
    void aWrongUseIsTold() {
        assertTrue(run("inspect").startsWith("usage"));
        assertEquals(2, status);
        assertTrue(run("list", path.toString()).startsWith("usage"));
        run("dump", path.toString());
        assertEquals(2, status);
    }
}
