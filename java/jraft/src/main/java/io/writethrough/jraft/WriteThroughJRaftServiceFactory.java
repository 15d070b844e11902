// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.jraft;

import com.alipay.sofa.jraft.core.DefaultJRaftServiceFactory;
import com.alipay.sofa.jraft.option.RaftOptions;
import com.alipay.sofa.jraft.storage.LogStorage;
import io.writethrough.log.LogOptions;
import java.nio.file.Path;
import java.util.Objects;

/**
 * Gives nodes of SOFAJRaft a log that is a {@link io.writethrough.log.DurableLog}, in place of one in RocksDB:
 *
 * <pre>{@code
 * nodeOptions.setServiceFactory(new WriteThroughJRaftServiceFactory());
 * }</pre>
 *
 * <p>All else is SOFAJRaft's own. The log is in the directory of {@code NodeOptions.setLogUri}. Entries are durable before a node
 * says so, also with {@code RaftOptions.setSync(false)}. Entries of one call are all in the log after a crash, or none.
 *
 * <p>A log in RocksDB stays one: a node refuses to open its directory. To change a group, remove a node, let the node begin again
 * with an empty directory and this factory, and add the node again, one after the other.
 *
 * <p>An opening reads the whole log. A node that takes snapshots keeps the log short. In memory an entry takes 8 bytes.
 *
 * @since 0.1
 */
public final class WriteThroughJRaftServiceFactory extends DefaultJRaftServiceFactory {
    private final LogOptions options;

    /** Logs with the {@linkplain LogOptions#defaults() default options}: segments of 64 MiB. */
    public WriteThroughJRaftServiceFactory() {
        this(LogOptions.defaults());
    }

    /**
     * Logs with options. A process with many groups wants smaller segments: each group has two or more.
     *
     * @param options of each log; a retention by size must not be asked for
     * @throws IllegalArgumentException if there is such a retention: a group itself knows what it needs
     */
    public WriteThroughJRaftServiceFactory(final LogOptions options) {
        super();
        this.options = Objects.requireNonNull(options);
        if (options.retentionBytes() != 0) {
            throw new IllegalArgumentException("A node trims its log itself. Leave out retentionBytes");
        }
    }

    /**
     * The log of a node.
     *
     * @param uri the path of its directory
     * @param raftOptions of the node
     * @return a storage that is not open yet
     */
    @Override
    public LogStorage createLogStorage(final String uri, final RaftOptions raftOptions) {
        return new DurableLogStorage(Path.of(uri), options);
    }
}
