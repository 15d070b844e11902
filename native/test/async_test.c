// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Asynchronous writes and fetches, case by case: on the simulated disk, whose I/O is let go when the test says so, and on
 * real files in every directory of WT_TEST_DIRS and on every backend. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/engine.h"
#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "write/write.h"

enum { BLOCK = 4096 };

static const int64_t soon = INT64_C(20000000000);

static struct core core_threaded(const struct wt_engine_options *options) {
    return core_open(&(struct sim_options){.threaded = true}, options);
}

/* Starts a write of length bytes of one value from memory that is overwritten at once. */
static int submit_as(wt_file file, uint64_t offset, int value, size_t length, uint32_t durability, uint32_t flags,
                     uint64_t token) {
    uint8_t *bytes = malloc(length + 1);
    CHECK(bytes != NULL);
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    int rc = wt_write_submit(file, &iov, 1, offset, durability, flags, token);
    memset(bytes, 0xee, length);
    free(bytes);
    return rc;
}

static void submit(wt_file file, uint64_t offset, int value, size_t length, uint64_t token) {
    CHECK_OK(submit_as(file, offset, value, length, WT_DURABILITY_FILE, 0, token));
}

static struct wt_event next_event(wt_engine engine) {
    struct wt_event event;
    CHECK_EQ(wt_reap(engine, &event, 1, soon), 1);
    return event;
}

static void check_event(struct wt_event event, uint64_t token, int64_t result, uint64_t stable) {
    CHECK_EQ(event.token, token);
    CHECK_EQ(event.result, result);
    CHECK_EQ(event.stable_bytes, stable);
}

static void check_no_event(wt_engine engine) {
    struct wt_event event;
    CHECK_EQ(wt_reap(engine, &event, 1, 0), 0);
}

/* Events of the tokens 0..count-1, in whatever order, each once. */
static void take_all(wt_engine engine, struct wt_event *events, unsigned count) {
    bool *seen = calloc(count, sizeof *seen);
    CHECK(seen != NULL);
    for (unsigned i = 0; i < count; i++) {
        struct wt_event event = next_event(engine);
        CHECK(event.token < count && !seen[event.token]);
        seen[event.token] = true;
        events[event.token] = event;
    }
    free(seen);
    check_no_event(engine);
}

/* ---- one call on a thread of its own ---- */

struct call {
    int (*function)(struct call *);
    struct core *core;
    wt_file file;
    uint64_t offset;
    size_t length;
    int value;
    int result;
    struct wt_event event;
    atomic_bool done;
    pthread_t thread;
};

static void *call_thread(void *argument) {
    struct call *call = argument;
    call->result = call->function(call);
    atomic_store(&call->done, true);
    return NULL;
}

static void call_start(struct call *call, int (*function)(struct call *)) {
    call->function = function;
    call->thread = test_thread(call_thread, call);
}

static int call_write(struct call *call) {
    uint8_t *bytes = malloc(call->length);
    CHECK(bytes != NULL);
    memset(bytes, call->value, call->length);
    int64_t result = write_at(call->file, call->offset, bytes, call->length);
    free(bytes);
    return (int)result;
}

static int call_submit(struct call *call) {
    return submit_as(call->file, call->offset, call->value, call->length, WT_DURABILITY_FILE, 0, 99);
}

static int call_truncate(struct call *call) {
    return wt_truncate(call->file, call->offset);
}

static int call_close(struct call *call) {
    return wt_file_close(call->file);
}

static int call_shutdown(struct call *call) {
    return wt_engine_shutdown(call->core->engine);
}

static int call_reap(struct call *call) {
    return wt_reap(call->core->engine, &call->event, 1, -1);
}

static void wait_value(wt_file file, uint64_t offset, int value) {
    while (byte_of(file, offset) != value) {
        sched_yield();
    }
}

/* ---- one write --------------------------------------------------------------------------------------------------- */

TEST(the_buffer_may_be_used_again_when_submit_returns) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    submit(file, 0, 7, 100000, 1);
    CHECK(sim_in_flight(core.sim) > 0);
    CHECK_EQ(wt_size(file), 0);
    check_no_event(core.engine);
    core_pump_all(&core);
    check_event(next_event(core.engine), 1, 100000, 100000);
    check_filled(file, 0, 7, 100000);
    check_stable(&core, 0, 7, 100000);
    CHECK_EQ(wt_size(file), 100000);
    core_close(&core);
}

TEST(a_read_sees_bytes_that_were_submitted) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 10 * BLOCK);
    for (int i = 0; i < 10; i++) {
        submit(file, 5000, i + 2, 6000, (uint64_t)i);
        check_filled(file, 5000, i + 2, 6000);
        check_filled(file, 0, 1, 5000);
        check_filled(file, 11000, 1, 10 * BLOCK - 11000);
    }
    core_pump_all(&core);
    struct wt_event events[10];
    take_all(core.engine, events, 10);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(each_write_has_one_event) {
    enum { COUNT = 2000 };
    static struct wt_event events[COUNT];
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    for (unsigned i = 0; i < COUNT; i++) {
        submit(file, i * 700 % 100000, (int)i, 1 + i % 900, i);
        if (i % 3 == 0) {
            (void)sim_pump_one(core.sim);
        }
    }
    core_pump_all(&core);
    take_all(core.engine, events, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        check_event(events[i], i, 1 + i % 900, 1 + i % 900);
    }
    CHECK_EQ(core_stats(&core).writes, COUNT);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    core_close(&core);
}

TEST(a_write_of_no_bytes_has_an_event_too) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_write_submit(file, NULL, 0, 5, WT_DURABILITY_FILE, 0, 3));
    check_event(next_event(core.engine), 3, 0, 0);
    CHECK_EQ(wt_size(file), 0);
    core_close(&core);
}

TEST(an_append_after_a_write_of_no_bytes_leaves_no_gap) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    uint64_t offset = UINT64_MAX;
    CHECK_OK(wt_write_submit(file, NULL, 0, 5000, WT_DURABILITY_FILE, 0, 3));
    check_event(next_event(core.engine), 3, 0, 0);
    struct iovec iov = {"record", 6};
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, WT_DURABILITY_FILE, WT_APPEND, NULL), 6);
    CHECK_EQ(offset, 0);
    CHECK_EQ(wt_size(file), 6);
    core_close(&core);
}

TEST(what_is_refused_has_no_event) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    wt_file reader = 0;
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &reader));
    CHECK_EQ(submit_as(reader, 0, 1, 10, 0, 0, 1), -EBADF);
    CHECK_EQ(submit_as(file + 1000, 0, 1, 10, 0, 0, 1), -EBADF);
    CHECK_EQ(submit_as(file, 0, 1, 10, 9, 0, 1), -EINVAL);
    CHECK_EQ(submit_as(file, 0, 1, 10, 0, 1u << 31, 1), -EINVAL);
    CHECK_EQ(submit_as(file, INT64_MAX, 1, 10, 0, 0, 1), -EFBIG);
    CHECK_EQ(wt_fetch_submit(file, 0, 10, 2, 1), -EINVAL);
    CHECK_EQ(wt_fetch_submit(file + 1000, 0, 10, 0, 1), -EBADF);
    check_no_event(core.engine);
    CHECK_EQ(wt_size(file), 0);
    core_close(&core);
}

/* ---- gathers ----------------------------------------------------------------------------------------------------- */

static void gather_64(uint32_t durability) {
    enum { WRITES = 64, PART = BLOCK / WRITES };
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event events[WRITES];
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    submit(file, 0, 2, BLOCK, 1000);
    for (unsigned i = 0; i < WRITES; i++) {
        CHECK_OK(submit_as(file, i * PART, (int)i + 3, PART, durability, 0, i));
        check_filled(file, i * PART, (int)i + 3, PART);
    }
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release(core.sim, 1);
    check_event(next_event(core.engine), 1000, BLOCK, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    check_no_event(core.engine);
    check_stable(&core, 0, 2, BLOCK);
    sim_release_all(core.sim);
    take_all(core.engine, events, WRITES);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_EQ(core_stats(&core).gathers, 1);
    CHECK_EQ(core_stats(&core).gathered_writes, WRITES);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(fault_3_writes_under_an_io_that_is_held_do_not_sleep_and_leave_as_one) {
    gather_64(WT_DURABILITY_DSYNC);
    gather_64(WT_DURABILITY_DEVICE);
}

TEST(a_gather_of_device_and_dsync_writes_is_dsync) {
    for (unsigned place = 0; place < 3; place++) {
        struct core core = core_open(NULL, NULL);
        wt_file file = core_file(&core, "file");
        struct wt_event events[3];
        fill_at(file, 0, 1, BLOCK);
        CHECK_OK(submit_as(file, 0, 2, BLOCK, WT_DURABILITY_DEVICE, 0, 9));
        sim_clear_log(core.sim);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_OK(submit_as(file, i * 100, 3, 100, i == place ? WT_DURABILITY_DSYNC : WT_DURABILITY_DEVICE, 0, i));
        }
        CHECK(sim_pump_one(core.sim));
        check_event(next_event(core.engine), 9, BLOCK, BLOCK);
        check_stable(&core, 0, 1, BLOCK);
        core_pump_all(&core);
        take_all(core.engine, events, 3);
        CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
        CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DSYNC);
        check_stable(&core, 0, 3, 300);
        core_close(&core);
    }
}

/* A sync writer that waits in the gather runs it on its thread; a reaper that sleeps is told of the others all the same. */
TEST(sync_and_async_writes_gather_together_and_the_event_wakes_who_reaps) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call writer = {.file = file, .offset = 200, .length = 100, .value = 4};
    struct call reaper = {.core = &core};
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    submit(file, 0, 2, 100, 1);
    submit(file, 100, 3, 100, 2);
    call_start(&writer, call_write);
    wait_value(file, 200, 4);
    submit(file, 300, 5, 100, 3);
    let_others_run();
    sim_release(core.sim, 1);
    check_event(next_event(core.engine), 1, 100, 100);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    call_start(&reaper, call_reap);
    let_others_run();
    CHECK(!atomic_load(&reaper.done) && !atomic_load(&writer.done));
    sim_release_all(core.sim);
    test_join(writer.thread);
    test_join(reaper.thread);
    CHECK_EQ(writer.result, 100);
    CHECK_EQ(reaper.result, 1);
    struct wt_event last = next_event(core.engine);
    CHECK_EQ(last.token + reaper.event.token, 5);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_EQ(core_stats(&core).gathered_writes, 3);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_gather_without_a_sync_writer_leaves_by_the_backend) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    sim_clear_log(core.sim);
    submit(file, 0, 2, 100, 0);
    submit(file, 50, 3, 100, 1);
    core_pump_all(&core);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK(sim_record(core.sim, SIM_WRITE, 1).submitted);
    core_close(&core); /* drops both events */
}

/* ---- several that leave together ---------------------------------------------------------------------------------- */

static const struct wt_backend_ops *inner_ops;
static struct wt_backend_ops counting_ops;
static unsigned submit_calls;

static void counting_submit(struct wt_backend *backend, struct wt_io *list) {
    submit_calls++;
    inner_ops->submit(backend, list);
}

/* An engine whose calls of the backend's submit are counted. */
static struct core core_counting(void) {
    struct core core = {.sim = sim_new(&(struct sim_options){0}), .options = {.cache_bytes = 4 << 20}};
    struct wt_backend *backend = sim_attach(core.sim);
    inner_ops = backend->ops;
    counting_ops = *inner_ops;
    counting_ops.submit = counting_submit;
    backend->ops = &counting_ops;
    CHECK_OK(wt_engine_open_on(&core.options, backend, &core.engine));
    submit_calls = 0;
    return core;
}

TEST(writes_submitted_together_enter_the_backend_in_one_call) {
    enum { COUNT = 16 };
    struct core core = core_counting();
    wt_file file = core_file(&core, "file");
    wt_file second = core_file(&core, "second");
    static uint8_t bytes[COUNT][BLOCK];
    struct iovec iov[COUNT];
    struct wt_submission submissions[COUNT];
    struct wt_event events[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        memset(bytes[i], (int)i + 1, BLOCK);
        iov[i] = (struct iovec){bytes[i], BLOCK};
        submissions[i] = (struct wt_submission){.file = i % 2 == 0 ? file : second,
                                                .iov = &iov[i],
                                                .iov_count = 1,
                                                .offset = i * 2 * BLOCK,
                                                .token = i,
                                                .result = 1};
    }
    CHECK_OK(wt_write_submit_all(submissions, COUNT));
    CHECK_EQ(submit_calls, 1);
    memset(bytes, 0xee, sizeof bytes);
    core_pump_all(&core);
    take_all(core.engine, events, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(submissions[i].result, 0);
        check_event(events[i], i, BLOCK, BLOCK);
        check_filled(i % 2 == 0 ? file : second, i * 2 * BLOCK, (int)i + 1, BLOCK);
    }
    core_close(&core);
}

TEST(small_writes_submitted_together_are_few_device_writes) {
    enum { COUNT = 200 };
    struct core core = core_counting();
    wt_file file = core_file(&core, "file");
    static uint8_t bytes[128];
    struct iovec iov = {bytes, sizeof bytes};
    static struct wt_submission submissions[COUNT];
    static struct wt_event events[COUNT];
    fill_at(file, 0, 1, 16 * BLOCK);
    memset(bytes, 9, sizeof bytes);
    for (unsigned i = 0; i < COUNT; i++) {
        submissions[i] = (struct wt_submission){
            .file = file, .iov = &iov, .iov_count = 1, .offset = i * sizeof bytes, .token = i, .result = 1};
    }
    sim_clear_log(core.sim);
    CHECK_OK(wt_write_submit_all(submissions, COUNT));
    CHECK_EQ(submit_calls, 1);
    core_pump_all(&core);
    take_all(core.engine, events, COUNT);
    CHECK(sim_count(core.sim, SIM_WRITE) <= COUNT / 20);
    check_filled(file, 0, 9, COUNT * sizeof bytes);
    core_close(&core);
}

TEST(one_refused_of_several_does_not_keep_the_others) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    uint8_t bytes[10] = {5};
    struct iovec iov = {bytes, sizeof bytes};
    struct wt_submission submissions[3] = {
        {.file = file, .iov = &iov, .iov_count = 1, .offset = 0, .token = 0},
        {.file = file + 1000, .iov = &iov, .iov_count = 1, .offset = 0, .token = 7},
        {.file = file, .iov = &iov, .iov_count = 1, .offset = 10, .token = 1},
    };
    struct wt_event events[2];
    CHECK_OK(wt_write_submit_all(submissions, 3));
    CHECK_EQ(submissions[0].result, 0);
    CHECK_EQ(submissions[1].result, -EBADF);
    CHECK_EQ(submissions[2].result, 0);
    core_pump_all(&core);
    take_all(core.engine, events, 2);
    CHECK_EQ(wt_write_submit_all(NULL, 1), -EINVAL);
    CHECK_OK(wt_write_submit_all(NULL, 0));
    core_close(&core);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

/* One post of two events, which wakes one of those who wait for one event each. */
TEST(events_that_come_together_reach_each_who_waits_for_one) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call reapers[3];
    bool seen[3] = {false};
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        submit(file, i * 10, 2, 10, i); /* the first is an I/O, the others are gathered behind it */
    }
    memset(reapers, 0, sizeof reapers);
    for (unsigned i = 0; i < 3; i++) {
        reapers[i].core = &core;
        call_start(&reapers[i], call_reap);
    }
    let_others_run();
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        test_join(reapers[i].thread);
        CHECK_EQ(reapers[i].result, 1);
        CHECK(!seen[reapers[i].event.token]);
        seen[reapers[i].event.token] = true;
    }
    core_close(&core);
}

TEST(a_failing_io_in_the_middle_of_a_gather_fails_the_writes_it_carried) {
    enum { WRITES = 8 };
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event events[WRITES];
    fill_at(file, 0, 1, 64 * BLOCK);
    submit(file, 0, 2, 64 * BLOCK, 99);
    for (unsigned i = 0; i < WRITES; i++) {
        submit(file, i * 8 * BLOCK + 100, (int)i + 3, 2 * BLOCK, i);
    }
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .offset = 25 * BLOCK, .length = 1, .error = -EIO});
    CHECK(sim_pump_one(core.sim)); /* what is in flight is decided */
    check_event(next_event(core.engine), 99, 64 * BLOCK, 64 * BLOCK);
    core_pump_all(&core);
    take_all(core.engine, events, WRITES);
    for (unsigned i = 0; i < WRITES; i++) {
        bool failed = i == 3;
        check_event(events[i], i, failed ? -EIO : 2 * BLOCK, failed ? 0 : 2 * BLOCK);
        check_filled(file, i * 8 * BLOCK + 100, failed ? 2 : (int)i + 3, 2 * BLOCK);
    }
    CHECK_EQ(core_stats(&core).write_errors, 1);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_failed_io_says_how_much_of_each_write_is_stable) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 16 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){
                           .ops = SIM_WRITE, .count = 1, .error = -ENOSPC, .transfer = 3 * BLOCK, .scribble = true});
    submit(file, 50, 2, 8 * BLOCK, 1);
    core_pump_all(&core);
    check_event(next_event(core.engine), 1, -ENOSPC, 3 * BLOCK - 50);
    check_filled(file, 50, 2, 3 * BLOCK - 50);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

static void fail_under_gather(bool read_fails_too) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event events[3];
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    if (read_fails_too) {
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .count = 1, .error = -ENODEV});
    }
    submit(file, 100, 2, 100, 0);
    submit(file, 300, 3, 100, 1);
    submit(file, 350, 4, 100, 2);
    sim_clear_log(core.sim);
    core_pump_all(&core);
    take_all(core.engine, events, 3);
    check_event(events[0], 0, -EIO, 0);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    for (unsigned i = 1; i < 3; i++) {
        check_event(events[i], i, read_fails_too ? -ENODEV : 100, read_fails_too ? 0 : 100);
    }
    check_filled(file, 0, 1, 300);
    check_filled(file, 300, read_fails_too ? 1 : 3, 50);
    check_filled(file, 350, read_fails_too ? 1 : 4, 100);
    check_filled(file, 450, 1, 4 * BLOCK - 450);
    check_cache_is_disk(&core, file, "file");
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    core_close(&core);
}

TEST(a_failure_under_a_waiting_gather_leaves_the_gather_its_bytes_on_what_the_device_has) {
    fail_under_gather(false);
}

TEST(a_gather_fails_whose_base_cannot_be_read_again) {
    fail_under_gather(true);
}

/* ---- close, truncate, allocate ----------------------------------------------------------------------------------- */

TEST(close_waits_for_asynchronous_writes) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call closer = {.file = file};
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    submit(file, 0, 2, BLOCK, 1);
    submit(file, 0, 3, 100, 2);
    call_start(&closer, call_close);
    let_others_run();
    CHECK(!atomic_load(&closer.done));
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release_all(core.sim);
    test_join(closer.thread);
    CHECK_OK(closer.result);
    check_stable(&core, 0, 3, 100);
    CHECK_EQ(submit_as(file, 0, 1, 1, 0, 0, 1), -EBADF);
    CHECK_EQ(next_event(core.engine).token + next_event(core.engine).token, 3);
    core_close(&core);
}

TEST(shutdown_delivers_the_events_left_and_then_says_so) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call ender = {.core = &core};
    struct wt_event events[10];
    fill_at(file, 0, 1, 10 * BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < 10; i++) {
        submit(file, i * BLOCK, 2, BLOCK, i);
    }
    call_start(&ender, call_shutdown);
    let_others_run();
    CHECK(!atomic_load(&ender.done));
    check_no_event(core.engine);
    sim_release_all(core.sim);
    test_join(ender.thread);
    CHECK_OK(ender.result);
    bool seen[10] = {false};
    for (unsigned i = 0; i < 10; i++) {
        CHECK_EQ(wt_reap(core.engine, &events[i], 1, -1), 1);
        CHECK(!seen[events[i].token]);
        seen[events[i].token] = true;
        CHECK_EQ(events[i].result, BLOCK);
    }
    CHECK_EQ(wt_reap(core.engine, events, 10, -1), -ESHUTDOWN);
    CHECK_EQ(wt_reap(core.engine, events, 10, 0), -ESHUTDOWN);
    wt_file again = 0;
    CHECK_EQ(wt_file_open(core.engine, "file", WT_OPEN_READ, 0, 0, &again), -EBADF);
    core_close(&core);
    CHECK_EQ(wt_reap(core.engine, events, 10, 0), -EBADF);
}

static int call_reap_nearly_for_ever(struct call *call) {
    return wt_reap(call->core->engine, &call->event, 1, INT64_MAX);
}

TEST(who_reaps_for_the_longest_time_there_is_waits_for_an_event) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call reaper = {.core = &core};
    call_start(&reaper, call_reap_nearly_for_ever);
    let_others_run();
    CHECK(!atomic_load(&reaper.done));
    submit(file, 0, 2, BLOCK, 7);
    test_join(reaper.thread);
    CHECK_EQ(reaper.result, 1);
    CHECK_EQ(reaper.event.token, 7);
    core_close(&core);
}

TEST(events_that_nobody_takes_have_a_bound) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_engine_object *engine = wt_engine_acquire(core.engine);
    engine->operation_bytes_most = 64 << 10;
    uint64_t writes = 0, fetches = 0, events = 0;
    struct wt_event event;
    struct wt_submission one = {
        .file = file, .iov = &(const struct iovec){.iov_base = "x", .iov_len = 1}, .iov_count = 1};
    fill_at(file, 0, 1, BLOCK);
    do {
        one.offset = writes % BLOCK;
        CHECK_OK(wt_write_submit_all(&one, 1));
        writes += one.result == 0;
        core_pump_all(&core);
    } while (one.result == 0 && writes < 1000);
    CHECK_EQ(one.result, -ENOBUFS);
    CHECK_EQ(wt_fetch_submit(file, 0, BLOCK, 0, 0), -ENOBUFS);
    fill_at(file, 0, 2, BLOCK); /* a synchronous write has no event */
    while (wt_reap(core.engine, &event, 1, 0) == 1) {
        events++;
    }
    CHECK_EQ(events, writes);
    while (wt_fetch_submit(file, 0, BLOCK, 0, 0) == 0) {
        fetches++;
        core_pump_all(&core);
        CHECK(fetches < 1000);
    }
    CHECK(fetches > 0 && atomic_load(&engine->operation_bytes) > 0);
    while (wt_reap(core.engine, &event, 1, 0) == 1) {
        fetches--;
    }
    CHECK_EQ(fetches, 0);
    CHECK_EQ(atomic_load(&engine->operation_bytes), 0);
    wt_engine_release(core.engine);
    core_close(&core);
}

TEST(shutdown_wakes_who_reaps) {
    struct core core = core_threaded(NULL);
    struct call reapers[3];
    memset(reapers, 0, sizeof reapers);
    for (unsigned i = 0; i < 3; i++) {
        reapers[i].core = &core;
        call_start(&reapers[i], call_reap);
    }
    let_others_run();
    CHECK_OK(wt_engine_shutdown(core.engine));
    for (unsigned i = 0; i < 3; i++) {
        test_join(reapers[i].thread);
        CHECK_EQ(reapers[i].result, -ESHUTDOWN);
    }
    core_close(&core);
}

TEST(engine_close_drops_events_that_nobody_took) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    for (unsigned i = 0; i < 100; i++) {
        submit(file, i * 3000, 2, 5000, i);
        CHECK_OK(wt_fetch_submit(file, i * 3000, 5000, 0, i));
        (void)sim_pump_one(core.sim);
    }
    core_pump_all(&core);
    check_event(next_event(core.engine), 0, 0, 0);
    core_close(&core);
}

TEST(truncate_waits_for_asynchronous_writes_and_nothing_that_was_cut_comes_back) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct call cutter = {.file = file, .offset = 5000};
    fill_at(file, 0, 1, 8 * BLOCK);
    sim_hold(core.sim);
    submit(file, 4 * BLOCK, 2, 8 * BLOCK, 1);
    submit(file, 4 * BLOCK, 3, 100, 2);
    call_start(&cutter, call_truncate);
    let_others_run();
    CHECK(!atomic_load(&cutter.done));
    CHECK_EQ(sim_count(core.sim, SIM_TRUNCATE), 0);
    while (!atomic_load(&cutter.done) && submit_as(file, 0, 4, 10, 0, WT_NOWAIT, 5) == 0) {
        sched_yield(); /* until the gate is shut */
    }
    CHECK_EQ(submit_as(file, 0, 4, 10, 0, WT_NOWAIT, 5), -EAGAIN);
    sim_release_all(core.sim);
    test_join(cutter.thread);
    CHECK_OK(cutter.result);
    CHECK_EQ(wt_size(file), 5000);
    CHECK_EQ(sim_size(core.sim, "file"), 5000);
    fill_at(file, 12 * BLOCK, 9, 1);
    check_filled(file, 5000, 0, 12 * BLOCK - 5000);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(allocate_keeps_asynchronous_writes_in_flight) {
    for (unsigned reserve = 0; reserve < 2; reserve++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = 512, .no_reserve = reserve == 0}, NULL);
        wt_file file = core_file(&core, "file");
        struct wt_event events[20];
        for (unsigned i = 0; i < 20; i++) {
            submit(file, i * 3000, (int)i + 1, 700, i);
        }
        CHECK_OK(wt_allocate(file, 100, 80000));
        core_pump_all(&core);
        take_all(core.engine, events, 20);
        CHECK_EQ(wt_size(file), 80100);
        for (unsigned i = 0; i < 20; i++) {
            check_filled(file, i * 3000, (int)i + 1, 700);
            check_filled(file, i * 3000 + 700, 0, 2300);
        }
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

/* A file system that cannot reserve: the size is set by truncation, which must not meet a write that grows the file. */
TEST(allocate_within_the_last_block_waits_for_writes_that_grow_the_file) {
    struct core core = core_open(&(struct sim_options){.no_reserve = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 100);
    submit(file, 2 * BLOCK, 2, 5000, 1);
    CHECK_OK(wt_allocate(file, 0, 200));
    core_pump_all(&core);
    check_event(next_event(core.engine), 1, 5000, 5000);
    CHECK_EQ(wt_size(file), 2 * BLOCK + 5000);
    check_filled(file, 2 * BLOCK, 2, 5000);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

TEST(past_the_limit_of_bytes_in_flight_a_submitter_waits_or_is_told) {
    enum { LIMIT = 64 << 10, COUNT = LIMIT / BLOCK };
    struct core core = core_threaded(&(struct wt_engine_options){.in_flight_bytes = LIMIT});
    wt_file file = core_file(&core, "file");
    struct call waiter = {.file = file, .offset = COUNT * BLOCK, .length = 100, .value = 3};
    for (unsigned i = 0; i <= COUNT; i++) {
        fill_at(file, i * BLOCK, 1, BLOCK);
    }
    sim_hold(core.sim);
    for (unsigned i = 0; i < COUNT; i++) {
        submit(file, i * BLOCK, 2, BLOCK, i);
    }
    CHECK_EQ(core_stats(&core).in_flight_bytes, LIMIT);
    CHECK_EQ(submit_as(file, 0, 7, 1, 0, WT_NOWAIT, 5), -EAGAIN);
    CHECK_EQ(submit_as(file, COUNT * BLOCK, 7, 1, 0, WT_NOWAIT, 5), -EAGAIN);
    check_filled(file, 0, 2, COUNT * BLOCK);
    check_filled(file, COUNT * BLOCK, 1, BLOCK);
    call_start(&waiter, call_submit);
    let_others_run();
    CHECK(!atomic_load(&waiter.done));
    CHECK_EQ(byte_of(file, COUNT * BLOCK), 1);
    sim_release(core.sim, 1);
    test_join(waiter.thread);
    CHECK_OK(waiter.result);
    sim_release_all(core.sim);
    for (unsigned i = 0; i <= COUNT; i++) {
        CHECK(next_event(core.engine).result > 0);
    }
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    check_no_event(core.engine);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(nowait_does_not_read_a_block_that_is_partly_overwritten) {
    struct core core = core_open(NULL, NULL);
    static uint8_t old[4 * BLOCK];
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, sizeof old);
    wt_file file = core_file(&core, "file");
    CHECK_EQ(submit_as(file, 100, 2, 100, 0, WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(submit_as(file, 100, 2, 2 * BLOCK, 0, WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(sim_count(core.sim, SIM_READ | SIM_WRITE), 0);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    CHECK_OK(submit_as(file, BLOCK, 2, BLOCK, 0, WT_NOWAIT, 2)); /* whole blocks need no read */
    CHECK_OK(submit_as(file, BLOCK + 10, 3, 10, 0, WT_NOWAIT, 3));
    CHECK_OK(submit_as(file, 4 * BLOCK + 10, 4, 10, 0, WT_NOWAIT, 4)); /* nor does what is behind the end */
    core_pump_all(&core);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(next_event(core.engine).token >= 2);
    }
    check_no_event(core.engine);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(nowait_of_more_than_is_taken_at_once_is_refused) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 1 << 20});
    wt_file file = core_file(&core, "file");
    CHECK_EQ(submit_as(file, 0, 2, 1 << 20, 0, WT_NOWAIT, 1), -EMSGSIZE);
    CHECK_EQ(wt_size(file), 0);
    CHECK_EQ(sim_count(core.sim, SIM_READ | SIM_WRITE), 0);
    CHECK_OK(submit_as(file, 0, 2, 1 << 20, 0, 0, 2));
    core_pump_all(&core);
    check_event(next_event(core.engine), 2, 1 << 20, 1 << 20);
    core_close(&core);
}

/* A disk with a file of 8 blocks of 0x11, none of them cached. */
static wt_file uncached_file(struct core *core, uint32_t block_bytes) {
    uint8_t bytes[8 * BLOCK];
    memset(bytes, 0x11, sizeof bytes);
    *core = core_open(&(struct sim_options){.block_bytes = block_bytes}, NULL);
    sim_put(core->sim, "file", bytes, sizeof bytes);
    wt_file file = core_file(core, "file");
    sim_clear_log(core->sim);
    return file;
}

TEST(an_asynchronous_write_to_parts_of_blocks_that_are_not_cached_waits_for_no_read) {
    for (uint32_t block_bytes = 512; block_bytes <= BLOCK; block_bytes *= 8) {
        struct core core;
        CONTEXT("blocks of %u bytes", block_bytes);
        wt_file file = uncached_file(&core, block_bytes);
        /* The middle of one block, the parts of two around whole ones, and the first again while it is being read. */
        submit(file, 100, 0x22, 50, 0);
        submit(file, 2 * BLOCK - 100, 0x33, 2 * BLOCK + 200, 1);
        CHECK_EQ(sim_in_flight(core.sim), 4); /* the whole blocks left at once */
        CHECK(sim_count(core.sim, SIM_READ) == 3 && sim_bytes(core.sim, SIM_READ) == 3 * block_bytes);
        if (block_bytes == BLOCK) {
            submit(file, 120, 0x44, 50, 2);
        }
        check_no_event(core.engine);
        core_pump_all(&core);
        struct wt_event events[3];
        take_all(core.engine, events, block_bytes == BLOCK ? 3 : 2);
        int second = block_bytes == BLOCK ? 0x44 : 0x22;
        size_t second_end = block_bytes == BLOCK ? 170 : 150;
        for (int cached = 1; cached >= 0; cached--) {
            check_filled(file, 0, 0x11, 100);
            check_filled(file, 100, 0x22, 20);
            check_filled(file, 120, second, second_end - 120);
            check_filled(file, second_end, 0x11, 2 * BLOCK - 100 - second_end);
            check_filled(file, 2 * BLOCK - 100, 0x33, 2 * BLOCK + 200);
            check_filled(file, 4 * BLOCK + 100, 0x11, 4 * BLOCK - 100);
            core_restart(&core);
            file = core_file(&core, "file");
        }
        core_close(&core);
    }
}

TEST(a_part_of_the_block_that_the_file_ends_in_is_written_beside_what_grows_the_file) {
    enum { SIZE = 7 * BLOCK + 2213 };
    for (uint64_t seed = 1; seed <= 20; seed++) {
        CONTEXT("seed %llu", (unsigned long long)seed);
        struct core core = core_open(&(struct sim_options){.block_bytes = 512, .seed = seed}, NULL);
        uint8_t bytes[SIZE];
        memset(bytes, 0x11, SIZE);
        sim_put(core.sim, "file", bytes, SIZE);
        wt_file file = core_file(&core, "file");
        /* Its end, behind that of the file, goes through the page cache. */
        CHECK_OK(submit_as(file, 0, 0x22, BLOCK, WT_DURABILITY_FILE, WT_APPEND, 0));
        CHECK_OK(wt_allocate(file, SIZE + 1, 1536));
        core_pump_all(&core);
        check_event(next_event(core.engine), 0, BLOCK, BLOCK);
        check_filled(file, 0, 0x11, SIZE);
        check_filled(file, SIZE, 0x22, BLOCK);
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

TEST(a_block_written_in_part_that_cannot_be_read_fails_the_writes_to_it_and_no_other) {
    struct core core;
    wt_file file = uncached_file(&core, BLOCK);
    sim_fail(core.sim,
             &(struct sim_fault){.ops = SIM_READ, .offset = BLOCK, .length = BLOCK, .count = 1, .error = -EIO});
    submit(file, BLOCK - 10, 0x22, 20, 0); /* in two blocks: the first is stable */
    submit(file, BLOCK + 50, 0x33, 10, 1);
    submit(file, 3 * BLOCK + 1, 0x44, 10, 2);
    core_pump_all(&core);
    struct wt_event events[3];
    take_all(core.engine, events, 3);
    check_event(events[0], 0, -EIO, 10);
    check_event(events[1], 1, -EIO, 0);
    check_event(events[2], 2, 10, 10);
    check_filled(file, BLOCK, 0x11, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(nowait_meeting_a_read_on_the_page_of_its_block_is_told_so) {
    struct core core = core_open(&(struct sim_options){.block_bytes = 512}, NULL);
    static uint8_t old[BLOCK];
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, sizeof old);
    wt_file file = core_file(&core, "file");
    submit(file, 0, 2, 512, 1);
    CHECK_OK(wt_fetch_submit(file, 1024, 512, 0, 2));
    CHECK_EQ(submit_as(file, 0, 3, 512, 0, WT_NOWAIT, 3), -EAGAIN);
    check_filled(file, 0, 2, 512);
    submit(file, 0, 4, 512, 4);
    check_filled(file, 0, 4, 512);
    core_pump_all(&core);
    CHECK_EQ(next_event(core.engine).token + next_event(core.engine).token + next_event(core.engine).token, 7);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_hundred_thousand_writes_are_outstanding) {
    enum { COUNT = 100000, PART = 100 };
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 64 << 20});
    wt_file file = core_file(&core, "file");
    struct wt_event *events = calloc(COUNT + 1, sizeof *events);
    CHECK(events != NULL);
    submit(file, 0, 1, COUNT * PART, COUNT);
    size_t in_flight = sim_in_flight(core.sim);
    for (unsigned i = 0; i < COUNT; i++) {
        submit(file, i * PART, (int)(i % 250) + 2, PART, i);
    }
    CHECK_EQ(sim_in_flight(core.sim), in_flight);
    check_no_event(core.engine);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 2 * COUNT * PART);
    sim_clear_log(core.sim);
    core_pump_all(&core);
    take_all(core.engine, events, COUNT + 1);
    for (unsigned i = 0; i < COUNT; i++) {
        check_event(events[i], i, PART, PART);
    }
    CHECK(sim_count(core.sim, SIM_WRITE) < 100);
    for (unsigned i = 0; i < COUNT; i += 97) {
        check_stable(&core, i * PART, (int)(i % 250) + 2, PART);
    }
    free(events);
    core_close(&core);
}

/* ---- fetch and cached reads --------------------------------------------------------------------------------------- */

static int64_t cached(wt_file file, uint64_t offset, void *bytes, size_t length) {
    struct iovec iov = {bytes, length};
    return wt_read_cached(file, &iov, 1, offset);
}

TEST(a_fetch_reads_what_is_missing_and_says_how_far_all_is_cached) {
    struct core core = core_open(NULL, NULL);
    static uint8_t old[16 * BLOCK];
    static uint8_t bytes[16 * BLOCK];
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, sizeof old - 100);
    wt_file file = core_file(&core, "file");
    CHECK_EQ(cached(file, 0, bytes, BLOCK), -EAGAIN);
    CHECK_OK(wt_fetch_submit(file, 10, 2 * BLOCK, WT_NOWAIT, 1));
    CHECK_EQ(sim_in_flight(core.sim), 1);
    CHECK_EQ(wt_fetch_submit(file, 10, 2 * BLOCK, WT_NOWAIT, 2), -EAGAIN); /* another reads it */
    core_pump_all(&core);
    check_event(next_event(core.engine), 1, 2 * BLOCK, 0);
    CHECK_EQ(cached(file, 10, bytes, 2 * BLOCK), 2 * BLOCK);
    CHECK_BYTES(bytes, old, 2 * BLOCK);
    sim_clear_log(core.sim);
    CHECK_OK(wt_fetch_submit(file, 10, 2 * BLOCK, WT_NOWAIT, 3)); /* all there */
    check_event(next_event(core.engine), 3, 2 * BLOCK, 0);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    CHECK_OK(wt_fetch_submit(file, 10, 6 * BLOCK, WT_NOWAIT, 4)); /* its first part is there */
    core_pump_all(&core);
    check_event(next_event(core.engine), 4, 6 * BLOCK, 0);
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 4 * BLOCK);
    CHECK_EQ(cached(file, 0, bytes, 7 * BLOCK), 7 * BLOCK);
    CHECK_OK(wt_fetch_submit(file, 15 * BLOCK, 8 * BLOCK, 0, 5)); /* up to the end of the file */
    core_pump_all(&core);
    check_event(next_event(core.engine), 5, BLOCK - 100, 0);
    CHECK_EQ(cached(file, 15 * BLOCK, bytes, 8 * BLOCK), BLOCK - 100);
    CHECK_OK(wt_fetch_submit(file, 16 * BLOCK, 100, 0, 6));
    check_event(next_event(core.engine), 6, 0, 0);
    CHECK_EQ(cached(file, 16 * BLOCK, bytes, 10), 0);
    core_close(&core);
}

TEST(a_fetch_that_fails_says_so_and_leaves_nothing) {
    struct core core = core_open(NULL, NULL);
    static uint8_t old[4 * BLOCK];
    uint8_t byte;
    sim_put(core.sim, "file", old, sizeof old);
    wt_file file = core_file(&core, "file");
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .count = 1, .error = -EIO});
    CHECK_OK(wt_fetch_submit(file, 0, 4 * BLOCK, 0, 1));
    core_pump_all(&core);
    check_event(next_event(core.engine), 1, -EIO, 0);
    CHECK_EQ(cached(file, 0, &byte, 1), -EAGAIN);
    CHECK_OK(wt_fetch_submit(file, 0, 4 * BLOCK, 0, 2));
    core_pump_all(&core);
    check_event(next_event(core.engine), 2, 4 * BLOCK, 0);
    CHECK_EQ(cached(file, 0, &byte, 1), 1);
    core_close(&core);
}

TEST(a_cached_read_sees_a_write_in_flight_and_asks_the_disk_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    static uint8_t bytes[4 * BLOCK];
    fill_at(file, 0, 1, 4 * BLOCK);
    submit(file, BLOCK, 2, BLOCK, 1);
    submit(file, BLOCK, 3, 10, 2);
    sim_clear_log(core.sim);
    CHECK_EQ(cached(file, 0, bytes, sizeof bytes), 4 * BLOCK);
    CHECK_EQ(bytes[BLOCK], 3);
    CHECK_EQ(bytes[BLOCK + 10], 2);
    CHECK_EQ(bytes[2 * BLOCK], 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ | SIM_WRITE), 0);
    core_pump_all(&core);
    core_close(&core);
}

/* ---- reaping ----------------------------------------------------------------------------------------------------- */

struct reaper {
    wt_engine engine;
    int64_t timeout_ns;
    _Atomic uint32_t *seen; /* by token */
    atomic_uint *taken;
    uint64_t tokens;
    pthread_t thread;
};

static void *reap_all(void *argument) {
    struct reaper *reaper = argument;
    struct wt_event events[16];
    for (;;) {
        int count = wt_reap(reaper->engine, events, 16, reaper->timeout_ns);
        if (count == -ESHUTDOWN) {
            return NULL;
        }
        CHECK_OK(count);
        if (count == 0) {
            sched_yield();
        }
        for (int i = 0; i < count; i++) {
            CHECK(events[i].token < reaper->tokens);
            CHECK(events[i].result > 0);
            CHECK_EQ(atomic_fetch_add(&reaper->seen[events[i].token], 1), 0);
        }
        if (count > 0) {
            atomic_fetch_add(reaper->taken, (unsigned)count);
        }
    }
}

static const int64_t timeouts[] = {0, 50000, -1, -1};

TEST(several_threads_reap_each_event_once) {
    enum { COUNT = 3000 };
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    _Atomic uint32_t *seen = calloc(COUNT, sizeof *seen);
    atomic_uint taken = 0;
    struct reaper reapers[4];
    CHECK(seen != NULL);
    for (unsigned i = 0; i < 4; i++) {
        reapers[i] = (struct reaper){core.engine, timeouts[i], seen, &taken, COUNT, 0};
        reapers[i].thread = test_thread(reap_all, &reapers[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        submit(file, i % 50 * 2000, (int)i, 1000, i);
    }
    while (atomic_load(&taken) < COUNT) {
        sched_yield();
    }
    CHECK_OK(wt_engine_shutdown(core.engine));
    for (unsigned i = 0; i < 4; i++) {
        test_join(reapers[i].thread);
    }
    CHECK_EQ(atomic_load(&taken), COUNT);
    free((void *)seen);
    core_close(&core);
}

TEST(a_reaper_that_waits_in_vain_returns_when_its_time_is_over) {
    struct core core = core_open(NULL, NULL);
    struct wt_event event;
    CHECK_EQ(wt_reap(core.engine, &event, 1, 0), 0);
    CHECK_EQ(wt_reap(core.engine, &event, 1, 1000000), 0);
    CHECK_EQ(wt_reap(core.engine, &event, 0, 0), -EINVAL);
    CHECK_EQ(wt_reap(core.engine, NULL, 1, 0), -EINVAL);
    CHECK_EQ(wt_reap(core.engine + 1000, &event, 1, 0), -EBADF);
    core_close(&core);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MANY = 50000, SANITIZED = 1 };
#else
enum { MANY = 10000000, SANITIZED = 0 };
#endif

/* In use. musl does not tell: there nothing is seen to grow. */
static size_t heap_bytes(void) {
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

TEST(memory_is_flat_over_ten_million_writes) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 1 << 20});
    wt_file file = core_file(&core, "file");
    uint8_t bytes[200];
    struct iovec iov = {bytes, sizeof bytes};
    struct wt_event events[64];
    size_t early = 0;
    const uint64_t many = test_scaled(MANY);
    memset(bytes, 3, sizeof bytes);
    CHECK_OK(wt_allocate(file, 0, 256 << 10));
    for (uint64_t i = 0; i < many; i += 64) {
        for (unsigned j = 0; j < 64; j++) {
            CHECK_OK(wt_write_submit(file, &iov, 1, (i + j) % 1300 * 200, WT_DURABILITY_DSYNC, 0, j));
        }
        core_pump_all(&core);
        CHECK_EQ(wt_reap(core.engine, events, 64, 0), 64);
        sim_clear_log(core.sim);
        if (i / 64 == 200) {
            early = heap_bytes();
        }
    }
    check_no_event(core.engine);
    if (!SANITIZED) {
        CHECK(heap_bytes() <= early + (64 << 10));
    }
    CHECK_EQ(core_stats(&core).writes, (many + 63) / 64 * 64);
    core_close(&core);
}

/* ---- real files --------------------------------------------------------------------------------------------------- */

struct place {
    wt_engine engine;
    char path[512];
};

static void each_place(void (*test)(struct place *)) {
    static const char *const names[] = {"auto", "io_uring", "threads"};
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (uint32_t backend = WT_BACKEND_AUTO; backend <= WT_BACKEND_THREADS; backend++) {
            struct place place;
            CONTEXT("%s on %s", names[backend], test_directory(i));
            snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(test_directory(i)));
            struct wt_engine_options options = {.cache_bytes = 4 << 20, .in_flight_bytes = 1 << 20, .backend = backend};
            int result = wt_engine_open(&options, &place.engine);
            if (backend == WT_BACKEND_IO_URING && (result == -EPERM || result == -ENOSYS)) {
                printf("   not on io_uring: the kernel refuses it\n");
                continue;
            }
            CHECK_OK(result);
            test(&place);
            CHECK_OK(wt_engine_close(place.engine));
        }
    }
}

static wt_file open_place(const struct place *place) {
    wt_file file = 0;
    CHECK_OK(wt_file_open(place->engine, place->path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0, &file));
    return file;
}

/*
 * 16 writers. Hot blocks are overwritten whole by all, with a stamp of writer and turn: in the end, and whenever one is
 * read, a block has one stamp, and in the end the last one of its writer there. Records of 100 bytes, many to a block,
 * have one writer each.
 */
enum { WRITERS = 16, HOT = 24, SLOTS = 32, SLOT = 100, TURNS = 120, RECORDS_AT = HOT * BLOCK };

struct writer {
    wt_file file;
    unsigned id;
    uint64_t seed;
    uint64_t last[HOT];
    uint8_t slots[SLOTS];
    unsigned submitted;
    pthread_t thread;
};

static uint64_t stamp_of(const uint64_t *block) {
    for (unsigned i = 1; i < BLOCK / 8; i++) {
        CHECK_EQ(block[i], block[0]);
    }
    return block[0];
}

static uint64_t slot_offset(unsigned writer, unsigned slot) {
    return RECORDS_AT + ((uint64_t)slot * WRITERS + writer) * SLOT;
}

static void write_some(struct writer *writer, struct test_random *random, const void *bytes, size_t length,
                       uint64_t offset, uint64_t token) {
    struct iovec iov = {(void *)(uintptr_t)bytes, length};
    uint32_t durability = (uint32_t)test_random_between(random, WT_DURABILITY_FILE, WT_DURABILITY_SYNC);
    if (test_random_one_in(random, 3)) {
        CHECK_EQ(wt_write(writer->file, &iov, 1, offset, durability, NULL), length);
        return;
    }
    uint32_t flags = test_random_one_in(random, 4) ? WT_NOWAIT : 0;
    int rc = wt_write_submit(writer->file, &iov, 1, offset, durability, flags, token);
    if (rc == -EAGAIN) {
        CHECK_EQ(flags, WT_NOWAIT);
        rc = wt_write_submit(writer->file, &iov, 1, offset, durability, 0, token);
    }
    CHECK_OK(rc);
    writer->submitted++;
}

static void *write_mixed(void *argument) {
    struct writer *writer = argument;
    struct test_random random = test_random_of(writer->seed);
    uint64_t *buffer = malloc(4 * BLOCK);
    CHECK(buffer != NULL);
    for (unsigned turn = 1; turn <= TURNS; turn++) {
        uint64_t token = (uint64_t)writer->id * TURNS + turn - 1;
        uint64_t stamp = (uint64_t)(writer->id + 1) << 32 | turn;
        uint64_t first = test_random_below(&random, HOT);
        uint64_t count = test_random_between(&random, 1, HOT - first < 4 ? HOT - first : 4);
        if (test_random_one_in(&random, 2)) {
            unsigned slot = (unsigned)test_random_below(&random, SLOTS);
            writer->slots[slot] = (uint8_t)(turn % 255 + 1);
            memset(buffer, writer->slots[slot], SLOT);
            write_some(writer, &random, buffer, SLOT, slot_offset(writer->id, slot), token);
            check_filled(writer->file, slot_offset(writer->id, slot), writer->slots[slot], SLOT);
        } else {
            for (uint64_t i = 0; i < count * BLOCK / 8; i++) {
                buffer[i] = stamp;
            }
            for (uint64_t i = 0; i < count; i++) {
                writer->last[first + i] = stamp;
            }
            write_some(writer, &random, buffer, (size_t)count * BLOCK, first * BLOCK, token);
        }
        memset(buffer, 0xee, 4 * BLOCK);
        CHECK_EQ(read_at(writer->file, first * BLOCK, buffer, BLOCK), BLOCK);
        struct wt_profile profile;
        CHECK_OK(wt_file_profile(writer->file, &profile));
        if (profile.path == WT_PATH_DIRECT) { /* the kernel's page cache shows a write half done */
            (void)stamp_of(buffer);
        }
    }
    free(buffer);
    return NULL;
}

static void check_mixed(const struct place *place, const struct writer *writers) {
    static uint64_t found[(RECORDS_AT + WRITERS * SLOTS * SLOT) / 8];
    int fd = open(place->path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, found, sizeof found, 0), sizeof found);
    CHECK_EQ(close(fd), 0);
    for (unsigned block = 0; block < HOT; block++) {
        uint64_t stamp = stamp_of(found + block * BLOCK / 8);
        if (stamp != 0) {
            CHECK(stamp >> 32 <= WRITERS);
            CHECK_EQ(stamp, writers[(stamp >> 32) - 1].last[block]);
        }
    }
    for (unsigned i = 0; i < WRITERS * SLOTS; i++) {
        const uint8_t *slot = (const uint8_t *)found + slot_offset(i % WRITERS, i / WRITERS);
        for (unsigned j = 0; j < SLOT; j++) {
            CHECK_EQ(slot[j], writers[i % WRITERS].slots[i / WRITERS]);
        }
    }
}

static void mix(struct place *place) {
    static struct writer writers[WRITERS];
    wt_file file = open_place(place);
    _Atomic uint32_t *seen = calloc(WRITERS * TURNS, sizeof *seen);
    atomic_uint taken = 0;
    struct reaper reapers[2];
    CHECK(seen != NULL);
    CHECK_OK(wt_allocate(file, 0, RECORDS_AT + WRITERS * SLOTS * SLOT));
    for (unsigned i = 0; i < 2; i++) {
        reapers[i] = (struct reaper){place->engine, i == 0 ? -1 : 200000, seen, &taken, WRITERS * TURNS, 0};
        reapers[i].thread = test_thread(reap_all, &reapers[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.file = file, .id = i, .seed = test_seed() * WRITERS + i};
        writers[i].thread = test_thread(write_mixed, &writers[i]);
    }
    unsigned submitted = 0;
    for (unsigned i = 0; i < WRITERS; i++) {
        test_join(writers[i].thread);
        submitted += writers[i].submitted;
    }
    CHECK_OK(wt_engine_shutdown(place->engine));
    for (unsigned i = 0; i < 2; i++) {
        test_join(reapers[i].thread);
    }
    CHECK_EQ(atomic_load(&taken), submitted);
    check_mixed(place, writers);
    free((void *)seen);
}

TEST(sixteen_threads_of_sync_and_async_writes_leave_each_block_to_one_of_its_last_writers) {
    each_place(mix);
}

static void reaper_goes_away(struct place *place) {
    enum { LONG = 3 << 20 };
    wt_file file = open_place(place);
    uint8_t *bytes = malloc(LONG);
    struct wt_event event;
    CHECK(bytes != NULL);
    for (int i = 0; i < 5; i++) {
        submit(file, 0, 1, BLOCK, 1);
        CHECK_EQ(wt_reap(place->engine, &event, 1, -1), 1); /* completions are taken by this thread now */
        CHECK_EQ(wt_reap(place->engine, &event, 1, 1000), 0);
        memset(bytes, i, LONG);
        /* Several I/Os, of which only the last is run by the caller: somebody must take the completions of the others. */
        CHECK_EQ(write_at(file, 100, bytes, LONG), LONG);
        submit(file, 0, 2, 50, 2);
        check_event(next_event(place->engine), 2, 50, 50);
    }
    free(bytes);
}

TEST(sync_writes_go_on_while_nobody_reaps) {
    each_place(reaper_goes_away);
}

static void many_outstanding(struct place *place) {
    enum { COUNT = 2000 };
    wt_file file = open_place(place);
    static struct wt_event events[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        submit(file, i * 128, (int)(i % 250) + 1, 128, i);
    }
    take_all(place->engine, events, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        check_event(events[i], i, 128, 128);
        check_filled(file, i * 128, (int)(i % 250) + 1, 128);
    }
    CHECK_EQ(wt_size(file), COUNT * 128);
    CHECK_OK(wt_truncate(file, 0));
    CHECK_EQ(wt_size(file), 0);
}

TEST(many_appends_are_outstanding_on_real_files) {
    each_place(many_outstanding);
}

static void *take_events(void *argument) {
    struct place *place = argument;
    static struct wt_event events[64];
    uintptr_t taken = 0;
    int count;
    while ((count = wt_reap(place->engine, events, 64, -1)) >= 0) {
        taken += (uintptr_t)count;
    }
    CHECK_EQ(count, -ESHUTDOWN);
    return (void *)taken; /* NOLINT(performance-no-int-to-ptr) */
}

/* A write may be told of by the return of the call or by an event, and never by both or neither. */
static void told_once(struct place *place) {
    enum { COUNT = 2000 };
    char bytes[BLOCK];
    pthread_t taker;
    wt_file file = open_place(place);
    uintptr_t ended = 0, failed = 0;
    CHECK_EQ(pthread_create(&taker, NULL, take_events, place), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        struct iovec iov = {bytes, sizeof bytes};
        struct wt_cursor cursor;
        wt_cursor_of_iovec(&cursor, &iov);
        memset(bytes, (int)i, sizeof bytes);
        int rc =
            wt_write_submit_cursor(file, &cursor, BLOCK, (uint64_t)(i % 64) * BLOCK, WT_DURABILITY_FILE, WT_MAY_END, i);
        CHECK(rc >= 0);
        ended += rc == 1;
        failed += rc == 1 && wt_truncate(file, (uint64_t)64 * BLOCK) < 0; /* the gate is free */
    }
    CHECK_EQ(failed, 0);
    CHECK_OK(wt_engine_shutdown(place->engine));
    void *taken;
    CHECK_EQ(pthread_join(taker, &taken), 0);
    CHECK_EQ(ended + (uintptr_t)taken, COUNT);
}

TEST(a_write_that_may_end_in_its_call_is_told_of_once) {
    each_place(told_once);
}

/* ---- writes that end in their call ------------------------------------------------------------------------------ */

static const struct wt_backend_ops *later_ops;

/* The disk takes no time. */
static void submit_and_finish(struct wt_backend *backend, struct wt_io *list) {
    later_ops->submit(backend, list);
    while (backend->ops->pump(backend)) {
    }
}

static struct core core_at_once(struct wt_backend_ops *at_once) {
    struct core core = {.sim = sim_new(&(struct sim_options){0})};
    struct wt_backend *backend = sim_attach(core.sim);
    later_ops = backend->ops;
    *at_once = *backend->ops;
    at_once->submit = submit_and_finish;
    backend->ops = at_once;
    CHECK_OK(wt_engine_open_on(&(struct wt_engine_options){.cache_bytes = 4 << 20}, backend, &core.engine));
    return core;
}

static int submit_that_may_end(wt_file file, uint64_t offset, int value, size_t length, uint32_t flags,
                               uint64_t token) {
    uint8_t bytes[2 * BLOCK];
    struct iovec iov = {bytes, length};
    struct wt_cursor cursor;
    CHECK(length <= sizeof bytes);
    memset(bytes, value, length);
    wt_cursor_of_iovec(&cursor, &iov);
    return wt_write_submit_cursor(file, &cursor, length, offset, WT_DURABILITY_FILE, flags | WT_MAY_END, token);
}

TEST(a_write_that_ends_in_its_call_is_told_of_by_the_call_alone) {
    struct wt_backend_ops at_once;
    struct core core = core_at_once(&at_once);
    wt_file file = core_file(&core, "file");
    for (int i = 1; i < 100; i++) {
        CHECK_EQ(submit_that_may_end(file, BLOCK, i, BLOCK, 0, 1), 1);
        check_filled(file, BLOCK, i, BLOCK);
    }
    check_no_event(core.engine);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 2 * BLOCK);
    CHECK_OK(wt_truncate(file, 0)); /* nothing is inside the gate */
    core_close(&core);
}

TEST(an_append_and_a_write_that_fails_have_an_event_also_if_they_end_in_their_call) {
    struct wt_backend_ops at_once;
    struct core core = core_at_once(&at_once);
    wt_file file = core_file(&core, "file");
    CHECK_EQ(submit_that_may_end(file, 0, 1, BLOCK, WT_APPEND, 1), 0);
    check_event(next_event(core.engine), 1, BLOCK, BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .error = -EIO});
    CHECK_EQ(submit_that_may_end(file, 0, 2, BLOCK, 0, 2), 0);
    check_event(next_event(core.engine), 2, -EIO, 0);
    check_no_event(core.engine);
    core_close(&core);
}

TEST(a_write_that_ends_later_has_an_event) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_EQ(submit_that_may_end(file, 0, 1, BLOCK, 0, 1), 0);
    check_event(next_event(core.engine), 1, BLOCK, BLOCK);
    check_no_event(core.engine);
    core_close(&core);
}

TEST(who_writes_from_elsewhere_may_not_ask_for_an_end_in_the_call) {
    struct core core = core_open(NULL, NULL);
    CHECK_EQ(submit_as(core_file(&core, "file"), 0, 1, 1, WT_DURABILITY_FILE, WT_MAY_END, 1), -EINVAL);
    check_no_event(core.engine);
    core_close(&core);
}
