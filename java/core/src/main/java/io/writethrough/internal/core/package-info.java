// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The seam between the library and what carries its I/O: the classes above call {@link io.writethrough.internal.core.Core} and do
 * not know which engine a handle is of.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.core;

import org.jspecify.annotations.NullMarked;
