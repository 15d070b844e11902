// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Programs of several callers on the simulated disk, in seeded order, and the power cut at every event of every run: a million
 * cuts in all. Each theme is a test. Environment: WT_SEED the first seed; WT_TEST_SCALE multiplies the cuts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "sim_run.h"
#include "sim_tasks.h"
#include "test.h"
#include "write/writeback.h"

/* Sanitizers take their time, and look for what needs fewer cuts to be seen. */
#if defined(__SANITIZE_THREAD__)
enum { FEWER = 20 };
#elif defined(__SANITIZE_ADDRESS__)
enum { FEWER = 10 };
#elif defined(WT_MUTANTS)
enum { FEWER = 2 };
#else
enum { FEWER = 1 };
#endif

static struct sim_tally cut_often(enum sim_theme theme, uint64_t cuts) {
    struct sim_tally tally = {0};
    sim_run_many(theme, test_seed(), test_scaled(cuts) / FEWER, 0, &tally);
    printf("    %" PRIu64 " power cuts at %" PRIu64 " events of %" PRIu64 " programs with %" PRIu64
           " operations; %" PRIu64 " disks were gone on with\n",
           tally.cuts, tally.events, tally.programs, tally.operations, tally.reopened);
    CHECK(tally.programs > 0 && tally.cuts > 0);
    return tally;
}

TEST(a_seed_repeats_its_run_exactly) {
    static struct sim_program program;
    for (unsigned theme = 0; theme < SIM_THEMES; theme++) {
        struct sim_tally first = {0}, second = {0}, other = {0};
        sim_program_make(&program, (enum sim_theme)theme, 4);
        sim_run_alone(&program, &first);
        sim_run_alone(&program, &second);
        program.schedule++;
        sim_run_alone(&program, &other);
        CHECK_EQ(first.hash, second.hash);
        CHECK(program.callers == 1 || first.hash != other.hash);
    }
}

/* A program that failed once, as the simulator printed it. */
struct found {
    enum sim_theme theme;
    uint64_t seed, schedule;
    unsigned keep[48];
    unsigned count;
};

static struct sim_tally run_again(const struct found *found) {
    static struct sim_program whole, part;
    bool keep[SIM_OPERATIONS] = {false};
    struct sim_tally tally = {0};
    for (unsigned k = 0; k < found->count; k++) {
        keep[found->keep[k]] = true;
    }
    sim_program_make(&whole, found->theme, found->seed);
    sim_program_cut(&whole, keep, &part);
    part.schedule = found->schedule;
    sim_run_alone(&part, &tally);
    return tally;
}

TEST(what_failed_once_does_not_fail_again) {
    static const struct found found[] = {
        /* An allocation took the growth by a write that was only on the device for its own, which it had made stable. */
        {SIM_THEME_FULL, 3002735, 3002737, {4, 6, 7, 8, 9, 10, 11, 12, 14}, 9},
        /* An atomic write went to where an allocation was about to let the file end. */
        {SIM_THEME_ATOMIC, 43, 46, {44, 45}, 2},
        /* Without direct I/O a long write was cut within a block, and another came between. */
        {SIM_THEME_MIXED, 780369, 780372, {27, 43, 45, 51}, 4},
        /* A direct write beside the end that an allocation was about to give the file met the zeroing of that page. */
        {SIM_THEME_LOG,
         1235921,
         1235921,
         {0,  1,  2,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
          22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41},
         41},
        /* A refused write had left bytes in a block behind the size, in a file that an allocation had made longer; what was written
         * to the block's beginning then left the rest as it was on disk, and as zeros in the cache. */
        {SIM_THEME_FAILING, 882969, 882969, {0, 2, 3, 7, 13}, 5},
    };
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        CHECK(run_again(&found[i]).cuts > 20);
    }
}

/* The same, each by its name. Some fail before the power is cut: then there are few cuts. */
#define AGAIN(theme, seed, schedule, count, ...)                                                                       \
    (void)run_again(&(const struct found){theme, seed, schedule, {__VA_ARGS__}, count})

TEST(an_append_goes_behind_a_write_without_direct_io_that_has_begun) {
    AGAIN(SIM_THEME_CACHED, 29, 29, 2, 0, 10);
    AGAIN(SIM_THEME_CACHED, 30, 36, 2, 3, 4);
}

TEST(a_truncation_whose_flush_fails_leaves_the_file_usable) {
    AGAIN(SIM_THEME_CUTTING, 24, 33, 3, 49, 53, 54);
    AGAIN(SIM_THEME_DYING, 27, 27, 2, 0, 1);
}

TEST(a_growth_whose_flush_fails_does_not_leave_the_file_longer_for_good) {
    AGAIN(SIM_THEME_CUTTING, 42, 42, 1, 9);
}

TEST(the_error_of_a_refused_tail_is_not_told_again_to_a_direct_write) {
    AGAIN(SIM_THEME_TAILS, 28, 28, 1, 31);
}

TEST(of_two_refused_writes_through_the_page_cache_both_fail) {
    AGAIN(SIM_THEME_TAILS, 53, 54, 2, 10, 11);
    AGAIN(SIM_THEME_TAILS, 22, 26, 2, 93, 94);
}

TEST(a_batch_beside_an_allocation_of_a_file_that_grows_ahead_ends) {
    AGAIN(SIM_THEME_BATCHES, 99, 102, 3, 3, 4, 5);
    AGAIN(SIM_THEME_BATCHES, 124, 133, 3, 5, 29, 31);
}

TEST(an_append_on_a_disk_that_died_under_a_write_ends) {
    AGAIN(SIM_THEME_DYING, 20, 20, 2, 6, 7);
}

TEST(a_sync_tells_that_a_flush_has_failed_since_the_write) {
    AGAIN(SIM_THEME_FLUSHES, 20, 20, 3, 6, 10, 11);
}

TEST(bytes_of_a_failed_append_do_not_come_back_when_the_file_grows) {
    AGAIN(SIM_THEME_CUTTING, 2, 2, 9, 0, 1, 3, 4, 5, 6, 8, 9, 10);
}

TEST(a_size_that_is_restored_and_whose_flush_fails_leaves_the_file_usable) {
    AGAIN(SIM_THEME_FLUSHES, 1104, 1104, 11, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
}

TEST(zeros_are_not_acknowledged_where_the_failed_flush_of_another_call_has_lost_them) {
    AGAIN(SIM_THEME_CUTTING, 1256, 1256, 6, 0, 1, 2, 3, 5, 10);
}

/* Zeros that were read were another call's, which its flush had lost. */
TEST(zeros_that_are_read_after_a_failed_flush_are_written_again) {
    AGAIN(SIM_THEME_CUTTING, 778828, 778828, 10, 0, 1, 2, 4, 5, 9, 10, 11, 13, 14);
}

TEST(a_sync_that_began_before_a_write_ended_does_not_vouch_for_it) {
    AGAIN(SIM_THEME_FLUSHES, 880015, 880024, 10, 23, 26, 27, 30, 31, 32, 34, 40, 42, 43);
}

TEST(a_hole_behind_the_size_is_told_that_the_disk_has_kept_more_there) {
    AGAIN(SIM_THEME_CUTTING, 881936, 881940, 5, 0, 6, 7, 16, 17);
}

TEST(an_append_that_was_not_started_leaves_the_place_of_a_write_that_began_meanwhile) {
    AGAIN(SIM_THEME_TAILS, 21387, 21388, 5, 20, 29, 30, 31, 44);
}

TEST(a_truncation_to_the_size_that_a_file_only_seems_to_have_is_told_that_the_disk_is_dead) {
    AGAIN(SIM_THEME_DYING, 21078, 21094, 3, 28, 29, 31);
}

TEST(what_a_failed_write_left_behind_the_size_is_not_taken_for_zeros) {
    AGAIN(SIM_THEME_FLUSHES, 1796399401996, 1796399402006, 11, 1, 2, 3, 4, 5, 6, 7, 10, 14, 16, 17);
}

TEST(an_atomic_append_in_whose_place_the_file_ends_meanwhile_is_refused_as_behind_that_end) {
    AGAIN(SIM_THEME_ATOMIC, 1796799384713, 1796799384726, 2, 1, 9);
}

TEST(a_sync_of_a_file_that_was_opened_again_tells_that_a_flush_has_failed_since_the_write) {
    AGAIN(SIM_THEME_CUTTING, 1795899398992, 1795899398992, 5, 27, 30, 33, 35, 39);
}

enum { MANY = WT_WRITEBACK_LIMIT + 100, MANY_APART = 8192 };

static void submit_many(void *argument) {
    struct core *core = argument;
    struct wt_submission *submissions = calloc(MANY, sizeof *submissions);
    struct iovec block = {(void *)(uintptr_t)sim_pattern(), 4096};
    CHECK(submissions != NULL);
    wt_file file = core_file(core, "file");
    for (unsigned i = 0; i < MANY; i++) {
        submissions[i] = (struct wt_submission){
            .file = file, .iov = &block, .iov_count = 1, .offset = (uint64_t)i * MANY_APART, .token = i};
    }
    CHECK_OK(wt_write_submit_all(submissions, MANY));
    for (unsigned left = MANY; left > 0;) {
        struct wt_event events[64];
        int count = wt_reap(core->engine, events, 64, -1);
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, 4096);
        }
        CHECK(count > 0);
        left -= (unsigned)count;
    }
    free(submissions);
    sim_end_service(core->sim, true);
}

static void serve(void *argument) {
    sim_serve(argument);
}

TEST(a_batch_of_more_writes_than_there_are_objects_for_io_ends) {
    static uint8_t file[1];
    struct core core =
        core_open(&(struct sim_options){.tasks = &sim_tasks}, &(struct wt_engine_options){.cache_bytes = 64 << 20});
    sim_put(core.sim, "file", file, 1);
    sim_tasks_add("submitter", submit_many, &core);
    sim_tasks_add("disk", serve, core.sim);
    alarm(120);
    sim_tasks_run(1);
    alarm(0);
    core_close(&core);
}

TEST(no_power_cut_takes_what_a_log_acknowledged) {
    (void)cut_often(SIM_THEME_LOG, 200000);
}

TEST(no_power_cut_takes_what_a_page_store_acknowledged) {
    (void)cut_often(SIM_THEME_PAGES, 200000);
}

TEST(no_power_cut_takes_what_mixed_callers_were_told_in_several_files) {
    (void)cut_often(SIM_THEME_MIXED, 200000);
}

TEST(no_power_cut_brings_back_what_was_cut_or_zeroed) {
    (void)cut_often(SIM_THEME_RESIZE, 150000);
}

TEST(no_power_cut_takes_what_was_acknowledged_while_the_file_grows_ahead) {
    (void)cut_often(SIM_THEME_AHEAD, 100000);
}

TEST(no_power_cut_takes_what_a_failing_disk_acknowledged) {
    (void)cut_often(SIM_THEME_FAILING, 150000);
}

TEST(no_power_cut_takes_what_was_acknowledged_when_there_is_no_room) {
    (void)cut_often(SIM_THEME_FULL, 100000);
}

TEST(no_power_cut_tears_an_atomic_page) {
    struct sim_tally tally = cut_often(SIM_THEME_ATOMIC, 80000);
    printf("    %" PRIu64 " atomic writes were acknowledged\n", tally.wholes);
    CHECK(tally.wholes > tally.operations / 4);
}

TEST(no_power_cut_takes_what_was_acknowledged_where_the_disk_refuses_the_end_of_a_file) {
    (void)cut_often(SIM_THEME_TAILS, 60000);
}

TEST(no_power_cut_takes_what_was_acknowledged_without_direct_io) {
    (void)cut_often(SIM_THEME_CACHED, 60000);
}

TEST(no_power_cut_finds_another_size_where_the_flush_of_a_new_one_fails) {
    (void)cut_often(SIM_THEME_CUTTING, 60000);
}

TEST(no_power_cut_takes_what_a_sync_vouched_for_where_flushes_fail) {
    (void)cut_often(SIM_THEME_FLUSHES, 60000);
}

TEST(no_power_cut_takes_what_a_disk_acknowledged_before_it_died) {
    (void)cut_often(SIM_THEME_DYING, 60000);
}

TEST(no_power_cut_takes_what_was_submitted_together_beside_allocation) {
    (void)cut_often(SIM_THEME_BATCHES, 60000);
}

TEST(no_power_cut_takes_what_a_force_acknowledged) {
    (void)cut_often(SIM_THEME_FORCE, 200000);
}

TEST(no_force_acknowledges_what_a_disk_that_fails_has_lost) {
    (void)cut_often(SIM_THEME_LOSING, 100000);
}

TEST(no_power_cut_takes_what_a_force_covered_of_bytes_that_the_kernel_kept) {
    (void)cut_often(SIM_THEME_KEEPING, 120000);
}

TEST(no_force_acknowledges_what_the_kernel_kept_and_the_disk_refused) {
    (void)cut_often(SIM_THEME_REFUSING, 100000);
}

TEST(no_power_cut_takes_what_a_mapped_file_acknowledged) {
    (void)cut_often(SIM_THEME_MAPPED, 60000);
}

TEST(no_power_cut_takes_what_a_force_of_memory_acknowledged) {
    (void)cut_often(SIM_THEME_MEMORY, 100000);
}

TEST(no_force_of_memory_acknowledges_what_a_disk_that_fails_has_lost) {
    (void)cut_often(SIM_THEME_OWING, 60000);
}

TEST(bytes_that_were_lost_are_told_by_each_force_until_they_are_stable_again) {
    AGAIN(SIM_THEME_LOSING, 104, 104, 4, 1, 3, 4, 5);
    AGAIN(SIM_THEME_LOSING, 613590525, 613590525, 7, 32, 33, 34, 35, 38, 41, 52);
    AGAIN(SIM_THEME_LOSING, 319, 376, 20, 0, 1, 4, 7, 15, 20, 21, 22, 23, 24, 30, 32, 34, 37, 41, 45, 46, 61, 64, 65);
}

/* A flush began when a truncation was about to be made, and the next force had nothing to flush. */
TEST(a_truncation_that_a_flush_under_way_does_not_cover_waits_for_the_next_flush) {
    AGAIN(SIM_THEME_REFUSING, 20368, 20384, 13, 24, 25, 26, 27, 28, 29, 31, 32, 33, 34, 38, 39, 40);
}

/* The zeros of growth ahead stopped at the end of a block, where the disk was full. */
TEST(growth_ahead_may_stop_within_a_page_on_a_full_disk) {
    AGAIN(SIM_THEME_ATOMIC, 77500166, 77500166, 1, 4);
}

/* A later write joined a block whose other bytes were being read, and was taken for all of it. */
TEST(a_later_write_to_a_block_that_is_being_read_keeps_the_others_bytes) {
    AGAIN(SIM_THEME_FORCE, 711, 718, 8, 6, 7, 8, 9, 10, 11, 24, 28);
}
