// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import com.sun.jna.Library;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Brings libwritethrough.so into the process: out of the jar once, then to JNI. JNA asks it for its version first.
 */
public final class NativeLibraries {
    private static final String NAME = "writethrough";
    private static final int ABI_VERSION = 4;

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
            throw linkError("writethrough: the native library is not loaded: " + e.getMessage(), e);
        } catch (final IOException e) {
            throw linkError(
                    "writethrough: the native library cannot be loaded: " + e.getMessage()
                            + ". Name a directory with -Djna.tmpdir=DIRECTORY that belongs to this user or to root, as all"
                            + " above it, to which nobody else may write and which is not mounted noexec",
                    e);
        }
    }

    private static void load(final URL library, final byte[] checksum) throws IOException {
        final File inPlace = LibraryFile.inPlace(library, checksum);
        final List<String> reasons = new ArrayList<>();
        IOException last = null;
        for (final PrivateDirectory.Parent parent : PrivateDirectory.parents()) {
            try (PrivateDirectory directory = PrivateDirectory.below(parent)) {
                final File file = inPlace != null ? inPlace : LibraryFile.copy(library, checksum, directory);
                initialiseJna(directory);
                load(file);
                return;
            } catch (final LibraryFile.CorruptLibraryException e) {
                throw e;
            } catch (final IOException e) {
                reasons.add(e.getMessage());
                last = e;
            }
        }
        throw new IOException(String.join("; ", reasons), last);
    }

    /* JNA takes a library of its own out of its jar, into a directory that it does not look at. */
    private static void initialiseJna(final PrivateDirectory directory) {
        final String named = System.getProperty("jna.tmpdir");
        System.setProperty("jna.tmpdir", directory.directory().getPath());
        try {
            Class.forName("com.sun.jna.Native");
        } catch (final ClassNotFoundException e) {
            throw linkError("writethrough: JNA is not on the class path or module path", e);
        } finally {
            if (named == null) {
                System.clearProperty("jna.tmpdir");
            } else {
                System.setProperty("jna.tmpdir", named);
            }
        }
    }

    /** An IOException: the dynamic linker refuses the file, and somewhere else it may not. */
    private static void load(final File file) throws IOException {
        final NativeLibrary library;
        try {
            library = NativeLibrary.getInstance(file.getPath(), Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY));
        } catch (final UnsatisfiedLinkError e) {
            throw new IOException(e.getMessage() + " (it needs glibc 2.28 or later)", e);
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
        final UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
        error.initCause(cause);
        return error;
    }
}
