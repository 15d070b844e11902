// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import io.writethrough.internal.jni.CApi;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Brings libwritethrough.so into the process, once: from where {@code -Dio.writethrough.library} says, from a directory of
 * classes, or out of the jar into a private directory or into memory.
 */
public final class NativeLibraries {
    private static final String FILE = "libwritethrough.so";

    /* What the JVM says: it loads a file of one name for one class loader. */
    private static final String TAKEN = "already loaded in another classloader";

    /* So many class loaders at once have the library from memory. */
    private static final int MEMORY_FILES_MOST = 64;

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

    /** Whether the library is loaded now. */
    public static boolean isLoaded() {
        return loaded;
    }

    private static synchronized void loadOnce() {
        if (loaded) {
            return;
        }
        final String platform = Platforms.current();
        final String name = platform + "/" + FILE;
        final URL library = NativeLibraries.class.getResource("/" + name);
        final URL checksum = NativeLibraries.class.getResource("/" + name + ".crc32");
        if (library == null || checksum == null) {
            throw new UnsatisfiedLinkError("writethrough: no native library for " + platform
                    + ". It runs on Linux, x86-64 and aarch64, glibc and musl, with the library in the jar under "
                    + name
                    + " and its checksum beside it");
        }
        try {
            load(library, LibraryFile.checksumOf(checksum));
            checkAbiVersion();
            loaded = true;
        } catch (final LibraryFile.CorruptLibraryException e) {
            throw linkError("writethrough: the native library is not loaded: " + e.getMessage(), e);
        } catch (final IOException e) {
            throw linkError(
                    "writethrough: the native library cannot be loaded: " + e.getMessage()
                            + ". Name a directory with -Djna.tmpdir=DIRECTORY that belongs to this user or to root, as all"
                            + " above it, to which nobody else may write and which is not mounted noexec. Or take "
                            + name
                            + " out of the jar, into a container's image for example, and name the file with -D"
                            + LibraryFile.PROPERTY + "=FILE",
                    e);
        }
    }

    private static void load(final URL library, final int checksum) throws IOException {
        final List<String> reasons = new ArrayList<>();
        final File named = LibraryFile.named(checksum);
        if (named != null) {
            if (tryToLoad(named, reasons)) {
                return;
            }
            if (!reasons.get(0).contains(TAKEN)) {
                throw new IOException(reasons.get(0));
            }
        }
        if (!loadInPlace(library, checksum, reasons)
                && !loadCopy(library, checksum, reasons)
                && !loadFromMemory(library, checksum, reasons)) {
            throw new IOException(String.join("; ", reasons));
        }
    }

    private static boolean loadInPlace(final URL library, final int checksum, final List<String> reasons)
            throws IOException {
        final File inPlace = LibraryFile.inPlace(library, checksum);
        return inPlace != null && tryToLoad(inPlace, reasons);
    }

    private static boolean loadCopy(final URL library, final int checksum, final List<String> reasons)
            throws IOException {
        for (final PrivateDirectory.Parent parent : PrivateDirectory.parents()) {
            try (PrivateDirectory directory = PrivateDirectory.below(parent)) {
                load(LibraryFile.copy(library, checksum, directory));
                return true;
            } catch (final LibraryFile.CorruptLibraryException e) {
                throw e;
            } catch (final IOException e) {
                reasons.add(e.getMessage());
            }
        }
        return false;
    }

    /* Who names a directory wants that one alone. */
    private static boolean loadFromMemory(final URL library, final int checksum, final List<String> reasons)
            throws IOException {
        if (System.getProperty(PrivateDirectory.PROPERTY) != null) {
            return false;
        }
        try (MemoryFile file = MemoryFile.of(LibraryFile.read(library, checksum))) {
            loadByFreeName(file, 1);
            return true;
        } catch (final LibraryFile.CorruptLibraryException e) {
            throw e;
        } catch (final IOException e) {
            reasons.add(e.getMessage());
            return false;
        }
    }

    /* The name of such a file is the number of its descriptor. Another class loader may have loaded one of that number. */
    private static void loadByFreeName(final MemoryFile file, final int names) throws IOException {
        try {
            load(file.file());
        } catch (final IOException e) {
            if (names == MEMORY_FILES_MOST || !e.getMessage().contains(TAKEN)) {
                throw e;
            }
            try (MemoryFile other = file.byAnotherName()) { // while this one is open, so that it has another number
                loadByFreeName(other, names + 1);
            }
        }
    }

    private static boolean tryToLoad(final File file, final List<String> reasons) {
        try {
            load(file);
            return true;
        } catch (final IOException e) {
            reasons.add(e.getMessage());
            return false;
        }
    }

    /** An IOException: the dynamic linker refuses the file, and somewhere else it may not. */
    private static void load(final File file) throws IOException {
        try {
            System.load(file.getPath());
        } catch (final UnsatisfiedLinkError e) {
            throw new IOException(e.getMessage() + " (it needs " + Platforms.neededLibc() + ")", e);
        }
    }

    private static void checkAbiVersion() {
        final String found = foundAbiVersion();
        if (!found.equals(Integer.toString(CApi.ABI_VERSION))) {
            throw new UnsatisfiedLinkError("writethrough: the native library has ABI version " + found
                    + ", these classes need " + CApi.ABI_VERSION
                    + ": classes and library are of different releases; look for a second writethrough jar"
                    + " on the class path");
        }
    }

    private static String foundAbiVersion() {
        try {
            return Integer.toString(abiVersion());
        } catch (final UnsatisfiedLinkError e) {
            return "2 or less";
        }
    }

    /* The library exports this method by its name: it registers the others for classes of its own version only. */
    private static native int abiVersion();

    private static UnsatisfiedLinkError linkError(final String message, final @Nullable Throwable cause) {
        final UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
        error.initCause(cause);
        return error;
    }
}
