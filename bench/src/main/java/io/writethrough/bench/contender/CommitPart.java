// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.contender;

/** The part of a commit whose time counts. */
public enum CommitPart {
    /** The writes and the force. */
    WHOLE,
    /** The writes alone. */
    WRITES,
    /** The force alone. */
    FORCE;

    /** The time of this part of a commit that began, had written and had forced at these times. */
    long nanos(long begin, long written, long forced) {
        return switch (this) {
            case WHOLE -> forced - begin;
            case WRITES -> written - begin;
            case FORCE -> forced - written;
        };
    }
}
