// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The channels of the JDK over a file that is open.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.channel;

import org.jspecify.annotations.NullMarked;
