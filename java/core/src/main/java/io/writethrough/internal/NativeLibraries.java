package io.writethrough.internal;

import com.sun.jna.Library;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.Map;

/**
 * Brings libwritethrough.so into the process: out of the jar once, then to JNI. JNA asks it for its version first.
 */
public final class NativeLibraries {
    private static final String NAME = "writethrough";
    private static final int ABI_VERSION = 3;

    /* As System.load does. JNA's default would make the library's symbols visible to all others. */
    private static final int RTLD_LAZY = 1;

    private static volatile boolean loaded;

    private NativeLibraries() {}

    /**
     * Loads the library if that has not been done.
     *
     * @throws UnsatisfiedLinkError if it cannot be; the next call tries again
     */
    public static void load() {
        if (!loaded) {
            loadOnce();
        }
    }

    private static synchronized void loadOnce() {
        if (loaded) {
            return;
        }
        final String name = Platform.RESOURCE_PREFIX + "/" + System.mapLibraryName(NAME);
        final URL library = NativeLibraries.class.getResource("/" + name);
        final URL checksum = NativeLibraries.class.getResource("/" + name + ".sha256");
        if (library == null || checksum == null) {
            throw new UnsatisfiedLinkError("writethrough: no native library for " + Platform.RESOURCE_PREFIX
                    + ". It runs on Linux, x86-64 and aarch64, with the library in the jar under " + name
                    + " and its checksum beside it");
        }
        try {
            load(library, LibraryFile.checksumOf(checksum));
            loaded = true;
        } catch (final LibraryFile.CorruptLibraryException e) {
            throw linkError("writethrough: the native library is not loaded", e);
        } catch (final IOException e) {
            throw linkError(
                    "writethrough: the native library cannot be loaded. It needs glibc 2.28 or later. If the file system is"
                            + " mounted noexec, or everybody may write to the directory, name another with"
                            + " -Djna.tmpdir=DIRECTORY",
                    e);
        }
    }

    private static void load(final URL library, final byte[] checksum) throws IOException {
        final LibraryFile inPlace = LibraryFile.inPlace(library, checksum);
        if (inPlace != null) {
            load(inPlace.file());
            return;
        }
        IOException first = null;
        for (final File directory : LibraryFile.directories()) {
            try (LibraryFile copy = LibraryFile.copy(library, checksum, directory)) {
                load(copy.file());
                return;
            } catch (final LibraryFile.CorruptLibraryException e) {
                throw e;
            } catch (final IOException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        throw first;
    }

    /** An IOException: the dynamic linker refuses the file, and somewhere else it may not. */
    private static void load(final File file) throws IOException {
        final NativeLibrary library;
        try {
            library = NativeLibrary.getInstance(file.getPath(), Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY));
        } catch (final UnsatisfiedLinkError e) {
            throw new IOException(e.getMessage(), e);
        }
        try (library) {
            checkAbiVersion(library);
            System.load(file.getPath());
        }
    }

    private static void checkAbiVersion(final NativeLibrary library) {
        final int found = library.getFunction("wt_abi_version").invokeInt(new Object[0]);
        if (found != ABI_VERSION) {
            throw new UnsatisfiedLinkError(
                    "writethrough: the native library has ABI version " + found + ", these classes need "
                            + ABI_VERSION
                            + ": classes and library are of different releases; look for a second writethrough jar"
                            + " on the class path");
        }
    }

    private static UnsatisfiedLinkError linkError(final String message, final Throwable cause) {
        final UnsatisfiedLinkError error = new UnsatisfiedLinkError(message + ": " + cause.getMessage());
        error.initCause(cause);
        return error;
    }
}
