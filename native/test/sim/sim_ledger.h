// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What may be found on the disk: from which operations have begun, which were acknowledged, and in which order they can have
 * been, it tells for each logical block what it may hold after a power cut, and for each file how long it may be.
 */
#ifndef WT_SIM_LEDGER_H
#define WT_SIM_LEDGER_H

#include "sim_file.h"
#include "sim_program.h"

enum { SIM_LIMIT = 160 << 10 }; /* growth ahead included */

/* How one operation of a run went. */
struct sim_deed {
    const struct sim_operation *operation;
    bool begun, ended;
    bool refused; /* it would have had to wait, met the end of the file or durable memory, and changed nothing */
    bool met_end; /* an atomic write: an append may have had its place by then, and others behind it */
    int64_t result;
    uint64_t offset; /* where it wrote, also an append */
    uint64_t stable; /* bytes known to be stable */
    unsigned memory; /* the durable memory that it stored into or forced, by number; 0: none */
    uint8_t *read;
};

struct sim_ledger;

/* deeds outlive it; how they ended is known, also of those that have not yet for the ledger. bases: the files at the start, of
 * SIM_LIMIT bytes each; they outlive it too. */
struct sim_ledger *sim_ledger_new(const struct sim_program *program, const struct sim_deed *deeds,
                                  uint8_t *const bases[SIM_FILES], const uint64_t sizes[SIM_FILES]);
void sim_ledger_free(struct sim_ledger *ledger);
void sim_ledger_begin(struct sim_ledger *ledger, unsigned deed);
void sim_ledger_end(struct sim_ledger *ledger, unsigned deed);

/* A write of these bytes has been sent to the disk. */
void sim_ledger_sent(struct sim_ledger *ledger, unsigned file, uint64_t offset, uint64_t length);
/* The disk has refused a call, or all there is from now on: SIM_DIE. */
void sim_ledger_failed(struct sim_ledger *ledger, unsigned file, enum sim_op op, uint64_t offset, uint64_t length);
/*
 * Whether an error that ends a deed now is its own: the disk has refused something of its bytes or, meanwhile, a flush or a call
 * for that file; an append in front of it failed; or it vouches for what a failed flush may have lost, as a sync for writes that
 * are only on the device, and allocation, holes and ranges of zeros for these.
 */
bool sim_ledger_may_fail(const struct sim_ledger *ledger, unsigned deed);

/* Whether a block of logical_block_bytes of the file may hold these bytes, of which the first length count. */
bool sim_ledger_may_hold(const struct sim_ledger *ledger, unsigned file, uint64_t block, const uint8_t *bytes,
                         uint64_t length);
/*
 * Whether what is left in the file leaves a deed that is an atomic write whole or absent, among all others of which that is so,
 * in one order. What is written with WT_DURABILITY_DEVICE is not judged if others write to parts of its blocks later.
 */
bool sim_ledger_is_whole(const struct sim_ledger *ledger, unsigned deed, const struct sim_file *left);
/* Prints what may show there, and what the bytes are of. */
void sim_ledger_describe(const struct sim_ledger *ledger, unsigned file, uint64_t block, const uint8_t *bytes,
                         uint64_t length);
bool sim_ledger_may_be_long(const struct sim_ledger *ledger, unsigned file, uint64_t size);
/* Whether what a read, which ends now, brought may have been there while it was under way, and no less. */
bool sim_ledger_may_read(const struct sim_ledger *ledger, unsigned deed, uint64_t *wrong_at);
/* Whether appends got places of their own: behind all that had ended or been sent when they began, and never one twice. */
bool sim_ledger_place_is_own(const struct sim_ledger *ledger, unsigned deed);

#endif
