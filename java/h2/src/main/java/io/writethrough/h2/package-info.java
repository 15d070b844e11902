// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * H2 databases on write-through files: {@code jdbc:h2:wt:/path/db}. A program needs only this artifact on the class
 * path and that URL. {@link io.writethrough.h2.FilePathWriteThrough} says what is durable when, and what to do in a
 * program that asks no {@link java.sql.DriverManager} for connections.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.h2;

import org.jspecify.annotations.NullMarked;
