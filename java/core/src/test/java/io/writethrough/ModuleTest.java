// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.jna.Native;
import java.io.File;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library on the module path: only its API is exported, and all of it works. */
class ModuleTest {
    @TempDir
    Path directory;

    private static String placeOf(final Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI())
                .toString();
    }

    private static String classPathWithout(final String... places) {
        return Stream.of(ChildJvm.testClassPath().split(File.pathSeparator))
                .filter(entry -> !Stream.of(places)
                        .anyMatch(Path.of(entry).toAbsolutePath().toString()::equals))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void asAModuleItExportsItsApiAndWorks() throws Exception {
        final String library = placeOf(WriteThroughFile.class);
        final String jna = placeOf(Native.class);
        final String output = ChildJvm.of(ModuleTest.class, directory.toString())
                .named("io.writethrough.modular.UseOfModule")
                .withClassPath(classPathWithout(library, jna))
                .withOption("--add-modules=io.writethrough")
                .withOption("--enable-native-access=io.writethrough,com.sun.jna")
                .withOption("--module-path=" + library + File.pathSeparator + jna)
                .run()
                .output()
                .replaceAll("(?m)^(WARNING: .*)?\n", ""); // of some JDKs, of other options that it gets
        assertEquals("""
                module io.writethrough exports [io.writethrough]
                bean 1
                events 1
                size 100
                provider true
                """, output);
    }
}
