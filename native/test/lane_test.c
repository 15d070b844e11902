// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Lanes: on the simulated disk, whose I/O is let go when the test says so, and on real files in every directory of
 * WT_TEST_DIRS and on every backend. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/lane.h"

enum { BLOCK = 4096 };

static const int64_t soon = INT64_C(20000000000);

static struct core core_threaded(void) {
    return core_open(&(struct sim_options){.threaded = true}, NULL);
}

static wt_lane open_lane(wt_engine engine) {
    wt_lane lane = 0;
    CHECK_OK(wt_lane_open(engine, 0, &lane));
    CHECK(lane != 0);
    return lane;
}

/* Starts a write of length bytes of one value from memory that is overwritten at once. */
static int start_as(wt_lane lane, wt_file file, uint64_t offset, int value, size_t length, uint32_t flags,
                    uint64_t token) {
    uint8_t *bytes = malloc(length + 1);
    CHECK(bytes != NULL);
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    int rc = wt_lane_write(lane, file, &iov, 1, offset, 0, flags, token);
    memset(bytes, 0xee, length);
    free(bytes);
    return rc;
}

static void start(wt_lane lane, wt_file file, uint64_t offset, int value, size_t length, uint64_t token) {
    CHECK_OK(start_as(lane, file, offset, value, length, 0, token));
}

static struct wt_event next_event(wt_lane lane) {
    struct wt_event event;
    CHECK_EQ(wt_lane_poll(lane, &event, 1, soon), 1);
    return event;
}

static void check_next(wt_lane lane, uint64_t token, int64_t result, uint64_t offset) {
    struct wt_event event = next_event(lane);
    CHECK_EQ(event.token, token);
    CHECK_EQ(event.result, result);
    CHECK_EQ(event.stable_bytes, result > 0 ? result : 0);
    CHECK_EQ(event.offset, offset);
}

static void check_no_event(wt_lane lane) {
    struct wt_event event;
    CHECK_EQ(wt_lane_poll(lane, &event, 1, 0), 0);
}

/* ---- another thread ---- */

struct call {
    void (*function)(struct call *);
    struct core *core;
    wt_engine engine;
    wt_lane lane;
    wt_file file;
    uint64_t offset;
    size_t length;
    int value;
    atomic_bool done;
    pthread_t thread;
};

static void *call_thread(void *argument) {
    struct call *call = argument;
    call->function(call);
    atomic_store(&call->done, true);
    return NULL;
}

static void call_start(struct call *call, void (*function)(struct call *)) {
    call->function = function;
    call->thread = test_thread(call_thread, call);
}

static void write_of_call(struct call *call) {
    fill_at(call->file, call->offset, call->value, call->length);
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void use_of_call(struct call *call) {
    struct wt_event event;
    CHECK_EQ(start_as(call->lane, call->file, 0, 1, 1, 0, 0), -EPERM);
    CHECK_EQ(wt_lane_fetch(call->lane, call->file, 0, 1, 0, 0), -EPERM);
    CHECK_EQ(wt_lane_send(call->lane), -EPERM);
    CHECK_EQ(wt_lane_poll(call->lane, &event, 1, 0), -EPERM);
    CHECK_EQ(wt_lane_close(call->lane), -EPERM);
}

TEST(a_lane_is_for_one_thread) {
    struct core core = core_open(NULL, NULL);
    struct call other = {.lane = open_lane(core.engine), .file = core_file(&core, "file")};
    call_start(&other, use_of_call);
    test_join(other.thread);
    start(other.lane, other.file, 0, 1, 1, 0);
    check_next(other.lane, 0, 1, 0);
    CHECK_OK(wt_lane_close(other.lane));
    use_of_call(&other); /* a closed one is for none */
    core_close(&core);
}

TEST(what_a_lane_cannot_be_asked_is_refused) {
    struct core core = core_open(NULL, NULL), another = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file"), of_another = core_file(&another, "file");
    wt_lane lane = 0;
    struct wt_event event;
    CHECK_EQ(wt_lane_open(core.engine, 0, NULL), -EINVAL);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(wt_lane_open(core.engine, (uint32_t[]){1, 4, 12, 8192}[i], &lane), -EINVAL);
    }
    CHECK_EQ(wt_lane_open(file, 0, &lane), -EBADF);
    CHECK_EQ(wt_lane_poll(lane, &event, 1, 0), -EBADF);
    CHECK_EQ(wt_lane_close(0), -EBADF);
    CHECK_EQ(wt_lane_send(core.engine), -EBADF);
    CHECK_EQ(wt_lane_send(UINT64_MAX), -EBADF);
    lane = open_lane(core.engine);
    CHECK_EQ(wt_lane_poll(lane, NULL, 1, 0), -EINVAL);
    CHECK_EQ(wt_lane_poll(lane, &event, 0, 0), -EINVAL);
    CHECK_EQ(start_as(lane, of_another, 0, 1, 1, 0, 0), -EXDEV);
    CHECK_EQ(wt_lane_fetch(lane, of_another, 0, 1, 0, 0), -EXDEV);
    CHECK_EQ(start_as(lane, file, 0, 1, 1, WT_LATER, 0), -EINVAL);
    CHECK_EQ(wt_lane_write(lane, file, NULL, -1, 0, 0, 0, 0), -EINVAL);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(start_as(lane, file, 0, 1, 1, 0, 0), -EBADF);
    check_no_event(lane);
    CHECK_OK(wt_lane_close(lane));
    core_close(&another);
    core_close(&core);
}

TEST(an_engine_is_not_closed_while_a_lane_is_open) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine), more = open_lane(core.engine);
    CHECK_EQ(wt_engine_shutdown(core.engine), -EBUSY);
    CHECK_EQ(wt_engine_close(core.engine), -EBUSY);
    start(lane, file, 0, 1, 10, 1); /* nothing was closed */
    check_next(lane, 1, 10, 0);
    CHECK_OK(wt_lane_close(lane));
    CHECK_EQ(wt_engine_close(core.engine), -EBUSY);
    CHECK_OK(wt_lane_close(more));
    CHECK_OK(wt_engine_shutdown(core.engine));
    CHECK_EQ(wt_lane_open(core.engine, 0, &lane), -EBADF);
    core_close(&core);
}

TEST(an_engine_for_an_event_loop_has_no_lanes) {
    wt_engine engine;
    wt_lane lane = 0;
    CHECK_OK(wt_engine_open_external(NULL, &engine));
    CHECK_EQ(wt_lane_open(engine, 0, &lane), -EOPNOTSUPP);
    CHECK_OK(wt_engine_close(engine));
}

static void use_as_child(void *argument) {
    const struct call *call = argument;
    struct wt_event event;
    CHECK_EQ(wt_lane_poll(call->lane, &event, 1, 0), -EPERM);
    CHECK_EQ(wt_lane_close(call->lane), -EPERM);
    struct core core = core_open(NULL, NULL);
    wt_lane lane = open_lane(core.engine);
    CHECK(lane != call->lane);
    start(lane, core_file(&core, "file"), 0, 1, 10, 1);
    check_next(lane, 1, 10, 0);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(a_child_of_fork_has_none_of_its_parents_lanes) {
    struct core core = core_open(NULL, NULL);
    struct call call = {.lane = open_lane(core.engine), .file = core_file(&core, "file")};
    start(call.lane, call.file, 0, 1, 10, 1);
    CHECK_EQ(test_in_child(use_as_child, &call), 0);
    check_next(call.lane, 1, 10, 0);
    CHECK_OK(wt_lane_close(call.lane));
    core_close(&core);
}

/* ---- when I/O begins, and ends ----------------------------------------------------------------------------------- */

TEST(writes_of_a_lane_are_read_at_once_and_leave_together_when_it_is_polled) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    fill_at(file, 0, 1, 8 * BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < 8; i++) {
        start(lane, file, i * BLOCK, 2 + (int)i, BLOCK, i);
        CHECK_EQ(byte_of(file, i * BLOCK + 17), 2 + i);
    }
    CHECK_EQ(sim_in_flight(core.sim), 0);
    check_no_event(lane);
    CHECK_EQ(sim_wait_in_flight(core.sim, 8), 8);
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 8; i++) {
        struct wt_event event = next_event(lane);
        CHECK_EQ(event.result, BLOCK);
        check_stable(&core, event.token * BLOCK, 2 + (int)event.token, BLOCK);
    }
    check_no_event(lane);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(what_a_lane_is_told_to_send_is_sent) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    sim_hold(core.sim);
    start(lane, file, 0, 2, BLOCK, 1);
    CHECK_EQ(sim_in_flight(core.sim), 0);
    CHECK_OK(wt_lane_send(lane));
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    sim_release_all(core.sim);
    check_next(lane, 1, BLOCK, 0);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(a_poll_waits_as_long_as_it_is_told_and_not_for_nothing) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    struct wt_event events[4];
    CHECK_EQ(wt_lane_poll(lane, events, 4, -1), 0); /* nothing is under way */
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < 4; i++) {
        start(lane, file, i * BLOCK, 2, BLOCK, i);
    }
    CHECK_EQ(wt_lane_poll(lane, events, 4, 1000000), 0);
    sim_release_all(core.sim);
    unsigned count = 0;
    while (count < 4) {
        int taken = wt_lane_poll(lane, events, 3, -1);
        CHECK(taken > 0 && taken <= 3);
        count += (unsigned)taken;
    }
    CHECK_EQ(wt_lane_poll(lane, events, 4, INT64_MAX), 0);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(a_prefetch_of_a_lane_brings_bytes_into_the_cache) {
    struct core core = core_threaded();
    uint8_t bytes[2 * BLOCK];
    memset(bytes, 7, sizeof bytes);
    sim_put(core.sim, "file", bytes, sizeof bytes);
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    struct iovec iov = {bytes, sizeof bytes};
    CHECK_EQ(wt_read_cached(file, &iov, 1, 0), -EAGAIN);
    CHECK_OK(wt_lane_fetch(lane, file, 0, sizeof bytes, 0, 3));
    struct wt_event event = next_event(lane);
    CHECK_EQ(event.token, 3);
    CHECK_EQ(event.result, sizeof bytes);
    CHECK_EQ(wt_read_cached(file, &iov, 1, 0), sizeof bytes);
    CHECK_OK(wt_lane_fetch(lane, file, 0, sizeof bytes, 0, 4)); /* nothing to do */
    CHECK_EQ(next_event(lane).token, 4);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(an_error_is_told_to_the_operation_of_a_lane_that_has_it) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    fill_at(file, 0, 1, 3 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .offset = BLOCK, .length = 1, .error = -EIO});
    for (unsigned i = 0; i < 3; i++) {
        start(lane, file, i * BLOCK, 2, BLOCK, i);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct wt_event event = next_event(lane);
        CHECK_EQ(event.result, event.token == 1 ? -EIO : BLOCK);
        CHECK_EQ(event.stable_bytes, event.token == 1 ? 0 : BLOCK);
    }
    sim_heal(core.sim);
    CHECK_EQ(byte_of(file, BLOCK), 1);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(events_of_a_lane_that_nobody_takes_have_a_bound) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    fill_at(file, 0, 1, BLOCK);
    wt_lane_of_thread(lane)->begun = WT_LANE_OPERATIONS_MOST - 1;
    start(lane, file, 0, 2, 1, 1);
    CHECK_EQ(start_as(lane, file, 0, 3, 1, 0, 2), -ENOBUFS);
    CHECK_EQ(wt_lane_fetch(lane, file, 0, 1, 0, 2), -ENOBUFS);
    check_next(lane, 1, 1, 0);
    start(lane, file, 0, 3, 1, 2);
    check_next(lane, 2, 1, 0);
    wt_lane_of_thread(lane)->begun = 0;
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

/* ---- others ------------------------------------------------------------------------------------------------------ */

static void release_of_call(struct call *call) {
    let_others_run();
    sim_release_all(call->core->sim);
}

TEST(a_lane_that_sleeps_is_woken_by_what_ends_on_another_thread) {
    const int64_t long_ns = INT64_C(4000000000);
    struct core core = core_threaded();
    struct call other = {.core = &core};
    struct wt_event event;
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    fill_at(file, 0, 1, BLOCK);
    sim_hold(core.sim);
    start(lane, file, 0, 2, BLOCK, 1);
    call_start(&other, release_of_call);
    int64_t begin_ns = wt_now_ns();
    CHECK_EQ(wt_lane_poll(lane, &event, 1, long_ns), 1);
    CHECK(wt_now_ns() - begin_ns < long_ns);
    test_join(other.thread);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(a_write_of_another_thread_waits_for_the_lanes_block_until_the_lane_is_polled) {
    struct core core = core_threaded();
    struct call writer = {.file = core_file(&core, "file"), .length = 100, .value = 3};
    wt_lane lane = open_lane(core.engine);
    fill_at(writer.file, 0, 1, BLOCK);
    start(lane, writer.file, 0, 2, BLOCK, 1);
    call_start(&writer, write_of_call); /* gathers behind the write that was not sent yet */
    let_others_run();
    CHECK(!atomic_load(&writer.done));
    check_next(lane, 1, BLOCK, 0);
    test_join(writer.thread);
    check_stable(&core, 0, 3, 100);
    check_stable(&core, 100, 2, BLOCK - 100);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(the_thread_of_a_lane_may_wait_for_what_the_lane_has_not_sent) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine), more = open_lane(core.engine);
    fill_at(file, 0, 1, 3 * BLOCK);
    start(lane, file, 0, 2, BLOCK, 1);
    start(more, file, BLOCK, 2, BLOCK, 2);
    fill_at(file, BLOCK / 2, 3, BLOCK); /* waits for both */
    check_stable(&core, 0, 2, BLOCK / 2);
    check_stable(&core, BLOCK / 2, 3, BLOCK);
    start(lane, file, 2 * BLOCK, 4, BLOCK, 3);
    CHECK_OK(wt_truncate(file, 3 * BLOCK + 10)); /* waits for all */
    start(lane, file, 2 * BLOCK, 5, BLOCK, 4);
    CHECK_OK(wt_sync(file));
    CHECK_OK(wt_file_close(file));
    struct wt_event events[3];
    unsigned count = 0;
    while (count < 3) {
        int taken = wt_lane_poll(lane, events, 3, soon);
        CHECK(taken > 0);
        count += (unsigned)taken;
    }
    check_next(more, 2, BLOCK, BLOCK);
    CHECK_OK(wt_lane_close(more));
    CHECK_OK(wt_lane_close(lane));
    check_stable(&core, 2 * BLOCK, 5, BLOCK);
    core_close(&core);
}

TEST(the_thread_of_a_lane_does_not_wait_for_the_room_that_the_lane_keeps) {
    enum { LARGE = 4 << 20 };
    const struct wt_engine_options options = {.cache_bytes = 16 << 20, .in_flight_bytes = LARGE};
    struct core core = core_open(&(struct sim_options){.threaded = true}, &options);
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    start(lane, file, 0, 1, BLOCK, 1);
    CHECK(core_stats(&core).in_flight_bytes > BLOCK);
    fill_at(file, BLOCK, 2, LARGE);
    check_next(lane, 1, BLOCK, 0);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    CHECK_OK(wt_lane_close(lane));
    core_close(&core);
}

TEST(appends_of_lanes_and_of_calls_follow_each_other_without_gaps) {
    struct core core = core_threaded();
    struct call writer = {.engine = core.engine, .file = core_file(&core, "file")};
    wt_lane lane = open_lane(core.engine), more = open_lane(core.engine);
    uint64_t end = 0;
    struct iovec iov = {(void *)(uintptr_t) "call", 4};
    for (unsigned i = 0; i < 20; i++) {
        CHECK_OK(start_as(lane, writer.file, 0, 2, 100, WT_APPEND, i));
        CHECK_OK(start_as(more, writer.file, 0, 3, 50, WT_APPEND, i));
        CHECK_EQ(wt_write_with(writer.file, &iov, 1, &end, 0, WT_APPEND, NULL), 4);
        CHECK_EQ(end, i * 154 + 150);
        check_next(lane, i, 100, i * 154);
        check_next(more, i, 50, i * 154 + 100);
    }
    CHECK_EQ(wt_size(writer.file), 20 * 154);
    CHECK_OK(wt_lane_close(lane));
    CHECK_OK(wt_lane_close(more));
    core_close(&core);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

TEST(a_lane_is_closed_when_its_operations_have_ended) {
    struct core core = core_threaded();
    wt_file file = core_file(&core, "file");
    wt_lane lane = open_lane(core.engine);
    for (unsigned i = 0; i < 40; i++) {
        start(lane, file, i * BLOCK, 2, BLOCK, i);
        CHECK_OK(wt_lane_fetch(lane, file, i * BLOCK, BLOCK, 0, i));
    }
    CHECK_OK(wt_lane_close(lane));
    check_stable(&core, 0, 2, 40 * BLOCK);
    core_close(&core);
}

static void leave_open(struct call *call) {
    wt_lane lane = open_lane(call->engine), more = open_lane(call->engine);
    for (unsigned i = 0; i < 20; i++) {
        start(lane, call->file, i * BLOCK, 2, BLOCK, i);
        start(more, call->file, (20 + i) * BLOCK, 2, BLOCK, i);
    }
    CHECK_OK(wt_lane_send(more));
}

TEST(the_lanes_of_a_thread_that_ends_are_closed) {
    struct core core = core_threaded();
    struct call call = {.engine = core.engine, .file = core_file(&core, "file")};
    call_start(&call, leave_open);
    test_join(call.thread);
    check_stable(&core, 0, 2, 40 * BLOCK);
    core_close(&core);
}

/* ---- on real files ----------------------------------------------------------------------------------------------- */

static char file_path[512];

struct place {
    wt_engine engine;
    wt_file file;
    uint32_t backend;
};

static void everywhere(void (*body)(const struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (uint32_t backend = WT_BACKEND_IO_URING; backend <= WT_BACKEND_THREADS; backend++) {
            CONTEXT("in %s, backend %u", test_directory(i), (unsigned)backend);
            CHECK(snprintf(file_path, sizeof file_path, "%s/file", test_make_directory(test_directory(i))) <
                  (int)sizeof file_path);
            struct place place = {.backend = backend};
            const struct wt_engine_options options = {.cache_bytes = 4 << 20, .backend = backend};
            int rc = wt_engine_open(&options, &place.engine);
            if (backend == WT_BACKEND_IO_URING && (rc == -EPERM || rc == -ENOSYS)) {
                continue;
            }
            CHECK_OK(rc);
            CHECK_OK(wt_file_open(place.engine, file_path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, 0,
                                  &place.file));
            body(&place);
            CHECK_OK(wt_engine_close(place.engine));
        }
    }
}

enum { WRITES = 400, IN_FLIGHT = 32 };

static void write_by_lane(const struct place *place) {
    wt_lane lane = open_lane(place->engine);
    struct wt_event events[IN_FLIGHT];
    unsigned begun = 0, ended = 0;
    fill_at(place->file, 0, 1, 64 * BLOCK);
    while (ended < WRITES) {
        while (begun < WRITES && begun - ended < IN_FLIGHT) {
            start(lane, place->file, begun % 64 * BLOCK, 1 + (int)(begun / 64), BLOCK, begun);
            begun++;
        }
        int count = wt_lane_poll(lane, events, IN_FLIGHT, begun % 2 ? soon : -1);
        CHECK(count > 0);
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, BLOCK);
        }
        ended += (unsigned)count;
    }
    CHECK_OK(wt_lane_close(lane));
    for (unsigned i = 0; i < 64; i++) {
        test_check_file(file_path, i * BLOCK, 1 + (int)((WRITES - 1 - i) / 64), BLOCK);
    }
}

TEST(a_lane_writes_real_files) {
    everywhere(write_by_lane);
}

static void append_by_lanes_of_call(struct call *call) {
    wt_lane lane = open_lane(call->engine);
    unsigned begun = 0, ended = 0;
    while (ended < WRITES) {
        while (begun < WRITES && begun - ended < 8) {
            CHECK_OK(start_as(lane, call->file, 0, call->value, 100, WT_APPEND, begun++));
        }
        struct wt_event event = next_event(lane);
        CHECK_EQ(event.result, 100);
        CHECK_EQ(event.offset % 100, 0);
        CHECK_EQ(byte_of(call->file, event.offset), call->value);
        ended++;
    }
}

static void append_by_lanes(const struct place *place) {
    struct call calls[3];
    memset(calls, 0, sizeof calls);
    for (int i = 0; i < 3; i++) {
        calls[i].engine = place->engine;
        calls[i].file = place->file;
        calls[i].value = 1 + i;
        call_start(&calls[i], append_by_lanes_of_call);
    }
    for (unsigned i = 0; i < 3; i++) {
        test_join(calls[i].thread);
    }
    CHECK_EQ(wt_size(place->file), 3 * WRITES * 100);
}

TEST(lanes_of_several_threads_append_to_one_file) {
    everywhere(append_by_lanes);
}

/* A thread that ends while the kernel has its I/O: nothing is lost, and nobody waits for ever. */
static void end_with_lane(const struct place *place) {
    struct call call = {.engine = place->engine, .file = place->file};
    call_start(&call, leave_open);
    test_join(call.thread);
    test_check_file(file_path, 0, 2, 40 * BLOCK);
}

TEST(the_lanes_of_a_thread_that_ends_leave_their_bytes_on_real_files) {
    everywhere(end_with_lane);
}

/*
 * Threads whose lanes write one block, and that meet when nothing of their lanes is under way: what a lane's ring carries for
 * the other thread has ended by then.
 */
enum { MEETINGS = 300 };

struct meeting {
    struct call call;
    const struct meeting *other;
    atomic_uint at;
};

static void await_other(const struct meeting *meeting) {
    int64_t until_ns = wt_now_ns() + soon;
    while (atomic_load(&meeting->other->at) < atomic_load(&meeting->at)) {
        CHECK(wt_now_ns() < until_ns);
        sched_yield();
    }
}

static void *write_and_meet(void *argument) {
    struct meeting *meeting = argument;
    wt_lane lane = open_lane(meeting->call.engine);
    struct wt_event events[4];
    for (unsigned i = 0; i < MEETINGS; i++) {
        for (unsigned under_way = 0; under_way < 4; under_way++) {
            start(lane, meeting->call.file, 0, meeting->call.value, BLOCK, under_way);
        }
        for (int under_way = 4; under_way > 0;) {
            int count = wt_lane_poll(lane, events, 4, soon);
            CHECK(count > 0);
            under_way -= count;
        }
        atomic_fetch_add(&meeting->at, 1);
        await_other(meeting);
    }
    struct wt_engine_stats stats;
    CHECK_OK(wt_engine_stats(meeting->call.engine, &stats));
    CHECK_EQ(stats.in_flight_bytes, 0);
    atomic_fetch_add(&meeting->at, 1);
    await_other(meeting);
    CHECK_OK(wt_lane_close(lane));
    return NULL;
}

static void meet(const struct place *place) {
    struct meeting meetings[2];
    memset(meetings, 0, sizeof meetings);
    for (int i = 0; i < 2; i++) {
        meetings[i].call = (struct call){.engine = place->engine, .file = place->file, .value = 1 + i};
        meetings[i].other = &meetings[1 - i];
    }
    pthread_t thread = test_thread(write_and_meet, &meetings[0]);
    (void)write_and_meet(&meetings[1]);
    test_join(thread);
}

TEST(a_lane_with_nothing_under_way_carries_nothing_for_others) {
    everywhere(meet);
}

/* Of one thread: a lane's write gathers behind one of its other lane. */
static void wait_for_own_lanes(const struct place *place) {
    wt_lane lane = open_lane(place->engine), more = open_lane(place->engine);
    for (unsigned i = 0; i < 20; i++) {
        start(more, place->file, 0, 1, BLOCK, 1);
        CHECK_OK(i % 2 ? wt_lane_send(more) : 0);
        start(lane, place->file, 0, 2, BLOCK, 2);
        check_next(lane, 2, BLOCK, 0);
        check_next(more, 1, BLOCK, 0);
    }
    start(more, place->file, 0, 3, BLOCK, 1);
    start(lane, place->file, 0, 4, BLOCK, 2);
    CHECK_OK(wt_lane_close(lane));
    test_check_file(file_path, 0, 4, BLOCK);
    CHECK_OK(wt_lane_close(more));
}

TEST(a_lane_waits_for_io_of_the_other_lanes_of_its_thread) {
    everywhere(wait_for_own_lanes);
}

/* Two lanes and a thread that waits write the same few blocks: each sees the other's I/O as its own. */
static void overwrite_of_call(struct call *call) {
    wt_lane lane = call->value > 1 ? open_lane(call->engine) : 0;
    struct test_random random = test_random_of((uint64_t)call->value);
    unsigned under_way = 0;
    for (unsigned i = 0; i < WRITES; i++) {
        uint64_t offset = test_random_below(&random, 8) * BLOCK + test_random_below(&random, 2) * 1000;
        if (lane == 0) {
            fill_at(call->file, offset, call->value, 500);
            continue;
        }
        start(lane, call->file, offset, call->value, 500, i);
        struct wt_event events[8];
        int count = wt_lane_poll(lane, events, 8, ++under_way == 8 ? soon : 0);
        for (int k = 0; k < count; k++) {
            CHECK_EQ(events[k].result, 500);
        }
        under_way -= (unsigned)count;
    }
}

static void overwrite_together(const struct place *place) {
    struct call calls[3];
    memset(calls, 0, sizeof calls);
    fill_at(place->file, 0, 9, 8 * BLOCK);
    for (int i = 0; i < 3; i++) {
        calls[i].engine = place->engine;
        calls[i].file = place->file;
        calls[i].value = 1 + i;
        call_start(&calls[i], overwrite_of_call);
    }
    for (unsigned i = 0; i < 3; i++) {
        test_join(calls[i].thread);
    }
    uint8_t cached[8 * BLOCK], stored[8 * BLOCK];
    CHECK_EQ(read_at(place->file, 0, cached, sizeof cached), sizeof cached);
    int fd = open(file_path, O_RDONLY);
    CHECK_OK(fd);
    CHECK_EQ(pread(fd, stored, sizeof stored, 0), sizeof stored);
    CHECK_EQ(close(fd), 0);
    CHECK_BYTES(stored, cached, sizeof stored);
}

TEST(lanes_and_calls_overwrite_the_same_blocks) {
    everywhere(overwrite_together);
}
