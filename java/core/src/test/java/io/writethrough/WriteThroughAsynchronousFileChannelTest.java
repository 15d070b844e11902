package io.writethrough;

import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.OpenOption;
import java.util.Set;
import java.util.concurrent.ExecutorService;

/** This library's channel does what the JDK's does. */
class WriteThroughAsynchronousFileChannelTest extends AsynchronousFileChannelContract {
    @Override
    AsynchronousFileChannel open(final Set<? extends OpenOption> options, final ExecutorService executor)
            throws IOException {
        final WriteThroughFile file = WriteThroughFile.open(path, options);
        try {
            return executor == null ? file.asAsynchronousFileChannel() : file.asAsynchronousFileChannel(executor);
        } catch (final UnsupportedOperationException e) {
            file.close();
            throw e;
        }
    }
}
