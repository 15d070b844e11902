// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import com.alipay.sofa.jraft.JRaftServiceFactory;
import com.alipay.sofa.jraft.core.DefaultJRaftServiceFactory;
import io.writethrough.log.LogOptions;

/** Where a node has its log. */
enum Storage {
    WRITE_THROUGH,
    ROCKSDB;

    JRaftServiceFactory factory() {
        return this == ROCKSDB
                ? new DefaultJRaftServiceFactory()
                : new WriteThroughJRaftServiceFactory(
                        LogOptions.builder().segmentBytes(4 << 20).build());
    }
}
