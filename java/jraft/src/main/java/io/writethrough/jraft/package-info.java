// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The log of SOFAJRaft's nodes on a durable log of write-through files: {@link
 * io.writethrough.jraft.WriteThroughJRaftServiceFactory}.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.jraft;

import org.jspecify.annotations.NullMarked;
