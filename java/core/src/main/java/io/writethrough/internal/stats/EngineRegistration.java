// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.Backend;
import io.writethrough.WriteThroughCoverageMXBean;
import org.jspecify.annotations.Nullable;

/**
 * An engine's place among the beans of the MBean server, if the module java.management is there: nothing here touches a class
 * that needs it without asking.
 */
public final class EngineRegistration {
    private static final boolean PRESENT =
            ModuleLayer.boot().findModule("java.management").isPresent()
                    && !"false".equalsIgnoreCase(System.getProperty("io.writethrough.jmx"));

    private final long engine;
    private final Backend backend;
    private final int number;
    private boolean over;
    private @Nullable Runnable unregister;

    public EngineRegistration(final long engine, final Backend backend, final int number) {
        this.engine = engine;
        this.backend = backend;
        this.number = number;
    }

    /** Registers what tells which files the library carries, for as long as the process. */
    public static void registerCoverage(final WriteThroughCoverageMXBean coverage) {
        if (PRESENT) {
            Beans.register(coverage, WriteThroughCoverageMXBean.class, "type=Coverage");
        }
    }

    /** Registers the engine, unless that was done or it is closed. */
    public synchronized void begin() {
        if (PRESENT && unregister == null && !over) {
            unregister = EngineBean.register(engine, backend, number);
        }
    }

    public synchronized void end() {
        over = true;
        if (unregister != null) {
            unregister.run();
            unregister = null;
        }
    }
}
