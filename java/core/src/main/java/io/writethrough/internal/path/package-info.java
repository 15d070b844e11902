// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The paths of the file system over another.
 *
 * @since 0.1
 */
package io.writethrough.internal.path;
