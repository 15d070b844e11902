// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent.inside;

import io.writethrough.agent.boot.Carrier;
import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.SyncFailedException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodHandles.Lookup;
import java.lang.invoke.MethodType;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/** The fields and methods of the JDK that the agent uses and that are not public. */
final class Jdk implements Carrier.Natives {
    private static final int NO_POSITION = -1;

    private final VarHandle channelOfInput;
    private final VarHandle channelOfOutput;
    private final VarHandle channelOfRandom;
    private final VarHandle number;
    private final VarHandle appends;
    private final VarHandle parent;
    private final MethodHandle set;
    private final MethodHandle close;

    private final MethodHandle seek;
    private final MethodHandle force;
    private final MethodHandle truncate;
    private final MethodHandle size;

    Jdk() throws ReflectiveOperationException {
        channelOfInput = field(FileInputStream.class, "channel", FileChannel.class);
        channelOfOutput = field(FileOutputStream.class, "channel", FileChannel.class);
        channelOfRandom = field(RandomAccessFile.class, "channel", FileChannel.class);
        number = field(FileDescriptor.class, "fd", int.class);
        appends = field(FileDescriptor.class, "append", boolean.class);
        parent = field(FileDescriptor.class, "parent", Closeable.class);
        final Lookup descriptors = MethodHandles.privateLookupIn(FileDescriptor.class, MethodHandles.lookup());
        set = descriptors.findVirtual(FileDescriptor.class, "set", MethodType.methodType(void.class, int.class));
        close = descriptors.findVirtual(FileDescriptor.class, "close", MethodType.methodType(void.class));

        final Class<?> calls = classOf("sun.nio.ch.UnixFileDispatcherImpl", "sun.nio.ch.FileDispatcherImpl");
        final Lookup lookup = MethodHandles.privateLookupIn(calls, MethodHandles.lookup());
        seek = call(lookup, long.class, "seek0", long.class);
        force = call(lookup, int.class, "force0", boolean.class);
        truncate = call(lookup, int.class, "truncate0", long.class);
        size = call(lookup, long.class, "size0");
    }

    private static VarHandle field(final Class<?> owner, final String name, final Class<?> type)
            throws ReflectiveOperationException {
        return MethodHandles.privateLookupIn(owner, MethodHandles.lookup()).findVarHandle(owner, name, type);
    }

    /* The name on JDK 21 and later, or the one before. */
    private static Class<?> classOf(final String name, final String older) throws ClassNotFoundException {
        try {
            return Class.forName(name);
        } catch (final ClassNotFoundException e) {
            return Class.forName(older);
        }
    }

    private static MethodHandle call(
            final Lookup lookup, final Class<?> result, final String name, final Class<?>... arguments)
            throws ReflectiveOperationException {
        final MethodType type =
                MethodType.methodType(result, FileDescriptor.class).appendParameterTypes(arguments);
        return lookup.findStatic(lookup.lookupClass(), name, type);
    }

    // ---- objects of java.io ----

    /** The channel that an object of java.io has, if one was made. */
    @Nullable
    FileChannel channelOf(final Closeable owner) {
        if (owner instanceof RandomAccessFile) {
            return (FileChannel) channelOfRandom.getVolatile(owner);
        }
        if (owner instanceof FileOutputStream) {
            return (FileChannel) channelOfOutput.getVolatile(owner);
        }
        return owner instanceof FileInputStream ? (FileChannel) channelOfInput.getVolatile(owner) : null;
    }

    void setChannel(final Closeable owner, final FileChannel channel) {
        if (owner instanceof RandomAccessFile) {
            channelOfRandom.setVolatile(owner, channel);
        } else if (owner instanceof FileOutputStream) {
            channelOfOutput.setVolatile(owner, channel);
        } else {
            channelOfInput.setVolatile(owner, channel);
        }
    }

    int numberOf(final FileDescriptor descriptor) {
        return (int) number.get(descriptor);
    }

    /** The object of java.io that has opened a descriptor. */
    @Nullable
    Closeable parentOf(final FileDescriptor descriptor) {
        return (Closeable) parent.get(descriptor);
    }

    /** Gives a descriptor that has no number one. */
    void set(final FileDescriptor descriptor, final int to, final boolean forAppends) throws IOException {
        try {
            set.invokeExact(descriptor, to);
            appends.set(descriptor, forAppends);
        } catch (final Throwable e) {
            throw ioException(e);
        }
    }

    /** Closes a descriptor that has a number. */
    void close(final FileDescriptor descriptor) throws IOException {
        try {
            close.invokeExact(descriptor);
        } catch (final Throwable e) {
            throw ioException(e);
        }
    }

    // ---- what native methods did ----

    @Override
    public void sync(final FileDescriptor descriptor) throws SyncFailedException {
        try {
            final int ignored = (int) force.invokeExact(descriptor, true);
        } catch (final Throwable e) {
            final SyncFailedException failed = new SyncFailedException("sync failed");
            failed.initCause(ioException(e));
            throw failed;
        }
    }

    @Override
    public long pointer(final FileDescriptor descriptor) throws IOException {
        requireOpen(descriptor);
        try {
            return (long) seek.invokeExact(descriptor, (long) NO_POSITION);
        } catch (final Throwable e) {
            throw ioException(e);
        }
    }

    @Override
    public long length(final FileDescriptor descriptor) throws IOException {
        requireOpen(descriptor);
        try {
            return (long) size.invokeExact(descriptor);
        } catch (final Throwable e) {
            throw ioException(e);
        }
    }

    @Override
    public void setLength(final FileDescriptor descriptor, final long length) throws IOException {
        final long before = pointer(descriptor);
        try {
            final int ignored = (int) truncate.invokeExact(descriptor, length);
            if (before > length) {
                move(descriptor, length);
            }
        } catch (final Throwable e) {
            throw ioException(e);
        }
    }

    private void move(final FileDescriptor descriptor, final long position) throws Throwable {
        final long ignored = (long) seek.invokeExact(descriptor, position);
    }

    private static void requireOpen(final FileDescriptor descriptor) throws IOException {
        if (!descriptor.valid()) {
            throw StreamChannel.streamClosed();
        }
    }

    private static IOException ioException(final Throwable e) {
        if (e instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof IOException failure ? failure : new IOException(e);
    }
}
