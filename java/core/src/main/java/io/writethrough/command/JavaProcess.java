// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import com.sun.tools.attach.VirtualMachineDescriptor;
import java.io.IOException;
import java.io.PrintStream;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.remote.JMXConnector;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/** Another JVM of this machine, by its MBean server. */
record JavaProcess(long pid) {
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
