// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The way from an event of the C core to a future and its callbacks, and the threads on it.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.async;

import org.jspecify.annotations.NullMarked;
