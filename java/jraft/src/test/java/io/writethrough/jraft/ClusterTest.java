// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.alipay.sofa.jraft.Iterator;
import com.alipay.sofa.jraft.JRaftUtils;
import com.alipay.sofa.jraft.Node;
import com.alipay.sofa.jraft.RaftGroupService;
import com.alipay.sofa.jraft.Status;
import com.alipay.sofa.jraft.core.StateMachineAdapter;
import com.alipay.sofa.jraft.entity.PeerId;
import com.alipay.sofa.jraft.entity.Task;
import com.alipay.sofa.jraft.option.NodeOptions;
import io.writethrough.testing.ChildJvm;
import io.writethrough.testing.TestDirectories;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Three nodes, each a JVM of its own: they elect, commit, lose their leader to {@code kill -9}, and recover. */
@Timeout(120)
class ClusterTest {
    private static final int NODES = 3;

    private Path directory;
    private final List<Member> members = new ArrayList<>();

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = TestDirectories.make();
    }

    @AfterEach
    void killAndDelete() throws Exception {
        for (final Member member : members) {
            member.kill();
        }
        TestDirectories.delete(directory);
    }

    private static List<String> freePeers() throws IOException {
        final List<ServerSocket> sockets = new ArrayList<>();
        final List<String> peers = new ArrayList<>();
        for (int i = 0; i < NODES; i++) {
            final ServerSocket socket = new ServerSocket(0);
            sockets.add(socket);
            peers.add("127.0.0.1:" + socket.getLocalPort());
        }
        for (final ServerSocket socket : sockets) {
            socket.close();
        }
        return peers;
    }

    @Test
    void aKilledLeaderLosesNothingAndTheGroupGoesOn() throws Exception {
        final List<String> peers = freePeers();
        for (int i = 0; i < NODES; i++) {
            members.add(new Member(directory.resolve("node" + i), peers.get(i), String.join(",", peers)));
        }
        final List<String> committed = new ArrayList<>();
        commit(committed, 50);
        final Member killed = leader();
        killed.kill();
        commit(committed, 50);
        killed.start();
        for (final Member member : members) {
            member.awaitApplied(committed);
        }
        for (final Member member : members) { // all at once
            member.kill();
        }
        for (final Member member : members) {
            member.start();
        }
        commit(committed, 10);
        for (final Member member : members) {
            member.awaitApplied(committed);
        }
    }

    private Member leader() throws Exception {
        while (true) {
            for (final Member member : members) {
                if (member.isAlive() && member.ask("leader?").equals("leader")) {
                    return member;
                }
            }
            Thread.sleep(50);
        }
    }

    /* Again where the leader has changed meanwhile: a value counts once. */
    private void commit(final List<String> committed, final int count) throws Exception {
        Member leader = leader();
        for (int i = 0; i < count; i++) {
            final String value = "value-" + committed.size();
            while (!leader.ask("commit " + value).equals("committed")) {
                leader = leader();
            }
            committed.add(value);
        }
    }

    /** A node in a JVM, and what it answers. */
    private static final class Member {
        private final String[] arguments;
        private Process process;
        private PrintStream questions;
        private BlockingQueue<String> answers;

        Member(final Path path, final String self, final String peers) throws IOException {
            arguments = new String[] {path.toString(), self, peers};
            start();
        }

        void start() throws IOException {
            process = ChildJvm.start(Server.class, arguments);
            questions = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
            answers = new LinkedBlockingQueue<>();
            final BufferedReader lines =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
            final BlockingQueue<String> to = answers;
            final Thread reader = new Thread(() ->
                    lines.lines().filter(line -> line.startsWith("> ")).forEach(line -> to.add(line.substring(2))));
            reader.setDaemon(true);
            reader.start();
        }

        boolean isAlive() {
            return process.isAlive();
        }

        String ask(final String question) throws InterruptedException {
            questions.println(question);
            final String answer = answers.poll(60, TimeUnit.SECONDS);
            assertNotNull(answer, "a node does not answer: " + question);
            return answer;
        }

        /* In the order that the leader had them, and nothing else. */
        void awaitApplied(final List<String> expected) throws InterruptedException {
            final String wanted = String.join(" ", expected);
            String applied;
            do {
                applied = ask("applied?");
                assertTrue(wanted.startsWith(applied), applied);
            } while (!applied.equals(wanted));
        }

        void kill() throws InterruptedException {
            process.destroyForcibly().waitFor();
        }
    }

    /** A node that answers questions. Its state is all values that were committed, each once, in their order. */
    static final class Server extends StateMachineAdapter {
        private final Set<String> applied = Collections.synchronizedSet(new LinkedHashSet<>());

        @Override
        public void onApply(final Iterator entries) {
            while (entries.hasNext()) {
                applied.add(StandardCharsets.UTF_8
                        .decode(entries.getData().duplicate())
                        .toString());
                if (entries.done() != null) {
                    entries.done().run(Status.OK());
                }
                entries.next();
            }
        }

        public static void main(final String[] arguments) throws Exception {
            final Server server = new Server();
            final PeerId self = PeerId.parsePeer(arguments[1]);
            final NodeOptions options = new NodeOptions();
            options.setInitialConf(JRaftUtils.getConfiguration(arguments[2]));
            options.setElectionTimeoutMs(1000);
            options.setFsm(server);
            options.setLogUri(arguments[0] + "/log");
            options.setRaftMetaUri(arguments[0] + "/meta");
            options.setServiceFactory(Storage.WRITE_THROUGH.factory());
            final Node node = new RaftGroupService("group", self, options).start();
            final BufferedReader questions =
                    new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            String question;
            while ((question = questions.readLine()) != null) {
                if (question.equals("leader?")) {
                    answer(node.isLeader(false) ? "leader" : "follower");
                } else if (question.equals("applied?")) {
                    synchronized (server.applied) {
                        answer(String.join(" ", server.applied));
                    }
                } else {
                    final ByteBuffer value = StandardCharsets.UTF_8.encode(question.substring("commit ".length()));
                    node.apply(new Task(value, status -> answer(status.isOk() ? "committed" : status.toString())));
                }
            }
            Runtime.getRuntime().halt(0); // the test has ended
        }

        private static void answer(final String text) {
            System.out.println("> " + text);
        }
    }
}
