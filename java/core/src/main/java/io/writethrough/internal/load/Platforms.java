// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import java.util.Locale;

/** What the native library has to fit: the system and the processor. */
final class Platforms {
    private Platforms() {}

    /** The directory of the jar that has the library for this process: linux-x86-64, for example. */
    static String current() {
        final String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        final String processor = System.getProperty("os.arch");
        return system + "-" + (processor.equals("amd64") ? "x86-64" : processor);
    }
}
