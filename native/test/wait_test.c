// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A thread that waits has sent what it held back: each thing that a submission can wait for, with I/O in the plug that alone can
 * bring it about. Where that is forgotten the test hangs, and the time limit of a test ends it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "io/plug.h"
#include "write/writeback.h"

enum { BLOCK = 4096 };

static const int64_t soon = INT64_C(20000000000);

static struct core core_threaded(const struct wt_engine_options *options) {
    return core_open(&(struct sim_options){.threaded = true, .atomic_bytes = 64 << 10}, options);
}

static int submit(wt_file file, uint64_t offset, int value, size_t length, uint32_t flags, uint64_t token) {
    static _Thread_local uint8_t bytes[16 * BLOCK];
    CHECK(length <= sizeof bytes);
    memset(bytes, value, length);
    struct iovec iov = {bytes, length};
    return wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, flags, token);
}

/* So many events, all of success. */
static void reap(struct core *core, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        struct wt_event event;
        CHECK_EQ(wt_reap(core->engine, &event, 1, soon), 1);
        CHECK_OK(event.result);
    }
}

struct call {
    int (*function)(struct call *);
    wt_file file;
    uint64_t offset, length;
    int result;
    atomic_bool done;
    pthread_t thread;
};

static void *call_thread(void *argument) {
    struct call *call = argument;
    call->result = call->function(call);
    atomic_store(&call->done, true);
    return NULL;
}

/* Returns when the call waits, as it has to for what is in this thread's plug. */
static void start_waiting(struct call *call, int (*function)(struct call *)) {
    call->function = function;
    call->thread = test_thread(call_thread, call);
    let_others_run();
    CHECK(!atomic_load(&call->done));
}

static int end(struct call *call) {
    test_join(call->thread);
    return call->result;
}

static int call_allocate(struct call *call) {
    return wt_allocate(call->file, call->offset, call->length);
}

static int call_truncate(struct call *call) {
    return wt_truncate(call->file, call->length);
}

/* ---- what is in the engine --------------------------------------------------------------------------------------- */

static void more_than_there_are_objects(bool threaded) {
    enum { COUNT = WT_WRITEBACK_LIMIT + 200 };
    struct core core =
        core_open(&(struct sim_options){.threaded = threaded}, &(struct wt_engine_options){.cache_bytes = 64 << 20});
    wt_file file = core_file(&core, "file");
    static uint8_t bytes[BLOCK];
    struct iovec iov = {bytes, BLOCK};
    struct wt_submission *submissions = calloc(COUNT, sizeof *submissions);
    CHECK(submissions != NULL);
    CHECK_OK(wt_truncate(file, (uint64_t)COUNT * 2 * BLOCK));
    memset(bytes, 7, sizeof bytes);
    for (unsigned i = 0; i < COUNT; i++) {
        submissions[i] = (struct wt_submission){
            .file = file, .iov = &iov, .iov_count = 1, .offset = (uint64_t)i * 2 * BLOCK, .token = i, .result = 1};
    }
    CHECK_OK(wt_write_submit_all(submissions, COUNT));
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ(submissions[i].result, 0);
    }
    reap(&core, COUNT);
    check_filled(file, (uint64_t)(COUNT - 1) * 2 * BLOCK, 7, BLOCK);
    free(submissions);
    core_close(&core);
}

TEST(writes_submitted_together_may_be_more_than_are_in_flight_at_once) {
    more_than_there_are_objects(true);
}

TEST(writes_submitted_together_may_be_more_than_are_in_flight_at_once_on_a_disk_without_threads) {
    more_than_there_are_objects(false);
}

TEST(an_atomic_submission_that_waits_for_an_object_sends_what_is_plugged) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .atomic_bytes = 64 << 10},
                                 &(struct wt_engine_options){.cache_bytes = 64 << 20});
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, (WT_WRITEBACK_LIMIT + 1) * 2 * BLOCK));
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (unsigned i = 0; i < WT_WRITEBACK_LIMIT; i++) {
        CHECK_OK(submit(file, (uint64_t)i * 2 * BLOCK, 1, BLOCK, 0, i));
    }
    CHECK_OK(submit(file, WT_WRITEBACK_LIMIT * 2 * BLOCK, 2, BLOCK, WT_ATOMIC, WT_WRITEBACK_LIMIT));
    wt_plug_end(&plug);
    reap(&core, WT_WRITEBACK_LIMIT + 1);
    core_close(&core);
}

TEST(a_submission_that_waits_for_room_in_flight_sends_what_is_plugged) {
    enum { LIMIT = 64 << 10 };
    struct core core = core_threaded(&(struct wt_engine_options){.in_flight_bytes = LIMIT});
    wt_file file = core_file(&core, "file");
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (unsigned i = 0; i <= LIMIT / BLOCK; i++) {
        CHECK_OK(submit(file, (uint64_t)i * BLOCK, 1, BLOCK, 0, i));
    }
    wt_plug_end(&plug);
    reap(&core, LIMIT / BLOCK + 1);
    core_close(&core);
}

TEST(a_submission_that_waits_for_memory_sends_what_is_plugged) {
    enum { PAGES = 32, COUNT = 2 * PAGES };
    struct core core = core_threaded(&(struct wt_engine_options){.cache_bytes = PAGES * BLOCK});
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, COUNT * 2 * BLOCK));
    struct wt_plug plug;
    wt_plug_begin(&plug);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_OK(submit(file, (uint64_t)i * 2 * BLOCK, 1, BLOCK, 0, i));
    }
    wt_plug_end(&plug);
    reap(&core, COUNT);
    core_close(&core);
}

TEST(a_submission_that_waits_for_a_block_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 0));
    CHECK_OK(submit(file, 0, 3, BLOCK, WT_ATOMIC, 1)); /* has the block for itself */
    wt_plug_end(&plug);
    reap(&core, 2);
    check_filled(file, 0, 3, BLOCK);
    core_close(&core);
}

TEST(a_submission_that_reads_first_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    uint8_t old[2 * BLOCK + 100];
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, sizeof old);
    wt_file file = core_file(&core, "file");
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 0));
    CHECK_OK(submit(file, 2 * BLOCK + 10, 3, 10, 0, 1)); /* the block that the file ends in: this thread reads it */
    wt_plug_end(&plug);
    reap(&core, 2);
    check_filled(file, 2 * BLOCK + 10, 3, 10);
    core_close(&core);
}

TEST(an_append_that_waits_for_the_size_to_be_restored_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim,
             &(struct sim_fault){.ops = SIM_WRITE, .offset = 4 * BLOCK, .length = BLOCK, .count = 1, .error = -EIO});
    struct wt_plug plug;
    struct wt_event event;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 0));
    uint8_t block[BLOCK] = {0};
    CHECK_EQ(write_at(file, 4 * BLOCK, block, BLOCK),
             -EIO); /* on this thread: the plug is sent, and the size suspect */
    CHECK_OK(submit(file, BLOCK, 2, BLOCK, 0, 0));
    CHECK_OK(submit(file, 0, 3, 100, WT_APPEND, 1));
    wt_plug_end(&plug);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(wt_reap(core.engine, &event, 1, soon), 1);
        CHECK_OK(event.result);
        CHECK(event.token != 1 || event.offset == 4 * BLOCK);
    }
    core_close(&core);
}

/* ---- what another thread has ------------------------------------------------------------------------------------- */

TEST(a_write_that_grows_the_file_ahead_sends_what_is_plugged_to_who_allocates) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 8 * BLOCK));
    CHECK_OK(wt_file_grow_ahead(file, 64 * BLOCK));
    struct call allocation = {.file = file, .offset = 0, .length = 8 * BLOCK};
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, BLOCK, 1, BLOCK, 0, 0)); /* is plugged */
    start_waiting(&allocation, call_allocate);     /* for the block, with what a growth takes */
    CHECK_OK(submit(file, 1000 * BLOCK, 2, BLOCK, 0, 1));
    wt_plug_end(&plug);
    CHECK_OK(end(&allocation));
    reap(&core, 2);
    core_close(&core);
}

TEST(a_submission_that_waits_for_a_truncation_sends_what_that_waits_for) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8 * BLOCK);
    struct call truncation = {.file = file, .length = 4 * BLOCK};
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 0));
    start_waiting(&truncation, call_truncate);
    CHECK_OK(submit(file, BLOCK, 2, BLOCK, 0, 1));
    wt_plug_end(&plug);
    CHECK_OK(end(&truncation));
    reap(&core, 2);
    CHECK_EQ(wt_size(file), 4 * BLOCK);
    core_close(&core);
}

/* Each write of a stream goes to the block while the one before is in flight, so that there is I/O on it at any time. */
TEST(an_allocation_is_let_go_before_the_writes_that_come_after_it) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 64 * BLOCK));
    sim_hold(core.sim);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 0));
    CHECK_OK(submit(file, 0, 3, BLOCK, WT_NOWAIT, 0));
    struct call allocation = {.file = file, .offset = 0, .length = 64 * BLOCK};
    start_waiting(&allocation, call_allocate);
    CHECK_EQ(submit(file, 0, 4, BLOCK, WT_NOWAIT, 0), -EAGAIN);
    CHECK_OK(submit(file, 65 * BLOCK, 4, BLOCK, WT_NOWAIT, 0));
    sim_release_all(core.sim);
    CHECK_OK(end(&allocation));
    CHECK_OK(submit(file, 0, 4, BLOCK, WT_NOWAIT, 0));
    reap(&core, 4);
    check_filled(file, 0, 4, BLOCK);
    check_filled(file, BLOCK, 0, 63 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* A file's size as the backing tells it, which takes until it is let. */
static sem_t size_asked, size_let;
static int (*size_of)(struct wt_backing *backing, uint64_t *size);

static int slow_size(struct wt_backing *backing, uint64_t *size) {
    CHECK_EQ(sem_post(&size_asked), 0);
    while (sem_wait(&size_let) != 0) {
    }
    return size_of(backing, size);
}

static void *reap_and_let(void *core) {
    reap(core, 1);
    CHECK_EQ(sem_post(&size_let), 0);
    return NULL;
}

TEST(a_submission_to_a_file_whose_size_is_being_restored_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file"), other = core_file(&core, "other");
    uint8_t bytes[BLOCK] = {0};
    fill_at(file, 0, 1, 2 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .path = "file", .count = 1, .error = -EIO});
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_SIZE, .path = "file", .count = 1, .error = -EIO});
    CHECK_EQ(write_at(file, 2 * BLOCK, bytes, BLOCK), -EIO);

    CHECK_EQ(sem_init(&size_asked, 0, 0), 0);
    CHECK_EQ(sem_init(&size_let, 0, 0), 0);
    struct wt_inode *inode = wt_file_acquire(file)->inode;
    CHECK(wt_inode_size_is_suspect(inode));
    struct wt_backing *backing = atomic_load(&inode->backing);
    const struct wt_backing_ops *ops = backing->ops;
    struct wt_backing_ops slow = *ops;
    slow.size = slow_size;
    size_of = ops->size;
    backing->ops = &slow;

    struct call truncation = {.file = file, .length = BLOCK, .function = call_truncate};
    truncation.thread = test_thread(call_thread, &truncation);
    while (sem_wait(&size_asked) != 0) {
    }
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(other, 0, 1, BLOCK, 0, 0));
    pthread_t reaper = test_thread(reap_and_let, &core);
    CHECK_OK(submit(file, 0, 2, BLOCK, 0, 1));
    wt_plug_end(&plug);
    test_join(reaper);
    CHECK_OK(end(&truncation));
    reap(&core, 1);
    backing->ops = ops;
    wt_file_release(file);
    core_close(&core);
}

/* ---- a write that may not wait ----------------------------------------------------------------------------------- */

TEST(an_append_that_may_not_wait_does_not_wait_for_an_object_with_the_lock_of_appends_held) {
    enum { FOLIO = 64 * BLOCK, COUNT = WT_WRITEBACK_LIMIT - 1 };
    struct core core = core_threaded(&(struct wt_engine_options){.cache_bytes = 64 << 20});
    wt_file file = core_file(&core, "file"), others = core_file(&core, "others");
    fill_at(file, FOLIO - BLOCK, 1, BLOCK);
    CHECK_OK(wt_truncate(file, FOLIO - BLOCK));
    CHECK_OK(wt_truncate(others, (uint64_t)COUNT * 2 * BLOCK));
    sim_hold(core.sim);
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_OK(submit(others, (uint64_t)i * 2 * BLOCK, 1, BLOCK, 0, i));
    }
    uint64_t in_flight = core_stats(&core).in_flight_bytes;
    CHECK_EQ(submit(file, 0, 2, 2 * BLOCK, WT_APPEND | WT_NOWAIT, COUNT), -EAGAIN); /* in two folios: an object each */
    CHECK_EQ(core_stats(&core).in_flight_bytes, in_flight);
    CHECK_OK(submit(file, 0, 3, BLOCK, WT_APPEND | WT_NOWAIT, COUNT));
    sim_release_all(core.sim);
    reap(&core, COUNT + 1);
    CHECK_EQ(wt_size(file), FOLIO);
    check_filled(file, FOLIO - BLOCK, 3, BLOCK);
    core_close(&core);
}

/* A file of three folios, uncached; I/O that reads a block of it is held. A write that may not wait meets that: nothing of it begins. */
static void meets_a_read(uint64_t read_at_offset, uint64_t offset, size_t length) {
    enum { FOLIO = 64 * BLOCK, SIZE = 3 * FOLIO };
    struct core core = core_threaded(NULL);
    static uint8_t old[SIZE];
    struct iovec iov = {old, length};
    memset(old, 1, sizeof old);
    sim_put(core.sim, "file", old, sizeof old);
    wt_file file = core_file(&core, "file");
    sim_hold(core.sim);
    CHECK_OK(wt_fetch_submit(file, read_at_offset, BLOCK, 0, 0));
    CHECK_EQ(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, WT_NOWAIT, 1), -EAGAIN);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    CHECK_EQ(sim_in_flight(core.sim), 1);
    sim_release_all(core.sim);
    reap(&core, 1);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 0);
    check_filled(file, 0, 1, SIZE);
    memset(old, 2, sizeof old);
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, WT_NOWAIT, 2));
    reap(&core, 1);
    check_filled(file, offset, 2, length);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(a_write_that_may_not_wait_begins_as_a_whole_or_not_at_all) {
    enum { FOLIO = 64 * BLOCK };
    meets_a_read(BLOCK, 0, 2 * BLOCK);                         /* at the end of what it has in its one folio */
    meets_a_read(BLOCK, 0, BLOCK + BLOCK / 2);                 /* in part */
    meets_a_read(2 * FOLIO, 0, 2 * FOLIO + BLOCK);             /* in the last of three */
    meets_a_read(FOLIO + 7 * BLOCK, BLOCK, 2 * FOLIO + BLOCK); /* in the middle */
}

TEST(an_append_that_may_not_wait_may_be_as_long_as_a_chunk_of_small_blocks) {
    enum { LENGTH = 4 << 20, AT = 100 };
    struct core core =
        core_open(&(struct sim_options){.block_bytes = 512}, &(struct wt_engine_options){.cache_bytes = 64 << 20});
    wt_file file = core_file(&core, "file");
    uint8_t *bytes = malloc(LENGTH);
    struct iovec iov = {bytes, LENGTH};
    CHECK(bytes != NULL);
    memset(bytes, 5, LENGTH);
    fill_at(file, 0, 1, AT);
    CHECK_OK(wt_write_submit(file, &iov, 1, 0, WT_DURABILITY_FILE, WT_APPEND | WT_NOWAIT, 0));
    reap(&core, 1);
    check_filled(file, 0, 1, AT);
    check_filled(file, AT, 5, LENGTH);
    CHECK_EQ(wt_size(file), AT + LENGTH);
    check_cache_is_disk(&core, file, "file");
    free(bytes);
    core_close(&core);
}

/* ---- without memory ---------------------------------------------------------------------------------------------- */

/* There is no memory of this size meanwhile. */
static _Atomic size_t lacking;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size) {
    return size == atomic_load(&lacking) ? NULL : __real_malloc(size);
}

TEST(without_memory_for_an_object_and_none_in_use_a_write_fails) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    uint8_t bytes[BLOCK] = {0};
    atomic_store(&lacking, sizeof(struct wt_writeback));
    CHECK_EQ(write_at(file, 0, bytes, BLOCK), -ENOMEM);
    CHECK_EQ(submit(file, 0, 1, BLOCK, 0, 0), -ENOMEM);
    CHECK_EQ(submit(file, 0, 1, BLOCK, WT_ATOMIC, 0), -ENOMEM);
    atomic_store(&lacking, 0);
    fill_at(file, 0, 1, BLOCK);
    core_close(&core);
}

TEST(without_memory_for_an_object_a_write_waits_for_one_in_use) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(submit(file, 0, 1, BLOCK, 0, 0));
    atomic_store(&lacking, sizeof(struct wt_writeback));
    fill_at(file, 4 * BLOCK, 2, BLOCK);
    atomic_store(&lacking, 0);
    reap(&core, 1);
    core_close(&core);
}

TEST(without_memory_for_its_share_of_a_folio_a_write_fails) {
    enum { FOLIO = 64 * BLOCK };
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    uint8_t bytes[2 * BLOCK] = {0};
    fill_at(file, 0, 1, FOLIO);
    fill_at(file, FOLIO, 1, BLOCK);
    atomic_store(&lacking, sizeof(struct wt_link));
    struct iovec iov = {bytes, sizeof bytes};
    uint64_t stable_bytes = 7;
    CHECK_EQ(wt_write(file, &iov, 1, FOLIO - BLOCK, 0, &stable_bytes), -ENOMEM);
    CHECK_EQ(stable_bytes, BLOCK);
    CHECK_EQ(submit(file, FOLIO - BLOCK, 3, 2 * BLOCK, WT_NOWAIT, 0), -ENOMEM);
    atomic_store(&lacking, 0);
    check_filled(file, FOLIO - BLOCK, 0, BLOCK);
    check_filled(file, FOLIO, 1, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* The object of the I/O that ended carries one run of them, its end the next. */
TEST(what_collected_under_an_io_leaves_one_run_after_the_other_where_there_is_no_memory) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(submit(file, 0, 1, 10 * BLOCK, 0, 0));
    for (unsigned i = 0; i < 4; i++) {
        CHECK_OK(submit(file, i * 2 * BLOCK, 2, BLOCK, 0, i + 1));
    }
    atomic_store(&lacking, sizeof(struct wt_writeback));
    reap(&core, 5);
    atomic_store(&lacking, 0);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 5);
    check_filled(file, 6 * BLOCK, 2, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

TEST(what_collected_in_a_folio_that_no_io_is_on_any_more_fails_where_there_is_no_memory) {
    enum { FOLIO = 64 * BLOCK };
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event event;
    CHECK_OK(submit(file, FOLIO - 4 * BLOCK, 1, 6 * BLOCK, 0,
                    0)); /* one I/O on two folios, for which two objects were taken */
    CHECK_OK(submit(file, FOLIO - 4 * BLOCK, 2, BLOCK, 0, 1));
    CHECK_OK(submit(file, FOLIO - 2 * BLOCK, 2, BLOCK, 0, 2));
    CHECK_OK(submit(file, FOLIO + BLOCK, 3, BLOCK, 0, 3));
    atomic_store(&lacking, sizeof(struct wt_writeback));
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(wt_reap(core.engine, &event, 1, soon), 1);
        CHECK_EQ(event.result, event.token == 0 ? 6 * BLOCK : event.token == 3 ? -ENOMEM : BLOCK);
    }
    atomic_store(&lacking, 0);
    check_filled(file, FOLIO - 2 * BLOCK, 2, BLOCK);
    check_filled(file, FOLIO + BLOCK, 1, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* The leader of a gather, in place of a thread that was handed it. */
TEST(a_gather_that_its_leader_has_no_memory_for_fails) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_inode *inode = wt_file_acquire(file)->inode;
    struct wt_writeback *taken[8];
    unsigned count = 0;
    struct wt_event event;
    CHECK_OK(submit(file, 0, 1, 2 * BLOCK, 0, 0));
    CHECK_OK(submit(file, BLOCK, 2, BLOCK, 0, 1));
    CHECK(wt_inode_begin(inode, false));
    struct wt_folio *folio = wt_folio_find(&inode->mapping, 0);
    folio->gather.has_leader = true;
    wt_folio_put(folio);
    reap(&core, 1);
    atomic_store(&lacking, sizeof(struct wt_writeback));
    while (count < 8 && (taken[count] = wt_writeback_take(inode->engine, true))) {
        count++;
    }
    CHECK(count > 0 && count < 8);
    wt_launch_gather(folio);
    CHECK_EQ(wt_reap(core.engine, &event, 1, soon), 1);
    CHECK_EQ(event.result, -ENOMEM);
    atomic_store(&lacking, 0);
    while (count > 0) {
        wt_writeback_give(inode->engine, taken[--count]);
    }
    wt_inode_end(inode);
    wt_file_release(file);
    CHECK_EQ(core_stats(&core).in_flight_bytes, 0);
    check_filled(file, 0, 1, 2 * BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* Newer writes to refused blocks need what the device has below: a read each. */
TEST(what_waits_on_refused_bytes_fails_where_there_is_no_memory_to_read_what_is_below) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_event event;
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    CHECK_OK(submit(file, 0, 2, 4 * BLOCK, 0, 0));
    CHECK_OK(submit(file, 10, 3, 10, 0, 1));
    CHECK_OK(submit(file, 2 * BLOCK + 10, 3, 10, 0, 2));
    atomic_store(&lacking, sizeof(struct wt_writeback));
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(wt_reap(core.engine, &event, 1, soon), 1);
        CHECK_EQ(event.result, event.token == 0 ? -EIO : event.token == 1 ? 10 : -ENOMEM);
    }
    atomic_store(&lacking, 0);
    check_filled(file, 10, 3, 10);
    check_filled(file, 2 * BLOCK, 1, BLOCK);
    check_cache_is_disk(&core, file, "file");
    core_close(&core);
}

/* ---- calls that wait for all ------------------------------------------------------------------------------------- */

TEST(a_thread_that_reaps_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 1, BLOCK, 0, 0));
    reap(&core, 1);
    wt_plug_end(&plug);
    core_close(&core);
}

TEST(a_thread_that_closes_a_file_sends_what_is_plugged) {
    struct core core = core_threaded(NULL);
    wt_file file = core_file(&core, "file");
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(file, 0, 1, BLOCK, 0, 0));
    CHECK_OK(wt_file_close(file));
    wt_plug_end(&plug);
    reap(&core, 1);
    core_close(&core);
}

TEST(a_plug_of_two_engines_is_sent_by_a_wait_for_either) {
    struct core one = core_threaded(NULL), two = core_threaded(NULL);
    wt_file first = core_file(&one, "file"), second = core_file(&two, "file");
    struct wt_plug plug;
    wt_plug_begin(&plug);
    CHECK_OK(submit(first, 0, 1, BLOCK, 0, 0));
    CHECK_OK(submit(second, 0, 1, BLOCK, 0, 0));
    CHECK_OK(submit(second, 0, 2, BLOCK, 0, 1));
    reap(&one, 1);
    reap(&two, 2);
    wt_plug_end(&plug);
    core_close(&one);
    core_close(&two);
}
