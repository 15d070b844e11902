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
    /**
     * {@link #IO_URING}, or {@link #THREADS} where the kernel refuses io_uring, or {@link #JDK} where there is no native library for this
     * platform, it cannot be loaded, or the system refuses what it needs: one line of the log says why. The default.
     */
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
    KERNEL,

    /**
     * The portable engine: Java alone, over the channels of the JDK, wherever a JDK runs. There is no native code in it. The cache is
     * the system's page cache, a write is durable by a force before it returns, and writes of several threads share a force.
     *
     * <p>What is durable when is as with the others; a write with {@link Durability#DEVICE} is as durable as one with {@link
     * Durability#DSYNC}. The rest is as where there is no direct I/O: the path is {@link StorageProfile.WritePath#BUFFERED}, and
     * a read that meets a concurrent write may see a part of the write. These differ:
     *
     * <ul>
     *   <li>{@link WriteFlag#ATOMIC}, {@link WriteThroughFile#map} and {@link WriteThroughFile#fileDescriptor()} fail, and the
     *       ring of an event loop is refused.
     *   <li>The size counts bytes that are not stable yet. {@link GrowthAhead}, {@link WriteFlag#DONTCACHE} and {@link
     *       WriteFlag#HIGH_PRIORITY} do nothing, and a hole becomes written zeros.
     *   <li>When a force fails, each write that was under way is told, also one whose bytes another force might have made
     *       stable. Until the file is opened again after its last close, reads may show bytes that the device refused.
     *   <li>With {@link WriteThroughOption#KEEP_NAME} a file that another program renames counts as lost, too, but on Linux.
     *   <li>Reads and writes allocate objects. Slow I/O is not logged, and the flight recorder has no gathers.
     * </ul>
     *
     * <p>A file is owned among portable engines: of this process, and of the processes of the same user with the same
     * directory for temporary files, or the same {@code -Dio.writethrough.lockDirectory}. It is refused where the native library has
     * it open. The other way round, another process with the native library does not see a portable engine.
     */
    JDK
}
