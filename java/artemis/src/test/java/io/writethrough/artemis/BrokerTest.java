// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.artemis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
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
import org.apache.activemq.artemis.core.persistence.impl.journal.JournalStorageManager;
import org.apache.activemq.artemis.core.server.ActiveMQServer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A whole broker is killed while it takes messages; another has them. */
@Timeout(300)
class BrokerTest {
    private Path directory;

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void deleteDirectory() throws IOException {
        TestDirectories.delete(directory);
    }

    private static ActiveMQServer start(final Path directory) throws Exception {
        final Configuration configuration = new ConfigurationImpl()
                .setSecurityEnabled(false)
                .setJournalDirectory(directory.resolve("journal").toString())
                .setBindingsDirectory(directory.resolve("bindings").toString())
                .setLargeMessagesDirectory(directory.resolve("large").toString())
                .setPagingDirectory(directory.resolve("paging").toString())
                .setJournalFileSize(1 << 20)
                .addAcceptorConfiguration("vm", "vm://0");
        configuration.addQueueConfiguration(QueueConfiguration.of("queue")
                .setRoutingType(RoutingType.ANYCAST)
                .setDurable(true));
        final ActiveMQServer broker = new WriteThroughActiveMQServer(configuration, null);
        broker.start();
        return broker;
    }

    @Test
    void aKilledBrokerHasEveryMessageThatItTookOnce() throws Exception {
        final Process child = ChildJvm.start(Producer.class, directory.toString());
        final long acknowledged = ChildJvm.killAfter(300, child).size();

        final List<Long> received = receiveAll();
        assertTrue(received.size() >= acknowledged, received.size() + " of " + acknowledged);
        assertEquals(LongStream.rangeClosed(1, received.size()).boxed().toList(), received);
        assertEquals(List.of(), receiveAll());
    }

    private List<Long> receiveAll() throws Exception {
        final ActiveMQServer broker = start(directory);
        try (ServerLocator locator = ActiveMQClient.createServerLocator("vm://0");
                ClientSessionFactory sessions = locator.createSessionFactory();
                ClientSession session = sessions.createSession()) {
            final JournalStorageManager storage =
                    assertInstanceOf(JournalStorageManager.class, broker.getStorageManager());
            assertInstanceOf(WriteThroughSequentialFileFactory.class, storage.getJournalSequentialFileFactory());
            final List<Long> received = new ArrayList<>();
            final ClientConsumer consumer = session.createConsumer("queue");
            session.start();
            for (ClientMessage message = consumer.receiveImmediate();
                    message != null;
                    message = consumer.receiveImmediate()) {
                received.add(message.getBodyBuffer().readLong());
                message.acknowledge();
            }
            session.commit();
            return received;
        } finally {
            broker.stop();
        }
    }

    /** A broker and its client: sends messages until it is killed, and tells the number of each that was taken. */
    static final class Producer {
        public static void main(final String[] arguments) throws Exception {
            start(Path.of(arguments[0]));
            final ClientSession session = ActiveMQClient.createServerLocator("vm://0")
                    .setBlockOnDurableSend(true)
                    .createSessionFactory()
                    .createSession();
            final ClientProducer producer = session.createProducer("queue");
            for (long number = 1; ; number++) {
                final ClientMessage message = session.createMessage(true);
                message.getBodyBuffer().writeLong(number);
                producer.send(message);
                // One write(2), so that a kill leaves whole lines.
                System.out.write((number + ";\n").getBytes(StandardCharsets.UTF_8));
                System.out.flush();
            }
        }
    }
}
