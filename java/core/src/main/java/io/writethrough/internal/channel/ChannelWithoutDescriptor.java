// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.channel;

import java.nio.channels.FileChannel;

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
    private Object null0;
    private Object null1;
    private Object null2;
    private Object null3;
    private Object null4;
    private Object null5;
    private Object null6;
    private Object null7;
    private Object null8;
    private Object null9;
    private Object null10;
    private Object null11;
    private Object null12;
    private Object null13;
    private Object null14;
    private Object null15;
}
