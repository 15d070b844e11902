// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.testing;

import com.sun.jna.NativeLong;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Replays what a program did to a disk, and cuts the power at each flush, each write with FUA and each mark: {@code LOG IMAGE
 * ORIGIN STORE TYPE DIRECTORY LEAST}. LOG is the log of dm-log-writes, IMAGE a file of zeros that becomes the disk, ORIGIN and
 * STORE are loop devices on it and on room for a snapshot. Each time the file system, of TYPE, is mounted at DIRECTORY from a
 * snapshot, so that its recovery does not touch the image, and a ledger of the program checks its files. There have to be LEAST
 * acknowledgements.
 *
 * <p>Where the log does not tell what was last ({@link UncertainWrites}), a state of the disk is bad only if it is so in each
 * order of those writes.
 *
 * <p>The disk is the same at all points between two of its changes, and the last of them has the most acknowledgements: what
 * holds there holds at the others. So it is mounted once for all of them.
 */
public final class PowerCutReplay {
    /** A mark of this text is made once the file system is mounted; what was before is not checked. */
    private static final String BEGIN = "begin";

    /** What a program has told, and so what its files must have. */
    public interface Ledger {
        /** Takes what the program told; false if the program never says this. */
        boolean acknowledge(String told);

        /** How many acknowledgements there were. */
        int count();

        /** Throws AssertionError if the files in the directory are not as they must be. */
        void check(Path directory) throws IOException;
    }

    private static final NativeLong MS_RDONLY = new NativeLong(1);

    private final DeviceMapper mapper = new DeviceMapper();
    private final Ledger ledger;
    private final FileChannel image;
    private final String snapshot;
    private final String type;
    private final String directory;
    private final UncertainWrites uncertain = new UncertainWrites();
    private boolean begun;
    private boolean unchecked;
    private int entries;
    private int points;
    private int mounts;
    private int settled; // times

    private PowerCutReplay(
            final Ledger ledger,
            final FileChannel image,
            final String snapshot,
            final String type,
            final String directory) {
        this.ledger = ledger;
        this.image = image;
        this.snapshot = snapshot;
        this.type = type;
        this.directory = directory;
    }

    /** Replays, tells how it went, and ends the process with 1 if something is not as the ledger says. */
    public static void run(final String name, final Ledger ledger, final String... arguments) throws IOException {
        final int least = Integer.parseInt(arguments[6]);
        try (WriteLog log = new WriteLog(Path.of(arguments[0]));
                FileChannel image = FileChannel.open(Path.of(arguments[1]), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            final String snapshot = arguments[2] + " " + arguments[3] + " N 8";
            new PowerCutReplay(ledger, image, snapshot, arguments[4], arguments[5]).run(log);
            if (ledger.count() < least) {
                throw new AssertionError("only " + ledger.count() + " acknowledgements");
            }
            System.out.println("ok " + name);
        } catch (final AssertionError e) {
            System.out.println("FAIL " + name + ": " + e.getMessage());
            System.exit(1);
        }
    }

    private void run(final WriteLog log) throws IOException {
        for (WriteLog.Entry entry = log.next(); entry != null; entry = log.next()) {
            if (entry.changesDisk()) {
                checkIfNeeded();
                apply(entry);
            }
            uncertain.note(entry);
            entries++;
            if (entry.isMark()) {
                take(entry.text());
            }
            if (begun && (entry.isMark() || entry.isStable())) {
                points++;
                unchecked = true;
            }
        }
        checkIfNeeded();
        System.out.println(type + ": " + entries + " entries in the log, " + ledger.count() + " acknowledgements, "
                + points + " power cuts at " + mounts + " states of the disk; "
                + uncertain.sectors() + " sectors of which the log does not tell what was last, which mattered " + settled
                + " times");
    }

    private void take(final String mark) {
        begun |= mark.equals(BEGIN);
        if (begun
                && !mark.equals(BEGIN)
                && !mark.startsWith("dm-log-writes")
                && !ledger.acknowledge(mark.replace(',', ' '))) {
            throw new AssertionError("a mark of nobody: " + mark);
        }
    }

    private void apply(final WriteLog.Entry entry) throws IOException {
        final ByteBuffer bytes =
                entry.isDiscard() ? ByteBuffer.allocate((int) entry.length()) : ByteBuffer.wrap(entry.bytes());
        while (bytes.hasRemaining()) {
            image.write(bytes, entry.offset() + bytes.position());
        }
    }

    private void checkIfNeeded() throws IOException {
        if (!unchecked) {
            return;
        }
        unchecked = false;
        try {
            check();
        } catch (final AssertionError e) {
            checkOtherOrders(e);
        }
    }

    private void checkOtherOrders(final AssertionError ofLog) throws IOException {
        for (int choice = 1; choice < uncertain.choices(); choice++) {
            uncertain.choose(image, choice);
            try {
                check();
            } catch (final AssertionError e) {
                System.out.println("in the order " + choice + ": " + e.getMessage());
                continue;
            }
            System.out.println("bad in the order of the log alone: " + ofLog.getMessage());
            uncertain.settle();
            settled++;
            return;
        }
        throw ofLog;
    }

    private void check() throws IOException {
        mounts++;
        final String device = mapper.create("cut", image.size() / UncertainWrites.SECTOR, "snapshot", snapshot);
        DeviceMapper.C.LIBRARY.mount(device, directory, type, MS_RDONLY, null);
        try {
            ledger.check(Path.of(directory));
        } catch (final AssertionError e) {
            throw new AssertionError(
                    "after entry " + entries + ", " + ledger.count() + " acknowledgements: " + e.getMessage(), e);
        } finally {
            DeviceMapper.C.LIBRARY.umount(directory);
            mapper.remove("cut");
        }
    }
}
