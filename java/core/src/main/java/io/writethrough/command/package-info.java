// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * What {@code java -jar} runs: programs over the API, for people who look after a database.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.command;

import org.jspecify.annotations.NullMarked;
