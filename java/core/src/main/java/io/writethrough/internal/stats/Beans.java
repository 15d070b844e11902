// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.internal.Names;
import java.lang.management.ManagementFactory;
import javax.management.InstanceAlreadyExistsException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;
import javax.management.StandardMBean;

/** The beans of this library in the MBean server. Nobody touches this class without the module java.management. */
final class Beans {
    private Beans() {}

    /** Whether this process has an MBean server. To make one takes a third of a second, to ask 0.2 ms at first and then nothing. */
    static boolean hasServer() {
        return !MBeanServerFactory.findMBeanServer(null).isEmpty();
    }

    /**
     * Registers a bean. Returns what takes it away again.
     *
     * @param properties of its name, "type=Engine,id=1" for example
     */
    static <T> Runnable register(final T bean, final Class<T> type, final String properties) {
        try {
            final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            final ObjectName name =
                    register(server, new StandardMBean(bean, type, true), Names.LIBRARY + ":" + properties);
            return () -> unregister(server, name);
        } catch (final JMException e) {
            report("A bean could not be registered with the MBean server: " + properties, e);
            return () -> {};
        }
    }

    /* Where this library was loaded more than once, all count from 1: from the second on the name has a number for that, too. */
    private static ObjectName register(final MBeanServer server, final StandardMBean bean, final String first)
            throws JMException {
        ObjectName name = new ObjectName(first);
        for (int loader = 2; ; loader++) {
            try {
                server.registerMBean(bean, name);
                return name;
            } catch (final InstanceAlreadyExistsException e) {
                name = new ObjectName(first + ",loader=" + loader);
            }
        }
    }

    private static void unregister(final MBeanServer server, final ObjectName name) {
        try {
            server.unregisterMBean(name);
        } catch (final JMException e) {
            report("A bean could not be taken from the MBean server: " + name, e);
        }
    }

    private static void report(final String message, final JMException e) {
        System.getLogger(Names.LIBRARY).log(System.Logger.Level.WARNING, message, e);
    }
}
