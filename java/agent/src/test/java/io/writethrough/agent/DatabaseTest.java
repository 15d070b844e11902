// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.DatabaseProgram.ROWS;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Databases that write by {@code java.io}, unmodified. Their process goes away under the open database. */
class DatabaseTest {
    @TempDir
    Path directory;

    /* Without the lock file nobody waits for the heartbeat of the process that is gone. */
    @Test
    void commitsToHsqldbByForcesAreThere() throws Exception {
        commitsAreThere("jdbc:hsqldb:file:" + directory + "/db;hsqldb.lock_file=false", ";commitAtForce=glob:**");
    }

    @Test
    void commitsToDerbyAreThere() throws Exception {
        commitsAreThere("jdbc:derby:" + directory + "/db;create=true", "");
    }

    private void commitsAreThere(final String url, final String options) throws Exception {
        final String agent = "paths=glob:" + directory + "/**" + options;
        assertEquals(
                ROWS + " rows\n", program(url, "create").withAgent(agent).run().successful());
        assertEquals(
                2 * ROWS + " rows\n", program(url, "add").withAgent(agent).run().successful());
        assertEquals(2 * ROWS + " rows\n", program(url, "count").run().successful());
    }

    private AgentJvm program(final String url, final String what) {
        return AgentJvm.with(Set.of("hsqldb", "derby", "derbyshared"), DatabaseProgram.class, url, what)
                .with("-Dderby.stream.error.file=" + directory.resolveSibling(directory.getFileName() + ".log"));
    }
}
