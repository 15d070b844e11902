// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.agent;

import java.io.IOException;
import java.io.RandomAccessFile;

/** Writes four bytes, and tells by what. */
public final class ShortProgram {
    private ShortProgram() {}

    public static void main(final String[] arguments) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(arguments[0], "rw")) {
            file.writeBytes("text");
            System.out.println(file.length() + " bytes, by " + file.getChannel());
        }
    }
}
