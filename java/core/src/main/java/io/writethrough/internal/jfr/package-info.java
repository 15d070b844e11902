// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The events of the flight recorder. Only {@link io.writethrough.internal.jfr.Events} is to be touched from outside: it runs
 * without the module {@code jdk.jfr}, too.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.internal.jfr;

import org.jspecify.annotations.NullMarked;
