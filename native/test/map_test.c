// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Files that are mapped for writing: see io/mapped.h and "Mapped for writing" in DESIGN.md. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "core.h"

enum { BLOCK = 4096, FOLIO = 64 * BLOCK };

static struct core core_of(void) {
    return core_open(&(struct sim_options){.cursors = true}, NULL);
}

static wt_mapping map(wt_file file, uint64_t end, int first) {
    wt_mapping mapping = 0;
    CHECK_EQ(wt_mapping_begin(file, 0, end, &mapping), first);
    CHECK(mapping != 0);
    return mapping;
}

static void store_at(const struct core *core, uint64_t offset, int value, size_t length) {
    uint8_t bytes[16 * BLOCK];
    memset(bytes, value, length);
    CHECK(sim_store(core->sim, "file", offset, bytes, length));
}

static int64_t later_at(wt_file file, uint64_t offset, int value, size_t length) {
    uint8_t bytes[BLOCK];
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    return wt_write_with(file, &iov, 1, &offset, 0, WT_LATER, NULL);
}

/* A file of 16 blocks of ones, cached, and mapped. */
static wt_file mapped_file(const struct core *core, wt_mapping *mapping) {
    wt_file file = core_file(core, "file");
    fill_at(file, 0, 1, 16 * BLOCK);
    *mapping = map(file, 0, 1);
    sim_clear_log(core->sim);
    return file;
}

static bool goes_through_page_cache(const struct core *core, unsigned op, size_t number) {
    return sim_record(core->sim, op, number).through_page_cache;
}

TEST(a_read_sees_what_was_stored_and_the_mapping_what_was_written_at_once) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping), other = core_file(&core, "file");
    store_at(&core, 100, 2, 5000);
    check_filled(file, 0, 1, 100);
    check_filled(other, 100, 2, 5000);
    check_filled(file, 5100, 1, BLOCK);
    fill_at(other, 200, 3, 50);
    uint8_t seen[300];
    sim_peek(core.sim, "file", 0, seen, sizeof seen);
    CHECK(seen[99] == 1 && seen[100] == 2 && seen[200] == 3 && seen[249] == 3 && seen[250] == 2);
    CHECK(goes_through_page_cache(&core, SIM_WRITE, 0));
    CHECK_EQ(sim_bytes(core.sim, SIM_WRITE), 50);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(a_write_to_a_mapped_file_is_durable_and_a_store_is_after_a_force) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    fill_at(file, BLOCK, 2, BLOCK);
    check_stable(&core, BLOCK, 2, BLOCK);
    CHECK_OK(wt_force(file));
    store_at(&core, 3 * BLOCK, 3, BLOCK);
    check_stable(&core, 3 * BLOCK, 1, BLOCK);
    CHECK_OK(wt_force(file));
    check_stable(&core, 3 * BLOCK, 3, BLOCK);
    store_at(&core, 3 * BLOCK, 4, BLOCK);
    CHECK_OK(wt_sync(file));
    check_stable(&core, 3 * BLOCK, 4, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(after_the_last_mapping_the_file_goes_back_to_direct_io_and_its_stores_are_stable) {
    struct core core = core_of();
    wt_mapping first, second;
    wt_file file = mapped_file(&core, &first);
    second = map(file, 0, 0);
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(file, &profile));
    CHECK_EQ(profile.path, WT_PATH_BUFFERED);
    CHECK_EQ(core_stats(&core).mapped_files, 1);
    CHECK_OK(wt_mapping_end(first));
    CHECK_EQ(wt_mapping_end(first), -EBADF);
    CHECK_EQ(core_stats(&core).mapped_files, 1);
    store_at(&core, BLOCK, 2, BLOCK);
    fill_at(file, 0, 2, BLOCK);
    CHECK(goes_through_page_cache(&core, SIM_WRITE, 0));
    CHECK_OK(wt_mapping_end(second));
    CHECK_EQ(core_stats(&core).mapped_files, 0);
    sim_clear_log(core.sim);
    check_filled(file, 0, 2, 2 * BLOCK);
    CHECK(!goes_through_page_cache(&core, SIM_READ, 0));
    check_stable(&core, BLOCK, 2, BLOCK);
    fill_at(file, 2 * BLOCK, 3, BLOCK);
    CHECK(!goes_through_page_cache(&core, SIM_WRITE, 0));
    CHECK_OK(wt_file_profile(file, &profile));
    CHECK_EQ(profile.path, WT_PATH_DIRECT);
    second = map(file, 0, 1); /* and again */
    store_at(&core, 0, 4, BLOCK);
    check_filled(file, 0, 4, BLOCK);
    CHECK_OK(wt_mapping_end(second));
    core_close(&core);
}

TEST(the_length_of_all_mappings_of_open_files_is_told) {
    struct core core = core_of();
    wt_mapping mappings[3];
    wt_file file = mapped_file(&core, &mappings[0]);
    uint64_t first = core_stats(&core).mapped_bytes;
    CHECK_EQ(wt_mapping_begin(file, BLOCK, 2 * BLOCK + 1, &mappings[1]), 0);
    CHECK_EQ(core_stats(&core).mapped_bytes, first + 2 * BLOCK + 1);
    wt_file other = core_file(&core, "other");
    mappings[2] = map(other, 7 * BLOCK, 1);
    CHECK_EQ(core_stats(&core).mapped_bytes, first + 9 * BLOCK + 1);
    CHECK_EQ(core_stats(&core).mapped_files, 2);
    CHECK_OK(wt_mapping_end(mappings[1]));
    CHECK_EQ(core_stats(&core).mapped_bytes, first + 7 * BLOCK);
    CHECK_OK(wt_file_close(other));
    CHECK_EQ(core_stats(&core).mapped_bytes, first); /* as it counts no file that is closed */
    CHECK_OK(wt_mapping_end(mappings[2]));
    CHECK_OK(wt_mapping_end(mappings[0]));
    CHECK_EQ(core_stats(&core).mapped_bytes, 0);
    core_close(&core);
}

TEST(a_file_that_is_closed_and_opened_again_is_mapped_still) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(core_stats(&core).mapped_files, 0);
    store_at(&core, 0, 2, BLOCK);
    file = core_file(&core, "file");
    CHECK_EQ(core_stats(&core).mapped_files, 1);
    check_filled(file, 0, 2, BLOCK);
    store_at(&core, 0, 3, BLOCK);
    check_filled(file, 0, 3, BLOCK);
    core_reopen(&core); /* another engine */
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &file));
    store_at(&core, 0, 4, BLOCK);
    check_filled(file, 0, 4, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    check_filled(file, 0, 4, BLOCK);
    core_close(&core);
}

TEST(a_mapping_makes_the_file_as_long_as_it_is_and_shows_no_zeros_ahead) {
    struct core core = core_of();
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_file_grow_ahead(file, 64 * BLOCK));
    fill_at(file, 0, 1, BLOCK + 100);
    CHECK(sim_size(core.sim, "file") > BLOCK + 100);
    wt_mapping mapping = map(file, BLOCK, 1);
    CHECK_EQ(sim_size(core.sim, "file"), BLOCK + 100);
    CHECK_EQ(wt_size(file), BLOCK + 100);
    fill_at(file, 2 * BLOCK, 1, 10);
    CHECK_EQ(sim_size(core.sim, "file"), 2 * BLOCK + 10); /* nor does the file grow ahead meanwhile */
    wt_mapping longer = map(file, 10 * BLOCK, 0);
    CHECK_EQ(wt_size(file), 10 * BLOCK);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 10 * BLOCK);
    check_filled(file, 2 * BLOCK + 10, 0, 7 * BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    CHECK_OK(wt_mapping_end(longer));
    fill_at(file, 10 * BLOCK, 1, BLOCK);
    CHECK_EQ(sim_size(core.sim, "file"), 75 * BLOCK); /* but then it does again */
    core_close(&core);
}

/* The zeros of an allocation let a write to a part of a block do without a read: not once something was stored there. */
TEST(zeros_that_were_known_are_so_no_more_once_the_file_was_mapped) {
    struct core core = core_of();
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_allocate(file, 0, 16 * BLOCK));
    wt_mapping mapping = map(file, 0, 1);
    store_at(&core, BLOCK, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    fill_at(file, BLOCK + 8, 3, 8);
    check_filled(file, BLOCK, 2, 8);
    check_filled(file, BLOCK + 8, 3, 8);
    check_filled(file, BLOCK + 16, 2, BLOCK - 16);
    core_close(&core);
}

TEST(an_allocation_of_a_mapped_file_reserves_space_and_writes_nothing) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_OK(wt_punch_hole(file, 0, 8 * BLOCK));
    CHECK_OK(wt_allocate(file, 0, 32 * BLOCK));
    CHECK_EQ(wt_size(file), 32 * BLOCK);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 32 * BLOCK);
    CHECK_EQ(sim_state_at(core.sim, "file", 0), SIM_UNWRITTEN);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE | SIM_WRITE_ZEROES | SIM_FIND_HOLE), 0);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
    core = core_open(&(struct sim_options){.no_reserve = true}, NULL);
    file = mapped_file(&core, &mapping);
    CHECK_OK(wt_allocate(file, 0, 32 * BLOCK));
    CHECK_EQ(wt_size(file), 32 * BLOCK);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

/* A block that is read, changed in part and written back would undo what is stored there meanwhile. */
TEST(a_hole_in_a_mapped_file_changes_its_own_bytes_alone) {
    for (int without = 0; without < 2; without++) {
        struct core core = core_open(&(struct sim_options){.no_deallocate = without}, NULL);
        wt_mapping mapping;
        wt_file file = mapped_file(&core, &mapping);
        CHECK_OK(wt_punch_hole(file, 100, 2 * BLOCK));
        CHECK_OK(wt_zero(file, 4 * BLOCK + 10, 20));
        CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
        CHECK(without == 0 || sim_bytes(core.sim, SIM_WRITE) == 2 * BLOCK + 20);
        check_filled(file, 0, 1, 100);
        check_filled(file, 100, 0, 2 * BLOCK);
        check_filled(file, 100 + 2 * BLOCK, 1, BLOCK);
        check_filled(file, 4 * BLOCK + 10, 0, 20);
        check_filled(file, 4 * BLOCK + 30, 1, BLOCK);
        CHECK_OK(wt_mapping_end(mapping));
        core_close(&core);
    }
}

TEST(what_cannot_be_done_to_a_mapped_file_is_told) {
    struct core core = core_open(&(struct sim_options){.atomic_bytes = 4 * BLOCK}, NULL);
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    static uint8_t bytes[BLOCK];
    struct iovec iov = {bytes, BLOCK};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), -EOPNOTSUPP);
    CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, WT_ATOMIC, 1), -EOPNOTSUPP);
    check_filled(file, 0, 1, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_ATOMIC, NULL), BLOCK);
    CHECK_EQ(wt_mapping_begin(file, 0, 0, NULL), -EINVAL);
    CHECK_EQ(wt_mapping_begin(file, 0, UINT64_MAX, &mapping), -EINVAL);
    CHECK_EQ(wt_mapping_begin(file + 1, 0, 0, &mapping), -EBADF);
    wt_file reader;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    CHECK_EQ(wt_mapping_begin(reader, 0, 0, &mapping), -EBADF);
    CHECK_EQ(wt_mapping_end(0), -EBADF);
    core_close(&core);
}

TEST(the_cache_keeps_nothing_of_a_mapped_file_and_a_read_in_advance_brings_nothing) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_EQ(core_stats(&core).cached_bytes, 0);
    for (uint64_t at = 0; at < 16 * BLOCK; at += BLOCK) {
        check_filled(file, at, 1, BLOCK);
    }
    CHECK_OK(wt_fetch_submit(file, 0, 16 * BLOCK, 0, 1));
    struct wt_event event;
    CHECK_EQ(wt_reap(core.engine, &event, 1, 0), 1);
    CHECK_EQ(event.result, 16 * BLOCK);
    CHECK_EQ(core_stats(&core).cached_bytes, 0);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(later_writes_reach_the_mapping_before_it_begins_and_while_it_lasts) {
    struct core core = core_of();
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 16 * BLOCK);
    CHECK_EQ(later_at(file, BLOCK, 2, BLOCK), BLOCK);
    wt_mapping mapping = map(file, 0, 1);
    uint8_t seen = 0;
    sim_peek(core.sim, "file", BLOCK, &seen, 1);
    CHECK_EQ(seen, 2);
    CHECK_EQ(later_at(file, 2 * BLOCK, 3, 100), 100);
    sim_peek(core.sim, "file", 2 * BLOCK, &seen, 1);
    CHECK_EQ(seen, 3);
    CHECK_OK(wt_force(file));
    check_stable(&core, 2 * BLOCK, 3, 100);
    check_stable(&core, BLOCK, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(appends_and_submitted_writes_to_a_mapped_file_are_done_when_they_are_submitted) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    static uint8_t bytes[BLOCK];
    memset(bytes, 5, BLOCK);
    struct iovec iov = {bytes, 100};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_APPEND, NULL), 100);
    CHECK_EQ(offset, 16 * BLOCK);
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, WT_APPEND, 7));
    struct wt_event event;
    CHECK_EQ(wt_reap(core.engine, &event, 1, 0), 1);
    CHECK(event.token == 7 && event.result == 100 && event.offset == 16 * BLOCK + 100);
    check_stable(&core, 16 * BLOCK, 5, 200);
    CHECK_OK(wt_mapping_end(mapping));
    fill_at(file, 16 * BLOCK + 200, 6, 10);
    check_filled(file, 16 * BLOCK, 5, 200);
    core_close(&core);
}

TEST(a_mapped_file_is_cut_and_grows) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    store_at(&core, 0, 2, 16 * BLOCK);
    CHECK_OK(wt_truncate(file, BLOCK + 10));
    CHECK_OK(wt_truncate(file, 4 * BLOCK));
    check_filled(file, 0, 2, BLOCK + 10);
    check_filled(file, BLOCK + 10, 0, 3 * BLOCK - 10);
    store_at(&core, 2 * BLOCK, 3, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    check_filled(file, 2 * BLOCK, 3, BLOCK);
    CHECK_EQ(wt_size(file), 4 * BLOCK);
    core_close(&core);
}

/* ---- errors -------------------------------------------------------------------------------------------------------- */

TEST(a_write_is_not_told_the_error_of_what_was_stored_and_a_force_is) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_OK(wt_force(file));
    store_at(&core, 0, 2, BLOCK);
    sim_fail_stores(core.sim, "file", -EIO);
    fill_at(file, BLOCK, 3, BLOCK);
    check_stable(&core, BLOCK, 3, BLOCK);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO); /* see a_failed_force_of_a_mapped_file_is_told_again */
    CHECK_OK(wt_force(file));
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(a_write_that_is_refused_is_told_its_error_and_the_next_force_is_told_that_of_stores) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EIO});
    static uint8_t bytes[BLOCK];
    CHECK_EQ(write_at(file, 0, bytes, BLOCK), -EIO);
    sim_heal(core.sim);
    CHECK_EQ(wt_force(file), -EIO); /* the kernel does not say whose it was */
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_force(file));
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(stores_that_are_lost_after_the_last_mapping_are_told_to_the_next_force) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    store_at(&core, 0, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    sim_fail_stores(core.sim, "file", -EIO);
    check_filled(file, 4 * BLOCK, 1, BLOCK);
    CHECK_EQ(core_stats(&core).mapped_files, 0);
    fill_at(file, BLOCK, 3, BLOCK);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

/* Within a block, so through the page cache: its descriptor is told each error of the file. */
static void append_durably(wt_file file) {
    uint64_t end = 0;
    CHECK_EQ(wt_write_with(file, &(struct iovec){"abc", 3}, 1, &end, WT_DURABILITY_DSYNC, WT_APPEND, NULL), 3);
}

TEST(a_durable_write_after_the_last_mapping_is_not_told_the_error_of_stores) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    store_at(&core, 0, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    sim_fail_stores(core.sim, "file", -EIO);
    append_durably(file);
    append_durably(file);
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_force(file));
    core_close(&core);
}

TEST(a_durable_write_after_the_file_was_opened_again_is_not_told_the_error_of_stores_and_a_force_is) {
    for (int ends_first = 0; ends_first < 2; ends_first++) {
        struct core core = core_of();
        wt_mapping mapping;
        wt_file file = mapped_file(&core, &mapping);
        store_at(&core, 0, 2, BLOCK);
        if (ends_first)
            CHECK_OK(wt_mapping_end(mapping));
        CHECK_OK(wt_file_close(file));
        if (!ends_first)
            CHECK_OK(wt_mapping_end(mapping));
        sim_fail_stores(core.sim, "file", -EIO);
        file = core_file(&core, "file");
        append_durably(file);
        append_durably(file);
        CHECK_EQ(wt_force(file), -EIO);
        CHECK_OK(wt_force(file));
        CHECK_EQ(core_stats(&core).mapped_files, 0);
        CHECK_OK(wt_file_close(file));
        file = core_file(&core, "file");
        sim_clear_log(core.sim);
        fill_at(file, 0, 3, BLOCK);
        CHECK(!goes_through_page_cache(&core, SIM_WRITE, 0));
        CHECK_EQ(sim_count(core.sim, SIM_SYNC | SIM_FLUSH), 0); /* nothing is left of it */
        core_close(&core);
    }
}

TEST(an_empty_file_with_the_number_of_one_that_was_mapped_is_not_mapped) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    store_at(&core, 0, 2, BLOCK);
    CHECK_OK(wt_file_close(file));
    CHECK_OK(wt_mapping_end(mapping));
    sim_cut_behind(core.sim, "file", 0);
    file = core_file(&core, "file");
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(file, &profile));
    CHECK_EQ(profile.path, WT_PATH_DIRECT);
    core_close(&core);
}

TEST(files_that_were_closed_with_stores_are_remembered_up_to_a_number) {
    enum { FILES = 1100 };
    struct core core = core_of();
    char name[16];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "f%d", i);
        wt_file file = core_file(&core, name);
        wt_mapping mapping = map(file, BLOCK, 1);
        CHECK_OK(wt_file_close(file));
        CHECK_OK(wt_mapping_end(mapping));
    }
    static const int again[] = {FILES - 1, FILES / 2, FILES - 1024, FILES - 1};
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "f%d", again[i]);
        wt_file file = core_file(&core, name);
        sim_clear_log(core.sim);
        fill_at(file, 0, 3, BLOCK);
        CHECK_EQ(sim_count(core.sim, SIM_SYNC) > 0, i < 3); /* the first time, of what was stored */
        CHECK_OK(wt_file_close(file));
    }
    core_close(&core);
}

TEST(the_next_mapping_leaves_the_error_of_stores_to_the_next_force) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    store_at(&core, 0, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    sim_fail_stores(core.sim, "file", -EIO);
    check_filled(file, 4 * BLOCK, 1, BLOCK); /* flushes what was stored */
    mapping = map(file, 0, 1);
    CHECK_OK(wt_file_begin_mapping(file));
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

static void fail_flush_of_other_file(const struct core *core) {
    wt_file other = core_file(core, "other");
    sim_fail(core->sim, &(struct sim_fault){.ops = SIM_SYNC, .path = "other", .error = -EIO});
    CHECK_EQ(wt_sync(other), -EIO);
    sim_heal(core->sim);
    CHECK_OK(wt_file_close(other));
}

/* The failed flush of another file has lost what the disk had in its cache of what was stored. */
TEST(a_force_tells_that_a_flush_of_the_disk_has_failed_since_bytes_were_stored) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    for (int round = 0; round < 3; round++) {
        if (round > 0) {
            CHECK_OK(wt_force(file));
        }
        store_at(&core, 0, 2 + round, BLOCK);
        fail_flush_of_other_file(&core);
        CHECK_EQ(round == 0 ? wt_sync(file) : wt_force(file), -EIO);
    }
    CHECK_OK(wt_force(file));
    fail_flush_of_other_file(&core);
    CHECK_OK(wt_file_close(file)); /* the mapping outlives it */
    file = core_file(&core, "file");
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_OK(wt_force(file));
    fail_flush_of_other_file(&core);
    CHECK_OK(wt_mapping_end(mapping));
    check_filled(file, 4 * BLOCK, 1, BLOCK); /* flushes what was stored */
    CHECK_EQ(wt_force(file), -EIO);
    fail_flush_of_other_file(&core);
    CHECK_OK(wt_force(file)); /* nothing is stored any more */
    core_close(&core);
}

TEST(a_failed_force_of_a_mapped_file_is_told_again) {
    struct core core = core_of();
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_OK(wt_force(file));
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
    CHECK_EQ(wt_force(file), -EIO);
    CHECK_EQ(wt_force(file), -EIO); /* a program may have stored while that flush was under way */
    CHECK_OK(wt_force(file));
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

/* As of a later write that the cache holds: see later_test. */
TEST(bytes_of_a_later_write_that_a_flush_has_lost_are_told_by_each_force_until_they_are_written_again) {
    enum { FOR_READING, FOR_WRITING, FOR_WRITING_AND_LOST_BY_THE_FORCE, KINDS };
    for (int kind = 0; kind < KINDS; kind++) {
        CONTEXT("kind %d", kind);
        struct core core = core_of();
        wt_mapping mapping = 0;
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 16 * BLOCK);
        if (kind == FOR_READING) {
            CHECK_OK(wt_file_begin_mapping(file));
        } else {
            mapping = map(file, 0, 1);
        }
        CHECK_OK(wt_force(file));
        CHECK_EQ(later_at(file, BLOCK, 2, BLOCK), BLOCK);
        if (kind == FOR_WRITING_AND_LOST_BY_THE_FORCE) {
            sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
        } else {
            fail_flush_of_other_file(&core);
        }
        wt_file other = core_file(&core, "file");
        for (int i = 0; i < 4; i++) {
            CHECK_EQ(wt_force(i % 2 == 0 ? file : other), -EIO);
        }
        fill_at(file, BLOCK, 3, BLOCK);
        CHECK_OK(wt_force(file));
        CHECK_OK(wt_force(other));
        check_stable(&core, BLOCK, 3, BLOCK);
        CHECK(mapping == 0 || wt_mapping_end(mapping) == 0);
        core_close(&core);
    }
}

/* A file whose last mapping ended while the file was closed: nobody has flushed what was stored. */
static wt_file dirty_file(const struct core *core) {
    wt_mapping mapping;
    wt_file file = mapped_file(core, &mapping);
    CHECK_OK(wt_truncate(file, 8 * BLOCK));
    CHECK_OK(wt_punch_hole(file, BLOCK, 6 * BLOCK));
    CHECK_OK(wt_file_close(file));
    store_at(core, 0, 2, BLOCK);
    CHECK_OK(wt_mapping_end(mapping));
    return core_file(core, "file");
}

TEST(growth_and_filling_leave_the_error_of_stores_to_the_next_force) {
    for (int filling = 0; filling < 2; filling++) {
        for (int device_cache = 0; device_cache < 2; device_cache++) {
            struct core core = core_open(&(struct sim_options){.no_device_cache = !device_cache}, NULL);
            wt_file file = dirty_file(&core);
            CHECK_OK(wt_file_grow_ahead(file, 16 * BLOCK));
            sim_clear_log(core.sim);
            sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SYNC, .count = 1, .error = -EIO});
            fill_at(file, filling ? 0 : 8 * BLOCK, 1, BLOCK);
            CHECK_EQ(sim_count(core.sim, SIM_RESERVE), 1);
            CHECK_EQ(sim_failures(core.sim), 1);
            CHECK_EQ(wt_force(file), -EIO);
            CHECK_OK(wt_force(file));
            core_close(&core);
        }
    }
}

TEST(a_call_that_flushes_a_mapped_file_is_told_an_error_and_so_is_the_next_force) {
    for (int call = 0; call < 5; call++) {
        struct core core = core_of();
        wt_mapping mapping;
        wt_file file = mapped_file(&core, &mapping);
        sim_fail_stores(core.sim, "file", -EIO);
        int rc = call == 0   ? wt_truncate(file, BLOCK)
                 : call == 1 ? wt_truncate(file, 16 * BLOCK)
                 : call == 2 ? wt_allocate(file, 0, 20 * BLOCK)
                 : call == 3 ? wt_punch_hole(file, 0, BLOCK)
                             : wt_mapping_begin(file, 0, 20 * BLOCK, &(wt_mapping){0});
        CHECK_EQ(rc, -EIO);
        CHECK_EQ(wt_force(file), -EIO);
        CHECK_OK(wt_mapping_end(mapping));
        core_close(&core);
    }
}

/* ---- with others ------------------------------------------------------------------------------------------------- */

static void *map_it(void *argument) {
    wt_mapping mapping = map(*(wt_file *)argument, 0, 1);
    return (void *)(uintptr_t)mapping;
}

TEST(a_mapping_waits_for_what_is_in_flight) {
    struct core core = core_open(&(struct sim_options){.threaded = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    static uint8_t bytes[BLOCK] = {7};
    struct iovec iov = {bytes, BLOCK};
    sim_hold(core.sim);
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, 0, 1));
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    pthread_t mapper = test_thread(map_it, &file);
    let_others_run();
    CHECK_EQ(pthread_tryjoin_np(mapper, NULL), EBUSY);
    sim_release_all(core.sim);
    wt_mapping mapping = (uintptr_t)test_join(mapper);
    CHECK_EQ(byte_of(file, 0), 7);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

static void *fill_block(void *argument) {
    fill_at(*(wt_file *)argument, 0, 2, BLOCK);
    return NULL;
}

static int64_t read_cached_at(wt_file file, uint64_t offset) {
    uint8_t byte;
    struct iovec iov = {&byte, 1};
    return wt_read_cached(file, &iov, 1, offset);
}

TEST(a_read_of_cached_bytes_does_not_wait_for_the_way_back_to_direct_io) {
    struct core core = core_open(&(struct sim_options){.threaded = true}, NULL);
    wt_mapping mapping;
    wt_file file = mapped_file(&core, &mapping);
    CHECK_EQ(read_cached_at(file, BLOCK), 1);
    sim_hold(core.sim);
    pthread_t writer = test_thread(fill_block, &file);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    CHECK_OK(wt_mapping_end(mapping));
    CHECK_EQ(read_cached_at(file, BLOCK), -EAGAIN); /* the way back waits for the write */
    sim_release_all(core.sim);
    test_join(writer);
    CHECK_EQ(read_cached_at(file, BLOCK), -EAGAIN);
    check_filled(file, BLOCK, 1, BLOCK);
    CHECK_EQ(read_cached_at(file, BLOCK), 1);
    core_close(&core);
}

struct user {
    const struct core *core;
    wt_file file;
    atomic_bool *stop;
    uint64_t offset;
};

/* Writes and reads its own blocks, by turns; each read has to see the write before. */
static void *write_and_read(void *argument) {
    struct user *user = argument;
    for (int i = 1; !atomic_load(user->stop); i = i % 250 + 1) {
        fill_at(user->file, user->offset, i, 3 * BLOCK / 2);
        check_filled(user->file, user->offset, i, 3 * BLOCK / 2);
        if (i % 3 == 0) {
            CHECK_EQ(later_at(user->file, user->offset, i + 1, BLOCK), BLOCK);
            check_filled(user->file, user->offset, i + 1, BLOCK);
        }
    }
    return NULL;
}

TEST(a_file_is_mapped_and_back_among_the_io_of_others) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .shuffle = true}, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_file_grow_ahead(file, 16 * BLOCK));
    fill_at(file, 0, 1, 64 * BLOCK);
    atomic_bool stop = false;
    struct user users[3];
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; i++) {
        users[i] = (struct user){&core, file, &stop, (8 + 8 * i) * BLOCK};
        threads[i] = test_thread(write_and_read, &users[i]);
    }
    for (int i = 1; i <= 60; i++) {
        wt_mapping mapping = map(file, 0, 1);
        store_at(&core, 0, i, BLOCK);
        check_filled(file, 0, i, BLOCK);
        store_at(&core, BLOCK, i, BLOCK);
        CHECK_OK(wt_mapping_end(mapping));
        check_filled(file, BLOCK, i, BLOCK);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < 3; i++) {
        test_join(threads[i]);
    }
    core_close(&core);
}

/* ---- power cuts -------------------------------------------------------------------------------------------------- */

/* What was acknowledged of writes, forces and the way back: 0 nothing, else the value that is stable at least. */
static void run_until_cut(const struct core *core, wt_file file, int *forced, int *written, int *ended) {
    for (int i = 2; i < 6 && !sim_is_cut(core->sim); i++) {
        static uint8_t bytes[BLOCK];
        wt_mapping mapping = 0;
        if (wt_mapping_begin(file, 0, 0, &mapping) < 0) {
            return;
        }
        store_at(core, 0, i, BLOCK);
        if (wt_force(file) == 0) {
            *forced = i;
        }
        memset(bytes, i, BLOCK);
        if (write_at(file, BLOCK, bytes, BLOCK) == BLOCK) {
            *written = i;
        }
        store_at(core, 2 * BLOCK, i, BLOCK);
        CHECK_OK(wt_mapping_end(mapping));
        if (write_at(file, 3 * BLOCK, bytes, BLOCK) == BLOCK && wt_force(file) == 0) {
            *ended = i;
        }
    }
}

TEST(invariant_1_no_power_cut_takes_what_a_mapped_file_acknowledged) {
    bool was_cut = true;
    for (uint64_t event = 1; was_cut; event += test_step()) {
        struct core core = core_open(&(struct sim_options){.seed = event}, NULL);
        wt_file file = core_file(&core, "file");
        int forced = 1, written = 1, ended = 1;
        fill_at(file, 0, 1, 16 * BLOCK);
        CONTEXT("power is cut at event %d", (int)event);
        sim_power_cut_at(core.sim, event, SIM_LOSE_ALL, event);
        run_until_cut(&core, file, &forced, &written, &ended);
        was_cut = sim_is_cut(core.sim);
        uint8_t found[4 * BLOCK];
        sim_peek_stable(core.sim, "file", 0, found, sizeof found);
        CHECK(found[0] >= forced && found[BLOCK] >= written && found[2 * BLOCK] >= ended && found[3 * BLOCK] >= ended);
        core_restart(&core);
        core_close(&core);
    }
}
