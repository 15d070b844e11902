// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import io.writethrough.internal.Names;
import java.io.Console;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import org.jspecify.annotations.Nullable;

/** {@code stats PID}: what the engines of a live process do, by JMX, as a table that is drawn anew or as lines of JSON. */
public final class StatsCommand {
    static final String USAGE =
            "       stats [--once] [--json] [--interval SECONDS] [--count N] PID   what the engines of a process do";

    private static final String ENGINES = Names.LIBRARY + ":type=Engine,*";
    private static final String CLEAR_SCREEN = "\u001b[H\u001b[2J";

    private final long pid;
    private final boolean json;
    private final long intervalSeconds;
    private final long count;
    private final PrintStream out;

    private StatsCommand(
            final long pid, final boolean json, final long intervalSeconds, final long count, final PrintStream out) {
        this.pid = pid;
        this.json = json;
        this.intervalSeconds = intervalSeconds;
        this.count = count;
        this.out = out;
    }

    /** {@return the exit status, as {@link Main#run} has it} */
    static int run(final List<String> args, final PrintStream out, final PrintStream err) {
        final StatsCommand command = parse(args, out);
        if (command == null) {
            err.println("usage:" + USAGE.substring(6));
            return Main.MISUSED;
        }
        return new JavaProcess(command.pid).use(server -> command.show(server, err), err);
    }

    private static @Nullable StatsCommand parse(final List<String> args, final PrintStream out) {
        boolean json = false;
        long interval = 2;
        long count = Long.MAX_VALUE;
        long pid = -1;
        try {
            for (int i = 0; i < args.size(); i++) {
                switch (args.get(i)) {
                    case "--json" -> json = true;
                    case "--once" -> count = 1;
                    case "--interval" -> interval = positive(args, ++i);
                    case "--count" -> count = positive(args, ++i);
                    default -> {
                        if (pid >= 0) {
                            return null;
                        }
                        pid = positive(args, i);
                    }
                }
            }
        } catch (final NumberFormatException e) {
            return null;
        }
        return pid < 0 ? null : new StatsCommand(pid, json, interval, count, out);
    }

    private static long positive(final List<String> args, final int index) {
        final long value = index < args.size() ? Long.parseLong(args.get(index)) : 0;
        if (value <= 0) {
            throw new NumberFormatException();
        }
        return value;
    }

    private int show(final MBeanServerConnection server, final PrintStream err) throws IOException, JMException {
        JavaProcess.beans(server, new ObjectName(ENGINES));
        List<EngineSnapshot> before = List.of();
        for (long i = 0; i < count; i++) {
            if (i > 0 && !pause()) {
                return Main.DONE;
            }
            final List<EngineSnapshot> now = snapshots(server);
            if (now.isEmpty() && i == 0) {
                err.println("process " + pid + " has no open WriteThroughEngine, or does not show it"
                        + " (-Dio.writethrough.jmx=false)");
                return Main.FAILED;
            }
            print(now, before);
            before = now;
        }
        return Main.DONE;
    }

    private boolean pause() {
        try {
            TimeUnit.SECONDS.sleep(intervalSeconds);
            return true;
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private static List<EngineSnapshot> snapshots(final MBeanServerConnection server) throws IOException, JMException {
        final List<EngineSnapshot> snapshots = new ArrayList<>();
        final ObjectName pattern = new ObjectName(ENGINES);
        for (final ObjectName name : server.queryNames(pattern, null)) {
            final EngineSnapshot snapshot = EngineSnapshot.of(server, name);
            if (snapshot != null) {
                snapshots.add(snapshot);
            }
        }
        snapshots.sort((one, other) -> Integer.compare(one.id(), other.id()));
        return snapshots;
    }

    private void print(final List<EngineSnapshot> now, final List<EngineSnapshot> before) {
        if (json) {
            out.println("{\"pid\":" + pid + ",\"engines\":["
                    + String.join(",", now.stream().map(EngineSnapshot::json).toList()) + "]}");
            return;
        }
        final StringBuilder text = new StringBuilder(count > 1 && isTerminal() ? CLEAR_SCREEN : "");
        for (final EngineSnapshot each : now) {
            final @Nullable EngineSnapshot earlier = before.stream()
                    .filter(other -> other.id() == each.id())
                    .findFirst()
                    .orElse(null);
            text.append(each.table(pid, earlier)).append('\n');
        }
        out.print(text);
        out.flush();
    }

    /* Before JDK 22 there is a console only where input and output are a terminal. */
    @SuppressWarnings("SystemConsoleNull")
    private static boolean isTerminal() {
        final Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (final ReflectiveOperationException e) {
            return true;
        }
    }
}
