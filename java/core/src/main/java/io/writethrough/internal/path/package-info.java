// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The paths of the file system over another.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.path;

import org.jspecify.annotations.NullMarked;
