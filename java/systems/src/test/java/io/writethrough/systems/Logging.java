// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.systems;

import org.slf4j.LoggerFactory;

/** What the systems log. */
final class Logging {
    private Logging() {}

    /** Prints errors alone. To be called before any class of a system is used. */
    static void ofErrors() {
        ofLevel("error");
    }

    /** Prints nothing, for a system that logs errors while all is well. */
    static void none() {
        ofLevel("off");
    }

    private static void ofLevel(final String level) {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", level);
        LoggerFactory.getILoggerFactory(); // by one thread, or the others are told that they came too early
    }
}
