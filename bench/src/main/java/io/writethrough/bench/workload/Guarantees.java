// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
package io.writethrough.bench.workload;

/** What a caller knows when an operation of a contender has ended. */
final class Guarantees {
    static final String LIBRARY_WRITE = "durable on return, error to its writer; then served from the cache";
    static final String LIBRARY_FORCE =
            "durable when force(false) has returned, error to each force; served from the cache from the write on";
    static final String LIBRARY_FUTURE = "durable when its future completes, error to its writer";
    static final String LIBRARY_READ = "newest bytes, each block wholly old or new, from this process's cache";
    static final String FORCE = "durable when force(false) has returned";
    static final String DSYNC = "durable on return";
    static final String DIRECT_DSYNC = "durable on return; aligned buffers and offsets only, nothing is cached";
    static final String MAPPED_FORCE = "durable when force(range) has returned; a failed page-in is a fault of the JVM";
    static final String LIBRARY_MAPPED =
            "durable when force has returned, which tells errors; no access to the memory faults";
    static final String HANDLER = "durable when its handler is called; aligned only, nothing is cached";
    static final String JASYNCFIO_DIRECT = "durable when its future completes; aligned only, nothing is cached";
    static final String JASYNCFIO_DSYNC = "durable when its future completes";
    static final String ARTEMIS =
            "fdatasync before the callback, its result is not looked at; aligned only, nothing is cached";
    static final String FIO_WRITE = "durable on completion: RWF_DSYNC, past the page cache, without Java";
    static final String GROUP_COMMIT = "durable on return: one force for a batch";
    static final String CHANNEL_READ = "newest bytes, from the kernel's page cache";
    static final String MAPPED_READ =
            "newest bytes, from the kernel's page cache; no read is atomic, a failed one faults";
    static final String DIRECT_READ = "what the disk has; aligned only, nothing is cached";
    static final String OPENED = "open for reading and writing, then closed";
    static final String OPENED_LOCKED = "the same, and locked against other processes meanwhile";
    static final String OPENED_LIBRARY = "the same, and locked against other processes, of known extent and alignment";

    private Guarantees() {}
}
