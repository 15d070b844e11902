// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Native code that takes every FileChannel for one of the JDK finds no descriptor in one of this library. Netty's is such; the
 * tests of java/netty and java/netty42 have it try.
 */
class ChannelWithoutDescriptorTest {
    @TempDir
    Path directory;

    @Test
    void thePlaceOfTheJdksDescriptorIsNullHoweverTheJvmLaysOutObjects() throws Exception {
        final List<String> layouts = new ArrayList<>(
                List.of("-XX:+UseCompressedOops", "-XX:-UseCompressedOops", "-XX:ObjectAlignmentInBytes=16"));
        if (Runtime.version().feature() >= 25) {
            layouts.add("-XX:+UseCompactObjectHeaders");
        } else {
            layouts.add("-XX:-UseCompressedClassPointers");
        }
        for (final String layout : layouts) {
            final ChildJvm.Result result = ChildJvm.of(Look.class, directory.toString())
                    .withOption(layout)
                    .run();
            final List<String> found = result.output()
                    .lines()
                    .filter(line -> !line.startsWith("WARNING"))
                    .toList();
            assertEquals(List.of("java.io.FileDescriptor", "null", "null"), found, layout);
        }
    }

    /** Looks where FileChannelImpl has its field fd. */
    static final class Look {
        public static void main(final String[] arguments) throws Exception {
            final Class<?> unsafes = Class.forName("sun.misc.Unsafe");
            final Field theUnsafe = unsafes.getDeclaredField("theUnsafe");
            theUnsafe.setAccessible(true);
            final Object unsafe = theUnsafe.get(null);
            final Field fd = Class.forName("sun.nio.ch.FileChannelImpl").getDeclaredField("fd");
            final long offset =
                    (long) unsafes.getMethod("objectFieldOffset", Field.class).invoke(unsafe, fd);
            final Method getObject = unsafes.getMethod("getObject", Object.class, long.class);
            final Path path = Path.of(arguments[0]).resolve("file");
            try (FileChannel jdk = FileChannel.open(path, CREATE, READ, WRITE)) {
                System.out.println(
                        getObject.invoke(unsafe, jdk, offset).getClass().getName());
            }
            try (WriteThroughFile file = WriteThroughFile.open(path, READ, WRITE)) {
                for (final InterruptPolicy policy : InterruptPolicy.values()) {
                    System.out.println(getObject.invoke(unsafe, file.asFileChannel(policy), offset));
                }
            }
        }
    }
}
