// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Has the classes of the agent that the program is not to see, ASM among them: whatever version of it the program has, neither
 * meets the other. To this loader's classes alone the agent opens packages of the JDK.
 */
final class InsideLoader extends ClassLoader {
    private static final String PLACE = "META-INF/writethrough-agent/inside/";

    InsideLoader(final @Nullable ClassLoader parent) {
        super("writethrough-agent", parent);
    }

    @Override
    protected Class<?> loadClass(final String name, final boolean resolve) throws ClassNotFoundException {
        synchronized (getClassLoadingLock(name)) {
            if (!name.startsWith("io.writethrough.agent.inside.") && !name.startsWith("org.objectweb.asm.")) {
                return super.loadClass(name, resolve);
            }
            final Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : findClass(name);
        }
    }

    @Override
    protected Class<?> findClass(final String name) throws ClassNotFoundException {
        try (InputStream in = Agent.class.getResourceAsStream("/" + PLACE + name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            final byte[] bytes = in.readAllBytes();
            return defineClass(name, bytes, 0, bytes.length);
        } catch (final IOException e) {
            throw new ClassNotFoundException(name, e);
        }
    }
}
