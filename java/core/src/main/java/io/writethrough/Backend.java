// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * The backend of an engine: it carries the engine's I/O to the kernel. All backends give the same guarantees of
 * durability, and all but {@link #KERNEL} the same guarantees in all.
 *
 * @since 0.1
 */
public enum Backend {
    /** {@link #IO_URING}, or {@link #THREADS} where the kernel refuses io_uring. The default. */
    AUTO,

    /** io_uring. An engine that asks for io_uring by name fails to open where the kernel refuses it. */
    IO_URING,

    /**
     * A small pool of threads that call {@code preadv2} and {@code pwritev2}. For places where io_uring is not
     * allowed: containers with a default seccomp profile, or the setting {@code kernel.io_uring_disabled}.
     */
    THREADS,

    /**
     * The kernel's page cache is the cache, and the kernel writes it through: a write is {@code pwritev2} with
     * {@code RWF_WRITETHROUGH}. For kernels with the patch set "buffered write-through" of 2026, which is not merged yet, on
     * xfs; {@link #AUTO} never means this backend.
     *
     * <p>The first open for writing on each mount proves, on a nameless file in the directory of the file, that this kernel
     * writes through. If not, the open fails ({@code EOPNOTSUPP}) and creates no file.
     *
     * <p>What is durable when is as with the others. The rest is as where there is no direct I/O: the path is {@link
     * StorageProfile.WritePath#BUFFERED}, an asynchronous write is done when it is submitted, a read that meets a concurrent write may
     * see a part of the write, and there are no atomic writes. The kernel does one write to a file at a time, and a read of
     * cached bytes of that file waits for the write. A write takes one command for each 128 KiB and each extent of the file
     * that it touches.
     *
     * <p>Nobody else may write to the files, in any other way than by an engine: the kernel may then lose a size.
     */
    KERNEL
}
