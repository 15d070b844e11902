// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.io.IOException;
import java.io.Serial;

/**
 * An operation that the operating system or the device refused. The message says which operation, on what, why, and
 * what to do.
 *
 * <p>After a write that failed, the first {@link #stableBytes()} bytes of it are on stable storage. The other bytes
 * may be stable or not, and a read shows what the device has. What was acknowledged before is as it was. The library
 * has written the bytes again only where the error, or a failed flush of the disk, may have been another write's.
 *
 * @since 0.1
 */
public final class WriteThroughException extends IOException {
    /** The value of {@link #offset()} and {@link #length()} for an operation that has none. */
    public static final long NONE = -1;

    @Serial
    private static final long serialVersionUID = 1;

    /** What was to be done. */
    private final String operation;

    /** Of the file, or empty. */
    private final String path;

    /** Where in the file, or {@link #NONE}. */
    private final long offset;

    /** Of the range, or {@link #NONE}. */
    private final long length;

    /** As the kernel has it. */
    private final int errno;

    /** Its symbolic name. */
    private final String errnoName;

    /** Of a write: bytes from its start that are stable. */
    private final long stableBytes;

    /**
     * An exception as the library makes it, also for tests of code that handles one.
     *
     * @param operation what was tried
     * @param path of the file, or empty
     * @param offset where in the file, or {@link #NONE}
     * @param length how many bytes, or {@link #NONE}
     * @param errno the number of the error
     * @param errnoName the name of the error
     * @param stableBytes of a write: how many bytes from its start are known to be stable
     * @param advice what to do about it, or empty
     */
    public WriteThroughException(
            final String operation,
            final String path,
            final long offset,
            final long length,
            final int errno,
            final String errnoName,
            final long stableBytes,
            final String advice) {
        super(message(operation, path, offset, length, errno, errnoName, stableBytes, advice));
        this.operation = operation;
        this.path = path;
        this.offset = offset;
        this.length = length;
        this.errno = errno;
        this.errnoName = errnoName;
        this.stableBytes = stableBytes;
    }

    private static String message(
            final String operation,
            final String path,
            final long offset,
            final long length,
            final int errno,
            final String errnoName,
            final long stableBytes,
            final String advice) {
        final StringBuilder message = new StringBuilder(operation);
        if (length != NONE) {
            message.append(" of ").append(length).append(" bytes");
        }
        if (offset != NONE) {
            message.append(" at offset ").append(offset);
        }
        if (!path.isEmpty()) {
            message.append(" of ").append(path);
        }
        message.append(": ").append(errnoName).append(" (").append(errno).append(")");
        if (operation.equals("write") || operation.equals("append")) {
            message.append(", the first ").append(stableBytes).append(" bytes are known to be stable");
        }
        if (!advice.isEmpty()) {
            message.append(". ").append(advice);
        }
        return message.toString();
    }

    /** {@return what was tried: {@code "open"}, {@code "write"}, {@code "read"}, {@code "truncate"} and so on} */
    public String operation() {
        return operation;
    }

    /** {@return the path of the file, as it was opened; empty for an operation on an engine} */
    public String path() {
        return path;
    }

    /** {@return where in the file, in bytes from its start (for a truncate the new size); {@link #NONE} for an operation without} */
    public long offset() {
        return offset;
    }

    /** {@return how many bytes were asked for; {@link #NONE} for an operation without a length} */
    public long length() {
        return length;
    }

    /** {@return the number of the error, as in errno(3)} */
    public int errno() {
        return errno;
    }

    /** {@return the name of the error, such as {@code "ENOSPC"}} */
    public String errnoName() {
        return errnoName;
    }

    /** {@return how many bytes, from the start of a write, are known to be on stable storage; 0 for other operations} */
    public long stableBytes() {
        return stableBytes;
    }
}
