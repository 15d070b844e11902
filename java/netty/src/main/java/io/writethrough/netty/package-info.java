// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Write-through files for Netty: {@link io.writethrough.netty.NettyWriteThroughFile} is written and read from an event loop,
 * which never waits, and {@link io.writethrough.netty.DurableHandler} makes the messages of a channel durable before they are
 * passed on.
 */
@NullMarked
package io.writethrough.netty;

import org.jspecify.annotations.NullMarked;
