// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.DataOutputStream;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FileReader;
import java.io.FileWriter;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Scanner;
import java.util.concurrent.Callable;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/** A program that prints the result of each call that it makes: with the agent the same as without. */
final class StreamContract {
    private static File directory = new File(".");
    private static String title = "";

    private StreamContract() {}

    public static void main(final String[] arguments) throws Exception {
        directory = new File(arguments[0]);
        for (final String mode : List.of("rw", "rws", "rwd")) {
            randomAccess(mode);
        }
        readOnly();
        output(false);
        output(true);
        input();
        refusals();
        closings();
        onDescriptors();
        channels();
        wrappers();
    }

    private static void say(final String what, final Callable<?> call) {
        String result;
        try {
            result = text(call.call());
        } catch (final Throwable e) {
            result = e.getClass().getName() + ": " + e.getMessage();
        }
        System.out.println(title + " " + what + ": " + result.replace(directory.toString(), "DIRECTORY"));
    }

    private static String text(final Object result) {
        return result instanceof byte[] bytes
                ? bytes.length + " bytes, " + Arrays.hashCode(bytes)
                : String.valueOf(result);
    }

    private interface Action {
        void run() throws Exception;
    }

    private static void tried(final String what, final Action action) {
        say(what, () -> {
            action.run();
            return "done";
        });
    }

    private static File file(final String name) {
        return new File(directory, name);
    }

    private static byte[] bytes(final int count) {
        final byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) (i * 31 + (i >> 8));
        }
        return bytes;
    }

    private static void randomAccess(final String mode) throws IOException {
        title = "RandomAccessFile " + mode;
        final File path = file("random-" + mode);
        try (RandomAccessFile file = new RandomAccessFile(path, mode)) {
            say("valid", () -> file.getFD().valid());
            say("length", file::length);
            say("read at the end", () -> file.read());
            say("read bytes at the end", () -> file.read(new byte[10]));
            tried("write nothing", () -> file.write(new byte[0]));
            tried("write", () -> file.write(bytes(10_000)));
            tried("write byte", () -> file.write(0x1ff));
            tried("write part", () -> file.write(bytes(100), 10, 20));
            say("pointer", file::getFilePointer);
            say("length", file::length);
            say("length on disk", path::length);
            tried("data", () -> {
                file.writeBoolean(true);
                file.writeByte(1);
                file.writeShort(2);
                file.writeChar('c');
                file.writeInt(3);
                file.writeLong(4);
                file.writeFloat(5);
                file.writeDouble(6);
                file.writeBytes("bytes\u00e9\u20ac");
                file.writeChars("chars\u20ac");
                file.writeUTF("utf\u20ac");
            });
            say("pointer", file::getFilePointer);
            tried("seek", () -> file.seek(10_021));
            say(
                    "data",
                    () -> List.of(
                            file.readBoolean(),
                            file.readByte(),
                            file.readShort(),
                            file.readChar(),
                            file.readInt(),
                            file.readLong(),
                            file.readFloat(),
                            file.readDouble()));
            say("skipBytes", () -> file.skipBytes(7 + 12));
            say("utf", file::readUTF);
            say("skipBytes at the end", () -> file.skipBytes(7));
            say("readInt at the end", file::readInt);
            tried("seek 9990", () -> file.seek(9_990));
            say("short read", () -> file.read(new byte[100_000]));
            tried("seek behind the end", () -> file.seek(20_000));
            say("pointer", file::getFilePointer);
            say("read behind the end", () -> file.read());
            say("length", file::length);
            tried("write behind the end", () -> file.write(7));
            say("length", file::length);
            say("whole", () -> Files.readAllBytes(path.toPath()));
            tried("seek -1", () -> file.seek(-1));
            tried("setLength shorter", () -> file.setLength(5_000));
            say("pointer", file::getFilePointer);
            say("length", file::length);
            tried("setLength longer", () -> file.setLength(9_000));
            say("pointer", file::getFilePointer);
            say("length", file::length);
            tried("setLength -1", () -> file.setLength(-1));
            tried("seek", () -> file.seek(4_990));
            say("zeros", () -> {
                final byte[] some = new byte[100];
                file.readFully(some);
                return some;
            });
            tried("readFully past the end", () -> file.readFully(new byte[10_000]));
            say("lines", () -> {
                file.seek(0);
                file.writeBytes("one\ntwo\r\nthree\rfour");
                file.setLength(file.getFilePointer());
                file.seek(0);
                return file.readLine()
                        + file.readLine()
                        + file.readLine()
                        + file.getFilePointer()
                        + file.readLine()
                        + file.readLine();
            });
            say("read null", () -> file.read(null));
            tried("write null", () -> file.write(null));
            say("read null part", () -> file.read(null, 0, 0));
            say("read out of bounds", () -> file.read(new byte[10], 5, 6));
            tried("write out of bounds", () -> file.write(new byte[10], -1, 2));
            tried("write negative length", () -> file.write(new byte[10], 1, -2));
            tried("sync", () -> file.getFD().sync());
        }
    }

    private static void readOnly() throws IOException {
        title = "RandomAccessFile r";
        final File path = file("read-only");
        try (RandomAccessFile writer = new RandomAccessFile(path, "rw");
                RandomAccessFile file = new RandomAccessFile(path, "r")) {
            writer.write(bytes(5_000));
            say("length", file::length);
            say("read", () -> file.read(new byte[6_000]));
            tried("write", () -> file.write(1));
            tried("write bytes", () -> file.write(new byte[5]));
            tried("write nothing", () -> file.write(new byte[0]));
            tried("setLength", () -> file.setLength(1));
            tried("setLength same", () -> file.setLength(5_000));
            say("channel write", () -> file.getChannel().write(ByteBuffer.allocate(1)));
            tried("sync", () -> file.getFD().sync());
            writer.setLength(10);
            say("length", file::length);
            say("pointer", file::getFilePointer);
            say("read", () -> file.read());
        }
    }

    private static void output(final boolean append) throws IOException {
        title = "FileOutputStream " + append;
        final File path = file("output-" + append);
        Files.write(path.toPath(), bytes(100));
        try (FileOutputStream stream = new FileOutputStream(path, append)) {
            say("length", path::length);
            say("valid", () -> stream.getFD().valid());
            tried("write byte", () -> stream.write(300));
            tried("write bytes", () -> stream.write(bytes(5_000)));
            tried("write part", () -> stream.write(bytes(100), 50, 50));
            tried("write nothing", () -> stream.write(new byte[5], 5, 0));
            tried("write null", () -> stream.write(null));
            tried("write out of bounds", () -> stream.write(new byte[5], 5, 1));
            tried("flush", () -> stream.flush());
            say("position", () -> stream.getChannel().position());
            say("move", () -> stream.getChannel().position(10) == stream.getChannel());
            say("position", () -> stream.getChannel().position());
            tried("write at it", () -> stream.write(bytes(3)));
            say("position", () -> stream.getChannel().position());
            say("channel write", () -> stream.getChannel().write(ByteBuffer.wrap(bytes(7))));
            say("channel write at", () -> stream.getChannel().write(ByteBuffer.wrap(bytes(9)), 50));
            say("channel read", () -> stream.getChannel().read(ByteBuffer.allocate(1)));
            say("size", () -> stream.getChannel().size());
            tried("sync", () -> stream.getFD().sync());
            say("whole", () -> Files.readAllBytes(path.toPath()));
        }
        say("whole", () -> Files.readAllBytes(path.toPath()));
    }

    private static void input() throws IOException {
        title = "FileInputStream";
        final File path = file("input");
        try (FileOutputStream writer = new FileOutputStream(path);
                FileInputStream stream = new FileInputStream(path)) {
            say("read of nothing", () -> stream.read());
            say("available", stream::available);
            writer.write(bytes(10_000));
            say("available", stream::available);
            say("read", () -> stream.read());
            say("read bytes", () -> stream.read(new byte[99]));
            say("read part", () -> stream.read(new byte[99], 1, 10));
            say("read no bytes", () -> stream.read(new byte[0]));
            say("position", () -> stream.getChannel().position());
            say("skip", () -> stream.skip(1_000));
            say("skip back", () -> stream.skip(-500));
            say("skip too far back", () -> stream.skip(-5_000));
            say("position", () -> stream.getChannel().position());
            say("readNBytes", () -> stream.readNBytes(300));
            say("available", stream::available);
            say("readAllBytes", stream::readAllBytes);
            say("readAllBytes", stream::readAllBytes);
            say("skip past the end", () -> stream.skip(100));
            say("available", stream::available);
            say("position", () -> stream.getChannel().position());
            say("read", () -> stream.read());
            say("skip most", () -> stream.skip(Long.MAX_VALUE));
            say("move", () -> stream.getChannel().position(9_000) == stream.getChannel());
            say("transferTo", () -> {
                try (FileOutputStream copy = new FileOutputStream(file("copy"))) {
                    return stream.transferTo(copy);
                }
            });
            say("copy", () -> Files.readAllBytes(file("copy").toPath()));
            say("mark", () -> stream.markSupported());
            say("read out of bounds", () -> stream.read(new byte[5], 3, 3));
            say("read null", () -> stream.read(null));
            say("channel write", () -> stream.getChannel().write(ByteBuffer.allocate(1)));
            tried("sync", () -> stream.getFD().sync());
        }
    }

    private static void refusals() throws IOException {
        title = "open";
        final File none = file("none/at/all");
        say("in no directory, rw", () -> new RandomAccessFile(none, "rw"));
        say("in no directory, r", () -> new RandomAccessFile(none, "r"));
        say("in no directory, output", () -> new FileOutputStream(none));
        say("in no directory, append", () -> new FileOutputStream(none, true));
        say("in no directory, input", () -> new FileInputStream(none));
        say("no file, r", () -> new RandomAccessFile(file("none"), "r"));
        say("no file, input", () -> new FileInputStream(file("none")));
        say("directory, rw", () -> new RandomAccessFile(directory, "rw"));
        say("directory, output", () -> new FileOutputStream(directory));
        say("directory, append", () -> new FileOutputStream(directory, true));
        say("mode", () -> new RandomAccessFile(file("none"), "w"));
        say("null", () -> new FileOutputStream((String) null));
        say("empty", () -> new FileOutputStream(""));
        say("zero", () -> new FileOutputStream("a\0b"));
        Files.createFile(file("a-file").toPath());
        say("below a file", () -> new FileOutputStream(file("a-file/below")));
        say("long name", () -> new FileOutputStream(file("n".repeat(300))));
        Files.createSymbolicLink(file("loop").toPath(), file("loop").toPath());
        say("loop", () -> new FileOutputStream(file("loop")));
        Files.createSymbolicLink(file("link").toPath(), file("linked").toPath());
        say("link to no file", () -> {
            try (FileOutputStream stream = new FileOutputStream(file("link"))) {
                stream.write(5);
            }
            return file("linked").length();
        });
        final File mine = file("not-to-be-written");
        Files.createFile(mine.toPath());
        say("setReadOnly", mine::setReadOnly);
        say("read-only file, rw", () -> {
            try (RandomAccessFile file = new RandomAccessFile(mine, "rw")) {
                return file.length();
            }
        });
        tried("/dev/null", () -> {
            try (FileOutputStream stream = new FileOutputStream("/dev/null")) {
                stream.write(5);
            }
        });
        tried("/dev/full", () -> {
            try (FileOutputStream stream = new FileOutputStream("/dev/full")) {
                stream.write(5);
            }
        });
        say("/dev/zero", () -> {
            try (RandomAccessFile file = new RandomAccessFile("/dev/zero", "r")) {
                return file.getFilePointer() + file.readInt();
            }
        });
    }

    private static void closings() throws IOException {
        title = "closed";
        final RandomAccessFile file = new RandomAccessFile(file("closed"), "rw");
        final FileChannel channel = file.getChannel();
        final FileDescriptor descriptor = file.getFD();
        file.close();
        file.close();
        say("channel open", channel::isOpen);
        say("descriptor", descriptor::valid);
        tried("sync", () -> descriptor.sync());
        say("read", () -> file.read());
        say("read bytes", () -> file.read(new byte[1]));
        say("read no bytes", () -> file.read(new byte[0]));
        tried("write", () -> file.write(1));
        tried("write bytes", () -> file.write(new byte[1]));
        tried("write no bytes", () -> file.write(new byte[0]));
        say("pointer", file::getFilePointer);
        tried("seek", () -> file.seek(1));
        tried("seek -1", () -> file.seek(-1));
        say("length", file::length);
        tried("setLength", () -> file.setLength(1));
        tried("writeInt", () -> file.writeInt(1));
        tried("writeBytes", () -> file.writeBytes("a"));
        say("readLine", file::readLine);
        say("channel of it open", () -> file.getChannel().isOpen());
        say("channel", channel::size);

        final FileOutputStream output = new FileOutputStream(file("closed"));
        output.getChannel().close();
        say("descriptor", () -> output.getFD().valid());
        tried("write", () -> output.write(1));
        tried("write bytes", () -> output.write(new byte[1]));
        tried("close", () -> output.close());
        final FileOutputStream writer = new FileOutputStream(file("closed"));
        final FileInputStream input = new FileInputStream(file("closed"));
        input.close();
        say("input read", () -> input.read());
        say("input readAllBytes", input::readAllBytes);
        say("input available", input::available);
        say("input channel open", () -> input.getChannel().isOpen());
        writer.close();
    }

    private static void onDescriptors() throws IOException {
        title = "on a descriptor";
        final RandomAccessFile file = new RandomAccessFile(file("shared"), "rw");
        final FileOutputStream output = new FileOutputStream(file.getFD());
        final FileInputStream input = new FileInputStream(file.getFD());
        file.write(bytes(10));
        output.write(bytes(20));
        say("pointer", file::getFilePointer);
        say("length", file::length);
        file.seek(5);
        say("read", () -> input.read());
        say("pointer", file::getFilePointer);
        say(
                "channels",
                () -> output.getChannel().position() + input.getChannel().position());
        say("read by output", () -> output.getChannel().read(ByteBuffer.allocate(1)));
        say("write by input", () -> input.getChannel().write(ByteBuffer.allocate(1)));
        tried("sync", () -> output.getFD().sync());
        output.close();
        say("valid", () -> file.getFD().valid());
        say("read", () -> file.read());
        say("input read", () -> input.read());
        tried("close", () -> input.close());

        final FileOutputStream appending = new FileOutputStream(file("shared"), true);
        final FileOutputStream second = new FileOutputStream(appending.getFD());
        second.write(bytes(5));
        appending.write(bytes(6));
        say("length on disk", () -> file("shared").length());
        final FileInputStream wrong = new FileInputStream(appending.getFD());
        say("wrong direction", () -> wrong.read());
        second.close();
        tried("closed with it", () -> appending.write(1));
    }

    private static void channels() throws IOException {
        title = "channel";
        try (RandomAccessFile file = new RandomAccessFile(file("channel"), "rw");
                RandomAccessFile other = new RandomAccessFile(file("channel"), "rw")) {
            final FileChannel channel = file.getChannel();
            say("same", () -> channel == file.getChannel());
            say("write", () -> channel.write(ByteBuffer.wrap(bytes(9_000))));
            say("pointer", file::getFilePointer);
            tried("seek", () -> file.seek(10));
            say("position", channel::position);
            say("read", () -> channel.read(ByteBuffer.allocate(10)));
            say("pointer", file::getFilePointer);
            say("write at", () -> channel.write(ByteBuffer.wrap(bytes(5)), 20_000));
            say("other's length", other::length);
            say("other reads", () -> {
                other.seek(19_999);
                return other.read() + other.read() + other.read();
            });
            say("truncate", () -> channel.truncate(100) == channel);
            say("length", file::length);
            say("other's length", other::length);
            say("gather", () -> channel.write(new ByteBuffer[] {ByteBuffer.wrap(bytes(3)), ByteBuffer.wrap(bytes(4))}));
            say("size", channel::size);
            say("map", () -> channel.map(FileChannel.MapMode.READ_ONLY, 10, 50).get(5));
            say(
                    "map private",
                    () -> channel.map(FileChannel.MapMode.PRIVATE, 0, 50)
                            .put(5, (byte) 9)
                            .get(5));
            say("lock", () -> {
                try (FileLock lock = channel.lock(0, 10, false)) {
                    return lock.isValid() + " " + (lock.channel() == channel) + " " + lock.position() + lock.size();
                }
            });
            say("locks that overlap", () -> {
                try (FileLock lock = channel.tryLock()) {
                    return other.getChannel().tryLock();
                }
            });
            say("transferTo", () -> {
                try (FileOutputStream copy = new FileOutputStream(file("transferred"))) {
                    return channel.transferTo(5, 80, copy.getChannel());
                }
            });
            say("transferFrom", () -> {
                try (FileInputStream copy = new FileInputStream(file("transferred"))) {
                    return channel.transferFrom(copy.getChannel(), 200, 1_000);
                }
            });
            say("whole", () -> Files.readAllBytes(file("channel").toPath()));
            say(
                    "stream of it",
                    () -> Channels.newInputStream(channel.position(0)).readAllBytes());
            say("negative", () -> channel.read(ByteBuffer.allocate(1), -1));
            say("negative position", () -> channel.position(-1));
            tried("force", () -> channel.force(true));
        }
    }

    private static void wrappers() throws IOException {
        title = "wrapper";
        final File path = file("wrapped");
        tried("PrintWriter", () -> {
            try (PrintWriter writer = new PrintWriter(path, StandardCharsets.UTF_8)) {
                writer.println("one 2 three");
            }
        });
        tried("FileWriter", () -> {
            try (FileWriter writer = new FileWriter(path, true)) {
                writer.write("four\n");
            }
        });
        say("Scanner", () -> {
            try (Scanner scanner = new Scanner(path, StandardCharsets.UTF_8)) {
                return scanner.next() + scanner.nextInt() + scanner.next();
            }
        });
        say("FileReader", () -> {
            try (BufferedReader reader = new BufferedReader(new FileReader(path))) {
                return reader.lines().toList();
            }
        });
        say("Properties", () -> {
            final Properties properties = new Properties();
            properties.setProperty("key", "value");
            try (OutputStream stream = new FileOutputStream(path);
                    FileInputStream in = new FileInputStream(path)) {
                properties.store(stream, null);
                final Properties read = new Properties();
                read.load(in);
                return read;
            }
        });
        say("objects", () -> {
            try (ObjectOutputStream stream = new ObjectOutputStream(new FileOutputStream(path))) {
                stream.writeObject(List.of("a", 2));
            }
            try (ObjectInputStream stream = new ObjectInputStream(new FileInputStream(path))) {
                return stream.readObject();
            }
        });
        say("GZIP", () -> {
            try (DataOutputStream stream = new DataOutputStream(new GZIPOutputStream(new FileOutputStream(path)))) {
                for (int i = 0; i < 10_000; i++) {
                    stream.writeInt(i);
                }
            }
            try (GZIPInputStream stream = new GZIPInputStream(new BufferedInputStream(new FileInputStream(path)))) {
                return stream.readAllBytes();
            }
        });
    }
}
