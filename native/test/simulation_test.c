/*
 * Programs of several callers on the simulated disk, in seeded order, and the power cut at every event of every run: a million
 * cuts in all. Each theme is a test. Environment: WT_SEED the first seed; WT_TEST_SCALE multiplies the cuts.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_run.h"
#include "test.h"

/* Sanitizers take their time, and look for what needs fewer cuts to be seen. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { FEWER = 20 };
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
    for (unsigned theme = 0; theme < SIM_THEME_TAILS; theme++) {
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

/* Programs that failed once, as the simulator printed them. */
TEST(what_failed_once_does_not_fail_again) {
    static const struct {
        enum sim_theme theme;
        uint64_t seed, schedule;
        unsigned keep[48];
        unsigned count;
    } found[] = {
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
    static struct sim_program whole, part;
    for (size_t i = 0; i < sizeof found / sizeof found[0]; i++) {
        bool keep[SIM_OPERATIONS] = {false};
        struct sim_tally tally = {0};
        for (unsigned k = 0; k < found[i].count; k++) {
            keep[found[i].keep[k]] = true;
        }
        sim_program_make(&whole, found[i].theme, found[i].seed);
        sim_program_cut(&whole, keep, &part);
        part.schedule = found[i].schedule;
        sim_run_alone(&part, &tally);
        CHECK(tally.cuts > 20);
    }
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
