// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/**
 * The journal of ActiveMQ Artemis on write-through files. {@link
 * io.writethrough.artemis.WriteThroughSequentialFileFactory} takes the place of Artemis' own factories for NIO, AIO and
 * mapped files. {@link io.writethrough.artemis.WriteThroughActiveMQServer} is a broker with such a journal.
 *
 * @since 0.1
 */
@NullMarked
package io.writethrough.artemis;

import org.jspecify.annotations.NullMarked;
