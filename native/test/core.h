// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What the tests of the engine share: an engine on a simulated disk, and a file as a plain array of bytes to compare
 * with. */
#ifndef WT_TEST_CORE_H
#define WT_TEST_CORE_H

#include <stddef.h>
#include <stdint.h>

#include "sim_disk.h"
#include "test.h"
#include "writethrough.h"

struct core {
    struct sim *sim;
    wt_engine engine;
    struct wt_engine_options options;
};

/* NULL: a pumped disk with blocks of 4096; a cache of 4 MiB. */
struct core core_open(const struct sim_options *sim, const struct wt_engine_options *options);
/* Closes the engine, checked, and frees the disk. */
void core_close(struct core *core);
/* Closes the engine and opens another on the same disk. */
void core_reopen(struct core *core);
/* Closes the engine, whatever it says, switches a disk that was cut on again, and opens another engine. */
void core_restart(struct core *core);
struct wt_engine_stats core_stats(const struct core *core);

/* Opens for reading and writing, makes it if missing. */
wt_file core_file(const struct core *core, const char *path);
/* A disk with a file "file" of length bytes, which are random and the same each time, and a cold cache. */
wt_file core_cold_file(struct core *core, const struct sim_options *sim, uint64_t cache_bytes, uint8_t *bytes,
                       size_t length);
/* Ends all I/O that a pumped disk has. */
void core_pump_all(const struct core *core);

int64_t write_at(wt_file file, uint64_t offset, const void *bytes, size_t length);
int64_t write_as(wt_file file, uint64_t offset, const void *bytes, size_t length, uint32_t durability);
int64_t read_at(wt_file file, uint64_t offset, void *bytes, size_t length);
/* Writes length bytes of one value, and checks that all of it was written. */
void fill_at(wt_file file, uint64_t offset, int value, size_t length);
/* The one byte at offset, through the engine. */
int byte_of(wt_file file, uint64_t offset);
/* All length bytes at offset are value. */
void check_filled(wt_file file, uint64_t offset, int value, size_t length);
/* Those of the file "file" are stable as that. */
void check_stable(const struct core *core, uint64_t offset, int value, size_t length);

/* ---- a file as an array ---- */

struct model {
    uint8_t *bytes; /* zeros from size on */
    uint64_t size;
    uint64_t room;
};

struct model model_new(uint64_t room);
void model_free(struct model *model);
void model_write(struct model *model, uint64_t offset, const void *bytes, size_t length);
void model_truncate(struct model *model, uint64_t size);
/* What of the range is within the size. */
void model_zero(struct model *model, uint64_t offset, uint64_t length);
void model_copy(struct model *to, const struct model *from);

/* A read of the range gives what the model has, and stops at its size. */
void check_read(wt_file file, const struct model *model, uint64_t offset, size_t length);
/* All of the file: through the engine, on the disk, and on stable storage. */
void check_file(const struct core *core, wt_file file, const char *path, const struct model *model);
/* What the engine says equals what the disk has, whatever that is. */
void check_cache_is_disk(const struct core *core, wt_file file, const char *path);

/* Until the other threads sleep, as they do where they are to wait; some that never do get many chances to run. */
void let_others_run(void);

#endif
