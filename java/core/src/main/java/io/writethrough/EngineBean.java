package io.writethrough;

import java.lang.management.ManagementFactory;
import java.util.Locale;
import javax.management.InstanceAlreadyExistsException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.StandardMBean;

/** An engine's MXBean. It knows the handle of the engine and not the engine, which may be lost. */
final class EngineBean implements WriteThroughEngineMXBean {
    private final long engine;
    private final Backend backend;

    private EngineBean(final long engine, final Backend backend) {
        this.engine = engine;
        this.backend = backend;
    }

    /** Registers an engine's bean. Returns what takes it away again. */
    static Runnable register(final long engine, final Backend backend, final int number) {
        try {
            final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
            final ObjectName name = register(
                    server,
                    new StandardMBean(new EngineBean(engine, backend), WriteThroughEngineMXBean.class, true),
                    WriteThroughEngine.class.getPackageName() + ":type=Engine,id=" + number);
            return () -> unregister(server, name);
        } catch (final JMException e) {
            report("An engine could not be registered with the MBean server", e);
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
            report("An engine could not be taken from the MBean server", e);
        }
    }

    private static void report(final String message, final JMException e) {
        System.getLogger(WriteThroughEngine.class.getPackageName()).log(System.Logger.Level.WARNING, message, e);
    }

    private EngineStats stats() {
        final EngineStats stats = EngineStats.of(engine);
        if (stats == null) {
            throw new IllegalStateException("the engine is closed");
        }
        return stats;
    }

    @Override
    public String getBackend() {
        return backend.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public long getCacheBytes() {
        return stats().cacheBytes();
    }

    @Override
    public long getCachedBytes() {
        return stats().cachedBytes();
    }

    @Override
    public long getInFlightBytes() {
        return stats().inFlightBytes();
    }

    @Override
    public long getInFlightIos() {
        return stats().inFlightIos();
    }

    @Override
    public long getOpenFiles() {
        return stats().openFiles();
    }

    @Override
    public long getOpenInodes() {
        return stats().openInodes();
    }

    @Override
    public long getReadHits() {
        return stats().readHits();
    }

    @Override
    public long getReadMisses() {
        return stats().readMisses();
    }

    @Override
    public double getHitRate() {
        return stats().hitRate();
    }

    @Override
    public long getWrites() {
        return stats().writes();
    }

    @Override
    public long getWriteErrors() {
        return stats().writeErrors();
    }

    @Override
    public long getDeviceReads() {
        return stats().deviceReads();
    }

    @Override
    public long getDeviceWrites() {
        return stats().deviceWrites();
    }

    @Override
    public long getDeviceReadBytes() {
        return stats().deviceReadBytes();
    }

    @Override
    public long getDeviceWrittenBytes() {
        return stats().deviceWrittenBytes();
    }

    @Override
    public long getFuaWrites() {
        return stats().fuaWrites();
    }

    @Override
    public long getFlushes() {
        return stats().flushes();
    }

    @Override
    public long getGathers() {
        return stats().gathers();
    }

    @Override
    public long getGatheredWrites() {
        return stats().gatheredWrites();
    }

    @Override
    public long getEvictions() {
        return stats().evictions();
    }

    @Override
    public long getLostRecords() {
        return stats().lostRecords();
    }

    @Override
    public HistogramSummary getReadHitNanos() {
        return new HistogramSummary(stats().readHitNanos());
    }

    @Override
    public HistogramSummary getReadMissNanos() {
        return new HistogramSummary(stats().readMissNanos());
    }

    @Override
    public HistogramSummary getWriteNanos() {
        return new HistogramSummary(stats().writeNanos());
    }

    @Override
    public HistogramSummary getDeviceReadNanos() {
        return new HistogramSummary(stats().deviceReadNanos());
    }

    @Override
    public HistogramSummary getDeviceWriteNanos() {
        return new HistogramSummary(stats().deviceWriteNanos());
    }

    @Override
    public HistogramSummary getQueueNanos() {
        return new HistogramSummary(stats().queueNanos());
    }

    @Override
    public HistogramSummary getWritesOfGather() {
        return new HistogramSummary(stats().writesOfGather());
    }
}
