// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.Names;
import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.NoSuchFileException;
import java.util.Map;

/**
 * The errno of what the JDK throws. It names some errors by classes; of the others it tells what the C library says of them, in
 * English unless the process has another locale. What is not known is {@code EIO}, and goes to the log as it is.
 */
final class IoErrors {
    private static final Map<String, Integer> SAID = Map.ofEntries(
            Map.entry("Input/output error", Errno.EIO),
            Map.entry("No space left on device", Errno.ENOSPC),
            Map.entry("There is not enough space on the disk", Errno.ENOSPC),
            Map.entry("Disk quota exceeded", Errno.EDQUOT),
            Map.entry("Disc quota exceeded", Errno.EDQUOT),
            Map.entry("File too large", Errno.EFBIG),
            Map.entry("Too many open files", Errno.EMFILE),
            Map.entry("Too many open files in system", Errno.ENFILE),
            Map.entry("Read-only file system", Errno.EROFS),
            Map.entry("Operation not permitted", Errno.EPERM),
            Map.entry("Permission denied", Errno.EACCES),
            Map.entry("Text file busy", Errno.ETXTBSY),
            Map.entry("Is a directory", Errno.EISDIR),
            Map.entry("Not a directory", Errno.ENOTDIR),
            Map.entry("File name too long", Errno.ENAMETOOLONG),
            Map.entry("Too many levels of symbolic links", Errno.ELOOP),
            Map.entry("Too many levels of symbolic links or unable to access attributes of symbolic link", Errno.ELOOP),
            Map.entry("Stale file handle", Errno.ESTALE),
            Map.entry("Cannot allocate memory", Errno.ENOMEM),
            Map.entry("Bad address", Errno.EFAULT),
            Map.entry("Invalid argument", Errno.EINVAL),
            Map.entry("Invalid cross-device link", Errno.EXDEV),
            Map.entry("Operation not supported", Errno.EOPNOTSUPP),
            Map.entry("No locks available", Errno.ENOLCK),
            Map.entry("Device or resource busy", Errno.EBUSY),
            Map.entry("No such device", Errno.ENODEV),
            Map.entry("No such device or address", Errno.ENXIO),
            Map.entry("Remote I/O error", Errno.EREMOTEIO));

    private IoErrors() {}

    static int errno(final IOException e) {
        if (e instanceof ClosedChannelException) {
            return Errno.EBADF;
        }
        if (e instanceof NoSuchFileException) {
            return Errno.ENOENT;
        }
        if (e instanceof FileAlreadyExistsException) {
            return Errno.EEXIST;
        }
        if (e instanceof AccessDeniedException) {
            return Errno.EACCES;
        }
        if (e instanceof FileSystemLoopException) {
            return Errno.ELOOP;
        }
        if (e instanceof AtomicMoveNotSupportedException) {
            return Errno.EXDEV;
        }
        final String said = e instanceof FileSystemException failure ? failure.getReason() : e.getMessage();
        final Integer errno = said == null ? null : SAID.get(withoutHint(said));
        if (errno == null) {
            report("a call of the JDK, which counts as EIO", e);
            return Errno.EIO;
        }
        return errno;
    }

    /* Of the JDK: "Too many levels of symbolic links (NOFOLLOW_LINKS specified)". */
    private static String withoutHint(final String said) {
        final int hint = said.indexOf(" (");
        return hint < 0 ? said : said.substring(0, hint);
    }

    static void report(final String of, final Throwable e) {
        System.getLogger(Names.LIBRARY).log(System.Logger.Level.WARNING, "The portable engine: failure of " + of, e);
    }
}
