// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "sim_run.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "sim_journal.h"
#include "sim_ledger.h"
#include "sim_tasks.h"
#include "write/later.h"

enum { SERVERS = 2, TRACE_CHANGES = 40, PROGRAM_SECONDS = 60, TICKS_MOST = 100000 };

/* Of large writes: programs have none that are large. */
enum { PART_BYTES = 512 };

/* A pin that a caller keeps for a while, and what it showed at first. */
struct kept_pin {
    struct wt_pinned pinned; /* pin 0: there is none */
    uint8_t *bytes;
};

enum { KEPT_PINS = 3 };

/* Durable memory that a file has. */
struct owned {
    wt_memory memory; /* 0: none */
    uint8_t *bytes;
    unsigned number; /* no two of a life have the same */
    unsigned caller; /* by whose handle it was made: NONE: that is closed, and it owns nothing any more */
};

enum { NONE = SIM_CALLERS };

/* One life of a program: the engine from its opening to a power cut. */
struct life {
    const struct sim_program *program;
    unsigned number;
    struct core core;
    struct sim_journal *journal;
    wt_file handles[SIM_CALLERS][SIM_FILES];
    wt_lane lanes[SIM_CALLERS];       /* of those that have one; 0: none */
    wt_mapping mappings[SIM_CALLERS]; /* that it keeps; 0: none */
    struct kept_pin pins[SIM_CALLERS][KEPT_PINS];
    struct owned owned[SIM_FILES];
    unsigned last_owned;        /* the number of the last memory that was made, or tried to be */
    unsigned owners[SIM_FILES]; /* memories that own their range, or did a moment ago or will */
    struct sim_deed deeds[SIM_OPERATIONS];
    struct {
        unsigned owners, last_owned; /* when it began */
        unsigned owned;              /* the memory that owned the range all the time until now; 0: none */
    } met[SIM_OPERATIONS];
    uint8_t *bases[SIM_FILES];
    uint64_t sizes[SIM_FILES];
    unsigned callers_left;
};

struct caller {
    struct life *life;
    unsigned number;
};

static void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    CHECK(memory != NULL);
    return memory;
}

static bool may_fail(const struct sim_program *program) {
    return program->fault_count > 0 || program->disk.capacity_bytes > 0;
}

/* ---- callers ----------------------------------------------------------------------------------------------------- */

static void mark(struct life *life, unsigned deed, bool end) {
    sim_mark(life->core.sim, deed * 2u + (end ? 1u : 0u));
}

/* Whether it changes what memory of the file owns, if there is any. */
static bool is_of_owned(const struct life *life, const struct sim_operation *operation) {
    uint64_t from = life->program->memory[operation->file].offset, to = life->program->memory[operation->file].end;
    switch (operation->step) {
    case SIM_STEP_WRITE:
    case SIM_STEP_PUNCH:
    case SIM_STEP_ZERO:
        return operation->offset < to && from < operation->offset + operation->length;
    case SIM_STEP_TRUNCATE:
        return operation->offset < to;
    default:
        return false;
    }
}

/* The memory that owns its range now; 0: none, or nobody knows. */
static unsigned owning(const struct life *life, unsigned file) {
    const struct owned *owned = &life->owned[file];
    return owned->memory != 0 && owned->caller != NONE ? owned->number : 0;
}

static void end_deed(struct life *life, unsigned number, int64_t result, uint64_t stable, uint64_t offset) {
    struct sim_deed *deed = &life->deeds[number];
    const struct sim_operation *operation = deed->operation;
    bool writes = operation->step == SIM_STEP_WRITE || operation->step == SIM_STEP_APPEND;
    bool atomic = (operation->flags & WT_ATOMIC) != 0;
    bool mapped = life->program->theme == SIM_THEME_MAPPED; /* a later write waits for the device then */
    bool later = (operation->flags & WT_LATER) != 0 && !(mapped && stable > 0);
    CHECK(deed->begun && !deed->ended);
    CHECK(result >= 0 || may_fail(life->program));
    bool may_change = life->met[number].owned == 0 || life->met[number].owned != owning(life, operation->file) ||
                      operation->step == SIM_STEP_TRUNCATE; /* it may make the file longer */
    CHECK(result < 0 || deed->refused || may_change || !is_of_owned(life, operation));
    CHECK(result != -ESTALE); /* nobody else touches the files */
    if (writes) {
        CHECK(result < 0 ? stable < operation->length || operation->step == SIM_STEP_APPEND
                         : (uint64_t)result == operation->length && stable == (later ? 0 : operation->length));
        CHECK(!atomic || result >= 0 || stable == 0);
    }
    deed->ended = true;
    deed->result = result;
    deed->stable = stable;
    deed->offset = operation->step == SIM_STEP_APPEND ? offset : operation->offset;
    mark(life, number, true);
}

static void end_refused(struct life *life, unsigned number, uint64_t offset) {
    uint64_t length = life->program->operations[number].length;
    bool later = (life->program->operations[number].flags & WT_LATER) != 0;
    life->deeds[number].refused = true;
    end_deed(life, number, (int64_t)length, later ? 0 : length, offset);
}

/* An atomic write cannot go where the file ends in the middle of it. An append may find that out when it has its place. */
static bool may_meet_end(const struct sim_operation *operation, int64_t result) {
    return result == -EINVAL && (operation->flags & WT_ATOMIC) != 0;
}

/* Memory owns what it would change, at some time since it began. */
static bool may_meet_memory(const struct life *life, unsigned number, int64_t result) {
    const struct sim_operation *operation = life->deeds[number].operation;
    return result == -EBUSY && (operation->step == SIM_STEP_APPEND || is_of_owned(life, operation)) &&
           (life->met[number].owners > 0 || life->met[number].last_owned != life->last_owned);
}

static void end_met(struct life *life, unsigned number, uint64_t offset) {
    life->deeds[number].met_end = true;
    end_refused(life, number, offset);
}

static void end_by_event(struct life *life, const struct wt_event *event) {
    CHECK(event->token < life->program->count);
    unsigned number = (unsigned)event->token;
    if (may_meet_end(life->deeds[number].operation, event->result)) {
        CHECK_EQ(event->stable_bytes, 0);
        end_met(life, number, event->offset);
    } else if (may_meet_memory(life, number, event->result)) {
        CHECK_EQ(event->stable_bytes, 0);
        end_refused(life, number, event->offset);
    } else {
        end_deed(life, number, event->result, event->stable_bytes, event->offset);
    }
}

static void end_by_events(struct life *life, const struct wt_event *events, int count) {
    CHECK(count >= 0);
    for (int i = 0; i < count; i++) {
        end_by_event(life, &events[i]);
    }
}

/* Of the caller's lane, which nobody else can take, and of all who have none. */
static void take_events(struct life *life, unsigned caller, int64_t timeout_ns) {
    struct wt_event events[4];
    if (life->lanes[caller] != 0) {
        end_by_events(life, events, wt_lane_poll(life->lanes[caller], events, 4, timeout_ns));
    }
    end_by_events(life, events, wt_reap(life->core.engine, events, 4, timeout_ns));
}

static void end_submission(struct life *life, const struct sim_operation *operation, unsigned number, int rc) {
    if (rc == 0) {
        return;
    }
    /* Refused: nothing was changed, or an error came before anything was started. */
    bool refused = rc == -EAGAIN || rc == -EMSGSIZE;
    CHECK(!refused || operation->flags & WT_NOWAIT);
    if (refused || may_meet_end(operation, rc) || may_meet_memory(life, number, rc)) {
        end_refused(life, number, 0);
    } else {
        end_deed(life, number, rc, 0, 0);
    }
}

static void submit(struct life *life, const struct sim_operation *operation, unsigned number, wt_file file,
                   const struct iovec *iov) {
    wt_lane lane = life->lanes[operation->caller];
    int rc = lane != 0
                 ? wt_lane_write(lane, file, iov, 1, operation->offset, operation->durability, operation->flags, number)
                 : wt_write_submit(file, iov, 1, operation->offset, operation->durability, operation->flags, number);
    end_submission(life, operation, number, rc);
}

static void write_now(struct life *life, const struct sim_operation *operation, unsigned number, wt_file file,
                      const struct iovec *iov) {
    uint64_t offset = operation->offset, stable = 0;
    int64_t result = wt_write_with(file, iov, 1, &offset, operation->durability, operation->flags, &stable);
    if (may_meet_end(operation, result)) {
        CHECK_EQ(stable, 0);
        end_met(life, number, offset);
    } else if (may_meet_memory(life, number, result)) {
        CHECK_EQ(stable, 0);
        end_refused(life, number, offset);
    } else {
        end_deed(life, number, result, stable, offset);
    }
}

/* ---- durable memory ---- */

/* Nobody else knows of the memory yet, and nobody may change its range: so the file has what it has. */
static void check_mapped(const struct life *life, unsigned file, wt_file handle, const uint8_t *bytes) {
    uint64_t from = life->program->memory[file].offset, length = life->program->memory[file].end - from;
    uint8_t *read = allocate((size_t)length);
    int64_t n = read_at(handle, from, read, (size_t)length);
    CHECK(n >= 0 || may_fail(life->program));
    if (n >= 0) {
        memset(read + n, 0, (size_t)length - (size_t)n);
        CHECK_BYTES(bytes, read, (size_t)length);
    }
    free(read);
}

static int make_memory(struct life *life, unsigned caller, unsigned file) {
    wt_file handle = life->handles[caller][file];
    uint64_t offset = life->program->memory[file].offset;
    struct owned made = {.number = ++life->last_owned, .caller = caller};
    void *address;
    life->owners[file]++;
    int rc = wt_memory_map(handle, offset, life->program->memory[file].end - offset,
                           life->program->compares ? WT_MEMORY_COMPARE : 0, &made.memory, &address);
    if (rc < 0) {
        life->owners[file]--;
        return rc;
    }
    made.bytes = address;
    check_mapped(life, file, handle, made.bytes);
    life->owned[file] = made;
    return 0;
}

static void end_memory(struct life *life, unsigned file) {
    struct owned ended = life->owned[file];
    life->owned[file] = (struct owned){0}; /* so that nobody stores there any more */
    CHECK_OK(wt_memory_unmap(ended.memory));
    if (ended.caller != NONE) {
        life->owners[file]--;
    }
}

/* Whether a hole or zeros may have been made while the memory was. */
static bool makes_zeros(const struct life *life, unsigned file) {
    bool makes = false;
    for (unsigned i = 0; i < life->program->count && !makes; i++) {
        const struct sim_deed *deed = &life->deeds[i];
        enum sim_step step = deed->operation->step;
        makes = deed->begun && deed->operation->file == file && (step == SIM_STEP_PUNCH || step == SIM_STEP_ZERO);
    }
    return makes;
}

static void map(struct life *life, const struct sim_operation *operation, unsigned number) {
    bool owns = owning(life, operation->file) != 0;
    if (life->owned[operation->file].memory != 0) {
        end_memory(life, operation->file);
    }
    int rc = owns ? 0 : make_memory(life, operation->caller, operation->file);
    bool others = life->met[number].owners > 0 || life->met[number].last_owned + 1 != life->last_owned;
    if (rc == -EBUSY && (others || makes_zeros(life, operation->file))) { /* another was faster, or has not ended yet */
        end_refused(life, number, 0);
    } else {
        end_deed(life, number, rc, 0, 0);
    }
}

/* In one step, as others see it: the schedule has none within. */
static void store(struct life *life, const struct sim_operation *operation, unsigned number) {
    const struct owned *owned = &life->owned[operation->file];
    life->deeds[number].memory = owned->number;
    if (owned->memory == 0) {
        end_refused(life, number, 0);
        return;
    }
    memcpy(owned->bytes + (operation->offset - life->program->memory[operation->file].offset),
           sim_pattern() + operation->key, (size_t)operation->length);
    end_deed(life, number, (int64_t)operation->length, 0, 0);
}

static void force_memory(struct life *life, const struct sim_operation *operation, unsigned number) {
    struct owned owned = life->owned[operation->file];
    life->deeds[number].memory = owned.number;
    uint64_t at = operation->offset - life->program->memory[operation->file].offset;
    int rc = owned.memory == 0 ? -EBADF : wt_memory_force(owned.memory, at, operation->length);
    if (rc == -EBADF) { /* it ended before this: nothing was written */
        CHECK(owned.memory == 0 || owned.number != owning(life, operation->file));
        end_refused(life, number, 0);
    } else {
        end_deed(life, number, rc, 0, 0);
    }
}

/* The disk is well: the last force makes the file what the memory is. */
static void finish_memory(struct life *life, unsigned file) {
    const struct owned *owned = &life->owned[file];
    if (owned->memory == 0) {
        return;
    }
    if (owning(life, file) != 0) {
        uint64_t from = life->program->memory[file].offset;
        CHECK_OK(wt_memory_force(owned->memory, 0, life->program->memory[file].end - from));
        check_mapped(life, file, life->handles[0][file], owned->bytes);
    }
    end_memory(life, file);
}

/* ---- the operations ---- */

static void keep_mapping(struct life *life, unsigned caller, wt_mapping mapping) {
    if (life->mappings[caller] != 0) {
        CHECK_OK(wt_mapping_end(life->mappings[caller]));
    }
    life->mappings[caller] = mapping;
}

/* A store behind the end of the file ends a program: here it is one that was not made. */
static void store_in_mapping(struct life *life, const struct sim_operation *operation, unsigned number, wt_file file) {
    wt_mapping mapping = 0;
    CHECK(wt_mapping_begin(file, 0, 0, &mapping) >= 0);
    bool stored = sim_store(life->core.sim, sim_file_name(operation->file), operation->offset,
                            sim_pattern() + operation->key, (size_t)operation->length);
    if (stored) {
        end_deed(life, number, (int64_t)operation->length, 0, operation->offset);
    } else {
        end_refused(life, number, operation->offset);
    }
    keep_mapping(life, operation->caller, mapping);
    if (operation->reaps) {
        keep_mapping(life, operation->caller, 0);
    }
}

/* Pinned bytes stay as they are. */
static void check_pin(const struct kept_pin *kept) {
    size_t at = 0;
    for (uint32_t i = 0; i < kept->pinned.run_count; i++) {
        const struct iovec *run = &kept->pinned.runs[i];
        CHECK_BYTES(run->iov_base, kept->bytes + at, run->iov_len);
        at += run->iov_len;
    }
}

static void check_pins(struct kept_pin *kept) {
    for (unsigned i = 0; i < KEPT_PINS; i++) {
        check_pin(&kept[i]);
    }
}

static void end_pin(struct kept_pin *kept) {
    if (kept->pinned.pin != 0) {
        CHECK_OK(wt_unpin(kept->pinned.pin));
        free(kept->bytes);
    }
    *kept = (struct kept_pin){.bytes = NULL};
}

/* A read of which the caller keeps the bytes where they are, in place of one that it kept before. */
static int64_t read_pinned(struct life *life, const struct sim_operation *operation, wt_file file, uint8_t *into) {
    struct kept_pin *kept = &life->pins[operation->caller][operation->key / 4 % KEPT_PINS];
    end_pin(kept);
    int64_t n = wt_pin(file, operation->offset, operation->length, operation->key % 4 ? WT_PIN_COPY : 0, &kept->pinned);
    if (n == -ENOBUFS) {
        return into ? read_at(file, operation->offset, into, (size_t)operation->length) : 0;
    }
    CHECK(n <= 0 ? kept->pinned.pin == 0 : kept->pinned.pin != 0);
    if (n > 0) {
        size_t at = 0;
        kept->bytes = allocate((size_t)operation->length);
        for (uint32_t i = 0; i < kept->pinned.run_count; i++) {
            memcpy(kept->bytes + at, kept->pinned.runs[i].iov_base, kept->pinned.runs[i].iov_len);
            at += kept->pinned.runs[i].iov_len;
        }
        CHECK_EQ(at, n);
        if (into) {
            memcpy(into, kept->bytes, at);
        }
    }
    return n;
}

static void do_write(struct life *life, const struct sim_operation *operation, unsigned number, wt_file file) {
    struct iovec iov = {(void *)(uintptr_t)(sim_pattern() + operation->key), (size_t)operation->length};
    if (operation->pins) {
        int64_t n = read_pinned(life, operation, file, NULL);
        CHECK(n >= 0 || may_fail(life->program));
    }
    if (operation->stores) {
        store_in_mapping(life, operation, number, file);
        return;
    }
    (operation->async ? submit : write_now)(life, operation, number, file, &iov);
}

static int64_t do_read(struct life *life, struct sim_deed *deed, wt_file file) {
    const struct sim_operation *operation = deed->operation;
    deed->read = allocate((size_t)operation->length);
    return operation->pins ? read_pinned(life, operation, file, deed->read)
                           : read_at(file, operation->offset, deed->read, (size_t)operation->length);
}

static wt_file open_file(const struct life *life, unsigned file) {
    uint32_t flags = WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE | (life->program->at_force ? WT_OPEN_AT_FORCE : 0);
    wt_file handle = 0;
    CHECK_OK(wt_file_open(life->core.engine, sim_file_name(file), flags, 0600, 0, &handle));
    if (life->program->ahead_bytes > 0) {
        CHECK_OK(wt_file_grow_ahead(handle, life->program->ahead_bytes));
    }
    return handle;
}

static int reopen(struct life *life, unsigned caller, unsigned file) {
    bool owns = owning(life, file) != 0 && life->owned[file].caller == caller;
    if (owns) {
        life->owned[file].caller = NONE;
    }
    int rc = wt_file_close(life->handles[caller][file]);
    life->owners[file] -= owns;
    life->handles[caller][file] = open_file(life, file);
    return rc;
}

static int64_t do_other(struct life *life, struct sim_deed *deed, wt_file file) {
    const struct sim_operation *operation = deed->operation;
    switch (operation->step) {
    case SIM_STEP_READ:
        return do_read(life, deed, file);
    case SIM_STEP_TRUNCATE:
        return wt_truncate(file, operation->offset);
    case SIM_STEP_ALLOCATE:
        return wt_allocate(file, operation->offset, operation->length);
    case SIM_STEP_PUNCH:
        return wt_punch_hole(file, operation->offset, operation->length);
    case SIM_STEP_ZERO:
        return wt_zero(file, operation->offset, operation->length);
    case SIM_STEP_SYNC:
        return wt_sync(file);
    case SIM_STEP_FORCE:
        return wt_force(file);
    case SIM_STEP_REOPEN:
        return reopen(life, operation->caller, operation->file);
    default:
        return -EINVAL;
    }
}

/* As the ticker does. */
static void send_held(const struct life *life) {
    wt_later_send_all(wt_engine_acquire(life->core.engine));
    wt_engine_release(life->core.engine);
}

static void do_memory(struct life *life, const struct sim_operation *operation, unsigned number) {
    if (operation->step == SIM_STEP_STORE) {
        store(life, operation, number);
    } else if (operation->step == SIM_STEP_FORCE_MEMORY) {
        force_memory(life, operation, number);
    } else {
        map(life, operation, number);
    }
}

static void do_operation(struct life *life, unsigned number) {
    struct sim_deed *deed = &life->deeds[number];
    const struct sim_operation *operation = deed->operation;
    wt_file file = life->handles[operation->caller][operation->file];
    deed->begun = true;
    mark(life, number, false);
    life->met[number].owners = life->owners[operation->file];
    life->met[number].last_owned = life->last_owned;
    life->met[number].owned = owning(life, operation->file);
    if (operation->step == SIM_STEP_WRITE || operation->step == SIM_STEP_APPEND) {
        do_write(life, operation, number, file);
    } else if (operation->step >= SIM_STEP_STORE) {
        do_memory(life, operation, number);
    } else {
        int64_t result = do_other(life, deed, file);
        if (may_meet_memory(life, number, result)) {
            end_refused(life, number, 0);
        } else {
            end_deed(life, number, result, 0, 0);
        }
    }
    check_pins(life->pins[operation->caller]);
    if (operation->reaps) {
        take_events(life, operation->caller, 0);
        send_held(life);
    }
}

/* The operation, and those of its caller that come next and are batched too. */
static void do_batch(struct life *life, unsigned first) {
    struct wt_submission submissions[SIM_OPERATIONS];
    struct iovec memory[SIM_OPERATIONS];
    const struct sim_operation *operations = life->program->operations;
    int count = 0;
    for (unsigned i = first; i < life->program->count; i++) {
        const struct sim_operation *operation = &operations[i];
        if (operation->caller != operations[first].caller) {
            continue;
        }
        if (operation->life != life->number || !operation->batched) {
            break;
        }
        memory[count] = (struct iovec){(void *)(uintptr_t)(sim_pattern() + operation->key), (size_t)operation->length};
        submissions[count] = (struct wt_submission){.file = life->handles[operation->caller][operation->file],
                                                    .iov = &memory[count],
                                                    .iov_count = 1,
                                                    .offset = operation->offset,
                                                    .durability = operation->durability,
                                                    .flags = operation->flags,
                                                    .token = i};
        count++;
        life->deeds[i].begun = true;
        mark(life, i, false);
    }
    CHECK_OK(wt_write_submit_all(submissions, count));
    for (int i = 0; i < count; i++) {
        unsigned number = (unsigned)submissions[i].token;
        end_submission(life, &operations[number], number, submissions[i].result);
    }
}

static bool all_ended(const struct life *life, unsigned caller) {
    bool ended = true;
    for (unsigned i = 0; i < life->program->count && ended; i++) {
        const struct sim_deed *deed = &life->deeds[i];
        ended = !deed->begun || deed->ended || deed->operation->caller != caller;
    }
    return ended;
}

static bool has_ticker(const struct life *life) {
    return life->program->theme >= SIM_THEME_FORCE;
}

/* Each of the callers of a program has a lane or not, and so each set of them comes up. */
static bool has_lane(const struct sim_program *program, unsigned caller) {
    return program->seed * UINT64_C(0x9e3779b97f4a7c15) >> (60 + caller % SIM_CALLERS) & 1;
}

static void call(void *argument) {
    const struct caller *caller = argument;
    struct life *life = caller->life;
    if (has_lane(life->program, caller->number)) {
        CHECK_OK(wt_lane_open(life->core.engine, 0, &life->lanes[caller->number]));
    }
    for (unsigned i = 0; i < life->program->count; i++) {
        const struct sim_operation *operation = &life->program->operations[i];
        bool mine = operation->caller == caller->number && operation->life == life->number;
        if (mine && !life->deeds[i].begun) {
            (operation->batched ? do_batch : do_operation)(life, i);
        }
    }
    while (!all_ended(life, caller->number)) {
        take_events(life, caller->number, 1000000);
    }
    keep_mapping(life, caller->number, 0);
    if (life->lanes[caller->number] != 0) {
        CHECK_OK(wt_lane_close(life->lanes[caller->number]));
        life->lanes[caller->number] = 0;
    }
    if (--life->callers_left == 0 && !has_ticker(life)) {
        sim_end_service(life->core.sim, true);
    }
}

static void serve(void *argument) {
    sim_serve(argument);
}

/* As the engine's own: what nobody else sends leaves after a while. */
static void tick(void *argument) {
    struct life *life = argument;
    for (unsigned ticks = 0; life->callers_left > 0; ticks++) {
        CHECK(ticks < TICKS_MOST);
        sim_tasks.sleep_until(sim_tasks.now_ns() + WT_HELD_NS);
        send_held(life);
    }
    send_held(life);
    sim_end_service(life->core.sim, true);
}

static void run_callers(struct life *life) {
    static const char *const names[] = {"caller 0", "caller 1", "caller 2", "caller 3"};
    struct caller callers[SIM_CALLERS];
    const struct sim_program *program = life->program;
    life->callers_left = program->callers;
    for (unsigned i = 0; i < program->callers; i++) {
        callers[i] = (struct caller){.life = life, .number = i};
        sim_tasks_add(names[i], call, &callers[i]);
    }
    for (unsigned i = 0; i < SERVERS; i++) {
        sim_tasks_add("disk", serve, life->core.sim);
    }
    if (has_ticker(life)) {
        sim_tasks_add("ticker", tick, life);
    }
    sim_tasks_run(program->schedule * SIM_LIVES + life->number);
}

/* ---- one life ---------------------------------------------------------------------------------------------------- */

static void begin_life(struct life *life) {
    const struct sim_program *program = life->program;
    struct sim_options disk = program->disk;
    disk.tasks = &sim_tasks;
    disk.seed += life->number;
    life->core = core_open(&disk, &program->engine);
    wt_engine_acquire(life->core.engine)->part_bytes = PART_BYTES;
    wt_engine_release(life->core.engine);
    for (unsigned i = 0; i < program->files; i++) {
        sim_put(life->core.sim, sim_file_name(i), life->bases[i], life->sizes[i]);
    }
    for (unsigned caller = 0; caller < program->callers; caller++) {
        for (unsigned file = 0; file < program->files; file++) {
            life->handles[caller][file] = open_file(life, file);
        }
    }
    life->last_owned = 0;
    for (unsigned file = 0; file < program->files && program->maps_first; file++) {
        CHECK_OK(make_memory(life, 0, file));
    }
    for (unsigned i = 0; i < program->fault_count; i++) {
        sim_fail(life->core.sim, &program->faults[i]);
    }
    for (unsigned i = 0; i < program->count; i++) {
        life->deeds[i] = (struct sim_deed){.operation = &program->operations[i]};
    }
    life->journal = sim_journal_new();
    sim_keep_journal(life->core.sim, life->journal);
}

/* Nothing is in flight: a file is what the disk has, and no longer on it unless it grew ahead. */
static void check_shown(const struct life *life, unsigned file) {
    const char *name = sim_file_name(file);
    uint64_t size = (uint64_t)wt_size(life->handles[0][file]);
    uint64_t on_disk = (uint64_t)sim_size(life->core.sim, name);
    CHECK(on_disk == size || (life->program->ahead_bytes > 0 && on_disk > size));
    struct model disk = model_new(size + 1);
    disk.size = size;
    sim_peek(life->core.sim, name, 0, disk.bytes, (size_t)size);
    check_read(life->handles[0][file], &disk, 0, (size_t)size + 1);
    model_free(&disk);
}

/* The disk works again, and so does the file: it is no longer than its callers know, and no error is left to be told. */
static void check_mended(const struct life *life, unsigned file) {
    wt_file handle = life->handles[0][file];
    uint64_t end = 0;
    struct iovec byte = {(void *)(uintptr_t)sim_pattern(), 1};
    CHECK_EQ(write_at(handle, 0, sim_pattern(), 1), 1);
    CHECK_EQ(wt_write_with(handle, &byte, 1, &end, 0, WT_APPEND, NULL), 1);
    CHECK_EQ(end + 1, wt_size(handle));
    int64_t on_disk = sim_size(life->core.sim, sim_file_name(file));
    CHECK(on_disk == wt_size(handle) || (life->program->ahead_bytes > 0 && on_disk > wt_size(handle)));
    (void)wt_sync(handle); /* may owe them that a flush has failed */
    CHECK_OK(wt_sync(handle));
}

/* Bytes of later writes were lost, and every handle was told: once all bytes are written again, nothing is. */
static void write_again(const struct life *life, unsigned file) {
    static uint8_t bytes[SIM_LIMIT];
    wt_file handle = life->handles[0][file];
    for (unsigned caller = 0; caller < life->program->callers; caller++) {
        (void)wt_force(life->handles[caller][file]);
    }
    size_t size = (size_t)wt_size(handle);
    CHECK(size <= sizeof bytes);
    CHECK_EQ(read_at(handle, 0, bytes, size), size);
    CHECK_EQ(write_at(handle, 0, bytes, size), size);
    CHECK_OK(wt_truncate(handle, size));
    for (unsigned caller = 0; caller < life->program->callers; caller++) {
        CHECK_OK(wt_force(life->handles[caller][file]));
    }
}

/* The callers are done: the engine shows what the disk has, and leaves it as it is, without what it grew ahead. */
static void end_life(struct life *life) {
    struct core *core = &life->core;
    int64_t sizes[SIM_FILES];
    CHECK_EQ(sim_in_flight(core->sim), 0);
    sim_keep_journal(core->sim, NULL);
    sim_heal(core->sim);
    for (unsigned file = 0; file < life->program->files; file++) {
        wt_file handle = life->handles[0][file];
        finish_memory(life, file);
        if (sim_loses_later_writes(life->program)) {
            write_again(life, file);
        }
        if (life->program->fault_count > 0 && life->program->disk.capacity_bytes == 0) {
            check_mended(life, file);
        }
        /* What a failed write may have left behind the end is cut off by the next one. */
        CHECK_OK(wt_truncate(handle, (uint64_t)wt_size(handle)));
        if (life->program->fault_count > 0) {
            (void)wt_force(handle); /* may owe that a flush has failed */
        }
        CHECK_OK(wt_force(handle));
        sizes[file] = wt_size(handle);
        check_shown(life, file);
    }
    for (unsigned caller = 0; caller < life->program->callers; caller++) {
        check_pins(life->pins[caller]);
    }
    CHECK_OK(wt_engine_close(core->engine));
    for (unsigned i = 0; i < life->program->callers * KEPT_PINS; i++) {
        end_pin(&life->pins[i / KEPT_PINS][i % KEPT_PINS]);
    }
    for (unsigned file = 0; file < life->program->files; file++) {
        CHECK_EQ(sim_stable_size(core->sim, sim_file_name(file)), sizes[file]);
    }
    sim_free(core->sim);
}

/* ---- the cuts ---------------------------------------------------------------------------------------------------- */

struct inquest {
    const struct life *life;
    struct sim_replay *replay;
    struct sim_ledger *ledger;
    uint64_t event;
    size_t followed; /* so many changes of the journal */
    struct sim_tally *tally;
    struct { /* the block that is wrong */
        const uint8_t *bytes;
        unsigned file;
        uint64_t number, length;
    } wrong;
    const struct sim_deed *torn;
};

static const char *change_name(enum sim_change_kind kind) {
    static const char *const names[] = {
        "write",      "together",    "size",         "stable size",   "settle",   "flush begins",
        "flush ends", "reserve",     "write zeroes", "deallocate",    "truncate", "truncate later",
        "refuse",     "flush stale", "forget",       "flush lost it", "but not",  "failed",
        "begins",     "ends",        "event",        "mark"};
    return names[kind];
}

static void print_change(const struct life *life, const struct sim_change *change) {
    if (change->kind == SIM_CHANGE_MARK) {
        const struct sim_deed *deed = &life->deeds[change->number / 2];
        printf("      %3u ", life->program->numbers[change->number / 2]);
        sim_operation_print(deed->operation);
        if (change->number % 2 == 0) {
            printf(" begins\n");
        } else {
            printf(" ends: %" PRId64 ", stable %" PRIu64 " at %" PRIu64 "%s\n", deed->result, deed->stable,
                   deed->offset, deed->refused ? ", refused" : "");
        }
    } else if (change->kind == SIM_CHANGE_FLIGHT || change->kind == SIM_CHANGE_LANDED) {
        printf("          #%" PRIu64 " %s%s", change->number, change_name(change->kind),
               change->atomic ? " atomic" : "");
        printf(change->length > 0 ? " write %" PRIu64 "+%" PRIu64 "\n" : "\n", change->offset, change->length);
    } else if (change->kind == SIM_CHANGE_FAILED) {
        printf("          disk: refuses a call (%" PRIu64 ") of %" PRIu64 " %" PRIu64 "+%" PRIu64 "\n", change->number,
               change->inode, change->offset, change->length);
    } else if (change->kind != SIM_CHANGE_POINT && change->kind != SIM_CHANGE_FORGET) {
        printf("          disk: %s of %" PRIu64 " %" PRIu64 "+%" PRIu64 "\n", change_name(change->kind), change->inode,
               change->offset, change->length);
    }
}

/* What the run did last until now. */
static void print_trace(const struct inquest *inquest) {
    size_t end = sim_replay_position(inquest->replay), first = end, shown = 0;
    while (first > 0 && shown < TRACE_CHANGES) {
        enum sim_change_kind kind = sim_journal_at(inquest->life->journal, --first)->kind;
        shown += kind != SIM_CHANGE_POINT && kind != SIM_CHANGE_FORGET ? 1u : 0u;
    }
    printf("    until the power went at event %" PRIu64 " of life %u:\n", inquest->event, inquest->life->number);
    for (size_t i = first; i < end; i++) {
        print_change(inquest->life, sim_journal_at(inquest->life->journal, i));
    }
}

static const struct inquest *failing;

static void describe_torn(const struct inquest *inquest) {
    const struct sim_operation *operation = inquest->torn->operation;
    const struct sim_file *left = sim_replay_file(inquest->replay, sim_file_name(operation->file));
    uint64_t logical = inquest->life->program->disk.logical_block_bytes;
    uint64_t end = inquest->torn->offset + operation->length;
    for (uint64_t at = inquest->torn->offset; at < end && at < left->size_stable; at += logical) {
        uint64_t length = left->size_stable - at < logical ? left->size_stable - at : logical;
        sim_ledger_describe(inquest->ledger, operation->file, at / logical,
                            sim_file_stable_page(left, at / SIM_PAGE_BYTES) + at % SIM_PAGE_BYTES, length);
    }
}

static void print_failing(void) {
    if (failing != NULL) {
        if (failing->wrong.bytes != NULL) {
            sim_ledger_describe(failing->ledger, failing->wrong.file, failing->wrong.number, failing->wrong.bytes,
                                failing->wrong.length);
        }
        if (failing->torn != NULL) {
            describe_torn(failing);
        }
        print_trace(failing);
    }
}

static void check_block(struct inquest *inquest, unsigned number, const uint8_t *bytes, uint64_t at, uint64_t length,
                        enum sim_cut cut) {
    uint64_t logical = inquest->life->program->disk.logical_block_bytes;
    if (!sim_ledger_may_hold(inquest->ledger, number, at / logical, bytes, length)) {
        inquest->wrong.bytes = bytes;
        inquest->wrong.file = number;
        inquest->wrong.number = at / logical;
        inquest->wrong.length = length;
        test_fail(__FILE__, __LINE__,
                  "%s after a power cut (kind %d): the %" PRIu64 " bytes at %" PRIu64
                  " are what no order of the writes gives with all that were acknowledged",
                  sim_file_name(number), (int)cut, length, at);
    }
}

static bool is_in_doubt(const struct inquest *inquest, const struct sim_file *file, const struct sim_deed *deed) {
    bool doubt = false;
    for (uint64_t at = deed->offset; at < deed->offset + deed->operation->length && !doubt; at += SIM_PAGE_BYTES) {
        doubt = sim_replay_page_in_doubt(inquest->replay, file, at / SIM_PAGE_BYTES);
    }
    return doubt;
}

static void check_wholes_left(struct inquest *inquest, unsigned number, enum sim_cut cut, bool all) {
    const struct sim_file *file = sim_replay_file(inquest->replay, sim_file_name(number));
    for (unsigned i = 0; i < inquest->life->program->count; i++) {
        const struct sim_deed *deed = &inquest->life->deeds[i];
        if (deed->operation->file != number || (deed->operation->flags & WT_ATOMIC) == 0 || !deed->begun ||
            !(all || is_in_doubt(inquest, file, deed)) || sim_ledger_is_whole(inquest->ledger, i, file)) {
            continue;
        }
        inquest->torn = deed;
        test_fail(__FILE__, __LINE__,
                  "%s after a power cut (kind %d): the atomic write %u of %" PRIu64 " bytes at %" PRIu64
                  " is neither whole nor absent",
                  sim_file_name(number), (int)cut, inquest->life->program->numbers[i], deed->operation->length,
                  deed->offset);
    }
}

static void check_file_left(struct inquest *inquest, unsigned number, enum sim_cut cut, bool all) {
    const struct sim_file *file = sim_replay_file(inquest->replay, sim_file_name(number));
    uint64_t logical = inquest->life->program->disk.logical_block_bytes;
    uint64_t size = file->size_stable;
    if (!sim_ledger_may_be_long(inquest->ledger, number, size)) {
        test_fail(__FILE__, __LINE__, "%s after a power cut (kind %d) has a size of %" PRIu64, sim_file_name(number),
                  (int)cut, size);
    }
    for (uint64_t page = 0; page * SIM_PAGE_BYTES < size; page++) {
        if (!all && !sim_replay_page_in_doubt(inquest->replay, file, page)) {
            continue;
        }
        const uint8_t *bytes = sim_file_stable_page(file, page);
        for (uint64_t in_page = 0; in_page < SIM_PAGE_BYTES; in_page += logical) {
            uint64_t at = page * SIM_PAGE_BYTES + in_page;
            uint64_t length = at >= size ? 0 : size - at < logical ? size - at : logical;
            if (length > 0) {
                check_block(inquest, number, bytes + in_page, at, length, cut);
            }
        }
    }
}

/* What else a cut may leave is in pages that are in doubt, or behind a size that is: so the first one looks at all of it. */
static void check_cut(struct inquest *inquest, enum sim_cut cut, uint64_t seed, bool all) {
    sim_replay_cut(inquest->replay, cut, seed);
    for (unsigned i = 0; i < inquest->life->program->files; i++) {
        check_file_left(inquest, i, cut, all);
        check_wholes_left(inquest, i, cut, all);
    }
    inquest->tally->cuts++;
}

static void check_cuts_here(struct inquest *inquest) {
    uint64_t seed = inquest->life->program->seed + sim_replay_position(inquest->replay) * SIM_CHANCES;
    check_cut(inquest, SIM_LOSE_ALL, 0, true);
    if (!sim_replay_in_doubt(inquest->replay)) {
        return;
    }
    check_cut(inquest, SIM_KEEP_ALL, 0, true);
    for (unsigned i = 0; i < SIM_CHANCES; i++) {
        check_cut(inquest, SIM_RANDOM, seed + i, false);
    }
}

static void check_end(const struct inquest *inquest, unsigned number) {
    const struct sim_deed *deed = &inquest->life->deeds[number];
    uint64_t wrong_at = 0;
    if (deed->result < 0 && !sim_ledger_may_fail(inquest->ledger, number)) {
        test_fail(__FILE__, __LINE__, "operation %u failed with %s, which is the error of another",
                  inquest->life->program->numbers[number], strerrorname_np((int)-deed->result));
    }
    if (deed->operation->step == SIM_STEP_READ && !sim_ledger_may_read(inquest->ledger, number, &wrong_at)) {
        test_fail(__FILE__, __LINE__, "operation %u read at %" PRIu64 " what cannot have been there",
                  inquest->life->program->numbers[number], wrong_at);
    }
    if (deed->operation->step == SIM_STEP_APPEND && !sim_ledger_place_is_own(inquest->ledger, number)) {
        test_fail(__FILE__, __LINE__, "operation %u was appended at %" PRIu64 ", where others are",
                  inquest->life->program->numbers[number], deed->offset);
    }
}

static void begin_inquest(struct inquest *inquest, const struct life *life, struct sim_tally *tally) {
    *inquest = (struct inquest){.life = life, .tally = tally};
    inquest->replay = sim_replay_new(life->journal, life->program->disk.logical_block_bytes);
    inquest->ledger = sim_ledger_new(life->program, life->deeds, life->bases, life->sizes);
    failing = inquest;
    test_on_failure = print_failing;
}

static void end_inquest(struct inquest *inquest) {
    failing = NULL;
    sim_replay_free(inquest->replay);
    sim_ledger_free(inquest->ledger);
}

static unsigned number_of(const struct inquest *inquest, uint64_t inode) {
    unsigned number = 0;
    while (sim_replay_file(inquest->replay, sim_file_name(number))->inode != inode) {
        number++;
    }
    return number;
}

/* Tells the ledger what was sent to the disk, and what that refused, until here. */
static void follow(struct inquest *inquest) {
    for (; inquest->followed < sim_replay_position(inquest->replay); inquest->followed++) {
        const struct sim_change *change = sim_journal_at(inquest->life->journal, inquest->followed);
        if (change->kind == SIM_CHANGE_FLIGHT) {
            sim_ledger_sent(inquest->ledger, number_of(inquest, change->inode), change->offset, change->length);
        } else if (change->kind == SIM_CHANGE_FAILED) {
            sim_ledger_failed(inquest->ledger, number_of(inquest, change->inode), (enum sim_op)change->number,
                              change->offset, change->length);
        }
    }
}

static void check_life(const struct life *life, struct sim_tally *tally) {
    struct inquest inquest;
    begin_inquest(&inquest, life, tally);
    const struct sim_change *change;
    while ((change = sim_replay_next(inquest.replay)) != NULL) {
        follow(&inquest);
        if (change->kind == SIM_CHANGE_POINT) {
            inquest.event = change->number;
            tally->events++;
        } else if (change->number % 2 == 0) {
            sim_ledger_begin(inquest.ledger, (unsigned)(change->number / 2));
        } else {
            sim_ledger_end(inquest.ledger, (unsigned)(change->number / 2));
            check_end(&inquest, (unsigned)(change->number / 2));
        }
        check_cuts_here(&inquest);
    }
    end_inquest(&inquest);
}

/* ---- from one life to the next ----------------------------------------------------------------------------------- */

static size_t count_points(const struct life *life) {
    size_t points = 0;
    for (size_t i = 0; i < sim_journal_count(life->journal); i++) {
        points += sim_journal_at(life->journal, i)->kind == SIM_CHANGE_POINT ? 1u : 0u;
    }
    return points;
}

/* Cuts the power at one of the events: what is left is where the next life begins. */
static void inherit(const struct life *life, uint8_t *const bases[SIM_FILES], uint64_t sizes[SIM_FILES]) {
    struct test_random random = test_random_of(life->program->seed);
    struct sim_replay *replay = sim_replay_new(life->journal, life->program->disk.logical_block_bytes);
    size_t points = count_points(life);
    uint64_t chosen = points > 0 ? test_random_below(&random, points) + 1 : 0;
    while (chosen > 0) {
        chosen -= sim_replay_next(replay)->kind == SIM_CHANGE_POINT ? 1u : 0u;
    }
    sim_replay_cut(replay, (enum sim_cut)test_random_below(&random, 3), life->program->seed);
    for (unsigned i = 0; i < life->program->files; i++) {
        struct sim_file *file = sim_replay_file(replay, sim_file_name(i));
        sizes[i] = file->size_stable;
        CHECK(sizes[i] <= SIM_LIMIT);
        memset(bases[i], 0, SIM_LIMIT);
        sim_file_read(file, 0, bases[i], (size_t)sizes[i], true);
    }
    sim_replay_free(replay);
}

static uint64_t count_wholes(const struct life *life) {
    uint64_t wholes = 0;
    for (unsigned i = 0; i < life->program->count; i++) {
        const struct sim_deed *deed = &life->deeds[i];
        bool done = deed->ended && !deed->refused && deed->result >= 0;
        wholes += done && (deed->operation->flags & WT_ATOMIC) != 0 ? 1u : 0u;
    }
    return wholes;
}

static void hash_life(const struct life *life, struct sim_tally *tally) {
    for (size_t i = 0; i < sim_journal_count(life->journal); i++) {
        const struct sim_change *change = sim_journal_at(life->journal, i);
        const uint64_t words[] = {(uint64_t)change->kind, change->inode, change->offset, change->length,
                                  change->number};
        for (size_t word = 0; word < sizeof words / sizeof words[0]; word++) {
            tally->hash = (tally->hash ^ words[word]) * 0x100000001b3u;
            tally->hash ^= tally->hash >> 29;
        }
    }
}

static void free_life(struct life *life) {
    for (unsigned i = 0; i < life->program->count; i++) {
        free(life->deeds[i].read);
    }
    sim_journal_free(life->journal);
}

void sim_run_program(const struct sim_program *program, struct sim_tally *tally) {
    static struct life life;
    static uint8_t bases[SIM_FILES][SIM_LIMIT];
    life = (struct life){.program = program};
    for (unsigned i = 0; i < program->files; i++) {
        life.bases[i] = bases[i];
        life.sizes[i] = program->sizes[i];
        memset(bases[i], 0, SIM_LIMIT);
        memcpy(bases[i], sim_pattern() + i * 1000, (size_t)program->sizes[i]);
    }
    for (; life.number < program->lives; life.number++) {
        begin_life(&life);
        run_callers(&life);
        end_life(&life);
        check_life(&life, tally);
        hash_life(&life, tally);
        inherit(&life, life.bases, life.sizes);
        free_life(&life);
        tally->wholes += count_wholes(&life);
        tally->reopened += life.number;
    }
    tally->programs++;
    tally->operations += program->count;
}

/* ---- many programs ----------------------------------------------------------------------------------------------- */

/* What a child tells its parent as it goes. */
struct progress {
    uint64_t seed;
    struct sim_tally tally;
};

/* On one processor the tasks hand over to each other sooner; and the engine's ideas of a crowd are the same everywhere. */
static void stay_on_one_processor(void) {
    static bool done;
    cpu_set_t allowed, one;
    if (done) {
        return;
    }
    done = true;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        unsigned wanted = (unsigned)getpid() % (unsigned)CPU_COUNT(&allowed);
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed) && wanted-- == 0) {
                CPU_SET(cpu, &one);
                break;
            }
        }
        (void)sched_setaffinity(0, sizeof one, &one);
    }
}

/* Ends the process after so much of a processor's time, or ten times as much time: the machine may be busy. 0: not any more. */
static void end_after(unsigned seconds) {
    const struct itimerval timer = {.it_value.tv_sec = seconds};
    CHECK(setitimer(ITIMER_PROF, &timer, NULL) == 0);
    alarm(10 * seconds);
}

void sim_run_alone(const struct sim_program *program, struct sim_tally *tally) {
    stay_on_one_processor();
    end_after(PROGRAM_SECONDS);
    sim_run_program(program, tally);
    end_after(0);
}

struct range {
    enum sim_theme theme;
    uint64_t first, cuts;
    time_t until; /* 0: not counted */
    struct progress *progress;
};

static void run_range(void *argument) {
    const struct range *range = argument;
    struct progress *progress = range->progress;
    static struct sim_program program;
    for (progress->seed = range->first;; progress->seed++) {
        bool timed = range->until > 0;
        if (timed ? time(NULL) >= range->until : progress->tally.cuts >= range->cuts) {
            break;
        }
        sim_program_make(&program, range->theme, progress->seed);
        sim_run_alone(&program, &progress->tally);
    }
}

static struct progress *share_progress(void) {
    struct progress *progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(progress != MAP_FAILED);
    return progress;
}

void sim_run_many(enum sim_theme theme, uint64_t first, uint64_t cuts, uint64_t seconds, struct sim_tally *tally) {
    struct progress *progress = share_progress();
    struct range range = {.theme = theme,
                          .first = first,
                          .cuts = cuts,
                          .until = seconds > 0 ? time(NULL) + (time_t)seconds : 0,
                          .progress = progress};
    /* In a child, which a failure ends: what follows then must begin afresh. */
    if (test_in_child_quietly(run_range, &range) != 0) {
        static struct sim_program program;
        const char *shrink = getenv("WT_SIM_SHRINK");
        sim_program_make(&program, theme, progress->seed);
        if (shrink == NULL || strcmp(shrink, "0") != 0) {
            sim_shrink(&program);
        }
        test_fail(__FILE__, __LINE__, "theme %s, seed %" PRIu64, sim_theme_names[theme], progress->seed);
    }
    *tally = progress->tally;
    CHECK_EQ(munmap(progress, sizeof *progress), 0);
}

/* ---- shrinking --------------------------------------------------------------------------------------------------- */

enum { SCHEDULES = 6, SHRINK_SECONDS = 60 };

struct shrinking {
    const struct sim_program *whole;
    bool keep[SIM_OPERATIONS];
    uint64_t schedule;
    time_t until;
};

static void run_once(void *argument) {
    struct sim_tally tally = {0};
    sim_run_alone(argument, &tally);
}

static bool fails(struct shrinking *shrinking, const bool *keep) {
    static struct sim_program part;
    for (unsigned i = 0; i < SCHEDULES; i++) {
        sim_program_cut(shrinking->whole, keep, &part);
        part.schedule = shrinking->schedule + i * (i + 1) / 2;
        if (test_in_child_quietly(run_once, &part) != 0) {
            shrinking->schedule = part.schedule;
            return true;
        }
    }
    return false;
}

/* Tries without pieces of so many operations each; true if one could go. */
static bool drop_pieces(struct shrinking *shrinking, unsigned piece) {
    bool dropped = false;
    for (unsigned start = 0; start < shrinking->whole->count && time(NULL) < shrinking->until; start += piece) {
        bool keep[SIM_OPERATIONS];
        bool any = false;
        memcpy(keep, shrinking->keep, sizeof keep);
        for (unsigned i = start; i < start + piece && i < shrinking->whole->count; i++) {
            any = any || keep[i];
            keep[i] = false;
        }
        if (any && fails(shrinking, keep)) {
            memcpy(shrinking->keep, keep, sizeof keep);
            dropped = true;
        }
    }
    return dropped;
}

static void print_command(const struct shrinking *shrinking) {
    const struct sim_program *whole = shrinking->whole;
    const char *separator = "";
    printf("    again with: simulator --theme=%s --seed=%" PRIu64 " --schedule=%" PRIu64 " --keep=",
           sim_theme_names[whole->theme], whole->seed, shrinking->schedule);
    for (unsigned i = 0; i < whole->count; i++) {
        if (shrinking->keep[i]) {
            printf("%s%u", separator, whole->numbers[i]);
            separator = ",";
        }
    }
    printf("\n");
}

void sim_shrink(const struct sim_program *program) {
    static struct shrinking shrinking;
    static struct sim_program part;
    shrinking =
        (struct shrinking){.whole = program, .schedule = program->schedule, .until = time(NULL) + SHRINK_SECONDS};
    memset(shrinking.keep, true, sizeof shrinking.keep);
    if (!fails(&shrinking, shrinking.keep)) {
        printf("    it does not fail again: theme %s, seed %" PRIu64 "\n", sim_theme_names[program->theme],
               program->seed);
        return;
    }
    for (unsigned piece = program->count / 2 + 1; piece >= 1; piece /= 2) {
        while (drop_pieces(&shrinking, piece) && piece == 1) {
        }
    }
    sim_program_cut(program, shrinking.keep, &part);
    part.schedule = shrinking.schedule;
    print_command(&shrinking);
    sim_program_print(&part);
    (void)test_in_child(run_once, &part);
}
