// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.lang.instrument.Instrumentation;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Writes the files of a program through that stays as it is, whether it opens them by {@code java.io} or by {@code java.nio}:
 *
 * <pre>
 * java -javaagent:writethrough-agent.jar='paths=glob:/var/lib/app/**' -jar app.jar
 * </pre>
 *
 * <p>The options are those of {@link io.writethrough.WriteThroughFileSystemProvider}: as system properties, or here as {@code
 * NAME=VALUE} with a semicolon between two.
 *
 * @since 0.1
 */
public final class Agent {
    private static final String PROVIDER = "java.nio.file.spi.DefaultFileSystemProvider";
    private static final String OWN_PROVIDER = "io.writethrough.WriteThroughFileSystemProvider";

    private Agent() {}

    /**
     * Called by the JVM before the program. If something keeps the files of the program from being carried, the JVM ends with a
     * message: a program that was to be written through does not run without it.
     *
     * @param options what follows the name of the jar on the command line, or null
     * @param instrumentation of the JVM
     */
    public static void premain(final @Nullable String options, final Instrumentation instrumentation) {
        try {
            // Before any class is read from the agent's jar by a URL, since that makes the default file system.
            Options.apply(options);
            chooseDefaultFileSystem();
            new InsideLoader(Agent.class.getClassLoader())
                    .loadClass("io.writethrough.agent.inside.Installation")
                    .getMethod("install", Instrumentation.class)
                    .invoke(null, instrumentation);
        } catch (final Throwable e) {
            refuse(e);
        }
    }

    private static void chooseDefaultFileSystem() {
        final String named = System.getProperty(PROVIDER);
        if (named == null) {
            System.setProperty(PROVIDER, OWN_PROVIDER);
        } else if (!Arrays.asList(named.split(",", -1)).contains(OWN_PROVIDER)) {
            throw new IllegalStateException(
                    "the default file system is to be another one: -D" + PROVIDER + "=" + named);
        }
    }

    /* If premain threw, the JVM would abort, with a dump of its memory and without the cause. */
    private static void refuse(final Throwable failure) {
        Throwable reason = failure;
        for (Throwable each = failure; each != null && !(reason instanceof IllegalArgumentException); ) {
            reason = each;
            each = each.getCause();
        }
        System.err.println("writethrough-agent: " + reason.getMessage());
        System.err.println("The program does not start, as its files would not be written through.");
        if (!(reason instanceof IllegalArgumentException)) {
            failure.printStackTrace();
        }
        Runtime.getRuntime().halt(1);
    }
}
