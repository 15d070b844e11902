// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import java.nio.file.Path;
import java.util.stream.Stream;
import org.apache.activemq.artemis.ArtemisConstants;
import org.apache.activemq.artemis.core.io.IOCriticalErrorListener;
import org.apache.activemq.artemis.core.io.SequentialFileFactory;
import org.apache.activemq.artemis.core.io.aio.AIOSequentialFileFactory;
import org.apache.activemq.artemis.core.io.nio.NIOSequentialFileFactory;

/** The factories that do the same: this one, also with Artemis' buffer, and Artemis' own, as a broker makes them. */
enum Kind {
    WRITE_THROUGH {
        @Override
        SequentialFileFactory factory(final Path directory, final IOCriticalErrorListener listener) {
            return WriteThroughSequentialFileFactory.builder(directory.toFile())
                    .criticalErrorListener(listener)
                    .build();
        }
    },
    WRITE_THROUGH_BUFFERED {
        @Override
        SequentialFileFactory factory(final Path directory, final IOCriticalErrorListener listener) {
            return WriteThroughSequentialFileFactory.builder(directory.toFile())
                    .buffered(ArtemisConstants.DEFAULT_JOURNAL_BUFFER_TIMEOUT_AIO)
                    .criticalErrorListener(listener)
                    .build();
        }
    },
    NIO {
        @Override
        SequentialFileFactory factory(final Path directory, final IOCriticalErrorListener listener) {
            return new NIOSequentialFileFactory(directory.toFile(), true, listener, 1);
        }
    },
    /** Not among those tested: it needs libaio. */
    AIO {
        @Override
        SequentialFileFactory factory(final Path directory, final IOCriticalErrorListener listener) {
            return new AIOSequentialFileFactory(directory.toFile(), listener, 500);
        }
    };

    abstract SequentialFileFactory factory(Path directory, IOCriticalErrorListener listener);

    SequentialFileFactory factory(final Path directory) {
        return factory(directory, (failure, message, file) -> {
            throw new AssertionError(message, failure);
        });
    }

    static Stream<Kind> tested() {
        return Stream.of(WRITE_THROUGH, WRITE_THROUGH_BUFFERED, NIO);
    }
}
