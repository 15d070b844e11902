package io.writethrough.bench.report;

import java.io.PrintStream;
import java.time.Duration;

/** Tells on a terminal what is being done and how long it will take, in one line; elsewhere a line now and then. */
public final class Progress {
    private static final long QUIET_NANOS = Duration.ofSeconds(5).toNanos();

    private final PrintStream out;
    private final boolean terminal;
    private final Duration total;
    private Duration done = Duration.ZERO;
    private long lastLine = System.nanoTime() - QUIET_NANOS;

    /** The whole job takes about so long. */
    public Progress(PrintStream out, boolean terminal, Duration total) {
        this.out = out;
        this.terminal = terminal;
        this.total = total;
    }

    /** A step begins that will take about so long. */
    public void step(String what, Duration takes) {
        long left = Math.max(0, total.minus(done).toSeconds());
        long percent = Math.min(99, done.toMillis() * 100 / Math.max(1, total.toMillis()));
        String line = String.format("[%2d%%, about %d:%02d left] %s", percent, left / 60, left % 60, what);
        if (terminal) {
            out.print("\r\033[K" + line);
            out.flush();
        } else if (System.nanoTime() - lastLine >= QUIET_NANOS) {
            out.println(line);
            lastLine = System.nanoTime();
        }
        done = done.plus(takes);
    }

    /** So much of the estimated time was used, or is not needed. */
    public void passed(Duration time) {
        done = done.plus(time);
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
