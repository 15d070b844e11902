// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Programs of callers, for the simulator: what several of them do to a few files, on what disk, with what faults. A seed
 * gives one; taking operations away gives a smaller one.
 */
#ifndef WT_SIM_PROGRAM_H
#define WT_SIM_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim_disk.h"
#include "writethrough.h"

enum {
    SIM_FILES = 3,
    SIM_CALLERS = 4,
    SIM_LIVES = 2, /* from one power cut to the next */
    SIM_OPERATIONS = 200,
    SIM_FAULTS = 3,
    SIM_ROOM = 96 << 10, /* a file is no longer, but for growth ahead */
    SIM_PATTERN = 256 << 10,
};

enum sim_theme {
    SIM_THEME_LOG,     /* appends of several callers, small and large, waited for or not */
    SIM_THEME_PAGES,   /* pages and records overwritten in place */
    SIM_THEME_MIXED,   /* everything, in several files */
    SIM_THEME_RESIZE,  /* truncation, holes, zeroed and allocated ranges, under writes */
    SIM_THEME_AHEAD,   /* growth ahead */
    SIM_THEME_FAILING, /* a disk that fails now and then, in parts too */
    SIM_THEME_FULL,    /* a file system without room */
    SIM_THEME_ATOMIC,  /* pages overwritten as a whole, among other writes to them, resizing, and failures */
    /* With the kernel's cursors of errors: */
    SIM_THEME_TAILS,   /* writes and appends where the file ends, of which the disk refuses some */
    SIM_THEME_CACHED,  /* the same without direct I/O */
    SIM_THEME_CUTTING, /* truncation, holes, zeroed and allocated ranges whose flush fails */
    SIM_THEME_FLUSHES, /* writes that are only on the device, in several files, and flushes that fail */
    SIM_THEME_DYING,   /* a disk that dies */
    SIM_THEME_BATCHES, /* writes submitted together, beside allocation, to files that grow ahead */
    /* Without them again: */
    SIM_THEME_FORCE,    /* later writes and forces, beside all else */
    SIM_THEME_LOSING,   /* the same on a disk that fails now and then */
    SIM_THEME_KEEPING,  /* later writes, truncations and forces alone: the kernel keeps what grows a file */
    SIM_THEME_REFUSING, /* the same on a disk that refuses some of that later */
    SIM_THEME_MAPPED,   /* stores into mappings among all else: files go to the page cache and back */
    SIM_THEME_MEMORY,   /* stores into durable memory and forces of it among all else */
    SIM_THEME_OWING,    /* the same on a disk that fails now and then */
    SIM_THEMES,
};

extern const char *const sim_theme_names[SIM_THEMES];

enum sim_step {
    SIM_STEP_WRITE,
    SIM_STEP_APPEND,
    SIM_STEP_READ,
    SIM_STEP_TRUNCATE, /* to offset */
    SIM_STEP_ALLOCATE,
    SIM_STEP_PUNCH,
    SIM_STEP_ZERO,
    SIM_STEP_SYNC,
    SIM_STEP_REOPEN,
    SIM_STEP_FORCE,
    SIM_STEP_STORE, /* into durable memory of the file */
    SIM_STEP_FORCE_MEMORY,
    SIM_STEP_MAP, /* makes durable memory of the file, or ends the one that there is */
    SIM_STEPS,
};

struct sim_operation {
    enum sim_step step;
    unsigned life, caller, file;
    bool async;
    bool batched; /* submitted together with the next operations of the caller that are so, too */
    bool reaps;   /* takes events afterwards, without waiting; and has what is held sent, as the ticker does */
    bool stores;  /* a write: into a mapping, which the caller keeps until its next store unless it reaps */
    bool pins;    /* a read: without a copy, and the caller keeps the bytes for a while. A write: the same read first */
    uint32_t durability, flags;
    uint64_t offset, length;
    uint64_t key; /* what is written: the pattern's bytes from here on */
};

struct sim_program {
    uint64_t seed;
    uint64_t schedule; /* the seed of who runs when */
    enum sim_theme theme;
    struct sim_options disk;
    struct wt_engine_options engine;
    uint64_t ahead_bytes;
    uint64_t page_bytes; /* of most atomic writes */
    bool at_force;       /* all handles are WT_OPEN_AT_FORCE, */
    bool keeps;          /* and no write is durable by itself */
    unsigned files, callers, lives;
    uint64_t sizes[SIM_FILES]; /* at the start, in bytes of the pattern */
    bool maps_first;           /* the files have their memory when a life begins */
    bool compares;             /* it is made with WT_MEMORY_COMPARE */
    struct {
        uint64_t offset, end;
    } memory[SIM_FILES]; /* of the durable memory that a file has at times */
    struct sim_fault faults[SIM_FAULTS];
    unsigned fault_count;
    struct sim_operation operations[SIM_OPERATIONS];
    unsigned numbers[SIM_OPERATIONS]; /* which of the whole program each is */
    unsigned count;
};

/* The bytes that programs write. */
const uint8_t *sim_pattern(void);
const char *sim_file_name(unsigned file);

/* Whether the disk may refuse bytes of later writes: forces tell that until somebody has written them again. */
static inline bool sim_loses_later_writes(const struct sim_program *program) {
    return program->theme == SIM_THEME_LOSING || program->theme == SIM_THEME_REFUSING ||
           program->theme == SIM_THEME_OWING;
}

static inline bool sim_has_memory(const struct sim_program *program) {
    return program->theme == SIM_THEME_MEMORY || program->theme == SIM_THEME_OWING;
}

void sim_program_make(struct sim_program *program, enum sim_theme theme, uint64_t seed);
/* What is left of it if only the operations i with keep[i] are in it. */
void sim_program_cut(const struct sim_program *from, const bool *keep, struct sim_program *to);
void sim_program_print(const struct sim_program *program);
/* One operation, without an end of line. */
void sim_operation_print(const struct sim_operation *operation);

#endif
