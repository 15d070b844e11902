// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import static io.writethrough.agent.Checks.check;
import static io.writethrough.agent.Checks.stats;
import static io.writethrough.agent.Checks.writesOf;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.FileWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens files in each way, and checks that the engine has written them. */
final class CarriedFiles {
    private CarriedFiles() {}

    public static void main(final String[] arguments) throws IOException {
        final Path directory = Path.of(arguments[0]);
        final File file = directory.resolve("file").toFile();
        final long open = stats().openFiles();
        everyWay(file);
        passingBy(directory.resolve("a.log").toFile());
        mixed(file);
        check(stats().openFiles() == open, "all files are closed");
        System.out.println("all well");
    }

    private static void everyWay(final File file) throws IOException {
        carried("RandomAccessFile", () -> {
            try (RandomAccessFile random = new RandomAccessFile(file, "rw")) {
                random.write(1);
                check(stats().openFiles() == 1, "one file is open");
                random.getFD().sync();
            }
        });
        carried("FileOutputStream", () -> {
            try (OutputStream stream = new FileOutputStream(file)) {
                stream.write(1);
            }
        });
        carried("FileWriter", () -> {
            try (FileWriter writer = new FileWriter(file, StandardCharsets.UTF_8, true)) {
                writer.write("text");
            }
        });
        carried("PrintWriter", () -> {
            try (PrintWriter writer = new PrintWriter(file, StandardCharsets.UTF_8)) {
                writer.println("text");
            }
        });
        carried("channel of a stream", () -> {
            try (FileChannel channel = new FileOutputStream(file).getChannel()) {
                channel.write(ByteBuffer.allocate(10));
            }
        });
        carried("Files", () -> Files.writeString(file.toPath(), "text"));
        carried("FileChannel", () -> {
            try (FileChannel channel = FileChannel.open(file.toPath(), READ, WRITE)) {
                channel.write(ByteBuffer.allocate(10), 0);
            }
        });
    }

    private static void carried(final String way, final Checks.Action action) throws IOException {
        check(writesOf(action) > 0, way + " is carried");
    }

    private static void passingBy(final File file) throws IOException {
        final long writes = writesOf(() -> {
            try (RandomAccessFile random = new RandomAccessFile(file, "rw");
                    FileOutputStream stream = new FileOutputStream(file)) {
                random.write(1);
                random.getFD().sync();
                stream.write(1);
                check(random.length() == 1 && random.getFilePointer() == 1, "the JDK's file works");
                random.setLength(0);
                check(random.getFilePointer() == 0, "the JDK's file is cut");
                check(!random.getChannel().toString().contains("WriteThrough"), "the JDK's channel");
            }
        });
        check(writes == 0, "files of passBy are the JDK's");
    }

    private static void mixed(final File file) throws IOException {
        try (RandomAccessFile random = new RandomAccessFile(file, "rw");
                FileChannel channel = FileChannel.open(file.toPath(), READ, WRITE);
                FileInputStream input = new FileInputStream(file)) {
            random.setLength(0);
            random.writeInt(42);
            final ByteBuffer read = ByteBuffer.allocate(8);
            channel.read(read, 0);
            check(read.flip().getInt() == 42, "a channel reads what a stream wrote");
            channel.write(ByteBuffer.allocate(1).put(0, (byte) 7), 4);
            check(random.read() == 7, "a stream reads what a channel wrote");
            check(input.readAllBytes().length == 5, "so does a reader");
        }
        // Nobody writes the file any more: readers are the JDK's.
        final long reads = stats().readHits() + stats().readMisses();
        try (FileInputStream input = new FileInputStream(file);
                RandomAccessFile random = new RandomAccessFile(file, "r")) {
            check(input.read() == 0 && random.readInt() == 42, "the bytes are there");
        }
        check(stats().readHits() + stats().readMisses() == reads, "readers are the JDK's");
    }
}
