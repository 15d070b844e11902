// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The journal of a bookie of Apache BookKeeper on write-through files: {@link
 * io.writethrough.bookkeeper.WriteThroughFileChannelProvider}.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.bookkeeper;

import org.jspecify.annotations.NullMarked;
