package io.writethrough;

import io.writethrough.internal.ControlPlane;
import io.writethrough.internal.NativeLibraries;
import io.writethrough.internal.NativePaths;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.util.Optional;

/**
 * What a file system and the device under it promise, as the kernel tells it, and what the library makes of that. All sizes
 * and alignments are bytes. An instance is a snapshot and never changes.
 *
 * @since 0.1
 */
public final class StorageProfile {
    private final ControlPlane.Profile profile;
    private final Backend backend;

    /** @param backend {@code null} if no engine is involved */
    StorageProfile(final ControlPlane.Profile profile, final Backend backend) {
        this.profile = profile;
        this.backend = backend;
    }

    /**
     * What a file would get: the one at the path, or one created in the directory at the path. Changes nothing, and opens
     * nothing for writing.
     *
     * @param path a path of the default file system
     * @return the profile, without a {@link #backend()}
     * @throws NoSuchFileException if there is nothing at the path
     * @throws AccessDeniedException if permissions do not allow it
     * @throws WriteThroughException for what else the system refuses
     * @throws ProviderMismatchException if the path is not of the default file system
     * @throws UnsatisfiedLinkError if the native library cannot be loaded, or there is none for this platform
     */
    public static StorageProfile of(final Path path) throws IOException {
        NativeLibraries.load();
        final ControlPlane.Profile profile = new ControlPlane.Profile();
        final int result = ControlPlane.wt_probe(NativePaths.bytesOf(WriteThroughFileSystem.unwrap(path)), profile);
        if (result < 0) {
            throw Failures.ofPath("probe", path, false, -result);
        }
        return new StorageProfile(profile, null);
    }

    /**
     * The way that writes take.
     *
     * @since 0.1
     */
    public enum WritePath {
        /** Through the engine's cache, and at once to the device as direct I/O. */
        DIRECT,
        /**
         * Through the kernel's page cache, with {@code RWF_DSYNC}: this file system has no direct I/O, or this file could not
         * be opened twice (it was created without permission to write, for example). The guarantees are the same, the costs
         * are the kernel's.
         */
        BUFFERED
    }

    /**
     * What is known of a property of a device.
     *
     * @since 0.1
     */
    public enum Promise {
        /** The device has it not. */
        NO,
        /** The device has it. */
        YES,
        /** The kernel does not tell: of a file system without one device of its own, for example. */
        UNKNOWN
    }

    /**
     * The way that writes take here.
     *
     * @return {@link WritePath#DIRECT} wherever the file system has direct I/O
     */
    public WritePath writePath() {
        return profile.path == 1 ? WritePath.DIRECT : WritePath.BUFFERED;
    }

    /**
     * What carries the I/O.
     *
     * @return that of the file's engine; empty if this is not the profile of an open file
     */
    public Optional<Backend> backend() {
        return Optional.ofNullable(backend);
    }

    /**
     * The unit of direct I/O here: a write of whole blocks, at a multiple of it, reads nothing first.
     *
     * @return a power of two, at most 4096, and no less than any alignment below
     */
    public int blockBytes() {
        return profile.block_bytes;
    }

    /**
     * How memory must be aligned for direct I/O. The library sees to it: no caller's buffer must be.
     *
     * @return 0 if the kernel does not tell (before 6.1)
     */
    public int dioMemoryAlignment() {
        return profile.dio_memory_alignment;
    }

    /**
     * How offsets and lengths must be aligned for direct I/O. The library sees to it: no caller's must be.
     *
     * @return 0 if the kernel does not tell (before 6.1)
     */
    public int dioOffsetAlignment() {
        return profile.dio_offset_alignment;
    }

    /**
     * The logical block of the device: the least that can be addressed.
     *
     * @return 0 if unknown
     */
    public int logicalBlockBytes() {
        return profile.logical_block_bytes;
    }

    /**
     * The physical block of the device: the least that it writes without reading first.
     *
     * @return 0 if unknown
     */
    public int physicalBlockBytes() {
        return profile.physical_block_bytes;
    }

    /**
     * The block of the file system: the least that it allocates.
     *
     * @return its size
     */
    public int fileSystemBlockBytes() {
        return profile.fs_block_bytes;
    }

    /**
     * Whether the device takes a durable write as one command (FUA). Where it does not, each durable write is followed by a
     * flush of the device's cache, if it has one.
     *
     * @return what is known
     */
    public Promise fua() {
        return promise(profile.fua);
    }

    /**
     * Whether the device has a cache that a power cut empties.
     *
     * @return what is known
     */
    public Promise volatileCache() {
        return promise(profile.volatile_cache);
    }

    /**
     * The least that can be written so that a crash leaves all or nothing of it: the shortest {@link WriteFlag#ATOMIC} write. It
     * is a block at least, and a power of two.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteMinBytes() {
        return profile.atomic_write_min_bytes;
    }

    /**
     * The most that can be written so that a crash leaves all or nothing of it: the longest {@link WriteFlag#ATOMIC} write. An
     * engine with a small cache takes less at once.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteMaxBytes() {
        return profile.atomic_write_max_bytes;
    }

    /**
     * How much the device itself writes so. The file system does what is longer, by writing it elsewhere and then switching over,
     * which costs a commit of its journal each. Where the device does none this is the same as {@link #atomicWriteMaxBytes()}.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteOptimalBytes() {
        return profile.atomic_write_optimal_bytes;
    }

    /**
     * In how many pieces of memory the kernel takes such a write. The library hands it one, whatever memory the caller has.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteMaxSegments() {
        return profile.atomic_write_max_segments;
    }

    /**
     * The type of the file system.
     *
     * @return such as {@code "ext4"} or {@code "xfs"}; its magic number in hexadecimal if the name is not known
     */
    public String fileSystemType() {
        return text(profile.fs_type);
    }

    /**
     * The device: the disk, if it is a partition.
     *
     * @return its name in {@code /sys/block}; empty for a file system without one device of its own
     */
    public String deviceName() {
        return text(profile.device_name);
    }

    /**
     * The number of the device that the file system is on, as stat(2) gives it.
     *
     * @return major and minor number, such as {@code "259:0"}
     */
    public String deviceNumber() {
        return Integer.toUnsignedString(profile.device_major) + ":" + Integer.toUnsignedString(profile.device_minor);
    }

    /** One line for people to read: {@code ext4 on vda (254:0): direct writes in blocks of 512 bytes by io_uring, FUA no, ...}. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(fileSystemType());
        if (!deviceName().isEmpty()) {
            text.append(" on ").append(deviceName());
        }
        text.append(" (").append(deviceNumber()).append("): ");
        text.append(writePath() == WritePath.DIRECT ? "direct" : "buffered");
        text.append(" writes in blocks of ").append(blockBytes()).append(" bytes");
        backend().ifPresent(by -> text.append(" by ").append(by == Backend.IO_URING ? "io_uring" : "threads"));
        text.append(", FUA ").append(word(fua()));
        text.append(", volatile cache ").append(word(volatileCache()));
        text.append(", atomic writes ");
        if (atomicWriteMaxBytes() == 0) {
            text.append("none");
        } else {
            text.append(atomicWriteMinBytes())
                    .append(" to ")
                    .append(atomicWriteMaxBytes())
                    .append(" bytes");
        }
        return text.toString();
    }

    private static String word(final Promise promise) {
        return switch (promise) {
            case NO -> "no";
            case YES -> "yes";
            case UNKNOWN -> "unknown";
        };
    }

    private static Promise promise(final int code) {
        return switch (code) {
            case 0 -> Promise.NO;
            case 1 -> Promise.YES;
            default -> Promise.UNKNOWN;
        };
    }

    private static String text(final byte[] bytes) {
        int length = 0;
        while (length < bytes.length && bytes[length] != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
}
