// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.CrashPlan.Kind;
import io.writethrough.CrashPlan.Op;
import io.writethrough.CrashPlan.Task;
import io.writethrough.testing.PowerCutReplay;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a {@link CrashWriter} has acknowledged, and so what its files may hold after its end: all of that, besides it perhaps
 * the operations that it may have been at, and nothing else.
 */
final class CrashLedger implements PowerCutReplay.Ledger {
    private static final int SECTOR = 512;

    private CrashPlan plan;
    private boolean ready;
    private final Map<Task, BitSet> acknowledged = new EnumMap<>(Task.class);

    private final Map<CrashPlan.File, Pages> pages = new EnumMap<>(CrashPlan.File.class);
    private byte[] sizes = {};
    private final Map<CrashPlan.File, Log> logs = new EnumMap<>(CrashPlan.File.class);

    /** A file that is written in place. */
    private static final class Pages {
        final byte[] bytes;
        final int[] newest; // of each unit: the number of its operation, and 1

        Pages(final int length) {
            bytes = new byte[length];
            newest = new int[length];
        }
    }

    /** A file that is appended to: what was in it before, and the appends since by where they are. */
    private static final class Log {
        byte[] before = {};
        final TreeMap<Long, byte[]> appends = new TreeMap<>();

        long end() {
            final Map.Entry<Long, byte[]> last = appends.lastEntry();
            return last == null ? before.length : last.getKey() + last.getValue().length;
        }
    }

    /** {@code CrashLedger SEED} and the arguments of {@link PowerCutReplay}. */
    public static void main(final String[] arguments) throws IOException {
        final CrashLedger ledger = new CrashLedger();
        ledger.begin(Long.parseLong(arguments[0]));
        PowerCutReplay.run(
                "every_acknowledgement_on_" + arguments[5] + "_survives_a_power_cut_at_every_point_of_the_log",
                ledger,
                Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    CrashLedger() {
        logs.put(CrashPlan.File.log, new Log());
        logs.put(CrashPlan.File.ahead, new Log());
        for (final CrashPlan.File file : List.of(CrashPlan.File.pages, CrashPlan.File.mapped)) {
            pages.put(file, new Pages(file.bytes));
        }
    }

    /** The files as they are now are where a new writer begins. */
    void begin(final long seed) {
        plan = new CrashPlan(seed);
        ready = false;
        pages.values().forEach(file -> Arrays.fill(file.newest, 0));
        for (final Task task : Task.values()) {
            acknowledged.put(task, new BitSet());
        }
    }

    @Override
    public int count() {
        return acknowledged.values().stream().mapToInt(BitSet::cardinality).sum();
    }

    /** Takes what the writer tells; false if it is nothing that a writer says. */
    @Override
    public boolean acknowledge(final String line) {
        if (line.equals(CrashWriter.READY)) {
            ready = true;
            return true;
        }
        if (line.equals(CrashWriter.DONE)) {
            return true;
        }
        if (!line.matches("\\d+ \\d+( \\d+)?")) {
            return false;
        }
        final String[] words = line.split(" ");
        final Op op = plan.op(Task.values()[Integer.parseInt(words[0])], Integer.parseInt(words[1]));
        acknowledged.get(op.task()).set(op.number());
        switch (op.task().file) {
            case pages, mapped -> apply(op);
            case log, ahead -> logs.get(op.task().file).appends.put(Long.parseLong(words[2]), plan.content(op));
            case sizes -> sizes = op.kind() == Kind.TRUNCATE ? Arrays.copyOf(sizes, op.length()) : plan.content(op);
        }
        return true;
    }

    /* Acknowledgements of one thread may come in another order than its operations. */
    private void apply(final Op op) {
        final byte[] content = plan.content(op);
        final CrashPlan.File file = op.task().file;
        final Pages there = pages.get(file);
        file.units(op.offset(), op.length())
                .filter(at -> there.newest[at] <= op.number())
                .forEach(at -> {
                    there.newest[at] = op.number() + 1;
                    System.arraycopy(content, at - op.offset(), there.bytes, at, file.unitAt(at));
                });
    }

    /** What the writer may have been at on a file. */
    private List<Op> begun(final CrashPlan.File file) {
        final List<Op> begun = new ArrayList<>();
        for (final Task task : Task.values()) {
            final BitSet done = acknowledged.get(task);
            final int end = done.cardinality() + task.inFlight;
            for (int number = done.nextClearBit(0);
                    task.file == file && number < end;
                    number = done.nextClearBit(number + 1)) {
                begun.add(plan.op(task, number));
            }
        }
        return begun;
    }

    /** Looks at the files of a writer that has ended. Throws AssertionError if they are not as they must be. */
    @Override
    public void check(final Path directory) throws IOException {
        for (final CrashPlan.File file : CrashPlan.File.values()) {
            final Path path = directory.resolve(file.name());
            if (!ready && !Files.exists(path)) {
                continue;
            }
            check(file, Files.readAllBytes(path));
        }
    }

    private void check(final CrashPlan.File file, final byte[] found) {
        switch (file) {
            case pages, mapped -> checkPages(file, found);
            case log -> checkLog(file, found, false);
            case ahead -> checkLog(file, found, true);
            case sizes -> checkSizes(found);
        }
    }

    private void checkPages(final CrashPlan.File file, final byte[] found) {
        final Pages there = pages.get(file);
        if (found.length > file.bytes || ready && found.length < file.bytes) {
            throw new AssertionError(file + " has " + found.length + " bytes");
        }
        final List<Op> begun = begun(file);
        for (int block = 0; block < found.length; block += CrashPlan.BLOCK) {
            final int bytes = Math.min(CrashPlan.BLOCK, found.length - block);
            if (!equal(found, block, there.bytes, block, bytes)) {
                file.units(block, bytes).forEach(at -> checkUnit(file, found, at, begun));
            }
        }
    }

    private void checkUnit(final CrashPlan.File file, final byte[] found, final int at, final List<Op> begun) {
        final Pages there = pages.get(file);
        final int length = Math.min(file.unitAt(at), found.length - at);
        if (!equal(found, at, there.bytes, at, length) && begun.stream().noneMatch(op -> left(op, found, at))) {
            throw new AssertionError(
                    file + " at " + at + ": " + heldBy(file, found, at, length) + ", and neither operation "
                            + (there.newest[at] - 1) + ", which was acknowledged last there, nor one of " + begun);
        }
    }

    /* Operations of all tasks that have ended, or begun. */
    private String heldBy(final CrashPlan.File file, final byte[] found, final int at, final int length) {
        if (zeros(found, at) >= length) {
            return "zeros";
        }
        for (final Task task : Task.values()) {
            final int end = acknowledged.get(task).length() + task.inFlight;
            for (int number = 0; task.file == file && number < end; number++) {
                final Op op = plan.op(task, number);
                if (op.offset() <= at
                        && at < op.offset() + op.length()
                        && equal(found, at, plan.content(op), at - op.offset(), length)) {
                    return task + " " + number;
                }
            }
        }
        return "what nobody wrote there, from " + Arrays.toString(Arrays.copyOfRange(found, at, at + 16));
    }

    /* The unit at this offset is as this operation leaves it, which came after what was acknowledged. */
    private boolean left(final Op op, final byte[] found, final int at) {
        final CrashPlan.File file = op.task().file;
        return op.number() >= pages.get(file).newest[at]
                && op.offset() <= at
                && at < op.offset() + op.length()
                && equal(found, at, plan.content(op), at - op.offset(), file.unitAt(at));
    }

    private void checkLog(final CrashPlan.File file, final byte[] found, final boolean grows) {
        final Log log = logs.get(file);
        final List<Op> begun = begun(file);
        if (found.length < log.end() || !equal(found, 0, log.before, 0, log.before.length)) {
            throw new AssertionError(file + " has " + found.length + " bytes, " + log.end() + " are acknowledged");
        }
        int at = log.before.length;
        while (at < log.end()) {
            final byte[] append = log.appends.get((long) at);
            final byte[] there = append != null ? append : recordAt(begun, found, at);
            if (there == null || !isAt(there, found, at)) {
                throw new AssertionError(file + " at " + at + ": "
                        + (append != null ? "an append of " + append.length + " bytes is lost" : "a gap") + ", up to "
                        + log.appends.ceilingKey(at + 1L) + "; " + zeros(found, at) + " zeros are there of "
                        + found.length + " bytes in the file, " + log.end() + " acknowledged; not one of " + begun);
            }
            at += there.length;
        }
        final long most = log.end() + begun.stream().mapToInt(Op::length).sum();
        if (grows) {
            checkGrowth(file, found, most);
        } else if (found.length > most) {
            throw new AssertionError(file + " has " + found.length + " bytes, at most " + most + " were written");
        }
    }

    private static int zeros(final byte[] found, final int from) {
        int at = from;
        while (at < found.length && found[at] == 0) {
            at++;
        }
        return at - from;
    }

    private static void checkGrowth(final CrashPlan.File file, final byte[] found, final long most) {
        for (int i = (int) Math.min(most, found.length); i < found.length; i++) {
            if (found[i] != 0) {
                throw new AssertionError(file + " at " + i + ": not zero, where nobody has written");
            }
        }
        if (found.length > most + CrashPlan.GROWTH) {
            throw new AssertionError(file + " has " + found.length + " bytes, and " + most + " written");
        }
    }

    /* An append whose acknowledgement did not come through, which others are behind. */
    private byte[] recordAt(final List<Op> begun, final byte[] found, final int at) {
        return begun.stream()
                .map(plan::content)
                .filter(content -> isAt(content, found, at))
                .findFirst()
                .orElse(null);
    }

    private static boolean isAt(final byte[] content, final byte[] found, final int at) {
        return at + content.length <= found.length && equal(found, at, content, 0, content.length);
    }

    private void checkSizes(final byte[] found) {
        final Op next = begun(CrashPlan.File.sizes).get(0);
        if (Arrays.equals(found, sizes)) {
            return;
        }
        if (next.kind() == Kind.TRUNCATE) {
            if (!isBetween(found, next.length())) {
                throw new AssertionError("sizes: " + found.length + " bytes, not the same as the " + sizes.length
                        + " acknowledged at " + Arrays.mismatch(found, sizes) + ", and not " + next);
            }
            return;
        }
        final byte[] written = plan.content(next);
        for (int at = 0; at < Math.max(found.length, sizes.length); at += SECTOR) {
            final int length = Math.min(SECTOR, found.length - at);
            if (found.length != sizes.length
                    || !equal(found, at, sizes, at, length) && !equal(found, at, written, at, length)) {
                throw new AssertionError("sizes at " + at + ": not as acknowledged, and not " + next);
            }
        }
    }

    /*
     * What a power cut may leave of a truncation. The file systems make zeros of what is behind the new end in its block, and
     * have these on the disk before the new size. xfs writes the zeros behind an old end up to the end of its block, with the
     * size that they need, before it makes the file as long as it should be.
     */
    private boolean isBetween(final byte[] found, final int size) {
        final int least = Math.min(size, sizes.length);
        if (found.length < least || found.length > Math.max(size, sizes.length) || !equal(found, 0, sizes, 0, least)) {
            return false;
        }
        final byte[] cut = Arrays.copyOf(sizes, found.length);
        if (found.length == sizes.length && size < found.length) {
            final int block = Math.min(found.length, size + CrashPlan.BLOCK - size % CrashPlan.BLOCK);
            if (!Arrays.equals(found, cut)) {
                Arrays.fill(cut, size, block, (byte) 0);
            }
        }
        return Arrays.equals(found, cut)
                && (size > sizes.length || found.length == size || found.length == sizes.length);
    }

    /** Takes the files as they are for what has to be there from now on. Where the logs end is where they are cut to. */
    void adopt(final Path directory) throws IOException {
        for (final Map.Entry<CrashPlan.File, Pages> file : pages.entrySet()) {
            final byte[] found =
                    Files.readAllBytes(directory.resolve(file.getKey().name()));
            System.arraycopy(found, 0, file.getValue().bytes, 0, found.length);
        }
        sizes = Files.readAllBytes(directory.resolve(CrashPlan.File.sizes.name()));
        for (final Map.Entry<CrashPlan.File, Log> log : logs.entrySet()) {
            final long end = log.getValue().end();
            final byte[] all = Files.readAllBytes(directory.resolve(log.getKey().name()));
            log.getValue().before = Arrays.copyOf(all, (int) end);
            log.getValue().appends.clear();
        }
    }

    long end(final CrashPlan.File log) {
        return logs.get(log).end();
    }

    private static boolean equal(
            final byte[] one, final int from, final byte[] other, final int otherFrom, final int length) {
        return Arrays.equals(one, from, from + length, other, otherFrom, otherFrom + length);
    }
}
