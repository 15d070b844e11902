// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The errno values that something is said or done about. Their numbers are those of Linux on x86-64 and aarch64. */
public final class Errno {
    public static final int EPERM = 1;
    public static final int ENOENT = 2;
    public static final int EINTR = 4;
    public static final int EIO = 5;
    public static final int ENXIO = 6;
    public static final int EBADF = 9;
    public static final int EAGAIN = 11;
    public static final int ENOMEM = 12;
    public static final int EACCES = 13;
    public static final int EFAULT = 14;
    public static final int EBUSY = 16;
    public static final int EEXIST = 17;
    public static final int EXDEV = 18;
    public static final int ENODEV = 19;
    public static final int ENOTDIR = 20;
    public static final int EISDIR = 21;
    public static final int EINVAL = 22;
    public static final int ENFILE = 23;
    public static final int EMFILE = 24;
    public static final int ETXTBSY = 26;
    public static final int EFBIG = 27;
    public static final int ENOSPC = 28;
    public static final int EROFS = 30;
    public static final int EDEADLK = 35;
    public static final int ENAMETOOLONG = 36;
    public static final int ENOLCK = 37;
    public static final int ENOSYS = 38;
    public static final int ELOOP = 40;
    public static final int ENODATA = 61;
    public static final int EMSGSIZE = 90;
    public static final int EOPNOTSUPP = 95;
    public static final int ENOBUFS = 105;
    public static final int ESHUTDOWN = 108;
    public static final int ESTALE = 116;
    public static final int EDQUOT = 122;
    public static final int EREMOTEIO = 121;
    public static final int ECANCELED = 125;

    private static final Map<Integer, String> KNOWN = Map.ofEntries(
            Map.entry(EPERM, "EPERM"),
            Map.entry(ENOENT, "ENOENT"),
            Map.entry(EINTR, "EINTR"),
            Map.entry(EIO, "EIO"),
            Map.entry(ENXIO, "ENXIO"),
            Map.entry(EBADF, "EBADF"),
            Map.entry(EAGAIN, "EAGAIN"),
            Map.entry(ENOMEM, "ENOMEM"),
            Map.entry(EACCES, "EACCES"),
            Map.entry(EFAULT, "EFAULT"),
            Map.entry(EBUSY, "EBUSY"),
            Map.entry(EEXIST, "EEXIST"),
            Map.entry(EXDEV, "EXDEV"),
            Map.entry(ENODEV, "ENODEV"),
            Map.entry(ENOTDIR, "ENOTDIR"),
            Map.entry(EISDIR, "EISDIR"),
            Map.entry(EINVAL, "EINVAL"),
            Map.entry(ENFILE, "ENFILE"),
            Map.entry(EMFILE, "EMFILE"),
            Map.entry(ETXTBSY, "ETXTBSY"),
            Map.entry(EFBIG, "EFBIG"),
            Map.entry(ENOSPC, "ENOSPC"),
            Map.entry(EROFS, "EROFS"),
            Map.entry(EDEADLK, "EDEADLK"),
            Map.entry(ENAMETOOLONG, "ENAMETOOLONG"),
            Map.entry(ENOLCK, "ENOLCK"),
            Map.entry(ENOSYS, "ENOSYS"),
            Map.entry(ELOOP, "ELOOP"),
            Map.entry(EMSGSIZE, "EMSGSIZE"),
            Map.entry(EOPNOTSUPP, "EOPNOTSUPP"),
            Map.entry(ENOBUFS, "ENOBUFS"),
            Map.entry(ESHUTDOWN, "ESHUTDOWN"),
            Map.entry(ESTALE, "ESTALE"),
            Map.entry(EDQUOT, "EDQUOT"),
            Map.entry(EREMOTEIO, "EREMOTEIO"),
            Map.entry(ECANCELED, "ECANCELED"));

    private Errno() {}

    /** "ENOSPC" for 28; "errno 4000" for a number without a name. */
    public static String name(final int errno) {
        final String known = KNOWN.get(errno);
        final String name = known != null ? known : nameOfLibrary(errno);
        return name != null ? name : "errno " + errno;
    }

    private static @Nullable String nameOfLibrary(final int errno) {
        try {
            return CApi.wt_errno_name(errno);
        } catch (final UnsatisfiedLinkError e) {
            return null; // It is not loaded.
        }
    }

    /** What happened and what to do about it: a sentence or two. */
    public static String advice(final int errno) {
        return switch (errno) {
            case EPERM ->
                "The kernel does not permit it to this process. If io_uring was asked for by name, ask for AUTO"
                        + " or THREADS, or allow it (kernel.io_uring_disabled, the container's seccomp profile).";
            case EACCES ->
                "This process may not do it: look at the mode and the owner of the file and of each directory above it.";
            case EINTR, ECANCELED ->
                "It was interrupted each time that it was tried, by signals or by the end of a thread. Try again.";
            case EINVAL ->
                "The kernel takes no such request for this file. The command probe tells what the file system and the device"
                        + " take: see the README.";
            case EIO, EREMOTEIO, ENXIO, ENODEV ->
                "The device failed. What it refused is not in the cache either: a read shows what the device has."
                        + " Look at the kernel log before writing again.";
            case EAGAIN ->
                "It would have had to wait, and NOWAIT was given. Nothing was changed: try again, or without NOWAIT.";
            case EMSGSIZE ->
                "It is too long to be written at once, so it cannot be NOWAIT. Write less, or without NOWAIT.";
            case EDEADLK ->
                "This thread is the event loop whose ring has I/O of the engine, and would have to wait for that. Nothing was"
                        + " changed: write and read asynchronously here, with NOWAIT, or call from another thread.";
            case EFAULT ->
                "The memory of the buffer is gone: it is a mapped file that was cut short, or its arena was closed while the"
                        + " operation was under way. Bring a buffer whose memory stays.";
            case ENOMEM ->
                "The memory is not to be had. Ask for a smaller cache (cacheBytes), or give the process more.";
            case EBUSY ->
                "Another engine or process has the file open and holds flock(2) on it: one that writes excludes all"
                        + " others. Close it there, or open the file through the same engine. While the program has mapped a part of it"
                        + " (WriteThroughFile.map), that part is changed by the mapping alone: close the mapping first.";
            case EMFILE ->
                "The process has as many open files as it may. Close some, or raise RLIMIT_NOFILE (ulimit -n).";
            case ENFILE -> "The system has as many open files as it may. Close some, or raise fs.file-max.";
            case ETXTBSY ->
                "The file is a program that is running, or swap space. End that use of it, or write another file and rename"
                        + " that over this one.";
            case EXDEV -> "A rename stays on one file system. Copy the file to the other one, and delete it here.";
            case ENOLCK ->
                "The file system has no lock for the file (flock), which each open file needs. Look at the lock service of"
                        + " a network file system, or put the file on another one.";
            case ENOBUFS ->
                "A million asynchronous operations have begun whose ends nobody has taken yet. Nothing was changed: wait for"
                        + " some of their futures, then go on.";
            case ESHUTDOWN -> "The engine is being closed. Open another one.";
            case EFBIG ->
                "The file would be larger than its file system or RLIMIT_FSIZE (ulimit -f) allows. What was"
                        + " acknowledged before is intact.";
            case ENOSPC ->
                "The file system is full. Free space or enlarge it, then write again: what was acknowledged before"
                        + " is intact.";
            case EDQUOT ->
                "The quota of the file's owner is used up. Free space or raise the quota, then write again: what"
                        + " was acknowledged before is intact.";
            case ESTALE ->
                "Another program has cut the file short while it was open here, or (with KEEP_NAME) taken its last name: what"
                        + " was cached of it counts no more. Close it wherever it is open in this process, and open it again.";
            case EROFS -> "The file system is mounted read-only. Remount it, or open the file with READ alone.";
            case ENOSYS -> "This kernel does not have it. If io_uring was asked for by name, ask for AUTO or THREADS.";
            case EOPNOTSUPP ->
                "The file or its file system does not have it. Only a regular file can be written through: not a FIFO,"
                        + " a socket or a device, nor a file of /proc, /sys and the like, which has no bytes of its own.";
            default ->
                "The library knows no more of it: errno(3) tells what it means, and the kernel log may tell why.";
        };
    }
}
