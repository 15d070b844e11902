// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The counters that the kernel keeps of one disk (Documentation/block/stat.rst): every process's I/O counts, so a
 * machine that does nothing else measures best.
 */
public final class DeviceStat {
    /** What the kernel counts bytes in, whatever the disk's own sectors are. */
    private static final int SECTOR = 512;

    private final Path stat;
    private final String name;

    private DeviceStat(Path stat, String name) {
        this.stat = stat;
        this.name = name;
    }

    /**
     * The disk under a directory: of a partition, the whole disk. Empty for a file system without one device (btrfs,
     * tmpfs, overlay, network).
     */
    public static Optional<DeviceStat> under(Path directory) throws IOException {
        long device = (Long) Files.getAttribute(directory, "unix:dev");
        Path block = Path.of("/sys/dev/block", major(device) + ":" + minor(device));
        if (!Files.exists(block)) {
            return Optional.empty();
        }
        Path real = block.toRealPath();
        Path disk = Files.exists(real.resolve("partition")) ? real.getParent() : real;
        return Optional.of(
                new DeviceStat(disk.resolve("stat"), disk.getFileName().toString()));
    }

    private static long major(long device) {
        return ((device >>> 8) & 0xfff) | ((device >>> 32) & ~0xfffL);
    }

    private static long minor(long device) {
        return (device & 0xff) | ((device >>> 12) & ~0xffL);
    }

    /** As in /sys/block. */
    public String name() {
        return name;
    }

    /** The counters now. */
    public Counters read() throws IOException {
        String[] fields = Files.readString(stat).trim().split("\\s+");
        long flushes = fields.length > 15 ? Long.parseLong(fields[15]) : 0;
        return new Counters(
                Long.parseLong(fields[0]),
                Long.parseLong(fields[2]) * SECTOR,
                Long.parseLong(fields[4]),
                Long.parseLong(fields[6]) * SECTOR,
                flushes);
    }

    /**
     * Counters since the machine started, or in a stretch of time.
     *
     * @param reads read commands completed
     * @param readBytes by them
     * @param writes write commands completed
     * @param writtenBytes by them
     * @param flushes flush commands completed
     */
    public record Counters(long reads, long readBytes, long writes, long writtenBytes, long flushes) {
        /** What happened from then until this. */
        public Counters since(Counters then) {
            return new Counters(
                    reads - then.reads,
                    readBytes - then.readBytes,
                    writes - then.writes,
                    writtenBytes - then.writtenBytes,
                    flushes - then.flushes);
        }
    }
}
