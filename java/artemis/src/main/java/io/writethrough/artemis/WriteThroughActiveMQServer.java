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

/**
 * An Artemis broker in a program, whose message journal is on write-through files:
 *
 * <pre>{@code
 * ActiveMQServer broker = new WriteThroughActiveMQServer(configuration, securityManager);
 * broker.start();
 * }</pre>
 *
 * <p>{@code journal-type} and {@code journal-buffer-timeout} say nothing then; {@code journal-datasync}, {@code
 * journal-buffer-size} and {@code journal-max-io} (those of NIO) do as ever. The directory is as it was, and goes back to an
 * ordinary broker with {@code journal-type} NIO at any time. Bindings, pages and large messages are Artemis' own files. It
 * needs {@code artemis-server}, which this artifact does not bring along.
 *
 * @since 0.1
 */
public final class WriteThroughActiveMQServer extends ActiveMQServerImpl {
    /**
     * Makes a broker. It is started by {@link #start()}.
     *
     * @param configuration of the broker
     * @param securityManager may be null where security is not enabled
     */
    public WriteThroughActiveMQServer(
            final Configuration configuration, final ActiveMQSecurityManager securityManager) {
        super(configuration, securityManager);
    }

    /** {@return the manager of a journal on write-through files; Artemis' own for a database, or where nothing is kept} */
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
