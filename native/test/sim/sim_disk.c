// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_disk.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "io/plug.h"
#include "io/stable.h"
#include "sim_file.h"
#include "sim_journal.h"
#include "test.h"
#include "uring/burst.h"

enum {
    MEMORY_ALIGNMENT = 512,
    FAULTS_MAX = 16,
    HELPERS = 2,
    TRACE_LINES = 24,
    TRACE_BYTES = 120,
    POISON = 0xd5,
    WAIT_SECONDS = 20,
    EVENTS_MOST = 4000, /* from one mark of a journal to the next: who does more than that does it for ever */
};

struct armed_fault {
    struct sim_fault fault;
    uint64_t matched;
};

/* An I/O from its begin to its effect. */
struct flight {
    struct wt_io *io;
    struct sim_file *file;
    uint64_t number;
    enum wt_io_op op;
    uint64_t offset;
    uint64_t length;
    uint32_t durability;
    bool through_page_cache;
    bool kept; /* in the page cache, until a flush */
    bool atomic;
    bool writable;
    unsigned segment_count;
    struct iovec segments[WT_IO_SEGMENTS];
    uint64_t checksum;
    const struct sim_fault *fault;
    int told;      /* an error of the page cache that was not its own, before it began. 0: none */
    bool too_late; /* the disk was dead when it began */
    bool
        landed; /* the disk has taken it, or refused; a write through the page cache looks afterwards what became of it */
    bool needs_flush;  /* to be durable */
    bool by_writeback; /* refused after the call's write was: the file's error sequence has it */
    uint64_t taken;    /* then: bytes that the disk has taken, */
    int refused;       /* and why no more */
    uint64_t due_ns;   /* with tasks: when it ends, or lands */
    uint64_t record;   /* its place in the log since the start */
    bool submitted;
    bool allowed;  /* may take effect */
    bool released; /* by a test that waits for the effect */
    bool done;
    struct flight *next;
};

struct sim {
    struct sim_options options;
    uint32_t device; /* its number, of no other in the process */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct test_random random;
    struct sim_file *files;
    uint64_t inodes;
    unsigned backends;

    struct flight *flights; /* oldest first */
    size_t in_flight;
    size_t most_in_flight;
    uint64_t io_number;
    bool held;
    bool ending;
    pthread_t helpers[HELPERS];
    pthread_t shuffler;

    struct armed_fault faults[FAULTS_MAX];
    size_t fault_count;
    bool faults_paused;
    uint64_t failures;
    bool dead, unreadable;

    uint64_t events;
    uint64_t cut_at; /* 0: never */
    enum sim_cut cut_kind;
    uint64_t cut_seed;
    bool cut;

    struct sim_journal *journal;
    uint64_t events_since_mark;
    bool service_ends;
    uint64_t submissions; /* and the end of service */

    struct sim_record *records;
    size_t record_count;
    uint64_t records_cleared;
    size_t record_room;
    char trace[TRACE_LINES][TRACE_BYTES];
    uint64_t traced;
};

struct wt_burst {
    struct wt_backend *backend;
    unsigned count;
    struct flight *flights[256];
    struct wt_io_list transferred;
};

struct sim_backend {
    struct wt_backend base;
    struct sim *sim;
    unsigned opens;
};

enum lock { UNLOCKED, SHARED, EXCLUSIVE };

enum descriptor { DIRECT, CACHED, DESCRIPTORS };

struct sim_backing {
    struct wt_backing base;
    struct sim_backend *backend;
    struct sim *sim;
    struct sim_file *file;
    enum lock lock;
    uint64_t cursors[DESCRIPTORS]; /* which errors of the file's sequence each descriptor has told */
};

static struct sim *traced_sim;

static void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    CHECK(memory != NULL);
    return memory;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- trace and log ----------------------------------------------------------------------------------------------- */

static const char *op_name(enum sim_op op) {
    switch (op) {
    case SIM_READ:
        return "read";
    case SIM_WRITE:
        return "write";
    case SIM_SYNC:
        return "sync";
    case SIM_TRUNCATE:
        return "truncate";
    case SIM_RESERVE:
        return "reserve";
    case SIM_WRITE_ZEROES:
        return "write_zeroes";
    case SIM_FIND_HOLE:
        return "find_hole";
    case SIM_SIZE:
        return "size";
    case SIM_OPEN:
        return "open";
    case SIM_CLOSE:
        return "close";
    case SIM_FORGET:
        return "forget";
    case SIM_DEALLOCATE:
        return "deallocate";
    case SIM_FLUSH:
        return "flush";
    case SIM_DIE:
        return "death";
    }
    return "?";
}

__attribute__((format(printf, 2, 3))) static void trace(struct sim *sim, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sim->trace[sim->traced++ % TRACE_LINES], TRACE_BYTES, format, arguments);
    va_end(arguments);
}

void sim_print_trace(struct sim *sim) {
    uint64_t first = sim->traced > TRACE_LINES ? sim->traced - TRACE_LINES : 0;
    printf("    the disk's last operations:\n");
    for (uint64_t i = first; i < sim->traced; i++) {
        printf("      %s\n", sim->trace[i % TRACE_LINES]);
    }
}

static void print_trace_of_failure(void) {
    if (traced_sim != NULL) {
        sim_print_trace(traced_sim);
    }
}

/* A broken rule of the engine: the end of the test. */
#define JUDGE(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            test_fail(__FILE__, __LINE__, __VA_ARGS__);                                                                \
        }                                                                                                              \
    } while (0)

static void record(struct sim *sim, const struct sim_record *entry) {
    if (sim->record_count == sim->record_room) {
        sim->record_room = sim->record_room == 0 ? 256 : sim->record_room * 2;
        sim->records = realloc(sim->records, sim->record_room * sizeof *sim->records);
        CHECK(sim->records != NULL);
    }
    sim->records[sim->record_count++] = *entry;
}

static void record_call(struct sim *sim, enum sim_op op, const struct sim_file *file, uint64_t offset,
                        uint64_t length) {
    record(sim, &(struct sim_record){.op = op, .inode = file->inode, .offset = offset, .length = length});
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

static void change_by(struct sim *sim, struct sim_file *file, struct sim_change change) {
    change.inode = file->inode;
    if (sim->journal != NULL) {
        sim_journal_add(sim->journal, &change);
    }
    sim_change_apply(file, &change);
}

static void change(struct sim *sim, struct sim_file *file, enum sim_change_kind kind, uint64_t offset,
                   uint64_t length) {
    change_by(sim, file, (struct sim_change){.kind = kind, .offset = offset, .length = length});
}

static void change_bytes(struct sim *sim, struct sim_file *file, enum sim_change_kind kind, uint64_t offset,
                         const uint8_t *bytes, uint64_t length) {
    change_by(sim, file, (struct sim_change){.kind = kind, .offset = offset, .length = length, .bytes = bytes});
}

static void grow(struct sim *sim, struct sim_file *file, uint64_t size) {
    if (size > file->size_now) {
        change(sim, file, SIM_CHANGE_SIZE, 0, size);
    }
}

void sim_keep_journal(struct sim *sim, struct sim_journal *journal) {
    pthread_mutex_lock(&sim->mutex);
    for (const struct sim_file *file = sim->files; journal != NULL && file != NULL; file = file->next) {
        CHECK(!sim_file_is_dirty(file));
        sim_journal_file(journal, file);
    }
    sim->journal = journal;
    pthread_mutex_unlock(&sim->mutex);
}

static void note(struct sim *sim, const struct sim_change *noted) {
    if (sim->journal != NULL) {
        sim_journal_add(sim->journal, noted);
    }
}

void sim_mark(struct sim *sim, uint64_t number) {
    pthread_mutex_lock(&sim->mutex);
    sim->events_since_mark = 0;
    note(sim, &(struct sim_change){.kind = SIM_CHANGE_MARK, .number = number});
    pthread_mutex_unlock(&sim->mutex);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------- */

static bool in_task(const struct sim *sim) {
    return sim->options.tasks != NULL && sim->options.tasks->is_task();
}

/* Most take about as long as an SSD does, some very long: so that they overtake each other. */
static uint64_t latency_ns(struct sim *sim) {
    uint64_t longest = test_random_one_in(&sim->random, 8) ? 2000000 : 150000;
    return test_random_between(&sim->random, 5000, longest);
}

/* An operation that takes time. With the mutex held, which is let go meanwhile. */
static void rest(struct sim *sim) {
    if (!in_task(sim)) {
        return;
    }
    uint64_t until = sim->options.tasks->now_ns() + latency_ns(sim);
    pthread_mutex_unlock(&sim->mutex);
    sim->options.tasks->sleep_until(until);
    pthread_mutex_lock(&sim->mutex);
}

/* ---- power ------------------------------------------------------------------------------------------------------- */

static uint8_t *gather_bytes(const struct flight *flight) {
    uint8_t *bytes = allocate((size_t)flight->length);
    size_t at = 0;
    for (unsigned i = 0; i < flight->segment_count; i++) {
        memcpy(bytes + at, flight->segments[i].iov_base, flight->segments[i].iov_len);
        at += flight->segments[i].iov_len;
    }
    return bytes;
}

static void cut_now(struct sim *sim, enum sim_cut kind, uint64_t seed) {
    struct test_random random = test_random_of(seed);
    sim->cut = true;
    sim->cut_at = 0;
    trace(sim, "-- power cut at event %" PRIu64 ", kind %d, seed %" PRIu64, sim->events, kind, seed);
    for (struct sim_file *file = sim->files; file != NULL; file = file->next) {
        sim_file_cut(file, kind, sim->options.logical_block_bytes, &random);
    }
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        if (flight->op == WT_IO_WRITE && !flight->landed) {
            uint8_t *bytes = gather_bytes(flight);
            sim_file_tear(flight->file, flight->offset, bytes, (size_t)flight->length, flight->atomic, kind,
                          sim->options.logical_block_bytes, &random);
            free(bytes);
        }
    }
}

static void event(struct sim *sim) {
    sim->events++;
    note(sim, &(struct sim_change){.kind = SIM_CHANGE_POINT, .number = sim->events});
    JUDGE(sim->journal == NULL || ++sim->events_since_mark < EVENTS_MOST,
          "%d events, and no operation ends: it does the same again and again", EVENTS_MOST);
    if (sim->events == sim->cut_at) {
        cut_now(sim, sim->cut_kind, sim->cut_seed);
    }
}

void sim_power_cut(struct sim *sim, enum sim_cut cut, uint64_t seed) {
    pthread_mutex_lock(&sim->mutex);
    CHECK(!sim->cut);
    cut_now(sim, cut, seed);
    pthread_mutex_unlock(&sim->mutex);
}

void sim_power_cut_at(struct sim *sim, uint64_t event_number, enum sim_cut cut, uint64_t seed) {
    CHECK(event_number > 0);
    pthread_mutex_lock(&sim->mutex);
    sim->cut_at = sim->events + event_number;
    sim->cut_kind = cut;
    sim->cut_seed = seed;
    pthread_mutex_unlock(&sim->mutex);
}

bool sim_is_cut(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    bool cut = sim->cut;
    pthread_mutex_unlock(&sim->mutex);
    return cut;
}

void sim_power_on(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    CHECK_EQ(sim->backends, 0);
    CHECK_EQ(sim->in_flight, 0);
    sim->cut_at = 0;
    for (struct sim_file *file = sim->files; file != NULL; file = file->next) {
        if (!sim->cut) {
            sim_file_settle_all(file);
        }
        sim_file_restart(file);
    }
    sim->cut = false;
    trace(sim, "-- power on");
    pthread_mutex_unlock(&sim->mutex);
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

void sim_fail(struct sim *sim, const struct sim_fault *fault) {
    CHECK(fault->error < 0 && fault->ops != 0);
    pthread_mutex_lock(&sim->mutex);
    CHECK(sim->fault_count < FAULTS_MAX);
    sim->faults[sim->fault_count++] = (struct armed_fault){*fault, 0};
    pthread_mutex_unlock(&sim->mutex);
}

uint64_t sim_failures(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    uint64_t failures = sim->failures;
    pthread_mutex_unlock(&sim->mutex);
    return failures;
}

void sim_heal(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        CHECK(flight->fault == NULL);
    }
    sim->fault_count = 0;
    sim->failures = 0;
    sim->dead = sim->unreadable = false;
    pthread_mutex_unlock(&sim->mutex);
}

void sim_pause_faults(struct sim *sim, bool pause) {
    pthread_mutex_lock(&sim->mutex);
    sim->faults_paused = pause;
    pthread_mutex_unlock(&sim->mutex);
}

void sim_set_capacity(struct sim *sim, uint64_t capacity_bytes) {
    pthread_mutex_lock(&sim->mutex);
    sim->options.capacity_bytes = capacity_bytes;
    pthread_mutex_unlock(&sim->mutex);
}

static bool fault_matches(const struct sim_fault *fault, enum sim_op op, const struct sim_file *file, uint64_t offset,
                          uint64_t length) {
    bool is_io = (op & (SIM_READ | SIM_WRITE)) != 0;
    if (is_io && fault->transfer >= length) {
        return false;
    }
    if ((fault->ops & op) == 0 || (fault->path != NULL && strcmp(fault->path, file->path) != 0)) {
        return false;
    }
    return fault->length == 0 || (offset < fault->offset + fault->length && fault->offset < offset + length);
}

/* ---- who is told ---- */

static void note_failed(struct sim *sim, const struct sim_file *file, enum sim_op op, uint64_t offset,
                        uint64_t length) {
    note(sim, &(struct sim_change){
                  .kind = SIM_CHANGE_FAILED, .inode = file->inode, .offset = offset, .length = length, .number = op});
}

static void fail_writeback(struct sim_file *file, int error) {
    file->error_sequence++;
    file->error_told = false;
    file->error = file->legacy_error = error;
}

/* What a call is told that syncs by a descriptor: 0, or an error that this has not told yet. */
static int look(struct sim_backing *backing, enum descriptor descriptor) {
    struct sim_file *file = backing->file;
    uint64_t *cursor = &backing->cursors[backing->sim->options.buffered ? DIRECT : descriptor];
    file->legacy_error = 0;
    if (*cursor == file->error_sequence) {
        return 0;
    }
    *cursor = file->error_sequence;
    file->error_told = true;
    trace(backing->sim, "%s: the %s descriptor tells %s", file->path, descriptor == DIRECT ? "direct" : "cached",
          strerrorname_np(-file->error));
    return file->error;
}

/* What the volatile cache has of any file is lost, but for writes whose flush has yet to come. */
static void doom_all(struct sim *sim) {
    for (struct sim_file *file = sim->files; file != NULL; file = file->next) {
        change(sim, file, SIM_CHANGE_DOOM, 0, 0);
    }
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        if (flight->op == WT_IO_WRITE && flight->landed) {
            change(sim, flight->file, SIM_CHANGE_SPARE, flight->offset, flight->length);
        }
    }
}

static void die(struct sim *sim, const struct sim_file *file, bool unreadable) {
    sim->dead = true;
    sim->unreadable = unreadable;
    trace(sim, "-- the disk dies");
    note_failed(sim, file, SIM_DIE, 0, 0);
    doom_all(sim);
}

static const struct sim_fault *find_fault(struct sim *sim, enum sim_op op, const struct sim_file *file, uint64_t offset,
                                          uint64_t length) {
    for (size_t i = 0; i < sim->fault_count && !sim->faults_paused && !sim->dead; i++) {
        struct armed_fault *armed = &sim->faults[i];
        if (!fault_matches(&armed->fault, op, file, offset, length)) {
            continue;
        }
        armed->matched++;
        bool now = armed->matched > armed->fault.skip;
        bool still = armed->fault.count == 0 || armed->matched <= armed->fault.skip + armed->fault.count;
        if (now && still) {
            sim->failures++;
            if (armed->fault.dies) {
                die(sim, file, armed->fault.unreadable);
            }
            return &armed->fault;
        }
    }
    return NULL;
}

/* Begins an operation that is no I/O: 0, or the error that it fails with. */
static int begin_call(struct sim *sim, enum sim_op op, const struct sim_file *file, uint64_t offset, uint64_t length) {
    record_call(sim, op, file, offset, length);
    event(sim);
    bool changes = (op & (SIM_SYNC | SIM_TRUNCATE | SIM_RESERVE | SIM_WRITE_ZEROES | SIM_DEALLOCATE)) != 0;
    int dead = sim->dead && changes ? -EROFS : 0;
    const struct sim_fault *fault = find_fault(sim, op, file, offset, length);
    int error = sim->cut ? -EIO : fault != NULL ? fault->error : dead;
    if (error != 0 && !sim->cut) {
        note_failed(sim, file, op, offset, length);
    }
    trace(sim, "%s %s %" PRIu64 "+%" PRIu64 "%s%s", op_name(op), file->path, offset, length,
          error != 0 ? " fails: " : "", error != 0 ? strerrorname_np(-error) : "");
    return error;
}

/* The device is to make stable what it has. 0, or the error that the call is told that asks for it. */
static int flush_device(struct sim *sim, const struct sim_file *file) {
    int dead = sim->dead ? -EROFS : 0;
    const struct sim_fault *fault = find_fault(sim, SIM_FLUSH, file, 0, 0);
    int error = fault != NULL ? fault->error : dead;
    if (error != 0) {
        trace(sim, "the flush of %s fails: %s", file->path, strerrorname_np(-error));
        note_failed(sim, file, SIM_FLUSH, 0, 0);
        doom_all(sim);
    }
    return error;
}

/* Ends it: the power may go right after the effect. */
static void end_call(struct sim *sim) {
    event(sim);
}

static uint64_t used_bytes(const struct sim *sim) {
    uint64_t used = 0;
    for (const struct sim_file *file = sim->files; file != NULL; file = file->next) {
        used += file->used_bytes;
    }
    return used;
}

static bool has_room(struct sim *sim, struct sim_file *file, uint64_t offset, uint64_t length) {
    uint64_t capacity = sim->options.capacity_bytes;
    return capacity == 0 || used_bytes(sim) + sim_file_cost(file, offset, length) <= capacity;
}

/* ---- one I/O: begin ---------------------------------------------------------------------------------------------- */

static uint64_t checksum_of(const struct flight *flight) {
    uint64_t sum = 0xcbf29ce484222325u;
    for (unsigned i = 0; i < flight->segment_count; i++) {
        const uint8_t *bytes = flight->segments[i].iov_base;
        size_t length = flight->segments[i].iov_len;
        for (; length >= sizeof sum; bytes += sizeof sum, length -= sizeof sum) {
            uint64_t word;
            memcpy(&word, bytes, sizeof word);
            sum = (sum ^ word) * 0x100000001b3u;
            sum ^= sum >> 29;
        }
        for (; length > 0; bytes++, length--) {
            sum = (sum ^ *bytes) * 0x100000001b3u;
        }
    }
    return sum;
}

static void judge_shape(struct sim *sim, const struct wt_io *io) {
    uint64_t sum = 0;
    bool buffered = io->through_page_cache || sim->options.buffered;
    JUDGE(io->op == WT_IO_READ || io->op == WT_IO_WRITE, "an I/O of op %d", (int)io->op);
    JUDGE(io->length > 0, "an I/O of no bytes at %" PRIu64, io->offset);
    JUDGE(io->segment_count > 0 && io->segment_count <= WT_IO_SEGMENTS, "an I/O of %u segments", io->segment_count);
    JUDGE(io->done == 0 && io->error == 0, "an I/O handed over with done %" PRIu64 ", error %d", io->done, io->error);
    for (unsigned i = 0; i < io->segment_count; i++) {
        uintptr_t address = (uintptr_t)io->segments[i].iov_base;
        size_t length = io->segments[i].iov_len;
        JUDGE(length > 0, "segment %u is empty", i);
        JUDGE(buffered || (address % MEMORY_ALIGNMENT == 0 && length % sim->options.block_bytes == 0),
              "misaligned direct I/O at %" PRIu64 ": segment %u is %zu bytes at %p", io->offset, i, length,
              io->segments[i].iov_base);
        sum += length;
    }
    JUDGE(sum == io->length, "an I/O of %" PRIu64 " bytes in segments of %" PRIu64, io->length, sum);
    JUDGE(buffered || io->offset % sim->options.block_bytes == 0,
          "misaligned direct I/O: %" PRIu64 "+%" PRIu64 " in blocks of %u", io->offset, io->length,
          sim->options.block_bytes);
}

/* What the kernel refuses, and what it takes and may tear all the same. */
static void judge_atomic(struct sim *sim, const struct wt_io *io, const struct sim_file *file) {
    bool power = (io->length & (io->length - 1)) == 0;
    JUDGE(io->op == WT_IO_WRITE && io->segment_count == 1 && !io->through_page_cache,
          "an atomic I/O of op %d in %u segments%s", (int)io->op, io->segment_count,
          io->through_page_cache ? ", through the page cache" : "");
    JUDGE(power && io->offset % io->length == 0 && io->length >= sim->options.block_bytes &&
              io->length <= sim->options.atomic_bytes,
          "an atomic write of %" PRIu64 " bytes at %" PRIu64, io->length, io->offset);
    JUDGE(file->size_now <= io->offset || file->size_now >= io->offset + io->length,
          "an atomic write over the end of the file: %" PRIu64 "+%" PRIu64, io->offset, io->length);
}

static bool memory_meets(const struct iovec *a, const struct iovec *b) {
    uintptr_t a_start = (uintptr_t)a->iov_base;
    uintptr_t b_start = (uintptr_t)b->iov_base;
    return a_start < b_start + b->iov_len && b_start < a_start + a->iov_len;
}

static bool is_zeros(const struct iovec *segment) {
    const uint8_t *bytes = segment->iov_base;
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, segment->iov_len - 1) == 0;
}

/* A source of zeros may serve many writes; else memory belongs to one I/O. */
static void judge_memory(const struct flight *a, const struct flight *b) {
    for (unsigned i = 0; i < a->segment_count; i++) {
        for (unsigned j = 0; j < b->segment_count; j++) {
            bool harmless = a->op == WT_IO_WRITE && b->op == WT_IO_WRITE && is_zeros(&a->segments[i]);
            JUDGE(harmless || !memory_meets(&a->segments[i], &b->segments[j]),
                  "one memory in two I/Os, #%" PRIu64 " and #%" PRIu64, a->number, b->number);
        }
    }
}

enum { CACHE_PAGE = 4096 };

static bool touches_page(const struct flight *flight, uint64_t page) {
    return flight->offset / CACHE_PAGE <= page && page <= (flight->offset + flight->length - 1) / CACHE_PAGE;
}

/*
 * A write through the page cache makes pages dirty: its own, and if it begins behind the end of the file that of the end,
 * since the kernel zeroes the rest of the block there. A direct write cannot drop a dirty page when it ends: ext4 then
 * fails the next durable write to the file. Only a direct write that grows the file has it for itself.
 */
static void judge_pages(struct sim *sim, const struct flight *cached, const struct flight *direct) {
    uint64_t size = cached->file->size_now;
    if (cached->file != direct->file || cached->op != WT_IO_WRITE || direct->op != WT_IO_WRITE ||
        !cached->through_page_cache || direct->through_page_cache || direct->offset + direct->length > size) {
        return;
    }
    bool zeroes_end = cached->offset > size && size % sim->options.block_bytes != 0;
    bool meet = zeroes_end && touches_page(direct, size / CACHE_PAGE);
    for (uint64_t at = cached->offset; at < cached->offset + cached->length; at += CACHE_PAGE) {
        meet = meet || touches_page(direct, at / CACHE_PAGE);
    }
    meet = meet || touches_page(direct, (cached->offset + cached->length - 1) / CACHE_PAGE);
    JUDGE(!meet, "a write through the page cache and a direct one on one page: #%" PRIu64 " and #%" PRIu64,
          cached->number, direct->number);
}

static void judge_overlap(struct sim *sim, const struct flight *flight) {
    uint32_t block = sim->options.block_bytes;
    uint64_t first = flight->offset / block;
    uint64_t last = (flight->offset + flight->length - 1) / block;
    for (const struct flight *other = sim->flights; other != NULL; other = other->next) {
        if (other->done) {
            continue;
        }
        bool blocks_meet = other->file == flight->file && other->offset / block <= last &&
                           first <= (other->offset + other->length - 1) / block;
        JUDGE(!blocks_meet || sim->options.buffered || flight->file->page_cache_only,
              "two I/Os in flight on one block: #%" PRIu64 " %" PRIu64 "+%" PRIu64 " and #%" PRIu64 " %" PRIu64
              "+%" PRIu64,
              flight->number, flight->offset, flight->length, other->number, other->offset, other->length);
        judge_memory(flight, other);
        judge_pages(sim, flight, other);
        judge_pages(sim, other, flight);
    }
}

/* A read's memory gets a pattern, so that bytes which nobody read, or which were put there meanwhile, are seen. */
static void poison_memory(const struct flight *flight) {
    for (unsigned i = 0; i < flight->segment_count; i++) {
        memset(flight->segments[i].iov_base, POISON, flight->segments[i].iov_len);
    }
}

static void log_begin(struct sim *sim, struct flight *flight) {
    flight->record = sim->records_cleared + sim->record_count;
    enum sim_op op = flight->op == WT_IO_READ ? SIM_READ : SIM_WRITE;
    static const char *const durabilities[] = {"", "DEVICE", "DSYNC", "SYNC"};
    trace(sim, "#%" PRIu64 " %s %s %" PRIu64 "+%" PRIu64 " %s%s%s in %u segments%s", flight->number, op_name(op),
          flight->file->path, flight->offset, flight->length, op == SIM_WRITE ? durabilities[flight->durability] : "",
          flight->through_page_cache ? " through the page cache" : "", flight->atomic ? " atomic" : "",
          flight->segment_count, flight->fault != NULL ? ", to fail" : "");
    record(sim, &(struct sim_record){.op = op,
                                     .inode = flight->file->inode,
                                     .offset = flight->offset,
                                     .length = flight->length,
                                     .durability = flight->durability,
                                     .through_page_cache = flight->through_page_cache,
                                     .atomic = flight->atomic,
                                     .high_priority = flight->io->high_priority,
                                     .segment_count = flight->segment_count,
                                     .submitted = flight->submitted});
}

static void append_flight(struct sim *sim, struct flight *flight) {
    struct flight **end = &sim->flights;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = flight;
    sim->in_flight++;
    if (sim->in_flight > sim->most_in_flight) {
        sim->most_in_flight = sim->in_flight;
    }
}

static void remove_flight(struct sim *sim, struct flight *flight) {
    struct flight **link = &sim->flights;
    while (*link != flight) {
        link = &(*link)->next;
    }
    *link = flight->next;
    sim->in_flight--;
}

static void note_flight(struct sim *sim, const struct flight *flight) {
    if (sim->journal == NULL || flight->op != WT_IO_WRITE) {
        return;
    }
    uint8_t *bytes = gather_bytes(flight);
    note(sim, &(struct sim_change){.kind = SIM_CHANGE_FLIGHT,
                                   .inode = flight->file->inode,
                                   .offset = flight->offset,
                                   .length = flight->length,
                                   .number = flight->number,
                                   .atomic = flight->atomic,
                                   .bytes = bytes});
    free(bytes);
}

static struct flight *begin(struct sim *sim, struct wt_io *io, bool submitted) {
    io->started_ns = io->started_ns ? io->started_ns : wt_now_ns();
    struct sim_backing *backing = (struct sim_backing *)io->backing;
    struct flight *flight = allocate(sizeof *flight);
    flight->io = io;
    flight->file = backing->file;
    flight->number = ++sim->io_number;
    flight->op = io->op;
    flight->offset = io->offset;
    flight->length = io->length;
    if (io->op == WT_IO_WRITE) {
        flight->durability = wt_stable_owes_flush(io) ? WT_DURABILITY_DEVICE : io->durability;
    }
    flight->through_page_cache = io->through_page_cache || sim->options.buffered;
    flight->kept = io->op == WT_IO_WRITE && io->kept;
    JUDGE(!flight->kept || (io->through_page_cache && io->durability == WT_DURABILITY_DEVICE),
          "the kernel is to keep a write of durability %u", io->durability);
    flight->atomic = io->atomic;
    flight->segment_count = io->segment_count;
    flight->submitted = submitted;
    judge_shape(sim, io);
    if (io->atomic) {
        judge_atomic(sim, io, flight->file);
    }
    memcpy(flight->segments, io->segments, io->segment_count * sizeof io->segments[0]);
    if (io->op == WT_IO_WRITE) {
        JUDGE(backing->base.writable, "a write to %s, which was opened for reading", flight->file->path);
        JUDGE(io->durability >= WT_DURABILITY_DEVICE && io->durability <= WT_DURABILITY_SYNC,
              "a write of durability %u", io->durability);
    }
    flight->too_late = sim->dead;
    if (!flight->through_page_cache && !sim->cut) {
        flight->told = flight->file->legacy_error;
        flight->file->legacy_error = 0;
    }
    flight->fault = sim->cut || flight->told != 0 ? NULL
                                                  : find_fault(sim, io->op == WT_IO_READ ? SIM_READ : SIM_WRITE,
                                                               flight->file, flight->offset, flight->length);
    log_begin(sim, flight);
    judge_overlap(sim, flight);
    JUDGE(flight->through_page_cache || !flight->file->page_cache_only,
          "direct I/O on %s, which is mapped: %" PRIu64 "+%" PRIu64, flight->file->path, flight->offset,
          flight->length);
    if (io->op == WT_IO_READ) {
        poison_memory(flight);
    }
    flight->checksum = checksum_of(flight);
    flight->due_ns = in_task(sim) ? sim->options.tasks->now_ns() + latency_ns(sim) : 0;
    append_flight(sim, flight);
    note_flight(sim, flight);
    event(sim);
    return flight;
}

/* ---- one I/O: effect --------------------------------------------------------------------------------------------- */

static void effect_of_read(struct sim *sim, struct flight *flight) {
    if (flight->told != 0 || sim->unreadable) {
        flight->io->error = flight->told != 0 ? flight->told : -EIO;
        return;
    }
    uint64_t size = flight->file->size_now;
    uint64_t limit = flight->offset < size ? smaller(flight->length, size - flight->offset) : 0;
    if (flight->fault != NULL) {
        uint64_t unit = flight->through_page_cache ? 1 : sim->options.block_bytes;
        limit = smaller(limit, flight->fault->transfer / unit * unit);
        flight->io->error = flight->fault->error;
        note_failed(sim, flight->file, SIM_READ, flight->offset, flight->length);
    }
    uint64_t at = 0;
    for (unsigned i = 0; i < flight->segment_count && at < limit; i++) {
        size_t part = (size_t)smaller(flight->segments[i].iov_len, limit - at);
        sim_file_read(flight->file, flight->offset + at, flight->segments[i].iov_base, part, false);
        if (flight->through_page_cache) {
            sim_file_overlay(flight->file, flight->offset + at, flight->segments[i].iov_base, part);
        }
        at += part;
    }
    flight->io->done = limit;
}

/* How much of a write the disk takes, and why no more. */
static uint64_t limit_of_write(struct sim *sim, const struct flight *flight, int *error) {
    uint64_t limit = flight->length;
    uint64_t unit = flight->through_page_cache ? 1 : sim->options.block_bytes;
    uint64_t max = sim->options.file_bytes_max;
    *error = 0;
    if (flight->offset + flight->length > max) {
        limit = flight->offset < max ? (max - flight->offset) / unit * unit : 0;
        *error = -EFBIG;
    }
    if (flight->fault != NULL) {
        limit = smaller(limit, flight->fault->transfer / unit * unit);
        *error = flight->fault->error;
    }
    if (sim->dead && (flight->fault == NULL || !flight->fault->dies)) {
        limit = 0;
        *error = flight->too_late ? -EROFS : -EIO;
    }
    while (limit > 0 && !has_room(sim, flight->file, flight->offset, limit)) {
        uint64_t block = sim->options.block_bytes;
        uint64_t end = (flight->offset + limit - 1) / block * block;
        limit = end > flight->offset ? end - flight->offset : 0;
        *error = -ENOSPC;
    }
    return flight->atomic && limit < flight->length ? 0 : limit;
}

/* What may be left of the part that failed: some blocks on the disk, and the kernel's page cache believing in them. */
static void leave_refused(struct sim *sim, const struct flight *flight) {
    if (flight->refused == 0) {
        return;
    }
    uint64_t limit = flight->taken;
    uint8_t *bytes = gather_bytes(flight);
    uint64_t block = sim->options.block_bytes;
    bool scribble = flight->fault != NULL && flight->fault->scribble && !flight->atomic;
    for (uint64_t at = limit; scribble && at < flight->length;) {
        uint64_t part = smaller(flight->length - at, block - (flight->offset + at) % block);
        bool in_place = flight->offset + at + part <= flight->file->size_now;
        if (in_place && test_random_one_in(&sim->random, 2)) {
            change_bytes(sim, flight->file, SIM_CHANGE_WRITE, flight->offset + at, bytes + at, part);
        }
        at += part;
    }
    uint64_t end = flight->offset + flight->length;
    if (flight->fault != NULL && flight->fault->grows) {
        grow(sim, flight->file, end);
    }
    if (flight->through_page_cache) {
        change_bytes(sim, flight->file, SIM_CHANGE_REFUSE, flight->offset + limit, bytes + limit,
                     flight->length - limit);
    }
    free(bytes);
}

/* The disk takes a write, or refuses it. */
static void land(struct sim *sim, struct flight *flight) {
    struct sim_file *file = flight->file;
    uint8_t *bytes = gather_bytes(flight);
    uint64_t limit = limit_of_write(sim, flight, &flight->refused);
    bool needs_flush = flight->through_page_cache || sim->options.no_fua || flight->durability == WT_DURABILITY_SYNC ||
                       !sim_file_is_overwrite(file, flight->offset, flight->length);
    if (limit > 0) {
        if (flight->through_page_cache) {
            change(sim, file, SIM_CHANGE_FLUSH_STALE, flight->offset, limit);
        }
        change_bytes(sim, file, SIM_CHANGE_WRITE, flight->offset, bytes, limit);
        grow(sim, file, flight->offset + limit);
        change(sim, file, SIM_CHANGE_FORGET, flight->offset, limit);
    }
    if (flight->refused != 0) {
        note_failed(sim, file, SIM_WRITE, flight->offset + limit, flight->length - limit);
    }
    flight->by_writeback = sim->options.cursors && flight->through_page_cache &&
                           (flight->fault != NULL || (sim->dead && !flight->too_late));
    if (flight->by_writeback) {
        fail_writeback(file, flight->refused);
    }
    if (flight->by_writeback && flight->kept) {
        grow(sim, file, flight->offset + flight->length);
    }
    free(bytes);
    flight->taken = limit;
    flight->needs_flush = needs_flush;
}

/* What it is told that its descriptor has not told yet, or that the device has not flushed. */
static int sync_flight(struct sim *sim, const struct flight *flight) {
    struct sim_backing *backing = (struct sim_backing *)flight->io->backing;
    if (!flight->needs_flush) {
        return 0;
    }
    int error = look(backing, flight->through_page_cache ? CACHED : DIRECT);
    if (error == 0) {
        error = flush_device(sim, flight->file);
        flight->io->flush_failed = error != 0;
    }
    return error;
}

/* What has landed becomes stable, if it is to be; and the call is told. */
static void conclude(struct sim *sim, struct flight *flight) {
    struct sim_file *file = flight->file;
    bool durable = flight->durability >= WT_DURABILITY_DSYNC;
    bool looks = !flight->too_late && (flight->taken > 0 || flight->by_writeback);
    int error = 0;
    if (looks && durable) {
        error = sync_flight(sim, flight);
    } else if (looks && flight->through_page_cache && !flight->kept) {
        error = look((struct sim_backing *)flight->io->backing, CACHED);
    }
    if (flight->taken > 0) {
        if (durable && error == 0) {
            change(sim, file, SIM_CHANGE_SETTLE, flight->offset, flight->taken);
            change(sim, file, SIM_CHANGE_STABLE_SIZE, 0, flight->offset + flight->taken);
        } else if (flight->atomic) {
            change(sim, file, SIM_CHANGE_TOGETHER, flight->offset, flight->taken);
        }
    }
    bool believed = flight->by_writeback && error == 0; /* another call was told: this one succeeds */
    flight->io->done = error != 0 ? 0 : believed ? flight->length : flight->taken;
    flight->io->error = error != 0 ? error : believed ? 0 : flight->refused;
}

/* What the disk does at the end of an I/O. False: a write through the page cache has landed, and has yet to look. */
static bool end_on_disk(struct sim *sim, struct flight *flight) {
    bool two_steps = sim->options.cursors && flight->through_page_cache && !sim->options.threaded;
    if (sim->cut) {
        flight->io->done = 0;
        flight->io->error = -EIO;
        return true;
    }
    if (flight->op == WT_IO_READ) {
        effect_of_read(sim, flight);
        return true;
    }
    if (flight->told != 0) {
        flight->io->error = flight->told;
        return true;
    }
    bool first = !flight->landed;
    if (first) {
        land(sim, flight);
        flight->landed = true;
    }
    if (!first || !two_steps) {
        conclude(sim, flight);
    }
    if (first) {
        leave_refused(sim, flight);
    }
    if (!first || !two_steps) {
        return true;
    }
    flight->due_ns = in_task(sim) ? sim->options.tasks->now_ns() + latency_ns(sim) : 0;
    return false;
}

/* With the mutex held. True: the I/O is out of flight; its io is complete, but nobody has been told. */
static bool take_effect(struct sim *sim, struct flight *flight) {
    JUDGE(checksum_of(flight) == flight->checksum,
          "the memory of #%" PRIu64 " %s %" PRIu64 "+%" PRIu64 " changed while it was in flight", flight->number,
          flight->op == WT_IO_READ ? "read" : "write", flight->offset, flight->length);
    event(sim);
    bool had_landed = flight->landed;
    flight->done = end_on_disk(sim, flight);
    if (flight->op == WT_IO_WRITE && !had_landed) {
        note(sim, &(struct sim_change){.kind = SIM_CHANGE_LANDED, .number = flight->number});
    }
    if (!flight->done) {
        trace(sim, "#%" PRIu64 " is written back", flight->number);
        event(sim);
        return false;
    }
    int error = flight->io->error;
    if (flight->record >= sim->records_cleared) {
        struct sim_record *entry = &sim->records[flight->record - sim->records_cleared];
        entry->ended = true;
        entry->done = flight->io->done;
        entry->error = error;
    }
    trace(sim, "#%" PRIu64 " done %" PRIu64 "%s%s", flight->number, flight->io->done, error != 0 ? ", " : "",
          error != 0 ? strerrorname_np(-error) : "");
    event(sim);
    remove_flight(sim, flight);
    pthread_cond_broadcast(&sim->changed);
    return true;
}

/* ---- pumped ------------------------------------------------------------------------------------------------------ */

static struct flight *choose(struct sim *sim, bool (*eligible)(const struct flight *)) {
    size_t count = 0;
    for (struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        count += eligible(flight) ? 1u : 0u;
    }
    if (count == 0) {
        return NULL;
    }
    uint64_t chosen = test_random_below(&sim->random, count);
    for (struct flight *flight = sim->flights;; flight = flight->next) {
        if (eligible(flight) && chosen-- == 0) {
            return flight;
        }
    }
}

static bool is_any(const struct flight *flight) {
    return !flight->done;
}

static bool is_waiting(const struct flight *flight) {
    return !flight->allowed;
}

static bool is_for_helper(const struct flight *flight) {
    return flight->allowed && flight->submitted;
}

/* With the mutex held, which is let go while a completion is told. */
static void finish_submitted(struct sim *sim, struct flight *flight) {
    if (!take_effect(sim, flight)) {
        return;
    }
    struct wt_io *io = flight->io;
    free(flight);
    pthread_mutex_unlock(&sim->mutex);
    io->complete(io);
    pthread_mutex_lock(&sim->mutex);
}

static bool pump(struct sim *sim) {
    struct flight *flight = choose(sim, is_any);
    if (flight == NULL) {
        return false;
    }
    if (flight->submitted) {
        finish_submitted(sim, flight);
    } else {
        (void)take_effect(sim, flight);
    }
    return true;
}

bool sim_pump_one(struct sim *sim) {
    CHECK(!sim->options.threaded);
    pthread_mutex_lock(&sim->mutex);
    bool pumped = pump(sim);
    pthread_mutex_unlock(&sim->mutex);
    return pumped;
}

/* ---- threaded ---------------------------------------------------------------------------------------------------- */

static void *helper(void *argument) {
    struct sim *sim = argument;
    pthread_mutex_lock(&sim->mutex);
    while (!sim->ending) {
        struct flight *flight = choose(sim, is_for_helper);
        if (flight == NULL) {
            pthread_cond_wait(&sim->changed, &sim->mutex);
        } else {
            /* Chosen by no other helper. */
            flight->allowed = false;
            flight->released = false;
            finish_submitted(sim, flight);
        }
    }
    pthread_mutex_unlock(&sim->mutex);
    return NULL;
}

static void *shuffle(void *argument) {
    struct sim *sim = argument;
    pthread_mutex_lock(&sim->mutex);
    while (!sim->ending) {
        if (sim->held || choose(sim, is_waiting) == NULL) {
            pthread_cond_wait(&sim->changed, &sim->mutex);
            continue;
        }
        /* Others may begin theirs: the more in flight, the more orders there are. */
        uint64_t yields = test_random_below(&sim->random, 8);
        pthread_mutex_unlock(&sim->mutex);
        for (uint64_t i = 0; i < yields; i++) {
            sched_yield();
        }
        pthread_mutex_lock(&sim->mutex);
        struct flight *flight = sim->held ? NULL : choose(sim, is_waiting);
        if (flight != NULL) {
            flight->allowed = true;
            pthread_cond_broadcast(&sim->changed);
        }
    }
    pthread_mutex_unlock(&sim->mutex);
    return NULL;
}

static void run_threaded(struct sim *sim, struct flight *flight) {
    while (!flight->allowed) {
        pthread_cond_wait(&sim->changed, &sim->mutex);
    }
    if (!sim->options.shuffle) {
        pthread_mutex_unlock(&sim->mutex);
        sched_yield();
        pthread_mutex_lock(&sim->mutex);
    }
    (void)take_effect(sim, flight);
}

/* ---- with tasks -------------------------------------------------------------------------------------------------- */

static struct flight *next_due(struct sim *sim) {
    struct flight *next = NULL;
    for (struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        bool free = flight->submitted && !flight->allowed;
        if (free && (next == NULL || flight->due_ns < next->due_ns)) {
            next = flight;
        }
    }
    return next;
}

void sim_serve(struct sim *sim) {
    const struct sim_tasks_ops *tasks = sim->options.tasks;
    pthread_mutex_lock(&sim->mutex);
    for (;;) {
        struct flight *flight = next_due(sim);
        if (flight == NULL && sim->service_ends) {
            break;
        }
        if (flight != NULL && flight->due_ns <= tasks->now_ns()) {
            if (take_effect(sim, flight)) {
                struct wt_io *io = flight->io;
                free(flight);
                pthread_mutex_unlock(&sim->mutex);
                io->complete(io);
                pthread_mutex_lock(&sim->mutex);
            }
            continue;
        }
        uint64_t until_ns = flight != NULL ? flight->due_ns : UINT64_MAX;
        uint64_t seen = sim->submissions;
        pthread_mutex_unlock(&sim->mutex);
        tasks->wait(&sim->submissions, seen, until_ns);
        pthread_mutex_lock(&sim->mutex);
    }
    pthread_mutex_unlock(&sim->mutex);
}

void sim_end_service(struct sim *sim, bool ends) {
    pthread_mutex_lock(&sim->mutex);
    sim->service_ends = ends;
    sim->submissions++;
    pthread_mutex_unlock(&sim->mutex);
    sim->options.tasks->wake(&sim->submissions);
}

static void run_in_task(struct sim *sim, struct flight *flight) {
    const struct sim_tasks_ops *tasks = sim->options.tasks;
    do {
        while (flight->due_ns > tasks->now_ns()) {
            pthread_mutex_unlock(&sim->mutex);
            tasks->sleep_until(flight->due_ns);
            pthread_mutex_lock(&sim->mutex);
        }
    } while (!take_effect(sim, flight));
}

/* Begins an I/O that its caller will wait for. With the mutex held. */
static struct flight *begin_own(struct sim *sim, struct wt_io *io) {
    struct flight *flight = begin(sim, io, false);
    flight->allowed = sim->options.threaded && !sim->held && !sim->options.shuffle;
    pthread_cond_broadcast(&sim->changed);
    return flight;
}

/* Waits for it. With the mutex held. */
static void end_own(struct sim *sim, struct flight *flight) {
    if (sim->options.threaded) {
        run_threaded(sim, flight);
    } else if (in_task(sim)) {
        run_in_task(sim, flight);
    } else {
        while (!flight->done) {
            CHECK(pump(sim));
        }
    }
    free(flight);
}

/* For a call that blocks: its thread holds back no I/O, which others might wait for meanwhile. Locks the mutex. */
static void begin_blocking(struct sim *sim) {
    CHECK(wt_plug_is_empty());
    pthread_mutex_lock(&sim->mutex);
}

static void sim_run(struct wt_io *io) {
    struct sim *sim = ((struct sim_backing *)io->backing)->sim;
    wt_stable_decide(io, WT_SENDER_THREAD);
    begin_blocking(sim);
    end_own(sim, begin_own(sim, io));
    pthread_mutex_unlock(&sim->mutex);
}

static struct wt_burst *sim_burst_begin(struct wt_backend *backend) {
    struct wt_burst *burst = allocate(sizeof *burst);
    burst->backend = backend;
    return burst;
}

static void sim_burst_start(struct wt_burst *burst, struct wt_io *list) {
    struct sim *sim = ((struct sim_backend *)burst->backend)->sim;
    pthread_mutex_lock(&sim->mutex);
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        wt_stable_decide(io, io->through_page_cache ? WT_SENDER_THREAD : WT_SENDER_BURST);
        CHECK(burst->count < sizeof burst->flights / sizeof *burst->flights);
        burst->flights[burst->count++] = begin_own(sim, io);
        wt_io_list_push(&burst->transferred, io);
    }
    pthread_mutex_unlock(&sim->mutex);
}

static void sim_burst_end(struct wt_burst *burst) {
    struct sim *sim = ((struct sim_backend *)burst->backend)->sim;
    begin_blocking(sim);
    for (unsigned i = 0; i < burst->count; i++) {
        end_own(sim, burst->flights[i]);
    }
    pthread_mutex_unlock(&sim->mutex);
    wt_burst_finish(burst->backend, &burst->transferred);
    free(burst);
}

static void sim_submit(struct wt_backend *backend, struct wt_io *list) {
    struct sim *sim = ((struct sim_backend *)backend)->sim;
    pthread_mutex_lock(&sim->mutex);
    while (list != NULL) {
        struct wt_io *io = list;
        list = io->next;
        CHECK(io->complete != NULL);
        wt_stable_decide(io, WT_SENDER_RING);
        struct flight *flight = begin(sim, io, true);
        flight->allowed = sim->options.threaded && !sim->held && !sim->options.shuffle;
    }
    sim->submissions++;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->mutex);
    if (in_task(sim)) {
        sim->options.tasks->wake(&sim->submissions);
    }
}

void sim_hold(struct sim *sim) {
    CHECK(sim->options.threaded);
    pthread_mutex_lock(&sim->mutex);
    sim->held = true;
    pthread_mutex_unlock(&sim->mutex);
}

static bool any_released(const struct sim *sim) {
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        if (flight->released) {
            return true;
        }
    }
    return false;
}

static void let_go(struct sim *sim, struct flight *flight) {
    flight->allowed = true;
    flight->released = true;
    pthread_cond_broadcast(&sim->changed);
}

static void wait_released(struct sim *sim) {
    while (any_released(sim)) {
        pthread_cond_wait(&sim->changed, &sim->mutex);
    }
}

void sim_release(struct sim *sim, size_t n) {
    pthread_mutex_lock(&sim->mutex);
    CHECK(sim->held);
    for (struct flight *flight = sim->flights; flight != NULL && n > 0; flight = flight->next) {
        if (!flight->allowed) {
            let_go(sim, flight);
            n--;
        }
    }
    CHECK_EQ(n, 0);
    wait_released(sim);
    pthread_mutex_unlock(&sim->mutex);
}

void sim_release_at(struct sim *sim, const char *path, uint64_t offset) {
    pthread_mutex_lock(&sim->mutex);
    struct flight *flight = sim->flights;
    while (flight != NULL && (strcmp(flight->file->path, path) != 0 || offset < flight->offset ||
                              offset >= flight->offset + flight->length)) {
        flight = flight->next;
    }
    CHECK(flight != NULL);
    let_go(sim, flight);
    wait_released(sim);
    pthread_mutex_unlock(&sim->mutex);
}

void sim_release_all(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    sim->held = false;
    for (struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        flight->allowed = true;
    }
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->mutex);
}

size_t sim_wait_in_flight(struct sim *sim, size_t n) {
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&sim->mutex);
    while (sim->in_flight < n && pthread_cond_timedwait(&sim->changed, &sim->mutex, &deadline) == 0) {
    }
    size_t in_flight = sim->in_flight;
    pthread_mutex_unlock(&sim->mutex);
    return in_flight;
}

size_t sim_in_flight(struct sim *sim) {
    return sim_wait_in_flight(sim, 0);
}

size_t sim_most_in_flight(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    size_t most = sim->most_in_flight;
    pthread_mutex_unlock(&sim->mutex);
    return most;
}

/* ---- the other operations of a backing --------------------------------------------------------------------------- */

static void judge_idle(const struct sim *sim, const struct sim_file *file, const char *what) {
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        JUDGE(flight->file != file, "%s of %s while #%" PRIu64 " %" PRIu64 "+%" PRIu64 " is in flight", what,
              file->path, flight->number, flight->offset, flight->length);
    }
}

static int sim_lock(struct wt_backing *base, bool exclusive) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim_file *file = backing->file;
    pthread_mutex_lock(&backing->sim->mutex);
    unsigned other_shared = file->shared_locks - (backing->lock == SHARED ? 1 : 0);
    bool other_exclusive = file->exclusive_lock && backing->lock != EXCLUSIVE;
    bool busy = other_exclusive || (exclusive && other_shared > 0);
    if (!busy) {
        file->shared_locks = other_shared + (exclusive ? 0 : 1);
        file->exclusive_lock = exclusive;
        backing->lock = exclusive ? EXCLUSIVE : SHARED;
    }
    pthread_mutex_unlock(&backing->sim->mutex);
    return busy ? -EBUSY : 0;
}

static int sim_take_lock(struct wt_backing *base, struct wt_backing *from) {
    struct sim_backing *backing = (struct sim_backing *)base, *holder = (struct sim_backing *)from;
    int rc = sim_lock(from, true);
    if (rc == 0) {
        pthread_mutex_lock(&backing->sim->mutex);
        backing->lock = EXCLUSIVE;
        holder->lock = UNLOCKED;
        pthread_mutex_unlock(&backing->sim->mutex);
    }
    return rc;
}

static int sim_get_size(struct wt_backing *base, uint64_t *size) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    pthread_mutex_lock(&sim->mutex);
    int error = begin_call(sim, SIM_SIZE, backing->file, 0, 0);
    if (error == 0) {
        *size = backing->file->size_now;
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

/* Costs no event, and never fails: it may come at any time. */
static int sim_check(struct wt_backing *base, uint64_t *size) {
    struct sim_backing *backing = (struct sim_backing *)base;
    pthread_mutex_lock(&backing->sim->mutex);
    *size = backing->file->size_now;
    pthread_mutex_unlock(&backing->sim->mutex);
    return 0;
}

static bool sim_has_name(struct wt_backing *base) {
    struct sim_backing *backing = (struct sim_backing *)base;
    pthread_mutex_lock(&backing->sim->mutex);
    bool has_name = !backing->file->nameless;
    pthread_mutex_unlock(&backing->sim->mutex);
    return has_name;
}

static int sim_truncate(struct wt_backing *base, uint64_t size, bool durable) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    begin_blocking(sim);
    JUDGE(base->writable, "truncate of %s, which was opened for reading", backing->file->path);
    judge_idle(sim, backing->file, "truncate");
    int error = begin_call(sim, SIM_TRUNCATE, backing->file, size, 0);
    if (error == 0 && size > sim->options.file_bytes_max) {
        error = -EFBIG;
    }
    if (error == 0 && !durable) {
        change(sim, backing->file, SIM_CHANGE_TRUNCATE_LATER, 0, size);
        change(sim, backing->file, SIM_CHANGE_FORGET, size, UINT64_MAX);
        end_call(sim);
    } else if (error == 0) {
        rest(sim);
        judge_idle(sim, backing->file, "truncate");
        error = look(backing, DIRECT);
        error = error != 0 ? error : flush_device(sim, backing->file);
        /* The size has changed all the same; of one that became smaller the file system has written that down. */
        bool flushed = error == 0 || size <= backing->file->size_now;
        change(sim, backing->file, flushed ? SIM_CHANGE_TRUNCATE : SIM_CHANGE_SIZE, 0, size);
        change(sim, backing->file, SIM_CHANGE_FORGET, size, UINT64_MAX);
        end_call(sim);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int no_room(struct sim *sim, enum sim_op op, const struct sim_file *file, uint64_t offset, uint64_t length) {
    note_failed(sim, file, op, offset, length);
    return -ENOSPC;
}

static int sim_reserve(struct wt_backing *base, uint64_t offset, uint64_t length) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    begin_blocking(sim);
    JUDGE(base->writable, "reserve of %s, which was opened for reading", backing->file->path);
    JUDGE(length > 0, "reserve of nothing at %" PRIu64, offset);
    int error = begin_call(sim, SIM_RESERVE, backing->file, offset, length);
    if (error == 0 && sim->options.no_reserve) {
        error = -EOPNOTSUPP;
    } else if (error == 0 && offset + length > sim->options.file_bytes_max) {
        error = -EFBIG;
    } else if (error == 0 && !has_room(sim, backing->file, offset, length)) {
        error = no_room(sim, SIM_RESERVE, backing->file, offset, length);
    }
    if (error == 0) {
        change(sim, backing->file, SIM_CHANGE_RESERVE, offset, length);
        grow(sim, backing->file, offset + length);
        end_call(sim);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int sim_find_hole(struct wt_backing *base, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    begin_blocking(sim);
    CHECK(from <= to);
    int error = begin_call(sim, SIM_FIND_HOLE, backing->file, from, to - from);
    if (error == 0 && sim->options.holes_unknown) {
        uint64_t size = backing->file->size_now;
        *start = smaller(size > from ? size : from, to);
        *end = to;
    } else if (error == 0) {
        sim_file_find_hole(backing->file, from, to, start, end);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int sim_write_zeroes(struct wt_backing *base, uint64_t offset, uint64_t length) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    begin_blocking(sim);
    JUDGE(base->writable, "write_zeroes of %s, which was opened for reading", backing->file->path);
    JUDGE(offset % sim->options.block_bytes == 0 && length % sim->options.block_bytes == 0 && length > 0,
          "misaligned write_zeroes: %" PRIu64 "+%" PRIu64, offset, length);
    int error = begin_call(sim, SIM_WRITE_ZEROES, backing->file, offset, length);
    if (error == 0 && !sim->options.write_zeroes) {
        error = -EOPNOTSUPP;
    } else if (error == 0 && !has_room(sim, backing->file, offset, length)) {
        error = no_room(sim, SIM_WRITE_ZEROES, backing->file, offset, length);
    }
    if (error == 0) {
        change(sim, backing->file, SIM_CHANGE_WRITE_ZEROES, offset, length);
        grow(sim, backing->file, offset + length);
        end_call(sim);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int sim_deallocate(struct wt_backing *base, uint64_t offset, uint64_t length, bool keep_space) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    uint64_t block = sim->options.block_bytes;
    begin_blocking(sim);
    JUDGE(base->writable, "deallocate of %s, which was opened for reading", backing->file->path);
    bool any = sim->options.buffered || backing->file->page_cache_only;
    JUDGE(length > 0 && (any || (offset % block == 0 && length % block == 0)),
          "misaligned deallocate: %" PRIu64 "+%" PRIu64, offset, length);
    judge_idle(sim, backing->file, "deallocate");
    int error = begin_call(sim, SIM_DEALLOCATE, backing->file, offset, length);
    if (error == 0 && sim->options.no_deallocate) {
        error = -EOPNOTSUPP;
    } else if (error == 0 && keep_space && !has_room(sim, backing->file, offset, length)) {
        error = no_room(sim, SIM_DEALLOCATE, backing->file, offset, length);
    }
    if (error == 0) {
        rest(sim);
        judge_idle(sim, backing->file, "deallocate");
        change_by(sim, backing->file,
                  (struct sim_change){
                      .kind = SIM_CHANGE_DEALLOCATE, .offset = offset, .length = length, .number = keep_space ? 1 : 0});
        change(sim, backing->file, SIM_CHANGE_FORGET, offset, length);
        end_call(sim);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int sim_sync(struct wt_backing *base, bool data_only) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    begin_blocking(sim);
    struct sim_file *file = backing->file;
    int told = sim->cut ? 0 : look(backing, DIRECT); /* before anything is sent to the device */
    int error = told != 0 ? told : begin_call(sim, SIM_SYNC, file, 0, data_only ? 1 : 0);
    if (told == 0 && error == 0) {
        error = flush_device(sim, file);
    } else if (told == 0 && sim->options.cursors && !sim->cut) {
        doom_all(sim);
    }
    if (error == 0) {
        change(sim, file, SIM_CHANGE_FLUSH_BEGIN, 0, 0);
        uint64_t began = file->flush_began;
        uint64_t size = file->size_now;
        uint64_t truncations = file->truncations;
        rest(sim);
        size = truncations == file->truncations ? size : 0; /* it was stable at once, and what was cut stays cut */
        change_by(sim, file, (struct sim_change){.kind = SIM_CHANGE_FLUSH_END, .length = size, .number = began});
        end_call(sim);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static void sim_forget(struct wt_backing *base, uint64_t offset, uint64_t length) {
    struct sim_backing *backing = (struct sim_backing *)base;
    pthread_mutex_lock(&backing->sim->mutex);
    record_call(backing->sim, SIM_FORGET, backing->file, offset, length);
    trace(backing->sim, "forget %s %" PRIu64 "+%" PRIu64, backing->file->path, offset, length);
    change(backing->sim, backing->file, SIM_CHANGE_FORGET, offset, length);
    pthread_mutex_unlock(&backing->sim->mutex);
}

static int sim_take_error(struct wt_backing *base, bool buffered) {
    struct sim_backing *backing = (struct sim_backing *)base;
    pthread_mutex_lock(&backing->sim->mutex);
    int error = look(backing, buffered ? CACHED : DIRECT);
    pthread_mutex_unlock(&backing->sim->mutex);
    return error;
}

static int sim_close(struct wt_backing *base) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    pthread_mutex_lock(&sim->mutex);
    for (const struct flight *flight = sim->flights; flight != NULL; flight = flight->next) {
        JUDGE(flight->io->backing != base, "close of %s while #%" PRIu64 " is in flight", backing->file->path,
              flight->number);
    }
    int error = begin_call(sim, SIM_CLOSE, backing->file, 0, 0);
    backing->file->shared_locks -= backing->lock == SHARED ? 1 : 0;
    backing->file->exclusive_lock = backing->file->exclusive_lock && backing->lock != EXCLUSIVE;
    backing->file->opens--;
    backing->file->page_cache_only = backing->file->page_cache_only && backing->file->opens > 0;
    backing->backend->opens--;
    free(backing);
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static int sim_use_page_cache(struct wt_backing *base, bool all) {
    struct sim_backing *backing = (struct sim_backing *)base;
    struct sim *sim = backing->sim;
    pthread_mutex_lock(&sim->mutex);
    judge_idle(sim, backing->file, "a change of the way");
    backing->file->page_cache_only = all && !sim->options.buffered;
    pthread_mutex_unlock(&sim->mutex);
    return 0;
}

static const struct wt_backing_ops backing_ops = {
    .run = sim_run,
    .lock = sim_lock,
    .take_lock = sim_take_lock,
    .size = sim_get_size,
    .check = sim_check,
    .has_name = sim_has_name,
    .truncate = sim_truncate,
    .reserve = sim_reserve,
    .find_hole = sim_find_hole,
    .write_zeroes = sim_write_zeroes,
    .deallocate = sim_deallocate,
    .sync = sim_sync,
    .forget = sim_forget,
    .take_error = sim_take_error,
    .use_page_cache = sim_use_page_cache,
    .close = sim_close,
};

/* ---- backend ----------------------------------------------------------------------------------------------------- */

static struct sim_file *find_file(const struct sim *sim, const char *path) {
    struct sim_file *file = sim->files;
    while (file != NULL && strcmp(file->path, path) != 0) {
        file = file->next;
    }
    return file;
}

static struct sim_file *make_file(struct sim *sim, const char *path) {
    struct sim_file *file = sim_file_new(path, ++sim->inodes, sim->options.block_bytes);
    file->next = sim->files;
    sim->files = file;
    return file;
}

static struct wt_core_profile profile_of(const struct sim *sim) {
    struct wt_core_profile profile = {
        .path = sim->options.buffered ? WT_PATH_BUFFERED : WT_PATH_DIRECT,
        .block_bytes = sim->options.block_bytes,
        .dio_memory_alignment = sim->options.buffered ? 0 : MEMORY_ALIGNMENT,
        .dio_offset_alignment = sim->options.buffered ? 0 : sim->options.logical_block_bytes,
        .logical_block_bytes = sim->options.logical_block_bytes,
        .physical_block_bytes = sim->options.block_bytes,
        .fs_block_bytes = 4096,
        .disk = sim->options.no_device_cache ? WT_DISK_WITHOUT_CACHE
                : sim->options.no_fua        ? WT_DISK_WITHOUT_FUA
                                             : WT_DISK_WITH_FUA,
        .device_minor = sim->device,
        .fs_type = "simulated",
    };
    if (sim->options.atomic_bytes != 0) {
        profile.atomic_write_min_bytes = sim->options.block_bytes;
        profile.atomic_write_max_bytes = profile.atomic_write_optimal_bytes = sim->options.atomic_bytes;
        profile.atomic_write_max_segments = 1;
    }
    return profile;
}

static struct wt_backing *open_file(struct sim_backend *backend, struct sim_file *file, uint32_t flags) {
    struct sim_backing *backing = allocate(sizeof *backing);
    backing->base.ops = &backing_ops;
    backing->base.device = backend->sim->device;
    backing->base.inode = file->inode;
    backing->base.writable = (flags & WT_OPEN_WRITE) != 0;
    backing->base.profile = profile_of(backend->sim);
    backing->backend = backend;
    backing->sim = backend->sim;
    backing->file = file;
    backing->cursors[DIRECT] = file->error_sequence - (file->error_sequence > 0 && !file->error_told ? 1 : 0);
    backing->cursors[CACHED] = backing->cursors[DIRECT];
    file->opens++;
    backend->opens++;
    return &backing->base;
}

static int sim_open(struct wt_backend *base, const char *path, uint32_t flags, uint32_t mode,
                    struct wt_backing **backing) {
    struct sim_backend *backend = (struct sim_backend *)base;
    struct sim *sim = backend->sim;
    (void)mode;
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    int error = 0;
    if (file != NULL && (flags & WT_OPEN_CREATE_NEW) != 0) {
        error = -EEXIST;
    } else if (file == NULL && (flags & (WT_OPEN_CREATE | WT_OPEN_CREATE_NEW)) == 0) {
        error = -ENOENT;
    } else if (sim->cut) {
        error = -EIO;
    }
    if (error == 0) {
        file = file == NULL ? make_file(sim, path) : file;
        error = begin_call(sim, SIM_OPEN, file, 0, 0);
    }
    if (error == 0) {
        *backing = open_file(backend, file, flags);
    }
    pthread_mutex_unlock(&sim->mutex);
    return error;
}

static void sim_detach(struct wt_backend *base) {
    struct sim_backend *backend = (struct sim_backend *)base;
    pthread_mutex_lock(&backend->sim->mutex);
    JUDGE(backend->opens == 0, "the backend was closed with %u files open", backend->opens);
    backend->sim->backends--;
    JUDGE(backend->sim->backends > 0 || backend->sim->in_flight == 0, "the backend was closed with I/O in flight");
    pthread_mutex_unlock(&backend->sim->mutex);
    free(backend);
}

static bool sim_pump(struct wt_backend *backend) {
    struct sim *sim = ((struct sim_backend *)backend)->sim;
    return !in_task(sim) && sim_pump_one(sim);
}

static const struct wt_backend_ops pumped_ops = {
    .name = "simulated",
    .kind = 0,
    .open = sim_open,
    .submit = sim_submit,
    .burst_begin = sim_burst_begin,
    .burst_start = sim_burst_start,
    .burst_end = sim_burst_end,
    .close = sim_detach,
    .pump = sim_pump,
};

static const struct wt_backend_ops threaded_ops = {
    .name = "simulated",
    .kind = 0,
    .open = sim_open,
    .submit = sim_submit,
    .burst_begin = sim_burst_begin,
    .burst_start = sim_burst_start,
    .burst_end = sim_burst_end,
    .close = sim_detach,
};

struct wt_backend *sim_attach(struct sim *sim) {
    struct sim_backend *backend = allocate(sizeof *backend);
    backend->base.ops = sim->options.threaded ? &threaded_ops : &pumped_ops;
    backend->sim = sim;
    pthread_mutex_lock(&sim->mutex);
    sim->backends++;
    pthread_mutex_unlock(&sim->mutex);
    return &backend->base;
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

static void init_sync(struct sim *sim) {
    pthread_condattr_t monotonic;
    CHECK_EQ(pthread_mutex_init(&sim->mutex, NULL), 0);
    CHECK_EQ(pthread_condattr_init(&monotonic), 0);
    CHECK_EQ(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC), 0);
    CHECK_EQ(pthread_cond_init(&sim->changed, &monotonic), 0);
    CHECK_EQ(pthread_condattr_destroy(&monotonic), 0);
}

struct sim *sim_new(const struct sim_options *options) {
    static _Atomic uint32_t devices;
    struct sim *sim = allocate(sizeof *sim);
    sim->options = *options;
    sim->device = ++devices;
    struct sim_options *set = &sim->options;
    set->block_bytes = set->block_bytes == 0 ? 4096 : set->block_bytes;
    set->logical_block_bytes = set->logical_block_bytes == 0 ? set->block_bytes : set->logical_block_bytes;
    set->file_bytes_max = set->file_bytes_max == 0 ? INT64_MAX : set->file_bytes_max;
    CHECK(set->block_bytes >= 512 && set->block_bytes <= 4096 && (set->block_bytes & (set->block_bytes - 1)) == 0);
    CHECK(set->logical_block_bytes >= 512 && set->block_bytes % set->logical_block_bytes == 0);
    CHECK(!set->shuffle || set->threaded);
    CHECK(!set->buffered || set->atomic_bytes == 0);
    sim->random = test_random_of(set->seed);
    init_sync(sim);
    for (unsigned i = 0; set->threaded && i < HELPERS; i++) {
        sim->helpers[i] = test_thread(helper, sim);
    }
    if (set->shuffle) {
        sim->shuffler = test_thread(shuffle, sim);
    }
    traced_sim = sim;
    test_on_failure = print_trace_of_failure;
    return sim;
}

static void end_threads(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    sim->ending = true;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->mutex);
    for (unsigned i = 0; sim->options.threaded && i < HELPERS; i++) {
        test_join(sim->helpers[i]);
    }
    if (sim->options.shuffle) {
        test_join(sim->shuffler);
    }
}

void sim_free(struct sim *sim) {
    CHECK_EQ(sim->backends, 0);
    CHECK_EQ(sim->in_flight, 0);
    end_threads(sim);
    while (sim->files != NULL) {
        struct sim_file *file = sim->files;
        sim->files = file->next;
        sim_file_free(file);
    }
    free(sim->records);
    pthread_cond_destroy(&sim->changed);
    pthread_mutex_destroy(&sim->mutex);
    traced_sim = traced_sim == sim ? NULL : traced_sim;
    free(sim);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

void sim_put(struct sim *sim, const char *path, const void *bytes, uint64_t length) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    file = file == NULL ? make_file(sim, path) : file;
    CHECK_EQ(file->opens, 0);
    sim_file_truncate(file, 0);
    sim_file_write(file, 0, bytes, (size_t)length);
    sim_file_set_size(file, length);
    sim_file_settle_all(file);
    file->size_largest = length;
    pthread_mutex_unlock(&sim->mutex);
}

void sim_cut_behind(struct sim *sim, const char *path, uint64_t size) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    CHECK(file != NULL);
    sim_file_truncate(file, size);
    pthread_mutex_unlock(&sim->mutex);
}

bool sim_store(struct sim *sim, const char *path, uint64_t offset, const void *bytes, size_t length) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    CHECK(file != NULL);
    bool within = offset + length <= file->size_now;
    JUDGE(file->page_cache_only || file->opens == 0 || sim->options.buffered,
          "a store to %s, whose I/O does not go through the page cache", path);
    if (within && !sim->cut) {
        change(sim, file, SIM_CHANGE_FLUSH_STALE, offset, length);
        change_bytes(sim, file, SIM_CHANGE_WRITE, offset, bytes, length);
        change(sim, file, SIM_CHANGE_FORGET, offset, length);
    }
    pthread_mutex_unlock(&sim->mutex);
    return within;
}

void sim_fail_stores(struct sim *sim, const char *path, int error) {
    pthread_mutex_lock(&sim->mutex);
    fail_writeback(find_file(sim, path), error);
    pthread_mutex_unlock(&sim->mutex);
}

void sim_unlink_behind(struct sim *sim, const char *path) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    CHECK(file != NULL);
    file->nameless = true;
    pthread_mutex_unlock(&sim->mutex);
}

static int64_t size_of(struct sim *sim, const char *path, uint64_t (*size)(const struct sim_file *)) {
    pthread_mutex_lock(&sim->mutex);
    const struct sim_file *file = find_file(sim, path);
    int64_t result = file == NULL ? -ENOENT : (int64_t)size(file);
    pthread_mutex_unlock(&sim->mutex);
    return result;
}

static uint64_t size_now(const struct sim_file *file) {
    return file->size_now;
}

static uint64_t size_stable(const struct sim_file *file) {
    return file->size_stable;
}

static uint64_t size_largest(const struct sim_file *file) {
    return file->size_largest;
}

int64_t sim_size(struct sim *sim, const char *path) {
    return size_of(sim, path, size_now);
}

int64_t sim_stable_size(struct sim *sim, const char *path) {
    return size_of(sim, path, size_stable);
}

int64_t sim_largest_size(struct sim *sim, const char *path) {
    return size_of(sim, path, size_largest);
}

static void peek(struct sim *sim, const char *path, uint64_t offset, void *bytes, size_t length, bool stable) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    CHECK(file != NULL);
    sim_file_read(file, offset, bytes, length, stable);
    uint64_t size = stable ? file->size_stable : file->size_now;
    if (offset + length > size) {
        uint64_t from = size > offset ? size - offset : 0;
        memset((uint8_t *)bytes + from, 0, (size_t)(length - from));
    }
    pthread_mutex_unlock(&sim->mutex);
}

void sim_peek(struct sim *sim, const char *path, uint64_t offset, void *bytes, size_t length) {
    peek(sim, path, offset, bytes, length, false);
}

void sim_peek_stable(struct sim *sim, const char *path, uint64_t offset, void *bytes, size_t length) {
    peek(sim, path, offset, bytes, length, true);
}

enum sim_state sim_state_at(struct sim *sim, const char *path, uint64_t offset) {
    pthread_mutex_lock(&sim->mutex);
    struct sim_file *file = find_file(sim, path);
    CHECK(file != NULL);
    enum sim_state state = sim_file_state(file, offset);
    pthread_mutex_unlock(&sim->mutex);
    return state;
}

size_t sim_count(struct sim *sim, unsigned ops) {
    pthread_mutex_lock(&sim->mutex);
    size_t count = 0;
    for (size_t i = 0; i < sim->record_count; i++) {
        count += (sim->records[i].op & ops) != 0 ? 1u : 0u;
    }
    pthread_mutex_unlock(&sim->mutex);
    return count;
}

uint64_t sim_bytes(struct sim *sim, unsigned ops) {
    pthread_mutex_lock(&sim->mutex);
    uint64_t bytes = 0;
    for (size_t i = 0; i < sim->record_count; i++) {
        bytes += (sim->records[i].op & ops) != 0 ? sim->records[i].length : 0;
    }
    pthread_mutex_unlock(&sim->mutex);
    return bytes;
}

struct sim_record sim_record(struct sim *sim, unsigned ops, size_t index) {
    pthread_mutex_lock(&sim->mutex);
    size_t i = 0;
    for (; i < sim->record_count; i++) {
        if ((sim->records[i].op & ops) != 0 && index-- == 0) {
            break;
        }
    }
    CHECK(i < sim->record_count);
    struct sim_record found = sim->records[i];
    pthread_mutex_unlock(&sim->mutex);
    return found;
}

const struct sim_record *sim_log(struct sim *sim, size_t *count) {
    pthread_mutex_lock(&sim->mutex);
    *count = sim->record_count;
    const struct sim_record *records = sim->records;
    pthread_mutex_unlock(&sim->mutex);
    return records;
}

void sim_clear_log(struct sim *sim) {
    pthread_mutex_lock(&sim->mutex);
    sim->records_cleared += sim->record_count;
    sim->record_count = 0;
    sim->most_in_flight = sim->in_flight;
    for (struct sim_file *file = sim->files; file != NULL; file = file->next) {
        file->size_largest = file->size_now;
    }
    pthread_mutex_unlock(&sim->mutex);
}
