// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import io.writethrough.WriteThroughCoverageMXBean;
import io.writethrough.internal.Names;
import io.writethrough.internal.stats.EngineRegistration;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.lang.ref.WeakReference;
import java.nio.channels.Channel;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * What the switch of the JVM carries, and what passes by: told by a line of the log at the first file, by another a minute later
 * or at the end of the process, and by a bean.
 */
public final class Coverage implements WriteThroughCoverageMXBean {
    private static final String CARRIED = "carried";
    private static final Set<String> STANDARD_STREAMS = Set.of("0", "1", "2");
    private static final int FILES_KEPT = 1000;
    private static final int FILES_NAMED = 5;
    private static final long SECONDS_TO_REPORT = Long.getLong(Names.LIBRARY + ".reportSeconds", 60);

    private static final boolean QUIET = "false".equals(System.getProperty(Names.LIBRARY + ".coverage"));

    /* The summary is told at the end in any case. */
    private static final boolean REPORT = !"false".equals(System.getProperty(Names.LIBRARY + ".report", "false"));

    private final FileSystem beneath;
    private final OpenRules rules;
    private final Predicate<Path> isWritten;

    /* Those that were opened by the engine, the one that was opened last at the end. Guarded by itself. */
    private final Map<Path, WeakReference<Channel>> opened = new LinkedHashMap<>(16, 0.75f, true);
    private long carriedOpens;
    private boolean started;
    private boolean reported;

    /** @param isWritten whether a file is open for writing on the engine */
    public Coverage(final FileSystem beneath, final OpenRules rules, final Predicate<Path> isWritten) {
        this.beneath = beneath;
        this.rules = rules;
        this.isWritten = isWritten;
    }

    // ---- what is opened ----

    /** The engine has opened a file. */
    void carried(final Path absolute, final Channel file) {
        final boolean first;
        synchronized (opened) {
            opened.put(absolute, new WeakReference<>(file));
            carriedOpens++;
            first = carriedOpens == 1;
            if (opened.size() > FILES_KEPT) {
                final Iterator<Path> oldest = opened.keySet().iterator();
                oldest.next();
                oldest.remove();
            }
        }
        if (first) {
            begin(absolute);
        }
    }

    /* By a thread: the logger, and the bean, may open files themselves. */
    private void begin(final Path first) {
        final Thread thread = new Thread(() -> run(first), "writethrough-coverage");
        thread.setDaemon(true);
        thread.start();
    }

    private void run(final Path first) {
        EngineRegistration.registerCoverage(this);
        if (QUIET) {
            return;
        }
        log(Level.INFO, "writethrough carries the files of " + rules + ". The first is " + first);
        try {
            TimeUnit.SECONDS.sleep(SECONDS_TO_REPORT);
        } catch (final InterruptedException e) {
            return; // Nobody does so but a program that ends.
        }
        synchronized (this) {
            if (!reported) {
                reported = !REPORT;
                final Map<String, String> passing = passing();
                log(passing.isEmpty() ? Level.INFO : Level.WARNING, summary(passing));
            }
        }
    }

    /** Somebody has opened a file, whoever is to open it: from now on the end of the process is told of what was carried. */
    void awaitEnd() {
        synchronized (opened) {
            if (started || QUIET) {
                return;
            }
            started = true;
        }
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(this::end, "writethrough-coverage"));
        } catch (final IllegalStateException e) {
            // The process ends already.
        }
    }

    /* The log may be closed by now: what has to be known goes to the standard error stream. */
    private synchronized void end() {
        final Map<String, String> passing = passing();
        final boolean wrong = getCarriedOpens() == 0 || !passing.isEmpty();
        if (!reported && (wrong || REPORT)) {
            System.err.println((wrong ? "WARNING: " : "INFO: ") + summary(passing));
        }
        reported = true;
    }

    private static void log(final Level level, final String message) {
        System.getLogger(Names.LIBRARY).log(level, message);
    }

    private String summary(final Map<String, String> passing) {
        final long count = getCarriedOpens();
        final StringBuilder text = new StringBuilder();
        if (count == 0) {
            text.append("writethrough has carried no file: none that was opened by java.nio is of ")
                    .append(rules);
        } else {
            text.append("writethrough has carried ").append(count).append(count == 1 ? " open" : " opens");
            text.append(" of files of ").append(rules);
        }
        if (!passing.isEmpty()) {
            text.append(". Past the library, and not durable by it: ");
            int named = 0;
            for (final Map.Entry<String, String> file : passing.entrySet()) {
                if (++named > FILES_NAMED) {
                    text.append(", and ").append(passing.size() - FILES_NAMED).append(" more");
                    break;
                }
                text.append(named > 1 ? ", " : "")
                        .append(file.getKey())
                        .append(" is ")
                        .append(file.getValue());
            }
            text.append(". The agent carries what java.io opens");
        }
        return text.toString();
    }

    // ---- the bean ----

    @Override
    public String getSettings() {
        return rules.toString();
    }

    @Override
    public long getCarriedOpens() {
        synchronized (opened) {
            return carriedOpens;
        }
    }

    @Override
    public Map<String, String> getFiles() {
        final Map<String, String> files = new TreeMap<>();
        synchronized (opened) {
            opened.forEach((path, reference) -> {
                final Channel file = reference.get();
                files.put(path.toString(), file != null && file.isOpen() ? CARRIED : CARRIED + ", and closed");
            });
        }
        files.putAll(passing());
        return files;
    }

    // ---- what passes by ----

    /* What this process has open for writing, or mapped for writing, of the files that are chosen. */
    private Map<String, String> passing() {
        final Map<String, String> passing = new TreeMap<>();
        addOpen(passing);
        addMapped(passing);
        return passing;
    }

    private void addOpen(final Map<String, String> passing) {
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(beneath.getPath("/proc/self/fd"))) {
            for (final Path descriptor : descriptors) {
                try {
                    final Path file = Files.readSymbolicLink(descriptor);
                    if (file.isAbsolute()
                            && !STANDARD_STREAMS.contains(
                                    descriptor.getFileName().toString())
                            && rules.isChosen(file)
                            && isForWriting(descriptor)
                            && Files.isRegularFile(file)
                            && !isWritten.test(file)) {
                        passing.put(file.toString(), "open for writing by java.io or native code");
                    }
                } catch (final IOException | RuntimeException e) {
                    // It was closed meanwhile, or is no path.
                }
            }
        } catch (final IOException e) {
            log(Level.DEBUG, "/proc/self/fd cannot be read: " + e);
        }
    }

    private boolean isForWriting(final Path descriptor) throws IOException {
        final Path information = beneath.getPath("/proc/self/fdinfo/" + descriptor.getFileName());
        for (final String line : Files.readAllLines(information)) {
            if (line.startsWith("flags:")) {
                return (Integer.parseInt(line.substring(line.length() - 1), 8) & 3) != 0; // O_ACCMODE
            }
        }
        return false;
    }

    /* Its mappings are then the engine's too. */
    private boolean isCarried(final Path file) {
        synchronized (opened) {
            return opened.containsKey(file) || isWritten.test(file);
        }
    }

    private void addMapped(final Map<String, String> passing) {
        try {
            for (final String line : Files.readAllLines(beneath.getPath("/proc/self/maps"))) {
                final int path = line.indexOf('/');
                if (path > 0 && line.contains(" rw-s ") && !line.endsWith(" (deleted)")) {
                    final Path file = beneath.getPath(line.substring(path));
                    if (rules.isChosen(file)
                            && !isCarried(file)
                            && !file.toString().contains("/hsperfdata_")) { // The JVM's own.
                        passing.put(file.toString(), "mapped for writing");
                    }
                }
            }
        } catch (final IOException | RuntimeException e) {
            log(Level.DEBUG, "/proc/self/maps cannot be read: " + e);
        }
    }
}
