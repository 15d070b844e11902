// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty.example;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.ReferenceCountUtil;
import io.writethrough.WriteThroughFile;
import io.writethrough.netty.RecordFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/**
 * A record of the log, as it is in the file: its length, a checksum of length and bytes, and the bytes. So zeros, and what a
 * power cut left in part, are no record.
 */
final class LogRecord {
    static final int HEADER_BYTES = 8;
    static final int MOST_BYTES = 1 << 20;

    static final RecordFormat FORMAT = new RecordFormat() {
        @Override
        public ByteBuf record(final ChannelHandlerContext context, final Object message) {
            final ByteBuf bytes = (ByteBuf) message;
            final ByteBuf header = context.alloc().buffer(HEADER_BYTES);
            header.writeInt(bytes.readableBytes()).writeInt(checksum(bytes.nioBuffer()));
            return context.alloc()
                    .compositeBuffer(2)
                    .addComponent(true, header)
                    .addComponent(true, bytes.retainedSlice());
        }

        @Override
        public Object durable(final Object message, final long offset) {
            ReferenceCountUtil.release(message);
            return offset;
        }
    };

    private LogRecord() {}

    /** The bytes of the record at this place, or null if there is none. */
    static ByteBuffer read(final WriteThroughFile file, final long offset) throws IOException {
        final ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
        if (file.read(header, offset) < HEADER_BYTES) {
            return null;
        }
        final int length = header.getInt(0);
        if (length < 0 || length > Math.min(MOST_BYTES, file.size() - offset - HEADER_BYTES)) {
            return null;
        }
        final ByteBuffer bytes = ByteBuffer.allocate(length);
        file.read(bytes, offset + HEADER_BYTES);
        return checksum(bytes.flip()) == header.getInt(4) ? bytes : null;
    }

    private static int checksum(final ByteBuffer bytes) {
        final CRC32C checksum = new CRC32C();
        checksum.update(ByteBuffer.allocate(4).putInt(0, bytes.remaining()));
        checksum.update(bytes.duplicate());
        return (int) checksum.getValue();
    }
}
