// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.portable;

import io.writethrough.internal.jni.CApi;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** What the JDK knows of the file system of a file: its kind and its block. Of the device it knows nothing. */
final class Profiles {
    private static final int BUFFERED = 2;
    private static final int UNKNOWN = 2;
    private static final int BLOCK_BYTES = 4096;

    private Profiles() {}

    static int fill(final Path path, final CApi.Profile profile) {
        profile.path = BUFFERED;
        profile.block_bytes = BLOCK_BYTES;
        profile.fua = UNKNOWN;
        profile.volatile_cache = UNKNOWN;
        try {
            final Path known = Files.exists(path) ? path : path.toAbsolutePath().getParent();
            final FileStore store = Files.getFileStore(known == null ? path : known);
            final byte[] type = store.type().getBytes(StandardCharsets.UTF_8);
            profile.fs_type = Arrays.copyOf(type, Math.max(type.length + 1, profile.fs_type.length));
            profile.fs_block_bytes = (int) blockOf(store);
        } catch (final IOException e) { // of a file that has lost its name, for example
            profile.fs_type = "unknown\0".getBytes(StandardCharsets.UTF_8);
        }
        return 0;
    }

    private static long blockOf(final FileStore store) throws IOException {
        try {
            return store.getBlockSize();
        } catch (final UnsupportedOperationException e) {
            return 0;
        }
    }
}
