// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.WriteThroughFileSystem;
import io.writethrough.agent.boot.Hooks;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.instrument.Instrumentation;
import java.lang.instrument.UnmodifiableClassException;
import java.nio.file.FileSystems;
import java.nio.file.Path;

/** Installs the agent. Whatever cannot be installed is thrown, and the JVM does not start. */
public final class Installation {
    private static final String INTERRUPTS = "io.writethrough.interrupts";

    private Installation() {}

    /** Called before the program. */
    public static void install(final Instrumentation instrumentation)
            throws ReflectiveOperationException, IOException, UnmodifiableClassException {
        Bootstrap.openPackages(instrumentation);
        Bootstrap.defineClasses();
        final WriteThroughFileSystem fileSystem = defaultFileSystem();
        Bootstrap.enableNativeAccess(WriteThroughFileSystem.class.getModule());
        Bootstrap.exportNatives(instrumentation, WriteThroughFileSystem.class.getModule());
        Rewriting.rewrite(instrumentation, fileSystem);
    }

    private static WriteThroughFileSystem defaultFileSystem() {
        if (FileSystems.getDefault() instanceof WriteThroughFileSystem ours) {
            return ours;
        }
        throw new IllegalStateException("another agent has used the default file system."
                + " Put this agent before the others on the command line");
    }

    /* A class of its own: it is loaded after the classes of the bootstrap loader that it needs. */
    private static final class Rewriting {
        static void rewrite(final Instrumentation instrumentation, final WriteThroughFileSystem fileSystem)
                throws ReflectiveOperationException, UnmodifiableClassException {
            final Jdk jdk = new Jdk();
            Hooks.setNatives(jdk);
            final Report report = Report.isWanted() ? new Report(jdk) : null;
            final Rewriter rewriter = new Rewriter(report != null);
            instrumentation.addTransformer(rewriter, true);
            instrumentation.retransformClasses(
                    FileInputStream.class, FileOutputStream.class, RandomAccessFile.class, FileDescriptor.class);
            if (report != null) {
                instrumentation.retransformClasses(Class.forName(Rewrites.CHANNEL.replace('/', '.')));
                report.printAtExit();
            }
            rewriter.requireAll();
            Hooks.arm(new Opener(fileSystem, jdk, "close".equalsIgnoreCase(System.getProperty(INTERRUPTS)), report));
            openOneFile();
        }

        /* A jar is opened while a class is being loaded. No class of the agent is to be loaded there: two threads could wait for
        each other's locks. */
        private static void openOneFile() {
            final Path file = Path.of(System.getProperty("java.home"), "release");
            try {
                new FileInputStream(file.toString()).close();
            } catch (final IOException e) {
                // The JVM has no such file: the classes are there all the same.
            }
        }
    }
}
