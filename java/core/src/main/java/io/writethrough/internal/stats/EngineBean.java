// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.Backend;
import io.writethrough.EngineStats;
import io.writethrough.Histogram;
import io.writethrough.HistogramSummary;
import io.writethrough.WriteThroughEngineMXBean;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Locale;

/** An engine's MXBean. It knows the handle of the engine and not the engine, which may be lost. */
public final class EngineBean implements InvocationHandler {
    private final long engine;
    private final Backend backend;

    private EngineBean(final long engine, final Backend backend) {
        this.engine = engine;
        this.backend = backend;
    }

    private static WriteThroughEngineMXBean beanOf(final long engine, final Backend backend) {
        return (WriteThroughEngineMXBean) Proxy.newProxyInstance(
                EngineBean.class.getClassLoader(),
                new Class<?>[] {WriteThroughEngineMXBean.class},
                new EngineBean(engine, backend));
    }

    /** Registers an engine's bean. Returns what takes it away again. */
    static Runnable register(final long engine, final Backend backend, final int number) {
        return Beans.register(beanOf(engine, backend), WriteThroughEngineMXBean.class, "type=Engine,id=" + number);
    }

    /* getX of the bean is x of the statistics; where X is a histogram, its summary. */
    @Override
    public Object invoke(final Object bean, final Method method, final Object[] arguments)
            throws ReflectiveOperationException {
        final String name = method.getName();
        if (method.getDeclaringClass() == Object.class) {
            return method.invoke(this, arguments);
        }
        if (name.equals("getBackend")) {
            return backend.name().toLowerCase(Locale.ROOT);
        }
        final EngineStats stats = EngineCounters.of(engine);
        if (stats == null) {
            throw new IllegalStateException("the engine is closed");
        }
        final String statistic = Character.toLowerCase(name.charAt(3)) + name.substring(4);
        final Object value = EngineStats.class.getMethod(statistic).invoke(stats);
        return value instanceof Histogram histogram ? new HistogramSummary(histogram) : value;
    }
}
