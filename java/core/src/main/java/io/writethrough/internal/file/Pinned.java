// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.file;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Bytes of a file that are pinned, or a copy of them. {@code PinnedBytes} says what each method does. */
public interface Pinned {
    /** Whether a report of a lost pin tells where the pin was made. */
    boolean TRACED = Boolean.getBoolean("io.writethrough.tracePins");

    int FRAMES_TOLD = 12;

    long position();

    int length();

    boolean isCopy();

    boolean isOpen();

    ByteBuffer buffer();

    List<ByteBuffer> segments();

    void close();

    default void requireOpen() {
        if (!isOpen()) {
            throw new IllegalStateException("The pinned bytes are closed");
        }
    }

    default String text(final Path path) {
        return "PinnedBytes[" + path + ", " + length() + " bytes at " + position() + (isOpen() ? "]" : ", closed]");
    }

    /** Where a pin is made, for its report; null if nobody wants that. */
    static @Nullable Throwable here() {
        return TRACED ? new Throwable() : null;
    }

    /** What the report of a lost pin says. */
    static String description(final Path path, final long position, final int length, final @Nullable Throwable made) {
        final StringBuilder text = new StringBuilder("A PinnedBytes of ")
                .append(length)
                .append(" bytes at ")
                .append(position)
                .append(" of ")
                .append(path);
        if (made == null) {
            return text.append(" (-Dio.writethrough.tracePins=true tells where it was made)")
                    .toString();
        }
        text.append(", made at ");
        Arrays.stream(made.getStackTrace())
                .filter(frame -> !frame.getClassName().startsWith("io.writethrough.internal."))
                .limit(FRAMES_TOLD)
                .forEach(frame ->
                        text.append(System.lineSeparator()).append("    ").append(frame));
        return text.append(System.lineSeparator()).toString();
    }
}
