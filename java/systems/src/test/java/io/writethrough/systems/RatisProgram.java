// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.ratis.client.RaftClient;
import org.apache.ratis.client.RaftClientConfigKeys;
import org.apache.ratis.conf.RaftProperties;
import org.apache.ratis.grpc.GrpcConfigKeys;
import org.apache.ratis.protocol.Message;
import org.apache.ratis.protocol.RaftClientReply;
import org.apache.ratis.protocol.RaftGroup;
import org.apache.ratis.protocol.RaftGroupId;
import org.apache.ratis.protocol.RaftPeer;
import org.apache.ratis.server.RaftServer;
import org.apache.ratis.server.RaftServerConfigKeys;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.TransactionContext;
import org.apache.ratis.statemachine.impl.BaseStateMachine;
import org.apache.ratis.thirdparty.com.google.protobuf.ByteString;
import org.apache.ratis.util.TimeDuration;
import org.jspecify.annotations.Nullable;

/** A single server of Ratis, with a client that waits for each record. Its log has the records; memory has them too. */
final class RatisProgram {
    private static final int PATIENCE_SECONDS = 30;

    private RatisProgram() {}

    public static void main(final String[] arguments) {
        Logging.ofErrors();
        Program.run(Server::new, arguments);
    }

    /* The records in order; a query is a number. */
    private static final class Machine extends BaseStateMachine {
        private final List<ByteString> records = new ArrayList<>();

        @Override
        public synchronized CompletableFuture<Message> applyTransaction(final TransactionContext transaction) {
            records.add(transaction.getLogEntry().getStateMachineLogEntry().getLogData());
            updateLastAppliedTermIndex(
                    transaction.getLogEntry().getTerm(),
                    transaction.getLogEntry().getIndex());
            return CompletableFuture.completedFuture(Message.EMPTY);
        }

        @Override
        public synchronized CompletableFuture<Message> query(final Message request) {
            final int number = Integer.parseInt(request.getContent().toString(US_ASCII));
            return CompletableFuture.completedFuture(
                    number > records.size() ? Message.EMPTY : Message.valueOf(records.get(number - 1)));
        }
    }

    private static final class Server implements Records {
        private final RaftServer server;
        private final RaftClient client;

        Server(final Path directory) throws IOException, InterruptedException {
            final int port = Ports.twoFree()[0];
            final RaftPeer peer = RaftPeer.newBuilder()
                    .setId("records")
                    .setAddress("127.0.0.1:" + port)
                    .build();
            final RaftGroup group = RaftGroup.valueOf(RaftGroupId.valueOf(new UUID(0, 1)), peer);
            final RaftProperties properties = new RaftProperties();
            GrpcConfigKeys.Server.setPort(properties, port);
            final Path storage = directory.resolve("storage");
            RaftServerConfigKeys.setStorageDir(properties, List.of(storage.toFile()));
            // The first request comes while classes are loaded.
            RaftClientConfigKeys.Rpc.setRequestTimeout(
                    properties, TimeDuration.valueOf(PATIENCE_SECONDS, TimeUnit.SECONDS));
            server = RaftServer.newBuilder()
                    .setServerId(peer.getId())
                    .setGroup(group)
                    .setProperties(properties)
                    .setStateMachine(new Machine())
                    .setOption(
                            Files.exists(storage)
                                    ? RaftStorage.StartupOption.RECOVER
                                    : RaftStorage.StartupOption.FORMAT)
                    .build();
            server.start();
            while (!server.getDivision(group.getGroupId()).getInfo().isLeaderReady()) {
                Thread.sleep(1); // a client that comes earlier waits for seconds before it tries again
            }
            client = RaftClient.newBuilder()
                    .setProperties(properties)
                    .setRaftGroup(group)
                    .build();
        }

        @Override
        public void commit(final long number, final byte[] record) throws IOException {
            answered(client.io().send(Message.valueOf(ByteString.copyFrom(record))));
        }

        @Override
        public byte @Nullable [] read(final long number) throws IOException {
            final Message query = Message.valueOf(ByteString.copyFrom(Long.toString(number), US_ASCII));
            final ByteString record =
                    answered(client.io().sendReadOnly(query)).getMessage().getContent();
            return record.isEmpty() ? null : record.toByteArray();
        }

        private static RaftClientReply answered(final RaftClientReply reply) throws IOException {
            if (!reply.isSuccess()) {
                throw new IOException("Ratis has refused a record", reply.getException());
            }
            return reply;
        }

        @Override
        public void close() throws IOException {
            client.close();
            server.close();
        }
    }
}
