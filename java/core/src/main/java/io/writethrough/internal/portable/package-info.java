// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The portable engine: what the C core offers, in Java alone, over the channels of the JDK. Bytes go to the page cache of the
 * system and are durable by a force, which writes of several threads share. Nothing here needs Linux, or native code.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.portable;

import org.jspecify.annotations.NullMarked;
