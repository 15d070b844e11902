// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.Errno;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The files that portable engines of this process have open. One engine owns a file that is written; several may read one that
 * nobody writes. Among processes that is kept by the {@link LockFile}.
 */
final class Owners {
    /* Guarded by the class. */
    private static final Map<String, Owner> OWNERS = new HashMap<>();

    private static final Path DESCRIPTORS = Path.of("/proc/self/fd");

    private Owners() {}

    private static final class Owner {
        private final Map<PortableEngine, Owned> byEngine = new HashMap<>();
        private @Nullable FileLock lock;
        private boolean exclusive;
    }

    /** A file on one engine: its inode, and the channels that are open until its last handle is closed. */
    static final class Owned {
        private final String identity;
        private final PortableEngine engine;
        private final Inode inode;
        private final List<Device> devices = new ArrayList<>();
        private final List<FileChannel> channels = new ArrayList<>();
        private @Nullable FileChannel mapping;
        private boolean mapsForWriting;
        private int handles;
        private int writers;

        private Owned(final String identity, final PortableEngine engine, final Inode inode, final Device device) {
            this.identity = identity;
            this.engine = engine;
            this.inode = inode;
            devices.add(device);
        }

        Inode inode() {
            return inode;
        }

        boolean isWritten() {
            synchronized (Owners.class) {
                return writers > 0;
            }
        }

        /** Whether a path is a name of this file. */
        boolean isNamed(final Path path) {
            return is(path, false);
        }

        /** Whether a path leads to this file. */
        boolean isAt(final Path path) {
            return is(path, true);
        }

        private boolean is(final Path path, final boolean follow) {
            try {
                return identity.equals(identityOf(path, follow));
            } catch (final IOException e) {
                return false;
            }
        }

        /** Whether the file has a name left: this one, or another, as far as the system tells of files without a name. */
        boolean hasName(final Path path) {
            return isNamed(path) || hasLinks();
        }

        private boolean hasLinks() {
            final Path descriptor = descriptor();
            try {
                return descriptor != null && (int) Files.getAttribute(descriptor, "unix:nlink") > 0;
            } catch (final IOException e) {
                return false;
            }
        }

        /* A path that leads to the file whatever has become of its name; null where the system has none. */
        private @Nullable Path descriptor() {
            if (!Files.isDirectory(DESCRIPTORS)) {
                return null;
            }
            try (DirectoryStream<Path> all = Files.newDirectoryStream(DESCRIPTORS)) {
                for (final Path each : all) {
                    if (isAt(each)) {
                        return each;
                    }
                }
                return null;
            } catch (final IOException | DirectoryIteratorException e) {
                return null;
            }
        }

        /** A channel for mappings, which no thread may use that others interrupt. It stays open as long as the file. */
        FileChannel mapping(final Path path, final boolean writable) throws IOException {
            synchronized (Owners.class) {
                if (mapping == null || writable && writers > 0 && !mapsForWriting) {
                    mapping = newChannel(path, writable || writers > 0);
                    mapsForWriting = writable || writers > 0;
                }
                return mapping;
            }
        }

        /** One more, for a thread that others may interrupt. To close it now would drop the locks of the program. */
        FileChannel newChannel(final Path path, final boolean writable) throws IOException {
            final Path other = isAt(path) ? null : descriptor();
            final FileChannel channel = FileChannel.open(
                    other == null ? path : other,
                    writable
                            ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
                            : Set.of(StandardOpenOption.READ));
            synchronized (Owners.class) {
                channels.add(channel);
            }
            if (other == null && !isAt(path)) {
                throw new IOException(
                        "The file has not its name any more, and this system opens it by no other: " + path);
            }
            return channel;
        }

        /** A handle is closed: 0 or -errno. */
        int release(final boolean writes) {
            synchronized (Owners.class) {
                writers -= writes ? 1 : 0;
                handles--;
                return handles == 0 ? closeAll() : 0;
            }
        }

        private int closeAll() {
            final Owner owner = OWNERS.get(identity);
            owner.byEngine.remove(engine);
            int result = 0;
            for (final Device device : devices) {
                result = closed(device::close, result);
            }
            for (final FileChannel channel : channels) {
                closed(channel::close, 0);
            }
            if (owner.byEngine.isEmpty()) {
                OWNERS.remove(identity);
                unlock(owner);
            }
            return result;
        }

        private interface Closing {
            void close() throws IOException;
        }

        private static int closed(final Closing closing, final int before) {
            try {
                closing.close();
                return before;
            } catch (final IOException e) {
                return before != 0 ? before : -IoErrors.errno(e);
            }
        }
    }

    /** What identifies a file on this machine: the numbers of its device and inode, or where there are none its real path. */
    static String identityOf(final Path path, final boolean follow) throws IOException {
        final Object key = keyOf(path, follow);
        return key != null ? key.toString() : path.toRealPath().toString();
    }

    private static @Nullable Object keyOf(final Path path, final boolean follow) throws IOException {
        final BasicFileAttributes attributes = follow
                ? Files.readAttributes(path, BasicFileAttributes.class)
                : Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        return attributes.fileKey();
    }

    /** Opens what is below a handle. */
    interface Opening {
        Device open() throws IOException;
    }

    static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
        private final int errno;
        private final @Nullable Long holder;

        RefusedException(final int errno) {
            this(errno, null);
        }

        /** @param holder the process whose C core has the file */
        RefusedException(final int errno, final @Nullable Long holder) {
            super(null, null, false, false);
            this.errno = errno;
            this.holder = holder;
        }

        int errno() {
            return errno;
        }

        @Nullable
        Long holder() {
            return holder;
        }
    }

    /** The file for one more handle. */
    static Owned open(final PortableEngine engine, final String identity, final boolean writes, final Opening opening)
            throws IOException, RefusedException {
        synchronized (Owners.class) {
            final Owner owner = OWNERS.computeIfAbsent(identity, key -> new Owner());
            try {
                own(owner, engine, identity, writes);
                final Owned owned = owner.byEngine.get(engine);
                if (owned == null) {
                    final Device device = opening.open();
                    final Inode inode = new Inode(device, engine.executor(), engine.counters());
                    owner.byEngine.put(engine, new Owned(identity, engine, inode, device));
                } else if (writes && owned.writers == 0) {
                    final Device device = opening.open();
                    owned.devices.add(device);
                    owned.inode.device(device);
                }
                final Owned opened = owner.byEngine.get(engine);
                opened.handles++;
                opened.writers += writes ? 1 : 0;
                return opened;
            } finally {
                if (owner.byEngine.isEmpty()) {
                    OWNERS.remove(identity);
                    unlock(owner);
                }
            }
        }
    }

    private static void own(final Owner owner, final PortableEngine engine, final String identity, final boolean writes)
            throws RefusedException {
        for (final Map.Entry<PortableEngine, Owned> other : owner.byEngine.entrySet()) {
            if (other.getKey() != engine && (writes || other.getValue().writers > 0)) {
                throw new RefusedException(Errno.EBUSY);
            }
        }
        final Long core = owner.byEngine.isEmpty() ? Holders.ofCore(identity, writes) : null;
        if (core != null) {
            throw new RefusedException(Errno.EBUSY, core);
        }
        if (owner.exclusive || owner.lock != null && !writes) {
            return;
        }
        final boolean again = owner.lock != null;
        unlock(owner);
        if (!lock(owner, identity, !writes)) {
            if (again) {
                lock(owner, identity, true);
            }
            throw new RefusedException(Errno.EBUSY);
        }
    }

    private static boolean lock(final Owner owner, final String identity, final boolean shared) {
        try {
            owner.lock = LockFile.tryLock(LockFile.byteOf(identity), shared);
            owner.exclusive = owner.lock != null && !shared;
            return owner.lock != null;
        } catch (final IOException e) {
            LockFile.reportRefused(e);
            return true;
        }
    }

    private static void unlock(final Owner owner) {
        if (owner.lock != null) {
            try {
                owner.lock.release();
            } catch (final IOException e) {
                LockFile.reportRefused(e);
            }
            owner.lock = null;
            owner.exclusive = false;
        }
    }

    /** Whether a portable engine of this process has the file, for writing or where the caller is to write it. */
    static boolean has(final String identity, final boolean writes) {
        synchronized (Owners.class) {
            final Owner owner = OWNERS.get(identity);
            return owner != null && (writes || owner.byEngine.values().stream().anyMatch(owned -> owned.writers > 0));
        }
    }

    /** The file of an engine with this identity; null if it has none. */
    static @Nullable Owned of(final PortableEngine engine, final String identity) {
        synchronized (Owners.class) {
            final Owner owner = OWNERS.get(identity);
            return owner == null ? null : owner.byEngine.get(engine);
        }
    }
}
