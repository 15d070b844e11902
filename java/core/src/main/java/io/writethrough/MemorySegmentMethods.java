// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough;

import io.writethrough.internal.file.OpenFile;

/**
 * The methods of {@link WriteThroughFile} that take memory segments, of JDK 22 and later: before that there are none. The class of
 * this name in src/main/java22 takes the place of this one there, from META-INF/versions/22 of the jar.
 */
abstract class MemorySegmentMethods {
    abstract OpenFile openFile();
}
