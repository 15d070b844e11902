// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * An engine that submits its I/O on the io_uring of an event loop of Netty 4.2: {@link
 * io.writethrough.netty42.OneRing}.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.netty42;

import org.jspecify.annotations.NullMarked;
