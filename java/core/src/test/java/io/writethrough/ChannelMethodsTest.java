// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.channels.Channel;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What this JDK's classes of channels can do, those of this library can: a method that a later JDK adds is not forgotten. */
class ChannelMethodsTest {
    @TempDir
    Path directory;

    @Test
    void eachMethodOfAChannelIsOfThisLibrary() throws Exception {
        try (WriteThroughFile file = WriteThroughFile.open(directory.resolve("file"), CREATE, READ, WRITE)) {
            for (final InterruptPolicy policy : InterruptPolicy.values()) {
                assertNothingIsLeftToTheJdk(FileChannel.class, file.asFileChannel(policy));
            }
            assertNothingIsLeftToTheJdk(AsynchronousFileChannel.class, file.asAsynchronousFileChannel());
        }
    }

    private static void assertNothingIsLeftToTheJdk(final Class<?> type, final Channel channel) throws Exception {
        final List<Method> left = new ArrayList<>();
        int seen = 0;
        for (final Method method : type.getDeclaredMethods()) {
            final int modifiers = method.getModifiers();
            if (Modifier.isPublic(modifiers) && !Modifier.isStatic(modifiers) && !Modifier.isFinal(modifiers)) {
                seen++;
                final Method own = channel.getClass().getMethod(method.getName(), method.getParameterTypes());
                if (!own.getDeclaringClass().getName().startsWith("io.writethrough.")) {
                    left.add(method);
                }
            }
        }
        assertNotEquals(0, seen);
        assertEquals(List.of(), left, () -> Arrays.toString(type.getDeclaredMethods()));
    }
}
