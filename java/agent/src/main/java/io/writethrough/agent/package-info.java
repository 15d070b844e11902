// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Where the JVM enters the agent.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.agent;

import org.jspecify.annotations.NullMarked;
