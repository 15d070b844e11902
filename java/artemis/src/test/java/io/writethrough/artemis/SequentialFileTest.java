// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.activemq.artemis.api.core.ActiveMQBuffer;
import org.apache.activemq.artemis.api.core.ActiveMQBuffers;
import org.apache.activemq.artemis.core.io.IOCallback;
import org.apache.activemq.artemis.core.io.SequentialFile;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the journal expects of a file, of this factory's and of Artemis' own. */
@Timeout(300)
class SequentialFileTest {
    private Path directory;
    private SequentialFileFactory factory;

    static Stream<Kind> kinds() {
        return Kind.tested();
    }

    private void start(final Kind kind) throws IOException {
        directory = TestDirectories.make();
        factory = kind.factory(directory);
        factory.start();
    }

    private SequentialFile opened(final String name) throws Exception {
        final SequentialFile file = factory.createSequentialFile(name);
        file.open();
        return file;
    }

    @AfterEach
    void stop() throws IOException {
        factory.stop();
        TestDirectories.delete(directory);
    }

    private static ActiveMQBuffer buffer(final String text) {
        return ActiveMQBuffers.wrappedBuffer(text.getBytes(StandardCharsets.UTF_8));
    }

    private String read(final SequentialFile file, final long at, final int length) throws Exception {
        final ByteBuffer buffer = factory.newBuffer(length);
        try {
            file.position(at);
            assertEquals(length, file.read(buffer));
            return StandardCharsets.UTF_8.decode(buffer).toString();
        } finally {
            factory.releaseBuffer(buffer);
        }
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void filesAreListedByExtension(final Kind kind) throws Exception {
        start(kind);
        for (final String name : List.of("a.amq", "b.amq", "c.other", "amq")) {
            opened(name).close();
        }
        assertEquals(Set.of("a.amq", "b.amq"), new TreeSet<>(factory.listFiles("amq")));
        assertEquals(List.of("c.other"), factory.listFiles("other"));
        assertEquals(List.of(), factory.listFiles("none"));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aFilledFileIsZerosAndAsLongAsItWasAskedToBe(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.amq");
        file.write(buffer("something that was there before, past the first of the blocks"), true);
        for (final int size : new int[] {10_000, 512, 300_000}) {
            file.fill(size);
            file.position(0);
            assertTrue(file.size() >= size);
            assertTrue(file.fits(size));
            final ByteBuffer all = ByteBuffer.allocate(size);
            assertEquals(size, file.read(all));
            assertArrayEquals(new byte[size], all.array());
        }
        assertEquals(300_000, file.size());
        assertFalse(file.fits(300_001));
        file.close();
        assertEquals(300_000, file.size());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void writesFollowEachOtherAndAreRead(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.amq");
        file.fill(4096);
        file.write(buffer("one,"), true);
        assertEquals(4, file.position());
        file.write(buffer("three"), true);
        assertEquals(9, file.position());
        assertEquals("three", read(file, 4, 5));
        assertEquals("one,", read(file, 0, 4));
        file.position(4);
        file.write(buffer("seven"), true);
        assertEquals("one,seven\0", read(file, 0, 10));
        file.position(4096);
        assertEquals(-1, file.read(ByteBuffer.allocate(10)));
        file.close();
        assertTrue(Files.readString(file.getJavaFile().toPath()).startsWith("one,seven\0"));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void whatIsWrittenDirectlyIsWrittenWhenItReturns(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.amq");
        final ByteBuffer own = factory.allocateDirectBuffer(5);
        own.put("bytes".getBytes(StandardCharsets.UTF_8)).flip();
        file.blockingWriteDirect(own, true, false);
        own.rewind();
        file.writeDirect(ByteBuffer.allocateDirect(5).put(own).flip(), true);
        factory.releaseDirectBuffer(own);
        assertEquals("bytesbytes", Files.readString(file.getJavaFile().toPath()));
        file.writeDirect(ByteBuffer.wrap("!".getBytes(StandardCharsets.UTF_8)), false);
        if (factory.isSyncSupported()) {
            file.sync();
        }
        file.close();
        assertEquals("bytesbytes!", Files.readString(file.getJavaFile().toPath()));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aFileIsRenamedAndCopiedAndDeleted(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.tmp");
        file.write(buffer("contents"), true);
        file.renameTo("a.amq");
        assertFalse(file.isOpen());
        assertEquals("a.amq", file.getFileName());
        assertEquals(List.of("a.amq"), factory.listFiles(null));

        final SequentialFile copy = factory.createSequentialFile("b.amq");
        file.copyTo(copy);
        assertEquals("contents", Files.readString(copy.getJavaFile().toPath()));
        file.cloneFile().delete();
        assertFalse(file.exists());
        copy.open();
        copy.delete();
        assertFalse(copy.isOpen());
        assertEquals(List.of(), factory.listFiles(null));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void aClosedFileRefusesAndOneThatIsOpenedAgainGoesOn(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.amq");
        file.fill(100);
        file.close();
        file.close();
        assertThrows(Exception.class, () -> file.writeDirect(ByteBuffer.allocateDirect(10), true));
        assertThrows(Exception.class, () -> file.read(ByteBuffer.allocateDirect(10)));
        final Outcome refused = new Outcome();
        file.writeDirect(ByteBuffer.allocateDirect(10), true, refused);
        assertTrue(refused.get().contains("not opened"), refused.get());
        file.open();
        file.position(0);
        file.write(buffer("again"), true);
        assertEquals("again", read(file, 0, 5));
        file.close();
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void callbacksComeInTheOrderOfWritesAndOnlyWhenTheFileHasTheBytes(final Kind kind) throws Exception {
        start(kind);
        final SequentialFile file = opened("a.amq");
        file.fill(1 << 20);
        final ConcurrentLinkedQueue<Integer> called = new ConcurrentLinkedQueue<>();
        final Outcome last = new Outcome();
        final int count = 500;
        for (int i = 0; i < count; i++) {
            final int number = i;
            // Small ones and large ones: left to themselves they would overtake each other.
            final ByteBuffer bytes = factory.newBuffer(i % 10 == 0 ? 20_000 : 100);
            while (bytes.hasRemaining()) {
                bytes.put((byte) i);
            }
            bytes.flip();
            file.writeDirect(bytes, true, new IOCallback() {
                @Override
                public void done() {
                    called.add(number);
                    if (number == count - 1) {
                        last.done();
                    }
                }

                @Override
                public void onError(final int code, final String message) {
                    last.onError(code, message);
                }
            });
        }
        assertEquals("done", last.get());
        assertEquals(IntStream.range(0, count).boxed().toList(), List.copyOf(called));
        final byte[] all = Files.readAllBytes(file.getJavaFile().toPath());
        for (int i = 0, at = 0; i < count; i++) {
            final int length = i % 10 == 0 ? 20_000 : 100;
            assertEquals((byte) i, all[at]);
            assertEquals((byte) i, all[at + length - 1]);
            at += length;
        }
        file.close();
    }

    /** How a write has ended. */
    static final class Outcome implements IOCallback {
        private final CompletableFuture<String> outcome = new CompletableFuture<>();

        @Override
        public void done() {
            outcome.complete("done");
        }

        @Override
        public void onError(final int code, final String message) {
            outcome.complete(message);
        }

        String get() throws Exception {
            return outcome.get(2, TimeUnit.MINUTES);
        }
    }
}
