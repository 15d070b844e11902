// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * What an engine counts, for JMX, the flight recorder and the log.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.stats;

import org.jspecify.annotations.NullMarked;
