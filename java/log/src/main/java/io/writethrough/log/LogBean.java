// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.lang.management.ManagementFactory;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.MBeanServerFactory;
import javax.management.ObjectName;
import javax.management.StandardMBean;
import org.jspecify.annotations.Nullable;

/**
 * The place of a log among the beans of the MBean server. A log has its place once the process has a server, and makes none: to
 * make one takes a third of a second. Nothing tells when somebody else makes one, so the log looks twice a second until then.
 */
final class LogBean {
    private static final @Nullable String SETTING = System.getProperty("io.writethrough.jmx");
    private static final boolean WANTED =
            ModuleLayer.boot().findModule("java.management").isPresent() && !"false".equalsIgnoreCase(SETTING);
    private static final boolean AT_ONCE = "true".equalsIgnoreCase(SETTING);
    private static final long LOOK_MILLIS = 500;

    private final DurableLog log;
    private boolean over;
    private @Nullable Runnable unregister;

    private LogBean(final DurableLog log) {
        this.log = log;
    }

    /** Registers the log, now or later. Returns what takes it away again. */
    static Runnable register(final DurableLog log) {
        if (!WANTED) {
            return () -> {};
        }
        final LogBean bean = new LogBean(log);
        bean.look();
        return bean::end;
    }

    private synchronized void look() {
        if (over) {
            return;
        }
        if (AT_ONCE || Beans.hasServer()) {
            unregister = Beans.register(log);
        } else {
            later(this::look);
        }
    }

    private static void later(final Runnable task) {
        final Executor delayed = CompletableFuture.delayedExecutor(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        delayed.execute(task);
    }

    private synchronized void end() {
        over = true;
        if (unregister != null) {
            unregister.run();
            unregister = null;
        }
    }

    /** What needs the module java.management. */
    private static final class Beans implements InvocationHandler {
        private final DurableLog log;

        private Beans(final DurableLog log) {
            this.log = log;
        }

        static boolean hasServer() {
            return !MBeanServerFactory.findMBeanServer(null).isEmpty();
        }

        static Runnable register(final DurableLog log) {
            try {
                final ObjectName name = new ObjectName("io.writethrough:type=Log,directory="
                        + ObjectName.quote(log.files().toString()));
                final DurableLogMXBean bean = (DurableLogMXBean) Proxy.newProxyInstance(
                        LogBean.class.getClassLoader(), new Class<?>[] {DurableLogMXBean.class}, new Beans(log));
                ManagementFactory.getPlatformMBeanServer()
                        .registerMBean(new StandardMBean(bean, DurableLogMXBean.class, true), name);
                return () -> unregister(name);
            } catch (final JMException e) {
                report("A bean could not be registered with the MBean server: of " + log, e);
                return () -> {};
            }
        }

        private static void unregister(final ObjectName name) {
            try {
                ManagementFactory.getPlatformMBeanServer().unregisterMBean(name);
            } catch (final JMException e) {
                report("A bean could not be taken from the MBean server: " + name, e);
            }
        }

        private static void report(final String message, final JMException e) {
            DurableLog.LOGGER.log(System.Logger.Level.WARNING, message, e);
        }

        /* getX of the bean is x of the statistics. */
        @Override
        public @Nullable Object invoke(final Object bean, final Method method, final Object[] arguments)
                throws ReflectiveOperationException {
            final String name = method.getName();
            if (method.getDeclaringClass() == Object.class) {
                return method.invoke(this, arguments);
            }
            if (name.equals("getState")) {
                return log.toString();
            }
            final String statistic = Character.toLowerCase(name.charAt(3)) + name.substring(4);
            return LogStats.class.getMethod(statistic).invoke(log.stats());
        }
    }
}
