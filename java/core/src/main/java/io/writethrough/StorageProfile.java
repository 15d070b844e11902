// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.Failures;
import io.writethrough.internal.jni.CApi;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a file system and the device under it promise, as the kernel tells it, and what the library makes of that. All
 * sizes and alignments are bytes. An instance is a snapshot and never changes.
 *
 * @since 0.1
 */
public final class StorageProfile {
    private final CApi.Profile profile;
    private final @Nullable Backend backend;

    /** @param backend {@code null} if no engine is involved */
    StorageProfile(final CApi.Profile profile, final @Nullable Backend backend) {
        this.profile = profile;
        this.backend = backend;
    }

    /**
     * The profile that a file would get: the file at the path, or a file that is created in the directory at the
     * path. Changes nothing, and opens nothing for writing.
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
        return new StorageProfile(Failures.profileOf(WriteThroughFileSystem.unwrap(path)), null);
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
         * Through the kernel's page cache, with {@code RWF_DSYNC}. Either this file system has no direct I/O, or this
         * file could not be opened twice (it was created without permission to write, for example), or the file is
         * mapped for writing, or the engine has {@link Backend#KERNEL}. The guarantees are the same. The costs are the
         * kernel's.
         */
        BUFFERED
    }

    /**
     * What is known of a property of a device.
     *
     * @since 0.1
     */
    public enum Promise {
        /** The device does not have the property. */
        NO,
        /** The device has the property. */
        YES,
        /** The kernel does not tell: for a file system without one device of its own, for example. */
        UNKNOWN
    }

    /**
     * The way that writes take here.
     *
     * @return {@link WritePath#DIRECT} wherever the file system has direct I/O
     */
    public WritePath writePath() {
        return profile.isDirect() ? WritePath.DIRECT : WritePath.BUFFERED;
    }

    /**
     * The backend that carries the I/O.
     *
     * @return that of the file's engine; empty if this is not the profile of an open file
     */
    public Optional<Backend> backend() {
        return Optional.ofNullable(backend);
    }

    /**
     * The unit of direct I/O here. A write of whole blocks, at a multiple of the block, reads nothing first.
     *
     * @return a power of two, at most 4096, and no less than any alignment below
     */
    public int blockBytes() {
        return profile.block_bytes;
    }

    /**
     * The alignment of memory for direct I/O. The library sees to it: no caller's buffer has to be aligned.
     *
     * @return 0 if the kernel does not tell (before 6.1)
     */
    public int dioMemoryAlignment() {
        return profile.dio_memory_alignment;
    }

    /**
     * The alignment of offsets and lengths for direct I/O. The library sees to it: no caller's offset or length has
     * to be aligned.
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
     * Whether a durable write is one command on the device (FUA). If it is not, a flush of the device's cache follows
     * each durable write, if the device has a cache.
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
     * The length of the shortest {@link WriteFlag#ATOMIC} write, of which a crash leaves all or nothing. At least a
     * block, and a power of two.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteMinBytes() {
        return profile.atomic_write_min_bytes;
    }

    /**
     * The length of the longest {@link WriteFlag#ATOMIC} write, of which a crash leaves all or nothing. An engine
     * with a small cache takes less at once.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteMaxBytes() {
        return profile.atomic_write_max_bytes;
    }

    /**
     * The length of the longest atomic write that the device itself does. The file system does longer ones: it writes
     * the blocks elsewhere and then switches over, which costs a commit of its journal each. Where the device does
     * none, this is the same as {@link #atomicWriteMaxBytes()}.
     *
     * @return 0 if there is no such promise
     */
    public int atomicWriteOptimalBytes() {
        return profile.atomic_write_optimal_bytes;
    }

    /**
     * The count of pieces of memory in which the kernel takes an atomic write. The library hands over one piece,
     * whatever memory the caller has.
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
        return profile.fileSystemType();
    }

    /**
     * The device; for a partition its disk.
     *
     * @return its name in {@code /sys/block}; empty for a file system without one device of its own
     */
    public String deviceName() {
        return profile.deviceName();
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
        backend().ifPresent(by -> text.append(" by ").append(by.name().toLowerCase(Locale.ROOT)));
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
}
