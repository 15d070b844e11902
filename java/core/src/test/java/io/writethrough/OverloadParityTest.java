// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.NonReadableChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What all overloads of the reads and writes of {@link WriteThroughFile} have in common. The overloads are found by
 * reflection: a new one is tested as the others are, and one that this test cannot call fails it.
 */
@Timeout(120)
class OverloadParityTest extends OnEveryFileSystem {
    private static final Set<String> NAMES = Set.of(
            "write",
            "append",
            "read",
            "writeAsync",
            "appendAsync",
            "readAsync",
            "writeAllAsync",
            "writeLater",
            "appendLater");
    private static final List<String> KINDS =
            List.of("io.writethrough.Write", "io.writethrough.Read", "io.writethrough.Error");
    private static final int BYTES = 30;
    private static final long POSITION = 4000;

    private WriteThroughEngine engine;

    @BeforeEach
    void openEngine() throws IOException {
        engine = WriteThroughEngine.builder().build();
    }

    @AfterEach
    void closeEngine() throws IOException {
        engine.close();
    }

    // ---- the overloads, and how they are called ----

    /** One overload. */
    private record Overload(Method method) {
        boolean has(final Class<?> parameter) {
            return Arrays.asList(method.getParameterTypes()).contains(parameter);
        }

        boolean isRead() {
            return method.getName().startsWith("read");
        }

        boolean isAppend() {
            return method.getName().startsWith("append");
        }

        boolean isAsynchronous() {
            return method.getName().endsWith("Async");
        }

        boolean isLater() {
            return method.getName().endsWith("Later");
        }

        boolean hasFlags() {
            return has(WriteFlag[].class);
        }

        /** As events and exceptions name it. */
        String operation() {
            return isRead() ? "read" : isAppend() ? "append" : "write";
        }

        /** What it takes beside the buffers. */
        List<Class<?>> others() {
            return Arrays.stream(method.getParameterTypes())
                    .filter(type -> !isOfBuffers(type))
                    .collect(Collectors.toList());
        }

        @Override
        public String toString() {
            return method.getName()
                    + Arrays.stream(method.getParameterTypes())
                            .map(Class::getSimpleName)
                            .collect(Collectors.joining(", ", "(", ")"));
        }
    }

    private static boolean isOfBuffers(final Class<?> type) {
        return type == ByteBuffer.class || type == ByteBuffer[].class || type == List.class;
    }

    private static List<Overload> overloads() {
        final List<Overload> all = Arrays.stream(WriteThroughFile.class.getMethods())
                .filter(method -> !Modifier.isStatic(method.getModifiers()))
                .filter(method -> method.getDeclaringClass() == WriteThroughFile.class)
                .filter(method -> Arrays.stream(method.getParameterTypes()).anyMatch(OverloadParityTest::isOfBuffers)
                        || NAMES.contains(method.getName()))
                .map(Overload::new)
                .sorted(Comparator.comparing(Overload::toString))
                .toList();
        for (final Overload each : all) {
            assertTrue(NAMES.contains(each.method().getName()), "this test does not know " + each);
        }
        return all;
    }

    /** A call of an overload. */
    private final class Call {
        private final Overload overload;
        private final List<ByteBuffer> buffers = new ArrayList<>();
        private int bytes = BYTES;
        private long position = POSITION;
        private WriteFlag[] flags = {};
        private Supplier<ByteBuffer> maker = () -> ByteBuffer.allocate(bytes);

        private Call(final Overload overload) {
            this.overload = overload;
        }

        private Call with(final WriteFlag... given) {
            flags = given;
            return this;
        }

        private Call of(final int count) {
            bytes = count;
            return this;
        }

        private Call at(final long where) {
            position = where;
            return this;
        }

        private Call into(final Supplier<ByteBuffer> buffer) {
            maker = buffer;
            return this;
        }

        private Object argument(final Class<?> type) {
            if (type == ByteBuffer.class) {
                buffers.add(maker.get());
                return buffers.get(0);
            }
            if (type == ByteBuffer[].class) {
                final ByteBuffer whole = maker.get();
                final int middle = whole.position() + whole.remaining() / 3;
                buffers.add(whole.duplicate().limit(middle));
                buffers.add(whole.duplicate().position(middle));
                return buffers.toArray(ByteBuffer[]::new);
            }
            if (type == List.class) {
                buffers.add(maker.get());
                return List.of(new WriteRequest(buffers.get(0), position));
            }
            if (type == long.class) {
                return position;
            }
            if (type == Durability.class) {
                return Durability.SYNC;
            }
            if (type == WriteFlag[].class) {
                return flags;
            }
            if (type == ReadFlag[].class) {
                return new ReadFlag[] {ReadFlag.HIGH_PRIORITY, ReadFlag.SEQUENTIAL};
            }
            return fail(overload + " has a parameter that this test does not know: " + type);
        }

        private int remaining() {
            return buffers.stream().mapToInt(ByteBuffer::remaining).sum();
        }

        /** What the call returns, or its future is. */
        private long run(final WriteThroughFile file) throws Exception {
            buffers.clear();
            final Object[] arguments = Arrays.stream(overload.method().getParameterTypes())
                    .map(this::argument)
                    .toArray();
            Object result;
            try {
                result = overload.method().invoke(file, arguments);
            } catch (final InvocationTargetException e) {
                if (e.getCause() instanceof Exception thrown) {
                    throw thrown;
                }
                throw e;
            }
            if (result instanceof List<?> futures) {
                assertEquals(1, futures.size());
                result = futures.get(0);
            }
            assertEquals(overload.isAsynchronous(), result instanceof CompletableFuture, overload.toString());
            return ((Number) (result instanceof CompletableFuture<?> future ? get(future) : result)).longValue();
        }

        /** Of a call that must be refused, or whose I/O must fail. */
        private <T extends Exception> T failure(final WriteThroughFile file, final Class<T> type) {
            return assertThrows(type, () -> run(file), overload.toString());
        }

        /** Of a call that must be refused: it moves no buffer. */
        private <T extends Exception> T refusal(final WriteThroughFile file, final Class<T> type) {
            final T failure = failure(file, type);
            assertEquals(bytes, remaining(), overload + " moved a buffer though it was refused");
            return failure;
        }
    }

    private static Object get(final CompletableFuture<?> future) throws Exception {
        try {
            return future.get(20, TimeUnit.SECONDS);
        } catch (final ExecutionException e) {
            throw assertInstanceOf(Exception.class, e.getCause());
        }
    }

    private WriteThroughFile open(final OpenOption... options) throws IOException {
        return engine.open(path, options);
    }

    // ---- the flight recorder ----

    private interface Work {
        void run() throws Exception;
    }

    /** The events of reads, writes and errors of the file that some work makes, by the names of their kinds. */
    private Map<String, List<RecordedEvent>> record(final Work work) throws Exception {
        final var dump = directory.resolve("recording.jfr");
        try (Recording recording = new Recording()) {
            for (final String kind : KINDS) {
                recording.enable(kind).withoutThreshold().withoutStackTrace();
            }
            recording.start();
            work.run();
            recording.stop();
            recording.dump(dump);
            return RecordingFile.readAllEvents(dump).stream()
                    .filter(event -> KINDS.contains(event.getEventType().getName()))
                    .filter(event -> isOfThisFile(event.getString("path")))
                    .collect(Collectors.groupingBy(event -> event.getEventType().getLabel()));
        } finally {
            Files.deleteIfExists(dump);
        }
    }

    /* JDK 17 loses a string of a recording that it has told in the one before. */
    private boolean isOfThisFile(final String ofEvent) {
        return ofEvent == null || ofEvent.equals(path.toString());
    }

    /* The only event of the work but for errors. */
    private static RecordedEvent only(final Overload overload, final Map<String, List<RecordedEvent>> events) {
        final String kind = overload.isRead() ? "Read" : "Write";
        final String other = overload.isRead() ? "Write" : "Read";
        assertEquals(List.of(), events.getOrDefault(other, List.of()), overload.toString());
        final List<RecordedEvent> own = events.getOrDefault(kind, List.of());
        assertEquals(1, own.size(), overload + ": " + own);
        return own.get(0);
    }

    private static String flagNames(final Overload overload, final WriteFlag... given) {
        final Set<String> names = new TreeSet<>();
        for (final WriteFlag flag : given) {
            names.add(flag.name());
        }
        if (overload.isAppend()) {
            names.add(WriteFlag.APPEND.name());
        }
        if (overload.isLater()) {
            names.add("LATER");
        }
        return String.join(" ", names);
    }

    private static String sorted(final String flagNames) {
        return Arrays.stream(flagNames.split(" ")).sorted().collect(Collectors.joining(" "));
    }

    private static void assertTold(final Overload overload, final RecordedEvent event, final WriteFlag... flags) {
        assertEquals(BYTES, event.getLong("length"), overload.toString());
        if (!overload.isRead()) {
            assertEquals(overload.isAsynchronous(), event.getBoolean("asynchronous"), overload.toString());
            assertEquals(
                    overload.has(Durability.class) ? "SYNC" : "FILE",
                    event.getString("durability"),
                    overload.toString());
            assertEquals(flagNames(overload, flags), sorted(event.getString("flags")), overload.toString());
        }
    }

    @Test
    void eachMakesOneEventThatTellsWhatWasAsked() throws Exception {
        final WriteThroughFile file = open(CREATE, READ, WRITE);
        for (final Overload overload : overloads()) {
            final WriteFlag[] flags = overload.hasFlags()
                    ? new WriteFlag[] {WriteFlag.DONTCACHE, WriteFlag.HIGH_PRIORITY}
                    : new WriteFlag[0];
            // Seen once in hundreds of runs: an event without a text. A recording keeps texts apart from its events.
            boolean whole = false;
            for (int attempt = 0; attempt < 3 && !whole; attempt++) {
                file.write(ByteBuffer.allocate((int) POSITION + BYTES), 0);
                final RecordedEvent event = makeOneEvent(overload, file, flags);
                whole = overload.isRead() || event.getString("flags") != null;
                if (whole) {
                    assertTold(overload, event, flags);
                }
            }
            assertTrue(whole, overload + " has no flags in three recordings");
        }
    }

    private RecordedEvent makeOneEvent(final Overload overload, final WriteThroughFile file, final WriteFlag... flags)
            throws Exception {
        final long end = file.size();
        final Call call = new Call(overload).with(flags);
        final long[] result = new long[1];
        final RecordedEvent event = only(overload, record(() -> result[0] = call.run(file)));
        assertEquals(overload.isAppend() ? end : BYTES, result[0], overload.toString());
        assertEquals(0, call.remaining(), overload + " left its buffers where they were");
        assertEquals(overload.isAppend() ? end : POSITION, event.getLong("position"), overload.toString());
        assertEquals(BYTES, event.getLong("done"), overload.toString());
        assertEquals("", event.getString("error"), overload.toString());
        return event;
    }

    @Test
    void eachTellsOfItsFailureOnceAndOfTheErrorOnce() throws Exception {
        final WriteThroughFile file = open(CREATE, READ, WRITE);
        final WriteThroughFile twin = open(READ, WRITE);
        file.write(ByteBuffer.allocate((int) POSITION + BYTES), 0);
        try (FileChannel other = FileChannel.open(path, WRITE)) {
            other.truncate(3);
        }
        assertThrows(WriteThroughException.class, twin::sync);
        for (final Overload overload : overloads()) {
            final Call call = new Call(overload);
            final WriteThroughException[] failure = new WriteThroughException[1];
            final Map<String, List<RecordedEvent>> events =
                    record(() -> failure[0] = call.failure(file, WriteThroughException.class));
            final long position = overload.isAppend() ? WriteThroughException.NONE : POSITION;
            final RecordedEvent event = only(overload, events);
            assertEquals("ESTALE", event.getString("error"), overload.toString());
            assertEquals(position, event.getLong("position"), overload.toString());
            assertEquals(0, event.getLong("done"), overload.toString());
            assertTold(overload, event);
            assertEquals("ESTALE", failure[0].errnoName(), overload.toString());
            assertEquals(overload.operation(), failure[0].operation(), overload.toString());
            assertEquals(position, failure[0].offset(), overload.toString());
            assertEquals(BYTES, failure[0].length(), overload.toString());
            final List<RecordedEvent> errors = events.getOrDefault("Error", List.of());
            assertEquals(1, errors.size(), overload + ": " + errors);
            assertEquals(overload.operation(), errors.get(0).getString("operation"), overload.toString());
            assertEquals(position, errors.get(0).getLong("position"), overload.toString());
            assertEquals(BYTES, errors.get(0).getLong("length"), overload.toString());
        }
    }

    // ---- refusals ----

    /* What is said of a refusal, but for where it was. */
    private static String explanation(final WriteThroughException failure) {
        return failure.getMessage()
                .substring(failure.getMessage().indexOf(": "))
                .replaceAll(", but the file ends .*", "");
    }

    @Test
    void eachExplainsTheSameRefusalOfAnAtomicWrite() throws Exception {
        final WriteThroughFile file = open(CREATE, READ, WRITE);
        final WriteThroughException first = assertThrows(
                WriteThroughException.class,
                () -> file.write(ByteBuffer.allocate(BYTES), 0, Durability.DSYNC, WriteFlag.ATOMIC));
        assertTrue(first.getMessage().contains("without ATOMIC"), first.getMessage());
        for (final Overload overload : overloads()) {
            if (overload.hasFlags()) {
                final Call call = new Call(overload).with(WriteFlag.ATOMIC);
                final WriteThroughException[] failure = new WriteThroughException[1];
                final RecordedEvent event =
                        only(overload, record(() -> failure[0] = call.refusal(file, WriteThroughException.class)));
                assertEquals(explanation(first), explanation(failure[0]), overload.toString());
                assertEquals(first.errnoName(), event.getString("error"), overload.toString());
                assertEquals(flagNames(overload, WriteFlag.ATOMIC), sorted(event.getString("flags")));
            }
        }
    }

    @Test
    void eachRefusesTheSameArguments() throws Exception {
        final WriteThroughFile file = open(CREATE, READ, WRITE);
        final Map<String, Set<String>> messages = new TreeMap<>();
        for (final Overload overload : overloads()) {
            if (overload.has(long.class)) {
                final IllegalArgumentException negative =
                        new Call(overload).at(-1).refusal(file, IllegalArgumentException.class);
                messages.computeIfAbsent("negative", key -> new TreeSet<>()).add(negative.getMessage());
            }
            if (!overload.isRead() && !overload.isAppend()) {
                final IllegalArgumentException past =
                        new Call(overload).at(Long.MAX_VALUE - BYTES + 1).refusal(file, IllegalArgumentException.class);
                messages.computeIfAbsent("past the end", key -> new TreeSet<>()).add(past.getMessage());
            }
            if (overload.isRead()) {
                final Supplier<ByteBuffer> readOnly =
                        () -> ByteBuffer.allocate(BYTES).asReadOnlyBuffer();
                final IllegalArgumentException refused =
                        new Call(overload).into(readOnly).refusal(file, IllegalArgumentException.class);
                messages.computeIfAbsent("read-only", key -> new TreeSet<>()).add(refused.getMessage());
            }
            if (overload.hasFlags() && !overload.isAsynchronous()) {
                final IllegalArgumentException refused =
                        new Call(overload).with(WriteFlag.NOWAIT).refusal(file, IllegalArgumentException.class);
                messages.computeIfAbsent("NOWAIT", key -> new TreeSet<>()).add(refused.getMessage());
            }
        }
        messages.forEach((what, said) -> assertEquals(1, said.size(), what + ": " + said));
    }

    @Test
    void eachRefusesAFileThatIsClosedOrWasOpenedForTheOtherDirection() throws Exception {
        Files.write(path, new byte[BYTES]);
        final WriteThroughFile closed = open(READ, WRITE);
        closed.close();
        final WriteThroughFile readable = open(READ);
        for (final Overload overload : overloads()) {
            new Call(overload).refusal(closed, ClosedChannelException.class);
            if (!overload.isRead()) {
                new Call(overload).refusal(readable, NonWritableChannelException.class);
            }
        }
        final WriteThroughFile writable = open(WRITE);
        for (final Overload overload : overloads()) {
            if (overload.isRead()) {
                new Call(overload).refusal(writable, NonReadableChannelException.class);
            }
        }
    }

    // ---- the rest ----

    @Test
    void withoutBytesEachDoesNothing() throws Exception {
        final WriteThroughFile file = open(CREATE, READ, WRITE);
        file.write(ByteBuffer.allocate(7), 0);
        for (final Overload overload : overloads()) {
            final long[] result = new long[1];
            final Map<String, List<RecordedEvent>> events =
                    record(() -> result[0] = new Call(overload).of(0).run(file));
            assertEquals(Map.of(), events, overload.toString());
            assertEquals(overload.isAppend() ? 7 : 0, result[0], overload.toString());
        }
        assertEquals(7, file.size());
    }

    @Test
    void ofAFileThatWasOpenedToAppendEachWriteGoesToTheEnd() throws Exception {
        final WriteThroughFile file = open(CREATE, APPEND);
        long end = 0;
        for (final Overload overload : overloads()) {
            if (!overload.isRead()) {
                final Call call = new Call(overload).at(Long.MAX_VALUE - 1);
                final long[] result = new long[1];
                final RecordedEvent event = only(overload, record(() -> result[0] = call.run(file)));
                assertEquals(overload.isAppend() ? end : BYTES, result[0], overload.toString());
                assertEquals(end, event.getLong("position"), overload.toString());
                assertEquals(
                        overload.isLater() ? "APPEND LATER" : "APPEND", event.getString("flags"), overload.toString());
                end += BYTES;
                assertEquals(end, file.size(), overload.toString());
            }
        }
    }

    @Test
    void whatTakesABufferTakesSeveralAsWell() {
        final Map<String, Set<List<Class<?>>>> ofOne = new TreeMap<>();
        final Map<String, Set<List<Class<?>>>> ofSeveral = new TreeMap<>();
        for (final Overload overload : overloads()) {
            if (!overload.has(List.class)) {
                (overload.has(ByteBuffer.class) ? ofOne : ofSeveral)
                        .computeIfAbsent(overload.method().getName(), name -> new HashSet<>())
                        .add(overload.others());
            }
        }
        assertEquals(ofOne, ofSeveral);
        assertEquals(NAMES.size() - 1, ofOne.size());
    }
}
