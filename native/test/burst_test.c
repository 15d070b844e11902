// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Large writes leave in parts where no flush of a part is needed: as durable as any other, and in the same order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cursor.h"
#include "core.h"
#include "write/write.h"

enum { BLOCK = 4096, PART = 256 << 10, LENGTH = 4 * PART, EVENTS = 60 };

static uint8_t old_bytes[LENGTH], new_bytes[LENGTH], bytes[LENGTH];

/* A disk without FUA, with a file of old bytes on it. */
static struct core open_core(struct sim_options sim, wt_file *file) {
    struct core core = core_open(&sim, &(struct wt_engine_options){.cache_bytes = 32 << 20});
    memset(old_bytes, 'o', LENGTH);
    memset(new_bytes, 'n', LENGTH);
    sim_put(core.sim, "file", old_bytes, LENGTH);
    *file = core_file(&core, "file");
    sim_clear_log(core.sim);
    return core;
}

static int64_t write_with(wt_file file, uint64_t offset, size_t length, uint32_t durability, uint32_t flags,
                          uint64_t *stable_bytes) {
    struct iovec iov = {new_bytes, length};
    return wt_write_with(file, &iov, 1, &offset, durability, flags, stable_bytes);
}

static void check_record(const struct core *core, size_t index, uint64_t offset, uint64_t length, uint32_t durability) {
    struct sim_record record = sim_record(core->sim, SIM_WRITE, index);
    CONTEXT("write %zu", index);
    CHECK_EQ(record.offset, offset);
    CHECK_EQ(record.length, length);
    CHECK_EQ(record.durability, durability);
    CHECK(!record.submitted);
}

TEST(a_large_write_is_parts_and_one_flush_before_it_returns) {
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    CHECK_EQ(write_with(file, 0, LENGTH, 0, 0, NULL), LENGTH);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 4);
    for (size_t i = 0; i < 4; i++) {
        check_record(&core, i, i * PART, PART, WT_DURABILITY_DEVICE);
    }
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    sim_peek_stable(core.sim, "file", 0, bytes, LENGTH);
    CHECK_BYTES(bytes, new_bytes, LENGTH);
    check_cache_is_disk(&core, file, "file");
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    core_close(&core);
}

TEST(parts_begin_at_folios_and_none_is_small) {
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    CHECK_EQ(write_with(file, PART - BLOCK, 2 * PART + 2 * BLOCK, 0, 0, NULL), 2 * PART + 2 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    check_record(&core, 0, PART - BLOCK, PART + BLOCK, WT_DURABILITY_DEVICE);
    check_record(&core, 1, 2 * PART, PART + BLOCK, WT_DURABILITY_DEVICE);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

static void check_whole(struct sim_options sim, uint64_t offset, size_t length, uint32_t durability, uint32_t flags) {
    wt_file file;
    struct core core = open_core(sim, &file);
    CHECK_EQ(write_with(file, offset, length, durability, flags, NULL), length);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    check_record(&core, 0, offset, length, durability);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    core_close(&core);
}

TEST(a_write_that_would_not_gain_leaves_whole) {
    const struct sim_options no_fua = {.no_fua = true};
    check_whole((struct sim_options){0}, 0, LENGTH, WT_DURABILITY_DSYNC, 0); /* the disk has FUA */
    check_whole(no_fua, 0, LENGTH, WT_DURABILITY_SYNC, 0);
    check_whole(no_fua, 0, LENGTH, WT_DURABILITY_DSYNC, WT_HIGH_PRIORITY);
    check_whole(no_fua, 0, 2 * PART - BLOCK, WT_DURABILITY_DSYNC, 0);
    check_whole(no_fua, BLOCK, 2 * PART, WT_DURABILITY_DSYNC, 0); /* one part would be too small */
    check_whole(no_fua, BLOCK, LENGTH, WT_DURABILITY_DSYNC, 0);   /* the file grows */
}

TEST(of_a_write_of_several_pieces_the_last_leaves_in_parts) {
    enum { PIECE = 4 << 20, ROOM = PIECE + 2 * PART };
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    fill_at(file, 0, 'o', ROOM);
    sim_clear_log(core.sim);
    fill_at(file, 0, 'n', ROOM);
    size_t writes = sim_count(core.sim, SIM_WRITE);
    for (size_t i = 0; i < writes; i++) {
        bool part = sim_record(core.sim, SIM_WRITE, i).offset >= PIECE;
        CHECK_EQ(sim_record(core.sim, SIM_WRITE, i).durability, part ? WT_DURABILITY_DEVICE : WT_DURABILITY_DSYNC);
    }
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, writes - 2).offset, PIECE);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, writes - 1).offset, PIECE + PART);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    check_filled(file, 0, 'n', ROOM);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(device_durability_flushes_no_parts) {
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    CHECK_EQ(write_with(file, 0, LENGTH, WT_DURABILITY_DEVICE, 0, NULL), LENGTH);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 4);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    core_close(&core);
}

/* Looks, whenever a folio is copied, how many parts the disk has. */
struct watching_cursor {
    struct wt_cursor cursor;
    struct sim *sim;
    size_t copied;
};

static void copy_and_look(struct wt_cursor *cursor, void *to_folio, size_t length) {
    struct watching_cursor *watching = (struct watching_cursor *)cursor;
    CHECK_EQ(sim_in_flight(watching->sim), watching->copied / PART);
    memset(to_folio, 'n', length);
    watching->copied += length;
}

TEST(the_disk_has_a_part_while_the_next_is_copied) {
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    struct watching_cursor watching = {.cursor = {.copy_in = copy_and_look}, .sim = core.sim};
    CHECK_EQ(wt_write_cursor(file, &watching.cursor, LENGTH, 0, WT_DURABILITY_FILE, NULL), LENGTH);
    CHECK_EQ(sim_most_in_flight(core.sim), 4);
    core_close(&core);
}

TEST(an_end_within_a_block_goes_through_the_page_cache_as_ever) {
    wt_file file;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    CHECK_OK(wt_truncate(file, LENGTH - 5));
    CHECK_OK(wt_sync(file));
    sim_clear_log(core.sim);
    CHECK_EQ(write_with(file, 0, LENGTH - 5, 0, 0, NULL), LENGTH - 5);
    size_t writes = sim_count(core.sim, SIM_WRITE);
    for (size_t i = 0; i < writes; i++) {
        struct sim_record record = sim_record(core.sim, SIM_WRITE, i);
        CHECK_EQ(record.through_page_cache, i + 1 == writes);
        CHECK_EQ(record.durability, i + 1 == writes ? WT_DURABILITY_DSYNC : WT_DURABILITY_DEVICE);
    }
    CHECK(writes >= 4);
    CHECK_EQ(sim_stable_size(core.sim, "file"), LENGTH - 5);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_error_of_a_part_says_that_what_is_before_it_is_stable) {
    wt_file file;
    uint64_t stable;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    sim_fail(
        core.sim,
        &(struct sim_fault){
            .ops = SIM_WRITE, .offset = 2 * PART, .length = 1, .error = -EIO, .transfer = 3 * BLOCK, .scribble = true});
    CHECK_EQ(write_with(file, 0, LENGTH, 0, 0, &stable), -EIO);
    CHECK_EQ(stable, 2 * PART + 3 * BLOCK);
    sim_peek_stable(core.sim, "file", 0, bytes, stable);
    CHECK_BYTES(bytes, new_bytes, stable);
    sim_heal(core.sim);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(what_is_told_of_a_write_whose_parts_are_all_short_is_stable) {
    wt_file file;
    uint64_t stable;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EIO, .transfer = 3 * BLOCK});
    CHECK_EQ(write_with(file, 0, LENGTH, 0, 0, &stable), -EIO);
    CHECK_EQ(stable, 3 * BLOCK);
    sim_peek_stable(core.sim, "file", 0, bytes, stable);
    CHECK_BYTES(bytes, new_bytes, stable);
    sim_heal(core.sim);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_failed_flush_fails_the_write_and_nothing_of_it_counts_as_stable) {
    wt_file file;
    uint64_t stable;
    struct core core = open_core((struct sim_options){.no_fua = true}, &file);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .error = -EIO});
    CHECK_EQ(write_with(file, 0, LENGTH, 0, 0, &stable), -EIO);
    CHECK_EQ(stable, 0);
    sim_heal(core.sim);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* Each block is old or new; new if the write was acknowledged. */
static void check_after_cut(uint64_t event, bool acknowledged) {
    CONTEXT("the power was cut at event %llu", (unsigned long long)event);
    for (size_t at = 0; at < LENGTH; at += BLOCK) {
        bool is_new = memcmp(bytes + at, new_bytes, BLOCK) == 0;
        CHECK(is_new || (!acknowledged && memcmp(bytes + at, old_bytes, BLOCK) == 0));
    }
}

TEST(invariant_1_a_power_cut_at_any_event_of_a_large_write_loses_nothing_acknowledged) {
    bool any_acknowledged = false, any_refused = false;
    for (uint64_t event = 1; event <= EVENTS; event += test_step()) {
        wt_file file;
        struct core core = open_core((struct sim_options){.no_fua = true, .seed = test_seed() + event}, &file);
        sim_power_cut_at(core.sim, event, event % 2 ? SIM_LOSE_ALL : SIM_RANDOM, event);
        bool acknowledged = write_with(file, 0, LENGTH, 0, 0, NULL) == LENGTH;
        if (!sim_is_cut(core.sim)) {
            sim_power_cut(core.sim, SIM_LOSE_ALL, event);
        }
        any_acknowledged |= acknowledged;
        any_refused |= !acknowledged;
        core_restart(&core);
        sim_peek(core.sim, "file", 0, bytes, LENGTH);
        check_after_cut(event, acknowledged);
        core_close(&core);
    }
    CHECK(any_acknowledged && any_refused);
}
