// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A new directory for code that is about to be loaded, in which only this user and root can put something else in its place:
 * each directory above it belongs to one of the two, and nobody else may write there. It is deleted at the end.
 */
public final class PrivateDirectory implements AutoCloseable {
    /** Names a directory for it, as for a library of JNA's. */
    static final String PROPERTY = "jna.tmpdir";

    private static final int STICKY = 01000;
    private static final int WRITABLE_BY_GROUP = 020;
    private static final int WRITABLE_BY_ALL = 02;
    private static final int ROOT = 0;

    private static final int NAMES_MOST = 100;

    private static final FileAttribute<?> OF_OWNER =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

    private final File directory;

    private PrivateDirectory(final File directory) {
        this.directory = directory;
    }

    /** Where one may be made, and the name of the setting that says so. */
    record Parent(File directory, String setting, boolean isMade) {}

    /**
     * The directories for one: that which {@link #PROPERTY} names; else that for temporary
     * files, and for where programs cannot be run from there the user's cache.
     */
    static List<Parent> parents() {
        final String named = System.getProperty(PROPERTY);
        if (named != null) {
            return List.of(new Parent(new File(named), PROPERTY, true));
        }
        final List<Parent> parents = new ArrayList<>();
        parents.add(new Parent(new File(System.getProperty("java.io.tmpdir")), "java.io.tmpdir", false));
        final String cache = System.getenv("XDG_CACHE_HOME");
        parents.add(
                cache != null && !cache.isEmpty()
                        ? new Parent(new File(cache), "XDG_CACHE_HOME", true)
                        : new Parent(new File(System.getProperty("user.home"), ".cache"), "user.home", true));
        return parents;
    }

    /** Makes one. The message of an exception tells a person why there can be none. */
    static PrivateDirectory below(final Parent parent) throws IOException {
        final Path path = parent.directory().toPath();
        if (parent.isMade() && !Files.exists(path)) {
            Files.createDirectories(path.toAbsolutePath(), OF_OWNER);
        }
        if (!Files.isDirectory(path)) {
            throw new IOException(parent.setting() + " names " + path
                    + (Files.exists(path) ? ", which is no directory" : ", which does not exist"));
        }
        final Path real = path.toRealPath();
        final String weakness = weaknessOf(real);
        if (weakness != null) {
            throw new IOException(weakness + ", and so exchange what is loaded from " + real);
        }
        final PrivateDirectory made = new PrivateDirectory(makeIn(real).toFile());
        try {
            made.requireExecutable();
            return made;
        } catch (final IOException e) {
            made.close();
            throw e;
        }
    }

    /* Whatever has the name already, this makes another. A random name would load what makes secure random numbers. */
    private static Path makeIn(final Path real) throws IOException {
        for (int attempt = 1; ; attempt++) {
            try {
                return Files.createDirectory(
                        real.resolve("writethrough-" + Long.toHexString(System.nanoTime())), OF_OWNER);
            } catch (final FileAlreadyExistsException e) {
                if (attempt == NAMES_MOST) {
                    throw e;
                }
            }
        }
    }

    /* access(2) says of a file that may be executed that it may not, if its file system is mounted so. */
    private void requireExecutable() throws IOException {
        final File probe = file("probe");
        new FileOutputStream(probe).close();
        if (!probe.setExecutable(true) || !probe.canExecute()) {
            throw new IOException("the file system of " + directory.getParent() + " is mounted noexec");
        }
    }

    /**
     * Who else can put another file in place of this one or of what is in this directory: "everybody may write to /some/path";
     * null if nobody can. In a directory with the sticky bit, as /tmp has it, only its owner and that of a file can.
     */
    static @Nullable String weaknessOf(final Path real) throws IOException {
        final int user = effectiveUser();
        for (Path each = real; each != null; each = each.getParent()) {
            final int mode = (Integer) Files.getAttribute(each, "unix:mode");
            final int owner = (Integer) Files.getAttribute(each, "unix:uid");
            if (owner != ROOT && owner != user) {
                return "the user " + owner + " owns " + each;
            }
            if (Files.isDirectory(each) && (mode & STICKY) != 0) {
                continue;
            }
            if ((mode & WRITABLE_BY_ALL) != 0) {
                return "everybody may write to " + each;
            }
            if ((mode & WRITABLE_BY_GROUP) != 0) {
                return "its group may write to " + each;
            }
        }
        return null;
    }

    private static int effectiveUser() throws IOException {
        try (InputStream status = new FileInputStream("/proc/self/status")) {
            final String text = new String(status.readAllBytes(), StandardCharsets.ISO_8859_1);
            final String[] users = text.substring(text.indexOf("\nUid:") + 1).split("\\s+", 4);
            if (!users[0].equals("Uid:") || users.length < 4) {
                throw new IOException("/proc/self/status does not tell the user of this process");
            }
            return Integer.parseUnsignedInt(users[2]);
        }
    }

    File directory() {
        return directory;
    }

    File file(final String name) {
        return new File(directory, name);
    }

    /** Deletes it, with what is in it: code that is loaded needs no file. */
    @Override
    public void close() {
        final File[] files = directory.listFiles();
        if (files != null) {
            for (final File file : files) {
                delete(file);
            }
        }
        delete(directory);
    }

    private static void delete(final File each) {
        if (!each.delete() && each.exists()) {
            each.deleteOnExit();
        }
    }
}
