#define _GNU_SOURCE
#include "engine/engine.h"
#include "posix/threads.h"
#include "uring/uring.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/line.h"
#include "base/mutant.h"
#include "cache/cursor.h"
#include "file/inode.h"
#include "file/operation.h"
#include "io/disk.h"
#include "posix/descriptor.h"
#include "posix/posix.h"
#include "posix/probe.h"
#include "uring/external.h"
#include "write/writeback.h"

#define DEFAULT_CACHE_BYTES (UINT64_C(256) << 20)
#define DEFAULT_IN_FLIGHT_BYTES (UINT64_C(64) << 20)

static struct wt_handle_table engine_handles = WT_HANDLE_TABLE(1);
static struct wt_handle_table file_handles = WT_HANDLE_TABLE(0);

/* Engines that a thread is about to close, so that another that closes them too can wait. Each is on that thread's stack. */
struct closing {
    wt_engine engine;
    struct closing *next;
};
static pthread_mutex_t closing_lock = PTHREAD_MUTEX_INITIALIZER;
static struct wt_condition closing_done; /* made when the library is loaded */
static struct closing *closing_engines;

uint32_t wt_abi_version(void) {
    return WT_ABI_VERSION;
}

/* ---- open ---------------------------------------------------------------------------------------------------- */

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
        options->ring_entries > 32768 || !power || options->backend > WT_BACKEND_THREADS || options->threads > 256 ||
        (options->flags & ~(uint32_t)(WT_ENGINE_SQPOLL | WT_ENGINE_IOPOLL)))
        return -EINVAL;
    if (options->flags && options->backend == WT_BACKEND_THREADS)
        return -EINVAL;
    if (options->flags)
        options->backend = WT_BACKEND_IO_URING; /* what was asked for is not left out silently */
    return 0;
}

/* Half of it, and twice, are nearly as fast (1 MiB at a time, on a virtual disk of 2 GB/s). */
#define PART_BYTES (256u << 10)

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
 * So many waiting threads for each processor are a crowd. With fewer, to yield costs more than it saves (measured on two
 * processors: 16 appenders 1.4 times the records for 1.5 times the processor time, 64 appenders 1.7 times for the same).
 */
#define CROWD_OF_PROCESSOR 4

static uint32_t crowd_of(void) {
    cpu_set_t allowed;
    uint32_t processors = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? (uint32_t)CPU_COUNT(&allowed) : 64;
    return CROWD_OF_PROCESSOR * processors;
}

/* In a child of fork(2): what threads of the parent hold there is left behind, and none of its handles is one here. */
static void forked(void) {
    wt_handle_forked(&engine_handles);
    wt_handle_forked(&file_handles);
    wt_descriptors_forked();
    wt_probe_forked();
    wt_disk_forked();
    pthread_mutex_init(&closing_lock, NULL);
    wt_condition_init(&closing_done);
    closing_engines = NULL;
}

static int watching_forks; /* 0 or an errno */

__attribute__((constructor)) static void watch_forks(void) {
    wt_condition_init(&closing_done);
    watching_forks = pthread_atfork(NULL, NULL, forked);
}

static void init_locks(struct wt_engine_object *engine) {
    pthread_mutex_init(&engine->inode_lock, NULL);
    wt_condition_init(&engine->inode_closed);
    pthread_mutex_init(&engine->file_lock, NULL);
    wt_condition_init(&engine->file_closed);
    pthread_mutex_init(&engine->spare_lock, NULL);
    wt_condition_init(&engine->writeback_room);
    pthread_mutex_init(&engine->event_lock, NULL);
    wt_condition_init(&engine->event_posted);
    wt_trace_open(&engine->trace);
}

static void destroy_locks(struct wt_engine_object *engine) {
    pthread_mutex_destroy(&engine->inode_lock);
    wt_condition_destroy(&engine->inode_closed);
    pthread_mutex_destroy(&engine->file_lock);
    wt_condition_destroy(&engine->file_closed);
    pthread_mutex_destroy(&engine->spare_lock);
    wt_condition_destroy(&engine->writeback_room);
    pthread_mutex_destroy(&engine->event_lock);
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
    engine->crowd = crowd_of();
    engine->chunk_bytes = chunk_bytes_for(&options);
    engine->part_bytes = PART_BYTES;
    engine->operation_bytes_most = OPERATION_BYTES_MOST;
    engine->inodes = calloc(WT_INODE_BUCKETS, sizeof *engine->inodes);
    engine->zeros = mmap(NULL, WT_ZERO_BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (engine->zeros == MAP_FAILED)
        engine->zeros = NULL;
    rc = engine->inodes && engine->zeros ? 0 : -ENOMEM;
    if (!rc)
        rc = wt_cache_open(&engine->cache, backend, options.cache_bytes, options.in_flight_bytes,
                           sizeof(struct wt_inode));
    bool cache_open = !rc;
    wt_engine opened = rc ? 0 : wt_handle_open(&engine_handles, engine, NULL);
    if (!opened) {
        free_engine(engine, cache_open);
        backend->ops->close(backend);
        return rc ? rc : -ENOMEM;
    }
    *handle = opened;
    return 0;
}

/* A filter of system calls may refuse with any errno. No descriptor left is not a refusal: files would have none either. */
static int open_backend(const struct wt_engine_options *options, struct wt_backend **backend) {
    int rc = wt_posix_prove();
    if (rc)
        return rc;
    rc = -ENOSYS;
    if (options->backend != WT_BACKEND_THREADS)
        rc = wt_io_uring_open(options, backend);
    bool refused = rc && rc != -EMFILE && rc != -ENFILE;
    if (refused && options->backend != WT_BACKEND_IO_URING)
        rc = wt_threads_open(options, backend);
    return rc;
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
    if (!rc)
        rc = open_backend(&options, &inner);
    if (!rc)
        rc = wt_external_open(inner, &backend);
    return rc ? rc : wt_engine_open_on(&options, backend, handle);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

struct wt_engine_object *wt_engine_acquire(wt_engine engine) {
    return wt_handle_acquire(&engine_handles, engine);
}

void wt_engine_release(wt_engine engine) {
    wt_handle_release(&engine_handles, engine);
}

struct wt_file_object *wt_file_acquire(wt_file file) {
    return wt_handle_acquire(&file_handles, file);
}

void wt_file_release(wt_file file) {
    wt_handle_release(&file_handles, file);
}

struct wt_folio *wt_file_recent_folio(wt_file file) {
    return wt_handle_recent(&file_handles, file);
}

void wt_file_note_folio(wt_file file, struct wt_folio *folio) {
    wt_handle_note(&file_handles, file, folio);
}

static int check_open(const char *path, uint32_t flags, uint32_t durability, const wt_file *file) {
    const uint32_t known = WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE | WT_OPEN_CREATE_NEW | WT_OPEN_TRUNCATE |
                           WT_OPEN_NOFOLLOW | WT_OPEN_NAMED;
    const uint32_t need_write = WT_OPEN_CREATE | WT_OPEN_CREATE_NEW | WT_OPEN_TRUNCATE;
    if (!path || !file || (flags & ~known) || !(flags & (WT_OPEN_READ | WT_OPEN_WRITE)))
        return -EINVAL;
    if ((flags & need_write) && !(flags & WT_OPEN_WRITE))
        return -EINVAL;
    return durability > WT_DURABILITY_SYNC ? -EINVAL : 0;
}

/* Adds the file to its engine's list, unless that closes. Returns its handle, 0 and -errno in rc on failure. */
static wt_file publish_file(struct wt_engine_object *engine, struct wt_file_object *file, int *rc) {
    wt_file handle = 0;
    pthread_mutex_lock(&engine->file_lock);
    *rc = engine->closing && !WT_MUTANT("opened-while-closing") ? -EBADF : 0;
    if (!*rc) {
        handle = wt_handle_open(&file_handles, file, file->inode);
        *rc = handle ? 0 : -ENFILE;
    }
    if (!*rc) {
        file->handle = handle;
        file->next = engine->files;
        if (file->next)
            file->next->previous = file;
        engine->files = file;
        engine->file_count++;
    }
    pthread_mutex_unlock(&engine->file_lock);
    return handle;
}

static int open_file(struct wt_engine_object *engine, const char *path, uint32_t flags, uint32_t mode,
                     uint32_t durability, wt_file *handle) {
    bool for_writing = flags & WT_OPEN_WRITE;
    struct wt_backing *backing, *spare = NULL;
    struct wt_inode *inode;
    int rc = wt_may_wait(engine->backend);
    if (!rc)
        rc = engine->backend->ops->open(engine->backend, path, flags & ~(uint32_t)WT_OPEN_TRUNCATE, mode, &backing);
    if (!rc)
        rc = wt_inode_open(engine, backing, for_writing, &inode, &spare);
    if (rc)
        return rc;
    if (flags & WT_OPEN_NAMED)
        atomic_store(&inode->named, true);
    if (flags & WT_OPEN_TRUNCATE)
        rc = wt_inode_truncate(inode, 0);
    struct wt_file_object *file = rc ? NULL : wt_line_alloc(sizeof *file);
    if (!file && !rc)
        rc = -ENOMEM;
    if (!rc) {
        file->inode = inode;
        file->spare = spare;
        file->readable = flags & WT_OPEN_READ;
        file->writable = for_writing;
        file->ahead = (struct wt_read_ahead){
            .trigger = UINT64_MAX, .busy = ATOMIC_FLAG_INIT, .next = UINT64_MAX, .end = UINT64_MAX};
        file->durability = durability ? durability : WT_DURABILITY_DSYNC;
        wt_file opened = publish_file(engine, file, &rc);
        if (!rc)
            *handle = opened;
    }
    if (rc) {
        wt_line_free(file);
        wt_inode_abandon(inode);
        if (spare)
            wt_backing_let_go(spare);
    }
    return rc;
}

int wt_file_open(wt_engine engine_handle, const char *path, uint32_t flags, uint32_t mode, uint32_t durability,
                 wt_file *file) {
    int rc = check_open(path, flags, durability, file);
    if (rc)
        return rc;
    struct wt_engine_object *engine = wt_handle_acquire(&engine_handles, engine_handle);
    if (!engine)
        return -EBADF;
    rc = open_file(engine, path, flags, mode, durability, file);
    wt_handle_release(&engine_handles, engine_handle);
    return rc;
}

/* Before the end of all I/O, of a file or of the engine, is waited for. */
static int begin_close(struct wt_backend *backend) {
    int rc = wt_may_wait(backend);
    if (!rc && backend->ops->unblock)
        backend->ops->unblock(backend);
    return rc;
}

static int begin_file_close(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    int rc = begin_close(file->inode->engine->backend);
    wt_file_release(handle);
    return rc;
}

static struct wt_backend *backend_of_file(void *object) {
    const struct wt_file_object *file = object;
    return file->inode->engine->backend;
}

static struct wt_backend *backend_of_engine(void *object) {
    const struct wt_engine_object *engine = object;
    return engine->backend;
}

int wt_file_close(wt_file handle) {
    int begin_rc = begin_file_close(handle);
    if (begin_rc)
        return begin_rc;
    struct wt_file_object *file = wt_handle_close(&file_handles, handle, backend_of_file);
    if (!file)
        return -EBADF;
    struct wt_engine_object *engine = file->inode->engine;
    int rc = wt_inode_close(file->inode);
    if (file->spare)
        wt_backing_let_go(file->spare); /* nothing was written by it, and another handle may have a lock on the file */
    pthread_mutex_lock(&engine->file_lock);
    if (file->previous)
        file->previous->next = file->next;
    else
        engine->files = file->next;
    if (file->next)
        file->next->previous = file->previous;
    engine->file_count--;
    wt_wake_all(&engine->file_closed); /* the last touch of the engine, which may be waiting to end */
    pthread_mutex_unlock(&engine->file_lock);
    wt_line_free(file);
    return rc;
}

int wt_file_profile(wt_file handle, struct wt_profile *profile) {
    if (!profile)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    *profile = atomic_load(&file->inode->backing)->profile;
    wt_file_release(handle);
    return 0;
}

int wt_file_descriptor(wt_file handle) {
    struct wt_file_object *file = wt_file_acquire(handle);
    if (!file)
        return -EBADF;
    /* Both stay until the inode is closed, and the first may have been opened for reading alone. */
    struct wt_backing *backing = file->writable ? atomic_load(&file->inode->backing) : file->inode->first_backing;
    int rc = backing->ops->descriptor ? backing->ops->descriptor(backing) : -EOPNOTSUPP;
    wt_file_release(handle);
    return rc;
}

int64_t wt_write(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset, uint32_t durability,
                 uint64_t *stable_bytes) {
    uint64_t length = 0;
    if (stable_bytes)
        *stable_bytes = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_write_cursor(file, &cursor, length, offset, durability, stable_bytes);
}

int64_t wt_read_cached(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset) {
    uint64_t length = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_read_cached_cursor(file, &cursor, length, offset);
}

int64_t wt_read(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset) {
    uint64_t length = 0;
    int rc = wt_iovec_length(iov, iov_count, &length);
    if (rc)
        return rc;
    struct wt_cursor cursor;
    wt_cursor_of_iovec(&cursor, iov);
    return wt_read_cursor(file, &cursor, length, offset);
}

/* ---- the engine as a whole ----------------------------------------------------------------------------------- */

int wt_engine_backend(wt_engine handle) {
    struct wt_engine_object *engine = wt_handle_acquire(&engine_handles, handle);
    if (!engine)
        return -EBADF;
    int kind = engine->backend->ops->kind;
    wt_handle_release(&engine_handles, handle);
    return kind;
}

/* Closes the files one by one. One that another thread closes at the same time is waited for. */
static int close_files(struct wt_engine_object *engine) {
    int first_error = 0;
    pthread_mutex_lock(&engine->file_lock);
    engine->closing = true;
    while (engine->files) {
        wt_file file = engine->files->handle;
        pthread_mutex_unlock(&engine->file_lock);
        int rc = wt_file_close(file);
        pthread_mutex_lock(&engine->file_lock);
        if (rc == -EBADF && engine->files && engine->files->handle == file)
            wt_wait(engine->backend, &engine->file_closed, &engine->file_lock);
        else if (rc != -EBADF && !first_error)
            first_error = rc;
    }
    pthread_mutex_unlock(&engine->file_lock);
    return first_error;
}

int wt_engine_shutdown(wt_engine handle) {
    struct wt_engine_object *engine = wt_handle_acquire(&engine_handles, handle);
    if (!engine)
        return -EBADF;
    int rc = begin_close(engine->backend);
    if (!rc) {
        rc = close_files(engine);
        wt_operations_shut_down(engine);
        wt_trace_end(&engine->trace);
    }
    wt_handle_release(&engine_handles, handle);
    return rc;
}

int wt_reap(wt_engine handle, struct wt_event *events, int max, int64_t timeout_ns) {
    if (max <= 0 || !events)
        return -EINVAL;
    struct wt_engine_object *engine = wt_handle_acquire(&engine_handles, handle);
    if (!engine)
        return -EBADF;
    int count = timeout_ns ? wt_may_wait(engine->backend) : 0;
    if (!count)
        count = wt_operations_reap(engine, events, max, timeout_ns);
    wt_handle_release(&engine_handles, handle);
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
    pthread_mutex_lock(&closing_lock);
    struct closing *other = *find_closing(closing->engine);
    while (*find_closing(closing->engine))
        wt_wait(NULL, &closing_done, &closing_lock);
    if (!other) {
        closing->next = closing_engines;
        closing_engines = closing;
    }
    pthread_mutex_unlock(&closing_lock);
    return !other;
}

static void end_closing(struct closing *closing) {
    pthread_mutex_lock(&closing_lock);
    *find_closing(closing->engine) = closing->next;
    wt_wake_all(&closing_done);
    pthread_mutex_unlock(&closing_lock);
}

static void end_engine(struct wt_engine_object *engine) {
    engine->backend->ops->close(engine->backend);
    wt_operations_free(engine);
    wt_writeback_free_spares(engine);
    free_engine(engine, true);
}

int wt_engine_close(wt_engine handle) {
    struct closing closing = {.engine = handle};
    int rc = wt_engine_shutdown(handle);
    if (rc == -EDEADLK)
        return rc;
    if (!begin_closing(&closing))
        return -EBADF;
    struct wt_engine_object *engine = wt_handle_close(&engine_handles, handle, backend_of_engine);
    if (engine)
        end_engine(engine);
    end_closing(&closing);
    return engine ? rc : -EBADF;
}

/* ---- another's ring -------------------------------------------------------------------------------------------- */

static struct wt_engine_object *acquire_external(wt_engine handle, int *rc) {
    struct wt_engine_object *engine = wt_handle_acquire(&engine_handles, handle);
    *rc = !engine ? -EBADF : wt_is_external(engine->backend) ? 0 : -EINVAL;
    if (engine && *rc)
        wt_handle_release(&engine_handles, handle);
    return *rc ? NULL : engine;
}

int wt_external_attach(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_attach_to(engine->backend);
        wt_handle_release(&engine_handles, handle);
    }
    return rc;
}

int wt_external_take(wt_engine handle, struct wt_transfer *transfers, int max) {
    if (!transfers || max <= 0)
        return -EINVAL;
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_take_from(engine->backend, transfers, max);
        wt_handle_release(&engine_handles, handle);
    }
    return rc;
}

int wt_external_done(wt_engine handle, const struct wt_transfer_end *ends, int count) {
    if (!ends || count < 0)
        return -EINVAL;
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_done_of(engine->backend, ends, count);
        wt_handle_release(&engine_handles, handle);
    }
    return rc;
}

int wt_external_may_wait(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_may_wait(engine->backend);
        wt_handle_release(&engine_handles, handle);
    }
    return rc;
}

int wt_external_detach(wt_engine handle) {
    int rc;
    struct wt_engine_object *engine = acquire_external(handle, &rc);
    if (engine) {
        rc = wt_external_detach_from(engine->backend);
        wt_handle_release(&engine_handles, handle);
    }
    return rc;
}
