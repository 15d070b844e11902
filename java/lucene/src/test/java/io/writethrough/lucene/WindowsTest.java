// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import com.carrotsearch.randomizedtesting.annotations.ThreadLeakFilters;
import io.writethrough.WriteThroughEngine;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSLockFactory;
import org.apache.lucene.tests.store.BaseChunkedDirectoryTestCase;

/** What Lucene expects of a directory that reads in pieces, with pieces of any power of two. */
@ThreadLeakFilters(filters = EngineThreads.class)
public class WindowsTest extends BaseChunkedDirectoryTestCase {
    @Override
    protected Directory getDirectory(final Path path, final int bytes) throws IOException {
        return new WriteThroughDirectory(
                path,
                FSLockFactory.getDefault(),
                WriteThroughEngine.shared(),
                Windows.fixed(Integer.highestOneBit(bytes)));
    }
}
