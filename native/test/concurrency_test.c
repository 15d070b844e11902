// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Several callers at once. The gate of the disk holds I/Os in flight, so that each case is made, not hoped for; the
 * shuffled ones at the end run thousands that nobody thought of. */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"

enum { BLOCK = 4096 };

static struct core core_threaded(uint32_t block_bytes) {
    return core_open(&(struct sim_options){.block_bytes = block_bytes, .threaded = true}, NULL);
}

/* ---- one call on a thread of its own ---- */

struct job {
    enum { WRITE, READ, TRUNCATE, CLOSE, ALLOCATE, ENGINE_CLOSE } what;
    wt_file file;
    uint64_t offset;
    size_t length;
    int value;
    uint32_t durability;
    uint8_t *bytes;
    int64_t result;
    uint64_t stable;
    atomic_bool done;
    pthread_t thread;
};

static int64_t do_job(struct job *job) {
    struct iovec iov = {job->bytes, job->length};
    switch (job->what) {
    case WRITE:
        return wt_write(job->file, &iov, 1, job->offset, job->durability, &job->stable);
    case READ:
        return wt_read(job->file, &iov, 1, job->offset);
    case TRUNCATE:
        return wt_truncate(job->file, job->offset);
    case ALLOCATE:
        return wt_allocate(job->file, job->offset, job->length);
    case CLOSE:
        return wt_file_close(job->file);
    case ENGINE_CLOSE:
        return wt_engine_close(job->file);
    }
    return -EINVAL;
}

static void *job_thread(void *argument) {
    struct job *job = argument;
    job->result = do_job(job);
    atomic_store(&job->done, true);
    return NULL;
}

static void job_start(struct job *job) {
    job->bytes = malloc(job->length + 1);
    CHECK(job->bytes != NULL);
    memset(job->bytes, job->value, job->length);
    job->thread = test_thread(job_thread, job);
}

static int64_t job_end(struct job *job) {
    test_join(job->thread);
    free(job->bytes);
    return job->result;
}

static void start_write(struct job *job, wt_file file, uint64_t offset, int value, size_t length) {
    memset(job, 0, sizeof *job);
    job->what = WRITE;
    job->file = file;
    job->offset = offset;
    job->value = value;
    job->length = length;
    job_start(job);
}

static void start_call(struct job *job, int what, uint64_t file, uint64_t offset, size_t length) {
    memset(job, 0, sizeof *job);
    job->what = (unsigned)what;
    job->file = file;
    job->offset = offset;
    job->length = length;
    job_start(job);
}

/* Until the bytes of a write that cannot complete yet are in the cache. */
static void wait_readable(wt_file file, uint64_t offset, int value) {
    while (byte_of(file, offset) != value) {
        sched_yield();
    }
}

/* ---- without direct I/O ------------------------------------------------------------------------------------------ */

/* Found by the simulator: zeros for a hole, which a write had filled meanwhile, came over bytes that were acknowledged. */
TEST(without_direct_io_an_allocation_zeroes_no_byte_that_was_written_meanwhile) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .buffered = true}, NULL);
    wt_file file = core_file(&core, "file");
    struct job zeros, writer;
    sim_hold(core.sim);
    start_call(&zeros, ALLOCATE, file, 0, 4 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&writer, file, 100, 7, BLOCK);
    let_others_run();
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&zeros), 0);
    CHECK_EQ(job_end(&writer), BLOCK);
    check_filled(file, 100, 7, BLOCK);
    CHECK_EQ(wt_size(file), 4 * BLOCK);
    core_close(&core);
}

static void *submit_hundred(void *argument) {
    static uint8_t bytes[100];
    struct iovec iov = {bytes, sizeof bytes};
    CHECK_OK(wt_write_submit(*(wt_file *)argument, &iov, 1, 0, WT_DURABILITY_DSYNC, 0, 1));
    return NULL;
}

/* Twice, and a truncation that shut it in between would wait for the first time, and the second for the truncation. */
TEST(without_direct_io_a_submitted_write_enters_the_gate_once) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .buffered = true}, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event event;
    sim_hold(core.sim);
    pthread_t thread = test_thread(submit_hundred, &file);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    struct wt_file_object *object = wt_file_acquire(file);
    CHECK(object != NULL);
    CHECK_EQ(atomic_load(&object->inode->gate), 1);
    wt_file_release(file);
    sim_release_all(core.sim);
    test_join(thread);
    CHECK_EQ(wt_reap(core.engine, &event, 1, -1), 1);
    CHECK_EQ(event.result, 100);
    core_close(&core);
}

/* ---- parallel writers ------------------------------------------------------------------------------------------- */

static void writers_in_parallel(uint32_t block_bytes, uint64_t distance) {
    enum { WRITERS = 4 };
    struct core core = core_threaded(block_bytes);
    wt_file file = core_file(&core, "file");
    struct job jobs[WRITERS];
    fill_at(file, 0, 1, (size_t)(distance * WRITERS + block_bytes));
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, i * distance, 2, block_bytes);
        CHECK_EQ(sim_wait_in_flight(core.sim, i + 1), i + 1);
    }
    check_filled(file, 3 * distance, 2, block_bytes);
    sim_release_all(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), block_bytes);
    }
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), WRITERS);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(fault_1_writers_to_different_blocks_have_as_many_ios_in_flight) {
    writers_in_parallel(4096, 4096);
    writers_in_parallel(4096, 64 * 4096);
    writers_in_parallel(512, 512);
    writers_in_parallel(512, 4096);
}

static struct wt_mapping *mapping;

/* Has the folio 1, and wants the folio 2. */
static void *lock_1_and_2(void *nothing) {
    struct wt_folio *first = wt_folio_get(mapping, 1);
    first->awaiting++; /* it is not empty, so it stays */
    struct wt_folio *second = wt_folio_get(mapping, 2);
    first->awaiting--;
    wt_folio_put(first);
    wt_folio_put(second);
    return nothing;
}

TEST(a_folio_that_a_thread_waits_for_does_not_become_one_before_those_that_the_thread_has) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "f");
    struct wt_file_object *object = wt_handle_acquire(&wt_file_handles, file);
    CHECK(object != NULL);
    mapping = &object->inode->mapping;
    struct wt_folio *second = wt_folio_get(mapping, 2);
    pthread_t thread = test_thread(lock_1_and_2, NULL);
    while (atomic_load(&second->comers) == 0)
        sched_yield();
    atomic_fetch_add(&second->comers, 1); /* the thread may get the lock at once: one that does not */
    wt_folio_put(second);                 /* it is empty, so its descriptor is free */
    struct wt_folio *before = wt_folio_get(mapping, 0);
    CHECK(before != second);
    struct wt_folio *first = wt_folio_get(mapping, 1); /* by rising index, as the other thread does */
    wt_folio_put(before);
    wt_folio_put(first);
    test_join(thread);
    atomic_fetch_sub(&second->comers, 1);
    wt_handle_release(&wt_file_handles, file);
    core_close(&core);
}

TEST(invariant_9_no_lock_is_held_over_an_io) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    wt_file other = core_file(&core, "other");
    struct job held[2];
    struct job free_block;
    fill_at(file, 0, 1, 64 * BLOCK);
    fill_at(other, 0, 1, BLOCK);
    sim_hold(core.sim);
    start_write(&held[0], file, 5 * BLOCK, 2, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&held[1], other, 0, 2, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    start_write(&free_block, file, 6 * BLOCK, 3, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 3), 3);
    sim_release_at(core.sim, "file", 6 * BLOCK);
    CHECK_EQ(job_end(&free_block), BLOCK);
    check_filled(file, 7 * BLOCK, 1, 57 * BLOCK);
    CHECK_EQ(wt_size(file), 64 * BLOCK);
    CHECK_EQ(core_stats(&core).open_files, 2);
    wt_file third = core_file(&core, "file");
    CHECK_OK(wt_file_close(third));
    CHECK_EQ(sim_in_flight(core.sim), 2);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&held[0]), BLOCK);
    CHECK_EQ(job_end(&held[1]), BLOCK);
    core_close(&core);
}

TEST(fault_1_a_cached_read_returns_while_a_write_is_in_flight) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job writer;
    fill_at(file, 0, 1, 64 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    start_write(&writer, file, 10 * BLOCK + 5, 2, 5 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    check_filled(file, 0, 1, 10 * BLOCK + 5);
    check_filled(file, 10 * BLOCK + 5, 2, 5 * BLOCK);
    check_filled(file, 15 * BLOCK + 5, 1, 10 * BLOCK);
    CHECK_EQ(sim_in_flight(core.sim), 1);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 0);
    CHECK(!atomic_load(&writer.done));
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&writer), 5 * BLOCK);
    core_close(&core);
}

/* ---- gathers ----------------------------------------------------------------------------------------------------- */

static void gather_into_one(uint32_t block_bytes) {
    enum { WRITERS = 8 };
    struct core core = core_threaded(block_bytes);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job jobs[WRITERS];
    size_t part = block_bytes / 16;
    fill_at(file, 0, 1, 64 * block_bytes);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    start_write(&first, file, 3 * block_bytes, 2, block_bytes);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, 3 * block_bytes + i * part, (int)i + 3, part);
        wait_readable(file, 3 * block_bytes + i * part, (int)i + 3);
        CHECK_EQ(sim_in_flight(core.sim), 1);
    }
    sim_release(core.sim, 1);
    CHECK_EQ(job_end(&first), block_bytes);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    let_others_run();
    CHECK_EQ(sim_in_flight(core.sim), 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK(!atomic_load(&jobs[i].done));
    }
    uint8_t stable = 0;
    sim_peek_stable(core.sim, "file", 3 * block_bytes, &stable, 1);
    CHECK_EQ(stable, 2);
    sim_release_all(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), part);
        sim_peek_stable(core.sim, "file", 3 * block_bytes + i * part, &stable, 1);
        CHECK_EQ(stable, i + 3);
    }
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    CHECK_EQ(core_stats(&core).gathers, 1);
    CHECK_EQ(core_stats(&core).gathered_writes, WRITERS);
    check_filled(file, 3 * block_bytes + WRITERS * part, 2, WRITERS * part);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(writes_to_a_block_under_writeback_leave_as_one_io) {
    gather_into_one(4096);
    gather_into_one(512);
}

/* The file ends in block 0, whose I/O goes through the kernel's page cache and keeps others off its page; block 5 of that
 * page, behind the end, collects beside it. */
TEST(blocks_behind_the_end_that_collect_beside_the_last_one_have_one_io_each) {
    struct core core = core_threaded(512);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job last_block;
    struct job behind;
    struct job again;
    fill_at(file, 0, 1, 100);
    sim_hold(core.sim);
    start_write(&first, file, 0, 2, 50);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&behind, file, 5 * 512, 4, 512);
    while (core_stats(&core).in_flight_bytes < 50 + 512) {
        sched_yield();
    }
    let_others_run();
    start_write(&last_block, file, 20, 3, 10);
    wait_readable(file, 20, 3);
    sim_release(core.sim, 1);
    CHECK(sim_wait_in_flight(core.sim, 1) >= 1);
    let_others_run();
    sim_release(core.sim, 1);
    start_write(&again, file, 5 * 512, 5, 512);
    let_others_run();
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), 50);
    CHECK_EQ(job_end(&last_block), 10);
    CHECK_EQ(job_end(&behind), 512);
    CHECK_EQ(job_end(&again), 512);
    CHECK_EQ(wt_size(file), 6 * 512);
    check_filled(file, 100, 0, 5 * 512 - 100);
    check_filled(file, 5 * 512, 5, 512);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* The kernel zeroes the rest of the block that the file ended in, by way of its page cache. */
TEST(a_write_behind_the_end_shares_no_page_with_a_direct_one) {
    struct core core = core_threaded(1024);
    wt_file file = core_file(&core, "file");
    struct job beside;
    struct job behind;
    fill_at(file, 0, 1, 2 * BLOCK + 3 * 1024 + 100);
    sim_hold(core.sim);
    start_write(&beside, file, 2 * BLOCK + 1024, 2, 1024);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&behind, file, 100000, 3, 100); /* both go through the page cache: one after the other */
    let_others_run();
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&beside), 1024);
    CHECK_EQ(job_end(&behind), 100);
    check_filled(file, 2 * BLOCK + 1024, 2, 1024);
    check_filled(file, 100000, 3, 100);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* Two writes leave as one gather: one in the block that the file ends in, one in the block behind it, with a gap between. */
TEST(invariant_6_a_gather_over_the_end_of_the_file_grows_it_by_written_bytes_alone) {
    enum { END = 20134, TAIL = 19456 };
    struct core core = core_threaded(1024);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job inside;
    struct job behind;
    fill_at(file, 0, 1, END);
    sim_hold(core.sim);
    start_write(&first, file, TAIL, 2, 50);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&inside, file, TAIL + 100, 3, 70);
    let_others_run();
    start_write(&behind, file, END + 700, 4, 200);
    let_others_run();
    sim_release_at(core.sim, "file", TAIL);
    CHECK_EQ(job_end(&first), 50);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    sim_release_at(core.sim, "file", TAIL);
    CHECK_EQ(job_end(&inside), 70);
    CHECK_EQ(sim_size(core.sim, "file"), END);
    CHECK_EQ(wt_size(file), END);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&behind), 200);
    CHECK_EQ(wt_size(file), END + 900);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_write_behind_the_end_shares_no_page_with_zeros_of_allocate) {
    struct core core = core_threaded(1024);
    wt_file file = core_file(&core, "file");
    struct job zeros;
    struct job behind;
    fill_at(file, 2 * BLOCK + 3 * 1024, 1, 100);
    sim_hold(core.sim);
    start_write(&behind, file, 100000, 3, 100);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_call(&zeros, ALLOCATE, file, 2 * BLOCK,
               1024); /* its zeros go through the page cache, when their turn comes */
    let_others_run();
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&zeros), 0);
    CHECK_EQ(job_end(&behind), 100);
    CHECK_EQ(sim_state_at(core.sim, "file", 2 * BLOCK), SIM_WRITTEN);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(fault_3_writes_into_a_large_folio_under_writeback_do_not_wait_for_it) {
    enum { WRITERS = 8 };
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job jobs[WRITERS];
    fill_at(file, 0, 1, 64 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    start_write(&first, file, 0, 2, 64 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, i * 8 * BLOCK + 100, (int)i + 3, i % 2 == 0 ? 2 * BLOCK : 10);
        wait_readable(file, i * 8 * BLOCK + 100, (int)i + 3);
    }
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), 64 * BLOCK);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), i % 2 == 0 ? 2 * BLOCK : 10);
        check_filled(file, i * 8 * BLOCK + 100, (int)i + 3, i % 2 == 0 ? 2 * BLOCK : 10);
    }
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_gather_is_as_durable_as_the_strongest_of_its_writes) {
    for (uint32_t strongest = WT_DURABILITY_DEVICE; strongest <= WT_DURABILITY_SYNC; strongest++) {
        for (unsigned place = 0; place < 3; place++) {
            struct core core = core_threaded(4096);
            wt_file file = core_file(&core, "file");
            struct job first;
            struct job jobs[3];
            fill_at(file, 0, 1, BLOCK);
            sim_hold(core.sim);
            start_write(&first, file, 0, 2, BLOCK);
            CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
            sim_clear_log(core.sim);
            for (unsigned i = 0; i < 3; i++) {
                jobs[i] = (struct job){.what = WRITE, .file = file, .offset = i * 100, .length = 100, .value = 3};
                jobs[i].durability = i == place ? strongest : WT_DURABILITY_DEVICE;
                job_start(&jobs[i]);
                wait_readable(file, i * 100, 3);
            }
            sim_release_all(core.sim);
            CHECK_EQ(job_end(&first), BLOCK);
            for (unsigned i = 0; i < 3; i++) {
                CHECK_EQ(job_end(&jobs[i]), 100);
            }
            CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1);
            CHECK_EQ(sim_record(core.sim, SIM_WRITE, 0).durability, strongest);
            core_close(&core);
        }
    }
}

TEST(a_write_over_blocks_in_flight_and_blocks_that_are_not_is_done_when_both_are) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job second;
    fill_at(file, 0, 1, 200 * BLOCK);
    sim_hold(core.sim);
    start_write(&first, file, 60 * BLOCK, 2, 10 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&second, file, 50 * BLOCK + 7, 3, 30 * BLOCK);
    wait_readable(file, 80 * BLOCK + 6, 3);
    check_filled(file, 50 * BLOCK + 7, 3, 30 * BLOCK);
    CHECK(!atomic_load(&second.done));
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), 10 * BLOCK);
    CHECK_EQ(job_end(&second), 30 * BLOCK);
    check_filled(file, 50 * BLOCK + 7, 3, 30 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

TEST(an_error_of_an_io_in_flight_is_not_that_of_the_writes_waiting_behind_it) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job second;
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    sim_hold(core.sim);
    start_write(&first, file, 100, 2, 100);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&second, file, 300, 3, 100);
    wait_readable(file, 300, 3);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), -EIO);
    CHECK_EQ(job_end(&second), 100);
    check_filled(file, 300, 3, 100);
    /* What the device refused does not get there with the next write of the block. */
    check_filled(file, 0, 1, 300);
    check_filled(file, 400, 1, 4 * BLOCK - 400);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(writes_behind_a_failed_one_fail_too_if_what_the_device_has_cannot_be_read) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job second;
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .count = 1, .error = -ENODEV});
    sim_hold(core.sim);
    start_write(&first, file, 100, 2, 100);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&second, file, 300, 3, 100);
    wait_readable(file, 300, 3);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), -EIO);
    CHECK_EQ(job_end(&second), -ENODEV);
    CHECK_EQ(second.stable, 0);
    check_filled(file, 0, 1, 4 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    fill_at(file, 0, 5, 4 * BLOCK);
    core_close(&core);
}

TEST(an_error_of_a_gather_is_that_of_each_write_in_it) {
    enum { WRITERS = 4 };
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job first;
    struct job jobs[WRITERS];
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .skip = 1, .count = 1, .error = -ENOSPC});
    sim_hold(core.sim);
    start_write(&first, file, BLOCK, 2, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, BLOCK + 100 * i, (int)i + 3, 100);
        wait_readable(file, BLOCK + 100 * i, (int)i + 3);
    }
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&first), BLOCK);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), -ENOSPC);
        CHECK_EQ(jobs[i].stable, 0);
    }
    check_filled(file, BLOCK, 2, BLOCK);
    check_cache_is_disk(&core, file, "file");
    CHECK_EQ(core_stats(&core).write_errors, WRITERS);
    sim_heal(core.sim);
    fill_at(file, BLOCK, 9, 10);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(errors_reach_only_the_writes_of_their_blocks) {
    enum { WRITERS = 6 };
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job jobs[WRITERS];
    fill_at(file, 0, 1, 64 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .offset = 2 * BLOCK, .length = 2 * BLOCK, .error = -EIO});
    sim_hold(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, i * BLOCK, 2, BLOCK);
        CHECK_EQ(sim_wait_in_flight(core.sim, i + 1), i + 1);
    }
    sim_release_all(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), i == 2 || i == 3 ? -EIO : BLOCK);
    }
    check_filled(file, 0, 2, 2 * BLOCK);
    check_filled(file, 2 * BLOCK, 1, 2 * BLOCK);
    check_filled(file, 4 * BLOCK, 2, 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

TEST(the_size_grows_when_an_append_completes_not_before) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job append;
    uint8_t byte = 0;
    fill_at(file, 0, 1, 100);
    sim_hold(core.sim);
    start_write(&append, file, 100, 2, 3 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    CHECK_EQ(wt_size(file), 100);
    CHECK_EQ(read_at(file, 100, &byte, 1), 0);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&append), 3 * BLOCK);
    CHECK_EQ(wt_size(file), 3 * BLOCK + 100);
    CHECK_EQ(sim_largest_size(core.sim, "file"), 3 * BLOCK + 100);
    check_filled(file, 100, 2, 3 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(appends_that_complete_out_of_order_lose_nothing) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job near;
    struct job far;
    sim_hold(core.sim);
    start_write(&near, file, 0, 1, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&far, file, BLOCK, 2, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", BLOCK);
    CHECK_EQ(job_end(&far), BLOCK);
    CHECK_EQ(wt_size(file), 2 * BLOCK);
    check_filled(file, BLOCK, 2, BLOCK);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&near), BLOCK);
    CHECK_EQ(wt_size(file), 2 * BLOCK);
    check_filled(file, 0, 1, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- truncate and close ------------------------------------------------------------------------------------------ */

TEST(invariant_7_truncate_waits_for_ios_in_flight_and_nothing_cut_comes_back) {
    for (unsigned reverse = 0; reverse < 2; reverse++) {
        struct core core = core_threaded(4096);
        wt_file file = core_file(&core, "file");
        struct job writer;
        struct job waiting;
        struct job cut;
        fill_at(file, 0, 1, 10 * BLOCK);
        sim_hold(core.sim);
        sim_clear_log(core.sim);
        start_write(&writer, file, 5 * BLOCK, 2, 20 * BLOCK);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
        start_write(&waiting, file, 6 * BLOCK + 1, 3, 100);
        wait_readable(file, 6 * BLOCK + 1, 3);
        start_call(&cut, TRUNCATE, file, reverse ? 100 * BLOCK : 2 * BLOCK + 5, 0);
        let_others_run();
        CHECK_EQ(sim_count(core.sim, SIM_TRUNCATE), 0);
        CHECK(!atomic_load(&cut.done));
        check_filled(file, 0, 1, 5 * BLOCK);
        sim_release_all(core.sim);
        CHECK_EQ(job_end(&writer), 20 * BLOCK);
        CHECK_EQ(job_end(&waiting), 100);
        CHECK_OK(job_end(&cut));
        CHECK_EQ(wt_size(file), reverse ? 100 * BLOCK : 2 * BLOCK + 5);
        check_cache_is_disk(&core, file, "file");
        CHECK_OK(wt_truncate(file, 30 * BLOCK));
        if (!reverse) {
            check_filled(file, 2 * BLOCK + 5, 0, 28 * BLOCK - 5);
        }
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

TEST(invariant_7_close_waits_for_the_writes_that_have_begun) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    wt_file keeper = core_file(&core, "file");
    struct job writer;
    struct job closing;
    sim_hold(core.sim);
    start_write(&writer, file, 0, 2, 20 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_call(&closing, CLOSE, file, 0, 0);
    while (wt_size(file) != -EBADF) {
        sched_yield();
    }
    let_others_run();
    CHECK(!atomic_load(&closing.done));
    CHECK_EQ(write_at(file, 0, "x", 1), -EBADF);
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&writer), 20 * BLOCK);
    CHECK_OK(job_end(&closing));
    check_filled(keeper, 0, 2, 20 * BLOCK);
    core_close(&core);
}

TEST(engine_close_lets_calls_that_have_begun_finish) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job writer;
    struct job waiting;
    struct job closing;
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_hold(core.sim);
    start_write(&writer, file, 0, 2, BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&waiting, file, 100, 3, 10);
    wait_readable(file, 100, 3);
    start_call(&closing, ENGINE_CLOSE, core.engine, 0, 0);
    while (wt_size(file) != -EBADF) {
        sched_yield();
    }
    CHECK(!atomic_load(&closing.done));
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&writer), BLOCK);
    CHECK_EQ(job_end(&waiting), 10);
    CHECK_OK(job_end(&closing));
    uint8_t byte = 0;
    sim_peek_stable(core.sim, "file", 105, &byte, 1);
    CHECK_EQ(byte, 3);
    sim_free(core.sim);
}

/* ---- reads and writes of one block ------------------------------------------------------------------------------- */

TEST(invariant_4_a_read_of_missing_blocks_never_overwrites_newer_bytes) {
    struct core core = core_threaded(4096);
    uint8_t *old = calloc(8, BLOCK);
    CHECK(old != NULL);
    sim_put(core.sim, "file", old, 8 * BLOCK);
    free(old);
    wt_file file = core_file(&core, "file");
    struct job reader;
    struct job writer;
    sim_hold(core.sim);
    start_call(&reader, READ, file, 0, 8 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    start_write(&writer, file, 3 * BLOCK, 2, BLOCK);
    let_others_run();
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&reader), 8 * BLOCK);
    CHECK_EQ(job_end(&writer), BLOCK);
    check_filled(file, 3 * BLOCK, 2, BLOCK);
    check_filled(file, 0, 0, 3 * BLOCK);
    check_filled(file, 4 * BLOCK, 0, 4 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(invariant_4_a_read_around_a_write_in_flight_reads_only_the_other_blocks) {
    struct core core = core_threaded(4096);
    uint8_t *old = calloc(16, BLOCK);
    CHECK(old != NULL);
    sim_put(core.sim, "file", old, 16 * BLOCK);
    free(old);
    wt_file file = core_file(&core, "file");
    struct job reader;
    struct job writer;
    sim_hold(core.sim);
    start_write(&writer, file, 5 * BLOCK, 2, 2 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    sim_clear_log(core.sim);
    start_call(&reader, READ, file, 0, 16 * BLOCK);
    CHECK(sim_wait_in_flight(core.sim, 2) >= 2);
    while (sim_bytes(core.sim, SIM_READ) < 14 * BLOCK) {
        sim_release_at(core.sim, "file", sim_record(core.sim, SIM_READ, sim_count(core.sim, SIM_READ) - 1).offset);
        CHECK(sim_wait_in_flight(core.sim, 2) >= 2);
    }
    CHECK_EQ(sim_bytes(core.sim, SIM_READ), 14 * BLOCK);
    for (size_t i = 0; i < sim_count(core.sim, SIM_READ); i++) {
        struct sim_record io = sim_record(core.sim, SIM_READ, i);
        CHECK(io.offset + io.length <= 5 * BLOCK || io.offset >= 7 * BLOCK);
    }
    sim_release_all(core.sim);
    CHECK_EQ(job_end(&reader), 16 * BLOCK);
    CHECK_EQ(job_end(&writer), 2 * BLOCK);
    check_filled(file, 5 * BLOCK, 2, 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(two_readers_of_a_missing_block_are_one_io) {
    struct core core = core_threaded(4096);
    uint8_t *old = calloc(4, BLOCK);
    CHECK(old != NULL);
    sim_put(core.sim, "file", old, 4 * BLOCK);
    free(old);
    wt_file file = core_file(&core, "file");
    struct job readers[3];
    sim_hold(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        start_call(&readers[i], READ, file, i * 100, 50);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    }
    let_others_run();
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(job_end(&readers[i]), 50);
    }
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    core_close(&core);
}

TEST(two_partial_writes_of_a_missing_block_keep_each_other) {
    struct core core = core_threaded(4096);
    uint8_t old[BLOCK];
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, BLOCK);
    wt_file file = core_file(&core, "file");
    struct job writers[3];
    sim_hold(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        start_write(&writers[i], file, i * 100, (int)i + 2, 50);
        CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
    }
    let_others_run();
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(job_end(&writers[i]), 50);
        check_filled(file, i * 100, (int)i + 2, 50);
        check_filled(file, i * 100 + 50, 1, 50);
    }
    check_filled(file, 300, 1, BLOCK - 300);
    CHECK_EQ(sim_count(core.sim, SIM_READ), 1);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

TEST(invariant_8_past_the_limit_of_bytes_in_flight_a_writer_waits) {
    enum { WRITERS = 24, LIMIT = 64 << 10 };
    struct core core = core_open(&(struct sim_options){.threaded = true},
                                 &(struct wt_engine_options){.cache_bytes = 4 << 20, .in_flight_bytes = LIMIT});
    wt_file file = core_file(&core, "file");
    static struct job jobs[WRITERS];
    fill_at(file, 0, 1, WRITERS * BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        start_write(&jobs[i], file, i * BLOCK, 2, BLOCK);
    }
    CHECK_EQ(sim_wait_in_flight(core.sim, LIMIT / BLOCK), LIMIT / BLOCK);
    let_others_run();
    CHECK_EQ(sim_in_flight(core.sim), LIMIT / BLOCK);
    CHECK_EQ(core_stats(&core).in_flight_bytes, LIMIT);
    sim_release(core.sim, 4);
    CHECK_EQ(sim_wait_in_flight(core.sim, LIMIT / BLOCK), LIMIT / BLOCK);
    sim_release_all(core.sim);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK_EQ(job_end(&jobs[i]), BLOCK);
    }
    CHECK_EQ(sim_most_in_flight(core.sim), LIMIT / BLOCK);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    core_close(&core);
}

/* ---- shuffled ---------------------------------------------------------------------------------------------------- */

struct worker {
    struct core *core;
    wt_file file;
    unsigned id;
    unsigned rounds;
    uint64_t seed;
    pthread_t thread;
};

static void run_workers(struct worker *workers, unsigned count, void *(*function)(void *)) {
    for (unsigned i = 0; i < count; i++) {
        workers[i].thread = test_thread(function, &workers[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        test_join(workers[i].thread);
    }
}

static void make_workers(struct worker *workers, unsigned count, struct core *core, wt_file file, unsigned rounds) {
    uint64_t seed = test_seed();
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.core = core, .file = file, .id = i, .rounds = rounds, .seed = seed * 1000 + i};
    }
}

/* Blocks of one byte value each; whoever writes, writes whole blocks of one value. */
enum { HOT_BLOCKS = 40 };

static void *hammer_blocks(void *argument) {
    struct worker *worker = argument;
    struct test_random random = test_random_of(worker->seed);
    uint8_t *buffer = malloc(HOT_BLOCKS * BLOCK);
    CHECK(buffer != NULL);
    for (unsigned round = 0; round < worker->rounds; round++) {
        uint64_t first = test_random_below(&random, HOT_BLOCKS);
        uint64_t count = test_random_between(&random, 1, HOT_BLOCKS - first);
        count = test_random_one_in(&random, 3) ? count : 1;
        if (test_random_one_in(&random, 2)) {
            memset(buffer, (int)test_random_between(&random, 1, 255), (size_t)count * BLOCK);
            CHECK_EQ(write_at(worker->file, first * BLOCK, buffer, (size_t)count * BLOCK), count * BLOCK);
        } else {
            CHECK_EQ(read_at(worker->file, first * BLOCK, buffer, (size_t)count * BLOCK), count * BLOCK);
            for (uint64_t block = 0; block < count; block++) {
                const uint8_t *at = buffer + block * BLOCK;
                CHECK_EQ(memcmp(at, at + 1, BLOCK - 1), 0);
            }
        }
    }
    free(buffer);
    return NULL;
}

static void hammer(struct sim_options sim, struct wt_engine_options options, unsigned rounds) {
    struct worker workers[8];
    sim.threaded = true;
    sim.shuffle = true;
    sim.seed = test_seed();
    struct core core = core_open(&sim, &options);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, HOT_BLOCKS * BLOCK);
    make_workers(workers, 8, &core, file, rounds);
    run_workers(workers, 8, hammer_blocks);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    check_cache_is_disk(&core, file, "file");
    core_reopen(&core);
    check_cache_is_disk(&core, core_file(&core, "file"), "file");
    core_close(&core);
}

TEST(invariant_2_a_block_has_one_io_in_flight_and_its_memory_does_not_change) {
    hammer((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){.cache_bytes = 4 << 20}, 400);
}

TEST(invariant_3_each_block_is_read_wholly_old_or_wholly_new) {
    hammer((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){.cache_bytes = 128 << 10}, 300);
    hammer((struct sim_options){.block_bytes = 4096},
           (struct wt_engine_options){.cache_bytes = 1 << 20, .in_flight_bytes = 64 << 10}, 300);
}

TEST(invariant_3_a_reader_never_goes_back_in_time) {
    struct core core = core_threaded(4096);
    wt_file file = core_file(&core, "file");
    struct job writers[20];
    fill_at(file, 0, 0, BLOCK);
    sim_hold(core.sim);
    for (unsigned i = 0; i < 20; i++) {
        start_write(&writers[i], file, 10, (int)i + 1, 100);
        wait_readable(file, 10, (int)i + 1);
        if (i % 3 == 2) {
            sim_release(core.sim, 1);
            CHECK_EQ(sim_wait_in_flight(core.sim, 1), 1);
            check_filled(file, 10, (int)i + 1, 100);
        }
    }
    sim_release_all(core.sim);
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(job_end(&writers[i]), 100);
    }
    check_filled(file, 10, 20, 100);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* Records of 100 bytes, each of one worker, many to a block: what its worker wrote last is what everybody reads. */
enum { RECORD = 100, RECORDS = 1000 };

static void *write_records(void *argument) {
    struct worker *worker = argument;
    struct test_random random = test_random_of(worker->seed);
    uint8_t last[RECORDS] = {0};
    uint8_t record[RECORD];
    uint8_t read[RECORD];
    for (unsigned round = 0; round < worker->rounds; round++) {
        uint64_t which = test_random_below(&random, RECORDS / 8) * 8 + worker->id;
        if (!test_random_one_in(&random, 3)) {
            last[which]++;
            memset(record, last[which], RECORD);
            CHECK_EQ(write_at(worker->file, which * RECORD, record, RECORD), RECORD);
            sim_peek_stable(worker->core->sim, "file", which * RECORD, read, RECORD);
            CHECK_BYTES(read, record, RECORD);
        }
        memset(record, last[which], RECORD);
        CHECK_EQ(read_at(worker->file, which * RECORD, read, RECORD), RECORD);
        CHECK_BYTES(read, record, RECORD);
    }
    return NULL;
}

static void write_records_on(struct sim_options sim, struct wt_engine_options options, unsigned rounds) {
    struct worker workers[8];
    sim.threaded = true;
    sim.shuffle = true;
    sim.seed = test_seed();
    struct core core = core_open(&sim, &options);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, RECORDS * RECORD));
    make_workers(workers, 8, &core, file, rounds);
    run_workers(workers, 8, write_records);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(records_that_share_blocks_are_each_stable_when_their_write_returns) {
    write_records_on((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){0}, 500);
    write_records_on((struct sim_options){.block_bytes = 512}, (struct wt_engine_options){0}, 500);
}

TEST(records_that_share_blocks_survive_eviction) {
    struct wt_engine_options smallest = {.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10};
    write_records_on((struct sim_options){.block_bytes = 512}, smallest, 300);
}

static void *append_records(void *argument) {
    struct worker *worker = argument;
    uint8_t record[RECORD];
    for (unsigned round = 0; round < worker->rounds; round++) {
        uint64_t which = round * 8 + worker->id;
        memset(record, (int)(which % 251 + 1), RECORD);
        CHECK_EQ(write_at(worker->file, which * RECORD, record, RECORD), RECORD);
        CHECK(wt_size(worker->file) >= (int64_t)(which + 1) * RECORD);
        CHECK(sim_stable_size(worker->core->sim, "file") >= (int64_t)(which + 1) * RECORD);
    }
    return NULL;
}

TEST(appenders_of_one_file_lose_nothing) {
    for (uint32_t block = 512; block <= 4096; block *= 8) {
        struct worker workers[8];
        struct core core = core_open(
            &(struct sim_options){.block_bytes = block, .threaded = true, .shuffle = true, .seed = test_seed()}, NULL);
        wt_file file = core_file(&core, "file");
        make_workers(workers, 8, &core, file, 100);
        run_workers(workers, 8, append_records);
        CHECK_EQ(wt_size(file), 800 * RECORD);
        CHECK_EQ(sim_largest_size(core.sim, "file"), 800 * RECORD);
        for (unsigned which = 0; which < 800; which++) {
            check_filled(file, which * RECORD, (int)(which % 251 + 1), RECORD);
        }
        check_cache_is_disk(&core, file, "file");
        core_close(&core);
    }
}

/* Two small records in turns in one block, as often as it takes to meet every order of leading, launching and ending. */
static void *write_in_turns(void *argument) {
    struct worker *worker = argument;
    uint8_t record[RECORD];
    for (unsigned round = 0; round < worker->rounds; round++) {
        memset(record, (int)(round % 251 + 1), RECORD);
        CHECK_EQ(write_at(worker->file, worker->id * RECORD, record, RECORD), RECORD);
    }
    return NULL;
}

TEST(writers_that_lead_gathers_in_turns_are_never_left_waiting) {
    struct worker workers[3];
    struct core core =
        core_open(&(struct sim_options){.block_bytes = BLOCK, .threaded = true, .seed = test_seed()}, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, BLOCK));
    make_workers(workers, 3, &core, file, 3000);
    run_workers(workers, 3, write_in_turns);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* One thread makes the file's first folio and lets go of it, empty as it is; the others look it up as a read does. */
static void *come_and_go(void *argument) {
    struct worker *worker = argument;
    struct wt_file_object *file = wt_file_acquire(worker->file);
    for (unsigned round = 0; round < worker->rounds; round++) {
        struct wt_folio *folio = worker->id == 0 ? wt_folio_get(&file->inode->mapping, 0)
                                                 : wt_folio_find_to_copy(&file->inode->mapping, 0, NULL, 0);
        if (folio)
            wt_folio_put(folio);
    }
    wt_file_release(worker->file);
    return NULL;
}

TEST(a_read_may_come_to_a_folio_before_the_one_that_makes_it) {
    struct worker workers[3];
    struct core core = core_open(&(struct sim_options){.block_bytes = BLOCK, .threaded = true}, NULL);
    make_workers(workers, 3, &core, core_file(&core, "file"), 300000);
    run_workers(workers, 3, come_and_go);
    core_close(&core);
}

enum { WIDE = 50 * BLOCK + 300 };

static void *write_wide(void *argument) {
    struct worker *worker = argument;
    fill_at(worker->file, 60 * BLOCK + 100, (int)worker->id + 1, WIDE);
    return NULL;
}

TEST(overlapping_writes_are_applied_in_the_same_order_on_every_block) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .shuffle = true, .seed = test_seed()}, NULL);
    wt_file file = core_file(&core, "file");
    struct worker workers[4];
    fill_at(file, 0, 99, 200 * BLOCK);
    for (unsigned round = 0; round < 100; round++) {
        CONTEXT("round %u", round);
        make_workers(workers, 4, &core, file, 1);
        run_workers(workers, 4, write_wide);
        check_filled(file, 60 * BLOCK + 100, byte_of(file, 60 * BLOCK + 100), WIDE);
    }
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

enum { IN_PARTS = 1 << 20 };

static void *write_in_parts(void *argument) {
    struct worker *worker = argument;
    fill_at(worker->file, BLOCK + 100, (int)worker->id + 1, IN_PARTS);
    return NULL;
}

TEST(large_writes_that_overlap_are_applied_in_the_same_order_on_every_block) {
    struct core core =
        core_open(&(struct sim_options){.no_fua = true, .threaded = true, .shuffle = true, .seed = test_seed()},
                  &(struct wt_engine_options){.cache_bytes = 32 << 20});
    wt_file file = core_file(&core, "file");
    struct worker workers[3];
    fill_at(file, 0, 99, IN_PARTS + 2 * BLOCK);
    for (unsigned round = 0; round < 20; round++) {
        CONTEXT("round %u", round);
        make_workers(workers, 3, &core, file, 1);
        run_workers(workers, 3, write_in_parts);
        check_filled(file, BLOCK + 100, byte_of(file, BLOCK + 100), IN_PARTS);
    }
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* Everything at once. The disk judges; what is left must agree. */
static void *do_anything(void *argument) {
    struct worker *worker = argument;
    struct test_random random = test_random_of(worker->seed);
    uint8_t *buffer = calloc(1, 100000);
    CHECK(buffer != NULL);
    for (unsigned round = 0; round < worker->rounds; round++) {
        uint64_t offset = test_random_below(&random, 400000);
        size_t length = 1 + (size_t)test_random_below(&random, test_random_one_in(&random, 4) ? 99999 : 3000);
        uint64_t choice = test_random_below(&random, 100);
        int64_t result = 0;
        if (choice < 50) {
            memset(buffer, (int)test_random_below(&random, 256), length);
            result = write_as(worker->file, offset, buffer, length,
                              (uint32_t)test_random_between(&random, WT_DURABILITY_FILE, WT_DURABILITY_SYNC));
        } else if (choice < 85) {
            result = read_at(worker->file, offset, buffer, length);
        } else if (choice < 90) {
            result = wt_truncate(worker->file, offset);
        } else if (choice < 93) {
            result = wt_allocate(worker->file, offset, length);
        } else if (choice < 95) {
            result = wt_sync(worker->file);
        } else {
            wt_file again = core_file(worker->core, "file");
            result = wt_file_close(again);
        }
        CHECK(result >= 0 || result == -EIO);
    }
    free(buffer);
    return NULL;
}

static void do_anything_on(struct sim_options sim, struct wt_engine_options options, bool faults) {
    struct worker workers[6];
    sim.threaded = true;
    sim.shuffle = true;
    sim.seed = test_seed();
    struct core core = core_open(&sim, &options);
    wt_file file = core_file(&core, "file");
    for (uint64_t skip = 5; faults && skip < 100; skip += 9) {
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ | SIM_WRITE | SIM_TRUNCATE | SIM_SYNC | SIM_RESERVE,
                                               .skip = skip * 7,
                                               .count = skip % 3 + 1,
                                               .error = -EIO,
                                               .transfer = skip % 2 * 8192,
                                               .scribble = skip % 3 == 0,
                                               .grows = skip % 4 == 0});
    }
    make_workers(workers, 6, &core, file, 300);
    run_workers(workers, 6, do_anything);
    CHECK_EQ(sim_failures(core.sim) > 0, faults);
    sim_heal(core.sim);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    int rc = wt_sync(file);
    CHECK(rc == 0 || (faults && rc == -EIO)); /* a flush failed, perhaps another call's: the first sync tells it */
    CHECK_OK(wt_sync(file));
    check_cache_is_disk(&core, file, "file");
    core_reopen(&core);
    check_cache_is_disk(&core, core_file(&core, "file"), "file");
    core_close(&core);
}

TEST(anything_at_once_leaves_cache_and_disk_in_agreement) {
    do_anything_on((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){0}, false);
    do_anything_on((struct sim_options){.block_bytes = 512}, (struct wt_engine_options){.cache_bytes = 128 << 10},
                   false);
}

TEST(anything_at_once_with_a_failing_disk_leaves_cache_and_disk_in_agreement) {
    do_anything_on((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){0}, true);
    do_anything_on((struct sim_options){.block_bytes = 512},
                   (struct wt_engine_options){.cache_bytes = 256 << 10, .in_flight_bytes = 64 << 10}, true);
}
