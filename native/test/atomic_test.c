// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Atomic writes: one I/O each, alone on its blocks, and whole or absent after every failure and every power cut. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, FOLIO = 64 * BLOCK, MOST = 1 << 20, ROOM = 4 << 20 };

static const int64_t soon = INT64_C(20000000000);

static uint8_t bytes[ROOM];

static struct core open_with(struct sim_options options) {
    options.atomic_bytes = MOST;
    return core_open(&options, &(struct wt_engine_options){.cache_bytes = 16 << 20});
}

static int64_t write_with(wt_file file, uint64_t offset, const void *from, size_t length, uint32_t durability,
                          uint32_t flags) {
    struct iovec iov = {(void *)(uintptr_t)from, length};
    uint64_t stable = 77;
    int64_t result = wt_write_with(file, &iov, 1, &offset, durability, flags, &stable);
    CHECK_EQ(stable, result < 0 ? 0 : length);
    return result;
}

static int64_t write_atomic(wt_file file, uint64_t offset, int value, size_t length) {
    uint8_t *from = malloc(length);
    CHECK(from != NULL);
    memset(from, value, length);
    int64_t result = write_with(file, offset, from, length, WT_DURABILITY_FILE, WT_ATOMIC);
    free(from);
    return result;
}

static int submit_with(wt_file file, uint64_t offset, int value, size_t length, uint32_t flags, uint64_t token) {
    uint8_t *from = malloc(length);
    CHECK(from != NULL);
    memset(from, value, length);
    struct iovec iov = {from, length};
    int rc = wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, flags, token);
    free(from);
    return rc;
}

static struct wt_event reap(const struct core *core) {
    struct wt_event event;
    CHECK_EQ(wt_reap(core->engine, &event, 1, soon), 1);
    return event;
}

/* Leaves every page of a range in memory of its own, none beside its neighbour's. */
static void scatter(wt_file file, uint64_t offset, uint64_t length) {
    for (uint64_t at = 0; at < length; at += 2 * BLOCK) {
        (void)byte_of(file, offset + length - BLOCK - at);
    }
    for (uint64_t at = 0; at < length; at += 2 * BLOCK) {
        (void)byte_of(file, offset + at);
    }
}

/* ---- one write --------------------------------------------------------------------------------------------------- */

static void write_each_length(uint32_t block_bytes, uint32_t durability) {
    struct core core = open_with((struct sim_options){.block_bytes = block_bytes});
    struct model model = model_new(ROOM);
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, bytes, sizeof bytes);
    sim_put(core.sim, "file", bytes, ROOM);
    wt_file file = core_file(&core, "file");
    model_write(&model, 0, bytes, ROOM);
    for (size_t length = block_bytes; length <= MOST; length *= 2) {
        for (unsigned scattered = 0; scattered < 2; scattered++) {
            uint64_t offset = (scattered != 0 ? 1 : 2) * length;
            const uint8_t *from = bytes + length / 3 + scattered;
            CONTEXT("block %u, length %zu, scattered %u", block_bytes, length, scattered);
            core_reopen(&core);
            file = core_file(&core, "file");
            if (scattered != 0 && length > BLOCK) {
                scatter(file, offset, length);
            }
            sim_clear_log(core.sim);
            CHECK_EQ(write_with(file, offset, from, length, durability, WT_ATOMIC), length);
            model_write(&model, offset, from, length);
            CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
            CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
            struct sim_record record = sim_record(core.sim, SIM_WRITE, 0);
            CHECK(record.atomic);
            CHECK_EQ(record.offset, offset);
            CHECK_EQ(record.length, length);
            CHECK_EQ(record.segment_count, 1);
            CHECK_EQ(record.durability, durability);
            sim_clear_log(core.sim);
            check_read(file, &model, offset, length);
            CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
        }
    }
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(an_atomic_write_of_any_length_is_one_io_of_one_piece_and_is_cached) {
    write_each_length(4096, WT_DURABILITY_DSYNC);
    write_each_length(1024, WT_DURABILITY_DSYNC);
    write_each_length(4096, WT_DURABILITY_SYNC);
}

TEST(an_atomic_write_gathers_pieces_of_memory) {
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    struct iovec iov[3] = {{bytes + 5, 100}, {bytes + 9000, 3 * BLOCK}, {bytes + 300, BLOCK - 100}};
    struct model model = model_new(ROOM);
    struct test_random random = test_random_of(3);
    test_random_bytes(&random, bytes, sizeof bytes);
    uint64_t offset = 4 * BLOCK;
    fill_at(file, 0, 1, 16 * BLOCK);
    memset(model.bytes, 1, 16 * BLOCK);
    model.size = 16 * BLOCK;
    CHECK_EQ(wt_write_with(file, iov, 3, &offset, 0, WT_ATOMIC, NULL), 4 * BLOCK);
    model_write(&model, 4 * BLOCK, bytes + 5, 100);
    model_write(&model, 4 * BLOCK + 100, bytes + 9000, 3 * BLOCK);
    model_write(&model, 7 * BLOCK + 100, bytes + 300, BLOCK - 100);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(what_cannot_be_atomic_is_refused_and_changes_nothing) {
    static const struct {
        uint64_t offset;
        size_t length;
    } refused[] = {{0, 100},           {0, 3 * BLOCK}, {0, BLOCK / 2},         {BLOCK, 2 * BLOCK},
                   {1, BLOCK},         {0, 2 * MOST},  {8 * BLOCK, 8 * BLOCK}, /* the file ends within */
                   {10 * BLOCK, BLOCK}};
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 10 * BLOCK + 100);
    sim_clear_log(core.sim);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CONTEXT("%zu bytes at %llu", refused[i].length, (unsigned long long)refused[i].offset);
        CHECK_EQ(write_with(file, refused[i].offset, bytes, refused[i].length, 0, WT_ATOMIC), -EINVAL);
        CHECK_EQ(submit_with(file, refused[i].offset, 2, refused[i].length, WT_ATOMIC, 1), -EINVAL);
        CHECK_EQ(submit_with(file, refused[i].offset, 2, refused[i].length, WT_ATOMIC | WT_NOWAIT, 1), -EINVAL);
    }
    CHECK_EQ(write_with(file, 0, bytes, 0, 0, WT_ATOMIC), 0);
    CHECK_EQ(sim_count(core.sim, ~0u), 0);
    check_filled(file, 0, 1, 10 * BLOCK + 100);
    core_close(&core);
}

TEST(there_are_no_atomic_writes_where_the_file_has_none_or_the_engine_is_too_small) {
    struct core none = core_open(NULL, NULL);
    wt_file file = core_file(&none, "file");
    CHECK_EQ(write_atomic(file, 0, 1, BLOCK), -EOPNOTSUPP);
    CHECK_EQ(wt_size(file), 0);
    core_close(&none);
    struct core buffered = core_open(&(struct sim_options){.buffered = true}, NULL);
    CHECK_EQ(write_atomic(core_file(&buffered, "file"), 0, 1, BLOCK), -EOPNOTSUPP);
    core_close(&buffered);
    struct core small = core_open(&(struct sim_options){.atomic_bytes = MOST},
                                  &(struct wt_engine_options){.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10});
    file = core_file(&small, "file");
    fill_at(file, 0, 1, FOLIO);
    CHECK_EQ(write_atomic(file, 0, 2, 64 << 10), -EMSGSIZE);
    for (unsigned i = 0; i < 40; i++) {
        CHECK_EQ(write_atomic(file, i % 16 * (4 * BLOCK), 3, 4 * BLOCK), 4 * BLOCK);
    }
    check_filled(file, 0, 3, 64 * BLOCK);
    check_cache_is_disk(&small, file, "file");
    core_close(&small);
}

TEST(an_atomic_write_lets_the_file_grow_from_its_end_and_behind_it) {
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    CHECK_EQ(write_atomic(file, 0, 1, 4 * BLOCK), 4 * BLOCK);
    CHECK_EQ(write_atomic(file, 4 * BLOCK, 2, 4 * BLOCK), 4 * BLOCK);
    CHECK_EQ(wt_size(file), 8 * BLOCK);
    CHECK_EQ(write_atomic(file, 16 * BLOCK, 3, BLOCK), BLOCK);
    CHECK_EQ(sim_stable_size(core.sim, "file"), 17 * BLOCK);
    check_filled(file, 8 * BLOCK, 0, 8 * BLOCK);
    CHECK_OK(wt_file_grow_ahead(file, 1 << 20));
    CHECK_EQ(write_atomic(file, 32 * BLOCK, 4, 8 * BLOCK), 8 * BLOCK);
    fill_at(file, 40 * BLOCK, 5, 100);
    CHECK_EQ(write_atomic(file, 40 * BLOCK, 6, 8 * BLOCK), 8 * BLOCK); /* the file on disk goes on behind it */
    CHECK_EQ(wt_size(file), 48 * BLOCK);
    check_filled(file, 32 * BLOCK, 4, 8 * BLOCK);
    check_stable(&core, 40 * BLOCK, 6, 8 * BLOCK);
    CHECK_OK(wt_file_close(file));
    CHECK_EQ(sim_size(core.sim, "file"), 48 * BLOCK);
    core_close(&core);
}

TEST(an_end_that_growth_ahead_did_not_move_is_moved_before_an_atomic_write_over_it) {
    struct core core = open_with((struct sim_options){.no_reserve = true, .holes_unknown = true});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 3 * BLOCK + 100);
    CHECK_OK(wt_file_grow_ahead(file, BLOCK));
    fill_at(file, 3 * BLOCK + 50, 2, 10); /* up to the next block nothing can be reserved, and there is no hole */
    CHECK_EQ(sim_size(core.sim, "file"), 3 * BLOCK + 100);
    CHECK_EQ(write_atomic(file, 2 * BLOCK, 3, 2 * BLOCK), 2 * BLOCK);
    CHECK(sim_size(core.sim, "file") > 4 * BLOCK);
    check_stable(&core, 2 * BLOCK, 3, 2 * BLOCK);
    core_close(&core);
}

TEST(an_atomic_append_goes_to_a_multiple_of_its_length_or_nowhere) {
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    for (unsigned i = 0; i < 4; i++) {
        uint64_t offset = 99;
        struct iovec iov = {bytes, 4 * BLOCK};
        memset(bytes, (int)i + 1, 4 * BLOCK);
        CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_ATOMIC | WT_APPEND, NULL), 4 * BLOCK);
        CHECK_EQ(offset, i * 4 * BLOCK);
        CHECK(sim_record(core.sim, SIM_WRITE, i).atomic);
    }
    CHECK_OK(submit_with(file, 0, 5, 4 * BLOCK, WT_ATOMIC | WT_APPEND | WT_NOWAIT, 5));
    CHECK_EQ(reap(&core).offset, 16 * BLOCK);
    fill_at(file, 20 * BLOCK, 6, BLOCK);
    CHECK_EQ(write_with(file, 0, bytes, 4 * BLOCK, 0, WT_ATOMIC | WT_APPEND), -EINVAL);
    CHECK_EQ(submit_with(file, 0, 7, 4 * BLOCK, WT_ATOMIC | WT_APPEND, 7), -EINVAL);
    CHECK_EQ(submit_with(file, 0, 7, 4 * BLOCK, WT_ATOMIC | WT_APPEND | WT_NOWAIT, 7), -EINVAL);
    uint64_t offset = 0;
    struct iovec iov = {bytes, 10};
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_APPEND, NULL), 10);
    CHECK_EQ(offset, 21 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_atomic_write_with_dontcache_leaves_nothing_behind) {
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    CHECK_EQ(write_with(file, 0, bytes, MOST, 0, WT_ATOMIC | WT_DONTCACHE), MOST);
    CHECK_EQ(core_stats(&core).cached_bytes, 0);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- beside others ------------------------------------------------------------------------------------------------- */

struct call {
    wt_file file;
    uint64_t offset;
    size_t length;
    int value;
    uint32_t flags;
    int64_t result;
    atomic_bool done;
    pthread_t thread;
};

static void *call_thread(void *argument) {
    struct call *call = argument;
    uint8_t *from = malloc(call->length);
    CHECK(from != NULL);
    memset(from, call->value, call->length);
    call->result = write_with(call->file, call->offset, from, call->length, 0, call->flags);
    free(from);
    atomic_store(&call->done, true);
    return NULL;
}

static void start(struct call *call, wt_file file, uint64_t offset, int value, size_t length, uint32_t flags) {
    *call = (struct call){.file = file, .offset = offset, .value = value, .length = length, .flags = flags};
    call->thread = test_thread(call_thread, call);
}

static void end(struct call *call) {
    test_join(call->thread);
    CHECK_EQ(call->result, call->length);
}

TEST(an_atomic_write_waits_for_the_io_on_its_blocks_and_goes_alone) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    struct call whole;
    fill_at(file, 0, 1, 16 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    CHECK_OK(submit_with(file, 5 * BLOCK, 2, BLOCK, 0, 1));    /* in flight */
    CHECK_OK(submit_with(file, 5 * BLOCK + 10, 3, 100, 0, 2)); /* collects behind it */
    CHECK_EQ(submit_with(file, 4 * BLOCK, 4, 4 * BLOCK, WT_ATOMIC | WT_NOWAIT, 9), -EAGAIN);
    CHECK_EQ(byte_of(file, 4 * BLOCK), 1);
    start(&whole, file, 4 * BLOCK, 4, 4 * BLOCK, WT_ATOMIC);
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
    CHECK_EQ(byte_of(file, 5 * BLOCK + 10), 3);
    sim_release(core.sim, 1);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1); /* what had collected */
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    sim_release(core.sim, 1);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    struct sim_record record = sim_record(core.sim, SIM_WRITE, 2);
    CHECK(record.atomic);
    CHECK_EQ(record.offset, 4 * BLOCK);
    CHECK_EQ(record.length, 4 * BLOCK);
    sim_release_all(core.sim);
    end(&whole);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 3);
    check_stable(&core, 4 * BLOCK, 4, 4 * BLOCK);
    CHECK_EQ(reap(&core).token + reap(&core).token, 3);
    core_close(&core);
}

TEST(what_arrives_while_an_atomic_write_flies_leaves_after_it) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    struct call second;
    fill_at(file, 0, 1, 32 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    CHECK_OK(submit_with(file, 8 * BLOCK, 2, 8 * BLOCK, WT_ATOMIC, 1));
    CHECK_OK(submit_with(file, 9 * BLOCK + 5, 3, 10, 0, 2));
    CHECK_OK(submit_with(file, 7 * BLOCK, 4, 4 * BLOCK, 0, 3)); /* a block before it leaves at once */
    CHECK_EQ(byte_of(file, 9 * BLOCK + 5), 4);
    start(&second, file, 8 * BLOCK, 5, 8 * BLOCK, WT_ATOMIC);
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 1).length, BLOCK);
    sim_release_at(core.sim, "file", 8 * BLOCK);
    check_stable(&core, 8 * BLOCK, 2, 8 * BLOCK);
    CHECK_EQ(reap(&core).token, 1);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    struct sim_record gather = sim_record(core.sim, SIM_WRITE, 2);
    CHECK(!gather.atomic);
    CHECK_EQ(gather.offset, 8 * BLOCK);
    CHECK_EQ(gather.length, 3 * BLOCK);
    sim_release_all(core.sim);
    end(&second);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 4);
    CHECK(sim_record(core.sim, SIM_WRITE, 3).atomic);
    check_stable(&core, 8 * BLOCK, 5, 8 * BLOCK);
    check_stable(&core, 7 * BLOCK, 4, BLOCK);
    core_close(&core);
}

static void *allocate_thread(void *argument) {
    struct call *call = argument;
    call->result = wt_allocate(call->file, call->offset, call->length);
    return NULL;
}

TEST(an_allocation_that_ends_within_an_atomic_write_waits_for_it) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    CHECK_OK(submit_with(file, 8 * BLOCK, 2, 8 * BLOCK, WT_ATOMIC, 1));
    struct call call = {.file = file, .offset = 9 * BLOCK, .length = BLOCK + 100};
    call.thread = test_thread(allocate_thread, &call);
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_RESERVE), 0); /* else the file would end in the middle of the page */
    CHECK_EQ(sim_size(core.sim, "file"), 8 * BLOCK);
    sim_release_all(core.sim);
    test_join(call.thread);
    CHECK_OK((int)call.result);
    CHECK_EQ(reap(&core).result, 8 * BLOCK);
    CHECK_EQ(wt_size(file), 16 * BLOCK);
    check_stable(&core, 8 * BLOCK, 2, 8 * BLOCK);
    core_close(&core);
}

TEST(who_comes_after_an_atomic_write_that_waits_lets_it_go_first) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    struct call whole, late;
    uint64_t taken = 0;
    fill_at(file, 0, 1, 16 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    CHECK_OK(submit_with(file, 2 * BLOCK, 2, BLOCK, 0, 0));
    start(&whole, file, 0, 4, 4 * BLOCK, WT_ATOMIC);
    int rc;
    while ((rc = submit_with(file, 2 * BLOCK, 3, BLOCK, WT_NOWAIT, 0)) == 0) { /* until the atomic one is there */
        taken++;
        sched_yield();
    }
    CHECK_EQ(rc, -EAGAIN);
    start(&late, file, BLOCK + 7, 5, 100, 0);
    let_others_run();
    CHECK_EQ(byte_of(file, BLOCK + 7), 1);
    sim_release_all(core.sim);
    end(&whole);
    end(&late);
    for (uint64_t i = 0; i < taken + 1; i++) {
        CHECK_EQ(reap(&core).result, BLOCK);
    }
    size_t last = sim_count(core.sim, SIM_WRITE) - 1;
    CHECK(sim_record(core.sim, SIM_WRITE, last - 1).atomic);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, last).offset, BLOCK);
    check_stable(&core, 0, 4, BLOCK);
    check_stable(&core, BLOCK + 7, 5, 100);
    core_close(&core);
}

/*
 * A flush failed: the bytes are on the disk, behind the size, and the next write makes them the file's. Meanwhile a write of
 * a part of that block finds that it would have to wait, and leaves what it prepared.
 */
TEST(a_block_behind_the_size_that_a_failed_write_may_have_reached_is_read_and_not_taken_for_zeros) {
    enum { FAILED = 4 * BLOCK, LAST = 6 * BLOCK };
    struct core core = open_with((struct sim_options){.threaded = true, .no_fua = true});
    wt_file file = core_file(&core, "file");
    struct call whole;
    fill_at(file, 0, 1, 2 * BLOCK);
    sim_hold(core.sim);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_FLUSH, .count = 1, .error = -EIO});
    CHECK_OK(submit_with(file, 0, 2, BLOCK, 0, 1)); /* while it is in flight the size is not restored */
    CHECK_OK(submit_with(file, FAILED, 3, BLOCK, 0, 2));
    CHECK_OK(submit_with(file, LAST, 4, BLOCK, 0, 3));
    start(&whole, file, LAST, 5, BLOCK, WT_ATOMIC);
    let_others_run(); /* until it waits, and others for it */
    sim_release_at(core.sim, "file", FAILED);
    struct wt_event failed = reap(&core);
    CHECK_EQ(failed.token, 2);
    CHECK_EQ(failed.result, -EIO);
    CHECK_EQ(submit_with(file, FAILED + 100, 6, 2 * BLOCK, WT_NOWAIT, 4), -EAGAIN);
    sim_release_all(core.sim);
    end(&whole);
    CHECK_EQ(reap(&core).result + reap(&core).result, 2 * BLOCK);
    CHECK_EQ(wt_size(file), LAST + BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

struct submission {
    wt_file file;
    size_t length;
};

static void *append_thread(void *argument) {
    const struct submission *submission = argument;
    CHECK_OK(submit_with(submission->file, 0, 3, submission->length, WT_ATOMIC | WT_APPEND, 1));
    return NULL;
}

/* As it would be told if it had come behind that write: there the file ends at no multiple of its length. */
TEST(an_atomic_append_is_refused_where_a_write_that_began_after_it_puts_the_end_into_its_place) {
    enum { SIZE = 16 * BLOCK, LENGTH = 4 * BLOCK, END = SIZE + BLOCK + 100 };
    struct core core =
        core_open(&(struct sim_options){.threaded = true, .atomic_bytes = MOST},
                  &(struct wt_engine_options){.cache_bytes = 16 << 20, .in_flight_bytes = SIZE + LENGTH / 2});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, SIZE);
    sim_hold(core.sim);
    CHECK_OK(submit_with(file, 0, 2, SIZE, 0, 0)); /* there is no room in flight for the append */
    struct submission append = {.file = file, .length = LENGTH};
    pthread_t thread = test_thread(append_thread, &append);
    let_others_run();
    CHECK_OK(submit_with(file, SIZE, 4, END - SIZE, 0, 2));
    CHECK_OK(submit_with(file, 0, 5, 10, WT_APPEND, 3));
    sim_release_at(core.sim, "file", SIZE);
    int64_t results[4];
    uint64_t offsets[4];
    for (unsigned i = 0; i < 4; i++) {
        struct wt_event event = reap(&core);
        results[event.token] = event.result;
        offsets[event.token] = event.offset;
        if (event.token == 2) {
            sim_release_at(core.sim, "file", 0);
        } else if (event.token == 1) {
            sim_release_all(core.sim);
        }
    }
    test_join(thread);
    CHECK_EQ(results[0], SIZE);
    CHECK_EQ(results[1], -EINVAL);
    CHECK_EQ(offsets[1], SIZE);
    CHECK_EQ(results[2], END - SIZE);
    CHECK_EQ(results[3], -EINVAL); /* it was behind it */
    CHECK_EQ(wt_size(file), END);
    uint64_t offset = 0;
    struct iovec iov = {bytes, 10};
    CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_APPEND, NULL), 10);
    CHECK_EQ(offset, END);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

struct crowd {
    wt_file file;
    atomic_bool stop;
};

static void *write_on(void *argument) {
    struct crowd *crowd = argument;
    uint8_t record[100];
    memset(record, 9, sizeof record);
    while (!atomic_load(&crowd->stop)) {
        CHECK_EQ(write_at(crowd->file, 3 * BLOCK + 50, record, sizeof record), sizeof record);
    }
    return NULL;
}

TEST(writers_who_never_leave_a_block_alone_do_not_keep_an_atomic_write_waiting_for_ever) {
    enum { WRITERS = 4 };
    struct core core = open_with((struct sim_options){.threaded = true, .shuffle = true});
    struct crowd crowd = {.file = core_file(&core, "file")};
    pthread_t threads[WRITERS];
    fill_at(crowd.file, 0, 1, 16 * BLOCK);
    for (unsigned i = 0; i < WRITERS; i++) {
        threads[i] = test_thread(write_on, &crowd);
    }
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(write_atomic(crowd.file, 0, 20 + i, 4 * BLOCK), 4 * BLOCK);
    }
    atomic_store(&crowd.stop, true);
    for (unsigned i = 0; i < WRITERS; i++) {
        test_join(threads[i]);
    }
    check_stable(&core, 0, 69, 3 * BLOCK + 50);
    check_cache_is_disk(&core, crowd.file, "file");
    core_close(&core);
}

/* One atomic write flies and another waits at every moment. */
TEST(atomic_writes_that_never_leave_a_block_alone_do_not_keep_another_waiting_for_ever) {
    enum { ATOMIC = 12, AHEAD = 3 };
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    struct call atomic[ATOMIC], plain;
    unsigned started = 0, flown = 0;
    fill_at(file, 0, 1, 16 * BLOCK);
    sim_hold(core.sim);
    while (started < AHEAD) {
        start(&atomic[started++], file, 0, 4, 4 * BLOCK, WT_ATOMIC);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    }
    let_others_run();
    start(&plain, file, BLOCK + 7, 5, 100, 0);
    let_others_run();
    CHECK(byte_of(file, BLOCK + 7) != 5);
    while (byte_of(file, BLOCK + 7) != 5) {
        CHECK(started < ATOMIC); /* those that were there before it, and a few */
        sim_release(core.sim, 1);
        flown++;
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
        start(&atomic[started++], file, 0, 4, 4 * BLOCK, WT_ATOMIC);
        let_others_run();
    }
    CHECK(flown >= AHEAD - 1); /* who came before it went before it */
    sim_release_all(core.sim);
    end(&plain);
    for (unsigned i = 0; i < started; i++) {
        end(&atomic[i]);
    }
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(an_atomic_write_lets_those_that_wait_for_its_blocks_go_first) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    struct call first, plain, second;
    fill_at(file, 0, 1, 2 * FOLIO);
    sim_hold(core.sim);
    CHECK_OK(submit_with(file, FOLIO, 2, BLOCK, 0, 1)); /* keeps the first atomic write waiting, in the second folio */
    start(&first, file, 0, 3, 2 * FOLIO, WT_ATOMIC);
    let_others_run();
    start(&plain, file, BLOCK + 7, 4, 100, 0);
    let_others_run();
    sim_clear_log(core.sim);
    CHECK_EQ(submit_with(file, 0, 5, 2 * BLOCK, WT_ATOMIC | WT_NOWAIT, 2), -EAGAIN);
    start(&second, file, 0, 5, 2 * BLOCK, WT_ATOMIC);
    let_others_run();
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    sim_release_all(core.sim);
    end(&first);
    end(&plain);
    end(&second);
    CHECK_EQ(reap(&core).result, BLOCK);
    check_stable(&core, 2 * BLOCK, 3, 2 * FOLIO - 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

struct mixer {
    wt_file file;
    uint64_t seed;
    pthread_t thread;
};

enum { MIX_ROOM = 2 * FOLIO };

static void *mix(void *argument) {
    struct mixer *mixer = argument;
    struct test_random random = test_random_of(mixer->seed);
    for (unsigned i = 0; i < 150; i++) {
        size_t length = (size_t)BLOCK << test_random_below(&random, 8);
        uint64_t offset = test_random_below(&random, MIX_ROOM / length) * length;
        int value = (int)test_random_between(&random, 1, 255);
        if (test_random_one_in(&random, 3)) {
            size_t part = 1 + (size_t)test_random_below(&random, 3 * BLOCK);
            fill_at(mixer->file, test_random_below(&random, MIX_ROOM - part), value, part);
        } else if (test_random_one_in(&random, 3)) {
            (void)byte_of(mixer->file, offset);
        } else {
            CHECK_EQ(write_atomic(mixer->file, offset, value, length), length);
        }
    }
    return NULL;
}

TEST(atomic_and_other_writes_of_many_threads_leave_cache_and_disk_in_agreement) {
    uint64_t seed = test_seed();
    static const uint32_t blocks[] = {4096, 1024, 512};
    for (uint64_t round = 0; round < test_scaled(24); round++) {
        struct mixer mixers[4];
        struct core core = core_open(&(struct sim_options){.seed = seed + round,
                                                           .block_bytes = blocks[round % 3],
                                                           .threaded = true,
                                                           .shuffle = round % 2 == 0,
                                                           .atomic_bytes = MOST},
                                     &(struct wt_engine_options){.cache_bytes = round % 4 < 2 ? 6 << 20 : 16 << 20});
        wt_file file = core_file(&core, "file");
        CONTEXT("seed %llu", (unsigned long long)(seed + round));
        fill_at(file, 0, 1, MIX_ROOM);
        for (unsigned i = 0; i < 4; i++) {
            mixers[i] = (struct mixer){.file = file, .seed = seed + round * 4 + i};
            mixers[i].thread = test_thread(mix, &mixers[i]);
        }
        for (unsigned i = 0; i < 4; i++) {
            test_join(mixers[i].thread);
        }
        CHECK_EQ(wt_size(file), MIX_ROOM);
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

/* ---- failures ------------------------------------------------------------------------------------------------------ */

TEST(a_failed_atomic_write_leaves_nothing_of_itself) {
    struct core core = open_with((struct sim_options){0});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 16 * BLOCK);
    for (uint64_t transfer = 0; transfer < 8; transfer++) {
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE,
                                               .count = 1,
                                               .error = -EIO,
                                               .transfer = transfer * BLOCK,
                                               .scribble = true,
                                               .grows = true});
        uint64_t offset = transfer % 2 == 0 ? 8 * BLOCK : 16 * BLOCK;
        CHECK_EQ(write_atomic(file, offset, 2, 8 * BLOCK), -EIO);
        sim_heal(core.sim);
        CHECK_EQ(wt_size(file), 16 * BLOCK);
        check_filled(file, 0, 1, 16 * BLOCK);
        check_cache_is_disk(&core, file, "file");
    }
    CHECK_EQ(write_atomic(file, 16 * BLOCK, 3, 8 * BLOCK), 8 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(writes_behind_a_failed_atomic_one_lie_on_what_the_device_has) {
    struct core core = open_with((struct sim_options){.threaded = true});
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 2 * FOLIO);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO, .scribble = true});
    sim_hold(core.sim);
    CHECK_OK(submit_with(file, 0, 2, 2 * FOLIO, WT_ATOMIC, 1)); /* through a bounce buffer */
    CHECK_OK(submit_with(file, 3 * BLOCK + 100, 3, 50, 0, 2));
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 2; i++) {
        struct wt_event event = reap(&core);
        CHECK_EQ(event.result, event.token == 1 ? -EIO : 50);
        CHECK_EQ(event.stable_bytes, event.token == 1 ? 0 : 50);
    }
    sim_heal(core.sim);
    check_filled(file, 0, 1, 3 * BLOCK + 100);
    check_filled(file, 3 * BLOCK + 100, 3, 50);
    check_filled(file, 3 * BLOCK + 150, 1, 2 * FOLIO - 3 * BLOCK - 150);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- power --------------------------------------------------------------------------------------------------------- */

enum { PAGE = 4 * BLOCK, PAGES = 6, ROUNDS = 3 };

/* What a page was given in a round: all of it is this byte. */
static int value_of(unsigned round, unsigned page) {
    return (int)(1 + round * PAGES + page);
}

struct page_story {
    int sure;     /* acknowledged */
    int possible; /* begun after that; 0: none */
};

/*
 * A page store without a second copy of anything: pages are overwritten in place, and two are added at the end. True: the power
 * was cut while it did. Counts pages that are neither old nor new.
 */
static bool cut_page_store(uint64_t event, enum sim_cut kind, uint64_t seed, uint32_t durability, uint32_t flags,
                           unsigned *torn) {
    struct core core = open_with((struct sim_options){.seed = seed, .logical_block_bytes = 512});
    wt_file file = core_file(&core, "file");
    struct page_story stories[PAGES + ROUNDS] = {0};
    for (unsigned page = 0; page < PAGES; page++) {
        stories[page].sure = value_of(0, page);
        fill_at(file, (uint64_t)page * PAGE, stories[page].sure, PAGE);
    }
    sim_power_cut_at(core.sim, event, kind, seed);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (unsigned i = 0; i <= PAGES && !sim_is_cut(core.sim); i++) {
            unsigned page = i < PAGES ? i : PAGES + round - 1;
            struct page_story *story = &stories[page];
            uint8_t image[PAGE];
            memset(image, value_of(round, i), PAGE);
            story->possible = value_of(round, i);
            if (write_with(file, (uint64_t)page * PAGE, image, PAGE, durability, flags) == PAGE &&
                durability != WT_DURABILITY_DEVICE) {
                *story = (struct page_story){.sure = story->possible};
            }
        }
        if (durability == WT_DURABILITY_DEVICE && !sim_is_cut(core.sim) && wt_sync(file) == 0) {
            for (unsigned page = 0; page < PAGES + ROUNDS; page++) {
                if (stories[page].possible != 0) {
                    stories[page] = (struct page_story){.sure = stories[page].possible};
                }
            }
        }
    }
    bool cut = sim_is_cut(core.sim);
    core_restart(&core);
    file = core_file(&core, "file");
    uint64_t size = (uint64_t)wt_size(file);
    CHECK((flags & WT_ATOMIC) == 0 || size % PAGE == 0);
    for (unsigned page = 0; page < PAGES + ROUNDS; page++) {
        uint8_t found[PAGE] = {0};
        CHECK(read_at(file, (uint64_t)page * PAGE, found, PAGE) >= 0);
        bool uniform = memcmp(found, found + 1, PAGE - 1) == 0;
        bool known = found[0] == stories[page].sure || found[0] == stories[page].possible;
        *torn += uniform && known ? 0 : 1;
    }
    core_close(&core);
    return cut;
}

static unsigned cut_everywhere(uint32_t durability, uint32_t flags) {
    uint64_t seed = test_seed();
    unsigned torn = 0;
    bool cut = true;
    for (uint64_t event = 1; cut; event += test_step()) {
        CONTEXT("durability %u, flags %u, cut at event %llu", durability, flags, (unsigned long long)event);
        (void)cut_page_store(event, SIM_LOSE_ALL, 0, durability, flags, &torn);
        (void)cut_page_store(event, SIM_KEEP_ALL, 0, durability, flags, &torn);
        for (uint64_t i = 0; i < test_scaled(8); i++) {
            cut = cut_page_store(event, SIM_RANDOM, seed + i, durability, flags, &torn);
        }
        CHECK((flags & WT_ATOMIC) == 0 || torn == 0);
    }
    return torn;
}

TEST(a_page_written_atomically_is_whole_or_absent_at_every_power_cut) {
    CHECK_EQ(cut_everywhere(WT_DURABILITY_DSYNC, WT_ATOMIC), 0);
    CHECK_EQ(cut_everywhere(WT_DURABILITY_DEVICE, WT_ATOMIC), 0);
}

TEST(a_page_written_plainly_is_torn_by_some_power_cut) {
    CHECK(cut_everywhere(WT_DURABILITY_DSYNC, 0) > 0);
    CHECK(cut_everywhere(WT_DURABILITY_DEVICE, 0) > 0);
}
