// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * What a module with an event loop of its own gets to see.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.ring;

import org.jspecify.annotations.NullMarked;
