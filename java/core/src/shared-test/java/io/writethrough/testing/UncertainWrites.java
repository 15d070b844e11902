// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Pairs of writes to the same sectors of which a log of dm-log-writes does not tell what was last. It logs a write with FUA when
 * that has ended, and one without when the next flush has. So a page that was written just before a direct write with FUA to the
 * same place stands behind that write in the log, and would be on top of it in a replay: what xfs has zeroed behind the end of a
 * file, or a page whose writeback began before a force wrote it again. (A page of D written to the page cache, then one of C by
 * DIRECT and DSYNC to its place: the file has C, the log C and then D.) Each pair has its own order, so that the disk may be in
 * any of the states that {@link #choose} makes.
 */
final class UncertainWrites {
    static final int SECTOR = 512;
    /** So many pairs, the newest, are tried in each order. */
    private static final int MOST = 6;

    /* Writes with FUA by sector: since the last flush, and since the flush before. */
    private Map<Long, byte[]> stable = new HashMap<>();
    private Map<Long, byte[]> stableBefore = new HashMap<>();
    /* The sectors of a write of the log that may have been below others, with the bytes of these. The newest is the last. */
    private final List<Map<Long, byte[]>> pairs = new ArrayList<>();
    private int chosen;
    private int sectors;

    /** Takes an entry that changes the disk, or that flushes. */
    void note(final WriteLog.Entry entry) {
        if (entry.changesDisk()) {
            noteChange(entry);
        }
        if (entry.isFlush()) {
            stableBefore = stable;
            stable = new HashMap<>();
        }
    }

    private void noteChange(final WriteLog.Entry entry) {
        final Map<Long, byte[]> below = new TreeMap<>();
        for (long at = 0; at < entry.length(); at += SECTOR) {
            final long sector = entry.offset() + at;
            pairs.forEach(pair -> pair.remove(sector));
            if (entry.isDiscard()) {
                continue;
            }
            if (entry.isStable()) {
                stable.put(sector, Arrays.copyOfRange(entry.bytes(), (int) at, (int) at + SECTOR));
                continue;
            }
            final byte[] before = stable.getOrDefault(sector, stableBefore.get(sector));
            if (before != null) {
                sectors++;
                below.put(sector, before);
            }
        }
        pairs.add(below);
        pairs.removeIf(Map::isEmpty);
    }

    /** How many sectors there were so far. */
    int sectors() {
        return sectors;
    }

    /** In how many states the disk may be. */
    int choices() {
        return 1 << Math.min(pairs.size(), MOST);
    }

    /** Makes the disk what it is in one of these states; 0 is that of the log. */
    void choose(final FileChannel disk, final int choice) throws IOException {
        final int newest = Math.min(pairs.size(), MOST);
        for (int i = 0; i < newest; i++) {
            if ((choice >> i & 1) != (chosen >> i & 1)) {
                exchange(disk, pairs.get(pairs.size() - 1 - i));
            }
        }
        chosen = choice;
    }

    private static void exchange(final FileChannel disk, final Map<Long, byte[]> pair) throws IOException {
        for (final Map.Entry<Long, byte[]> write : pair.entrySet()) {
            final ByteBuffer top = ByteBuffer.allocate(SECTOR);
            disk.read(top, write.getKey());
            disk.write(ByteBuffer.wrap(write.getValue()), write.getKey());
            write.setValue(top.array());
        }
    }

    /** The state that was chosen is that of the disk. */
    void settle() {
        pairs.clear();
        chosen = 0;
    }
}
