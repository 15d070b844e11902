// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.stats;

import io.writethrough.Backend;
import io.writethrough.WriteThroughCoverageMXBean;
import org.jspecify.annotations.Nullable;

/**
 * An engine's place among the beans of the MBean server, if the module java.management is there: nothing here touches a class
 * that needs it without asking. The engine has its place once the process has an MBean server, and makes none: see {@link
 * LateBeans}.
 */
public final class EngineRegistration {
    private static final @Nullable String SETTING = System.getProperty("io.writethrough.jmx");
    private static final boolean PRESENT =
            ModuleLayer.boot().findModule("java.management").isPresent() && !"false".equalsIgnoreCase(SETTING);
    private static final boolean AT_ONCE = "true".equalsIgnoreCase(SETTING);

    private final long engine;
    private final Backend backend;
    private final int number;
    private final Runnable registering = this::register;
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
            whenThereIsAServer(() -> Beans.register(coverage, WriteThroughCoverageMXBean.class, "type=Coverage"));
        }
    }

    private static void whenThereIsAServer(final Runnable registering) {
        if (AT_ONCE || Beans.hasServer()) {
            registering.run();
        } else {
            LateBeans.add(registering);
        }
    }

    /** Registers the engine, now or later, unless that was done or it is closed. */
    public void begin() {
        if (PRESENT) {
            whenThereIsAServer(registering);
            if (isOver()) { // Then nobody else takes it from those that wait.
                LateBeans.remove(registering);
            }
        }
    }

    private synchronized boolean isOver() {
        return over;
    }

    private synchronized void register() {
        if (unregister == null && !over) {
            unregister = EngineBean.register(engine, backend, number);
        }
    }

    public void end() {
        synchronized (this) {
            over = true;
            if (unregister != null) {
                unregister.run();
                unregister = null;
            }
        }
        LateBeans.remove(registering);
    }
}
