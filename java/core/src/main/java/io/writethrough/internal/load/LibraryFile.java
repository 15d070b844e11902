// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The native library as a file that can be loaded: where it is, if it is in a directory of classes, else a copy out of the jar
 * in a {@link PrivateDirectory}. What is to be loaded has the checksum that the build gave it, and nobody can exchange it
 * between the look at that and the loading.
 *
 * <p>Files are read and written by {@code java.io}, which goes past the file systems of this library: it is not there yet.
 */
public final class LibraryFile {
    /** Names the file to load. */
    static final String PROPERTY = "io.writethrough.library";

    private LibraryFile() {}

    /** The library that the property names, if it does. It must be the one in the jar, and nobody else can exchange it. */
    static @Nullable File named(final int checksum) throws IOException {
        final String name = System.getProperty(PROPERTY);
        if (name == null) {
            return null;
        }
        final File file = new File(name).getCanonicalFile();
        if (!file.isFile()) {
            throw new IOException(PROPERTY + " names " + file + ", which is no file");
        }
        final String weakness = PrivateDirectory.weaknessOf(file.toPath().toRealPath());
        if (weakness != null) {
            throw new IOException(weakness + ", and so exchange " + file + ", which " + PROPERTY + " names");
        }
        verify(file, checksum);
        return file;
    }

    /** The library in a directory of classes, if it is there and nobody else can exchange it; else null. */
    static @Nullable File inPlace(final URL library, final int checksum) throws IOException {
        if (!library.getProtocol().equals("file")) {
            return null;
        }
        final File file;
        try {
            file = new File(library.toURI());
        } catch (final URISyntaxException | IllegalArgumentException e) {
            return null;
        }
        if (PrivateDirectory.weaknessOf(file.toPath().toRealPath()) != null) {
            return null;
        }
        verify(file, checksum);
        return file;
    }

    /** Copies the library into a directory. */
    static File copy(final URL library, final int checksum, final PrivateDirectory directory) throws IOException {
        final File copy = directory.file("libwritethrough.so");
        try (InputStream in = library.openStream();
                OutputStream out = new FileOutputStream(copy)) {
            in.transferTo(out);
        }
        verify(copy, checksum);
        return copy;
    }

    /** The bytes of the library. */
    static byte[] read(final URL library, final int checksum) throws IOException {
        try (InputStream in = library.openStream()) {
            final byte[] bytes = in.readAllBytes();
            verify(library.toString(), bytes, checksum);
            return bytes;
        }
    }

    private static void verify(final File file, final int checksum) throws IOException {
        try (InputStream in = new FileInputStream(file)) {
            verify(file.toString(), in.readAllBytes(), checksum);
        }
    }

    private static void verify(final String name, final byte[] bytes, final int checksum) throws IOException {
        final CRC32 crc = new CRC32();
        crc.update(bytes);
        final int found = (int) crc.getValue();
        if (found != checksum) {
            throw new CorruptLibraryException(name + " has the CRC-32 checksum "
                    + Integer.toHexString(found) + " and not "
                    + Integer.toHexString(checksum)
                    + ", which it was built with: it was damaged or changed, or is of another release");
        }
    }

    /** The checksum in a file of eight hexadecimal digits. */
    static int checksumOf(final URL resource) throws IOException {
        try (InputStream in = resource.openStream()) {
            return Integer.parseUnsignedInt(new String(in.readAllBytes(), StandardCharsets.US_ASCII).strip(), 16);
        } catch (final NumberFormatException e) {
            throw new CorruptLibraryException(resource + " holds no CRC-32 checksum");
        }
    }

    /** Another directory would not help. */
    static final class CorruptLibraryException extends IOException {
        private static final long serialVersionUID = 1;

        CorruptLibraryException(final String message) {
            super(message);
        }
    }
}
