package io.writethrough.internal;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;

/**
 * Brings libwritethrough.so into the process: out of the jar once, then to JNI and to JNA as one and the same library.
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
        final File file = extract();
        try {
            final NativeLibrary library =
                    NativeLibrary.getInstance(file.getPath(), Map.of(Library.OPTION_OPEN_FLAGS, RTLD_LAZY));
            checkAbiVersion(library);
            ControlPlane.bindTo(library);
            System.load(file.getPath());
            loaded = true;
        } catch (final UnsatisfiedLinkError e) {
            throw linkError(
                    "writethrough: cannot load " + file
                            + ". If its file system is mounted noexec, name another directory"
                            + " with -Djna.tmpdir=DIRECTORY; the library needs glibc",
                    e);
        } finally {
            deleteIfExtracted(file);
        }
    }

    private static File extract() {
        try {
            return Native.extractFromResourcePath(NAME, NativeLibraries.class.getClassLoader())
                    .getAbsoluteFile();
        } catch (final IOException e) {
            throw linkError(
                    "writethrough: no native library for " + Platform.RESOURCE_PREFIX
                            + ". It runs on Linux, x86-64 and aarch64, with the library in the jar under "
                            + Platform.RESOURCE_PREFIX + "/" + System.mapLibraryName(NAME),
                    e);
        }
    }

    private static void checkAbiVersion(final NativeLibrary library) {
        final int found = library.getFunction("wt_abi_version").invokeInt(new Object[0]);
        if (found != ABI_VERSION) {
            throw new UnsatisfiedLinkError("the native library has ABI version " + found + ", these classes need "
                    + ABI_VERSION
                    + ": classes and library are of different releases; look for a second writethrough jar"
                    + " on the class path");
        }
    }

    /** A file in a directory of classes stays; a copy that JNA took out of a jar is not needed once it is loaded. */
    private static void deleteIfExtracted(final File file) {
        if (file.getName().equals(System.mapLibraryName(NAME))) {
            return;
        }
        try {
            Files.deleteIfExists(file.toPath());
        } catch (final IOException e) {
            file.deleteOnExit();
        }
    }

    private static UnsatisfiedLinkError linkError(final String message, final Throwable cause) {
        final UnsatisfiedLinkError error = new UnsatisfiedLinkError(message + ": " + cause.getMessage());
        error.initCause(cause);
        return error;
    }
}
