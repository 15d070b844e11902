// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * What rewritten classes of the JDK call: classes of the bootstrap loader.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.agent.boot;

import org.jspecify.annotations.NullMarked;
