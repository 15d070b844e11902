package io.writethrough.internal;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The native library as a file that can be loaded: where it is, if it is in a directory of classes, else a copy out of the jar
 * in a directory that nobody else may write to, until it is loaded. What is to be loaded has the checksum that the build
 * gave it.
 *
 * <p>Files are read and written by {@code java.io}, which goes past the file systems of this library: it is not there yet.
 */
final class LibraryFile implements AutoCloseable {
    private static final int STICKY = 01000;
    private static final int WRITABLE_BY_ALL = 02;

    private final File file;
    private final File directory; /* of the copy; null if it is none */

    private LibraryFile(final File file, final File directory) {
        this.file = file;
        this.directory = directory;
    }

    File file() {
        return file;
    }

    /**
     * The directories for a copy: the one that {@code -Djna.tmpdir} names, as for JNA's own library; else that for temporary
     * files, and for where programs cannot be run from there the user's cache.
     */
    static List<File> directories() {
        final List<File> directories = new ArrayList<>();
        final String named = System.getProperty("jna.tmpdir");
        if (named != null) {
            return List.of(new File(named));
        }
        directories.add(new File(System.getProperty("java.io.tmpdir")));
        final String cache = System.getenv("XDG_CACHE_HOME");
        directories.add(cache != null ? new File(cache) : new File(System.getProperty("user.home"), ".cache"));
        return directories;
    }

    /** The library in a directory of classes, if it is there and nobody else may write there; else null. */
    static LibraryFile inPlace(final URL library, final byte[] checksum) throws IOException {
        if (!library.getProtocol().equals("file")) {
            return null;
        }
        final File file;
        try {
            file = new File(library.toURI());
        } catch (final URISyntaxException | IllegalArgumentException e) {
            return null;
        }
        if (writableByAll(file.toPath().toRealPath()) != null) {
            return null;
        }
        verify(file, checksum);
        return new LibraryFile(file, null);
    }

    /** Copies the library into a new directory below another. */
    static LibraryFile copy(final URL library, final byte[] checksum, final File parent) throws IOException {
        final Path real = parent.toPath().toRealPath();
        final Path weak = writableByAll(real);
        if (weak != null) {
            throw new IOException("everybody may write to " + weak + ", and so replace what is in " + real);
        }
        final File directory = Files.createTempDirectory(
                        real,
                        "writethrough-",
                        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")))
                .toFile();
        final LibraryFile copy = new LibraryFile(new File(directory, "libwritethrough.so"), directory);
        try {
            try (InputStream in = library.openStream();
                    OutputStream out = new FileOutputStream(copy.file)) {
                in.transferTo(out);
            }
            verify(copy.file, checksum);
            return copy;
        } catch (final IOException | RuntimeException e) {
            copy.close();
            throw e;
        }
    }

    /**
     * The first of a path and its parents in which everybody may put another file in place of one of ours; null if there is
     * none. In a directory with the sticky bit, as /tmp has it, only the owner of a file can.
     */
    private static Path writableByAll(final Path real) throws IOException {
        for (Path each = real; each != null; each = each.getParent()) {
            final int mode = (Integer) Files.getAttribute(each, "unix:mode");
            final boolean guarded = Files.isDirectory(each) && (mode & STICKY) != 0;
            if ((mode & WRITABLE_BY_ALL) != 0 && !guarded) {
                return each;
            }
        }
        return null;
    }

    private static void verify(final File file, final byte[] checksum) throws IOException {
        try (InputStream in = new FileInputStream(file)) {
            final byte[] found = MessageDigest.getInstance("SHA-256").digest(in.readAllBytes());
            if (!MessageDigest.isEqual(found, checksum)) {
                throw new CorruptLibraryException(file + " has the SHA-256 checksum "
                        + HexFormat.of().formatHex(found) + " and not "
                        + HexFormat.of().formatHex(checksum) + ", which it was built with: it was damaged or changed");
            }
        } catch (final NoSuchAlgorithmException e) {
            throw new IOException("every Java has SHA-256", e);
        }
    }

    /** The checksum in a file as sha256sum(1) makes it. */
    static byte[] checksumOf(final URL resource) throws IOException {
        try (InputStream in = resource.openStream()) {
            final String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            return HexFormat.of().parseHex(text, 0, Math.min(64, text.length()));
        } catch (final IllegalArgumentException e) {
            throw new CorruptLibraryException(resource + " holds no SHA-256 checksum");
        }
    }

    /** Another directory would not help. */
    static final class CorruptLibraryException extends IOException {
        private static final long serialVersionUID = 1;

        CorruptLibraryException(final String message) {
            super(message);
        }
    }

    /** Deletes a copy: once it is loaded it is not needed. */
    @Override
    public void close() {
        if (directory != null) {
            delete(file);
            delete(directory);
        }
    }

    private static void delete(final File each) {
        if (!each.delete() && each.exists()) {
            each.deleteOnExit();
        }
    }
}
