// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A directory in memory that remembers each step of each change. {@link #after} tells what a power cut between two steps may
 * leave: of a write that is under way each sector is old or new, and each change of a name has happened or has not.
 *
 * <p>Asynchronous writes end when the log waits, when many are under way, or when a test says so, in an order drawn from a seed.
 * All is done by one thread, so that a seed is always the same run.
 */
final class SimulatedDisk implements LogFiles {
    static final int SECTOR = 512;
    private static final int MOST_UNDER_WAY = 12;

    /** One change: a write, or a change of names if it has no bytes. */
    private record Change(
            int number,
            int inode,
            long offset,
            byte[] bytes,
            @Nullable String from,
            @Nullable String to) {}

    private enum What {
        BEGINS,
        ENDS,
        /** Each sector of the change stays old or new. */
        FAILS
    }

    /** A step of a change, or something that the test tells (then the change is null). */
    private record Step(
            @Nullable Change change, What what, @Nullable Runnable told) {}

    private record UnderWay(Change change, LogFile.Ended ended) {}

    private final Random random;
    private final Map<String, Integer> names = new TreeMap<>();
    private final Map<Integer, byte[]> contents = new HashMap<>();
    private final List<Step> steps = new ArrayList<>();
    private final List<UnderWay> underWay = new ArrayList<>();
    private Map<String, byte[]> initial = Map.of();
    private int inodes;
    private int changes;

    /** From here on a write fails with this chance, in thousandths. */
    int failuresPerThousand;

    /** How it fails. */
    Supplier<IOException> failure = () -> new IOException("EIO");

    /** Whether other writes end, and their callers are told, while a synchronous one is under way. */
    boolean endsWithinWrites = true;

    /** The only thread that ends writes of others; null: every thread that waits does. */
    @Nullable
    Thread driver;

    /** So many bytes may all files have together. */
    long room = Long.MAX_VALUE;

    /** Synchronous writes fail behind so many. */
    int failBehindWrites = Integer.MAX_VALUE;

    /** So many more files can be opened: the next one behind them cannot. */
    int failBehindOpens = Integer.MAX_VALUE;

    /** So many more closes succeed: the next one behind them throws, and the file is closed all the same. */
    int failBehindCloses = Integer.MAX_VALUE;

    private int openFiles;

    /** The next synchronous write throws it. */
    @Nullable
    Error error;

    /** The next deletion throws it. */
    @Nullable
    Error errorOfDelete;

    /** The next change of a name throws an error before the change is durable, as a kill would end it. */
    boolean killsRename;

    /** Runs before each change of a name. */
    Runnable beforeRename = () -> {};

    /** Runs once, behind the next read. */
    @Nullable
    Runnable afterRead;

    SimulatedDisk(final long seed) {
        this.random = new Random(seed);
    }

    /** A disk with these files. */
    SimulatedDisk(final long seed, final Map<String, byte[]> files) {
        this(seed);
        initial = files;
        files.forEach((name, bytes) -> {
            names.put(name, ++inodes);
            contents.put(inodes, bytes.clone());
        });
    }

    /** How many files are open. */
    int openFiles() {
        return openFiles;
    }

    int steps() {
        return steps.size();
    }

    /** The test was told something, which a later power cut must not take back. */
    void tell(final Runnable told) {
        steps.add(new Step(null, What.ENDS, told));
    }

    /** The files after a power cut behind so many steps. Runs what was told before the cut. */
    Map<String, byte[]> after(final int count, final Random chance) {
        final SimulatedDisk disk = new SimulatedDisk(0, initial);
        final Map<Integer, Change> open = new TreeMap<>();
        for (final Step step : steps.subList(0, count)) {
            if (step.told != null) {
                step.told.run();
            } else if (step.change != null && step.what == What.BEGINS) {
                open.put(step.change.number, step.change);
            } else if (step.change != null) {
                open.remove(step.change.number);
                disk.apply(step.change, step.what == What.ENDS ? null : chance, 50);
            }
        }
        final int how = chance.nextInt(4); // nothing of what is under way, all of it, or a part
        for (final Change change : open.values()) {
            if (how > 0) {
                disk.apply(change, how == 1 ? null : chance, how == 2 ? 50 : 5 + chance.nextInt(90));
            }
        }
        final Map<String, byte[]> files = new TreeMap<>();
        disk.names.forEach((name, inode) -> files.put(name, disk.contents.get(inode)));
        return files;
    }

    /* Of each sector the new bytes, if chance says so. */
    private void apply(final Change change, final @Nullable Random chance, final int percent) {
        if (change.bytes.length == 0) {
            if (chance == null || chance.nextInt(100) < percent) {
                rename(change);
            }
            return;
        }
        final long end = change.offset + change.bytes.length;
        for (long at = change.offset; at < end; ) {
            final long sectorEnd = Math.min(end, (at / SECTOR + 1) * SECTOR);
            if (chance == null || chance.nextInt(100) < percent) {
                put(change, at, sectorEnd);
            }
            at = sectorEnd;
        }
    }

    private void put(final Change change, final long from, final long to) {
        byte[] bytes = contents.getOrDefault(change.inode, new byte[0]);
        if (bytes.length < to) {
            bytes = java.util.Arrays.copyOf(bytes, (int) to);
        }
        System.arraycopy(change.bytes, (int) (from - change.offset), bytes, (int) from, (int) (to - from));
        contents.put(change.inode, bytes);
    }

    private void rename(final Change change) {
        if (change.from != null) {
            names.remove(change.from, change.inode); // not another file that has got the name meanwhile
        }
        if (change.to != null) {
            names.put(change.to, change.inode);
            contents.putIfAbsent(change.inode, new byte[0]);
        }
    }

    private Change begin(
            final int inode,
            final long offset,
            final byte[] bytes,
            final @Nullable String from,
            final @Nullable String to) {
        final Change change = new Change(changes++, inode, offset, bytes, from, to);
        steps.add(new Step(change, What.BEGINS, null));
        return change;
    }

    private void end(final Change change) {
        steps.add(new Step(change, What.ENDS, null));
    }

    private boolean fails() {
        return failuresPerThousand > 0 && random.nextInt(1000) < failuresPerThousand;
    }

    /** Ends one of the writes that are under way. */
    @Override
    public boolean progress() {
        if (underWay.isEmpty() || driver != null && driver != Thread.currentThread()) {
            return false;
        }
        final UnderWay write = underWay.remove(random.nextInt(underWay.size()));
        if (fails()) {
            steps.add(new Step(write.change, What.FAILS, null));
            write.ended.ended(failure.get());
        } else {
            end(write.change);
            write.ended.ended(null);
        }
        return true;
    }

    void endAll() {
        while (progress()) {
            // one after the other
        }
    }

    @Override
    public List<String> list() {
        return new ArrayList<>(names.keySet());
    }

    @Override
    public LogFile open(final String name, final boolean create) throws IOException {
        if (failBehindOpens-- == 0) {
            throw new IOException("EMFILE");
        }
        final Integer known = names.get(name);
        if (known == null && !create) {
            throw new java.nio.file.NoSuchFileException(name);
        }
        if (known != null) {
            return new File(name, known);
        }
        final int inode = ++inodes;
        final Change change = begin(inode, 0, new byte[0], null, name);
        rename(change);
        end(change);
        return new File(name, inode);
    }

    @Override
    public void delete(final String name) {
        final Error thrown = errorOfDelete;
        if (thrown != null) {
            errorOfDelete = null;
            throw thrown;
        }
        final Integer inode = names.get(name);
        if (inode != null) {
            final Change change = begin(inode, 0, new byte[0], name, null);
            rename(change); // nobody waits until that is durable: so it does not end
        }
    }

    /** All that is under way happens, also in files that are not named here. */
    @Override
    public void sync(final List<String> names) {
        final Map<Integer, Change> open = new TreeMap<>();
        for (final Step step : steps) {
            if (step.change != null && step.what == What.BEGINS) {
                open.put(step.change.number, step.change);
            } else if (step.change != null) {
                open.remove(step.change.number);
            }
        }
        open.values().forEach(this::end);
    }

    @Override
    public void close() {
        endAll();
    }

    @Override
    public String toString() {
        return "simulated";
    }

    private final class File implements LogFile {
        private final int inode;
        private String name;
        private boolean open = true;

        File(final String name, final int inode) {
            this.name = name;
            this.inode = inode;
            openFiles++;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long size() {
            return contents.get(inode).length;
        }

        @Override
        public int read(final ByteBuffer destination, final long offset) throws IOException {
            final byte[] bytes = contents.get(inode);
            if (bytes == null) {
                throw new FileNotFoundException(name);
            }
            final int count = (int) Math.max(0, Math.min(destination.remaining(), bytes.length - offset));
            destination.put(bytes, count == 0 ? 0 : (int) offset, count);
            final Runnable task = afterRead;
            if (task != null) {
                afterRead = null;
                task.run();
            }
            return count;
        }

        private byte[] bytesOf(final ByteBuffer source) {
            final byte[] bytes = new byte[source.remaining()];
            source.get(bytes);
            return bytes;
        }

        private void requireRoom(final long end) throws IOException {
            long used = Math.max(0, end - size());
            for (final int other : names.values()) {
                used += contents.get(other).length;
            }
            if (used > room) {
                throw new IOException("ENOSPC");
            }
        }

        @Override
        public void write(final ByteBuffer source, final long offset) throws IOException {
            final Error thrown = error;
            if (thrown != null) {
                error = null;
                throw thrown;
            }
            if (failBehindWrites-- <= 0) {
                throw failure.get();
            }
            final byte[] bytes = bytesOf(source);
            requireRoom(offset + bytes.length);
            final Change change = begin(inode, offset, bytes, null, null);
            put(change, offset, offset + bytes.length);
            if (endsWithinWrites && random.nextInt(3) == 0) {
                progress();
            }
            if (fails()) {
                steps.add(new Step(change, What.FAILS, null));
                throw failure.get();
            }
            end(change);
        }

        @Override
        public void write(final ByteBuffer[] sources, final long offset) throws IOException {
            write(joined(sources), offset);
        }

        private ByteBuffer joined(final ByteBuffer[] sources) {
            int length = 0;
            for (final ByteBuffer source : sources) {
                length += source.remaining();
            }
            final ByteBuffer all = ByteBuffer.allocate(length);
            for (final ByteBuffer source : sources) {
                all.put(source);
            }
            return all.flip();
        }

        @Override
        public void writeAsync(final ByteBuffer[] sources, final long offset, final Ended ended) {
            final byte[] bytes = bytesOf(joined(sources));
            final Change change = begin(inode, offset, bytes, null, null);
            put(change, offset, offset + bytes.length);
            underWay.add(new UnderWay(change, ended));
            while (underWay.size() > MOST_UNDER_WAY) {
                progress();
            }
        }

        @Override
        public void zero(final long from, final long to) throws IOException {
            if (to > from) {
                write(ByteBuffer.allocate((int) (to - from)), from);
            }
        }

        @Override
        public void renameTo(final String newName) {
            beforeRename.run();
            final Change change = begin(inode, 0, new byte[0], name, newName);
            rename(change);
            name = newName;
            if (killsRename) {
                killsRename = false;
                throw new AssertionError("killed");
            }
            end(change);
        }

        @Override
        public void close() throws IOException {
            if (open) {
                open = false;
                openFiles--;
                if (failBehindCloses-- == 0) {
                    throw new IOException("EIO");
                }
            }
        }
    }
}
