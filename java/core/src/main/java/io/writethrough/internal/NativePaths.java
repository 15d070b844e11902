package io.writethrough.internal;

import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.ProviderMismatchException;

/** Paths as the kernel takes them. */
public final class NativePaths {
    private NativePaths() {}

    /**
     * The absolute path, byte for byte, and a final 0. A name need not be text in any encoding, and the string of a path
     * does not tell such names apart; its URI has every byte.
     *
     * @throws ProviderMismatchException if the path is not of the default file system
     */
    public static byte[] bytesOf(final Path path) {
        // The platform's own provider has this scheme, also where another one is the default above it.
        final URI absolute = path.toUri();
        if (!"file".equals(absolute.getScheme())) {
            throw new ProviderMismatchException("writethrough opens files of the default file system; this path is of "
                    + path.getFileSystem().provider() + ": " + path);
        }
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

    /* The URI of a directory ends in a slash, with which open(2) would follow a symbolic link that it was told not to. */
    private static int lengthWithoutSlash(final byte[] uri) {
        return uri.length > 1 && uri[uri.length - 1] == '/' ? uri.length - 1 : uri.length;
    }
}
