// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bookkeeper;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.bookkeeper.bookie.BookieFileChannel;
import org.apache.bookkeeper.conf.ServerConfiguration;
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

    /*
     * A limit of the size of files, 2 or 4 MiB by the shell, is an error that every machine can have. BookKeeper tells no
     * error to the callback of an entry: its journal ends, which the bookie's listener is told, and the bookie stops.
     */
    @Test
    void aWriteThatTheDiskRefusesEndsTheJournalAndAcknowledgesNothingThatIsNotThere() throws Exception {
        final Process child = ChildJvm.start(
                List.of("sh", "-c", "ulimit -f 4096 && exec \"$@\"", "sh"),
                ChildJvm.STARTS_SOON,
                Refused.class,
                directory.toString());
        child.getOutputStream().close();
        long acknowledged = -1;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            String line;
            while ((line = lines.readLine()) != null && line.endsWith(";")) {
                acknowledged = Long.parseLong(line.substring(0, line.length() - 1));
            }
            assertEquals("the journal ended", line);
            assertNull(lines.readLine());
        }
        assertEquals(0, child.waitFor());

        assertTrue(acknowledged > 500, acknowledged + " was the last");
        final Map<Long, Boolean> replayed = TestJournal.replay(Provider.DEFAULT, directory);
        assertFalse(replayed.containsValue(false), "an entry has other bytes");
        for (long number = 0; number <= acknowledged; number++) {
            assertTrue(replayed.containsKey(number), "entry " + number + " was acknowledged");
        }
    }

    static final class Refused {
        public static void main(final String[] arguments) throws Exception {
            final ServerConfiguration configuration =
                    TestJournal.configuration(Provider.WRITE_THROUGH, Path.of(arguments[0]));
            configuration.setMaxJournalSizeMB(100);
            final TestJournal journal = TestJournal.start(configuration);
            for (long number = 0; !journal.exited.isDone(); number++) {
                final CompletableFuture<Long> added = journal.add(number);
                CompletableFuture.anyOf(added, journal.exited).join();
                if (added.isDone()) {
                    System.out.print(number + ";\n");
                }
            }
            System.out.print("the journal ended\n");
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }

    @Test
    void aJournalThatAnotherProcessHasIsRefused() throws Exception {
        final Process holder = ChildJvm.start(Holder.class, directory.toString());
        try {
            assertEquals('!', holder.getInputStream().read());
            final BookieFileChannel second = Holder.channel(directory);
            String told = "nothing";
            try {
                second.getFileChannel();
            } catch (final IOException e) {
                told = e.getMessage();
            }
            assertTrue(told.contains("EBUSY"), told);
        } finally {
            holder.destroyForcibly().waitFor();
        }
    }

    static final class Holder {
        public static void main(final String[] arguments) throws Exception {
            final Path directory = Path.of(arguments[0]);
            directory.resolve("1.txn").toFile().createNewFile();
            channel(directory).getFileChannel();
            System.out.print('!');
            System.out.flush();
            System.in.read();
        }

        static BookieFileChannel channel(final Path directory) {
            return new WriteThroughFileChannelProvider()
                    .open(
                            directory.resolve("1.txn").toFile(),
                            TestJournal.configuration(Provider.WRITE_THROUGH, directory));
        }
    }
}
