// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Callers' buffers as native code takes them, and the view of the cache that reads look into first.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.buffer;

import org.jspecify.annotations.NullMarked;
