// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What others do to a file behind the engine's back, and when that is noticed. */
#include <errno.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096 };

static uint8_t bytes[64 * BLOCK];

/* A file of 20 blocks of which only the first is cached. */
static wt_file cold_file(struct core *core) {
    wt_file file = core_file(core, "file");
    fill_at(file, 0, 1, 20 * BLOCK);
    core_reopen(core);
    file = core_file(core, "file");
    check_filled(file, 0, 1, BLOCK);
    return file;
}

static void check_lost(const struct core *core, wt_file file) {
    wt_file other = 0;
    uint64_t offset = 0;
    struct iovec iov = {bytes, 10};
    CHECK_EQ(read_at(file, 0, bytes, 10), -ESTALE);
    CHECK_EQ(write_at(file, 0, bytes, 10), -ESTALE);
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_APPEND, NULL), -ESTALE);
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, 0, 1), -ESTALE);
    CHECK_EQ(wt_fetch_submit(file, 0, 10, 0, 1), -ESTALE);
    CHECK_EQ(wt_truncate(file, 0), -ESTALE);
    CHECK_EQ(wt_allocate(file, 0, 10), -ESTALE);
    CHECK_EQ(wt_punch_hole(file, 0, 10), -ESTALE);
    CHECK_EQ(wt_sync(file), -ESTALE);
    CHECK_EQ(wt_file_open(core->engine, "file", WT_OPEN_READ, 0, 0, &other), -ESTALE);
}

static void check_open_again(const struct core *core, wt_file file, uint64_t size) {
    CHECK_OK(wt_file_close(file));
    file = core_file(core, "file");
    CHECK_EQ(wt_size(file), size);
    check_filled(file, 0, 1, (size_t)size);
    fill_at(file, size, 1, 10);
}

TEST(a_read_of_what_was_cut_off_tells_and_brings_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    sim_cut_behind(core.sim, "file", 5 * BLOCK);
    CHECK_EQ(read_at(file, 4 * BLOCK, bytes, 10 * BLOCK), -ESTALE);
    check_lost(&core, file);
    check_open_again(&core, file, 5 * BLOCK);
    core_close(&core);
}

TEST(a_fetch_of_what_was_cut_off_tells) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    sim_cut_behind(core.sim, "file", 5 * BLOCK);
    CHECK_OK(wt_fetch_submit(file, 4 * BLOCK, 10 * BLOCK, 0, 7));
    struct wt_event event;
    CHECK_EQ(wt_reap(core.engine, &event, 1, INT64_C(20000000000)), 1);
    CHECK_EQ(event.result, -ESTALE);
    check_lost(&core, file);
    core_close(&core);
}

TEST(a_write_to_a_part_of_a_block_that_is_cut_off_while_it_is_read_tells) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    struct iovec iov = {bytes, 50};
    CHECK_OK(wt_write_submit(file, &iov, 1, 10 * BLOCK + 100, WT_DURABILITY_FILE, 0, 7));
    sim_cut_behind(core.sim, "file", 5 * BLOCK);
    struct wt_event event;
    CHECK_EQ(wt_reap(core.engine, &event, 1, INT64_C(20000000000)), 1);
    CHECK_EQ(event.result, -ESTALE);
    CHECK_EQ(event.stable_bytes, 0);
    check_lost(&core, file);
    core_close(&core);
}

TEST(a_sync_notices_a_cut) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    CHECK_OK(wt_sync(file));
    sim_cut_behind(core.sim, "file", 20 * BLOCK - 1);
    CHECK_EQ(wt_sync(file), -ESTALE);
    check_lost(&core, file);
    check_open_again(&core, file, 20 * BLOCK - 1);
    core_close(&core);
}

TEST(a_second_open_notices_a_cut) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    wt_file other = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &other));
    sim_cut_behind(core.sim, "file", BLOCK);
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &other), -ESTALE);
    CHECK_EQ(core_stats(&core).open_files, 2);
    check_lost(&core, file);
    core_close(&core);
}

TEST(the_first_write_and_the_first_append_of_a_second_notice_a_cut) {
    for (unsigned append = 0; append < 2; append++) {
        struct core core = core_open(&(struct sim_options){.buffered = append == 1}, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 20 * BLOCK);
        core_reopen(&core);
        file = core_file(&core, "file");
        sim_cut_behind(core.sim, "file", BLOCK);
        uint64_t offset = 0;
        struct iovec iov = {bytes, 10};
        CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, append ? WT_APPEND : 0, NULL), -ESTALE);
        CHECK_EQ(sim_size(core.sim, "file"), BLOCK);
        core_close(&core);
    }
}

TEST(a_file_without_a_name_is_used_on_unless_it_was_to_keep_one) {
    for (unsigned named = 0; named < 2; named++) {
        struct core core = core_open(NULL, NULL);
        wt_file file = cold_file(&core), other = 0;
        if (named)
            CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ | WT_OPEN_NAMED, 0, 0, &other));
        CHECK_OK(wt_sync(file));
        sim_unlink_behind(core.sim, "file");
        CHECK_EQ(wt_sync(file), named ? -ESTALE : 0);
        if (named) {
            check_lost(&core, file);
        } else {
            fill_at(file, 5 * BLOCK, 2, BLOCK);
            check_filled(file, 5 * BLOCK, 2, BLOCK);
            check_filled(file, 6 * BLOCK, 1, BLOCK);
        }
        core_close(&core);
    }
}

TEST(a_cached_read_makes_no_call) {
    struct core core = core_open(NULL, NULL);
    wt_file file = cold_file(&core);
    sim_cut_behind(core.sim, "file", 0);
    check_filled(file, 0, 1, BLOCK); /* documented: nobody looks */
    core_close(&core);
}
