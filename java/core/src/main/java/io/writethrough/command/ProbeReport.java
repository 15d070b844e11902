// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.command;

import io.writethrough.StorageProfile;
import io.writethrough.internal.file.Failures;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativePaths;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a {@link StorageProfile} and the extents of a file mean for writes there: for people, as JSON, and with advice. */
public final class ProbeReport {
    /* How a force of a WriteThroughMapping finds what has changed. */
    private static final String WATCHED = "watched by the kernel";
    private static final String COMPARED = "compared with the file";

    private final Path path;
    private final StorageProfile profile;
    private final Optional<CApi.Extents> extents;

    ProbeReport(final Path path, final StorageProfile profile, final Optional<CApi.Extents> extents) {
        this.path = path;
        this.profile = profile;
        this.extents = extents;
    }

    public static ProbeReport of(final Path path) throws IOException {
        return new ProbeReport(path, StorageProfile.of(path), extentsOf(path));
    }

    /* Empty for a directory, and where the file system does not tell. */
    private static Optional<CApi.Extents> extentsOf(final Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return Optional.empty();
        }
        final CApi.Extents extents = new CApi.Extents();
        final int result = CApi.wt_probe_extents(NativePaths.bytesOf(path), extents);
        if (result == -Errno.EOPNOTSUPP) {
            return Optional.empty();
        }
        if (result < 0) {
            throw Failures.ofPath("probe", path, false, -result);
        }
        return Optional.of(extents);
    }

    /** What to do about it, the most costly first; empty where a durable overwrite is one command already. */
    List<String> advice() {
        final List<String> advice = new ArrayList<>();
        adviseOnDevice(advice);
        adviseOnFileSystem(advice);
        extents.ifPresent(of -> adviseOnExtents(of, advice));
        if (!isMemoryWatched()) {
            advice.add(
                    "The kernel does not tell which pages of durable memory have changed (before Linux 6.7, or userfaultfd is"
                            + " refused): each force of a WriteThroughMapping compares its range with the file. Force ranges, not all.");
        }
        return advice;
    }

    private static boolean isMemoryWatched() {
        return CApi.wt_memory_is_watched() == 1;
    }

    private void adviseOnDevice(final List<String> advice) {
        final String device = profile.deviceName();
        if (device.startsWith("zram") || device.startsWith("ram")) {
            advice.add("The device is memory: nothing survives a power cut.");
        }
        if (device.startsWith("loop")) {
            advice.add("The device is a file: what is durable here depends on the file system that the file is on.");
        }
        if (profile.volatileCache() == StorageProfile.Promise.YES && profile.fua() == StorageProfile.Promise.NO) {
            advice.add(
                    "The device has a volatile cache and no FUA: each durable write is a write and a flush, in place of"
                            + " one command. Many writes in flight share flushes.");
        }
    }

    private void adviseOnFileSystem(final List<String> advice) {
        if (profile.writePath() == StorageProfile.WritePath.BUFFERED) {
            advice.add(
                    "This file system has no direct I/O: writes go through the kernel's page cache, and a read is a system"
                            + " call. ext4 and xfs have direct I/O.");
        }
        switch (profile.fileSystemType()) {
            case "tmpfs", "ramfs" -> advice.add("The file system is memory: nothing survives a restart.");
            case "btrfs", "zfs", "bcachefs" ->
                advice.add(
                        "This file system copies on write: an overwrite writes metadata too, every time. On btrfs a file"
                                + " made in a directory with 'chattr +C' is overwritten in place.");
            default -> {}
        }
    }

    private void adviseOnExtents(final CApi.Extents of, final List<String> advice) {
        final long late = of.unwritten_bytes + of.hole_bytes;
        if (late > 0) {
            advice.add(
                    "%d of %d bytes are unwritten extents or holes: each write there costs a commit of the journal (2 more writes and a flush on ext4, 1 and a flush on xfs) until 'allocate' has zeroed them."
                            .formatted(late, of.size_bytes));
        }
        if (of.shared_bytes > 0) {
            advice.add(
                    "%d of %d bytes are shared with other files: the first write to each block moves it, at the cost of a commit of the journal."
                            .formatted(of.shared_bytes, of.size_bytes));
        }
        final long tail = of.size_bytes % profile.blockBytes();
        if (tail != 0 && profile.writePath() == StorageProfile.WritePath.DIRECT) {
            advice.add(
                    "The last %d bytes are a part of a block: a write there is a write and a flush. 'allocate' to a multiple of %d bytes makes it one command."
                            .formatted(tail, profile.blockBytes()));
        }
    }

    /** Lines for people. */
    public String text() {
        final StringBuilder text = new StringBuilder();
        text.append(path).append('\n');
        values().forEach((name, value) ->
                text.append("  %-28s %s%n".formatted(name.replace('_', ' '), value == null ? "unknown" : value)));
        for (final String line : advice()) {
            text.append("  * ").append(line).append('\n');
        }
        return text.toString();
    }

    /** One JSON object on one line. What is not known is null. */
    public String json() {
        final StringBuilder json = new StringBuilder("{\"path\":").append(quoted(path.toString()));
        values().forEach((name, value) -> json.append(',')
                .append(quoted(name))
                .append(':')
                .append(value instanceof String text ? quoted(text) : value));
        json.append(",\"advice\":[");
        json.append(String.join(",", advice().stream().map(ProbeReport::quoted).toList()));
        return json.append("]}\n").toString();
    }

    private Map<String, Object> values() {
        final Map<String, Object> values = new LinkedHashMap<>();
        values.put("file_system", profile.fileSystemType());
        values.put("device", profile.deviceName().isEmpty() ? null : profile.deviceName());
        values.put("device_number", profile.deviceNumber());
        values.put("writes", profile.writePath() == StorageProfile.WritePath.DIRECT ? "direct" : "buffered");
        values.put("block_bytes", profile.blockBytes());
        values.put("file_system_block_bytes", profile.fileSystemBlockBytes());
        values.put("logical_block_bytes", known(profile.logicalBlockBytes()));
        values.put("physical_block_bytes", known(profile.physicalBlockBytes()));
        values.put("dio_memory_alignment", known(profile.dioMemoryAlignment()));
        values.put("dio_offset_alignment", known(profile.dioOffsetAlignment()));
        values.put("fua", known(profile.fua()));
        values.put("volatile_cache", known(profile.volatileCache()));
        values.put("atomic_write_min_bytes", profile.atomicWriteMinBytes());
        values.put("atomic_write_max_bytes", profile.atomicWriteMaxBytes());
        values.put("atomic_write_optimal_bytes", profile.atomicWriteOptimalBytes());
        values.put("durable_memory", isMemoryWatched() ? WATCHED : COMPARED);
        extents.ifPresent(of -> {
            values.put("size_bytes", of.size_bytes);
            values.put("written_bytes", of.written_bytes);
            values.put("unwritten_bytes", of.unwritten_bytes);
            values.put("hole_bytes", of.hole_bytes);
            values.put("shared_bytes", of.shared_bytes);
            values.put("extents", of.extents);
        });
        return values;
    }

    private static @Nullable Object known(final int bytes) {
        return bytes == 0 ? null : bytes;
    }

    private static @Nullable Object known(final StorageProfile.Promise promise) {
        return switch (promise) {
            case NO -> false;
            case YES -> true;
            case UNKNOWN -> null;
        };
    }

    static String quoted(final String text) {
        final StringBuilder quoted = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (c < ' ') {
                quoted.append("\\u%04x".formatted(c));
            } else {
                quoted.append((char) c);
            }
        });
        return quoted.append('"').toString();
    }
}
