// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.log;

import java.io.IOException;
import java.io.Serial;

/**
 * Bytes of a log that were durable are not there any more. The library changes nothing in such a log: no record is cut off.
 * The records before {@link #readableTo()} can be read by {@link DurableLog#openReadOnly}.
 *
 * @since 0.1
 */
public final class LogDamagedException extends IOException {
    @Serial
    private static final long serialVersionUID = 1;

    /** The name of the file. */
    private final String file;

    /** In the file. */
    private final long offset;

    /** An LSN. */
    private final long readableTo;

    LogDamagedException(
            final Object directory, final String file, final long offset, final long readableTo, final String what) {
        super("The log " + directory + " is damaged in " + file + " at offset " + offset + ": " + what
                + ". Records before LSN " + readableTo
                + " are readable. Restore the file from a copy, or read what is left by DurableLog.openReadOnly");
        this.file = file;
        this.offset = offset;
        this.readableTo = readableTo;
    }

    /** {@return the name of the damaged file in the log's directory} */
    public String file() {
        return file;
    }

    /** {@return the offset in that file, in bytes, of the first byte that is wrong or may be} */
    public long offset() {
        return offset;
    }

    /** {@return the LSN before which the log is readable, from its start or from where the reader began} */
    public long readableTo() {
        return readableTo;
    }
}
