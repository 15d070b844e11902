// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import java.lang.management.ManagementFactory;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A log's MXBean. */
@Timeout(120)
class LogBeanTest extends LogOnDisk {
    private static ObjectName nameOf(final Path log) throws Exception {
        return new ObjectName("io.writethrough:type=Log,directory="
                + ObjectName.quote(log.toRealPath().toString()));
    }

    @Test
    void aLogIsABeanUntilItIsClosed() throws Exception {
        final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        final DurableLog log = DurableLog.open(path, SMALL);
        log.append(ByteBuffer.allocate(50_000));
        log.append(ByteBuffer.allocate(50_000));
        final ObjectName name = nameOf(path);
        assertEquals(log.toString(), server.getAttribute(name, "State"));
        final LogStats stats = log.stats();
        for (final RecordComponent statistic : LogStats.class.getRecordComponents()) {
            final String attribute = Character.toUpperCase(statistic.getName().charAt(0))
                    + statistic.getName().substring(1);
            if (!attribute.equals("PreparedSegments") && !attribute.equals("Segments")) { // the helper changes them
                assertEquals(statistic.getAccessor().invoke(stats), server.getAttribute(name, attribute), attribute);
            }
        }
        assertTrue((long) server.getAttribute(name, "PreparedSegments") >= 2);
        log.close();
        assertFalse(server.isRegistered(name));
    }

    @Test
    void theBeanHasEachStatistic() {
        final Set<String> expected = Arrays.stream(LogStats.class.getRecordComponents())
                .map(RecordComponent::getName)
                .collect(Collectors.toCollection(TreeSet::new));
        expected.add("state");
        assertEquals(
                expected,
                Arrays.stream(DurableLogMXBean.class.getMethods())
                        .map(Method::getName)
                        .map(name -> Character.toLowerCase(name.charAt(3)) + name.substring(4))
                        .collect(Collectors.toCollection(TreeSet::new)));
    }

    @Test
    void anOpeningMakesNoServerAndTheLogIsABeanOnceThereIsOne() throws Exception {
        final Path classes = directory.resolve("classes");
        final Process child = ChildJvm.start(
                List.of(), List.of("-Xlog:class+load:file=" + classes), LateServer.class, path.toString());
        final String said = new String(child.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, child.waitFor(), said);
        assertEquals("no server, a bean, no bean", said.strip());
        final List<String> loaded = Files.readAllLines(classes);
        final int opened = indexOf(loaded, "LogBeanTest$Opened ");
        final int server = indexOf(loaded, "java.lang.management.ManagementFactory ");
        assertTrue(opened >= 0 && opened < server, "JMX is loaded before the log is open");
    }

    private static int indexOf(final List<String> lines, final String word) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).contains(word)) {
                return i;
            }
        }
        return -1;
    }

    /** Loaded when the log is open and has a record. */
    static final class Opened {
        static final String TEXT = MBeanServerFactory.findMBeanServer(null).isEmpty() ? "no server" : "a server";
    }

    /** Opens a log, and later makes a server. */
    static final class LateServer {
        public static void main(final String[] arguments) throws Exception {
            final Path path = Path.of(arguments[0]);
            final DurableLog log = DurableLog.open(path, SMALL);
            log.append(bytes("record"));
            System.out.print(Opened.TEXT);
            final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            for (long end = System.nanoTime() + 30_000_000_000L;
                    !server.isRegistered(nameOf(path)) && System.nanoTime() < end; ) {
                Thread.onSpinWait();
            }
            System.out.print(server.isRegistered(nameOf(path)) ? ", a bean" : ", no bean");
            log.close();
            System.out.print(server.isRegistered(nameOf(path)) ? ", a bean" : ", no bean");
        }
    }
}
