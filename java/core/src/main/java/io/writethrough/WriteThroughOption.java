// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.nio.file.OpenOption;

/**
 * Options of {@link WriteThroughEngine#open(java.nio.file.Path, Durability, OpenOption...) open} beside those of the JDK. See
 * {@link GrowthAhead} for another.
 *
 * @since 0.1
 */
public enum WriteThroughOption implements OpenOption {
    /**
     * The file is to keep a name. As with every channel, a file stays usable after it was unlinked, or after another
     * file was renamed over it. But bytes that are written then are gone with the last close. With this option all
     * operations on the file fail with {@code ESTALE} once it has no name left, from the moment that the library
     * notices, as {@link WriteThroughFile} says. For a database, whose files nobody is to remove or replace while it
     * runs. Not for a log that is rotated, nor for a temporary file.
     *
     * <p>A file that was only renamed has a name. The option holds for the file, by whichever handle, until the last
     * handle is closed.
     */
    KEEP_NAME,

    /**
     * What is read and written by this handle is of the engine's background class: see {@link
     * WriteThroughEngine#limitBackground}. Other handles of the same file are not. For compactions, backups, scrubbing.
     *
     * @since 0.1.0
     */
    BACKGROUND
}
