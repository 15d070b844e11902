// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.writethrough.agent.inside.RewriterAccess;
import org.junit.jupiter.api.Test;

/** The agent knows each method of this JDK that does I/O on a file. */
class RewriterTest {
    @Test
    void noMethodThatDoesIoIsLeftOut() throws Exception {
        assertEquals("{}", RewriterAccess.holes().toString());
    }

    @Test
    void aMethodThatTheAgentDoesNotKnowIsNamed() throws Exception {
        final IllegalStateException e =
                assertThrows(IllegalStateException.class, RewriterAccess::rewriteWithAnUnknownMethod);
        assertTrue(e.getMessage().contains("readBackwards()I calls [read0()I]"), e.getMessage());
    }
}
