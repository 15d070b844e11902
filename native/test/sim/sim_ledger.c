// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum {
    UNIT = 512,
    UNITS = SIM_LIMIT / UNIT,
    CANDIDATES = 24,
    EXACT = 7,
    LOGICAL_MAX = 4096,
    NEVER = 1 << 30,
    TOGETHER = 5,
    ABSENT = 255
};

/* What is known of a deed by now. */
struct entry {
    const struct sim_deed *deed;
    const struct sim_operation *operation;
    unsigned begin, end;   /* the order of what is known; NEVER: not yet */
    uint64_t from, to;     /* of the file: the bytes that it writes */
    uint64_t required_to;  /* these of them are stable from now on */
    unsigned stable_since; /* of a store: when all of it was; NEVER: not yet */
    uint64_t least_size;   /* of a read: of the file, when it began */
    unsigned sent;         /* of a write: when the first of it was sent; NEVER: not yet, or that is not known */
    unsigned lost;         /* of what is not durable yet: when a flush of the disk failed; NEVER: none did */
    bool has_cause;        /* to fail */
    bool flush_failed;     /* while it was under way, for a call to its file */
};

/* Which deeds may show in a block, oldest first. Those before are in the base. */
struct block {
    uint16_t entries[CANDIDATES];
    uint16_t count;
    bool lost_count; /* there are more: only the fewest things can be said */
};

struct ledger_file {
    uint8_t base[SIM_LIMIT];
    struct block blocks[UNITS];
    uint64_t size_at_start;
};

struct sim_ledger {
    const struct sim_program *program;
    const uint8_t *pattern;
    uint64_t logical;
    struct ledger_file *files;
    const uint8_t *start[SIM_FILES];
    struct entry entries[SIM_OPERATIONS];
    unsigned order;
    bool dead;    /* the disk is */
    bool refused; /* the disk has refused something */
};

static bool writes_bytes(enum sim_step step) {
    return step == SIM_STEP_WRITE || step == SIM_STEP_APPEND || step == SIM_STEP_STORE;
}

static bool is_store(const struct entry *entry) {
    return entry->operation->step == SIM_STEP_STORE;
}

static bool is_atomic(const struct entry *entry) {
    return (entry->operation->flags & WT_ATOMIC) != 0;
}

/* Both make stable what was written before. */
static bool makes_stable(enum sim_step step) {
    return step == SIM_STEP_SYNC || step == SIM_STEP_FORCE;
}

static bool zeroes(enum sim_step step) {
    return step == SIM_STEP_PUNCH || step == SIM_STEP_ZERO;
}

static bool changes_bytes(enum sim_step step) {
    return writes_bytes(step) || step == SIM_STEP_TRUNCATE || zeroes(step);
}

struct sim_ledger *sim_ledger_new(const struct sim_program *program, const struct sim_deed *deeds,
                                  uint8_t *const bases[SIM_FILES], const uint64_t sizes[SIM_FILES]) {
    struct sim_ledger *ledger = calloc(1, sizeof *ledger);
    CHECK(ledger != NULL);
    ledger->program = program;
    ledger->pattern = sim_pattern();
    ledger->logical = program->disk.logical_block_bytes;
    ledger->files = calloc(program->files, sizeof *ledger->files);
    CHECK(ledger->files != NULL);
    for (unsigned i = 0; i < program->files; i++) {
        memcpy(ledger->files[i].base, bases[i], SIM_LIMIT);
        ledger->files[i].size_at_start = sizes[i];
        ledger->start[i] = bases[i];
    }
    for (unsigned i = 0; i < program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        const struct sim_operation *operation = &program->operations[i];
        *entry = (struct entry){.deed = &deeds[i],
                                .operation = operation,
                                .begin = NEVER,
                                .end = NEVER,
                                .sent = NEVER,
                                .lost = NEVER,
                                .stable_since = NEVER};
        bool cuts = operation->step == SIM_STEP_TRUNCATE;
        entry->from = operation->step == SIM_STEP_APPEND ? deeds[i].offset : operation->offset;
        entry->to = cuts ? SIM_LIMIT : entry->from + operation->length;
        CHECK(entry->to <= SIM_LIMIT);
    }
    return ledger;
}

void sim_ledger_free(struct sim_ledger *ledger) {
    free(ledger->files);
    free(ledger);
}

/* ---- what follows what ------------------------------------------------------------------------------------------- */

static bool precedes(const struct entry *a, const struct entry *b) {
    return a->end != NEVER && a->end < b->begin;
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/*
 * Whether a store may have reached from..to of the file: a force of its memory found it, or began before it and may find it. A
 * force writes whole pages.
 */
static bool may_be_sent_after(const struct sim_ledger *ledger, const struct entry *store, uint64_t from, uint64_t to,
                              const struct entry *after, bool soon) {
    bool may = false;
    from = larger(from, store->from);
    to = smaller(to, store->to);
    for (unsigned i = 0; i < ledger->program->count && !may && !store->deed->refused; i++) {
        const struct entry *force = &ledger->entries[i];
        uint64_t first = force->from - force->from % SIM_PAGE_BYTES;
        uint64_t end = (force->to + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES * SIM_PAGE_BYTES;
        may = force->operation->step == SIM_STEP_FORCE_MEMORY && force->operation->file == store->operation->file &&
              (force->begin != NEVER || (soon && force->deed->begun)) && !force->deed->refused &&
              force->deed->memory == store->deed->memory && !precedes(force, store) && !precedes(force, after) &&
              first < to && from < end;
    }
    return may;
}

static bool may_be_sent(const struct sim_ledger *ledger, const struct entry *store, uint64_t from, uint64_t to) {
    return may_be_sent_after(ledger, store, from, to, store, false);
}

static bool are_at_once(const struct entry *one, const struct entry *other) {
    return one != other && !precedes(one, other) && !precedes(other, one);
}

/*
 * A store through a mapping, within a size that an operation in flight has given the file and told nobody yet: what zeroes
 * meanwhile may end at the old size, and leave the store.
 */
static bool is_behind_size(const struct sim_ledger *ledger, const struct entry *store, const struct entry *by) {
    bool behind = false;
    for (unsigned i = 0; i < ledger->program->count && store->operation->stores && zeroes(by->operation->step); i++) {
        const struct entry *other = &ledger->entries[i];
        enum sim_step step = other->operation->step;
        bool grows = writes_bytes(step) || step == SIM_STEP_ALLOCATE || step == SIM_STEP_TRUNCATE;
        behind = behind || (grows && !other->operation->stores && other->begin != NEVER && other->to > store->from &&
                            other->operation->file == by->operation->file && are_at_once(other, by));
    }
    return behind;
}

/*
 * Whether all that it does was over when another began: a store reaches the file by a force that comes later. soon: by a force that
 * has not begun yet, too.
 */
static bool is_over_before(const struct sim_ledger *ledger, const struct entry *entry, const struct entry *by,
                           bool soon) {
    return precedes(entry, by) && !is_behind_size(ledger, entry, by) &&
           !(is_store(entry) && may_be_sent_after(ledger, entry, entry->from, entry->to, by, soon));
}

static uint8_t value_of(const struct sim_ledger *ledger, const struct entry *entry, uint64_t at) {
    return writes_bytes(entry->operation->step) ? ledger->pattern[entry->operation->key + (at - entry->from)] : 0;
}

/* The bytes that it writes from `at` on, of one block. */
static const uint8_t *bytes_of(const struct sim_ledger *ledger, const struct entry *entry, uint64_t at) {
    static const uint8_t zeros[LOGICAL_MAX];
    return writes_bytes(entry->operation->step) ? ledger->pattern + entry->operation->key + (at - entry->from) : zeros;
}

/* The part of start..end that it writes; nothing: *from == *to. */
static void part_of(const struct entry *entry, uint64_t start, uint64_t end, uint64_t *from, uint64_t *to) {
    *from = smaller(larger(entry->from, start), end);
    *to = larger(smaller(entry->to, end), *from);
}

/* Whether all that it writes of start..end is stable. */
static bool is_required(const struct entry *entry, uint64_t start, uint64_t end) {
    uint64_t from, to;
    part_of(entry, start, end, &from, &to);
    return from < to && entry->required_to >= to;
}

/* Whether b, which is stable, hides all of a there. */
static bool hides(const struct sim_ledger *ledger, const struct entry *b, const struct entry *a, uint64_t start,
                  uint64_t end) {
    uint64_t a_from, a_to, b_from, b_to;
    part_of(a, start, end, &a_from, &a_to);
    part_of(b, start, end, &b_from, &b_to);
    b_to = larger(smaller(b_to, b->required_to), b_from);
    return is_over_before(ledger, a, b, true) && b_from <= a_from && a_to <= b_to;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/*
 * A later write that ended well is in the cache, and the disk may refuse it yet: then what was there before is there again.
 * A force that ends well vouches for it.
 */
static bool may_be_lost(const struct sim_ledger *ledger, const struct entry *entry) {
    return (entry->operation->flags & WT_LATER) != 0 && ledger->program->fault_count > 0 &&
           entry->required_to < entry->to;
}

static bool may_have_failed(const struct sim_ledger *ledger, const struct entry *entry) {
    bool owed = is_store(entry) && ledger->program->fault_count > 0 && entry->required_to < entry->to;
    return entry->deed->result < 0 || owed || may_be_lost(ledger, entry);
}

/* A store through a mapping changes no size: it ends well within a size that others have given the file, and perhaps not told yet. */
static bool sets_size(const struct sim_ledger *ledger, const struct entry *entry) {
    enum sim_step step = entry->operation->step;
    return !entry->operation->stores &&
           (writes_bytes(step) || step == SIM_STEP_TRUNCATE || step == SIM_STEP_ALLOCATE) && entry->begin != NEVER &&
           !entry->deed->refused && (!is_store(entry) || may_be_sent(ledger, entry, entry->from, entry->to));
}

/* Whether it may have written a page that was only read: it could not ask the file whether that has the same zeros. */
static bool forces_in_doubt(const struct sim_ledger *ledger, const struct entry *entry) {
    return entry->operation->step == SIM_STEP_FORCE_MEMORY && ledger->refused && entry->begin != NEVER &&
           !entry->deed->refused;
}

/* What a store has changed is written up to the end of the page or of the memory. */
static uint64_t size_by(const struct sim_ledger *ledger, const struct entry *entry) {
    uint64_t end = (entry->to + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES * SIM_PAGE_BYTES;
    if (is_store(entry) || entry->operation->step == SIM_STEP_FORCE_MEMORY) {
        return smaller(end, ledger->program->memory[entry->operation->file].end);
    }
    return entry->operation->step == SIM_STEP_TRUNCATE ? entry->from : entry->to;
}

/* Whether a truncation that may have come after `entry` cuts the file below size. */
static bool may_be_cut(const struct sim_ledger *ledger, const struct entry *entry, uint64_t size) {
    bool cut = false;
    for (unsigned i = 0; i < ledger->program->count && !cut; i++) {
        const struct entry *by = &ledger->entries[i];
        cut = by != entry && sets_size(ledger, by) && by->operation->file == entry->operation->file &&
              by->operation->step == SIM_STEP_TRUNCATE && size_by(ledger, by) < size && !precedes(by, entry);
    }
    return cut;
}

/* Whether a truncation that is stable came after it and set another size, which others may have raised since. */
static bool is_superseded(const struct sim_ledger *ledger, const struct entry *entry, unsigned file) {
    bool superseded = false;
    for (unsigned i = 0; i < ledger->program->count && !superseded; i++) {
        const struct entry *by = &ledger->entries[i];
        superseded = sets_size(ledger, by) && by->operation->file == file && by->operation->step == SIM_STEP_TRUNCATE &&
                     by->required_to > 0 && by->end != NEVER &&
                     (entry == NULL || is_over_before(ledger, entry, by, false));
    }
    return superseded;
}

/* A page of memory behind the end that has only zeros does not count as changed: so it is other bytes of a store that set a size. */
static uint64_t end_of_bytes(const struct sim_ledger *ledger, const struct entry *entry) {
    uint64_t end = entry->to;
    while (end > entry->from && value_of(ledger, entry, end - 1) == 0) {
        end--;
    }
    return end;
}

static uint64_t sure_size(const struct sim_ledger *ledger, unsigned file, bool stable) {
    const struct sim_operation here = {.file = file};
    const struct entry start = {.operation = &here, .begin = 0};
    uint64_t at_start = ledger->files[file].size_at_start;
    uint64_t size = may_be_cut(ledger, &start, at_start) ? 0 : at_start;
    for (unsigned i = 0; i < ledger->program->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        if (!sets_size(ledger, entry) || entry->operation->file != file) {
            continue;
        }
        bool done = entry->end != NEVER && entry->deed->result >= 0 && !may_be_lost(ledger, entry) && !is_store(entry);
        uint64_t sure = stable || !done ? smaller(entry->required_to, size_by(ledger, entry)) : size_by(ledger, entry);
        sure = is_store(entry) ? smaller(sure, end_of_bytes(ledger, entry)) : sure;
        if (sure > entry->from || (entry->operation->step == SIM_STEP_TRUNCATE && sure > 0)) {
            size = sure > size && !may_be_cut(ledger, entry, sure) ? sure : size;
        }
    }
    return size;
}

/* The largest size that a write which was refused since the end did not move asked for. */
static uint64_t asked_size(const struct sim_ledger *ledger, unsigned file) {
    uint64_t size = 0;
    for (unsigned i = 0; i < ledger->program->count; i++) {
        const struct entry *entry = &ledger->entries[i];
        bool refused = is_atomic(entry) && entry->begin != NEVER && entry->deed->refused;
        size = refused && entry->operation->file == file ? larger(size, size_by(ledger, entry)) : size;
    }
    return size;
}

bool sim_ledger_may_be_long(const struct sim_ledger *ledger, unsigned file, uint64_t size) {
    if (size < sure_size(ledger, file, true)) {
        return false;
    }
    uint64_t piece = ledger->program->disk.buffered ? 1 : ledger->program->disk.block_bytes;
    uint64_t ahead = ledger->program->ahead_bytes;
    uint64_t at_start = ledger->files[file].size_at_start;
    uint64_t largest = at_start;
    bool allowed = size == at_start && !is_superseded(ledger, NULL, file);
    for (unsigned i = 0; i < ledger->program->count && !allowed; i++) {
        const struct entry *entry = &ledger->entries[i];
        bool in_doubt = forces_in_doubt(ledger, entry);
        if (!(in_doubt || sets_size(ledger, entry)) || entry->operation->file != file) {
            continue;
        }
        uint64_t by = size_by(ledger, entry);
        largest = larger(largest, by);
        /* Also in a gap below its start: what else is in those blocks leaves in I/Os of its own. */
        bool within = entry->operation->step != SIM_STEP_TRUNCATE && size < (is_atomic(entry) ? entry->from + 1 : by);
        bool failed = in_doubt || may_have_failed(ledger, entry); /* a short one may have ended anywhere */
        allowed = (size == by || (within && (failed || size % piece == 0))) &&
                  (entry->operation->step == SIM_STEP_TRUNCATE || !is_superseded(ledger, entry, file));
    }
    /* Growth ahead makes whole pages of it, from the largest size that it was asked for; on a full disk it stops before. */
    uint64_t unit = ledger->program->disk.capacity_bytes > 0 ? piece : SIM_PAGE_BYTES;
    return allowed ||
           (ahead > 0 && size % unit == 0 && size <= larger(largest, asked_size(ledger, file)) + ahead + 4096);
}

/* ---- what is known ------------------------------------------------------------------------------------------------ */

static void remove_at(struct block *block, unsigned index) {
    block->count--;
    memmove(&block->entries[index], &block->entries[index + 1], (block->count - index) * sizeof block->entries[0]);
}

static bool is_hidden(const struct sim_ledger *ledger, const struct block *block, unsigned index, uint64_t start,
                      uint64_t end) {
    const struct entry *entry = &ledger->entries[block->entries[index]];
    bool hidden = false;
    for (unsigned i = 0; i < block->count && !hidden; i++) {
        hidden = i != index && hides(ledger, &ledger->entries[block->entries[i]], entry, start, end);
    }
    return hidden;
}

static bool precedes_all(const struct sim_ledger *ledger, const struct block *block, unsigned index) {
    bool first = true;
    for (unsigned i = 0; i < block->count && first; i++) {
        first = i == index || is_over_before(ledger, &ledger->entries[block->entries[index]],
                                             &ledger->entries[block->entries[i]], true);
    }
    return first;
}

static void lay_on_base(const struct sim_ledger *ledger, struct ledger_file *file, const struct entry *entry,
                        uint64_t start, uint64_t end) {
    uint64_t from, to;
    part_of(entry, start, end, &from, &to);
    for (uint64_t at = from; at < to; at++) {
        file->base[at] = value_of(ledger, entry, at);
    }
}

/* Forgets what is hidden, and lays on the base what is stable and before all else. */
static void tidy(const struct sim_ledger *ledger, struct ledger_file *file, unsigned number) {
    struct block *block = &file->blocks[number];
    uint64_t start = number * ledger->logical;
    uint64_t end = start + ledger->logical;
    for (unsigned i = 0; i < block->count;) {
        if (is_hidden(ledger, block, i, start, end)) {
            remove_at(block, i);
        } else {
            i++;
        }
    }
    for (unsigned i = 0; i < block->count;) {
        const struct entry *entry = &ledger->entries[block->entries[i]];
        if (entry->end != NEVER && is_required(entry, start, end) && precedes_all(ledger, block, i)) {
            lay_on_base(ledger, file, entry, start, end);
            remove_at(block, i);
            i = 0;
        } else {
            i++;
        }
    }
}

static void each_block(struct sim_ledger *ledger, const struct entry *entry, bool add) {
    struct ledger_file *file = &ledger->files[entry->operation->file];
    for (uint64_t number = entry->from / ledger->logical; number * ledger->logical < entry->to; number++) {
        struct block *block = &file->blocks[number];
        if (!add) {
            tidy(ledger, file, (unsigned)number);
        } else if (block->count < CANDIDATES) {
            block->entries[block->count++] = (uint16_t)(entry - ledger->entries);
        } else {
            block->lost_count = true;
        }
    }
}

/*
 * Whether it is a sync of a file that has a write which may have been lost, and no sync that came before and covered the write
 * has told that. One that was in flight when the flush failed is not covered by a sync that had begun by then.
 */
static bool may_tell_loss(const struct sim_ledger *ledger, const struct entry *sync) {
    bool may = false;
    for (unsigned i = 0; i < ledger->program->count && !may && makes_stable(sync->operation->step); i++) {
        const struct entry *write = &ledger->entries[i];
        may = write->operation->file == sync->operation->file && write->lost != NEVER;
        for (unsigned k = 0; k < ledger->program->count && may; k++) {
            const struct entry *by = &ledger->entries[k];
            may = !makes_stable(by->operation->step) || by->operation->file != sync->operation->file ||
                  !precedes(by, sync) || !precedes(write, by) || by->end < write->lost || by->deed->result >= 0;
        }
    }
    return may;
}

/* Whether the next sync of a file vouches for the write: it was sent, may not be durable, and none has since. */
static bool is_unsynced(const struct entry *entry) {
    return writes_bytes(entry->operation->step) && !is_store(entry) &&
           entry->operation->durability == WT_DURABILITY_DEVICE && entry->begin != NEVER &&
           entry->required_to < entry->to && !entry->deed->refused;
}

/* These make zeros, and vouch for them with a sync at their end, as a sync for the writes of others. */
static bool makes_zeros(enum sim_step step) {
    return step == SIM_STEP_ALLOCATE || zeroes(step);
}

/* A flush has failed, and the call that asked for it may not know yet: what begins now may still count as before it. */
static bool is_flush_failing(const struct sim_ledger *ledger, bool of_any_file, unsigned file) {
    bool failing = false;
    for (unsigned i = 0; i < ledger->program->count && !failing; i++) {
        const struct entry *entry = &ledger->entries[i];
        failing = entry->flush_failed && entry->end == NEVER && (of_any_file || entry->operation->file == file);
    }
    return failing;
}

void sim_ledger_begin(struct sim_ledger *ledger, unsigned deed) {
    struct entry *entry = &ledger->entries[deed];
    entry->begin = ledger->order++;
    entry->least_size = sure_size(ledger, entry->operation->file, false);
    enum sim_step step = entry->operation->step;
    bool failing = is_flush_failing(ledger, true, 0);
    bool vouches = makes_zeros(step) || (makes_stable(step) && is_flush_failing(ledger, false, entry->operation->file));
    entry->has_cause = ledger->dead || may_tell_loss(ledger, entry) || (failing && vouches);
    if (failing && is_unsynced(entry)) {
        entry->lost = ledger->order++;
    }
    if (changes_bytes(entry->operation->step) && entry->from < entry->to && !entry->deed->refused) {
        each_block(ledger, entry, true);
    }
}

static void require(struct sim_ledger *ledger, struct entry *entry, uint64_t to) {
    if (to > entry->required_to) {
        entry->required_to = to;
        if (changes_bytes(entry->operation->step)) {
            each_block(ledger, entry, false);
        }
    }
}

/* Whether a sync that had begun by now tells that the write is lost. */
static bool is_told_lost(const struct sim_ledger *ledger, const struct entry *write) {
    bool told = false;
    for (unsigned i = 0; i < ledger->program->count && !told && write->lost != NEVER; i++) {
        const struct entry *sync = &ledger->entries[i];
        told = makes_stable(sync->operation->step) && sync->operation->file == write->operation->file &&
               sync->begin != NEVER && sync->end > write->lost && sync->deed->result < 0;
    }
    return told;
}

/* What was accepted by the device before the sync began is stable. */
static void require_synced(struct sim_ledger *ledger, const struct entry *sync) {
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        bool covered =
            (writes_bytes(entry->operation->step) && !is_store(entry)) || entry->operation->step == SIM_STEP_TRUNCATE;
        if (entry->operation->file == sync->operation->file && covered && precedes(entry, sync) &&
            entry->deed->result >= 0 && !entry->deed->refused &&
            ((entry->operation->flags & WT_LATER) != 0 || !is_told_lost(ledger, entry))) {
            require(ledger, entry, entry->to);
        }
    }
}

/* What was stored into the memory before the force began, within its pages, is stable. */
static void require_forced(struct sim_ledger *ledger, const struct entry *force) {
    uint64_t first = force->from - force->from % SIM_PAGE_BYTES;
    uint64_t end = (force->to + SIM_PAGE_BYTES - 1) / SIM_PAGE_BYTES * SIM_PAGE_BYTES;
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (is_store(entry) && entry->operation->file == force->operation->file && !entry->deed->refused &&
            entry->deed->memory == force->deed->memory && precedes(entry, force) && first <= entry->from &&
            entry->to <= end && entry->stable_since == NEVER) {
            entry->stable_since = ledger->order;
            require(ledger, entry, entry->to);
        }
    }
}

static bool truncates(const struct sim_ledger *ledger, unsigned file) {
    bool any = false;
    for (unsigned i = 0; i < ledger->program->count && !any; i++) {
        any = ledger->entries[i].operation->file == file && ledger->entries[i].operation->step == SIM_STEP_TRUNCATE;
    }
    return any;
}

/* All appends before one that was acknowledged are stable. After a truncation "before" is not what it was. */
static void require_appends_before(struct sim_ledger *ledger, const struct entry *append) {
    if (truncates(ledger, append->operation->file)) {
        return;
    }
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        bool before = entry->begin != NEVER && entry->end == NEVER && entry->from < append->from;
        if (before && entry->operation->step == SIM_STEP_APPEND && entry->operation->file == append->operation->file &&
            entry->deed->result >= 0 && !entry->deed->refused && entry->operation->durability != WT_DURABILITY_DEVICE) {
            require(ledger, entry, entry->to);
        }
    }
}

void sim_ledger_end(struct sim_ledger *ledger, unsigned deed) {
    struct entry *entry = &ledger->entries[deed];
    const struct sim_deed *done = entry->deed;
    const struct sim_operation *operation = entry->operation;
    entry->end = ledger->order++;
    if (done->refused) {
        return;
    }
    if (writes_bytes(operation->step)) {
        if (operation->durability != WT_DURABILITY_DEVICE) { /* no store is */
            require(ledger, entry, entry->from + done->stable);
        }
        if (operation->step == SIM_STEP_APPEND && done->result >= 0 && operation->durability != WT_DURABILITY_DEVICE) {
            require_appends_before(ledger, entry);
        }
    } else if (makes_stable(operation->step) && done->result == 0) {
        require_synced(ledger, entry);
    } else if (operation->step == SIM_STEP_FORCE_MEMORY && done->result == 0) {
        require_forced(ledger, entry);
    } else if (operation->step != SIM_STEP_READ && done->result == 0 &&
               !(operation->step == SIM_STEP_TRUNCATE && ledger->program->at_force)) { /* durable with the next force */
        require(ledger, entry, entry->to);
    }
}

/* ---- whose error it is ------------------------------------------------------------------------------------------- */

static bool is_under_way(const struct entry *entry) {
    return entry->begin != NEVER && entry->end == NEVER;
}

void sim_ledger_sent(struct sim_ledger *ledger, unsigned file, uint64_t offset, uint64_t length) {
    struct entry *only = NULL;
    unsigned count = ledger->program->ahead_bytes > 0 ? 2 : 0; /* it may be zeros of growth ahead, */
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        bool zeros = is_under_way(entry) && entry->operation->file == file && makes_zeros(entry->operation->step);
        count += zeros ? 2u : 0u; /* or of such a call */
        bool held = ((entry->operation->flags & WT_LATER) != 0 || is_store(entry)) && entry->end != NEVER &&
                    entry->required_to < entry->to && entry->operation->file == file;
        count += held ? 2u : 0u; /* or of a later write or a store that has ended */
        bool meets = is_under_way(entry) && entry->operation->file == file && writes_bytes(entry->operation->step) &&
                     entry->from < offset + length && offset < entry->to;
        count += meets ? 1u : 0u;
        only = meets ? entry : only;
    }
    if (count == 1 && only->sent == NEVER) {
        only->sent = ledger->order++;
    }
}

/* Bytes that are read, zeroed or written together: pages, and of what is written blocks. */
static bool shares_io(const struct sim_ledger *ledger, const struct entry *entry, enum sim_op op, uint64_t offset,
                      uint64_t length) {
    bool by_page = op == SIM_READ || ledger->program->disk.buffered || !writes_bytes(entry->operation->step);
    uint64_t unit = by_page ? SIM_PAGE_BYTES : ledger->program->disk.block_bytes;
    uint64_t from = entry->from - entry->from % unit, to = (entry->to + unit - 1) / unit * unit;
    return from < offset + length && offset < to;
}

static bool is_cause(const struct sim_ledger *ledger, const struct entry *entry, unsigned file, enum sim_op op,
                     uint64_t offset, uint64_t length) {
    if (op == SIM_DIE || (makes_zeros(entry->operation->step) && (op & (SIM_FLUSH | SIM_SYNC)) != 0)) {
        return true;
    }
    if (entry->operation->file != file) {
        return false;
    }
    bool by_bytes = (op & (SIM_READ | SIM_WRITE)) != 0 && entry->from < entry->to;
    return by_bytes ? shares_io(ledger, entry, op, offset, length) : (op & SIM_READ) == 0;
}

static void lose_unsynced(struct sim_ledger *ledger) {
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        if (is_unsynced(entry) && entry->lost == NEVER) {
            entry->lost = ledger->order++;
        }
    }
}

void sim_ledger_failed(struct sim_ledger *ledger, unsigned file, enum sim_op op, uint64_t offset, uint64_t length) {
    if ((op & (SIM_FLUSH | SIM_SYNC | SIM_DIE)) != 0) {
        lose_unsynced(ledger);
    }
    ledger->dead = ledger->dead || op == SIM_DIE;
    ledger->refused = true;
    for (unsigned i = 0; i < ledger->program->count; i++) {
        struct entry *entry = &ledger->entries[i];
        bool tells = may_tell_loss(ledger, entry);
        if (is_under_way(entry) && (tells || is_cause(ledger, entry, file, op, offset, length))) {
            entry->has_cause = true;
        }
        if (is_under_way(entry) && entry->operation->file == file && (op & (SIM_FLUSH | SIM_SYNC)) != 0) {
            entry->flush_failed = true;
        }
    }
}

/* An append that fails takes along those behind it. */
static bool is_behind_failed(const struct sim_ledger *ledger, const struct entry *append) {
    bool behind = false;
    for (unsigned i = 0; i < ledger->program->count && !behind; i++) {
        const struct entry *other = &ledger->entries[i];
        behind = other != append && other->operation->step == SIM_STEP_APPEND &&
                 other->operation->file == append->operation->file && other->begin != NEVER &&
                 !precedes(other, append) && ((other->deed->result < 0 && other->has_cause) || other->deed->met_end);
    }
    return behind;
}

bool sim_ledger_may_fail(const struct sim_ledger *ledger, unsigned deed) {
    const struct entry *entry = &ledger->entries[deed];
    bool append = entry->operation->step == SIM_STEP_APPEND;
    bool tells = makes_stable(entry->operation->step) || entry->operation->step == SIM_STEP_REOPEN ||
                 entry->operation->step == SIM_STEP_MAP; /* as a force, before it reads */
    /* What is lost is told by every force, until it is written again. */
    bool of_later = tells && sim_loses_later_writes(ledger->program) && ledger->refused;
    return entry->has_cause || of_later || (append && is_behind_failed(ledger, entry));
}

/* ---- what a block may hold --------------------------------------------------------------------------------------- */

struct search {
    const struct sim_ledger *ledger;
    const struct block *block;
    const uint8_t *base, *found;
    uint64_t start, end;  /* of what is compared */
    const uint8_t *ranks; /* of the entries, or NULL: the order of atomic writes, ABSENT, or 0: nothing is said of it */
};

struct trail {
    unsigned left;   /* candidates not placed yet, one bit each */
    unsigned placed; /* behind which the next one comes */
    uint8_t covered[LOGICAL_MAX];
};

static const struct entry *candidate(const struct search *search, unsigned index) {
    return &search->ledger->entries[search->block->entries[index]];
}

static unsigned rank_of(const struct search *search, unsigned index) {
    return search->ranks == NULL ? 0 : search->ranks[search->block->entries[index]];
}

/* Whether it has taken place there. */
static bool must_be_placed(const struct search *search, unsigned index) {
    unsigned rank = rank_of(search, index);
    return (rank > 0 && rank != ABSENT) || is_required(candidate(search, index), search->start, search->end);
}

static bool may_be_placed(const struct search *search, const struct trail *trail, unsigned index) {
    const struct entry *entry = candidate(search, index);
    bool may = rank_of(search, index) != ABSENT &&
               (!is_store(entry) || may_be_sent(search->ledger, entry, search->start, search->end));
    for (unsigned i = 0; i < search->block->count && may; i++) {
        if (trail->placed >> i & 1) {
            may = !is_over_before(search->ledger, candidate(search, i), candidate(search, index), false);
        } else if (rank_of(search, index) > 0) {
            may = rank_of(search, i) <= rank_of(search, index) || rank_of(search, i) == ABSENT;
        }
    }
    return may;
}

/* Whether what is found is there, but where it is covered. */
TEST_UNWATCHED static bool fits(const uint8_t *covered, const uint8_t *found, const uint8_t *there, uint64_t length) {
    enum { PIECE = 64 };
    uint8_t other = 0;
    for (uint64_t at = 0, end; at < length && other == 0; at = end) {
        end = smaller(length, at + PIECE);
        for (uint64_t i = at; i < end; i++) {
            other |= (uint8_t)((covered[i] - 1u) & (found[i] ^ there[i]));
        }
    }
    return other == 0;
}

TEST_UNWATCHED static bool rest_is_base(const struct search *search, const struct trail *trail) {
    uint64_t length = search->end - search->start;
    bool same = true;
    for (unsigned i = 0; i < search->block->count && same; i++) {
        same = !(trail->left >> i & 1) || !must_be_placed(search, i);
    }
    return same && fits(trail->covered, search->found, search->base, length);
}

/* Others have written there while it zeroed, a part at a time: then it may have come before them here, and after them there. */
static bool was_disturbed(const struct search *search, const struct entry *entry) {
    bool disturbed = false;
    for (unsigned i = 0; i < search->block->count && zeroes(entry->operation->step); i++) {
        const struct entry *other = candidate(search, i);
        disturbed = disturbed || are_at_once(other, entry) || is_behind_size(search->ledger, other, entry);
    }
    return disturbed;
}

/* Places a candidate in front of those that are placed: what they leave of it must be found. True: *next is how it is then. */
TEST_UNWATCHED static bool place(const struct search *search, const struct trail *trail, struct trail *next,
                                 unsigned index) {
    const struct entry *entry = candidate(search, index);
    if (!may_be_placed(search, trail, index)) {
        return false;
    }
    uint64_t from, to;
    part_of(entry, search->start, search->end, &from, &to);
    bool shows = must_be_placed(search, index);
    /* A short write ends anywhere, also within a block, and so does a piece of one that goes through the page cache. */
    bool partial = (!shows && !is_atomic(entry) &&
                    (may_have_failed(search->ledger, entry) || search->ledger->program->disk.buffered)) ||
                   was_disturbed(search, entry);
    const uint8_t *found = search->found + (from - search->start), *there = bytes_of(search->ledger, entry, from);
    if (!partial && !fits(trail->covered + (from - search->start), found, there, to - from)) {
        return false;
    }
    *next = *trail;
    uint8_t *covered = next->covered + (from - search->start);
    for (uint64_t i = 0; i < to - from; i++) {
        bool here = !partial || found[i] == there[i];
        shows = shows || (here && covered[i] == 0);
        covered[i] |= here;
    }
    next->left &= ~(1u << index);
    next->placed |= 1u << index;
    return shows;
}

/* From the last to the first: whether some order of the candidates, with all that are stable among them, gives what was found. */
TEST_UNWATCHED static bool explain(const struct search *search, const struct trail *trail) {
    if (rest_is_base(search, trail)) {
        return true;
    }
    for (unsigned i = 0; i < search->block->count; i++) {
        struct trail next;
        if (trail->left >> i & 1 && place(search, trail, &next, i) && explain(search, &next)) {
            return true;
        }
    }
    return false;
}

/* Too many to try every order: each byte is one that is possible by itself. */
static bool explain_bytes(const struct search *search) {
    for (uint64_t at = search->start; at < search->end; at++) {
        uint8_t found = search->found[at - search->start];
        bool good = found == search->base[at - search->start];
        for (unsigned i = 0; i < search->block->count && !good; i++) {
            const struct entry *entry = candidate(search, i);
            good = entry->from <= at && at < entry->to && found == value_of(search->ledger, entry, at) &&
                   (!is_store(entry) || may_be_sent(search->ledger, entry, at, at + 1));
        }
        if (!good && !search->block->lost_count) {
            return false;
        }
    }
    return true;
}

TEST_UNWATCHED static bool may_hold(const struct sim_ledger *ledger, unsigned file, uint64_t block,
                                    const uint8_t *bytes, uint64_t length, const uint8_t *ranks) {
    const struct ledger_file *in = &ledger->files[file];
    uint64_t start = block * ledger->logical;
    CHECK(start + length <= SIM_LIMIT);
    const struct block *candidates = &in->blocks[block];
    if (candidates->count == 0) {
        return memcmp(bytes, in->base + start, length) == 0;
    }
    struct search search = {.ledger = ledger,
                            .block = candidates,
                            .base = in->base + start,
                            .found = bytes,
                            .start = start,
                            .end = start + length,
                            .ranks = ranks};
    if (candidates->count > EXACT || candidates->lost_count) {
        return explain_bytes(&search);
    }
    struct trail trail = {.left = (1u << candidates->count) - 1};
    return explain(&search, &trail);
}

bool sim_ledger_may_hold(const struct sim_ledger *ledger, unsigned file, uint64_t block, const uint8_t *bytes,
                         uint64_t length) {
    return may_hold(ledger, file, block, bytes, length, NULL);
}

/* ---- what is whole ----------------------------------------------------------------------------------------------- */

static bool cuts_a_block(const struct sim_ledger *ledger, const struct entry *by, const struct entry *entry) {
    uint64_t block = ledger->program->disk.block_bytes;
    bool at_start = by->from % block != 0 && entry->from < by->from && by->from < entry->to;
    return at_start || (by->to % block != 0 && entry->from < by->to && by->to < entry->to);
}

/* A later write to a part of a block has the rest of it written again, also what is not stable yet. */
static bool is_judged(const struct sim_ledger *ledger, const struct entry *entry) {
    bool judged = is_atomic(entry) && entry->begin != NEVER && !entry->deed->refused;
    for (unsigned i = 0; i < ledger->program->count && judged && entry->operation->durability == WT_DURABILITY_DEVICE;
         i++) {
        const struct entry *by = &ledger->entries[i];
        judged = by->operation->file != entry->operation->file || !changes_bytes(by->operation->step) ||
                 by->begin == NEVER || precedes(by, entry) || !cuts_a_block(ledger, by, entry);
    }
    return judged;
}

/* A page of an atomic write, and all that are in its blocks. */
struct page {
    const struct sim_ledger *ledger;
    const struct entry *entry;
    const struct sim_file *left;
    unsigned members[TOGETHER];
    unsigned count;
    bool too_many;
    uint8_t ranks[SIM_OPERATIONS];
};

static void add_member(struct page *page, unsigned number) {
    if (page->ranks[number] != 0 || !is_judged(page->ledger, &page->ledger->entries[number])) {
        return;
    }
    if (page->count == TOGETHER) {
        page->too_many = true;
        return;
    }
    page->ranks[number] = ABSENT;
    page->members[page->count++] = number;
}

static void find_members(struct page *page) {
    const struct sim_ledger *ledger = page->ledger;
    const struct ledger_file *file = &ledger->files[page->entry->operation->file];
    for (uint64_t at = page->entry->from; at < page->entry->to; at += ledger->logical) {
        const struct block *block = &file->blocks[at / ledger->logical];
        for (unsigned i = 0; i < block->count; i++) {
            add_member(page, block->entries[i]);
        }
    }
}

static bool is_as_ranked(const struct page *page) {
    const struct sim_ledger *ledger = page->ledger;
    const struct entry *entry = page->entry;
    uint64_t end = smaller(entry->to, page->left->size_stable);
    bool good = true;
    for (uint64_t at = entry->from; at < end && good; at += ledger->logical) {
        const uint8_t *bytes = sim_file_stable_page(page->left, at / SIM_PAGE_BYTES) + at % SIM_PAGE_BYTES;
        good = may_hold(ledger, entry->operation->file, at / ledger->logical, bytes, smaller(end - at, ledger->logical),
                        page->ranks);
    }
    return good;
}

/* Tries each order of each set of them that begins with those that are ranked already. */
static bool find_order(struct page *page, unsigned rank) {
    bool found = is_as_ranked(page);
    for (unsigned i = 0; i < page->count && !found; i++) {
        const struct entry *next = &page->ledger->entries[page->members[i]];
        bool may = page->ranks[page->members[i]] == ABSENT;
        for (unsigned k = 0; k < page->count && may; k++) {
            may = page->ranks[page->members[k]] == ABSENT || !precedes(next, &page->ledger->entries[page->members[k]]);
        }
        if (may) {
            page->ranks[page->members[i]] = (uint8_t)rank;
            found = find_order(page, rank + 1);
            page->ranks[page->members[i]] = ABSENT;
        }
    }
    return found;
}

bool sim_ledger_is_whole(const struct sim_ledger *ledger, unsigned deed, const struct sim_file *left) {
    struct page page = {.ledger = ledger, .entry = &ledger->entries[deed], .left = left};
    if (!is_judged(ledger, page.entry)) {
        return true;
    }
    find_members(&page);
    return page.ranks[deed] == 0 || page.too_many || find_order(&page, 1);
}

/* Which of them, one bit each, the byte can be of; the bit after them: of the base. */
static unsigned origins(const struct sim_ledger *ledger, unsigned file, const struct block *block, uint64_t at,
                        uint8_t found) {
    unsigned bits = ledger->files[file].base[at] == found ? 1u << block->count : 0;
    for (unsigned i = 0; i < block->count; i++) {
        const struct entry *entry = &ledger->entries[block->entries[i]];
        bool covers = entry->from <= at && at < entry->to;
        bits |= covers && found == value_of(ledger, entry, at) ? 1u << i : 0;
    }
    return bits;
}

static void print_origins(const struct sim_ledger *ledger, const struct block *block, uint64_t from, uint64_t to,
                          unsigned bits) {
    printf("      %" PRIu64 "+%" PRIu64 " is of%s", from, to - from, bits == 0 ? " nobody" : "");
    for (unsigned i = 0; i < block->count; i++) {
        if (bits >> i & 1) {
            printf(" operation %u", ledger->program->numbers[block->entries[i]]);
        }
    }
    printf("%s\n", bits >> block->count & 1 ? " what was there before" : "");
}

void sim_ledger_describe(const struct sim_ledger *ledger, unsigned file, uint64_t number, const uint8_t *bytes,
                         uint64_t length) {
    const struct block *block = &ledger->files[file].blocks[number];
    uint64_t start = number * ledger->logical;
    for (unsigned i = 0; i < block->count; i++) {
        const struct entry *entry = &ledger->entries[block->entries[i]];
        printf("      operation %u may show%s\n", ledger->program->numbers[block->entries[i]],
               is_required(entry, start, start + length) ? " and must have taken place" : "");
    }
    uint64_t from = start;
    unsigned bits = origins(ledger, file, block, from, bytes[0]);
    for (uint64_t at = start + 1; at <= start + length; at++) {
        unsigned next = at < start + length ? origins(ledger, file, block, at, bytes[at - start]) : 0;
        /* As long as one of them can have written all of it. */
        if (at == start + length || ((bits & next) == 0 && bits != next)) {
            print_origins(ledger, block, from, at, bits);
            from = at;
            bits = next;
        } else {
            bits &= next;
        }
    }
}

/* ---- reads ------------------------------------------------------------------------------------------------------- */

/* Whether another write that had ended well when the read began hides this one at that byte. */
static bool is_over(const struct sim_ledger *ledger, const struct entry *entry, const struct entry *read, uint64_t at) {
    bool over = false;
    for (unsigned i = 0; i < ledger->program->count && !over; i++) {
        const struct entry *by = &ledger->entries[i];
        over = by->operation->file == read->operation->file && changes_bytes(by->operation->step) && by->from <= at &&
               at < by->to && (is_store(by) ? by->stable_since < read->begin : precedes(by, read)) &&
               by->deed->result >= 0 && !by->deed->refused && !may_be_lost(ledger, by) &&
               (entry == NULL || is_over_before(ledger, entry, by, false));
    }
    return over;
}

static bool may_show(const struct sim_ledger *ledger, const uint8_t *start, const struct entry *read, uint64_t at,
                     uint8_t found) {
    if (found == start[at] && !is_over(ledger, NULL, read, at)) {
        return true;
    }
    bool good = false;
    for (unsigned i = 0; i < ledger->program->count && !good; i++) {
        const struct entry *entry = &ledger->entries[i];
        good = entry->operation->file == read->operation->file && changes_bytes(entry->operation->step) &&
               entry->begin != NEVER && !entry->deed->refused && entry->from <= at && at < entry->to &&
               found == value_of(ledger, entry, at) && !is_over(ledger, entry, read, at) &&
               (!is_store(entry) || may_be_sent(ledger, entry, at, at + 1));
    }
    return good;
}

/* Whether the file may have been cut while the read was under way. */
static bool meets_truncation(const struct sim_ledger *ledger, const struct entry *read) {
    bool meets = false;
    for (unsigned i = 0; i < ledger->program->count && !meets; i++) {
        const struct entry *by = &ledger->entries[i];
        meets = by->operation->file == read->operation->file && by->operation->step == SIM_STEP_TRUNCATE &&
                by->begin != NEVER && !precedes(by, read);
    }
    return meets;
}

bool sim_ledger_may_read(const struct sim_ledger *ledger, unsigned deed, uint64_t *wrong_at) {
    const struct entry *read = &ledger->entries[deed];
    uint64_t length = read->deed->result > 0 ? (uint64_t)read->deed->result : 0;
    uint64_t least = smaller(read->least_size, read->to);
    *wrong_at = read->from + length;
    if (read->deed->result >= 0 && *wrong_at < least && !meets_truncation(ledger, read)) {
        return false;
    }
    for (uint64_t i = 0; i < length; i++) {
        *wrong_at = read->from + i;
        if (!may_show(ledger, ledger->start[read->operation->file], read, *wrong_at, read->deed->read[i])) {
            return false;
        }
    }
    return true;
}

/* ---- places of appends ------------------------------------------------------------------------------------------- */

bool sim_ledger_place_is_own(const struct sim_ledger *ledger, unsigned deed) {
    const struct entry *append = &ledger->entries[deed];
    unsigned file = append->operation->file;
    if (append->deed->result < 0 || append->deed->refused || truncates(ledger, file)) {
        return true;
    }
    bool own = true;
    for (unsigned i = 0; i < ledger->program->count && own; i++) {
        const struct entry *other = &ledger->entries[i];
        if (other == append || other->operation->file != file || !writes_bytes(other->operation->step) ||
            other->deed->result < 0 || other->deed->refused || other->begin == NEVER) {
            continue;
        }
        /* The disk may have refused a later write: then the file was cut, and the place given away. */
        bool later = ((append->operation->flags | other->operation->flags) & WT_LATER) != 0;
        bool lost = later && ledger->program->fault_count > 0;
        bool meets = other->from < append->to && append->from < other->to && !lost;
        bool had_begun = other->sent < append->begin;
        if (is_store(other)) { /* appends are refused while memory reaches behind the end */
            own = !meets || other->stable_since == NEVER || other->stable_since >= append->begin;
            continue;
        }
        own = !meets || (other->operation->step == SIM_STEP_WRITE && !precedes(other, append) && !had_begun);
    }
    return own;
}
