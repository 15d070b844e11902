// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The journal of a run: every change of the simulated disk, every write that was in flight, every moment at which the power
 * may go, and the marks of whoever runs the program. Played again it gives the disk at each of these moments, and what a
 * power cut there would leave, as often as one likes: the engine runs once for thousands of cuts.
 */
#ifndef WT_SIM_JOURNAL_H
#define WT_SIM_JOURNAL_H

#include "sim_file.h"

enum sim_change_kind {
    SIM_CHANGE_WRITE,
    SIM_CHANGE_TOGETHER, /* what was just written there is atomic */
    SIM_CHANGE_SIZE,
    SIM_CHANGE_STABLE_SIZE, /* at least length */
    SIM_CHANGE_SETTLE,
    SIM_CHANGE_FLUSH_BEGIN,
    SIM_CHANGE_FLUSH_END, /* number: the file's writes when it began; length: the size then */
    SIM_CHANGE_RESERVE,
    SIM_CHANGE_WRITE_ZEROES,
    SIM_CHANGE_DEALLOCATE, /* number: keeps the space */
    SIM_CHANGE_TRUNCATE,
    SIM_CHANGE_TRUNCATE_LATER,
    SIM_CHANGE_REFUSE,
    SIM_CHANGE_FLUSH_STALE,
    SIM_CHANGE_FORGET,
    SIM_CHANGE_DOOM,
    SIM_CHANGE_SPARE,
    SIM_CHANGE_FAILED, /* number: the sim_op that did; the file stays as it is */
    SIM_CHANGE_FLIGHT, /* number: of the write that begins */
    SIM_CHANGE_LANDED, /* and that has taken effect */
    SIM_CHANGE_POINT,  /* number: of the event */
    SIM_CHANGE_MARK,   /* number: the caller's */
};

struct sim_change {
    enum sim_change_kind kind;
    uint64_t inode;
    uint64_t offset;
    uint64_t length;
    uint64_t number;
    bool atomic;       /* of a write that begins */
    const void *bytes; /* length of them, or NULL. In a journal they are its own */
};

struct sim_journal;

struct sim_journal *sim_journal_new(void);
void sim_journal_free(struct sim_journal *journal);
/* Changes are remembered from now on; files that are there already are added as they are, all stable. */
void sim_journal_file(struct sim_journal *journal, const struct sim_file *file);
void sim_journal_add(struct sim_journal *journal, const struct sim_change *change);
size_t sim_journal_count(const struct sim_journal *journal);
const struct sim_change *sim_journal_at(const struct sim_journal *journal, size_t index);

/* The one place where files change by a change. */
void sim_change_apply(struct sim_file *file, const struct sim_change *change);

/* ---- playing it again ---- */

struct sim_replay;

struct sim_replay *sim_replay_new(const struct sim_journal *journal, uint32_t logical_block_bytes);
void sim_replay_free(struct sim_replay *replay);
/* Goes on to the next point or mark, and returns it; NULL at the end. */
const struct sim_change *sim_replay_next(struct sim_replay *replay);
size_t sim_replay_position(const struct sim_replay *replay);
struct sim_file *sim_replay_file(struct sim_replay *replay, const char *path);
/* Whether power cuts here differ at all: something is in flight, or in the volatile cache. */
bool sim_replay_in_doubt(const struct sim_replay *replay);
/* Cuts the power here: what is stable in the files is then what survives, until the next cut or step. */
void sim_replay_cut(struct sim_replay *replay, enum sim_cut cut, uint64_t seed);
/* Whether this cut may have made a page other than the last ones here did. */
bool sim_replay_page_in_doubt(const struct sim_replay *replay, const struct sim_file *file, uint64_t index);

#endif
