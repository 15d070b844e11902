// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Write-through files for Netty. An event loop writes and reads a {@link io.writethrough.netty.NettyWriteThroughFile},
 * and never waits for the device. A {@link io.writethrough.netty.DurableHandler} makes the messages of a channel
 * durable before the next handler gets them.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.netty;

import org.jspecify.annotations.NullMarked;
