// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import static io.writethrough.WriteThroughException.NONE;

import io.writethrough.WriteThroughException;
import io.writethrough.internal.jni.CApi;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.NativePaths;
import io.writethrough.internal.load.NativeLibraries;
import io.writethrough.internal.portable.PortableIo;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Decides which exception an errno is: those of java.nio.file for what they name, WriteThroughException for the rest. */
public final class Failures {
    /* To write here may be to rewrite the block that the file ends in. */
    private static final String NOT_PERMITTED =
            "Operation not permitted. If the file has the attribute append-only or immutable (lsattr tells), it cannot be"
                    + " written through: take the attribute off (chattr -a or -i). A FileChannel of the JDK can append to an"
                    + " append-only file";

    private static final String HELD_HERE =
            "Another engine of this process has the file open: open it through that engine, or close it there.";

    private Failures() {}

    /** The exception of an errno, with the advice that there is for it. */
    public static WriteThroughException failure(
            final String operation,
            final String path,
            final long offset,
            final long length,
            final int errno,
            final long stableBytes) {
        return failure(operation, path, offset, length, errno, stableBytes, Errno.advice(errno));
    }

    private static WriteThroughException failure(
            final String operation,
            final String path,
            final long offset,
            final long length,
            final int errno,
            final long stableBytes,
            final String advice) {
        return new WriteThroughException(
                operation, path, offset, length, errno, Errno.name(errno), stableBytes, advice);
    }

    /** Of bytes that cannot be pinned, since as much is pinned as may be. */
    static IOException ofPinLimit(final Path path, final long position, final int length) {
        return failure(
                "pin",
                path.toString(),
                position,
                length,
                Errno.ENOBUFS,
                0,
                "A quarter of the engine's cache is pinned by native code, which is the most. Close pinned bytes that are not needed any more"
                        + " (EngineStats.pinnedBytes counts them), make the cache larger, or call pinOrCopy.");
    }

    /** Of an operation that takes a path. */
    public static IOException ofPath(final String operation, final Path path, final boolean noFollow, final int errno) {
        final String file = path.toString();
        return switch (errno) {
            case Errno.ENOENT -> new NoSuchFileException(file);
            case Errno.EEXIST -> new FileAlreadyExistsException(file);
            case Errno.EACCES -> new AccessDeniedException(file);
            case Errno.EPERM -> new AccessDeniedException(file, null, NOT_PERMITTED);
            case Errno.EISDIR -> new FileSystemException(file, null, "Is a directory");
            case Errno.ENOTDIR -> new FileSystemException(file, null, "A parent is not a directory");
            case Errno.ENAMETOOLONG -> new FileSystemException(file, null, "File name too long");
            case Errno.ELOOP ->
                noFollow
                        ? new FileSystemException(file, null, "Is a symbolic link (NOFOLLOW_LINKS was given)")
                        : new FileSystemLoopException(file);
            default -> failure(operation, file, NONE, NONE, errno, 0);
        };
    }

    /** Of giving a file another name. Names both, since either may be what is wrong. */
    public static IOException ofRename(final Path path, final Path target, final int errno) {
        final String from = path.toString();
        final String to = target.toString();
        return switch (errno) {
            case Errno.EEXIST -> new FileAlreadyExistsException(to);
            case Errno.ENOENT ->
                new NoSuchFileException(from, to, "One of the two, or a directory above it, is missing");
            case Errno.EACCES -> new AccessDeniedException(from, to, Errno.advice(errno));
            case Errno.EPERM -> new AccessDeniedException(from, to, NOT_PERMITTED);
            case Errno.EISDIR -> new FileSystemException(from, to, "The new name is that of a directory");
            case Errno.ENOTDIR -> new FileSystemException(from, to, "A parent is not a directory");
            case Errno.ENAMETOOLONG -> new FileSystemException(from, to, "File name too long");
            default -> failure("rename to " + to, from, NONE, NONE, errno, 0);
        };
    }

    /** Of opening a file that another engine or process holds. */
    public static IOException ofHeldFile(final Path path, final Path beneath) {
        return failure("open", path.toString(), NONE, NONE, Errno.EBUSY, 0, adviceOnHolder(beneath));
    }

    private static String adviceOnHolder(final Path beneath) {
        final CApi.Holder holder = new CApi.Holder();
        if (CApi.wt_file_holder(NativePaths.bytesOf(beneath), holder) < 0) {
            return Errno.advice(Errno.EBUSY);
        }
        return holder.own != 0 ? HELD_HERE : heldBy(holder.pid, holder.commandName(), "flock(2) on it");
    }

    private static String heldBy(final long pid, final String command, final String lock) {
        return "The process " + pid + (command.isEmpty() ? "" : " (" + command + ")")
                + " has the file open and holds " + lock + ". To write, the lock must be nobody else's, not even a"
                + " reader's (flock -s). Close the file there, or end that process.";
    }

    /** Of opening a file on a portable engine that another engine or process holds. */
    public static IOException ofFileHeldFromPortable(final Path path, final Path beneath) {
        final Long pid = PortableIo.holder(beneath);
        final String advice;
        if (pid == null) {
            advice = Errno.advice(Errno.EBUSY);
        } else if (pid == ProcessHandle.current().pid()) {
            advice = HELD_HERE;
        } else {
            advice = heldBy(pid, PortableIo.commandOf(pid), "flock(2) on it, or the lock of a portable engine");
        }
        return failure("open", path.toString(), NONE, NONE, Errno.EBUSY, 0, advice);
    }

    /** Of what a portable engine does not have. */
    static IOException ofPortable(
            final String operation, final Path path, final long offset, final long length, final String lacking) {
        return failure(
                operation,
                path.toString(),
                offset,
                length,
                Errno.EOPNOTSUPP,
                0,
                "The portable engine (Backend.JDK) has " + lacking
                        + ". Open the file on an engine of the native library: WriteThroughEngine.unavailabilityCause() tells why"
                        + " there is none, if none was to be had.");
    }

    /** Of opening a file with EOPNOTSUPP on an engine that polls for completions: most likely its device cannot be polled. */
    public static IOException ofUnpolled(final Path path) {
        final boolean present = Files.exists(path);
        final Path parent = path.toAbsolutePath().getParent();
        final Path known = present ? path : parent;
        if (known == null || present && !Files.isRegularFile(path)) {
            return ofPath("open", path, false, Errno.EOPNOTSUPP);
        }
        try {
            final String reason = whyUnpolled(profileOf(known));
            return failure(
                    "open",
                    path.toString(),
                    NONE,
                    NONE,
                    Errno.EOPNOTSUPP,
                    0,
                    "The engine was opened with completionPolling, and " + reason
                            + ", or open an engine without completionPolling.");
        } catch (final IOException e) {
            return ofPath("open", path, false, Errno.EOPNOTSUPP);
        }
    }

    /** Of opening a file for writing with EOPNOTSUPP on an engine whose backend is the kernel's own write-through. */
    public static IOException ofNotWrittenThrough(final Path path) {
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            return ofPath("open", path, false, Errno.EOPNOTSUPP);
        }
        return failure(
                "open",
                path.toString(),
                NONE,
                NONE,
                Errno.EOPNOTSUPP,
                0,
                "The engine has the backend KERNEL, and this kernel did not prove, on a nameless file in that directory, that"
                        + " it writes its page cache through (RWF_WRITETHROUGH; a patched kernel does, on xfs). Open an engine"
                        + " with the backend AUTO.");
    }

    /** What the file at a path, or one made in the directory there, would get. */
    public static CApi.Profile profileOf(final Path path) throws IOException {
        final CApi.Profile profile = new CApi.Profile();
        try {
            NativeLibraries.load();
        } catch (final UnsatisfiedLinkError e) {
            return portableProfileOf(path, profile);
        }
        final int result = CApi.wt_probe(NativePaths.bytesOf(path), profile);
        if (result < 0) {
            throw ofPath("probe", path, false, -result);
        }
        return profile;
    }

    private static CApi.Profile portableProfileOf(final Path path, final CApi.Profile profile) throws IOException {
        if (!Files.exists(path)) {
            throw ofPath("probe", path, false, Errno.ENOENT);
        }
        PortableIo.profile(path, profile);
        return profile;
    }

    private static String whyUnpolled(final CApi.Profile profile) {
        if (!profile.isDirect()) {
            return profile.fileSystemType() + " has no direct I/O here. Put the file on another file system";
        }
        final String device = profile.deviceName();
        if (device.isEmpty()) {
            return profile.fileSystemType() + " does not tell which device it is on. Use ext4 or xfs on a device with"
                    + " polled queues";
        }
        return "the device " + device + " has no polled queues (/sys/block/" + device + "/queue/io_poll is not 1), or "
                + profile.fileSystemType()
                + " does not use them. Use a device that has (NVMe: nvme.poll_queues=N on the"
                + " kernel's command line)";
    }

    /** Of an operation on an open file. */
    static IOException ofFile(
            final String operation,
            final Path path,
            final long offset,
            final long length,
            final int errno,
            final long stableBytes) {
        if (errno == Errno.EBADF) {
            return new ClosedChannelException();
        }
        final String advice = errno == Errno.EPERM ? NOT_PERMITTED + "." : Errno.advice(errno);
        return failure(operation, path.toString(), offset, length, errno, stableBytes, advice);
    }

    /** Of an atomic write. Its profile is that of the file. */
    static IOException ofAtomicWrite(
            final String operation,
            final Path path,
            final long offset,
            final long length,
            final int errno,
            final long stableBytes,
            final CApi.Profile profile) {
        final String advice = switch (errno) {
            case Errno.EOPNOTSUPP -> noAtomicWrites(profile);
            case Errno.EINVAL -> wrongAtomicWrite(offset, length, profile);
            case Errno.EMSGSIZE ->
                "The file takes atomic writes of up to " + profile.atomic_write_max_bytes + " bytes, but the engine"
                        + " no more at once than 4 MiB, 2048 blocks of the file (of " + profile.block_bytes
                        + " bytes) and a quarter of its cache. Give it more (cacheBytes, inFlightBytes), or write less.";
            default -> null;
        };
        if (advice == null) {
            return ofFile(operation, path, offset, length, errno, stableBytes);
        }
        return failure(operation, path.toString(), offset, length, errno, stableBytes, advice);
    }

    private static String noAtomicWrites(final CApi.Profile profile) {
        if (profile.atomic_write_max_bytes > 0) {
            return "The file is mapped for writing, and its I/O goes through the kernel's page cache, which has no atomic"
                    + " writes. Write without ATOMIC until the last such mapping is garbage, or do not map the file so.";
        }
        final String device = profile.deviceName();
        return "There are no atomic writes here, on " + profile.fileSystemType()
                + (device.isEmpty() ? "" : " on " + device)
                + " and with this kernel. xfs has them on any device (Linux 6.16, made with reflink=1), ext4 where the"
                + " device has (Linux 6.13). Put the file there, or write without ATOMIC and keep a second copy of what must"
                + " not be torn.";
    }

    private static String wrongAtomicWrite(final long offset, final long length, final CApi.Profile profile) {
        final int min = profile.atomic_write_min_bytes;
        final int max = profile.atomic_write_max_bytes;
        final String rule = "The length of an atomic write to this file is a power of two from " + min + " to " + max
                + " bytes, and where it goes is a multiple of that";
        if (Long.bitCount(length) != 1 || length < min || length > max || offset != NONE && offset % length != 0) {
            return rule + ". Divide it, or write without ATOMIC.";
        }
        return rule + ", but the file ends "
                + (offset == NONE ? "elsewhere" : "in the middle of this one, or within a block beside it")
                + ". Bring its size to a multiple of the length first, by allocate or truncate.";
    }

    /** Of an operation on an engine. */
    public static IOException ofEngine(final String operation, final int errno) {
        return failure(operation, "", NONE, NONE, errno, 0);
    }

    /** Of an operation on an engine, with what to do about it. */
    public static IOException ofEngine(final String operation, final int errno, final String advice) {
        return failure(operation, "", NONE, NONE, errno, 0, advice);
    }
}
