// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.load;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Array;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file in memory that the dynamic linker loads, by memfd_create(2): for where each directory is mounted noexec or read-only.
 * It belongs to this process alone, and has no name that somebody could exchange. Java calls memfd_create by java.lang.foreign,
 * which is there from JDK 22 on, and is looked up by reflection since these classes are compiled for 17.
 */
final class MemoryFile implements AutoCloseable {
    private static final int FIRST_JDK = 22;

    private static final int MFD_CLOEXEC = 1;

    /* Linux 6.3 and later: where vm.memfd_noexec is 1 a file is not executable without it. */
    private static final int MFD_EXEC = 16;

    private final int descriptor;

    private MemoryFile(final int descriptor) {
        this.descriptor = descriptor;
    }

    /** A file with these bytes. The message of an exception tells a person why there can be none. */
    static MemoryFile of(final byte[] bytes) throws IOException {
        if (Runtime.version().feature() < FIRST_JDK) {
            throw new IOException("before JDK " + FIRST_JDK + " nothing is loaded from memory");
        }
        int descriptor = create(MFD_CLOEXEC | MFD_EXEC);
        if (descriptor < 0) {
            descriptor = create(MFD_CLOEXEC);
        }
        if (descriptor < 0) {
            throw new IOException("memfd_create(2) is refused");
        }
        final MemoryFile made = new MemoryFile(descriptor);
        boolean written = false;
        try (OutputStream out = new FileOutputStream(made.file())) {
            out.write(bytes);
            written = true;
        } finally { // also after an error: the heap may be full
            if (!written) {
                made.close();
            }
        }
        return made;
    }

    /** The same file by a name of its own. */
    MemoryFile byAnotherName() throws IOException {
        final int another = call("dup", null, descriptor);
        if (another < 0) {
            throw new IOException("dup(2) is refused");
        }
        return new MemoryFile(another);
    }

    /** A name for it, as long as it is open. */
    File file() {
        return new File("/proc/self/fd/" + descriptor);
    }

    /* The descriptor, or -1. */
    private static int create(final int flags) throws IOException {
        return call("memfd_create", "libwritethrough.so", flags);
    }

    /** What is loaded needs no descriptor. */
    @Override
    public void close() throws IOException {
        call("close", null, descriptor);
    }

    /* Calls a function of the C library that takes an int, or a string and an int, and returns an int. */
    private static int call(final String function, final @Nullable String text, final int number) throws IOException {
        try {
            final Class<?> linkers = Class.forName("java.lang.foreign.Linker");
            final Class<?> layouts = Class.forName("java.lang.foreign.MemoryLayout");
            final Class<?> segments = Class.forName("java.lang.foreign.MemorySegment");
            final Class<?> descriptors = Class.forName("java.lang.foreign.FunctionDescriptor");
            final Class<?> options = Class.forName("[Ljava.lang.foreign.Linker$Option;");
            final Class<?> values = Class.forName("java.lang.foreign.ValueLayout");
            final Object ofInt = values.getField("JAVA_INT").get(null);
            final Object ofAddress = values.getField("ADDRESS").get(null);

            final Object arguments = Array.newInstance(layouts, text == null ? 1 : 2);
            Array.set(arguments, 0, text == null ? ofInt : ofAddress);
            if (text != null) {
                Array.set(arguments, 1, ofInt);
            }
            final Object descriptor =
                    descriptors.getMethod("of", layouts, arguments.getClass()).invoke(null, ofInt, arguments);
            final Object linker = linkers.getMethod("nativeLinker").invoke(null);
            final Object lookup = linkers.getMethod("defaultLookup").invoke(linker);
            final Optional<?> symbol = (Optional<?>) Class.forName("java.lang.foreign.SymbolLookup")
                    .getMethod("find", String.class)
                    .invoke(lookup, function);
            if (symbol.isEmpty()) {
                return -1;
            }
            final MethodHandle handle =
                    (MethodHandle) linkers.getMethod("downcallHandle", segments, descriptors, options)
                            .invoke(linker, symbol.get(), descriptor, Array.newInstance(options.getComponentType(), 0));
            if (text == null) {
                return (int) handle.invoke(number);
            }
            final Class<?> arenas = Class.forName("java.lang.foreign.Arena");
            final Object arena = arenas.getMethod("ofAuto").invoke(null);
            final Object string = Class.forName("java.lang.foreign.SegmentAllocator")
                    .getMethod("allocateFrom", String.class)
                    .invoke(arena, text);
            return (int) handle.invokeWithArguments(string, number);
        } catch (final RuntimeException | Error e) {
            throw e;
        } catch (final Throwable e) {
            throw new IOException("java.lang.foreign cannot call " + function + " (" + e + ")", e);
        }
    }
}
