// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.buffer;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.internal.load.NativeLibraries;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which buffers native code may touch, and the copying of the others. */
public class BuffersTest {
    private static final int BYTES = 16 << 10;

    /* The compilers of the JVM copy in ways of their own: so many calls that each has had its turn. */
    private static final int CALLS = 30_000;

    @TempDir
    static Path directory;

    @BeforeAll
    static void load() {
        NativeLibraries.load();
    }

    private static MappedByteBuffer mapped(final String name, final boolean isCut) throws IOException {
        try (FileChannel channel = FileChannel.open(directory.resolve(name), CREATE, READ, WRITE)) {
            channel.write(ByteBuffer.allocate(BYTES));
            final MappedByteBuffer mapped = channel.map(MapMode.READ_WRITE, 0, BYTES);
            if (isCut) {
                channel.truncate(0);
            }
            return mapped;
        }
    }

    @Test
    void memoryThatOnlyTheGarbageCollectorTakesIsSteadyInEveryView() {
        final ByteBuffer direct = ByteBuffer.allocateDirect(100);
        assertTrue(Buffers.isSteady(direct));
        assertTrue(Buffers.isSteady(direct.slice(10, 20)));
        assertTrue(Buffers.isSteady(direct.asReadOnlyBuffer().duplicate()));
        assertTrue(Buffers.isSteady(ByteBuffer.allocate(100).slice(10, 20)));
        assertFalse(Buffers.isSteady(ByteBuffer.allocate(100).asReadOnlyBuffer()));
    }

    @Test
    void aMappedFileIsNotSteadyInAnyView() throws IOException {
        final MappedByteBuffer mapped = mapped("views", false);
        assertFalse(Buffers.isSteady(mapped));
        assertFalse(Buffers.isSteady(mapped.slice(10, 20)));
        assertFalse(Buffers.isSteady(mapped.duplicate().asReadOnlyBuffer()));
    }

    @Test
    void aCopyOutOfAMappedFileThatWasCutIsRefusedAtOnceHoweverItIsCompiled() throws IOException {
        final ByteBuffer cut = mapped("cut", true);
        final ByteBuffer whole = mapped("whole", false);
        final byte[] into = new byte[BYTES];
        for (int call = 0; call < CALLS; call++) {
            final int length = call % 2 == 0 ? BYTES : 1 + call % 50;
            assertFalse(Buffers.get(cut, 0, into, length), "call " + call);
            assertTrue(Buffers.get(whole, 0, into, length), "call " + call);
        }
    }

    @Test
    void aCopyIntoAMappedFileThatWasCutIsRefusedAtOnceHoweverItIsCompiled() throws IOException {
        final ByteBuffer cut = mapped("cut", true);
        final ByteBuffer whole = mapped("whole", false);
        final byte[] from = new byte[BYTES];
        for (int call = 0; call < CALLS; call++) {
            final int length = call % 2 == 0 ? BYTES : 1 + call % 50;
            assertFalse(Buffers.put(cut, 0, from, length), "call " + call);
            assertTrue(Buffers.put(whole, 0, from, length), "call " + call);
        }
    }

    @Test
    void aCopyIsOfTheBytesAskedFor() throws IOException {
        final ByteBuffer mapped = mapped("bytes", false);
        assertTrue(Buffers.put(mapped, 10, new byte[] {1, 2, 3}, 2));
        assertEquals(0, mapped.get(12));
        assertArrayEquals(new byte[] {1, 2, 0}, Buffers.copyOf(mapped, 10, 3));
    }
}
