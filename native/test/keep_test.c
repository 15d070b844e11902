// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What the kernel may keep in its page cache until the next flush: see io/turns.h. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"
#include "engine/doors.h"
#include "write/later.h"

enum { BLOCK = 4096 };

static struct core core_of(void) {
    return core_open(&(struct sim_options){.cursors = true}, NULL);
}

static wt_file open_at_force(const struct core *core) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(core->engine, "file", WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE | WT_OPEN_AT_FORCE, 0600,
                          0, &file));
    return file;
}

static void later_at(wt_file file, uint64_t offset, int value, size_t length) {
    static uint8_t bytes[64 * BLOCK];
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_LATER, NULL), length);
}

static void send_held(const struct core *core) {
    wt_later_send_all(wt_engine_acquire(core->engine));
    wt_engine_release(core->engine);
}

/* A file of so many stable bytes, by later writes alone, and a clear log. */
static wt_file file_of(const struct core *core, size_t length) {
    wt_file file = open_at_force(core);
    later_at(file, 0, 1, length);
    CHECK_OK(wt_force(file));
    sim_clear_log(core->sim);
    return file;
}

/* The kernel keeps a second block, which grows the file. */
static wt_file with_kept_block(const struct core *core) {
    wt_file file = file_of(core, BLOCK);
    later_at(file, BLOCK, 2, BLOCK);
    send_held(core);
    return file;
}

static bool goes_through_page_cache(const struct core *core, size_t write) {
    return sim_record(core->sim, SIM_WRITE, write).through_page_cache;
}

TEST(the_kernel_keeps_what_grows_a_file_until_the_force) {
    struct core core = core_of();
    wt_file file = file_of(&core, 2 * BLOCK);
    later_at(file, 2 * BLOCK, 2, 3 * BLOCK);
    send_held(&core);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK(goes_through_page_cache(&core, 0));
    CHECK(!sim_record(core.sim, SIM_WRITE, 0).submitted); /* a copy to the kernel */
    CHECK_EQ(sim_stable_size(core.sim, "file"), 2 * BLOCK);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 5 * BLOCK);
    check_stable(&core, 2 * BLOCK, 2, 3 * BLOCK);
    core_close(&core);
}

TEST(what_is_there_already_and_what_is_long_goes_to_the_device) {
    struct core core = core_of();
    wt_file file = file_of(&core, 4 * BLOCK);
    later_at(file, BLOCK, 2, BLOCK);
    send_held(&core);
    CHECK(!goes_through_page_cache(&core, 0));
    later_at(file, 4 * BLOCK, 3, 17 * BLOCK);
    send_held(&core);
    CHECK(!goes_through_page_cache(&core, 1));
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(until_its_first_force_all_of_a_new_file_grows_it) {
    struct core core = core_of();
    wt_file file = open_at_force(&core);
    later_at(file, 10 * BLOCK - 1, 2, 1);
    send_held(&core);
    later_at(file, 0, 2, BLOCK);
    send_held(&core);
    CHECK(goes_through_page_cache(&core, 1));
    CHECK_OK(wt_force(file));
    sim_clear_log(core.sim);
    later_at(file, 0, 3, BLOCK);
    send_held(&core);
    CHECK(!goes_through_page_cache(&core, 0));
    core_close(&core);
}

TEST(a_close_leaves_what_the_kernel_keeps_and_the_next_force_covers_it) {
    struct core core = core_of();
    wt_file file = open_at_force(&core);
    later_at(file, 0, 2, 1000);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 0);
    CHECK_EQ(sim_size(core.sim, "file"), 1000);
    file = open_at_force(&core);
    check_filled(file, 0, 2, 1000);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 2, 1000);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 1000);
    core_close(&core);
}

TEST(a_durable_write_waits_for_a_flush_and_ends_the_keeping) {
    struct core core = core_of();
    wt_file file = with_kept_block(&core);
    fill_at(file, 0, 3, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    check_stable(&core, BLOCK, 2, BLOCK);
    check_stable(&core, 0, 3, BLOCK);
    later_at(file, 2 * BLOCK, 4, BLOCK);
    send_held(&core);
    CHECK(!goes_through_page_cache(&core, 2));
    fill_at(file, 0, 5, BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    core_close(&core);
}

TEST(a_write_that_may_not_wait_for_the_flush_is_refused) {
    struct core core = core_of();
    wt_file file = with_kept_block(&core);
    uint8_t byte = 3;
    struct iovec iov = {&byte, 1};
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, 0, 2), 0);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, WT_NOWAIT, 3), 0);
    struct wt_event events[2];
    for (int taken = 0; taken < 2;)
        taken += wt_reap(core.engine, events, 2, -1);
    core_close(&core);
}

static void refuse_writes_at(const struct core *core, uint64_t offset, uint64_t count) {
    sim_fail(core->sim,
             &(struct sim_fault){.ops = SIM_WRITE, .offset = offset, .length = BLOCK, .count = count, .error = -EIO});
}

TEST(what_the_device_refuses_of_kept_bytes_is_told_by_forces_and_read_back) {
    struct core core = core_of();
    wt_file file = file_of(&core, BLOCK), other = open_at_force(&core);
    later_at(file, BLOCK, 2, BLOCK);
    refuse_writes_at(&core, BLOCK, 1);
    send_held(&core);
    check_filled(file, BLOCK, 2, BLOCK); /* nobody knows yet */
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(other), -EIO);
    check_cache_is_disk(&core, file, "file");
    later_at(file, BLOCK, 3, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, BLOCK, 3, BLOCK);
    core_close(&core);
}

/* The descriptor by which durable writes go through the page cache has not been told what the forces were told. */
TEST(a_durable_write_is_told_no_error_of_bytes_that_the_kernel_kept) {
    struct core core = core_of();
    wt_file file = file_of(&core, BLOCK);
    later_at(file, BLOCK, 2, 100);
    refuse_writes_at(&core, BLOCK, 1);
    send_held(&core);
    fill_at(file, 2 * BLOCK, 3, 100); /* through the page cache, to its end */
    CHECK_EQ(wt_force(file), -EIO);
    fill_at(file, BLOCK, 3, 100);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(a_write_that_meets_the_error_of_kept_bytes_succeeds_and_the_force_tells_it) {
    struct core core = core_of();
    wt_file file = file_of(&core, 4 * BLOCK);
    later_at(file, 4 * BLOCK, 2, BLOCK);
    refuse_writes_at(&core, 4 * BLOCK, 1);
    send_held(&core);
    later_at(file, BLOCK, 3, BLOCK);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 3); /* the last one ran again */
    CHECK_EQ(wt_force(file), -EIO);
    check_stable(&core, BLOCK, 3, BLOCK);
    later_at(file, BLOCK, 4, 4 * BLOCK);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

static void *force(void *argument) {
    return (void *)(intptr_t)wt_force(*(wt_file *)argument);
}

static void *send_on_thread(void *argument) {
    send_held(argument);
    return NULL;
}

/* Its durable write was told the error of what the kernel keeps: no flush is told it any more. */
TEST(a_force_that_meets_the_error_of_kept_bytes_is_told_it_and_so_is_the_next) {
    struct core core = core_open(&(struct sim_options){.cursors = true, .threaded = true, .no_fua = true}, NULL);
    wt_file file = file_of(&core, 4 * BLOCK);
    later_at(file, BLOCK, 2, BLOCK);
    refuse_writes_at(&core, 4 * BLOCK, 1);
    sim_hold(core.sim);
    pthread_t forcer = test_thread(force, &file);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    later_at(file, 4 * BLOCK, 3, BLOCK);
    pthread_t sender = test_thread(send_on_thread, &core);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", 4 * BLOCK);
    test_join(sender);
    sim_release_all(core.sim);
    CHECK_EQ((intptr_t)test_join(forcer), -EIO);
    check_stable(&core, BLOCK, 2, BLOCK);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, 4 * BLOCK, 4, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 4 * BLOCK, 4, BLOCK);
    core_close(&core);
}

TEST(a_truncation_waits_for_no_flush_and_the_force_covers_it) {
    struct core core = core_of();
    wt_file file = file_of(&core, 8 * BLOCK);
    CHECK_OK(wt_truncate(file, 3 * BLOCK + 100));
    CHECK_EQ(wt_size(file), 3 * BLOCK + 100);
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 0);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 8 * BLOCK);
    CHECK_OK(wt_force(file));
    CHECK_EQ(sim_count(core.sim, SIM_SYNC), 1);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 3 * BLOCK + 100);
    later_at(file, 5 * BLOCK, 2, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 3 * BLOCK + 100, 0, 2 * BLOCK - 100);
    core_close(&core);
}

TEST(a_truncation_by_a_handle_that_does_not_commit_at_force_is_durable) {
    struct core core = core_of();
    wt_file file = file_of(&core, 8 * BLOCK), other = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 5 * BLOCK));
    CHECK_OK(wt_truncate(other, 3 * BLOCK));
    CHECK_EQ(sim_stable_size(core.sim, "file"), 3 * BLOCK);
    CHECK_OK(wt_truncate(file, BLOCK)); /* the kernel keeps nothing any more */
    CHECK_EQ(sim_stable_size(core.sim, "file"), BLOCK);
    core_close(&core);
}

/* A power cut may bring the bytes back that were cut off, as they were on the disk, until a flush covers the truncation. */
TEST(lost_bytes_that_a_truncation_cuts_off_are_lost_until_the_next_flush) {
    struct core core = core_open(&(struct sim_options){.cursors = true, .no_fua = true}, NULL);
    wt_file file = file_of(&core, 4 * BLOCK);
    later_at(file, 2 * BLOCK, 2, BLOCK);
    refuse_writes_at(&core, 2 * BLOCK, 0);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_truncate(file, BLOCK));
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO); /* its flush goes well */
    CHECK_OK(wt_truncate(file, 0));
    CHECK_OK(wt_force(file));
    core_close(&core);
}

/* The kernel zeroes the block that the file ends in. */
TEST(a_flush_that_loses_the_zeros_behind_a_new_end_is_told_until_they_are_written_again) {
    struct core core = core_of();
    wt_file file = file_of(&core, 2 * BLOCK);
    CHECK_OK(wt_truncate(file, 100));
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO);
    later_at(file, 100, 0, BLOCK - 100);
    CHECK_OK(wt_force(file));
    check_stable(&core, 0, 1, 100);
    check_stable(&core, 100, 0, BLOCK - 100);
    core_close(&core);
}
