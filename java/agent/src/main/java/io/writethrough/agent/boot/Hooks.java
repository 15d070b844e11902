// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.boot;

import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.SyncFailedException;
import org.jspecify.annotations.Nullable;

/**
 * What rewritten methods of {@code java.io} call. This class and its neighbours are classes of the bootstrap loader, as those
 * are, and need nothing of the agent's other classes.
 */
public final class Hooks {
    private static volatile @Nullable Carrier carrier;
    private static volatile Carrier.@Nullable Natives natives;

    private Hooks() {}

    /** What the native methods did that are about to be replaced. */
    public static void setNatives(final Carrier.Natives those) {
        natives = those;
    }

    /** From here on files are carried. */
    public static void arm(final Carrier with) {
        carrier = with;
    }

    // ---- opens: each is called by the method of the same name, with its arguments ----

    public static boolean open(final RandomAccessFile file, final String name, final int mode)
            throws FileNotFoundException {
        final Carrier to = carrier;
        return to != null && to.open(file, name, mode);
    }

    public static boolean open(final FileOutputStream stream, final String name, final boolean append)
            throws FileNotFoundException {
        final Carrier to = carrier;
        return to != null && to.open(stream, name, append);
    }

    public static boolean open(final FileInputStream stream, final String name) throws FileNotFoundException {
        final Carrier to = carrier;
        return to != null && to.open(stream, name);
    }

    public static void opened(final RandomAccessFile file, final String name, final int mode)
            throws FileNotFoundException {
        final Carrier to = carrier;
        if (to != null) {
            to.opened(file, name, mode);
        }
    }

    public static void opened(final FileInputStream stream, final String name) throws FileNotFoundException {
        final Carrier to = carrier;
        if (to != null) {
            to.opened(stream, name);
        }
    }

    public static void share(final FileOutputStream stream, final FileDescriptor descriptor) {
        final Carrier to = carrier;
        if (to != null) {
            to.share(stream, descriptor);
        }
    }

    public static void share(final FileInputStream stream, final FileDescriptor descriptor) {
        final Carrier to = carrier;
        if (to != null) {
            to.share(stream, descriptor);
        }
    }

    public static boolean sync(final FileDescriptor descriptor, final @Nullable Closeable parent)
            throws SyncFailedException {
        final Carrier to = carrier;
        return to != null && to.sync(descriptor, parent);
    }

    /** Called by the head of {@code FileChannelImpl.force}, for a report. */
    public static void passed(final FileDescriptor descriptor) {
        final Carrier to = carrier;
        if (to != null) {
            to.passed(descriptor);
        }
    }

    // ---- for files of the JDK, in place of a native method of this name ----

    public static void sync(final FileDescriptor descriptor) throws SyncFailedException {
        ofJdk().sync(descriptor);
    }

    public static long getFilePointer(final FileDescriptor descriptor) throws IOException {
        return ofJdk().pointer(descriptor);
    }

    public static long length(final FileDescriptor descriptor) throws IOException {
        return ofJdk().length(descriptor);
    }

    public static void setLength(final FileDescriptor descriptor, final long length) throws IOException {
        ofJdk().setLength(descriptor, length);
    }

    private static Carrier.Natives ofJdk() {
        final Carrier.Natives those = natives;
        if (those == null) {
            throw new IllegalStateException("the agent has not been installed");
        }
        return those;
    }
}
