// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Finding and loading the native library.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.load;

import org.jspecify.annotations.NullMarked;
