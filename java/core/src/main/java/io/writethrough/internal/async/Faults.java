// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.internal.async;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The steps on the way from a submission to its callback that may fail for want of memory, for a test that has each of them
 * fail. They are named in assertions: without those none costs anything.
 */
public final class Faults {
    public enum Step {
        MAKE_OPERATIONS,
        MAKE_WATCH,
        MAKE_LEADER,
        BEGIN_OPERATION,
        REAP,
        TAKE_EVENT,
        END_OPERATION,
        READ_ON,
        HAND_TO_WAITING,
        RUN_WAITING,
        HAND_TO_QUEUE,
        SCHEDULE,
        SUBMIT_TASK,
        RUN_TASK,
        DECIDE,
        COMPLETE,
        COMPLETED,
        MAKE_THREAD,
        WATCH,
        HELP,
        CLOSE
    }

    private static volatile @Nullable Consumer<Step> plan;

    private Faults() {}

    /** What each step does first; null: nothing. */
    public static void plan(final @Nullable Consumer<Step> faults) {
        plan = faults;
    }

    /** Always true, if it returns. */
    public static boolean at(final Step step) {
        final Consumer<Step> faults = plan;
        if (faults != null) {
            faults.accept(step);
        }
        return true;
    }
}
