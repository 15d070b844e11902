// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.path;

import org.jspecify.annotations.Nullable;

/**
 * What names a file however it is called: the numbers of its device and its inode, by which the C core knows files.
 *
 * @param device as {@code st_dev} of stat(2)
 * @param number as {@code st_ino}
 */
public record FileIdentity(long device, long number) {
    private static final String DEVICE = "(dev=";
    private static final String NUMBER = ",ino=";

    /**
     * The identity that the key of a file's attributes has. The JDK shows the numbers in the text of the key alone; to ask the
     * kernel once more takes longer than to read that.
     *
     * @param fileKey of {@link java.nio.file.attribute.BasicFileAttributes#fileKey()}
     * @return null if the key has another form
     */
    static @Nullable FileIdentity of(final @Nullable Object fileKey) {
        final String text = String.valueOf(fileKey);
        final int number = text.indexOf(NUMBER);
        if (!text.startsWith(DEVICE) || number < 0 || !text.endsWith(")")) {
            return null;
        }
        try {
            return new FileIdentity(
                    Long.parseUnsignedLong(text, DEVICE.length(), number, 16),
                    Long.parseLong(text, number + NUMBER.length(), text.length() - 1, 10));
        } catch (final NumberFormatException e) {
            return null;
        }
    }
}
