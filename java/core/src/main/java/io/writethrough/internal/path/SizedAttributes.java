// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.GroupPrincipal;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.util.Set;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * The attributes of a file that the engine writes: the kernel's size of the file may be behind, where bytes wait for a force, or
 * ahead, where the file grows ahead. All else is the kernel's.
 */
public final class SizedAttributes implements PosixFileAttributes {
    private final BasicFileAttributes attributes;
    private final long size;

    private SizedAttributes(final BasicFileAttributes attributes, final long size) {
        this.attributes = attributes;
        this.size = size;
    }

    /** Those of the kernel, with the size of the engine unless that is negative. */
    public static <A extends BasicFileAttributes> A of(
            final A attributes, final Class<A> type, final ToLongFunction<BasicFileAttributes> sizeOfEngine) {
        if (!attributes.isRegularFile() || !type.isAssignableFrom(SizedAttributes.class)) {
            return attributes;
        }
        final long size = sizeOfEngine.applyAsLong(attributes);
        return size < 0 || size == attributes.size() ? attributes : type.cast(new SizedAttributes(attributes, size));
    }

    /** A view whose attributes are such. */
    public static <V extends FileAttributeView> @Nullable V view(
            final @Nullable V view, final Class<V> type, final ToLongFunction<BasicFileAttributes> sizeOfEngine) {
        if (!(view instanceof BasicFileAttributeView)) {
            return view;
        }
        return type.cast(Proxy.newProxyInstance(
                SizedAttributes.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    final Object result;
                    try {
                        result = method.invoke(view, arguments);
                    } catch (final InvocationTargetException e) {
                        throw e.getCause();
                    }
                    if (result instanceof PosixFileAttributes posix) {
                        return of(posix, PosixFileAttributes.class, sizeOfEngine);
                    }
                    return result instanceof BasicFileAttributes basic
                            ? of(basic, BasicFileAttributes.class, sizeOfEngine)
                            : result;
                }));
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public FileTime lastModifiedTime() {
        return attributes.lastModifiedTime();
    }

    @Override
    public FileTime lastAccessTime() {
        return attributes.lastAccessTime();
    }

    @Override
    public FileTime creationTime() {
        return attributes.creationTime();
    }

    @Override
    public boolean isRegularFile() {
        return attributes.isRegularFile();
    }

    @Override
    public boolean isDirectory() {
        return attributes.isDirectory();
    }

    @Override
    public boolean isSymbolicLink() {
        return attributes.isSymbolicLink();
    }

    @Override
    public boolean isOther() {
        return attributes.isOther();
    }

    @Override
    public @Nullable Object fileKey() {
        return attributes.fileKey();
    }

    @Override
    public UserPrincipal owner() {
        return posix().owner();
    }

    @Override
    public GroupPrincipal group() {
        return posix().group();
    }

    @Override
    public Set<PosixFilePermission> permissions() {
        return posix().permissions();
    }

    /* Who has asked for basic attributes alone does not come here. */
    private PosixFileAttributes posix() {
        return (PosixFileAttributes) attributes;
    }
}
