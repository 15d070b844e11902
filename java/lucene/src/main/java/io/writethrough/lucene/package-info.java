// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * Indexes of Lucene in write-through files: {@link io.writethrough.lucene.WriteThroughDirectory}.
 *
 * @since 0.1.0
 */
@NullMarked
package io.writethrough.lucene;

import org.jspecify.annotations.NullMarked;
