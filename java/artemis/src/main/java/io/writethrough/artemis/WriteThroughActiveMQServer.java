// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import java.util.concurrent.ScheduledExecutorService;
import org.apache.activemq.artemis.core.config.Configuration;
import org.apache.activemq.artemis.core.io.IOCriticalErrorListener;
import org.apache.activemq.artemis.core.journal.Journal;
import org.apache.activemq.artemis.core.persistence.StorageManager;
import org.apache.activemq.artemis.core.persistence.impl.journal.JournalStorageManager;
import org.apache.activemq.artemis.core.server.impl.ActiveMQServerImpl;
import org.apache.activemq.artemis.spi.core.security.ActiveMQSecurityManager;
import org.apache.activemq.artemis.utils.ExecutorFactory;
import org.apache.activemq.artemis.utils.critical.CriticalAnalyzer;
import org.jspecify.annotations.Nullable;

/**
 * An Artemis broker inside a program, with a message journal on write-through files:
 *
 * <pre>{@code
 * ActiveMQServer broker = new WriteThroughActiveMQServer(configuration, securityManager);
 * broker.start();
 * }</pre>
 *
 * <p>{@link WriteThroughSequentialFileFactory} says what is durable when. The broker ignores {@code journal-type} and
 * {@code journal-buffer-timeout}. {@code journal-datasync}, {@code journal-buffer-size} and {@code journal-max-io}
 * (those of NIO) work as usual. The files stay the same: an ordinary broker with {@code journal-type} NIO can open the
 * directory at any time. Bindings, pages and large messages remain on Artemis' own files. This class needs {@code
 * artemis-server}, which is an optional dependency of this artifact.
 *
 * @since 0.1
 */
public final class WriteThroughActiveMQServer extends ActiveMQServerImpl {
    /**
     * Makes a broker. {@link #start()} starts the broker.
     *
     * @param configuration the configuration of the broker
     * @param securityManager the security manager; {@code null} if the configuration does not enable security
     */
    public WriteThroughActiveMQServer(
            final Configuration configuration, final @Nullable ActiveMQSecurityManager securityManager) {
        super(configuration, securityManager);
    }

    /** {@return a manager of a journal on write-through files; Artemis' own for a database, or without persistence} */
    @Override
    protected StorageManager createStorageManager() {
        final Configuration configuration = getConfiguration();
        if (!configuration.isPersistenceEnabled() || configuration.isUsingDatabasePersistence()) {
            return super.createStorageManager();
        }
        final JournalStorageManager manager = new Manager(
                configuration,
                getCriticalAnalyzer(),
                executorFactory,
                scheduledPool,
                ioExecutorFactory,
                ioCriticalErrorListener);
        getCriticalAnalyzer().add(manager);
        return manager;
    }

    private static final class Manager extends JournalStorageManager {
        Manager(
                final Configuration configuration,
                final CriticalAnalyzer analyzer,
                final ExecutorFactory executors,
                final ScheduledExecutorService scheduled,
                final ExecutorFactory ioExecutors,
                final IOCriticalErrorListener listener) {
            super(configuration, analyzer, executors, scheduled, ioExecutors, listener);
        }

        /* The constructor of the superclass calls it, when the factory that it made has not been started. */
        @Override
        protected Journal createMessageJournal(
                final Configuration configuration, final IOCriticalErrorListener listener, final int fileSize) {
            final WriteThroughSequentialFileFactory.Builder builder = WriteThroughSequentialFileFactory.builder(
                            configuration.getJournalLocation())
                    .bufferBytes(configuration.getJournalBufferSize_NIO())
                    .maxIo(configuration.getJournalMaxIO_NIO());
            journalFF = (listener == null ? builder : builder.criticalErrorListener(listener)).build();
            journalFF.setDatasync(configuration.isJournalDatasync());
            return super.createMessageJournal(configuration, listener, fileSize);
        }
    }
}
