// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The native methods, and the constants of the C ABI. It calls nothing of the library but the C core.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.jni;

import org.jspecify.annotations.NullMarked;
