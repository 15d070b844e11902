// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.apache.activemq.artemis.api.core.ActiveMQException;
import org.apache.activemq.artemis.api.core.QueueConfiguration;
import org.apache.activemq.artemis.api.core.RoutingType;
import org.apache.activemq.artemis.api.core.client.ActiveMQClient;
import org.apache.activemq.artemis.api.core.client.ClientConsumer;
import org.apache.activemq.artemis.api.core.client.ClientMessage;
import org.apache.activemq.artemis.api.core.client.ClientProducer;
import org.apache.activemq.artemis.api.core.client.ClientSession;
import org.apache.activemq.artemis.api.core.client.ClientSessionFactory;
import org.apache.activemq.artemis.api.core.client.ServerLocator;
import org.apache.activemq.artemis.core.config.Configuration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.server.JournalType;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.jspecify.annotations.Nullable;

/** An embedded broker of Artemis with its journal on NIO. Each record is a durable message in a queue. */
final class ArtemisProgram {
    private static final String QUEUE = "records";
    private static final long PATIENCE_MILLIS = TimeUnit.SECONDS.toMillis(30);

    private ArtemisProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        Program.run(Broker::new, arguments);
    }

    private static final class Broker implements Records {
        private final EmbeddedActiveMQ broker = new EmbeddedActiveMQ();
        private final ServerLocator locator;
        private final ClientSessionFactory sessions;
        private final ClientSession session;
        private final ClientProducer producer;
        private @Nullable ClientConsumer browser;

        Broker(final Path directory) throws Exception {
            final Configuration configuration = new ConfigurationImpl()
                    .setJournalType(JournalType.NIO)
                    .setJournalDirectory(directory.resolve("journal").toString())
                    .setBindingsDirectory(directory.resolve("bindings").toString())
                    .setPagingDirectory(directory.resolve("paging").toString())
                    .setLargeMessagesDirectory(directory.resolve("large").toString())
                    .setSecurityEnabled(false)
                    .addAcceptorConfiguration("in-vm", "vm://0");
            broker.setConfiguration(configuration).start();
            locator = ActiveMQClient.createServerLocator("vm://0").setBlockOnDurableSend(true);
            sessions = locator.createSessionFactory();
            session = sessions.createSession();
            if (!session.queueQuery(QueueConfiguration.of(QUEUE).getName()).isExists()) {
                session.createQueue(QueueConfiguration.of(QUEUE).setRoutingType(RoutingType.ANYCAST));
            }
            producer = session.createProducer(QUEUE);
            session.start();
        }

        @Override
        public void commit(final long number, final byte[] record) throws ActiveMQException {
            final ClientMessage message = session.createMessage(true);
            message.getBodyBuffer().writeBytes(record);
            producer.send(message);
        }

        @Override
        public byte @Nullable [] read(final long number) throws ActiveMQException {
            if (browser == null) {
                browser = session.createConsumer(QUEUE, true);
            }
            final ClientMessage message = browser.receive(PATIENCE_MILLIS);
            if (message == null) {
                return null;
            }
            final byte[] record = new byte[message.getBodyBuffer().readableBytes()];
            message.getBodyBuffer().readBytes(record);
            return record;
        }

        @Override
        public void close() throws IOException {
            try {
                session.close();
                sessions.close();
                locator.close();
                broker.stop();
            } catch (final Exception e) {
                throw new IOException(e);
            }
        }
    }
}
