// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The metrics of an engine for Micrometer: {@link io.writethrough.micrometer.WriteThroughMetrics}.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.micrometer;

import org.jspecify.annotations.NullMarked;
