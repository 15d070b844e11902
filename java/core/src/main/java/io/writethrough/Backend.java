// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

/**
 * The backend of an engine: it carries the engine's I/O to the kernel. All backends give the same guarantees.
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
    THREADS
}
