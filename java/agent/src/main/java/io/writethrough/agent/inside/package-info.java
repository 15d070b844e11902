// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The agent: rewrites classes of the JDK, and opens files for them. A class loader of its own has these classes and ASM.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.agent.inside;

import org.jspecify.annotations.NullMarked;
