// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.Directories;
import io.writethrough.internal.jni.Errno;
import io.writethrough.internal.jni.OpenFlags;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The way of an open: what is refused, the file made, owned, cut, and durable with its name. */
final class Opening {
    private static final int DEFAULT_MODE = 0666;
    private static final Path PROC = Path.of("/proc");
    private static final Path SYS = Path.of("/sys");

    /* As the C core waits. */
    private static final long LONGEST_WAIT_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

    private Opening() {}

    static long open(
            final PortableEngine engine,
            final long handle,
            final Path path,
            final int flags,
            final int mode,
            final int durability,
            final Handles handles) {
        try {
            final boolean writes = (flags & OpenFlags.WRITE) != 0;
            final boolean created = makeIfAsked(path, flags, mode);
            checkKind(path, flags);
            final String identity = Owners.identityOf(path, (flags & OpenFlags.NOFOLLOW) == 0);
            checkAccess(path, flags);
            final Owners.Owned owned = own(engine, identity, writes, () -> ChannelDevice.open(path, accessOf(flags)));
            final PortableFile file = new PortableFile(
                    handle, engine, owned, path, writes, (flags & OpenFlags.AT_FORCE) != 0, durability);
            final int made = prepare(file, flags, created);
            if (made < 0) {
                owned.release(writes);
                return made;
            }
            engine.add(file);
            handles.add(file);
            if (engine.isClosed()) { // and perhaps this was too late to be closed with the others
                file.close();
                return -Errno.EBADF;
            }
            return handle;
        } catch (final Owners.RefusedException e) {
            return -e.errno();
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        }
    }

    /* The I/O of a process that was killed may go on for a moment, and until then the C core's lock is there. */
    private static Owners.Owned own(
            final PortableEngine engine, final String identity, final boolean writes, final Owners.Opening opening)
            throws IOException, Owners.RefusedException {
        final long begin = System.nanoTime();
        while (true) {
            try {
                return Owners.open(engine, identity, writes, opening);
            } catch (final Owners.RefusedException e) {
                if (e.errno() != Errno.EBUSY
                        || System.nanoTime() - begin > LONGEST_WAIT_NANOS
                        || !Holders.isEnding(e.holder())) {
                    throw e;
                }
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
    }

    /** Who gets to know of an open file. */
    interface Handles {
        void add(PortableFile file);
    }

    /* By itself, so that no channel has to be closed that met a file which is open already: the program's locks would go. */
    private static boolean makeIfAsked(final Path path, final int flags, final int mode) throws IOException {
        final boolean mustMake = (flags & OpenFlags.CREATE_NEW) != 0;
        if (!mustMake && ((flags & OpenFlags.CREATE) == 0 || Files.exists(path, linkOptions(flags)))) {
            return false;
        }
        final Set<OpenOption> options = new HashSet<>(Set.of(StandardOpenOption.WRITE));
        options.add(mustMake ? StandardOpenOption.CREATE_NEW : StandardOpenOption.CREATE);
        if ((flags & OpenFlags.NOFOLLOW) != 0) {
            options.add(LinkOption.NOFOLLOW_LINKS);
        }
        ChannelDevice.open(path, options, attributesOf(path, mode)).close();
        return true;
    }

    private static LinkOption[] linkOptions(final int flags) {
        return (flags & OpenFlags.NOFOLLOW) != 0 ? new LinkOption[] {LinkOption.NOFOLLOW_LINKS} : new LinkOption[0];
    }

    private static FileAttribute<?>[] attributesOf(final Path path, final int mode) {
        if (mode == DEFAULT_MODE
                || !path.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            return new FileAttribute<?>[0];
        }
        final PosixFilePermission[] all = { // from the lowest bit on
            PosixFilePermission.OTHERS_EXECUTE, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_READ,
            PosixFilePermission.GROUP_EXECUTE, PosixFilePermission.GROUP_WRITE, PosixFilePermission.GROUP_READ,
            PosixFilePermission.OWNER_EXECUTE, PosixFilePermission.OWNER_WRITE, PosixFilePermission.OWNER_READ
        };
        final Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        for (int bit = 0; bit < all.length; bit++) {
            if ((mode & 1 << bit) != 0) {
                permissions.add(all[bit]);
            }
        }
        return new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(permissions)};
    }

    /* Before the file is opened: to open a FIFO would wait for its other end. */
    private static void checkKind(final Path path, final int flags) throws IOException, Owners.RefusedException {
        final BasicFileAttributes attributes =
                Files.readAttributes(path, BasicFileAttributes.class, linkOptions(flags));
        if (attributes.isSymbolicLink()) {
            throw new Owners.RefusedException(Errno.ELOOP);
        }
        if (attributes.isDirectory()) {
            throw new Owners.RefusedException(Errno.EISDIR);
        }
        if (!attributes.isRegularFile() || isOfTheKernel(path)) {
            throw new Owners.RefusedException(Errno.EOPNOTSUPP);
        }
    }

    private static boolean isOfTheKernel(final Path path) throws IOException {
        final Path absolute = path.toAbsolutePath();
        if (absolute.getRoot() == null || !Files.isDirectory(PROC)) {
            return false;
        }
        final Path real = absolute.toRealPath();
        return real.startsWith(PROC) || real.startsWith(SYS);
    }

    /* As open(2) would: a file that is open already is not opened again. A writer also reads. */
    private static void checkAccess(final Path path, final int flags) throws Owners.RefusedException {
        if (!Files.isReadable(path) || (flags & OpenFlags.WRITE) != 0 && !Files.isWritable(path)) {
            throw new Owners.RefusedException(isReadOnly(path) ? Errno.EROFS : Errno.EACCES);
        }
    }

    private static boolean isReadOnly(final Path path) {
        try {
            return Files.getFileStore(path).isReadOnly();
        } catch (final IOException e) {
            return false;
        }
    }

    private static Set<OpenOption> accessOf(final int flags) {
        final Set<OpenOption> options = new HashSet<>(Set.of(StandardOpenOption.READ));
        if ((flags & OpenFlags.WRITE) != 0) {
            options.add(StandardOpenOption.WRITE);
        }
        if ((flags & OpenFlags.NOFOLLOW) != 0) {
            options.add(LinkOption.NOFOLLOW_LINKS);
        }
        return options;
    }

    private static int prepare(final PortableFile file, final int flags, final boolean created) throws IOException {
        final boolean atForce = (flags & OpenFlags.AT_FORCE) != 0;
        if (file.inode().isLost()) {
            return -Errno.ESTALE;
        }
        if ((flags & OpenFlags.NAMED) != 0) {
            file.inode().keepName(() -> file.owned().hasName(file.path()));
        }
        if ((flags & OpenFlags.TRUNCATE) != 0 && !created) {
            final int cut = file.truncate(0);
            if (cut < 0) {
                return cut;
            }
        }
        if (!created || atForce) {
            return 0;
        }
        final int forced = file.force(true);
        return forced < 0 ? forced : forceDirectoryOf(file.path());
    }

    /** Makes the names in the directory of a path durable. */
    static int forceDirectoryOf(final Path path) {
        final Path parent = path.toAbsolutePath().getParent();
        try {
            if (parent != null) {
                Directories.force(parent);
            }
            return 0;
        } catch (final NoSuchFileException e) {
            return -Errno.ENOENT;
        } catch (final IOException e) {
            return -IoErrors.errno(e);
        }
    }
}
