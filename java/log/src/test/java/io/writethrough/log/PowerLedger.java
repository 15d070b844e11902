// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import io.writethrough.testing.PowerCutReplay;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/** What a {@link PowerWriter} has told, and so what its log has after a power cut. */
final class PowerLedger implements PowerCutReplay.Ledger {
    private final NavigableMap<Long, String> acknowledged = new TreeMap<>();
    private final Set<String> gone = new HashSet<>();
    private boolean ready;
    private int count;

    /* Where the log begins, and where it may begin; behind which record it may be cut off. */
    private long trimmed;
    private long trims;
    private long cuts = Long.MAX_VALUE;

    /** The arguments of {@link PowerCutReplay}. */
    public static void main(final String[] arguments) throws IOException {
        PowerCutReplay.run(
                "every_record_of_a_log_on_" + arguments[4] + "_survives_a_power_cut_at_every_point",
                new PowerLedger(),
                arguments);
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public boolean acknowledge(final String told) {
        final String[] words = told.split(" ");
        switch (words[0]) {
            case "ready" -> {
                ready = true;
                trimmed = Long.parseLong(words[1]);
                trims = trimmed;
            }
            case "has" -> {
                count++;
                acknowledged.put(Long.parseLong(words[1]), words[2] + " " + words[3]);
            }
            case "trims" -> trims = Long.parseLong(words[1]);
            case "trimmed" -> {
                trimmed = trims;
                acknowledged.headMap(trimmed, false).clear();
            }
            case "cuts" -> cuts = Long.parseLong(words[1]);
            case "cut" -> {
                final Map<Long, String> cut = acknowledged.tailMap(cuts, false);
                gone.addAll(cut.values());
                cut.clear();
                cuts = Long.MAX_VALUE;
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    @Override
    public void check(final Path directory) throws IOException {
        try (DurableLog log = DurableLog.openReadOnly(directory.resolve("log"))) {
            final long start = log.start();
            require(!ready || start == trims || start == trimmed, "the log begins at LSN " + start);
            checkAcknowledged(start, read(log));
        } catch (final IOException e) {
            require(!ready, "the log cannot be read: " + e);
        }
    }

    private Map<Long, String> read(final DurableLog log) throws IOException {
        final Map<Long, String> found = new HashMap<>();
        final Map<String, Integer> newest = new HashMap<>();
        try (LogReader reader = log.reader(log.start())) {
            while (reader.next()) {
                final String text = LogOnDisk.textOf(reader.record());
                final String[] words = text.split(" ");
                final int number = Integer.parseInt(words[1]);
                final String name = words[0] + " " + number;
                require(text.equals(PowerWriter.text(words[0], number)), "another text of record " + name);
                require(!gone.contains(name), "record " + name + ", which was cut off, has come back");
                final Integer before = newest.put(words[0], number);
                require(before == null || number > before, "record " + name + " behind " + before);
                found.put(reader.lsn(), name);
                if (words[0].equals(PowerWriter.BATCHES)) {
                    require(reader.next() && text.equals(LogOnDisk.textOf(reader.record())), "half a batch of " + name);
                }
            }
        }
        return found;
    }

    /* What is about to be cut off is there as a whole or not at all. */
    private void checkAcknowledged(final long start, final Map<Long, String> found) {
        int cut = 0;
        int cutThere = 0;
        for (final Map.Entry<Long, String> record :
                acknowledged.tailMap(start, true).entrySet()) {
            final boolean there = record.getValue().equals(found.get(record.getKey()));
            if (record.getKey() > cuts) {
                cut++;
                cutThere += there ? 1 : 0;
            } else {
                require(there, "record " + record.getValue() + " at LSN " + record.getKey() + " is lost");
            }
        }
        require(cutThere == 0 || cutThere == cut, "of " + cut + " records that are cut off " + cutThere + " are there");
    }

    private static void require(final boolean holds, final String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
