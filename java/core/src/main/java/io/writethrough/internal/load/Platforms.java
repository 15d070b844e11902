// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** What the native library has to fit: the system, the processor, and the C library that this process runs on. */
final class Platforms {
    private static final String MUSL = "-musl";

    private Platforms() {}

    /** The directory of the jar that has the library for this process, such as linux-x86-64 or linux-aarch64-musl. */
    static String current() {
        final String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        final String processor = System.getProperty("os.arch");
        final String name = system + "-" + (processor.equals("amd64") ? "x86-64" : processor);
        return system.equals("linux") && runsOnMusl() ? name + MUSL : name;
    }

    static String neededLibc() {
        return runsOnMusl() ? "musl" : "glibc 2.28 or later";
    }

    private static boolean runsOnMusl() {
        try (InputStream in = new FileInputStream("/proc/self/maps")) {
            return showsMusl(new String(in.readAllBytes(), StandardCharsets.ISO_8859_1));
        } catch (final IOException e) {
            return false;
        }
    }

    /**
     * Whether musl is among the mappings of a process. musl is its own loader, and its file has a name of its own:
     * ld-musl-ARCHITECTURE.so.1, or libc.so in a directory of musl's where that name is a link, as on Debian.
     */
    static boolean showsMusl(final String maps) {
        return maps.contains("/ld-musl-") || maps.contains("-linux-musl/libc.so\n");
    }
}
