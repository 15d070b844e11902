// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.report;

import java.io.PrintStream;
import java.time.Duration;
import java.util.function.DoubleSupplier;
import java.util.function.Supplier;

/** Tells on a terminal what is being done and how long it will take, in one line; elsewhere a line now and then. */
public final class Progress {
    private static final long QUIET_NANOS = Duration.ofSeconds(5).toNanos();

    private final PrintStream out;
    private final boolean terminal;
    private final DoubleSupplier done;
    private final Supplier<Duration> left;
    private volatile String last = "starting";
    private long lastLine = System.nanoTime() - QUIET_NANOS;

    /** Asks how much of the whole is done, from 0 to 1, and what time is left. */
    public Progress(PrintStream out, boolean terminal, DoubleSupplier done, Supplier<Duration> left) {
        this.out = out;
        this.terminal = terminal;
        this.done = done;
        this.left = left;
    }

    /** A step begins. */
    public void step(String what) {
        last = what;
        long seconds = left.get().toSeconds();
        String line = String.format(
                "[%2.0f%%, about %d:%02d left] %s", done.getAsDouble() * 100, seconds / 60, seconds % 60, what);
        if (terminal) {
            out.print("\r\033[K" + line);
            out.flush();
        } else if (System.nanoTime() - lastLine >= QUIET_NANOS) {
            out.println(line);
            lastLine = System.nanoTime();
        }
    }

    /** The step that began last. */
    public String last() {
        return last;
    }

    /** Something that should stay readable. */
    public void note(String text) {
        clear();
        out.println(text);
    }

    /** Takes the line away, for other output. */
    public void clear() {
        if (terminal) {
            out.print("\r\033[K");
            out.flush();
        }
    }
}
