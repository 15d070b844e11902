// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import kafka.Kafka;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.LongSerializer;
import org.jspecify.annotations.Nullable;

/**
 * A single node of Kafka, broker and controller, that flushes after each record. Each thread that commits has a producer of its
 * own, which waits for each record, on the loopback interface, and a partition of its own: a partition flushes under its lock.
 */
final class KafkaProgram {
    private static final String TOPIC = "records";
    private static final List<TopicPartition> PARTITIONS = IntStream.range(0, Integer.getInteger("clients", 1))
            .mapToObj(number -> new TopicPartition(TOPIC, number))
            .toList();
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private KafkaProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        Program.run(Node::new, arguments);
    }

    private record Sender(KafkaProducer<Long, byte[]> producer, int partition) {}

    private static final class Node implements Records {
        private final String address;
        private final Queue<Sender> senders = new ConcurrentLinkedQueue<>();
        private final AtomicInteger nextPartition = new AtomicInteger();
        private final ThreadLocal<Sender> own = ThreadLocal.withInitial(this::newSender);
        private @Nullable KafkaConsumer<Long, byte[]> consumer;
        private final Map<Long, byte[]> polled = new HashMap<>();

        Node(final Path directory) throws Exception {
            final int[] ports = Ports.twoFree();
            address = "localhost:" + ports[0];
            final Path logs = directory.resolve("logs");
            final boolean anew = Files.notExists(logs);
            final Path properties = directory.resolve("server.properties");
            Files.write(properties, properties(logs, ports));
            if (anew) {
                final String[] format = {
                    "format", "--cluster-id", Uuid.randomUuid().toString(), "--config", properties.toString()
                };
                final int status = StorageTool.execute(format, new PrintStream(OutputStream.nullOutputStream()));
                if (status != 0) {
                    throw new IOException("the storage of Kafka was not formatted: " + status);
                }
            }
            final Thread server = new Thread(() -> Kafka.main(new String[] {properties.toString()}));
            server.setDaemon(true);
            server.start();
            try (Admin admin = Admin.create(Map.of("bootstrap.servers", address))) {
                if (anew) {
                    admin.createTopics(List.of(new NewTopic(TOPIC, Optional.of(PARTITIONS.size()), Optional.empty())))
                            .all()
                            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                }
            }
        }

        private static List<String> properties(final Path logs, final int... ports) {
            return List.of(
                    "process.roles=broker,controller",
                    "node.id=1",
                    "listeners=PLAINTEXT://localhost:" + ports[0] + ",CONTROLLER://localhost:" + ports[1],
                    "controller.listener.names=CONTROLLER",
                    "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                    "controller.quorum.voters=1@localhost:" + ports[1],
                    "log.dirs=" + logs,
                    "log.flush.interval.messages=1",
                    "broker.heartbeat.interval.ms=500",
                    "broker.session.timeout.ms=2000", // so long a killed node keeps the next one out
                    "offsets.topic.replication.factor=1",
                    "transaction.state.log.replication.factor=1",
                    "transaction.state.log.min.isr=1");
        }

        private Sender newSender() {
            final KafkaProducer<Long, byte[]> producer = new KafkaProducer<>(
                    Map.of("bootstrap.servers", address, "acks", "all", "linger.ms", "0"),
                    new LongSerializer(),
                    new ByteArraySerializer());
            final Sender sender = new Sender(producer, nextPartition.getAndIncrement() % PARTITIONS.size());
            senders.add(sender);
            return sender;
        }

        @Override
        public void commit(final long number, final byte[] record) throws Exception {
            final Sender sender = own.get();
            sender.producer
                    .send(new ProducerRecord<>(TOPIC, sender.partition, number, record))
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }

        /* Where several producers send, records stand in the order in which they came. */
        @Override
        public byte @Nullable [] read(final long number) {
            if (consumer == null) {
                consumer = new KafkaConsumer<>(
                        Map.of("bootstrap.servers", address), new LongDeserializer(), new ByteArrayDeserializer());
                consumer.assign(PARTITIONS);
                consumer.seekToBeginning(PARTITIONS);
            }
            while (!polled.containsKey(number)) {
                final ConsumerRecords<Long, byte[]> next = consumer.poll(PATIENCE);
                if (next.isEmpty()) {
                    return null;
                }
                next.forEach(record -> polled.put(record.key(), record.value()));
            }
            return polled.remove(number);
        }

        /* The node itself ends in order when the JVM does. */
        @Override
        public void close() {
            senders.forEach(sender -> sender.producer.close());
            if (consumer != null) {
                consumer.close();
            }
        }
    }
}
