// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Engines and files that are open, their reads and writes, and what is thrown when one fails.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.file;

import org.jspecify.annotations.NullMarked;
