// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.netty.example;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;

/** A client of the {@link DurableLogServer}: sends several records, then takes their answers. */
final class LogClient implements Closeable {
    private final Socket socket;
    private final DataOutputStream out;
    private final DataInputStream in;

    LogClient(final int port) throws IOException {
        socket = new Socket(InetAddress.getLoopbackAddress(), port);
        socket.setSoTimeout(60_000);
        socket.setTcpNoDelay(true);
        out = new DataOutputStream(socket.getOutputStream());
        in = new DataInputStream(socket.getInputStream());
    }

    void send(final byte[]... records) throws IOException {
        int bytes = 0;
        for (final byte[] record : records) {
            bytes += Integer.BYTES + record.length;
        }
        final ByteBuffer frames = ByteBuffer.allocate(bytes);
        for (final byte[] record : records) {
            frames.putInt(record.length).put(record);
        }
        out.write(frames.array());
    }

    /** Where the next record is that was not answered before. */
    long answer() throws IOException {
        return in.readLong();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
