// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * The methods with memory segments. They are in META-INF/versions/22, which the JVM looks into in a jar alone: so a JVM of its own
 * has that directory in front of the others. These tests are compiled for 17, and find everything by its name.
 */
class MemorySegmentTest extends OnEveryFileSystem {
    private static final int BYTES = 10_000;

    @Test
    void aFileHasNoMethodThatItsJdkCannotLoad() {
        assertTrue(Arrays.stream(WriteThroughFile.class.getMethods())
                .flatMap(method -> Arrays.stream(method.getParameterTypes()))
                .noneMatch(type -> type.getName().startsWith("java.lang.foreign")));
    }

    @Test
    void segmentsOfEveryKindAreReadWrittenAndAppended() throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "java.lang.foreign is there from JDK 22 on");
        final String version = Path.of("target/classes/META-INF/versions/22").toAbsolutePath() + ":";
        final ChildJvm.Result result = ChildJvm.of(Segments.class, directory.toString())
                .withClassPath(version + ChildJvm.testClassPath())
                .run();
        assertEquals("all segments agree\n", result.output());
    }

    /** Uses of segments in a JVM of their own. */
    static final class Segments {
        private final WriteThroughFile file;
        private final Class<?> type = Class.forName("java.lang.foreign.MemorySegment");

        private Segments(final WriteThroughFile file) throws ClassNotFoundException {
            this.file = file;
        }

        public static void main(final String[] arguments) throws Exception {
            try (WriteThroughEngine engine =
                            WriteThroughEngine.builder().cacheBytes(4 << 20).build();
                    WriteThroughFile file =
                            engine.open(Path.of(arguments[0]).resolve("segments"), Set.of(CREATE, READ, WRITE))) {
                final Segments segments = new Segments(file);
                for (final String factory : new String[] {"ofShared", "ofConfined", "ofAuto", "global"}) {
                    segments.agree(ForeignArena.of(factory).segment(BYTES));
                }
                segments.agree(segments.ofArray(new byte[BYTES]));
                segments.refuse();
            }
            System.out.println("all segments agree");
        }

        private Object ofArray(final byte[] array) throws ReflectiveOperationException {
            return type.getMethod("ofArray", byte[].class).invoke(null, array);
        }

        private static Object call(final Object target, final Method method, final Object... arguments)
                throws Exception {
            try {
                return method.invoke(target, arguments);
            } catch (final InvocationTargetException e) {
                throw (Exception) e.getCause();
            }
        }

        private ByteBuffer viewOf(final Object segment) throws Exception {
            return (ByteBuffer) call(segment, type.getMethod("asByteBuffer"));
        }

        private long read(final Object segment, final long position, final ReadFlag... flags) throws Exception {
            return (long) call(
                    file,
                    MemorySegmentMethods.class.getMethod("read", type, long.class, ReadFlag[].class),
                    segment,
                    position,
                    flags);
        }

        private long write(final Object segment, final long position) throws Exception {
            return (long)
                    call(file, MemorySegmentMethods.class.getMethod("write", type, long.class), segment, position);
        }

        private void agree(final Object segment) throws Exception {
            final Method write = MemorySegmentMethods.class.getMethod(
                    "write", type, long.class, Durability.class, WriteFlag[].class);
            final Method append = MemorySegmentMethods.class.getMethod("append", type);
            final Method appendAs =
                    MemorySegmentMethods.class.getMethod("append", type, Durability.class, WriteFlag[].class);
            file.truncate(0);
            viewOf(segment).put(bytes(BYTES, 1));
            assertEquals(BYTES, write(segment, 0));
            assertEquals((long) BYTES, call(file, append, segment));
            assertEquals(
                    2L * BYTES, call(file, appendAs, segment, Durability.DSYNC, new WriteFlag[] {WriteFlag.DONTCACHE}));
            viewOf(segment).put(bytes(BYTES, 2));
            assertEquals((long) BYTES, call(file, write, segment, (long) BYTES, Durability.SYNC, new WriteFlag[0]));
            for (int third = 0; third < 3; third++) {
                assertArrayEquals(bytes(BYTES, third == 1 ? 2 : 1), OnEveryFileSystem.read(file, third * BYTES, BYTES));
            }
            assertEquals(BYTES, read(segment, 0, ReadFlag.DONTCACHE));
            final byte[] found = new byte[BYTES];
            viewOf(segment).get(found);
            assertArrayEquals(bytes(BYTES, 1), found);
            assertEquals(100, read(segment, 3L * BYTES - 100));
            assertEquals(-1, read(segment, 3L * BYTES));
        }

        private void refuse() throws Exception {
            final ForeignArena arena = ForeignArena.of("ofShared");
            final Object closed = arena.segment(100);
            final Object ofLongs = type.getMethod("ofArray", long[].class).invoke(null, new long[10]);
            final Object readOnly = type.getMethod("asReadOnly").invoke(arena.segment(100));
            assertThrows(IllegalArgumentException.class, () -> read(readOnly, 0));
            assertThrows(UnsupportedOperationException.class, () -> write(ofLongs, 0));
            arena.close();
            assertInstanceOf(IllegalStateException.class, assertThrows(Exception.class, () -> write(closed, 0)));
            assertInstanceOf(IllegalStateException.class, assertThrows(Exception.class, () -> read(closed, 0)));
        }
    }
}
