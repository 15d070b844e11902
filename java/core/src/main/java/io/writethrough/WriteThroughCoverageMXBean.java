// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import java.util.Map;

/**
 * Which files the library carries where it is the default file system of a JVM: {@code io.writethrough:type=Coverage} in the
 * MBean server of the process, from the first file on that it carries or is set to carry.
 *
 * @since 0.1
 */
public interface WriteThroughCoverageMXBean {
    /**
     * The settings that choose the files.
     *
     * @return the names and values of those that are set: {@code paths=glob:/var/lib/app/**}, for example
     */
    String getSettings();

    /**
     * How many opens the engine has carried since the start of the process.
     *
     * @return the count
     */
    long getCarriedOpens();

    /**
     * The files that the settings choose, and what became of them: those that were opened lately by the library, a thousand
     * at most, and those that are open for writing in this process past the library now. To ask reads {@code /proc/self}.
     *
     * @return what became of each file, by its path
     */
    Map<String, String> getFiles();
}
