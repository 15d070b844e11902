// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import java.io.IOException;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who owns which file, among the processes of one user on one machine: locks of single bytes of a file that nobody else opens. The
 * byte is a hash of what identifies the file.
 *
 * <p>The locks are not on the files themselves, where the program has its own. The JDK knows one table of locks for the whole JVM, in
 * which a lock of the program over the whole file would meet ours; and the system drops all locks of a process on a file when
 * the process closes any of its descriptors. The file stays open as long as the process, so a process that is killed leaves nothing.
 */
final class LockFile {
    /** The directory of the file. Processes that share files, in several containers say, are to share the directory. */
    static final String PROPERTY = "io.writethrough.lockDirectory";

    private static final String NAME = "owners";

    private static @Nullable Device device;
    private static boolean refused;

    private LockFile() {}

    /** The byte of a file, by what identifies it on this machine. */
    static long byteOf(final String identity) {
        long hash = 0xcbf29ce484222325L; // FNV-1a, then mixed: its high bits hardly depend on the last characters
        for (int i = 0; i < identity.length(); i++) {
            hash = (hash ^ identity.charAt(i)) * 0x100000001b3L;
        }
        hash = (hash ^ hash >>> 32) * 0x9e3779b97f4a7c15L;
        return (hash ^ hash >>> 29) >>> 2;
    }

    /**
     * Null: another process has it, or another copy of this library in this process.
     *
     * @throws IOException if there is no such file and none can be made
     */
    static @Nullable FileLock tryLock(final long position, final boolean shared) throws IOException {
        try {
            return device().tryLock(position, 1, shared);
        } catch (final OverlappingFileLockException e) {
            return null;
        }
    }

    private static synchronized Device device() throws IOException {
        if (device == null) {
            final Path directory = directory();
            makeOwn(directory);
            device = ChannelDevice.open(
                    directory.resolve(NAME),
                    Set.of(
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            LinkOption.NOFOLLOW_LINKS));
        }
        return device;
    }

    private static Path directory() {
        final String named = System.getProperty(PROPERTY);
        return named != null
                ? Path.of(named)
                : Path.of(System.getProperty("java.io.tmpdir"), "writethrough-" + System.getProperty("user.name"));
    }

    private static void makeOwn(final Path directory) throws IOException {
        if (System.getProperty(PROPERTY) != null) {
            Files.createDirectories(directory);
            return;
        }
        if (!Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            makePrivate(directory);
        }
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(directory + " is no directory");
        }
        final String owner =
                Files.getOwner(directory, LinkOption.NOFOLLOW_LINKS).getName();
        final String user = System.getProperty("user.name");
        if (!owner.equals(user) && !owner.endsWith("\\" + user)) {
            throw new IOException(directory + " belongs to " + owner + " and not to " + user);
        }
    }

    private static void makePrivate(final Path directory) throws IOException {
        try {
            if (directory.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                Files.createDirectory(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } else {
                Files.createDirectory(directory);
            }
        } catch (final java.nio.file.FileAlreadyExistsException e) {
            // Another process was first.
        }
    }

    /** Says once that files are open without being owned among processes. */
    static synchronized void reportRefused(final IOException e) {
        if (!refused) {
            refused = true;
            IoErrors.report(
                    "locking among processes: another process may open the same files. Name a directory that all of them may"
                            + " write to with -D" + PROPERTY + "=DIRECTORY",
                    e);
        }
    }
}
