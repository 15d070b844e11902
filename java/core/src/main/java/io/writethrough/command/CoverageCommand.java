// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import io.writethrough.internal.Names;
import java.io.IOException;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.management.JMException;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import javax.management.openmbean.TabularData;

/** {@code coverage PID}: which files of a live process the library carries, and which pass by. */
final class CoverageCommand {
    static final String USAGE =
            "       coverage [--json] PID                                          which files of a process it carries";

    private CoverageCommand() {}

    /** {@return the exit status, as {@link Main#run} has it} */
    static int run(final List<String> args, final PrintStream out, final PrintStream err) {
        final boolean json = args.contains("--json");
        final List<String> pids =
                args.stream().filter(argument -> !argument.equals("--json")).toList();
        final long pid;
        try {
            pid = pids.size() == 1 ? Long.parseLong(pids.get(0)) : 0;
        } catch (final NumberFormatException e) {
            err.println("usage:" + USAGE.substring(6));
            return Main.MISUSED;
        }
        if (pid <= 0) {
            err.println("usage:" + USAGE.substring(6));
            return Main.MISUSED;
        }
        return new JavaProcess(pid).use(server -> show(server, pid, json, out, err), err);
    }

    private static int show(
            final MBeanServerConnection server,
            final long pid,
            final boolean json,
            final PrintStream out,
            final PrintStream err)
            throws IOException, JMException {
        final Set<ObjectName> names = JavaProcess.beans(server, new ObjectName(Names.LIBRARY + ":type=Coverage,*"));
        if (names.isEmpty()) {
            err.println("process " + pid + " has opened no file by the switch or the agent, or does not show it"
                    + " (-Dio.writethrough.jmx=false)");
            return Main.FAILED;
        }
        for (final ObjectName name : names) {
            final String settings = (String) server.getAttribute(name, "Settings");
            final long opens = (Long) server.getAttribute(name, "CarriedOpens");
            final Map<String, String> files = filesOf((TabularData) server.getAttribute(name, "Files"));
            out.print(json ? jsonOf(pid, settings, opens, files) : textOf(pid, settings, opens, files));
        }
        return Main.DONE;
    }

    private static Map<String, String> filesOf(final TabularData table) {
        final Map<String, String> files = new TreeMap<>();
        for (final Object row : table.values()) {
            files.put((String) ((CompositeData) row).get("key"), (String) ((CompositeData) row).get("value"));
        }
        return files;
    }

    private static String textOf(
            final long pid, final String settings, final long opens, final Map<String, String> files) {
        final StringBuilder text = new StringBuilder(
                "process " + pid + ", " + settings + ", " + opens + (opens == 1 ? " open" : " opens") + " carried\n");
        final int width = files.keySet().stream().mapToInt(String::length).max().orElse(0);
        files.forEach((file, what) -> text.append(file)
                .append(" ".repeat(width - file.length() + 2))
                .append(what)
                .append('\n'));
        return text.toString();
    }

    private static String jsonOf(
            final long pid, final String settings, final long opens, final Map<String, String> files) {
        final List<String> members = new ArrayList<>();
        files.forEach((file, what) -> members.add(ProbeReport.quoted(file) + ":" + ProbeReport.quoted(what)));
        return "{\"pid\":" + pid + ",\"settings\":" + ProbeReport.quoted(settings) + ",\"carriedOpens\":" + opens
                + ",\"files\":{" + String.join(",", members) + "}}\n";
    }
}
