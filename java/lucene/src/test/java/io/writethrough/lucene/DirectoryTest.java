// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.lucene;

import com.carrotsearch.randomizedtesting.annotations.ThreadLeakFilters;
import java.io.IOException;
import java.nio.file.Path;
import org.apache.lucene.store.Directory;
import org.apache.lucene.tests.store.BaseDirectoryTestCase;

/** What Lucene expects of every directory. */
@ThreadLeakFilters(filters = EngineThreads.class)
public class DirectoryTest extends BaseDirectoryTestCase {
    @Override
    protected Directory getDirectory(final Path path) throws IOException {
        return new WriteThroughDirectory(path);
    }
}
