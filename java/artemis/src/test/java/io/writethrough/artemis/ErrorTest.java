// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.activemq.artemis.core.io.SequentialFile;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class ErrorTest {
    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    /* A limit of the size of files, 10 or 20 MiB by the shell, is an error that every machine can have. */
    @Test
    void aWriteThatIsRefusedTellsItsCallbackAndTheListener() throws Exception {
        final Process child = ChildJvm.start(
                List.of("sh", "-c", "ulimit -f 20480 && exec \"$@\"", "sh"),
                ChildJvm.STARTS_SOON,
                Refused.class,
                directory.toString());
        child.getOutputStream().close();
        final String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, child.waitFor(), output);
        assertEquals("done, EFBIG, listener EFBIG of file.amq, 8192 bytes, blocking EFBIG\n", output);
    }

    static final class Refused {
        public static void main(final String[] arguments) throws Exception {
            final CompletableFuture<String> told = new CompletableFuture<>();
            final SequentialFileFactory factory = Kind.WRITE_THROUGH.factory(
                    Path.of(arguments[0]),
                    (failure, message, file) -> told.complete("listener " + errno(message) + " of " + file));
            factory.start();
            final SequentialFile file = factory.createSequentialFile("file.amq");
            file.open();
            final SequentialFileTest.Outcome first = new SequentialFileTest.Outcome();
            file.writeDirect(ByteBuffer.allocateDirect(8192), true, first);
            final String firstOutcome = first.get();
            final SequentialFileTest.Outcome second = new SequentialFileTest.Outcome();
            file.position(1 << 30);
            file.writeDirect(ByteBuffer.allocateDirect(8192), true, second);
            System.out.print(firstOutcome + ", " + errno(second.get()) + ", " + told.get(2, TimeUnit.MINUTES) + ", "
                    + file.size() + " bytes, ");
            try {
                file.position(1 << 30);
                file.writeDirect(ByteBuffer.allocateDirect(8192), true);
                System.out.println("blocking done");
            } catch (final IOException e) {
                System.out.println("blocking " + errno(e.getMessage()));
            }
            file.close();
        }

        private static String errno(final String message) {
            return message.contains("EFBIG") ? "EFBIG" : message;
        }
    }

    @Test
    void aFileThatAnotherProcessHasIsRefused() throws Exception {
        final Process holder = ChildJvm.start(Holder.class, directory.toString());
        try {
            assertEquals('!', holder.getInputStream().read());
            final CompletableFuture<String> told = new CompletableFuture<>();
            final SequentialFile file = Kind.WRITE_THROUGH
                    .factory(directory, (failure, message, name) -> told.complete(message))
                    .createSequentialFile("file.amq");
            try {
                file.open();
            } catch (final IOException e) {
                told.complete("no listener");
            }
            assertTrue(told.get(2, TimeUnit.MINUTES).contains("EBUSY"), told.get());
        } finally {
            holder.destroyForcibly().waitFor();
        }
    }

    static final class Holder {
        public static void main(final String[] arguments) throws Exception {
            Kind.WRITE_THROUGH
                    .factory(Path.of(arguments[0]))
                    .createSequentialFile("file.amq")
                    .open();
            System.out.print('!');
            System.out.flush();
            System.in.read();
        }
    }
}
