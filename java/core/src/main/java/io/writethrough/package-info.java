// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Write-through files: buffered on the way in, direct on the way out.
 *
 * <p>A write copies the caller's bytes into a page cache of this process and sends the blocks it touched at once, as direct
 * I/O. When the call returns, the bytes are on stable storage, and any error of that I/O was the caller's. A read of cached
 * bytes is a copy and no system call. So there is no {@code force} to forget, no write-back storm and no lost error.
 *
 * <p>Start with {@link io.writethrough.WriteThroughFile#open(java.nio.file.Path, java.nio.file.OpenOption...)}.
 *
 * <p>Unless a method says otherwise: offsets, positions, lengths and sizes are bytes; every object but a buffer may be used
 * by any number of threads at a time; no parameter may be {@code null} ({@link java.lang.NullPointerException}), nor may an
 * element of an array parameter, and no method returns {@code null}. A type that is annotated {@code Nullable} is an exception.
 *
 * <p>The native library runs on Linux, x86-64 and aarch64. Elsewhere the portable engine carries the I/O, with the same
 * durability: {@link io.writethrough.Backend#JDK}. The log says so once.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough;

import org.jspecify.annotations.NullMarked;
