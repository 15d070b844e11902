// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import com.sun.tools.attach.VirtualMachineDescriptor;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** Another JVM of this machine, by its MBean server. */
record JavaProcess(long pid) {
    private static final int LOOKS = 40;
    private static final long LOOK_MILLIS = 50;

    /** What a command does there. */
    interface Use {
        /** {@return the exit status, as {@link Main#run} has it} */
        int of(MBeanServerConnection server) throws IOException, JMException;
    }

    /** Attaches to the process. {@return the exit status, as {@link Main#run} has it} */
    int use(final Use use, final PrintStream err) {
        try {
            return attachAndUse(use);
        } catch (final AttachNotSupportedException | IOException e) {
            err.println("process " + pid + " cannot be attached to: " + e.getMessage()
                    + ". It has to be a JVM of this user that allows it (-XX:+DisableAttachMechanism does not)."
                    + others());
            return Main.FAILED;
        }
    }

    @SuppressWarnings("BanJNDI") // the address is the one that the other JVM has just given, and no caller's
    private int attachAndUse(final Use use) throws AttachNotSupportedException, IOException {
        final VirtualMachine machine = VirtualMachine.attach(Long.toString(pid));
        final String address;
        try {
            address = machine.startLocalManagementAgent();
        } finally {
            machine.detach();
        }
        try (JMXConnector connector = JMXConnectorFactory.connect(new JMXServiceURL(address))) {
            return use.of(connector.getMBeanServerConnection());
        } catch (final JMException e) {
            throw new IOException(e);
        }
    }

    /**
     * The beans with names of a pattern. A process that had no MBean server before this command asked has them half a second
     * after that: so this looks for two seconds before there are none.
     */
    static Set<ObjectName> beans(final MBeanServerConnection server, final ObjectName pattern) throws IOException {
        Set<ObjectName> names = server.queryNames(pattern, null);
        for (int look = 0; names.isEmpty() && look < LOOKS; look++) {
            try {
                TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
                return names;
            }
            names = server.queryNames(pattern, null);
        }
        return names;
    }

    private static String others() {
        final StringBuilder text = new StringBuilder();
        for (final VirtualMachineDescriptor each : VirtualMachine.list()) {
            if (!each.id().equals(Long.toString(ProcessHandle.current().pid()))) {
                text.append("\n  ").append(each.id()).append(' ').append(each.displayName());
            }
        }
        return text.length() == 0 ? "" : " These JVMs can be seen:" + text;
    }
}
