// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "base/lock.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "posix/threads.h"
#include "uring/uring.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "api/engine.h"
#include "api/file.h"
#include "api/lanes.h"
#include "base/line.h"
#include "base/mutant.h"
#include "cache/cursor.h"
#include "engine/handle.h"
#include "file/inode.h"
#include "file/operation.h"
#include "file/owners.h"
#include "io/disk.h"
#include "io/mapped.h"
#include "io/plug.h"
#include "posix/changes.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "posix/probe.h"
#include "posix/through.h"
#include "read/pin.h"
#include "uring/external.h"
#include "write/later.h"
#include "write/memory.h"
#include "write/writeback.h"

#define DEFAULT_CACHE_BYTES (UINT64_C(256) << 20)
#define DEFAULT_IN_FLIGHT_BYTES (UINT64_C(64) << 20)

/*
 * Engines that a thread is about to close, so that another thread that closes one too can wait. Each entry is on the
 * closing thread's stack.
 */
struct closing {
    wt_engine engine;
    struct closing *next;
};
static struct wt_mutex closing_lock = WT_MUTEX_INITIALIZER(WT_LOCK_CLOSING);
static struct wt_condition closing_done; /* made when the library is loaded */
static struct closing *closing_engines;

uint32_t wt_abi_version(void) {
    return WT_ABI_VERSION;
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

/*
 * io_uring, or threads where the kernel refuses io_uring. A filter of system calls may refuse with any errno. To have no
 * descriptor left is not a refusal: files would have none either. A flag is not left out silently.
 */
static int open_auto(const struct wt_engine_options *options, struct wt_backend **backend) {
    int rc = wt_io_uring_open(options, backend);
    bool refused = rc && rc != -EMFILE && rc != -ENFILE;
    return refused && !options->flags ? wt_threads_open(options, backend) : rc;
}

/* One line for each WT_BACKEND_*: how the backend is opened, and the WT_ENGINE_* that the backend knows. */
static const struct {
    int (*open)(const struct wt_engine_options *options, struct wt_backend **backend);
    uint32_t flags;
} backends[] = {
    [WT_BACKEND_AUTO] = {open_auto, WT_ENGINE_SQPOLL | WT_ENGINE_IOPOLL},
    [WT_BACKEND_IO_URING] = {wt_io_uring_open, WT_ENGINE_SQPOLL | WT_ENGINE_IOPOLL},
    [WT_BACKEND_THREADS] = {wt_threads_open, 0},
    [WT_BACKEND_KERNEL] = {wt_kernel_open, 0},
};

static int with_defaults(const struct wt_engine_options *given, struct wt_engine_options *options) {
    *options = given ? *given : (struct wt_engine_options){0};
    if (!options->cache_bytes)
        options->cache_bytes = DEFAULT_CACHE_BYTES;
    if (!options->in_flight_bytes)
        options->in_flight_bytes = DEFAULT_IN_FLIGHT_BYTES;
    if (!options->ring_entries)
        options->ring_entries = 256;
    if (!options->threads)
        options->threads = 8;
    bool power = (options->ring_entries & (options->ring_entries - 1)) == 0;
    if (options->cache_bytes < 128u << 10 || options->in_flight_bytes < 64u << 10 || options->ring_entries < 8 ||
        options->ring_entries > 32768 || !power || options->backend >= sizeof backends / sizeof *backends ||
        options->threads > 256)
        return -EINVAL;
    return options->flags & ~backends[options->backend].flags ? -EINVAL : 0;
}

/* Half of it, and twice, are nearly as fast (1 MiB at a time, on a virtual disk of 2 GB/s). */
#define PART_BYTES (256u << 10)

/* Smaller pieces would cost more than they spare others. */
#define BACKGROUND_IN_FLIGHT_LEAST (UINT64_C(16) << 10)

/* A million writes, or 60,000 fetches. */
#define OPERATION_BYTES_MOST (UINT64_C(256) << 20)

static uint64_t chunk_bytes_for(const struct wt_engine_options *options) {
    uint64_t pages = options->cache_bytes >> WT_PAGE_SHIFT;
    uint64_t chunk = (pages / 4 - 4) << WT_PAGE_SHIFT;
    if (chunk > options->in_flight_bytes)
        chunk = options->in_flight_bytes & ~(uint64_t)(WT_PAGE_BYTES - 1);
    return chunk < WT_LARGEST_CHUNK_BYTES ? chunk : WT_LARGEST_CHUNK_BYTES;
}

/*
 * This many waiting threads for each processor are a crowd. With fewer, to yield costs more than it saves (measured
 * on two processors: 16 appenders 1.4 times the records for 1.5 times the processor time, 64 appenders 1.7 times for
 * the same).
 */
#define CROWD_OF_PROCESSOR 4

static uint32_t crowd_of(void) {
    cpu_set_t allowed;
    uint32_t processors = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? (uint32_t)CPU_COUNT(&allowed) : 64;
    return CROWD_OF_PROCESSOR * processors;
}

/*
 * In a child of fork(2): what the parent's threads hold there is left behind, and the parent's handles are no handles
 * there.
 */
static void forked(void) {
    wt_handle_forked(&wt_engine_handles);
    wt_handle_forked(&wt_file_handles);
    wt_descriptors_forked();
    wt_probe_forked();
    wt_disk_forked();
    wt_mapped_forked();
    wt_handle_forked(&wt_memory_handles);
    wt_handle_forked(&wt_pin_handles);
    wt_owners_forked();
    wt_changes_forked();
    wt_through_forked();
    wt_plugs_forked();
    wt_mutex_init(&closing_lock, WT_LOCK_CLOSING);
    wt_condition_init(&closing_done);
    closing_engines = NULL;
}

static int watching_forks; /* 0 or an errno */

__attribute__((constructor)) static void watch_forks(void) {
    wt_condition_init(&closing_done);
    watching_forks = pthread_atfork(NULL, NULL, forked);
}

static void init_locks(struct wt_engine_object *engine) {
    wt_mutex_init(&engine->inode_lock, WT_LOCK_INODES);
    wt_condition_init(&engine->inode_closed);
    wt_mutex_init(&engine->file_lock, WT_LOCK_FILES);
    wt_condition_init(&engine->file_closed);
    wt_mutex_init(&engine->free_lock, WT_LOCK_FREE_OBJECTS);
    wt_condition_init(&engine->writeback_room);
    wt_mutex_init(&engine->held_lock, WT_LOCK_HELD);
    wt_condition_init(&engine->ticker_due);
    wt_mutex_init(&engine->event_lock, WT_LOCK_EVENTS);
    wt_condition_init(&engine->event_posted);
    wt_trace_open(&engine->trace);
}

static void destroy_locks(struct wt_engine_object *engine) {
    wt_mutex_destroy(&engine->inode_lock);
    wt_condition_destroy(&engine->inode_closed);
    wt_mutex_destroy(&engine->file_lock);
    wt_condition_destroy(&engine->file_closed);
    wt_mutex_destroy(&engine->free_lock);
    wt_condition_destroy(&engine->writeback_room);
    wt_mutex_destroy(&engine->held_lock);
    wt_condition_destroy(&engine->ticker_due);
    wt_mutex_destroy(&engine->event_lock);
    wt_condition_destroy(&engine->event_posted);
    wt_trace_close(&engine->trace);
}

/* Frees what there is; the backend is the caller's. */
static void free_engine(struct wt_engine_object *engine, bool cache_open) {
    if (cache_open)
        wt_cache_close(&engine->cache);
    if (engine->zeros)
        munmap(engine->zeros, WT_ZERO_BYTES);
    free(engine->inodes);
    wt_background_close(&engine->background);
    destroy_locks(engine);
    free(engine);
}

int wt_engine_open_on(const struct wt_engine_options *given, struct wt_backend *backend, wt_engine *handle) {
    struct wt_engine_options options;
    int rc = with_defaults(given, &options);
    rc = rc ? rc : -watching_forks;
    struct wt_engine_object *engine = rc ? NULL : aligned_alloc(_Alignof(struct wt_engine_object), sizeof *engine);
    if (!engine) {
        backend->ops->close(backend);
        return rc ? rc : -ENOMEM;
    }
    memset(engine, 0, sizeof *engine);
    init_locks(engine);
    engine->backend = backend;
    wt_background_open(&engine->background, backend);
    engine->no_ticker = backend->ops->kind == 0;
    atomic_init(&engine->ticker_started, engine->no_ticker);
    engine->crowd = crowd_of();
    atomic_init(&engine->writeback_limit, WT_WRITEBACK_LIMIT);
    engine->chunk_bytes = chunk_bytes_for(&options);
    engine->part_bytes = PART_BYTES;
    engine->operation_bytes_most = OPERATION_BYTES_MOST;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the buckets are pointers. */
    engine->inodes = calloc(WT_INODE_BUCKETS, sizeof *engine->inodes);
    engine->zeros = mmap(NULL, WT_ZERO_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (engine->zeros == MAP_FAILED)
        engine->zeros = NULL;
    rc = engine->inodes && engine->zeros ? 0 : -ENOMEM;
    if (!rc)
        rc = wt_cache_open(&engine->cache, backend, options.cache_bytes, options.in_flight_bytes,
                           sizeof(struct wt_inode));
    if (!rc) {
        engine->cache.pool.send_held = wt_later_send_all;
        engine->cache.pool.engine = engine;
    }
    bool cache_open = !rc;
    wt_engine opened = rc ? 0 : wt_handle_open(&wt_engine_handles, engine, NULL);
    if (!opened) {
        free_engine(engine, cache_open);
        backend->ops->close(backend);
        return rc ? rc : -ENOMEM;
    }
    engine->handle = *handle = opened;
    return 0;
}

static int open_backend(const struct wt_engine_options *options, struct wt_backend **backend) {
    int rc = wt_posix_prove();
    return rc ? rc : backends[options->backend].open(options, backend);
}

int wt_engine_open(const struct wt_engine_options *given, wt_engine *handle) {
    if (!handle)
        return -EINVAL;
    struct wt_engine_options options;
    struct wt_backend *backend;
    int rc = with_defaults(given, &options);
    if (!rc)
        rc = open_backend(&options, &backend);
    return rc ? rc : wt_engine_open_on(&options, backend, handle);
}

int wt_engine_open_external(const struct wt_engine_options *given, wt_engine *handle) {
    if (!handle || (given && given->flags))
        return -EINVAL;
    struct wt_engine_options options;
    struct wt_backend *inner, *backend;
    int rc = with_defaults(given, &options);
    if (!rc && options.backend == WT_BACKEND_KERNEL)
        rc = -EINVAL; /* a ring would have its writes without a thread that may wait */
    if (!rc)
        rc = open_backend(&options, &inner);
    if (!rc)
        rc = wt_external_open(inner, &backend);
    return rc ? rc : wt_engine_open_on(&options, backend, handle);
}

/* ---- the engine as a whole ----------------------------------------------------------------------------------- */

int wt_engine_backend(wt_engine handle) {
    struct wt_engine_object *engine = wt_handle_acquire(&wt_engine_handles, handle);
    if (!engine)
        return -EBADF;
    int kind = engine->backend->ops->kind;
    wt_handle_release(&wt_engine_handles, handle);
    return kind;
}

/* Closes the files one by one. One that another thread closes at the same time is waited for. */
static int close_files(struct wt_engine_object *engine) {
    int first_error = 0;
    wt_lock(&engine->file_lock);
    while (engine->files) {
        wt_file file = engine->files->handle;
        wt_unlock(&engine->file_lock);
        int rc = wt_file_close(file);
        wt_lock(&engine->file_lock);
        if (rc == -EBADF && engine->files && engine->files->handle == file)
            wt_wait(engine->backend, &engine->file_closed, &engine->file_lock);
        else if (rc != -EBADF && !first_error)
            first_error = rc;
    }
    wt_unlock(&engine->file_lock);
    return first_error;
}

/* -EBUSY: lanes are open, and only their threads may close them. */
static int begin_shutdown(struct wt_engine_object *engine) {
    int rc = wt_begin_close(engine->backend);
    rc = rc ? rc : wt_lanes_refuse(engine);
    if (rc)
        return rc;
    wt_lock(&engine->file_lock);
    engine->closing = true;
    wt_unlock(&engine->file_lock);
    wt_background_end_waits(&engine->background);
    return 0;
}

int wt_engine_shutdown(wt_engine handle) {
    struct wt_engine_object *engine = wt_handle_acquire(&wt_engine_handles, handle);
    if (!engine)
        return -EBADF;
    int rc = begin_shutdown(engine);
    if (!rc) {
        rc = close_files(engine);
        wt_operations_shut_down(engine);
        wt_trace_end(&engine->trace);
    }
    wt_handle_release(&wt_engine_handles, handle);
    return rc;
}

int wt_engine_set_background(wt_engine handle, uint64_t bytes_per_second, uint64_t operations_per_second,
                             uint64_t in_flight_bytes) {
    if (in_flight_bytes && in_flight_bytes < BACKGROUND_IN_FLIGHT_LEAST)
        return -EINVAL;
    struct wt_engine_object *engine = wt_handle_acquire(&wt_engine_handles, handle);
    if (!engine)
        return -EBADF;
    wt_background_set(&engine->background, bytes_per_second, operations_per_second, in_flight_bytes);
    wt_handle_release(&wt_engine_handles, handle);
    return 0;
}

int wt_reap(wt_engine handle, struct wt_event *events, int max, int64_t timeout_ns) {
    if (max <= 0 || !events)
        return -EINVAL;
    struct wt_engine_object *engine = wt_handle_acquire(&wt_engine_handles, handle);
    if (!engine)
        return -EBADF;
    int count = timeout_ns ? wt_may_wait(engine->backend) : 0;
    if (!count)
        count = wt_operations_reap(engine, events, max, timeout_ns);
    wt_handle_release(&wt_engine_handles, handle);
    return count;
}

static struct closing **find_closing(wt_engine engine) {
    struct closing **at = &closing_engines;
    while (*at && (*at)->engine != engine)
        at = &(*at)->next;
    return at;
}

/* Whether this call is to close the engine. If another one does, returns when that is done. */
static bool begin_closing(struct closing *closing) {
    wt_lock(&closing_lock);
    struct closing *other = *find_closing(closing->engine);
    while (*find_closing(closing->engine))
        wt_wait(NULL, &closing_done, &closing_lock);
    if (!other) {
        closing->next = closing_engines;
        closing_engines = closing;
    }
    wt_unlock(&closing_lock);
    return !other;
}

static void end_closing(struct closing *closing) {
    wt_lock(&closing_lock);
    *find_closing(closing->engine) = closing->next;
    wt_wake_all(&closing_done);
    wt_unlock(&closing_lock);
}

static void end_engine(struct wt_engine_object *engine) {
    wt_ticker_stop(engine);
    engine->backend->ops->close(engine->backend);
    wt_operations_free(engine);
    wt_writeback_close(engine);
    free_engine(engine, true);
}

static struct wt_backend *backend_of_engine(void *object) {
    const struct wt_engine_object *engine = object;
    return engine->backend;
}

int wt_engine_close(wt_engine handle) {
    struct closing closing = {.engine = handle};
    int rc = wt_engine_shutdown(handle);
    if (rc == -EDEADLK || rc == -EBUSY)
        return rc;
    if (!begin_closing(&closing))
        return -EBADF;
    struct wt_engine_object *engine = wt_handle_close(&wt_engine_handles, handle, backend_of_engine);
    if (engine)
        end_engine(engine);
    end_closing(&closing);
    return engine ? rc : -EBADF;
}
