// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Databases and logs as their makers publish them, on write-through files by the switch of the JVM or by the agent. Each runs
 * in a process of its own: a program with a {@code main} commits records one at a time, or checks them.
 */
@NullMarked
package io.writethrough.systems;

import org.jspecify.annotations.NullMarked;
