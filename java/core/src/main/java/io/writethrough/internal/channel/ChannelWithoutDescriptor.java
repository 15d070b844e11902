// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * A file channel in whose objects the place is null where the JDK's own channel has its descriptor.
 *
 * <p>Netty's native transports send a {@code DefaultFileRegion} by the field {@code fd} of {@code sun.nio.ch.FileChannelImpl}. They
 * read it at its offset, of whatever class the channel is: an object without these fields made them take any number for a
 * descriptor, and send what was open there. A null they refuse.
 *
 * <p>The JVM lays out the fields of a class behind those of its superclass, and references side by side. The JDK's class
 * has fewer fields than this one, so its {@code fd} is beside one of these.
 */
@SuppressWarnings("unused")
public abstract class ChannelWithoutDescriptor extends FileChannel {
    private @Nullable Object null0;
    private @Nullable Object null1;
    private @Nullable Object null2;
    private @Nullable Object null3;
    private @Nullable Object null4;
    private @Nullable Object null5;
    private @Nullable Object null6;
    private @Nullable Object null7;
    private @Nullable Object null8;
    private @Nullable Object null9;
    private @Nullable Object null10;
    private @Nullable Object null11;
    private @Nullable Object null12;
    private @Nullable Object null13;
    private @Nullable Object null14;
    private @Nullable Object null15;
}
