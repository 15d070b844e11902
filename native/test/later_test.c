// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
/* Later writes and forces. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"
#include "engine/doors.h"
#include "io/turns.h"
#include "write/later.h"
#include "write/writeback.h"

enum { BLOCK = 4096, FOLIO = 64 * BLOCK };

static uint8_t bytes[4 * FOLIO];

static int64_t write_later(wt_file file, uint64_t offset, int value, size_t length) {
    static uint8_t own[4 * FOLIO];
    CHECK(length <= sizeof own);
    memset(own, value, length);
    struct iovec iov = {own, length};
    return wt_write_with(file, &iov, 1, &offset, 0, WT_LATER, NULL);
}

static void later_at(wt_file file, uint64_t offset, int value, size_t length) {
    CHECK_EQ(write_later(file, offset, value, length), length);
}

static uint64_t append_later(wt_file file, int value, size_t length) {
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_LATER | WT_APPEND, NULL), length);
    return offset;
}

/* As the ticker does. */
static void send_held(const struct core *core) {
    struct wt_engine_object *engine = wt_engine_acquire(core->engine);
    CHECK(engine);
    wt_later_send_all(engine);
    wt_engine_release(core->engine);
}

static struct core core_of(bool no_fua) {
    return core_open(&(struct sim_options){.no_fua = no_fua}, NULL);
}

/* A file of so many stable bytes, and a clear log. */
static wt_file file_of(const struct core *core, size_t length) {
    wt_file file = core_file(core, "file");
    fill_at(file, 0, 1, length);
    CHECK_OK(wt_force(file)); /* the first one flushes in any case */
    sim_clear_log(core->sim);
    return file;
}

/* ---- a write ------------------------------------------------------------------------------------------------- */

TEST(a_later_write_returns_without_io_and_all_see_it) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO), other = core_file(&core, "file");
    later_at(file, BLOCK, 2, 3 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_READ | SIM_WRITE | SIM_SYNC), 0);
    check_filled(other, 0, 1, BLOCK);
    check_filled(other, BLOCK, 2, 3 * BLOCK);
    check_filled(other, 4 * BLOCK, 1, BLOCK);
    core_close(&core);
}

TEST(a_later_write_past_the_end_is_in_the_size_at_once) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, 100);
    later_at(file, 5000, 2, 100);
    CHECK_EQ(wt_size(file), 5100);
    CHECK_EQ(sim_size(core.sim, "file"), 100);
    check_filled(file, 100, 0, 4900);
    check_filled(file, 5000, 2, 100);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_stable_size(core.sim, "file"), 5100);
    check_stable(&core, 0, 1, 100);
    check_stable(&core, 100, 0, 4900);
    check_stable(&core, 5000, 2, 100);
    core_close(&core);
}

TEST(invariant_6_the_size_on_disk_is_exact_however_later_writes_leave) {
    struct core core = core_of(true);
    wt_file file = core_file(&core, "file");
    for (int i = 0; i < 200; i++) {
        later_at(file, (uint64_t)i * 777, i, 777);
        if (i % 7 == 3)
            send_held(&core);
        CHECK_EQ(wt_size(file), (i + 1) * 777);
        CHECK(sim_size(core.sim, "file") <= wt_size(file));
        CHECK(sim_size(core.sim, "file") % 777 == 0 || sim_size(core.sim, "file") % BLOCK == 0);
    }
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_largest_size(core.sim, "file"), 200 * 777);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 200 * 777);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(to_write_a_held_block_again_costs_no_room) {
    struct core core =
        core_open(NULL, &(struct wt_engine_options){.cache_bytes = 1 << 20, .in_flight_bytes = 64 << 10});
    wt_file file = file_of(&core, FOLIO);
    for (int i = 0; i < 10000; i++)
        later_at(file, BLOCK, i, 100);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    core_close(&core);
}

TEST(a_file_that_holds_enough_sends_it) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, 4 * FOLIO);
    for (uint64_t at = 0; at < WT_HELD_BYTES_MOST - BLOCK; at += BLOCK)
        later_at(file, at, 2, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    later_at(file, WT_HELD_BYTES_MOST - BLOCK, 2, BLOCK);
    while (sim_pump_one(core.sim))
        ;
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).length, WT_HELD_BYTES_MOST);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DEVICE);
    core_close(&core);
}

TEST(a_writer_that_waits_for_room_sends_what_other_files_hold) {
    struct core core =
        core_open(NULL, &(struct wt_engine_options){.cache_bytes = 1 << 20, .in_flight_bytes = 64 << 10});
    wt_file file = file_of(&core, FOLIO), other = core_file(&core, "other");
    later_at(file, 0, 2, 48 << 10);
    fill_at(other, 0, 3, 32 << 10);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    core_close(&core);
}

TEST(a_reader_that_waits_for_memory_sends_what_is_held) {
    struct core core =
        core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 10, .in_flight_bytes = 128 << 10});
    wt_file files[] = {file_of(&core, FOLIO), core_file(&core, "second"), core_file(&core, "third")};
    CHECK_OK(wt_truncate(files[2], FOLIO));
    later_at(files[0], 0, 2, 60 << 10); /* of 128 KiB */
    later_at(files[1], 0, 3, 60 << 10);
    size_t before = sim_count(core.sim, SIM_WRITE);
    CHECK_EQ(read_at(files[2], 0, bytes, 32 << 10), 32 << 10);
    CHECK(sim_count(core.sim, SIM_WRITE) > before);
    core_close(&core);
}

static void check_syncs_of_force(const struct core *core, wt_file file, int result, size_t syncs) {
    sim_clear_log(core->sim);
    CHECK_EQ(wt_force(file), result);
    CHECK_EQ(sim_count(core->sim, SIM_SYNC), syncs);
}

TEST(the_first_force_of_an_open_file_flushes_what_others_may_have_left) {
    struct core core = core_of(false);
    for (int i = 0; i < 2; i++) {
        wt_file file = core_file(&core, "file");
        check_syncs_of_force(&core, file, 0, 1);
        check_syncs_of_force(&core, file, 0, 0);
        later_at(file, 0, 2, BLOCK); /* the close leaves it on the device */
        CHECK_OK(wt_file_close(file));
    }
    core_close(&core);
}

TEST(a_force_after_one_that_failed_flushes_again) {
    struct core core = core_of(false);
    wt_file file = core_file(&core, "file"), other = core_file(&core, "file");
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    check_syncs_of_force(&core, other, 0, 1);
    check_syncs_of_force(&core, file, 0, 0);
    core_close(&core);
}

TEST(an_allocation_sends_what_its_blocks_hold) {
    struct core core = core_of(false);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_file_grow_ahead(file, 2 * FOLIO));
    later_at(file, 0, 2, 100); /* zeros are made behind it, and over its block */
    later_at(file, 3 * FOLIO - 50, 3, 100);
    later_at(file, 6 * FOLIO - 50, 4, 100);
    CHECK_OK(wt_allocate(file, 5 * FOLIO, 2 * FOLIO));
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 2, 100);
    check_stable(&core, 3 * FOLIO - 50, 3, 100);
    check_stable(&core, 6 * FOLIO - 50, 4, 100);
    core_close(&core);
}

TEST(an_atomic_write_near_the_end_waits_for_later_writes_that_move_it) {
    struct core core = core_open(&(struct sim_options){.atomic_bytes = 64 << 10}, NULL);
    wt_file file = file_of(&core, BLOCK + 100);
    later_at(file, BLOCK + 100, 2, 3 * BLOCK);
    memset(bytes, 3, 4 * BLOCK);
    struct iovec iov = {bytes, 4 * BLOCK};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), 4 * BLOCK);
    CHECK_EQ(wt_size(file), 4 * BLOCK + 100);
    check_stable(&core, 0, 3, 4 * BLOCK);
    core_close(&core);
}

TEST(a_block_that_stays_off_the_page_of_an_io_is_held_no_more) {
    struct core core = core_open(&(struct sim_options){.block_bytes = 1024}, NULL);
    wt_file file = core_file(&core, "file");
    later_at(file, BLOCK, 2, 1024);
    later_at(file, BLOCK + 2048, 3, 100); /* the file ends here: this goes by itself */
    send_held(&core);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    while (sim_pump_one(core.sim))
        ;
    send_held(&core); /* what gathered is of an open round */
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_OK(wt_force(file));
    check_stable(&core, BLOCK, 2, 1024);
    check_stable(&core, BLOCK + 2048, 3, 100);
    core_close(&core);
}

TEST(later_appends_get_places_without_gaps_behind_all_others) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, 100);
    CHECK_EQ(append_later(file, 2, 50), 100);
    CHECK_EQ(append_later(file, 3, 5000), 150);
    later_at(file, 6000, 4, 10);
    CHECK_EQ(append_later(file, 5, 7), 6010);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_stable_size(core.sim, "file"), 6017);
    check_stable(&core, 100, 2, 50);
    check_stable(&core, 150, 3, 5000);
    check_stable(&core, 5150, 0, 850);
    check_stable(&core, 6000, 4, 10);
    check_stable(&core, 6010, 5, 7);
    core_close(&core);
}

TEST(other_flags_do_not_go_with_later_writes) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    struct iovec iov = {bytes, BLOCK};
    uint64_t offset = 0;
    static const uint32_t flags[] = {WT_ATOMIC, WT_HIGH_PRIORITY, WT_DONTCACHE, WT_NOWAIT};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++)
        CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_LATER | flags[i], NULL), -EINVAL);
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, WT_LATER, 1), -EINVAL);
    CHECK_EQ(wt_force(file + 1), -EBADF);
    core_close(&core);
}

TEST(a_later_write_that_was_refused_counts_as_none) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    uint64_t writes = core_stats(&core).writes;
    sim_cut_behind(core.sim, "file", BLOCK);
    CHECK_EQ(wt_sync(file), -ESTALE);
    CHECK_EQ(write_later(file, 0, 2, BLOCK), -ESTALE);
    CHECK_EQ(core_stats(&core).writes, writes);
    core_close(&core);
}

/* ---- a force ------------------------------------------------------------------------------------------------------ */

TEST(a_force_of_one_run_is_one_durable_write) {
    for (int no_fua = 0; no_fua < 2; no_fua++) {
        struct core core = core_of(no_fua);
        wt_file file = file_of(&core, FOLIO);
        for (unsigned i = 0; i < 8; i++)
            later_at(file, BLOCK + i * 512, (int)i, 512);
        CHECK_OK(wt_force(file));
        CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
        CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DSYNC);
        CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).submitted, false);
        CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
        for (unsigned i = 0; i < 8; i++)
            check_stable(&core, BLOCK + i * 512, (int)i, 512);
        core_close(&core);
    }
}

TEST(a_force_of_scattered_blocks_is_an_io_each_and_one_flush) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, 4 * FOLIO);
    for (unsigned i = 0; i < 32; i++)
        later_at(file, (uint64_t)i * 8 * BLOCK, 2, BLOCK);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 32);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DEVICE);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    for (unsigned i = 0; i < 32; i++)
        check_stable(&core, (uint64_t)i * 8 * BLOCK, 2, BLOCK);
    core_close(&core);
}

TEST(scattered_blocks_of_one_folio_share_a_flush_as_well) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, FOLIO);
    for (unsigned i = 0; i < 8; i++)
        later_at(file, (uint64_t)i * 8 * BLOCK, 2, BLOCK);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 8);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 7).durability, WT_DURABILITY_DEVICE);
    core_close(&core);
}

TEST(a_force_without_anything_to_do_asks_the_kernel_for_nothing) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, FOLIO);
    CHECK_OK(wt_force(file));
    later_at(file, 0, 2, BLOCK);
    CHECK_OK(wt_force(file));
    sim_clear_log(core.sim);
    CHECK_OK(wt_force(file));
    fill_at(file, 0, 3, BLOCK);
    sim_clear_log(core.sim);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    core_close(&core);
}

TEST(a_force_makes_writes_stable_that_only_the_device_has) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    memset(bytes, 2, BLOCK);
    CHECK_EQ(write_as(file, 0, bytes, BLOCK, WT_DURABILITY_DEVICE), BLOCK);
    check_stable(&core, 0, 1, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 2, BLOCK);
    core_close(&core);
}

TEST(a_sync_covers_later_writes_too) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, FOLIO);
    later_at(file, 0, 2, BLOCK);
    CHECK_OK(wt_sync(file));
    check_stable(&core, 0, 2, BLOCK);
    core_close(&core);
}

TEST(what_left_before_the_force_needs_its_flush) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, 4 * FOLIO);
    later_at(file, 0, 2, WT_HELD_BYTES_MOST);
    while (sim_pump_one(core.sim))
        ;
    later_at(file, 2 * FOLIO, 3, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 2, WT_HELD_BYTES_MOST);
    check_stable(&core, 2 * FOLIO, 3, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    core_close(&core);
}

/* ---- other operations meet held bytes ---------------------------------------------------------------------------- */

TEST(a_durable_write_takes_the_held_bytes_of_its_blocks_along) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    later_at(file, 0, 2, 100);
    later_at(file, 8 * BLOCK, 2, 100);
    fill_at(file, 200, 3, 100);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DSYNC);
    check_stable(&core, 0, 2, 100);
    check_stable(&core, 100, 1, 100);
    check_stable(&core, 200, 3, 100);
    check_stable(&core, 8 * BLOCK, 1, 100);
    CHECK_OK(wt_force(file));
    check_stable(&core, 8 * BLOCK, 2, 100);
    core_close(&core);
}

TEST(truncation_holes_zeros_and_allocation_meet_held_bytes) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    later_at(file, 0, 2, 8 * BLOCK);
    CHECK_OK(wt_punch_hole(file, BLOCK, BLOCK));
    later_at(file, 2 * BLOCK, 3, BLOCK);
    CHECK_OK(wt_zero(file, 2 * BLOCK + 100, 50));
    later_at(file, FOLIO, 4, 100);
    CHECK_OK(wt_allocate(file, FOLIO, 2 * BLOCK));
    later_at(file, 5 * BLOCK, 5, BLOCK);
    CHECK_OK(wt_truncate(file, 5 * BLOCK + 10));
    CHECK_EQ(wt_size(file), 5 * BLOCK + 10);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 2, BLOCK);
    check_stable(&core, BLOCK, 0, BLOCK);
    check_stable(&core, 2 * BLOCK, 3, 100);
    check_stable(&core, 2 * BLOCK + 100, 0, 50);
    check_stable(&core, 2 * BLOCK + 150, 3, BLOCK - 150);
    check_stable(&core, 5 * BLOCK, 5, 10);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_atomic_write_goes_after_the_held_bytes_of_its_blocks) {
    struct core core = core_open(&(struct sim_options){.atomic_bytes = 16 << 10}, NULL);
    wt_file file = file_of(&core, FOLIO);
    later_at(file, 0, 2, 8 * BLOCK);
    memset(bytes, 3, 4 * BLOCK);
    struct iovec iov = {bytes, 4 * BLOCK};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), 4 * BLOCK);
    check_stable(&core, 0, 3, 4 * BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 4 * BLOCK, 2, 4 * BLOCK);
    core_close(&core);
}

TEST(a_file_that_grows_ahead_takes_later_writes) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, 100);
    CHECK_OK(wt_file_grow_ahead(file, 1 << 20));
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(append_later(file, 2, 100), 100 + i * 100);
        CHECK_OK(wt_force(file));
    }
    CHECK_EQ(sim_count(core.sim, SIM_RESERVE), 1);
    check_stable(&core, 100, 2, 100 * 100);
    CHECK_EQ(wt_size(file), 101 * 100);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(sim_stable_size(core.sim, "file"), 101 * 100);
    core_close(&core);
}

TEST(a_close_sends_what_is_held) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO), other = core_file(&core, "file");
    later_at(file, 0, 2, BLOCK);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_OK(wt_force(other));
    check_stable(&core, 0, 2, BLOCK);
    core_close(&core);
}

/* ---- errors ---------------------------------------------------------------------------------------------------------- */

static void refuse_writes(const struct core *core) {
    sim_fail(core->sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EIO});
}

TEST(each_handle_is_told_of_lost_bytes_and_every_force_until_they_are_written_again) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO), other = core_file(&core, "file");
    later_at(file, BLOCK + 100, 2, 50);
    refuse_writes(&core);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(other), -EIO);
    sim_heal(core.sim);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, BLOCK + 100, 3, 49);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, BLOCK + 149, 3, 1);
    CHECK_OK(wt_force(file));
    CHECK_OK(wt_force(other));
    check_stable(&core, BLOCK + 100, 3, 50);
    core_close(&core);
}

TEST(a_handle_that_was_not_told_is_told_once_after_the_bytes_were_written_again) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO), other = core_file(&core, "file"), third = core_file(&core, "file");
    later_at(file, 0, 2, BLOCK);
    refuse_writes(&core);
    CHECK_EQ(wt_force(file), -EIO);
    sim_heal(core.sim);
    fill_at(file, 0, 3, BLOCK);
    wt_file late = core_file(&core, "file");
    CHECK_OK(wt_force(file));
    CHECK_EQ(wt_force(other), -EIO);
    CHECK_OK(wt_force(other));
    CHECK_OK(wt_force(late));
    CHECK_EQ(wt_file_close(third), -EIO);
    core_close(&core);
}

TEST(what_the_device_refused_is_read_back_from_the_device) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    later_at(file, BLOCK, 2, BLOCK);
    later_at(file, FOLIO, 2, 1000);
    refuse_writes(&core);
    CHECK_EQ(wt_force(file), -EIO);
    sim_heal(core.sim);
    check_filled(file, BLOCK, 1, BLOCK);
    CHECK_EQ(wt_size(file), FOLIO);
    check_cache_is_disk(&core, file, "file");
    CHECK_OK(wt_truncate(file, 0)); /* what was lost is cut off */
    CHECK_OK(wt_force(file));
    core_close(&core);
}

/* The first I/Os are refused: that of 200 bytes, and from the second on that of the newer 100 bytes in their block. */
static wt_file with_newer_bytes_behind_refused_ones(const struct core *core, uint64_t refused) {
    wt_file file = file_of(core, FOLIO);
    later_at(file, BLOCK, 2, 200);
    sim_fail(core->sim, &(struct sim_fault){.ops = SIM_WRITE, .count = refused, .error = -EIO});
    send_held(core);
    later_at(file, BLOCK, 3, 100);
    CHECK_EQ(wt_force(file), -EIO);
    sim_heal(core->sim);
    return file;
}

TEST(refused_bytes_that_leave_again_with_newer_ones_are_not_lost) {
    struct core core = core_of(false);
    wt_file file = with_newer_bytes_behind_refused_ones(&core, 1);
    CHECK_OK(wt_force(file));
    check_stable(&core, BLOCK, 3, 100);
    check_stable(&core, BLOCK + 100, 2, 100);
    check_stable(&core, BLOCK + 200, 1, BLOCK - 200);
    core_close(&core);
}

TEST(refused_bytes_that_are_refused_again_with_newer_ones_are_lost) {
    struct core core = core_of(false);
    wt_file file = with_newer_bytes_behind_refused_ones(&core, 2);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, BLOCK, 4, 100);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, BLOCK + 100, 4, 100);
    CHECK_OK(wt_force(file));
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_flush_that_fails_loses_no_bytes_that_were_cut_off_before) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, 4 * FOLIO);
    later_at(file, 0, 2, 4 * FOLIO);
    send_held(&core);
    CHECK_OK(wt_truncate(file, 0));
    later_at(file, 0, 3, BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    sim_heal(core.sim);
    later_at(file, 0, 4, BLOCK);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(a_handle_is_told_by_a_sync_or_by_a_force_and_not_by_both) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, 4 * FOLIO);
    later_at(file, 0, 2, BLOCK);
    later_at(file, FOLIO, 2, BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_sync(file), -EIO);
    sim_heal(core.sim);
    later_at(file, 0, 3, FOLIO + BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, FOLIO + BLOCK);
    core_close(&core);
}

TEST(bytes_that_only_the_device_had_are_lost_if_the_flush_fails) {
    struct core core = core_of(true);
    wt_file file = file_of(&core, 4 * FOLIO);
    later_at(file, 0, 2, BLOCK);
    later_at(file, FOLIO, 2, BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    sim_heal(core.sim);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, 0, 3, FOLIO + BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, FOLIO + BLOCK);
    core_close(&core);
}

/* ---- several threads -------------------------------------------------------------------------------------------------- */

struct forcer {
    wt_file file;
    pthread_t thread;
};

static void *force(void *argument) {
    struct forcer *forcer = argument;
    return (void *)(intptr_t)wt_force(forcer->file);
}

static struct core core_threaded_no_fua(void) {
    return core_open(&(struct sim_options){.threaded = true, .no_fua = true}, NULL);
}

static void *begin_mapping(void *argument) {
    struct forcer *forcer = argument;
    return (void *)(intptr_t)wt_file_begin_mapping(forcer->file);
}

TEST(a_force_waits_for_the_bytes_that_another_call_has_under_way) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer mapper = {.file = file}, forcer = {.file = file};
    later_at(file, 0, 2, BLOCK);
    sim_hold(core.sim);
    mapper.thread = test_thread(begin_mapping, &mapper);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    forcer.thread = test_thread(force, &forcer);
    let_others_run();
    CHECK_EQ(pthread_tryjoin_np(forcer.thread, NULL), EBUSY);
    sim_release_all(core.sim);
    CHECK_EQ((intptr_t)test_join(mapper.thread), 0);
    CHECK_EQ((intptr_t)test_join(forcer.thread), 0);
    check_stable(&core, 0, 2, BLOCK);
    core_close(&core);
}

TEST(a_force_that_comes_while_a_group_runs_is_of_the_next) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer first = {.file = file}, second = {.file = file}, third = {.file = file};
    later_at(file, 0, 2, BLOCK);
    sim_hold(core.sim);
    first.thread = test_thread(force, &first);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    later_at(file, FOLIO, 3, BLOCK);
    second.thread = test_thread(force, &second);
    later_at(file, FOLIO + BLOCK, 3, BLOCK);
    third.thread = test_thread(force, &third);
    let_others_run();
    sim_release(core.sim, 1);
    CHECK_EQ((intptr_t)test_join(first.thread), 0);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    let_others_run();
    CHECK_EQ(pthread_tryjoin_np(second.thread, NULL), EBUSY);
    CHECK_EQ(pthread_tryjoin_np(third.thread, NULL), EBUSY);
    sim_release_all(core.sim);
    CHECK_EQ((intptr_t)test_join(second.thread), 0);
    CHECK_EQ((intptr_t)test_join(third.thread), 0);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2); /* one for both */
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    check_stable(&core, FOLIO, 3, BLOCK + BLOCK);
    core_close(&core);
}

TEST(forces_that_meet_behind_an_io_leave_as_one) {
    enum { THREADS = 8 };
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer forcers[THREADS + 1];
    sim_hold(core.sim);
    for (unsigned i = 0; i <= THREADS; i++) {
        later_at(file, i * 100, 2, 100);
        forcers[i].file = file;
        forcers[i].thread = test_thread(force, &forcers[i]);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
        let_others_run();
    }
    sim_release_all(core.sim);
    for (unsigned i = 0; i <= THREADS; i++)
        CHECK_EQ((intptr_t)test_join(forcers[i].thread), 0);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    check_stable(&core, 0, 2, (THREADS + 1) * 100);
    core_close(&core);
}

/* The simulator holds the I/O of the force that the forcer begins; the first block has other bytes since. */
static void write_block_under_io(const struct core *core, struct forcer *forcer) {
    later_at(forcer->file, 0, 2, BLOCK);
    sim_hold(core->sim);
    forcer->thread = test_thread(force, forcer);
    CHECK_EQ(sim_wait_in_flight(core->sim, 1), 1);
    later_at(forcer->file, 0, 3, BLOCK);
}

TEST(a_later_write_to_a_block_under_io_is_held_when_that_ends) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, FOLIO);
    struct forcer forcer = {.file = file};
    write_block_under_io(&core, &forcer);
    later_at(file, 9 * BLOCK, 3, BLOCK);
    check_filled(file, 0, 3, BLOCK);
    sim_release(core.sim, 1);
    CHECK_EQ((intptr_t)test_join(forcer.thread), 0);
    CHECK_EQ(sim_in_flight(core.sim), 0);
    send_held(&core);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    check_stable(&core, 0, 2, BLOCK);
    sim_release_all(core.sim);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, BLOCK);
    check_stable(&core, 9 * BLOCK, 3, BLOCK);
    core_close(&core);
}

TEST(only_blocks_under_io_wait_for_its_end) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, FOLIO);
    struct forcer forcer = {.file = file};
    write_block_under_io(&core, &forcer);
    later_at(file, 40 * BLOCK, 3, BLOCK);
    send_held(&core);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 1).offset, 40 * BLOCK);
    sim_release_all(core.sim);
    CHECK_EQ((intptr_t)test_join(forcer.thread), 0);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, BLOCK);
    check_stable(&core, 40 * BLOCK, 3, BLOCK);
    core_close(&core);
}

static void *stream(void *argument) {
    const struct forcer *writer = argument;
    for (unsigned i = 0; i < 16; i++)
        later_at(writer->file, (uint64_t)i * 64 * BLOCK, 2, 32 * BLOCK);
    return NULL;
}

TEST(a_writer_waits_while_its_file_has_many_bytes_on_their_way) {
    struct core core = core_open(&(struct sim_options){.threaded = true},
                                 &(struct wt_engine_options){.cache_bytes = 4 << 20, .in_flight_bytes = 1 << 20});
    wt_file file = core_file(&core, "file"), other = core_file(&core, "other");
    struct forcer writer = {.file = file};
    sim_hold(core.sim);
    writer.thread = test_thread(stream, &writer);
    CHECK_EQ(sim_wait_in_flight(core.sim, 4), 4);
    let_others_run();
    CHECK_EQ(pthread_tryjoin_np(writer.thread, NULL), EBUSY);
    CHECK_EQ(wt_size(file), 3 * 64 * BLOCK + 32 * BLOCK);
    later_at(other, 0, 2, 64 << 10); /* there is room in the engine */
    sim_release_all(core.sim);
    (void)test_join(writer.thread);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_stable_size(core.sim, "file"), 15 * 64 * BLOCK + 32 * BLOCK);
    core_close(&core);
}

TEST(what_nobody_forces_leaves_by_the_ticker) {
    struct core core = core_threaded_no_fua();
    struct wt_engine_object *engine = wt_engine_acquire(core.engine);
    atomic_store(&engine->ticker_started, false);
    engine->no_ticker = false;
    wt_engine_release(core.engine);
    wt_file file = file_of(&core, FOLIO);
    for (int i = 2; i < 6; i++) {
        later_at(file, 0, i, BLOCK);
        for (int wait = 0; wait < 20000 && sim_count(core.sim, SIM_WRITE) < (size_t)i - 1; wait++)
            wt_pause(1000000);
        CHECK_EQ(sim_count(core.sim, SIM_WRITE), i - 1);
        if (i == 4)
            wt_pause(50000000); /* the ticker falls asleep */
    }
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 5, BLOCK);
    core_close(&core);
}

/* Has the flushes of a file wait until the turn is over. */
static struct wt_file_object *enter_lane(wt_file file) {
    struct wt_file_object *object = wt_file_acquire(file);
    CHECK(object);
    wt_turns_enter(&object->inode->turns);
    return object;
}

static void leave_lane(struct wt_file_object *object, wt_file file) {
    wt_turns_leave(&object->inode->turns);
    wt_file_release(file);
}

static void *sync_file(void *argument) {
    struct forcer *forcer = argument;
    return (void *)(intptr_t)wt_sync(forcer->file);
}

/* A force whose flush will fail, and stops before it: see leave_lane. */
static void begin_failing_force(const struct core *core, struct forcer *forcer) {
    later_at(forcer->file, 0, 2, BLOCK);
    later_at(forcer->file, FOLIO, 2, BLOCK);
    sim_fail(core->sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    forcer->thread = test_thread(force, forcer);
    let_others_run();
}

TEST(a_sync_that_waits_for_a_flush_that_fails_is_told) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO), other = core_file(&core, "file");
    struct forcer forcer = {.file = file}, syncer = {.file = other};
    struct wt_file_object *object = enter_lane(file);
    begin_failing_force(&core, &forcer);
    syncer.thread = test_thread(sync_file, &syncer);
    let_others_run();
    leave_lane(object, file);
    CHECK_EQ((intptr_t)test_join(forcer.thread), -EIO);
    CHECK_EQ((intptr_t)test_join(syncer.thread), -EIO);
    fill_at(file, 0, 3, FOLIO + BLOCK);
    core_close(&core);
}

TEST(a_force_that_overlaps_a_flush_that_fails_is_told) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer failing = {.file = file}, between = {.file = file}, last = {.file = file};
    memset(bytes, 3, BLOCK);
    CHECK_EQ(write_as(file, 2 * FOLIO, bytes, BLOCK, WT_DURABILITY_DEVICE), BLOCK);
    struct wt_file_object *object = enter_lane(file);
    failing.thread = test_thread(force, &failing);
    let_others_run();
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    later_at(file, 3 * FOLIO, 4, BLOCK);
    between.thread = test_thread(force, &between); /* the next group, which covers the DEVICE write too */
    last.thread = test_thread(force, &last);
    let_others_run();
    leave_lane(object, file);
    CHECK_EQ((intptr_t)test_join(failing.thread), -EIO);
    CHECK_EQ((intptr_t)test_join(last.thread), -EIO);
    CHECK_EQ((intptr_t)test_join(between.thread), -EIO);
    core_close(&core);
}

struct writer {
    wt_file file;
    uint64_t offset;
    size_t length;
    pthread_t thread;
};

static void *write_durably(void *argument) {
    struct writer *writer = argument;
    static const uint8_t fives[4 * BLOCK] = {5};
    return (void *)(intptr_t)write_at(writer->file, writer->offset, fives, writer->length);
}

TEST(a_write_that_ends_after_newer_bytes_were_lost_does_not_find_them) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct writer first = {.file = file, .offset = FOLIO, .length = BLOCK};
    struct writer second = {.file = file, .offset = FOLIO - BLOCK, .length = 2 * BLOCK};
    sim_hold(core.sim);
    first.thread = test_thread(write_durably, &first);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    second.thread = test_thread(write_durably, &second);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", FOLIO - BLOCK);
    let_others_run();
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .offset = 0, .length = FOLIO, .error = -EIO});
    later_at(file, FOLIO - BLOCK, 6, BLOCK);
    send_held(&core);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", FOLIO - BLOCK);
    CHECK_EQ(wt_force(file), -EIO);
    sim_release_all(core.sim);
    CHECK_EQ((intptr_t)test_join(first.thread), BLOCK);
    CHECK_EQ((intptr_t)test_join(second.thread), 2 * BLOCK);
    sim_heal(core.sim);
    CHECK_EQ(wt_force(file), -EIO);
    fill_at(file, FOLIO - BLOCK, 6, BLOCK);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

static void *punch(void *argument) {
    struct writer *writer = argument;
    return (void *)(intptr_t)wt_punch_hole(writer->file, writer->offset, writer->length);
}

TEST(a_hole_does_not_find_bytes_that_were_written_over_it_and_lost) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct writer hole = {.file = file, .offset = BLOCK, .length = BLOCK};
    struct wt_file_object *object = enter_lane(file);
    hole.thread = test_thread(punch, &hole);
    let_others_run(); /* the hole is there, and its flush waits */
    CHECK_EQ(sim_count(core.sim, SIM_DEALLOCATE), 1);
    refuse_writes(&core);
    later_at(file, BLOCK, 6, BLOCK);
    CHECK_EQ(wt_file_begin_mapping(file), -EIO);
    leave_lane(object, file);
    CHECK_EQ((intptr_t)test_join(hole.thread), 0);
    sim_heal(core.sim);
    CHECK_EQ(wt_force(file), -EIO);
    fill_at(file, BLOCK, 6, BLOCK);
    CHECK_OK(wt_force(file));
    core_close(&core);
}
TEST(a_block_that_is_written_again_and_again_counts_as_in_flight_once) {
    struct core core = core_of(false);
    wt_file file = file_of(&core, FOLIO);
    for (int i = 0; i < 100; i++) {
        later_at(file, 0, i, BLOCK);
        send_held(&core);
        later_at(file, BLOCK, i, BLOCK); /* behind that I/O: so some I/O of the round is always in flight */
        later_at(file, 0, i, BLOCK);
        CHECK(sim_pump_one(core.sim));
    }
    CHECK(core_stats(&core).in_flight_bytes <= 4 * BLOCK);
    core_close(&core);
}

TEST(small_later_writes_count_with_the_blocks_that_they_keep_in_memory) {
    struct core core =
        core_open(NULL, &(struct wt_engine_options){.cache_bytes = 4 << 20, .in_flight_bytes = 64 << 10});
    wt_file file = file_of(&core, 4 * FOLIO);
    for (uint64_t i = 0; i < 256; i++)
        later_at(file, i * BLOCK, 2, 1);
    CHECK(core_stats(&core).in_flight_bytes <= 64 << 10);
    CHECK(sim_count(core.sim, SIM_WRITE) > 0);
    CHECK_OK(wt_force(file));
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    core_close(&core);
}

TEST(invariant_8_there_are_no_more_ios_of_later_writes_than_of_others) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 20});
    wt_file file = core_file(&core, "file");
    struct wt_engine_object *engine = wt_engine_acquire(core.engine);
    uint32_t most = 0;
    CHECK_OK(wt_truncate(file, UINT64_C(6000) * FOLIO));
    for (uint64_t i = 0; i < 6000; i++) {
        later_at(file, i * FOLIO, 2, BLOCK);
        if (i % 32 == 0)
            send_held(&core);
        most = engine->writebacks_out > most ? engine->writebacks_out : most;
    }
    wt_engine_release(core.engine);
    CHECK(most >= WT_WRITEBACK_LIMIT / 2);
    CHECK(most <= WT_WRITEBACK_LIMIT + 64);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(a_round_answers_for_the_refused_bytes_of_the_one_before) {
    for (uint64_t refused = 1; refused <= 2; refused++) {
        struct core core = core_threaded_no_fua();
        wt_file file = file_of(&core, FOLIO);
        struct forcer forcer = {.file = file};
        later_at(file, BLOCK, 2, 200);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = refused, .error = -EIO});
        sim_hold(core.sim);
        forcer.thread = test_thread(force, &forcer);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
        later_at(file, BLOCK, 3, 100);
        sim_release_all(core.sim);
        CHECK_EQ((intptr_t)test_join(forcer.thread), -EIO);
        CHECK_EQ(wt_force(file), refused == 1 ? 0 : -EIO);
        later_at(file, BLOCK, 4, 100);
        CHECK_EQ(wt_force(file), refused == 1 ? 0 : -EIO);
        check_stable(&core, BLOCK + 100, refused == 1 ? 2 : 1, 100);
        later_at(file, BLOCK + 100, 4, 100);
        CHECK_OK(wt_force(file));
        core_close(&core);
    }
}

/* A force, whose flush waits for the turn, of a file that has lost its first block before. */
static struct wt_file_object *begin_force_of_lost(const struct core *core, struct forcer *forcer) {
    later_at(forcer->file, 0, 2, BLOCK);
    refuse_writes(core);
    CHECK_EQ(wt_force(forcer->file), -EIO);
    sim_heal(core->sim);
    memset(bytes, 3, BLOCK);
    CHECK_EQ(write_as(forcer->file, 2 * FOLIO, bytes, BLOCK, WT_DURABILITY_DEVICE), BLOCK);
    struct wt_file_object *object = enter_lane(forcer->file);
    forcer->thread = test_thread(force, forcer);
    let_others_run();
    return object;
}

TEST(lost_bytes_that_only_the_device_has_again_are_lost_until_the_next_flush) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer forcer = {.file = file};
    struct wt_file_object *object = begin_force_of_lost(&core, &forcer);
    CHECK_EQ(write_as(file, 0, bytes, BLOCK, WT_DURABILITY_DEVICE), BLOCK);
    leave_lane(object, file);
    CHECK_EQ((intptr_t)test_join(forcer.thread), -EIO);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, BLOCK);
    core_close(&core);
}

TEST(lost_bytes_that_a_round_has_replaced_are_lost_until_the_flush_of_that_round) {
    struct core core = core_threaded_no_fua();
    wt_file file = file_of(&core, 4 * FOLIO);
    struct forcer forcer = {.file = file};
    struct wt_file_object *object = begin_force_of_lost(&core, &forcer);
    later_at(file, 0, 3, BLOCK);
    later_at(file, FOLIO, 3, BLOCK);
    CHECK_EQ(wt_file_begin_mapping(file), -EIO); /* the round has ended, and was not flushed */
    leave_lane(object, file);
    CHECK_EQ((intptr_t)test_join(forcer.thread), -EIO);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 3, BLOCK);
    core_close(&core);
}
