// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.nio.file.Path;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.ExcerptTailer;
import org.jspecify.annotations.Nullable;

/**
 * A queue of Chronicle. Its files are mapped memory: no record is written by a call that a file system could carry, and none is
 * forced. A record survives the end of its process, as the kernel has the page, and not that of the machine.
 */
final class ChronicleProgram {
    private ChronicleProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        System.setProperty("chronicle.announcer.disable", "true");
        Program.run(Queue::new, arguments);
    }

    private static final class Queue implements Records {
        private final ChronicleQueue queue;
        private final ExcerptAppender appender;
        private final ExcerptTailer tailer;

        Queue(final Path directory) {
            queue = ChronicleQueue.single(directory.resolve("queue").toString());
            appender = queue.createAppender();
            tailer = queue.createTailer();
        }

        @Override
        public void commit(final long number, final byte[] record) {
            appender.writeBytes(bytes -> bytes.write(record));
        }

        @Override
        public byte @Nullable [] read(final long number) {
            final Bytes<byte[]> record = Bytes.allocateElasticOnHeap();
            return tailer.readBytes(record) ? record.toByteArray() : null;
        }

        @Override
        public void close() {
            tailer.close();
            appender.close();
            queue.close();
        }
    }
}
