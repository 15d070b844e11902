// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The simulated disk itself: that it keeps what it promises, and that what it must not let pass is caught. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sim_disk.h"
#include "sim_file.h"
#include "sim_journal.h"
#include "test.h"

enum { BLOCK = 4096 };

static _Alignas(4096) uint8_t memory[16 * BLOCK];

struct disk {
    struct sim *sim;
    struct wt_backend *backend;
    struct wt_backing *file;
};

static struct disk make_disk(const struct sim_options *options) {
    struct disk disk = {.sim = sim_new(options)};
    disk.backend = sim_attach(disk.sim);
    CHECK_OK(
        disk.backend->ops->open(disk.backend, "file", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, &disk.file));
    return disk;
}

static void detach(struct disk *disk) {
    disk->file->ops->close(disk->file);
    disk->backend->ops->close(disk->backend);
}

static void end_disk(struct disk *disk) {
    detach(disk);
    sim_free(disk->sim);
}

static struct wt_io *io_of(struct disk *disk, enum wt_io_op op, uint64_t offset, void *bytes, size_t length) {
    struct wt_io *io = calloc(1, sizeof *io);
    CHECK(io != NULL);
    io->op = op;
    io->durability = WT_DURABILITY_DSYNC;
    io->backing = disk->file;
    io->offset = offset;
    io->length = length;
    io->segment_count = 1;
    io->segments[0] = (struct iovec){bytes, length};
    return io;
}

static int run(struct wt_io *io, uint64_t *done) {
    io->backing->ops->run(io);
    int error = io->error;
    *done = io->done;
    free(io);
    return error;
}

static void write_at(struct disk *disk, uint64_t offset, uint8_t value, size_t length, uint32_t durability) {
    uint64_t done = 0;
    memset(memory, value, length);
    struct wt_io *io = io_of(disk, WT_IO_WRITE, offset, memory, length);
    io->durability = durability;
    CHECK_OK(run(io, &done));
    CHECK_EQ(done, length);
}

static uint8_t byte_at(struct disk *disk, uint64_t offset, bool stable) {
    uint8_t byte = 0;
    (stable ? sim_peek_stable : sim_peek)(disk->sim, "file", offset, &byte, 1);
    return byte;
}

TEST(a_written_block_is_read_back_and_a_read_stops_at_the_size) {
    struct disk disk = make_disk(&(struct sim_options){0});
    uint64_t done = 0;
    write_at(&disk, BLOCK, 7, BLOCK, WT_DURABILITY_DSYNC);
    CHECK_OK(run(io_of(&disk, WT_IO_READ, 0, memory, 4 * BLOCK), &done));
    CHECK_EQ(done, 2 * BLOCK);
    CHECK_EQ(memory[0], 0);
    CHECK_EQ(memory[BLOCK], 7);
    CHECK_EQ(sim_state_at(disk.sim, "file", 0), SIM_HOLE);
    CHECK_EQ(sim_state_at(disk.sim, "file", BLOCK), SIM_WRITTEN);
    end_disk(&disk);
}

TEST(a_dsync_write_is_stable_and_a_device_write_only_after_a_sync) {
    struct disk disk = make_disk(&(struct sim_options){0});
    write_at(&disk, 0, 1, 2 * BLOCK, WT_DURABILITY_DSYNC);
    write_at(&disk, BLOCK, 2, 2 * BLOCK, WT_DURABILITY_DEVICE);
    CHECK_EQ(byte_at(&disk, 0, true), 1);
    CHECK_EQ(byte_at(&disk, BLOCK, true), 1);
    CHECK_EQ(byte_at(&disk, BLOCK, false), 2);
    CHECK_EQ(sim_stable_size(disk.sim, "file"), 2 * BLOCK);
    CHECK_EQ(sim_size(disk.sim, "file"), 3 * BLOCK);
    CHECK_OK(disk.file->ops->sync(disk.file, true));
    CHECK_EQ(byte_at(&disk, BLOCK, true), 2);
    CHECK_EQ(sim_stable_size(disk.sim, "file"), 3 * BLOCK);
    end_disk(&disk);
}

TEST(a_power_cut_keeps_what_is_stable_and_any_of_the_rest_by_block) {
    unsigned kept = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct disk disk = make_disk(&(struct sim_options){0});
        write_at(&disk, 0, 1, 4 * BLOCK, WT_DURABILITY_DSYNC);
        write_at(&disk, 0, 2, 2 * BLOCK, WT_DURABILITY_DEVICE);
        sim_power_cut(disk.sim, SIM_RANDOM, seed);
        detach(&disk);
        sim_power_on(disk.sim);
        CHECK_EQ(byte_at(&disk, 3 * BLOCK, false), 1);
        uint8_t first = byte_at(&disk, 0, false);
        CHECK(first == 1 || first == 2);
        CHECK_EQ(byte_at(&disk, BLOCK - 1, false), first);
        kept |= 1u << (first - 1 + 2 * (byte_at(&disk, BLOCK, false) - 1));
        sim_free(disk.sim);
    }
    CHECK_EQ(kept, 15);
}

static void ignore_completion(struct wt_io *io) {
    free(io);
}

TEST(a_power_cut_tears_a_write_in_flight_by_logical_block) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct disk disk = make_disk(&(struct sim_options){.logical_block_bytes = 512});
        write_at(&disk, 0, 1, BLOCK, WT_DURABILITY_DSYNC);
        memset(memory, 2, BLOCK);
        struct wt_io *io = io_of(&disk, WT_IO_WRITE, 0, memory, BLOCK);
        io->complete = ignore_completion;
        disk.backend->ops->submit(disk.backend, io);
        CHECK_EQ(sim_in_flight(disk.sim), 1);
        sim_power_cut(disk.sim, SIM_RANDOM, seed);
        CHECK(sim_pump_one(disk.sim));
        detach(&disk);
        sim_power_on(disk.sim);
        for (unsigned i = 0; i < BLOCK; i++) {
            CHECK_EQ(byte_at(&disk, i, false), byte_at(&disk, i - i % 512, false));
        }
        seen |= 1u << byte_at(&disk, 0, false) | 16u << byte_at(&disk, 512, false);
        sim_free(disk.sim);
    }
    CHECK_EQ(seen, 0x66);
}

TEST(a_torn_write_that_grows_is_whole_or_absent) {
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct disk disk = make_disk(&(struct sim_options){0});
        memset(memory, 2, 4 * BLOCK);
        struct wt_io *io = io_of(&disk, WT_IO_WRITE, 0, memory, 4 * BLOCK);
        sim_power_cut_at(disk.sim, 1, SIM_RANDOM, seed);
        uint64_t done = 0;
        CHECK_EQ(run(io, &done), -EIO);
        CHECK_EQ(done, 0);
        detach(&disk);
        sim_power_on(disk.sim);
        int64_t size = sim_size(disk.sim, "file");
        CHECK(size == 0 || size == 4 * BLOCK);
        for (unsigned i = 0; i < size; i += 512) {
            CHECK_EQ(byte_at(&disk, i, false), 2);
        }
        sim_free(disk.sim);
    }
}

TEST(queued_ios_complete_in_the_order_of_the_seed) {
    unsigned orders = 0;
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct disk disk = make_disk(&(struct sim_options){.seed = seed});
        struct wt_io *first = io_of(&disk, WT_IO_WRITE, 0, memory, BLOCK);
        struct wt_io *second = io_of(&disk, WT_IO_WRITE, BLOCK, memory + BLOCK, BLOCK);
        memset(memory, 1, 2 * BLOCK);
        first->complete = ignore_completion;
        second->complete = ignore_completion;
        first->next = second;
        disk.backend->ops->submit(disk.backend, first);
        CHECK(sim_pump_one(disk.sim));
        orders |= byte_at(&disk, 0, false) == 1 ? 1u : 2u;
        CHECK(sim_pump_one(disk.sim));
        CHECK(!sim_pump_one(disk.sim));
        end_disk(&disk);
    }
    CHECK_EQ(orders, 3);
}

TEST(a_fault_fails_the_chosen_io_after_the_bytes_it_says) {
    struct disk disk = make_disk(&(struct sim_options){0});
    sim_fail(disk.sim,
             &(struct sim_fault){.ops = SIM_WRITE, .skip = 1, .count = 1, .error = -ENOSPC, .transfer = BLOCK + 1});
    write_at(&disk, 0, 1, 4 * BLOCK, WT_DURABILITY_DSYNC);
    memset(memory, 2, 4 * BLOCK);
    uint64_t done = 0;
    CHECK_EQ(run(io_of(&disk, WT_IO_WRITE, 0, memory, 4 * BLOCK), &done), -ENOSPC);
    CHECK_EQ(done, BLOCK);
    CHECK_EQ(byte_at(&disk, BLOCK - 1, false), 2);
    CHECK_EQ(byte_at(&disk, BLOCK, false), 1);
    write_at(&disk, 0, 3, 4 * BLOCK, WT_DURABILITY_DSYNC);
    CHECK_EQ(sim_failures(disk.sim), 1);
    end_disk(&disk);
}

TEST(a_full_disk_takes_what_fits) {
    struct disk disk = make_disk(&(struct sim_options){.capacity_bytes = 3 * BLOCK});
    write_at(&disk, 0, 1, 2 * BLOCK, WT_DURABILITY_DSYNC);
    uint64_t done = 0;
    CHECK_EQ(run(io_of(&disk, WT_IO_WRITE, BLOCK, memory, 4 * BLOCK), &done), -ENOSPC);
    CHECK_EQ(done, 2 * BLOCK);
    CHECK_EQ(sim_size(disk.sim, "file"), 3 * BLOCK);
    CHECK_EQ(disk.file->ops->reserve(disk.file, 0, 4 * BLOCK), -ENOSPC);
    write_at(&disk, 0, 1, 3 * BLOCK, WT_DURABILITY_DSYNC);
    end_disk(&disk);
}

TEST(the_page_cache_keeps_refused_bytes_until_they_are_forgotten) {
    struct disk disk = make_disk(&(struct sim_options){0});
    uint64_t done = 0;
    write_at(&disk, 0, 1, BLOCK, WT_DURABILITY_DSYNC);
    sim_fail(disk.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    memset(memory, 2, 100);
    struct wt_io *io = io_of(&disk, WT_IO_WRITE, 0, memory, 100);
    io->through_page_cache = true;
    CHECK_EQ(run(io, &done), -EIO);
    CHECK_EQ(byte_at(&disk, 0, false), 1);
    io = io_of(&disk, WT_IO_READ, 0, memory, 100);
    io->through_page_cache = true;
    CHECK_OK(run(io, &done));
    CHECK_EQ(memory[0], 2);
    disk.file->ops->forget(disk.file, 0, 100);
    io = io_of(&disk, WT_IO_READ, 0, memory, 100);
    io->through_page_cache = true;
    CHECK_OK(run(io, &done));
    CHECK_EQ(memory[0], 1);
    end_disk(&disk);
}

/* ---- who is told of an error ---- */

struct told {
    unsigned count;
    int errors[4];
    uint64_t offsets[4];
};

static struct told told;

static void note_completion(struct wt_io *io) {
    told.errors[told.count] = io->error;
    told.offsets[told.count++] = io->offset;
    free(io);
}

static void submit_cached(struct disk *disk, uint64_t offset, size_t length) {
    struct wt_io *io = io_of(disk, WT_IO_WRITE, offset, memory + offset, length);
    io->through_page_cache = true;
    io->complete = note_completion;
    disk->backend->ops->submit(disk->backend, io);
}

static int write_cached(struct disk *disk, uint64_t offset, size_t length) {
    uint64_t done = 0;
    struct wt_io *io = io_of(disk, WT_IO_WRITE, offset, memory + offset, length);
    io->through_page_cache = true;
    return run(io, &done);
}

static int write_direct(struct disk *disk, uint64_t offset, uint8_t value, uint32_t durability) {
    uint64_t done = 0;
    memset(memory + offset, value, BLOCK);
    struct wt_io *io = io_of(disk, WT_IO_WRITE, offset, memory + offset, BLOCK);
    io->durability = durability;
    int error = run(io, &done);
    CHECK_EQ(done, error == 0 ? BLOCK : 0);
    return error;
}

static struct disk make_disk_with_cursors(struct sim_options options) {
    options.cursors = true;
    struct disk disk = make_disk(&options);
    write_at(&disk, 0, 1, 8 * BLOCK, WT_DURABILITY_DSYNC);
    memset(memory, 2, sizeof memory);
    return disk;
}

static void refuse_writes(struct disk *disk, uint64_t offset, uint64_t length) {
    const struct sim_fault fault = {.ops = SIM_WRITE, .offset = offset, .length = length, .error = -EIO};
    sim_fail(disk->sim, &fault);
}

TEST(of_two_writes_through_the_page_cache_the_first_to_look_may_take_the_error_of_both) {
    unsigned both = 0, first_alone = 0;
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct disk disk = make_disk_with_cursors((struct sim_options){.seed = seed});
        refuse_writes(&disk, 0, 0);
        told = (struct told){0};
        submit_cached(&disk, 0, 100);
        submit_cached(&disk, 2 * BLOCK, 100);
        while (sim_pump_one(disk.sim)) {
        }
        CHECK_EQ(told.count, 2);
        CHECK_EQ(told.errors[0], -EIO);
        both += told.errors[1] == -EIO ? 1u : 0u;
        first_alone += told.errors[1] == 0 ? 1u : 0u;
        CHECK_EQ(byte_at(&disk, told.offsets[1], true), 1);
        end_disk(&disk);
    }
    CHECK(both > 0 && first_alone > 0);
    CHECK_EQ(both + first_alone, 32);
}

TEST(a_write_through_the_page_cache_is_told_the_error_of_another_and_is_not_stable) {
    unsigned innocent = 0;
    for (uint64_t seed = 0; seed < 32; seed++) {
        struct disk disk = make_disk_with_cursors((struct sim_options){.seed = seed});
        refuse_writes(&disk, 0, 100);
        told = (struct told){0};
        submit_cached(&disk, 0, 100);
        submit_cached(&disk, 2 * BLOCK, 100);
        while (sim_pump_one(disk.sim)) {
        }
        for (unsigned i = 0; i < 2; i++) {
            if (told.offsets[i] == 2 * BLOCK) {
                CHECK_EQ(byte_at(&disk, 2 * BLOCK, true), told.errors[i] == 0 ? 2 : 1);
                innocent += told.errors[i] == -EIO ? 1u : 0u;
            }
        }
        end_disk(&disk);
    }
    CHECK(innocent > 0 && innocent < 32);
}

TEST(each_descriptor_tells_a_refused_page_once_whatever_it_syncs) {
    struct disk disk = make_disk_with_cursors((struct sim_options){.no_fua = true});
    refuse_writes(&disk, 7 * BLOCK, 1);
    for (unsigned round = 0; round < 4; round++) {
        CONTEXT("round %u", round);
        CHECK_EQ(write_cached(&disk, 7 * BLOCK, 100), -EIO);
        CHECK_EQ(write_cached(&disk, BLOCK, 100), 0);
        CHECK_EQ(write_direct(&disk, 2 * BLOCK, 3, WT_DURABILITY_DEVICE), 0); /* it syncs nothing */
        if (round == 0) {
            CHECK_EQ(write_direct(&disk, 0, 3, WT_DURABILITY_DSYNC), -EIO);
            CHECK_EQ(byte_at(&disk, 0, false), 3); /* there, but nothing was flushed */
            CHECK_EQ(byte_at(&disk, 0, true), 1);
        } else if (round == 1) {
            CHECK_EQ(disk.file->ops->sync(disk.file, true), -EIO);
            CHECK_EQ(byte_at(&disk, 2 * BLOCK, true), 1);
        } else if (round == 2) {
            CHECK_EQ(disk.file->ops->truncate(disk.file, 9 * BLOCK, true), -EIO);
            CHECK_EQ(sim_size(disk.sim, "file"), 9 * BLOCK);
            CHECK_EQ(sim_stable_size(disk.sim, "file"), 8 * BLOCK);
            CHECK_EQ(disk.file->ops->truncate(disk.file, 8 * BLOCK, true), 0);
        } else {
            CHECK_EQ(disk.file->ops->take_error(disk.file, false), -EIO);
        }
        CHECK_EQ(disk.file->ops->take_error(disk.file, false), 0);
        CHECK_EQ(write_direct(&disk, 3 * BLOCK, 3, WT_DURABILITY_DSYNC), 0);
        CHECK_OK(disk.file->ops->sync(disk.file, true));
        CHECK_EQ(byte_at(&disk, 2 * BLOCK, true), 3);
        write_at(&disk, 0, 1, 3 * BLOCK, WT_DURABILITY_DSYNC);
    }
    end_disk(&disk);
}

TEST(with_fua_a_direct_overwrite_is_told_nothing_of_the_page_cache) {
    struct disk disk = make_disk_with_cursors((struct sim_options){0});
    refuse_writes(&disk, 7 * BLOCK, 1);
    CHECK_EQ(write_cached(&disk, 7 * BLOCK, 100), -EIO);
    CHECK_EQ(write_direct(&disk, 0, 3, WT_DURABILITY_DSYNC), 0);
    CHECK_EQ(byte_at(&disk, 0, true), 3);
    CHECK_EQ(write_direct(&disk, 8 * BLOCK, 3, WT_DURABILITY_DSYNC), -EIO); /* a new size needs more than FUA */
    end_disk(&disk);
}

TEST(the_first_direct_io_after_a_refused_page_is_told_unless_another_call_has_looked) {
    for (unsigned op = WT_IO_READ; op <= WT_IO_WRITE; op++) {
        struct disk disk = make_disk_with_cursors((struct sim_options){0});
        uint64_t done = 0;
        refuse_writes(&disk, 7 * BLOCK, 1);
        told = (struct told){0};
        submit_cached(&disk, 7 * BLOCK, 100);
        CHECK(sim_pump_one(disk.sim)); /* it is refused, and has not looked */
        struct wt_io *io = io_of(&disk, (enum wt_io_op)op, 0, memory, BLOCK);
        CHECK_EQ(run(io, &done), -EIO);
        CHECK_EQ(done, 0);
        CHECK_EQ(byte_at(&disk, 0, false), 1);
        CHECK_OK(run(io_of(&disk, (enum wt_io_op)op, 0, memory, BLOCK), &done));
        while (sim_pump_one(disk.sim)) {
        }
        CHECK_EQ(told.errors[0], -EIO);
        CHECK_EQ(write_cached(&disk, 7 * BLOCK, 100), -EIO);
        CHECK_OK(run(io_of(&disk, (enum wt_io_op)op, 0, memory, BLOCK), &done));
        end_disk(&disk);
    }
}

TEST(without_direct_io_a_file_has_one_cursor_and_another_open_its_own) {
    struct disk disk = make_disk_with_cursors((struct sim_options){.buffered = true});
    struct wt_backing *other = NULL, *later = NULL;
    CHECK_OK(disk.backend->ops->open(disk.backend, "file", WT_OPEN_READ | WT_OPEN_WRITE, 0, &other));
    refuse_writes(&disk, 7 * BLOCK, 1);
    CHECK_EQ(write_cached(&disk, 7 * BLOCK, 100), -EIO);
    CHECK_OK(disk.file->ops->sync(disk.file, false));
    CHECK_OK(disk.backend->ops->open(disk.backend, "file", WT_OPEN_READ, 0, &later));
    CHECK_OK(later->ops->sync(later, false));
    CHECK_EQ(other->ops->sync(other, false), -EIO);
    CHECK_OK(other->ops->sync(other, false));
    CHECK_OK(other->ops->close(other));
    CHECK_OK(later->ops->close(later));
    end_disk(&disk);
}

TEST(a_failed_flush_loses_what_every_file_had_in_the_cache_and_no_later_one_brings_it_back) {
    struct disk disk = make_disk_with_cursors((struct sim_options){.no_fua = true});
    struct wt_backing *file = disk.file, *other = NULL;
    CHECK_OK(disk.backend->ops->open(disk.backend, "other", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0, &other));
    CHECK_EQ(write_direct(&disk, 0, 5, WT_DURABILITY_DEVICE), 0);
    sim_fail(disk.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
    disk.file = other;
    CHECK_EQ(write_direct(&disk, 0, 6, WT_DURABILITY_DSYNC), -EIO);
    CHECK_OK(other->ops->sync(other, true));
    disk.file = file;
    CHECK_OK(file->ops->sync(file, true));
    CHECK_EQ(byte_at(&disk, 0, false), 5);
    CHECK_EQ(byte_at(&disk, 0, true), 1);
    CHECK_EQ(write_direct(&disk, 0, 5, WT_DURABILITY_DEVICE), 0); /* only another write helps */
    CHECK_OK(file->ops->sync(file, true));
    CHECK_EQ(byte_at(&disk, 0, true), 5);
    CHECK_OK(other->ops->close(other));
    end_disk(&disk);
}

TEST(a_truncation_whose_flush_fails_has_changed_the_size) {
    static const uint64_t sizes[] = {3 * BLOCK + 100, 20 * BLOCK};
    for (unsigned i = 0; i < 2; i++) {
        struct disk disk = make_disk_with_cursors((struct sim_options){0});
        sim_fail(disk.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
        CHECK_EQ(disk.file->ops->truncate(disk.file, sizes[i], true), -EIO);
        CHECK_EQ(sim_size(disk.sim, "file"), sizes[i]);
        CHECK_OK(disk.file->ops->sync(disk.file, true));
        CHECK_EQ(sim_stable_size(disk.sim, "file"), sizes[i]);
        end_disk(&disk);
    }
}

TEST(a_disk_that_died_changes_nothing_until_it_is_healed) {
    for (unsigned unreadable = 0; unreadable < 2; unreadable++) {
        struct disk disk = make_disk_with_cursors((struct sim_options){.write_zeroes = true});
        uint64_t done = 0;
        CHECK_EQ(write_direct(&disk, 0, 5, WT_DURABILITY_DEVICE), 0);
        sim_fail(disk.sim, &(struct sim_fault){.ops = SIM_WRITE,
                                               .count = 1,
                                               .error = -EIO,
                                               .grows = true,
                                               .dies = true,
                                               .unreadable = unreadable != 0});
        CHECK_EQ(write_direct(&disk, 8 * BLOCK, 5, WT_DURABILITY_DSYNC), -EIO);
        CHECK_EQ(sim_size(disk.sim, "file"), 9 * BLOCK);
        CHECK_EQ(write_direct(&disk, 0, 6, WT_DURABILITY_DSYNC), -EROFS);
        CHECK_EQ(write_cached(&disk, 0, 100), -EROFS);
        CHECK_EQ(disk.file->ops->truncate(disk.file, BLOCK, true), -EROFS);
        CHECK_EQ(disk.file->ops->sync(disk.file, true), -EROFS);
        CHECK_EQ(disk.file->ops->reserve(disk.file, 0, BLOCK), -EROFS);
        CHECK_EQ(disk.file->ops->write_zeroes(disk.file, 0, BLOCK), -EROFS);
        CHECK_EQ(disk.file->ops->deallocate(disk.file, 0, BLOCK, false), -EROFS);
        CHECK_EQ(run(io_of(&disk, WT_IO_READ, 0, memory, BLOCK), &done), unreadable != 0 ? -EIO : 0);
        sim_heal(disk.sim);
        CHECK_OK(disk.file->ops->sync(disk.file, true));
        CHECK_EQ(byte_at(&disk, 0, true), 1);
        CHECK_EQ(write_direct(&disk, 0, 6, WT_DURABILITY_DSYNC), 0);
        end_disk(&disk);
    }
}

TEST(holes_and_unwritten_extents_are_found) {
    struct disk disk = make_disk(&(struct sim_options){0});
    write_at(&disk, BLOCK, 1, BLOCK, WT_DURABILITY_DSYNC);
    uint64_t start = 0;
    uint64_t end = 0;
    CHECK_OK(disk.file->ops->reserve(disk.file, 2 * BLOCK, BLOCK));
    CHECK_EQ(sim_size(disk.sim, "file"), 3 * BLOCK);
    CHECK_OK(disk.file->ops->find_hole(disk.file, 0, 4 * BLOCK, &start, &end));
    CHECK_EQ(start, 0);
    CHECK_EQ(end, BLOCK);
    CHECK_OK(disk.file->ops->find_hole(disk.file, BLOCK, 3 * BLOCK, &start, &end));
    CHECK_EQ(start, 2 * BLOCK);
    CHECK_EQ(end, 3 * BLOCK);
    CHECK_OK(disk.file->ops->find_hole(disk.file, BLOCK, 2 * BLOCK, &start, &end));
    CHECK_EQ(start, 2 * BLOCK);
    end_disk(&disk);
}

TEST(a_lock_is_shared_or_exclusive) {
    struct disk disk = make_disk(&(struct sim_options){0});
    struct wt_backing *other = NULL;
    CHECK_OK(disk.backend->ops->open(disk.backend, "file", WT_OPEN_READ, 0, &other));
    CHECK_OK(disk.file->ops->lock(disk.file, false));
    CHECK_OK(other->ops->lock(other, false));
    CHECK_EQ(other->ops->lock(other, true), -EBUSY);
    CHECK_OK(disk.file->ops->close(disk.file));
    CHECK_OK(other->ops->lock(other, true));
    CHECK_OK(disk.backend->ops->open(disk.backend, "file", WT_OPEN_READ, 0, &disk.file));
    CHECK_EQ(disk.file->ops->lock(disk.file, false), -EBUSY);
    CHECK_OK(other->ops->close(other));
    end_disk(&disk);
}

/* ---- what it must not let pass ---- */

static void misaligned_memory(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    run(io_of(disk, WT_IO_WRITE, 0, memory + 8, BLOCK), &done);
}

static void misaligned_offset(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    run(io_of(disk, WT_IO_WRITE, 512, memory, BLOCK), &done);
}

static void misaligned_length(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    run(io_of(disk, WT_IO_READ, 0, memory, BLOCK + 512), &done);
}

static struct wt_io *submit_write(struct disk *disk) {
    memset(memory, 1, sizeof memory);
    struct wt_io *io = io_of(disk, WT_IO_WRITE, 0, memory, 2 * BLOCK);
    io->complete = ignore_completion;
    disk->backend->ops->submit(disk->backend, io);
    return io;
}

static void two_on_one_block(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    submit_write(disk);
    run(io_of(disk, WT_IO_READ, BLOCK, memory + 4 * BLOCK, BLOCK), &done);
}

static void one_memory_for_two(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    submit_write(disk);
    run(io_of(disk, WT_IO_WRITE, 8 * BLOCK, memory + BLOCK, BLOCK), &done);
}

static void memory_changed_in_flight(void *argument) {
    struct disk *disk = argument;
    submit_write(disk);
    memory[2 * BLOCK - 1] ^= 1;
    sim_pump_one(disk->sim);
}

static void truncate_under_io(void *argument) {
    struct disk *disk = argument;
    submit_write(disk);
    disk->file->ops->truncate(disk->file, 0, true);
}

static void close_under_io(void *argument) {
    struct disk *disk = argument;
    submit_write(disk);
    disk->file->ops->close(disk->file);
}

static void write_for_reading(void *argument) {
    struct disk *disk = argument;
    uint64_t done = 0;
    disk->file->writable = false;
    run(io_of(disk, WT_IO_WRITE, 0, memory, BLOCK), &done);
}

static void ask_for_ever(void *argument) {
    struct disk *disk = argument;
    uint64_t size = 0;
    sim_keep_journal(disk->sim, sim_journal_new());
    for (unsigned i = 0; i < 1000000; i++) {
        CHECK_OK(disk->file->ops->size(disk->file, &size));
    }
}

static void nothing_wrong(void *argument) {
    struct disk *disk = argument;
    submit_write(disk);
    sim_pump_one(disk->sim);
}

TEST(a_broken_rule_ends_the_test) {
    void (*const broken[])(void *) = {
        misaligned_memory,        misaligned_offset, misaligned_length, two_on_one_block,  one_memory_for_two,
        memory_changed_in_flight, truncate_under_io, close_under_io,    write_for_reading, ask_for_ever};
    struct disk disk = make_disk(&(struct sim_options){0});
    CHECK_EQ(test_in_child_quietly(nothing_wrong, &disk), 0);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        CONTEXT("rule %zu", i);
        CHECK_EQ(test_in_child_quietly(broken[i], &disk), 1);
    }
    end_disk(&disk);
}

/* ---- threaded ---- */

struct caller {
    struct disk *disk;
    uint64_t block;
};

static void *run_one(void *argument) {
    struct caller *caller = argument;
    uint64_t done = 0;
    CHECK_OK(
        run(io_of(caller->disk, WT_IO_WRITE, caller->block * BLOCK, memory + caller->block * BLOCK, BLOCK), &done));
    return NULL;
}

TEST(a_gate_holds_ios_in_flight) {
    struct disk disk = make_disk(&(struct sim_options){.threaded = true});
    struct caller callers[4];
    pthread_t threads[4];
    memset(memory, 9, 4 * BLOCK);
    sim_hold(disk.sim);
    for (unsigned i = 0; i < 4; i++) {
        callers[i] = (struct caller){&disk, i};
        threads[i] = test_thread(run_one, &callers[i]);
    }
    CHECK_EQ(sim_wait_in_flight(disk.sim, 4), 4);
    CHECK_EQ(sim_size(disk.sim, "file"), 0);
    sim_release_at(disk.sim, "file", 3 * BLOCK);
    CHECK_EQ(sim_size(disk.sim, "file"), 4 * BLOCK);
    CHECK_EQ(byte_at(&disk, 0, false), 0);
    sim_release(disk.sim, 2);
    CHECK_EQ(sim_in_flight(disk.sim), 1);
    sim_release_all(disk.sim);
    for (unsigned i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    CHECK_EQ(sim_most_in_flight(disk.sim), 4);
    end_disk(&disk);
}

TEST(submitted_ios_complete_on_helpers) {
    for (unsigned shuffle = 0; shuffle < 2; shuffle++) {
        struct disk disk = make_disk(&(struct sim_options){.threaded = true, .shuffle = shuffle != 0});
        for (unsigned i = 0; i < 8; i++) {
            struct wt_io *io = io_of(&disk, WT_IO_WRITE, i * BLOCK, memory + i * BLOCK, BLOCK);
            io->complete = ignore_completion;
            disk.backend->ops->submit(disk.backend, io);
        }
        uint64_t done = 0;
        CHECK_OK(run(io_of(&disk, WT_IO_WRITE, 8 * BLOCK, memory + 8 * BLOCK, BLOCK), &done));
        while (sim_in_flight(disk.sim) > 0) {
        }
        CHECK_EQ(sim_size(disk.sim, "file"), 9 * BLOCK);
        end_disk(&disk);
    }
}

/* How often each version of a block survives: the old one, the first and the second write to the cache. */
TEST(any_version_that_the_cache_had_of_a_block_may_survive_a_power_cut) {
    unsigned found[4] = {0};
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct disk disk = make_disk(&(struct sim_options){0});
        write_at(&disk, 0, 1, BLOCK, WT_DURABILITY_DSYNC);
        write_at(&disk, 0, 2, BLOCK, WT_DURABILITY_DEVICE);
        write_at(&disk, 0, 3, BLOCK, WT_DURABILITY_DEVICE);
        sim_power_cut(disk.sim, SIM_RANDOM, seed);
        found[byte_at(&disk, 100, true)]++;
        CHECK_EQ(byte_at(&disk, 100, true), byte_at(&disk, BLOCK - 1, true));
        end_disk(&disk);
    }
    CHECK(found[0] == 0 && found[1] > 0 && found[2] > 0 && found[3] > 0);
}

static void fill_file(struct sim_file *file, uint64_t offset, uint8_t value) {
    memset(memory, value, BLOCK);
    sim_file_write(file, offset, memory, BLOCK);
}

static uint8_t stable_byte(struct sim_file *file, uint64_t offset) {
    uint8_t byte = 0;
    sim_file_read(file, offset, &byte, 1, true);
    return byte;
}

TEST(a_truncation_leaves_a_block_whole_whichever_of_its_versions_survives_a_power_cut) {
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct disk disk = make_disk(&(struct sim_options){0});
        write_at(&disk, 0, 1, BLOCK, WT_DURABILITY_DSYNC);
        write_at(&disk, 0, 2, BLOCK, WT_DURABILITY_DEVICE);
        write_at(&disk, 0, 3, BLOCK, WT_DURABILITY_DEVICE);
        CHECK_OK(disk.file->ops->truncate(disk.file, 1000, true));
        sim_power_cut(disk.sim, SIM_RANDOM, seed);
        for (unsigned i = 0; i < 1000; i++) {
            CHECK_EQ(byte_at(&disk, i, true), byte_at(&disk, 0, true));
        }
        seen |= 1u << byte_at(&disk, 0, true);
        end_disk(&disk);
    }
    CHECK_EQ(seen, 0xe);
}

TEST(a_flush_makes_stable_what_was_written_before_it_began_and_nothing_else) {
    struct sim_file *file = sim_file_new("file", 1, BLOCK);
    fill_file(file, 0, 1);
    fill_file(file, BLOCK, 1);
    sim_file_set_size(file, 2 * BLOCK);
    sim_file_flush_begin(file);
    uint64_t began = file->flush_began;
    fill_file(file, BLOCK, 2);
    fill_file(file, 2 * BLOCK, 2);
    sim_file_set_size(file, 3 * BLOCK);
    sim_file_flush_end(file, began, 2 * BLOCK);
    CHECK_EQ(stable_byte(file, 0), 1);
    CHECK_EQ(stable_byte(file, BLOCK), 1);
    CHECK_EQ(stable_byte(file, 2 * BLOCK), 0);
    CHECK_EQ(file->size_stable, 2 * BLOCK);
    sim_file_free(file);
}

TEST(a_journal_played_again_gives_the_disk_at_each_moment_and_any_cut_there) {
    struct disk disk = make_disk(&(struct sim_options){0});
    struct sim_journal *journal = sim_journal_new();
    sim_keep_journal(disk.sim, journal);
    write_at(&disk, 0, 1, BLOCK, WT_DURABILITY_DSYNC);
    sim_mark(disk.sim, 5);
    write_at(&disk, 0, 2, BLOCK, WT_DURABILITY_DEVICE);
    sim_mark(disk.sim, 6);
    sim_keep_journal(disk.sim, NULL);
    end_disk(&disk);

    struct sim_replay *replay = sim_replay_new(journal, BLOCK);
    struct sim_file *file = sim_replay_file(replay, "file");
    for (const struct sim_change *change; (change = sim_replay_next(replay)) != NULL;) {
        if (change->kind != SIM_CHANGE_MARK) {
            continue;
        }
        sim_replay_cut(replay, SIM_KEEP_ALL, 0);
        CHECK_EQ(stable_byte(file, 0), change->number == 5 ? 1 : 2);
        sim_replay_cut(replay, SIM_LOSE_ALL, 0);
        CHECK_EQ(stable_byte(file, 0), 1);
        CHECK_EQ(sim_replay_in_doubt(replay), change->number == 6);
    }
    sim_replay_free(replay);
    sim_journal_free(journal);
}
