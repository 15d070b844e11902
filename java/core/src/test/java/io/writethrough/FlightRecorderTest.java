// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import jdk.jfr.EventType;
import jdk.jfr.Recording;
import jdk.jfr.ValueDescriptor;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;

/** The events of the flight recorder. */
class FlightRecorderTest extends OnEveryFileSystem {
    private static final String[] KINDS = {"Write", "Read", "Gather", "Eviction", "Error"};

    private interface Work {
        void run() throws Exception;
    }

    /** The events of a kind that a recording of all kinds has of some work. */
    private List<RecordedEvent> record(final String kind, final Work work) throws Exception {
        try (Recording recording = new Recording()) {
            for (final String each : KINDS) {
                recording.enable("io.writethrough." + each).withoutThreshold().withoutStackTrace();
            }
            recording.enable("io.writethrough.Eviction").with("period", "endChunk");
            recording.start();
            work.run();
            recording.stop();
            return eventsOf(recording, kind);
        }
    }

    private List<RecordedEvent> eventsOf(final Recording recording, final String kind) throws IOException {
        final var file = directory.resolve("recording.jfr");
        recording.dump(file);
        try {
            return RecordingFile.readAllEvents(file).stream()
                    .filter(event -> event.getEventType().getName().equals("io.writethrough." + kind))
                    .sorted(Comparator.comparing(RecordedEvent::getStartTime)) // each thread's are together
                    .toList();
        } finally {
            Files.delete(file);
        }
    }

    private List<RecordedEvent> ofThisFile(final List<RecordedEvent> events) {
        return events.stream()
                .filter(event -> event.getString("path").equals(path.toString()))
                .toList();
    }

    @Test
    void readsAndWritesTellTheSameAndWritesMore() throws Exception {
        final List<String> both = List.of("path", "position", "length", "done", "asynchronous", "error");
        assertEquals(Set.copyOf(both), ownFields("Read"));
        final Set<String> more = new HashSet<>(both);
        more.addAll(List.of("durability", "flags"));
        assertEquals(more, ownFields("Write"));
    }

    private Set<String> ownFields(final String kind) throws Exception {
        final List<RecordedEvent> events = record(kind, () -> {
            try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
                final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
                file.write(buffer(10, 1), 0);
                file.read(ByteBuffer.allocate(10), 0);
            }
        });
        final EventType type = events.get(0).getEventType();
        assertEquals(List.of("writethrough"), type.getCategoryNames());
        assertEquals(kind, type.getLabel());
        return type.getFields().stream()
                .map(ValueDescriptor::getName)
                .filter(name -> !List.of("startTime", "duration", "eventThread", "stackTrace")
                        .contains(name))
                .collect(Collectors.toSet());
    }

    @Test
    void aWriteIsAnEvent() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            final List<RecordedEvent> events = ofThisFile(record("Write", () -> {
                file.write(buffer(1000, 1), 4096, Durability.SYNC);
                file.append(buffer(10, 1), Durability.DSYNC, WriteFlag.DONTCACHE);
                file.write(new ByteBuffer[] {buffer(10, 1), buffer(20, 2)}, 0);
            }));
            assertEquals(3, events.size(), events.toString());
            final RecordedEvent write = events.get(0);
            assertEquals(4096, write.getLong("position"));
            assertEquals(1000, write.getLong("length"));
            assertEquals(1000, write.getLong("done"));
            assertEquals("SYNC", write.getString("durability"));
            assertEquals("", write.getString("flags"));
            assertEquals("", write.getString("error"));
            assertFalse(write.getBoolean("asynchronous"));
            assertTrue(write.getDuration().toNanos() > 0, write.toString());
            assertEquals(5096, events.get(1).getLong("position"));
            assertEquals("APPEND DONTCACHE", events.get(1).getString("flags"));
            assertEquals(30, events.get(2).getLong("length"));
        }
    }

    @Test
    void anAsynchronousWriteIsAnEventWhenItEnds() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            final List<RecordedEvent> events = ofThisFile(record("Write", () -> {
                file.writeAsync(buffer(100, 1), 50).join();
                file.appendAsync(buffer(7, 1)).join();
                file.writeAllAsync(List.of(new WriteRequest(buffer(9, 1), 3)))
                        .get(0)
                        .join();
            }));
            assertEquals(3, events.size(), events.toString());
            assertTrue(events.get(0).getBoolean("asynchronous"));
            assertEquals(50, events.get(0).getLong("position"));
            assertEquals(100, events.get(0).getLong("done"));
            assertEquals(150, events.get(1).getLong("position"));
            assertEquals("APPEND", events.get(1).getString("flags"));
            assertEquals(3, events.get(2).getLong("position"));
        }
    }

    @Test
    void aReadIsAnEventHitOrMiss() throws Exception {
        Files.write(path, bytes(100_000, 1));
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, READ);
            final List<RecordedEvent> events = ofThisFile(record("Read", () -> {
                file.read(ByteBuffer.allocate(100), 10);
                file.read(ByteBuffer.allocate(100), 10);
                file.read(ByteBuffer.allocate(100), 99_990);
                file.readAsync(ByteBuffer.allocate(100), 50_000).join();
                file.read(new ByteBuffer[] {ByteBuffer.allocate(5), ByteBuffer.allocateDirect(6)}, 0);
            }));
            assertEquals(5, events.size(), events.toString());
            assertEquals(100, events.get(0).getLong("done"));
            assertEquals(10, events.get(2).getLong("done"));
            assertEquals(99_990, events.get(2).getLong("position"));
            assertEquals(50_000, events.get(3).getLong("position"));
            assertEquals(100, events.get(3).getLong("done"));
            assertEquals(11, events.get(4).getLong("length"));
        }
    }

    @Test
    void aGatherIsAnEvent() throws Exception {
        final List<RecordedEvent> events = record("Gather", this::gather);
        final List<RecordedEvent> gathers = ofThisFile(events);
        assumeTrue(!gathers.isEmpty(), "no gather came about here: " + root);
        final RecordedEvent gather = gathers.get(0);
        assertEquals(0, gather.getLong("position"));
        assertTrue(gather.getInt("writes") >= 1, gather.toString());
        assertEquals(4096, gather.getLong("length"));
        assertTrue(gather.getDuration("queueTime").toNanos() > 0, gather.toString());
        assertTrue(gather.getDuration("deviceTime").toNanos() > 0, gather.toString());
        assertTrue(gather.getInt("engine") > 0);
    }

    private void gather() throws IOException {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            file.write(buffer(4096, 1), 0);
            for (int round = 0; round < 100 && engine.stats().gathers() == 0; round++) {
                final List<CompletableFuture<Integer>> writes = new ArrayList<>();
                for (int i = 0; i < 64; i++) {
                    writes.add(file.writeAsync(buffer(64, i), 64L * i));
                }
                writes.forEach(CompletableFuture::join);
            }
        }
    }

    @Test
    void evictionsAreCounted() throws Exception {
        try (WriteThroughEngine engine =
                WriteThroughEngine.builder().cacheBytes(256 << 10).build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            final List<RecordedEvent> events = record("Eviction", () -> {
                for (int i = 0; i < 16; i++) {
                    file.write(buffer(64 << 10, i), (long) i << 16);
                }
            });
            final long evictions = engine.stats().evictions();
            assertTrue(evictions > 0 || file.profile().writePath() == StorageProfile.WritePath.BUFFERED);
            final List<RecordedEvent> own = events.stream()
                    .filter(event -> event.getLong("limit") == 256 << 10)
                    .toList();
            assertEquals(
                    evictions,
                    own.stream().mapToLong(event -> event.getLong("evictions")).sum(),
                    events.toString());
        }
    }

    @Test
    void aFailureIsAnErrorAndIsNamedInItsOperation() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build()) {
            final WriteThroughFile file = engine.open(path, CREATE, READ, WRITE);
            final WriteThroughFile twin = engine.open(path, READ, WRITE);
            try (Recording recording = new Recording()) {
                recording.enable("io.writethrough.Write");
                recording.enable("io.writethrough.Error");
                recording.start();
                // Not cached, and cut short by another: stale for good.
                file.write(buffer(10, 1), 0);
                try (var channel = java.nio.channels.FileChannel.open(path, WRITE)) {
                    channel.truncate(3);
                }
                assertThrows(IOException.class, twin::sync);
                assertThrows(IOException.class, () -> file.write(buffer(10, 1), 0));
                recording.stop();
                final List<RecordedEvent> errors = ofThisFile(eventsOf(recording, "Error"));
                assertEquals(2, errors.size(), errors.toString());
                assertEquals("sync", errors.get(0).getString("operation"));
                assertEquals("write", errors.get(1).getString("operation"));
                assertEquals(Errno.name(Errno.ESTALE), errors.get(1).getString("error"));
                assertEquals(10, errors.get(1).getLong("length"));
                final List<RecordedEvent> writes = ofThisFile(eventsOf(recording, "Write"));
                assertEquals("ESTALE", writes.get(1).getString("error"));
                assertEquals(0, writes.get(1).getLong("done"));
            }
        }
    }

    @Test
    void aRecordingThatWantsNoneGetsNone() throws Exception {
        try (WriteThroughEngine engine = WriteThroughEngine.builder().build();
                Recording recording = new Recording()) {
            for (final String kind : KINDS) {
                recording.disable("io.writethrough." + kind);
            }
            recording.start();
            engine.open(path, CREATE, READ, WRITE).write(buffer(10, 1), 0);
            recording.stop();
            for (final String kind : KINDS) {
                assertEquals(List.of(), eventsOf(recording, kind));
            }
        }
    }
}
