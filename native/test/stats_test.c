// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* What an engine counts and times, and the records of what happens as it happens. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "core.h"

enum { BLOCK = 4096 };

static uint64_t lower_bound_of(unsigned bucket) {
    return bucket < 4 ? bucket : (uint64_t)(4 + bucket % 4) << (bucket / 4 - 1);
}

static struct wt_histogram histogram_of(const struct core *core, uint32_t which) {
    struct wt_histogram histogram;
    CHECK_OK(wt_engine_histogram(core->engine, which, &histogram));
    return histogram;
}

static uint64_t count_of(const struct core *core, uint32_t which) {
    struct wt_histogram histogram = histogram_of(core, which);
    uint64_t count = 0, least = 0, most = 0;
    for (unsigned i = 0; i < WT_HISTOGRAM_BUCKETS; i++) {
        count += histogram.count[i];
        least += histogram.count[i] * lower_bound_of(i);
        most += histogram.count[i] * lower_bound_of(i + 1);
    }
    CHECK(least <= histogram.sum && histogram.sum <= most);
    return count;
}

static struct core core_threaded(void) {
    return core_open(&(struct sim_options){.threaded = true}, NULL);
}

static void submit(wt_file file, uint64_t offset, size_t length, uint64_t token) {
    static uint8_t bytes[4 * BLOCK];
    struct iovec iov = {.iov_base = bytes, .iov_len = length};
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, 0, token));
}

static void take_events(const struct core *core, int count) {
    struct wt_event events[64];
    while (count > 0) {
        int n = wt_reap(core->engine, events, 64, -1);
        CHECK(n > 0);
        count -= n;
    }
}

TEST(each_write_and_each_io_is_timed_once) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    for (unsigned i = 0; i < 10; i++)
        fill_at(file, i * BLOCK, 1, BLOCK);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_WRITES), 10);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_DEVICE_WRITES), 10);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_QUEUE), 10);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_GATHERS), 0);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_DEVICE_READS), 0);
    core_close(&core);
}

TEST(a_write_that_fails_is_timed_too) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EIO});
    CHECK_EQ(write_at(file, 0, "abc", 3), -EIO);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_WRITES), 1);
    CHECK_EQ(core_stats(&core).write_errors, 1);
    CHECK_EQ(core_stats(&core).in_flight_ios, 0);
    core_close(&core);
}

/* Each I/O to the device is counted, timed and over, whichever call made it. */
static void check_all_timed(const struct core *core, uint64_t least_writes, uint64_t least_reads) {
    struct wt_engine_stats stats = core_stats(core);
    CHECK(stats.device_writes >= least_writes && stats.device_reads >= least_reads);
    CHECK_EQ(count_of(core, WT_HISTOGRAM_DEVICE_WRITES), stats.device_writes);
    CHECK_EQ(count_of(core, WT_HISTOGRAM_DEVICE_READS), stats.device_reads);
    CHECK_EQ(count_of(core, WT_HISTOGRAM_QUEUE), stats.device_writes + stats.device_reads);
    CHECK_EQ(stats.in_flight_ios, 0);
}

TEST(the_io_of_holes_zeros_and_allocations_is_timed_as_any) {
    struct core core = core_open(&(struct sim_options){.no_deallocate = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8 * BLOCK);
    uint64_t writes = core_stats(&core).device_writes;
    CHECK_OK(wt_punch_hole(file, 100, 2 * BLOCK)); /* two edges, each read and written, and a block between them */
    check_all_timed(&core, writes + 3, 2);
    CHECK_OK(wt_zero(file, 4 * BLOCK + 1, 10));
    check_all_timed(&core, writes + 4, 3);
    CHECK_OK(wt_allocate(file, 16 * BLOCK, 4 * BLOCK));
    check_all_timed(&core, writes + 5, 3);
    core_close(&core);
}

TEST(reads_that_miss_are_timed_and_one_hit_in_64) {
    static const uint8_t zeros[16 * BLOCK];
    struct core core = core_open(NULL, NULL);
    sim_put(core.sim, "file", zeros, sizeof zeros);
    wt_file file = core_file(&core, "file");
    check_filled(file, 0, 0, BLOCK);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_READ_MISSES), 1);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_DEVICE_READS), 1);
    uint64_t before = count_of(&core, WT_HISTOGRAM_READ_HITS);
    for (unsigned i = 0; i < 640; i++)
        check_filled(file, 0, 0, BLOCK);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_READ_HITS) - before, 10);
    core_close(&core);
}

TEST(without_direct_io_reads_and_writes_are_timed_as_well) {
    struct core core = core_open(&(struct sim_options){.buffered = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    check_filled(file, 0, 1, BLOCK);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_WRITES), 1);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_DEVICE_WRITES), 1);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_READ_MISSES), 1);
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_DEVICE_READS), 1);
    CHECK_EQ(core_stats(&core).flushes, 1);
    core_close(&core);
}

TEST(a_gather_counts_the_writes_that_it_carried) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    submit(file, 0, BLOCK, 0);
    CHECK_EQ(core_stats(&core).in_flight_ios, 1);
    for (unsigned i = 0; i < 40; i++)
        submit(file, 10 * i, 10, i);
    sim_release_all(core.sim);
    take_events(&core, 41);
    struct wt_histogram gathers = histogram_of(&core, WT_HISTOGRAM_GATHERS);
    CHECK_EQ(gathers.sum, 40);
    CHECK_EQ(gathers.count[17], 1); /* 40 to 47 */
    CHECK_EQ(count_of(&core, WT_HISTOGRAM_WRITES), 42);
    CHECK_EQ(core_stats(&core).in_flight_ios, 0);
    core_close(&core);
}

TEST(durable_writes_to_a_device_with_fua_are_one_command_each) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    CHECK_EQ(core_stats(&core).fua_writes, 1);
    CHECK_EQ(write_as(file, 0, "abc", 3, WT_DURABILITY_DEVICE), 3); /* a whole block of the file: direct */
    CHECK_EQ(core_stats(&core).fua_writes, 1);
    CHECK_EQ(core_stats(&core).flushes, 0);
    fill_at(file, 4 * BLOCK, 1, 10); /* through the kernel's page cache: what it does is its affair */
    CHECK_EQ(core_stats(&core).fua_writes, 1);
    CHECK_EQ(core_stats(&core).flushes, 1);
    core_close(&core);
}

TEST(a_device_write_through_the_page_cache_counts_the_flush_that_it_costs) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    CHECK_EQ(core_stats(&core).flushes, 0);
    CHECK_EQ(write_as(file, BLOCK, "abc", 3, WT_DURABILITY_DEVICE), 3); /* here no page can be sent without a flush */
    CHECK_EQ(core_stats(&core).flushes, 1);
    core_close(&core);
}

TEST(buckets_meet_and_every_value_is_in_the_one_that_begins_before_it) {
    for (unsigned i = 0; i + 1 < WT_HISTOGRAM_BUCKETS; i++)
        CHECK(lower_bound_of(i) < lower_bound_of(i + 1));
    CHECK_EQ(lower_bound_of(4), 4);
    CHECK_EQ(lower_bound_of(8), 8);
    CHECK_EQ(lower_bound_of(17), 40);
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    (void)count_of(&core, WT_HISTOGRAM_WRITES); /* which checks the sum against the bounds */
    core_close(&core);
}

TEST(no_records_are_kept_that_nobody_asked_for) {
    struct core core = core_open(NULL, NULL);
    struct wt_trace_record record;
    fill_at(core_file(&core, "file"), 0, 1, BLOCK);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, 0), 0);
    CHECK_EQ(core_stats(&core).lost_traces, 0);
    core_close(&core);
}

TEST(a_slow_io_leaves_a_record_of_where_it_was) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_trace_record record;
    CHECK_OK(wt_engine_trace(core.engine, WT_TRACE_SLOW, 0)); /* every I/O is as slow as that */
    fill_at(file, 3 * BLOCK, 1, 2 * BLOCK);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, -1), 1);
    CHECK_EQ(record.reason, WT_TRACE_SLOW);
    CHECK_EQ(record.offset, 3 * BLOCK);
    CHECK_EQ(record.bytes, 2 * BLOCK);
    CHECK_EQ(record.is_write, 1);
    CHECK_EQ(record.error, 0);
    CHECK_EQ(record.writes, 0);
    CHECK_OK(wt_engine_trace(core.engine, WT_TRACE_SLOW, UINT64_C(1) << 62)); /* and none like that */
    fill_at(file, 0, 1, BLOCK);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, 0), 0);
    core_close(&core);
}

TEST(a_record_of_a_failed_io_has_its_error) {
    struct core core = core_open(NULL, NULL);
    struct wt_trace_record record;
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_engine_trace(core.engine, WT_TRACE_SLOW, 0));
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -ENOSPC});
    CHECK_EQ(write_at(file, 0, "abc", 3), -ENOSPC);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, -1), 1);
    CHECK_EQ(record.error, -ENOSPC);
    sim_heal(core.sim);
    core_close(&core);
}

TEST(a_record_of_a_gather_tells_how_long_its_first_write_waited) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    struct wt_trace_record record;
    fill_at(file, 0, 1, BLOCK);
    CHECK_OK(wt_engine_trace(core.engine, WT_TRACE_GATHERS, 0));
    sim_hold(core.sim);
    submit(file, 0, BLOCK, 0);
    for (unsigned i = 0; i < 5; i++)
        submit(file, 10 * i, 10, i);
    int64_t all_wait_ns = wt_now_ns();
    let_others_run();
    int64_t waited_ns = wt_now_ns() - all_wait_ns;
    sim_release_all(core.sim);
    take_events(&core, 6);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, -1), 1);
    CHECK_EQ(record.reason, WT_TRACE_GATHERS);
    CHECK_EQ(record.writes, 5);
    CHECK_EQ(record.offset, 0);
    CHECK(record.queue_ns >= (uint64_t)waited_ns);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, 0), 0);
    core_close(&core);
}

TEST(records_that_nobody_takes_are_counted_as_lost_and_hold_up_nobody) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    static struct wt_trace_record records[2000];
    CHECK_OK(wt_engine_trace(core.engine, WT_TRACE_SLOW, 0));
    for (unsigned i = 0; i < 1030; i++)
        fill_at(file, (i % 32) * BLOCK, (int)i, BLOCK);
    CHECK_EQ(core_stats(&core).lost_traces, 6);
    CHECK_EQ(wt_trace_take(core.engine, records, 1000, -1), 1000);
    fill_at(file, 99 * BLOCK, 1, BLOCK);
    CHECK_EQ(wt_trace_take(core.engine, records, 2000, -1), 25);
    CHECK_EQ(records[24].offset, 99 * BLOCK); /* the newest is the last, where the ring begins again */
    CHECK_EQ(core_stats(&core).lost_traces, 6);
    core_close(&core);
}

struct taking {
    struct core *core;
    int64_t timeout_ns;
    int count;
};

static void *take_one(void *argument) {
    struct taking *taking = argument;
    struct wt_trace_record record;
    taking->count = wt_trace_take(taking->core->engine, &record, 1, taking->timeout_ns);
    return NULL;
}

static void end_the_wait_for_a_record(int64_t timeout_ns) {
    struct core core = core_threaded();
    struct taking taking = {.core = &core, .timeout_ns = timeout_ns};
    struct wt_trace_record record;
    pthread_t thread = test_thread(take_one, &taking);
    let_others_run();
    CHECK_OK(wt_engine_shutdown(core.engine));
    test_join(thread);
    CHECK_EQ(taking.count, -ESHUTDOWN);
    CHECK_EQ(wt_trace_take(core.engine, &record, 1, 0), -ESHUTDOWN);
    core_close(&core);
}

TEST(closing_the_engine_ends_the_wait_for_a_record) {
    end_the_wait_for_a_record(-1);
}

TEST(the_longest_wait_for_a_record_is_one) {
    end_the_wait_for_a_record(INT64_MAX);
}

TEST(bad_requests_are_refused) {
    struct core core = core_open(NULL, NULL);
    struct wt_histogram histogram;
    struct wt_trace_record record;
    CHECK_EQ(wt_engine_histogram(core.engine, WT_HISTOGRAMS, &histogram), -EINVAL);
    CHECK_EQ(wt_engine_histogram(core.engine, 0, NULL), -EINVAL);
    CHECK_EQ(wt_engine_trace(core.engine, 4, 0), -EINVAL);
    CHECK_EQ(wt_trace_take(core.engine, &record, 0, 0), -EINVAL);
    CHECK_EQ(wt_trace_take(core.engine, NULL, 1, 0), -EINVAL);
    wt_engine closed = core.engine;
    core_close(&core);
    CHECK_EQ(wt_engine_histogram(closed, 0, &histogram), -EBADF);
    CHECK_EQ(wt_engine_trace(closed, 0, 0), -EBADF);
    CHECK_EQ(wt_trace_take(closed, &record, 1, 0), -EBADF);
}
