// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.jfr;

import java.nio.file.Path;

/** The event of an operation that has begun. */
public interface IoEvent {
    /**
     * The operation ended.
     *
     * @param durability a code of the C ABI
     * @param flags of {@link io.writethrough.internal.NativeIo}
     * @param isAsynchronous its caller did not wait for it
     * @param errno 0 if it went well
     * @param done bytes that were read or are stable
     */
    void end(
            Path path,
            long position,
            long length,
            int durability,
            int flags,
            boolean isAsynchronous,
            int errno,
            long done);
}
