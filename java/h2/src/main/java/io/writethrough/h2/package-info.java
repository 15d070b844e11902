// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * H2 databases that are written through: {@code jdbc:h2:wt:/path/db}. With this artifact on the class path the URL is all
 * there is to it; {@link io.writethrough.h2.FilePathWriteThrough} says what it does, and what to do where no {@link
 * java.sql.DriverManager} is asked for connections.
 */
@NullMarked
package io.writethrough.h2;

import org.jspecify.annotations.NullMarked;
