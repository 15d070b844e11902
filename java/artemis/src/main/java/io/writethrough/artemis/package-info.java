// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The journal of ActiveMQ Artemis on write-through files: {@link io.writethrough.artemis.WriteThroughSequentialFileFactory}
 * in place of Artemis' own factories for NIO, AIO and mapped files.
 */
@NullMarked
package io.writethrough.artemis;

import org.jspecify.annotations.NullMarked;
