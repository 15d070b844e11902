// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import javax.management.Attribute;
import javax.management.AttributeNotFoundException;
import javax.management.InstanceNotFoundException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an engine tells of itself: to the program, and by JMX. */
class StatsTest extends OnEveryFileSystem {
    private final MBeanServer server = ManagementFactory.getPlatformMBeanServer();

    @BeforeEach
    void awaitBeansOfOthers() throws InterruptedException {
        BeansOfEarlierEngines.await();
    }

    @Test
    void everyWriteAndEveryMissIsTimed() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            for (int i = 0; i < 20; i++) {
                file.write(buffer(4096, i), 4096L * i);
            }
            final EngineStats stats = engine.stats();
            assertEquals(20, stats.writes());
            assertEquals(20, stats.writeNanos().count());
            assertEquals(stats.deviceWrites(), stats.deviceWriteNanos().count());
            assertEquals(
                    stats.deviceWrites() + stats.deviceReads(),
                    stats.queueNanos().count());
            assertTrue(stats.writeNanos().sum() >= stats.deviceWriteNanos().sum(), stats.toString());
            assertTrue(stats.writeNanos().percentile(50) <= stats.writeNanos().max(), stats.toString());
            assertEquals(0, stats.inFlightIos());
            assertEquals(stats.readMisses(), stats.readMissNanos().count());
        }
    }

    @Test
    void theHitRateIsThatOfReads() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            assertEquals(1, engine.stats().hitRate());
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.write(buffer(4096, 1), 0);
            for (int i = 0; i < 128; i++) {
                read(file, 0, 4096);
            }
            final EngineStats stats = engine.stats();
            final boolean cached = file.profile().writePath() == StorageProfile.WritePath.DIRECT;
            assertEquals(cached ? 1 : 0, stats.hitRate());
            assertEquals(cached ? 128 : 0, stats.readHits());
            assertTrue(!cached
                    || stats.readHitNanos().count() >= 1 && stats.readHitNanos().count() <= 3);
        }
    }

    @Test
    void aGatherCountsItsWrites() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.write(buffer(4096, 1), 0);
            final List<CompletableFuture<Integer>> writes = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                writes.add(file.writeAsync(buffer(64, i), 0));
            }
            writes.forEach(CompletableFuture::join);
            final EngineStats stats = engine.stats();
            assertEquals(stats.gathers(), stats.writesOfGather().count());
            assertEquals(stats.gatheredWrites(), stats.writesOfGather().sum());
            assertEquals(1001, stats.writeNanos().count());
        }
    }

    @Test
    void aDeviceWithAVolatileCacheNeedsFuaOrFlushes() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.write(buffer(8192, 1), 0);
            final EngineStats stats = engine.stats();
            final boolean needed = file.profile().volatileCache() != StorageProfile.Promise.NO;
            assertEquals(needed ? stats.deviceWrites() : 0, stats.fuaWrites() + stats.flushes());
        }
    }

    @Test
    void histogramsCanBeSubtracted() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.write(buffer(10, 1), 0);
            final Histogram before = engine.stats().writeNanos();
            file.write(buffer(10, 1), 0);
            file.write(buffer(10, 1), 0);
            final Histogram after = engine.stats().writeNanos();
            assertEquals(2, after.since(before).count());
            assertEquals(after.sum() - before.sum(), after.since(before).sum());
        }
    }

    /* ---- JMX ---- */

    private Set<ObjectName> names() throws Exception {
        return server.queryNames(new ObjectName("io.writethrough:type=Engine,*"), null);
    }

    /** The bean of the engine that was opened last. */
    private ObjectName newest(final Set<ObjectName> before) throws Exception {
        final List<ObjectName> added =
                names().stream().filter(name -> !before.contains(name)).toList();
        assertEquals(1, added.size());
        return added.get(0);
    }

    @Test
    void anEngineIsABeanFromItsOpeningToItsClosing() throws Exception {
        final Set<ObjectName> before = names();
        final ObjectName name;
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(1 << 20).build()) {
            name = newest(before);
            assertTrue(name.getKeyProperty("id").matches("[1-9][0-9]*"), name.toString());
            try (WriteThroughFile file = engine.open(path, CREATE, READ, WRITE)) {
                file.write(buffer(100, 1), 0);
                assertEquals(1L, server.getAttribute(name, "OpenFiles"));
            }
            assertEquals(0L, server.getAttribute(name, "OpenFiles"));
            assertEquals(1L << 20, server.getAttribute(name, "CacheBytes"));
            assertEquals(1L, server.getAttribute(name, "Writes"));
            assertEquals(engine.backend().name().toLowerCase(), server.getAttribute(name, "Backend"));
            final CompositeData writes = (CompositeData) server.getAttribute(name, "WriteNanos");
            assertEquals(1L, writes.get("count"));
            assertEquals(engine.stats().writeNanos().max(), writes.get("max"));
            assertEquals(160, ((long[]) writes.get("counts")).length);
        }
        assertThrows(InstanceNotFoundException.class, () -> server.getAttribute(name, "Writes"));
    }

    @Test
    void everyAttributeOfTheBeanCanBeRead() throws Exception {
        final Set<ObjectName> before = names();
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final ObjectName name = newest(before);
            for (final var attribute : server.getMBeanInfo(name).getAttributes()) {
                final Object value = server.getAttribute(name, attribute.getName());
                assertTrue(
                        value instanceof Number || value instanceof String || value instanceof CompositeData,
                        attribute.getName());
            }
            assertThrows(
                    AttributeNotFoundException.class, () -> server.setAttribute(name, new Attribute("CacheBytes", 1L)));
            assertTrue(engine.isOpen());
        }
    }

    @Test
    void aBeanOfALostEngineDoesNotKeepIt() throws Exception {
        final Set<ObjectName> before = names();
        loseAnEngine();
        for (int i = 0; i < 300 && !before.containsAll(names()); i++) {
            System.gc();
            Thread.yield();
        }
        assertTrue(before.containsAll(names()), "the bean is there after 300 collections");
    }

    private static void loseAnEngine() throws IOException {
        WriteThroughEngine.builder().build().stats();
    }
}
