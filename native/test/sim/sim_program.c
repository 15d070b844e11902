// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_program.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "sim_file.h"
#include "test.h"

/* The number of themes once: so that what a seed gives remains. */
enum { SEEDS_OF_THEMES = 7 };

const char *const sim_theme_names[SIM_THEMES] = {
    "log",     "pages", "mixed",   "resize", "ahead",  "failing", "full",     "atomic", "tails",  "cached", "cutting",
    "flushes", "dying", "batches", "force",  "losing", "keeping", "refusing", "mapped", "memory", "owing"};

static const char *const step_names[SIM_STEPS] = {"write", "append",       "read", "truncate", "allocate",
                                                  "punch", "zero",         "sync", "reopen",   "force",
                                                  "store", "force memory", "map"};

/* By theme and step: how often. */
static const unsigned weights[SIM_THEMES][SIM_STEPS] = {
    [SIM_THEME_LOG] = {4, 80, 6, 0, 2, 0, 0, 4, 2},
    [SIM_THEME_PAGES] = {80, 0, 12, 0, 0, 0, 0, 6, 1},
    [SIM_THEME_MIXED] = {50, 20, 10, 4, 3, 3, 3, 6, 1},
    [SIM_THEME_RESIZE] = {40, 10, 5, 15, 8, 8, 8, 5, 1},
    [SIM_THEME_AHEAD] = {15, 60, 5, 4, 2, 0, 0, 3, 4},
    [SIM_THEME_FAILING] = {45, 25, 12, 4, 2, 2, 2, 6, 1},
    [SIM_THEME_FULL] = {40, 30, 10, 6, 6, 4, 4, 3, 1},
    [SIM_THEME_ATOMIC] = {80, 8, 10, 3, 2, 2, 2, 6, 1},
    [SIM_THEME_TAILS] = {45, 35, 5, 2, 0, 0, 0, 8, 1},
    [SIM_THEME_CACHED] = {35, 40, 5, 0, 0, 0, 0, 5, 1},
    [SIM_THEME_CUTTING] = {30, 20, 8, 20, 8, 6, 6, 6, 1},
    [SIM_THEME_FLUSHES] = {60, 10, 5, 0, 0, 0, 0, 25, 0},
    [SIM_THEME_DYING] = {30, 40, 8, 6, 3, 2, 2, 8, 0},
    [SIM_THEME_BATCHES] = {50, 15, 4, 8, 15, 4, 0, 3, 1},
    [SIM_THEME_FORCE] = {50, 20, 8, 3, 2, 2, 2, 2, 2, 20},
    [SIM_THEME_LOSING] = {50, 15, 8, 2, 2, 2, 2, 2, 0, 25},
    [SIM_THEME_KEEPING] = {40, 30, 8, 8, 0, 0, 0, 2, 3, 20},
    [SIM_THEME_REFUSING] = {40, 30, 8, 4, 0, 0, 0, 2, 0, 25},
    [SIM_THEME_MAPPED] = {60, 15, 12, 5, 4, 4, 4, 5, 4, 12},
    [SIM_THEME_MEMORY] = {25, 6, 15, 3, 2, 3, 3, 2, 2, 4, 40, 30, 8},
    [SIM_THEME_OWING] = {20, 4, 12, 2, 2, 2, 2, 2, 1, 4, 40, 35, 6},
};

static bool has_cursors(enum sim_theme theme) {
    return (theme >= SIM_THEME_TAILS && theme <= SIM_THEME_BATCHES) || theme == SIM_THEME_REFUSING;
}

const uint8_t *sim_pattern(void) {
    static uint8_t pattern[SIM_PATTERN];
    static bool made;
    if (!made) {
        struct test_random random = test_random_of(77);
        test_random_bytes(&random, pattern, sizeof pattern);
        made = true;
    }
    return pattern;
}

const char *sim_file_name(unsigned file) {
    static const char *const names[SIM_FILES] = {"a", "b", "c"};
    return names[file];
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static enum sim_step draw_step(struct test_random *random, enum sim_theme theme) {
    unsigned all = 0;
    for (unsigned i = 0; i < SIM_STEPS; i++) {
        all += weights[theme][i];
    }
    uint64_t at = test_random_below(random, all);
    enum sim_step step = SIM_STEP_WRITE;
    while (at >= weights[theme][step]) {
        at -= weights[theme][step];
        step++;
    }
    return step;
}

static void make_disk(struct sim_program *program, struct test_random *random) {
    static const uint32_t blocks[] = {4096, 4096, 512, 1024};
    struct sim_options *disk = &program->disk;
    disk->seed = program->seed;
    disk->block_bytes = blocks[test_random_below(random, 4)];
    disk->logical_block_bytes = test_random_one_in(random, 3) ? disk->block_bytes : 512;
    disk->write_zeroes = test_random_one_in(random, 4);
    disk->no_reserve = test_random_one_in(random, 6);
    disk->no_deallocate = test_random_one_in(random, 6);
    disk->no_fua = program->seed % 2 == 0;
    disk->buffered = program->theme == SIM_THEME_MIXED && test_random_one_in(random, 8);
    if (program->theme == SIM_THEME_FULL || (program->theme == SIM_THEME_ATOMIC && test_random_one_in(random, 8))) {
        disk->capacity_bytes = test_random_between(random, 40, 200) * 512;
    }
    program->engine = (struct wt_engine_options){.cache_bytes = 1 << 20};
    if (test_random_one_in(random, 4)) {
        program->engine = (struct wt_engine_options){.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10};
    }
    disk->cursors = has_cursors(program->theme);
    if (disk->cursors) {
        disk->buffered =
            program->theme == SIM_THEME_CACHED || (program->theme < SIM_THEME_BATCHES && test_random_one_in(random, 8));
    }
    if (program->theme == SIM_THEME_ATOMIC) {
        /* No longer than the smaller engine takes at once. */
        disk->atomic_bytes = disk->block_bytes << test_random_below(random, disk->block_bytes < 4096 ? 5 : 3);
        program->page_bytes = disk->block_bytes << test_random_below(random, disk->block_bytes < 4096 ? 5 : 3);
        disk->atomic_bytes = (uint32_t)larger(disk->atomic_bytes, program->page_bytes);
    }
}

static void make_faults(struct sim_program *program, struct test_random *random) {
    static const int errors[] = {-EIO, -ENOSPC, -EDQUOT};
    static const unsigned ops[] = {SIM_WRITE, SIM_WRITE, SIM_READ, SIM_READ | SIM_WRITE, SIM_SYNC, SIM_WRITE};
    program->fault_count = (unsigned)test_random_between(random, 1, SIM_FAULTS);
    for (unsigned i = 0; i < program->fault_count; i++) {
        program->faults[i] = (struct sim_fault){
            .ops = ops[test_random_below(random, 6)],
            .offset = test_random_one_in(random, 2) ? 0 : test_random_below(random, SIM_ROOM / 2),
            .length = test_random_one_in(random, 2) ? 0 : 1 + test_random_below(random, 20000),
            .skip = test_random_below(random, 12),
            .count = 1 + test_random_below(random, 3),
            .error = errors[test_random_below(random, 3)],
            .transfer = test_random_one_in(random, 2) ? 0 : test_random_below(random, 20000),
            .scribble = test_random_one_in(random, 2),
            .grows = test_random_one_in(random, 3),
        };
    }
}

/* What the themes with cursors are about. */
static void make_cause(struct sim_program *program, struct test_random *random) {
    static const unsigned flushes[] = {SIM_FLUSH, SIM_FLUSH, SIM_FLUSH | SIM_SYNC | SIM_TRUNCATE,
                                       SIM_WRITE | SIM_FLUSH};
    bool writes = program->theme == SIM_THEME_TAILS || program->theme == SIM_THEME_CACHED ||
                  (program->theme == SIM_THEME_REFUSING && !test_random_one_in(random, 3));
    bool dies = program->theme == SIM_THEME_DYING;
    program->fault_count = dies ? 1 : (unsigned)test_random_between(random, 1, SIM_FAULTS);
    for (unsigned i = 0; i < program->fault_count; i++) {
        unsigned ops =
            writes ? SIM_WRITE : flushes[test_random_below(random, program->theme == SIM_THEME_CUTTING ? 4 : 2)];
        bool anywhere = !writes || test_random_one_in(random, 2);
        program->faults[i] = (struct sim_fault){
            .ops = dies ? SIM_WRITE | (test_random_one_in(random, 2) ? SIM_FLUSH : 0) : ops,
            .offset = anywhere ? 0 : test_random_below(random, SIM_ROOM / 2),
            .length = anywhere ? 0 : 1 + test_random_below(random, 20000),
            .skip = test_random_below(random, 10),
            .count = 1 + test_random_below(random, 3),
            .error = test_random_one_in(random, 4) ? -ENOSPC : -EIO,
            .scribble = test_random_one_in(random, 3),
            .grows = test_random_one_in(random, 2),
            .dies = dies,
            .unreadable = test_random_one_in(random, 4),
        };
    }
}

static uint64_t draw_length(struct test_random *random, enum sim_theme theme) {
    static const uint64_t bounds[] = {10, 300, 300, 1500, 5000, 5000, 12000, 30000};
    bool records = theme == SIM_THEME_LOG || theme == SIM_THEME_TAILS;
    return 1 + test_random_below(random, bounds[test_random_below(random, records ? 6 : 8)]);
}

/* Where others have written, or near the end of the file, as far as that can be known. */
static uint64_t draw_offset(struct test_random *random, uint64_t block, uint64_t reach) {
    switch (test_random_below(random, 5)) {
    case 0:
        return reach;
    case 1:
        return test_random_below(random, SIM_ROOM / 2) / block * block;
    case 2:
        return test_random_below(random, reach + 5000);
    case 3:
        return reach > 3000 ? reach - test_random_below(random, 3000) : test_random_below(random, 3000);
    default:
        return test_random_below(random, 9000);
    }
}

static uint32_t draw_durability(struct test_random *random) {
    if (test_random_one_in(random, 5)) {
        return WT_DURABILITY_DEVICE;
    }
    return test_random_one_in(random, 8) ? WT_DURABILITY_SYNC : WT_DURABILITY_DSYNC;
}

/* A page as most of the program's, or of any length that the disk takes; some writes of a page are plain ones. */
static void make_page(const struct sim_program *program, struct test_random *random, struct sim_operation *operation) {
    uint64_t length = program->page_bytes;
    while (length > program->disk.block_bytes && test_random_one_in(random, 6)) {
        length /= 2;
    }
    while (length < program->disk.atomic_bytes && test_random_one_in(random, 6)) {
        length *= 2;
    }
    operation->length = length;
    operation->offset = test_random_below(random, SIM_ROOM / 2 / length) * length;
    if (!test_random_one_in(random, 3)) {
        operation->offset %= 4 * length; /* so that many meet */
    }
    operation->flags |= test_random_one_in(random, 6) ? 0 : WT_ATOMIC;
}

/* Most of what else happens is about whole pages too, and an append may be one. */
static void align_often(const struct sim_program *program, struct test_random *random,
                        struct sim_operation *operation) {
    uint64_t page = program->page_bytes;
    bool append = operation->step == SIM_STEP_APPEND;
    if (test_random_one_in(random, 3) || (append && page > operation->length)) {
        return;
    }
    operation->offset -= operation->offset % page;
    if (operation->step == SIM_STEP_WRITE || append) {
        operation->length = append ? page : larger(operation->length / page, 1) * page;
        operation->flags |= append && test_random_one_in(random, 2) ? WT_ATOMIC : 0;
    }
}

/* Of 1 or more bytes and unaligned, as a rule over the end of the file that it begins with. */
static void make_memory(struct sim_program *program, struct test_random *random) {
    program->maps_first = !test_random_one_in(random, 4);
    program->compares = test_random_one_in(random, 2);
    for (unsigned i = 0; i < program->files; i++) {
        uint64_t offset = test_random_one_in(random, 2) ? 0 : test_random_below(random, program->sizes[i] + 5000);
        program->memory[i].offset = test_random_one_in(random, 2) ? offset / SIM_PAGE_BYTES * SIM_PAGE_BYTES : offset;
        program->memory[i].end = program->memory[i].offset + 1 + test_random_below(random, 24000);
    }
}

/* Steps of memory have a range of their own. */
static void place_in_memory(const struct sim_program *program, struct test_random *random,
                            struct sim_operation *operation) {
    uint64_t offset = program->memory[operation->file].offset;
    uint64_t bytes = program->memory[operation->file].end - offset;
    bool all =
        operation->step == SIM_STEP_MAP || (operation->step == SIM_STEP_FORCE_MEMORY && test_random_one_in(random, 2));
    uint64_t length = all || operation->length > bytes ? bytes : operation->length;
    operation->offset = offset + test_random_below(random, bytes - length + 1);
    operation->length = length;
    operation->durability = WT_DURABILITY_DEVICE;
}

/* What appends may add in all, so that no file gets longer than it may. */
struct reach {
    uint64_t end[SIM_FILES];
    uint64_t appended;
};

static void make_operation(struct sim_program *program, struct test_random *random, struct reach *reach,
                           struct sim_operation *operation) {
    enum sim_step step = draw_step(random, program->theme);
    unsigned file = (unsigned)test_random_below(random, program->files);
    uint64_t half = SIM_ROOM / 2;
    uint64_t length = draw_length(random, program->theme);
    if (step == SIM_STEP_APPEND && reach->appended + length > half) {
        step = SIM_STEP_READ;
    }
    bool page = program->theme == SIM_THEME_ATOMIC && step == SIM_STEP_WRITE && !test_random_one_in(random, 4);
    *operation = (struct sim_operation){.step = step,
                                        .caller = (unsigned)test_random_below(random, program->callers),
                                        .file = file,
                                        .durability = draw_durability(random),
                                        .length = length,
                                        .reaps = test_random_one_in(random, 3),
                                        .key = test_random_below(random, SIM_PATTERN - SIM_ROOM)};
    /* Decided without a draw, so that what a seed gives remains. */
    operation->pins =
        program->seed % 3 == 2 && (step == SIM_STEP_READ || (step == SIM_STEP_WRITE && operation->key % 3 == 0));
    uint64_t offset = draw_offset(random, program->disk.block_bytes, reach->end[file]);
    operation->offset = offset + length > half ? half - length : offset;
    if (step == SIM_STEP_WRITE || step == SIM_STEP_APPEND) {
        operation->async = test_random_one_in(random, 2);
        operation->flags = step == SIM_STEP_APPEND ? WT_APPEND : 0;
        operation->flags |= test_random_one_in(random, 8) ? WT_DONTCACHE : 0;
        operation->flags |= operation->async && test_random_one_in(random, 4) ? WT_NOWAIT : 0;
    }
    if (program->theme == SIM_THEME_FLUSHES && test_random_one_in(random, 2)) {
        operation->durability = WT_DURABILITY_DEVICE;
    }
    bool later = program->theme >= SIM_THEME_FORCE && (step == SIM_STEP_WRITE || step == SIM_STEP_APPEND);
    if (later && (program->keeps || !test_random_one_in(random, sim_has_memory(program) ? 2 : 4))) {
        operation->async = false;
        operation->flags = (operation->flags & WT_APPEND) | WT_LATER;
        operation->durability = WT_DURABILITY_DEVICE;
    }
    /* As a later write: the bytes are there at once, and stable by a force. */
    operation->stores = program->theme == SIM_THEME_MAPPED && step == SIM_STEP_WRITE && test_random_one_in(random, 2);
    if (operation->stores) {
        operation->async = false;
        operation->flags = WT_LATER;
        operation->durability = WT_DURABILITY_DEVICE;
    }
    if (program->theme == SIM_THEME_BATCHES && (step == SIM_STEP_WRITE || step == SIM_STEP_APPEND)) {
        operation->batched = operation->async = !test_random_one_in(random, 4);
        operation->flags &= operation->async ? ~0u : ~(uint32_t)WT_NOWAIT;
    }
    if (step >= SIM_STEP_STORE) {
        place_in_memory(program, random, operation);
        return;
    }
    if (page) {
        make_page(program, random, operation);
    } else if (program->theme == SIM_THEME_ATOMIC) {
        align_often(program, random, operation);
    }
    length = operation->length;
    if (step == SIM_STEP_APPEND) {
        operation->offset = 0;
        reach->appended += length;
        reach->end[file] += length;
    } else if (step == SIM_STEP_TRUNCATE) {
        operation->length = 0;
        reach->end[file] = operation->offset;
    } else if (step == SIM_STEP_WRITE || step == SIM_STEP_ALLOCATE) {
        uint64_t end = operation->offset + length;
        reach->end[file] = end > reach->end[file] ? end : reach->end[file];
    } else if (step == SIM_STEP_SYNC || step == SIM_STEP_REOPEN || step == SIM_STEP_FORCE) {
        operation->offset = operation->length = 0;
    }
}

void sim_program_make(struct sim_program *program, enum sim_theme theme, uint64_t seed) {
    struct test_random random = test_random_of(seed * SEEDS_OF_THEMES + theme);
    struct reach reach = {0};
    *program = (struct sim_program){.seed = seed, .schedule = seed, .theme = theme};
    program->at_force = theme == SIM_THEME_KEEPING || theme == SIM_THEME_REFUSING;
    make_disk(program, &random);
    program->files = theme == SIM_THEME_MIXED ? SIM_FILES : 1 + (unsigned)test_random_below(&random, 2);
    program->callers = (unsigned)test_random_between(&random, 1, SIM_CALLERS);
    program->lives = test_random_one_in(&random, 2) ? SIM_LIVES : 1;
    if (theme == SIM_THEME_FLUSHES) {
        program->files = 1 + (unsigned)test_random_below(&random, SIM_FILES);
    }
    if (has_cursors(theme) && theme != SIM_THEME_BATCHES &&
        (theme != SIM_THEME_CACHED || test_random_one_in(&random, 2))) {
        make_cause(program, &random);
    }
    if (theme == SIM_THEME_AHEAD || theme == SIM_THEME_BATCHES ||
        ((theme == SIM_THEME_FORCE || theme == SIM_THEME_MAPPED || theme == SIM_THEME_MEMORY) &&
         test_random_one_in(&random, 4))) {
        program->ahead_bytes = test_random_between(&random, 1, theme == SIM_THEME_AHEAD ? 20000 : 6000);
    }
    program->keeps = program->at_force && !test_random_one_in(&random, 4);
    bool atomic = theme == SIM_THEME_ATOMIC;
    if (theme == SIM_THEME_FAILING || theme == SIM_THEME_LOSING || theme == SIM_THEME_OWING ||
        (atomic && test_random_one_in(&random, 3))) {
        make_faults(program, &random);
    }
    if (atomic && test_random_one_in(&random, 6)) {
        program->ahead_bytes = test_random_between(&random, 1, 20000);
    }
    for (unsigned i = 0; i < program->files; i++) {
        program->sizes[i] = test_random_one_in(&random, 2) ? 0 : test_random_below(&random, 30000);
        if (atomic && !test_random_one_in(&random, 4)) {
            program->sizes[i] = test_random_between(&random, 1, 4) * program->disk.atomic_bytes;
            program->sizes[i] = program->sizes[i] < SIM_ROOM / 2 ? program->sizes[i] : SIM_ROOM / 2;
        }
        reach.end[i] = program->sizes[i];
    }
    if (sim_has_memory(program)) {
        make_memory(program, &random);
    }
    /* Mostly short, so that there are many; some long. */
    unsigned each = (unsigned)test_random_between(&random, 2, test_random_one_in(&random, 8) ? 24 : 9);
    program->count = each * program->callers * program->lives;
    for (unsigned i = 0; i < program->count; i++) {
        make_operation(program, &random, &reach, &program->operations[i]);
        program->operations[i].life = i * program->lives / program->count;
        program->numbers[i] = i;
    }
}

void sim_program_cut(const struct sim_program *from, const bool *keep, struct sim_program *to) {
    *to = *from;
    to->count = 0;
    for (unsigned i = 0; i < from->count; i++) {
        if (keep[i]) {
            to->operations[to->count] = from->operations[i];
            to->numbers[to->count++] = from->numbers[i];
        }
    }
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

void sim_operation_print(const struct sim_operation *operation) {
    static const char *const durabilities[] = {"", " DEVICE", " DSYNC", " SYNC"};
    bool writes = operation->step == SIM_STEP_WRITE || operation->step == SIM_STEP_APPEND;
    printf("caller %u: %s %s", operation->caller, step_names[operation->step], sim_file_name(operation->file));
    if (operation->step == SIM_STEP_TRUNCATE) {
        printf(" to %" PRIu64, operation->offset);
    } else if (operation->step == SIM_STEP_APPEND) {
        printf(" %" PRIu64, operation->length);
    } else if (operation->length > 0) {
        printf(" %" PRIu64 "+%" PRIu64, operation->offset, operation->length);
    }
    printf("%s%s%s%s%s", writes ? durabilities[operation->durability] : "", operation->async ? " async" : "",
           operation->flags & WT_NOWAIT ? " nowait" : "", operation->flags & WT_DONTCACHE ? " dontcache" : "",
           operation->flags & WT_ATOMIC ? " atomic" : "");
    printf("%s%s%s%s", operation->batched ? " batched" : "", operation->pins ? " pinned" : "",
           operation->stores             ? " stored"
           : operation->flags & WT_LATER ? " later"
                                         : "",
           operation->reaps ? ", reaps" : "");
}

static void print_fault(const struct sim_fault *fault) {
    static const char *const names[] = {"read", "write", "sync", "truncate"};
    printf("    a fault of");
    for (unsigned i = 0; i < 4; i++) {
        printf("%s%s", fault->ops >> i & 1 ? " " : "", fault->ops >> i & 1 ? names[i] : "");
    }
    printf("%s", fault->ops & SIM_FLUSH ? " flush" : "");
    if (fault->length > 0) {
        printf(" in %" PRIu64 "+%" PRIu64, fault->offset, fault->length);
    }
    printf(": %s after %" PRIu64 ", %" PRIu64 " times, %" PRIu64 " bytes done%s%s%s%s\n",
           strerrorname_np(-fault->error), fault->skip, fault->count, fault->transfer,
           fault->scribble ? ", scribbles" : "", fault->grows ? ", grows" : "", fault->dies ? ", dies" : "",
           fault->dies && fault->unreadable ? ", cannot be read" : "");
}

void sim_program_print(const struct sim_program *program) {
    const struct sim_options *disk = &program->disk;
    printf("    blocks of %u, logical %u%s%s%s%s%s; cache %" PRIu64 " KiB", disk->block_bytes,
           disk->logical_block_bytes, disk->buffered ? ", no direct I/O" : "", disk->no_reserve ? ", no reserve" : "",
           disk->no_deallocate ? ", no deallocate" : "", disk->write_zeroes ? ", writes zeroes" : "",
           disk->no_fua ? ", no FUA" : "", program->engine.cache_bytes >> 10);
    if (disk->capacity_bytes > 0) {
        printf(", room for %" PRIu64, disk->capacity_bytes);
    }
    if (disk->atomic_bytes > 0) {
        printf(", atomic up to %u", disk->atomic_bytes);
    }
    if (program->ahead_bytes > 0) {
        printf(", grows ahead by %" PRIu64, program->ahead_bytes);
    }
    for (unsigned i = 0; i < program->files; i++) {
        printf(", %s of %" PRIu64, sim_file_name(i), program->sizes[i]);
    }
    for (unsigned i = 0; i < program->files && sim_has_memory(program); i++) {
        printf(", memory of %s %" PRIu64 "+%" PRIu64 "%s%s", sim_file_name(i), program->memory[i].offset,
               program->memory[i].end - program->memory[i].offset, program->maps_first ? " from the start" : "",
               program->compares ? " compared" : "");
    }
    printf("\n");
    for (unsigned i = 0; i < program->fault_count; i++) {
        print_fault(&program->faults[i]);
    }
    for (unsigned i = 0; i < program->count; i++) {
        bool next_life = i > 0 && program->operations[i].life != program->operations[i - 1].life;
        printf("%s    %3u ", next_life ? "    -- the power goes, and comes back\n" : "", program->numbers[i]);
        sim_operation_print(&program->operations[i]);
        printf("\n");
    }
}
