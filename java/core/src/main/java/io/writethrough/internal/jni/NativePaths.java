// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jni;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;
import java.util.Arrays;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Paths as the kernel takes them. */
public final class NativePaths {
    /* In these encodings of names a character of ASCII is that byte, and no other byte becomes one. */
    private static final boolean ASCII_IS_ITSELF = Set.of("UTF-8", "ANSI_X3.4-1968", "US-ASCII", "ISO-8859-1")
            .contains(System.getProperty("sun.jnu.encoding", ""));

    private NativePaths() {}

    /**
     * The absolute path, byte for byte, and a final 0. A name need not be text in any encoding, and the string of a path
     * does not tell such names apart; its URI has every byte.
     *
     * @throws ProviderMismatchException if the path is not of the default file system
     */
    public static byte[] bytesOf(final Path path) {
        // The platform's own provider has this scheme, also where another one is the default above it.
        if (ASCII_IS_ITSELF && "file".equals(path.getFileSystem().provider().getScheme())) {
            final byte[] ascii = asciiOf(path.toAbsolutePath().toString());
            if (ascii != null) {
                return ascii;
            }
        }
        final URI absolute = path.toUri();
        requireDefault(path, absolute.getScheme());
        final byte[] uri = absolute.getRawPath().getBytes(StandardCharsets.US_ASCII);
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream(uri.length + 1);
        for (int i = 0; i < lengthWithoutSlash(uri); i++) {
            if (uri[i] == '%') {
                bytes.write(Character.digit(uri[i + 1], 16) << 4 | Character.digit(uri[i + 2], 16));
                i += 2;
            } else {
                bytes.write(uri[i]);
            }
        }
        bytes.write(0);
        return bytes.toByteArray();
    }

    /**
     * Refuses a path of another file system.
     *
     * @throws ProviderMismatchException if the path is not of the default file system
     */
    public static void requireDefault(final Path path) {
        if (!"file".equals(path.getFileSystem().provider().getScheme())) {
            requireDefault(path, path.toUri().getScheme());
        }
    }

    private static void requireDefault(final Path path, final String scheme) {
        if (!"file".equals(scheme)) {
            throw new ProviderMismatchException("writethrough opens files of the default file system; this path is of "
                    + path.getFileSystem().provider() + ": " + path);
        }
    }

    /*
     * Most paths are of ASCII alone; to make a URI takes longer than the system call that opens the file. All other characters
     * of a path are two bytes or more in UTF-8.
     */
    private static byte @Nullable [] asciiOf(final String text) {
        final byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return bytes.length == text.length() ? Arrays.copyOf(bytes, bytes.length + 1) : null;
    }

    /* The URI of a directory ends in a slash, with which open(2) would follow a symbolic link that it was told not to. */
    private static int lengthWithoutSlash(final byte[] uri) {
        return uri.length > 1 && uri[uri.length - 1] == '/' ? uri.length - 1 : uri.length;
    }
}
