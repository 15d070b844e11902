// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import java.io.IOException;
import java.io.InputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.Method;
import java.security.ProtectionDomain;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What is done to the JVM before any class of the agent that needs it is loaded. */
final class Bootstrap {
    private static final String PLACE = "META-INF/writethrough-agent/boot/";
    private static final List<String> CLASSES = List.of("CarriedChannel", "Carrier$Natives", "Carrier", "Hooks");
    private static final int FIRST_TO_WARN = 24;

    private Bootstrap() {}

    /** Opens packages of the JDK to the classes of this loader, and to no other class. */
    static void openPackages(final Instrumentation instrumentation) {
        final Set<Module> toAgent = Set.of(Bootstrap.class.getModule());
        instrumentation.redefineModule(
                Object.class.getModule(),
                Set.of(),
                Map.of(),
                Map.of(
                        "java.io", toAgent,
                        "sun.nio.ch", toAgent,
                        "jdk.internal.misc", toAgent,
                        "jdk.internal.access", toAgent),
                Set.of(),
                Map.of());
    }

    /**
     * Makes the classes that rewritten methods name classes of the bootstrap loader. A jar on the search path of that loader would
     * do the same, but would have to be a file, and would make the JVM warn that it shares fewer classes.
     */
    static void defineClasses() throws ReflectiveOperationException, IOException {
        final Class<?> unsafe = Class.forName("jdk.internal.misc.Unsafe");
        final Object instance = unsafe.getMethod("getUnsafe").invoke(null);
        final Method define = unsafe.getMethod(
                "defineClass",
                String.class,
                byte[].class,
                int.class,
                int.class,
                ClassLoader.class,
                ProtectionDomain.class);
        for (final String name : CLASSES) {
            try (InputStream in = Bootstrap.class.getResourceAsStream("/" + PLACE + name + ".class")) {
                if (in == null) {
                    throw new IOException("the agent's jar has no " + PLACE + name);
                }
                final byte[] bytes = in.readAllBytes();
                define.invoke(instance, null, bytes, 0, bytes.length, null, null);
            }
        }
    }

    /** JDK 24 and later warn about native code of a module that no option names. The agent's option names this library. */
    static void enableNativeAccess(final Module module) throws ReflectiveOperationException {
        if (Runtime.version().feature() < FIRST_TO_WARN) {
            return;
        }
        final Class<?> type = Class.forName("jdk.internal.access.JavaLangAccess");
        final Object access = Class.forName("jdk.internal.access.SharedSecrets")
                .getMethod("getJavaLangAccess")
                .invoke(null);
        if (module.isNamed()) {
            type.getMethod("addEnableNativeAccess", Module.class).invoke(access, module);
        } else { // the JDK asks for all unnamed modules together
            type.getMethod("addEnableNativeAccessToAllUnnamed").invoke(access);
        }
    }

    /** Lets the classes of this loader call native methods of the library, also where the library is a module of the program. */
    static void exportNatives(final Instrumentation instrumentation, final Module module) {
        if (module.isNamed()) {
            instrumentation.redefineModule(
                    module,
                    Set.of(),
                    Map.of("io.writethrough.internal.jni", Set.of(Bootstrap.class.getModule())),
                    Map.of(),
                    Set.of(),
                    Map.of());
        }
    }
}
