// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Writes of high priority: what they do not wait for, and which I/O has their priority. */
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"

enum { BLOCK = 4096 };

static struct core open_held(wt_file *file) {
    struct core core = core_open(&(struct sim_options){.threaded = true, .atomic_bytes = 64 << 10}, NULL);
    *file = core_file(&core, "file");
    fill_at(*file, 0, 1, 64 * BLOCK);
    sim_hold(core.sim);
    sim_clear_log(core.sim);
    return core;
}

static void submit(wt_file file, uint64_t offset, int value, size_t length, uint32_t flags) {
    uint8_t *from = malloc(length);
    CHECK(from != NULL);
    memset(from, value, length);
    struct iovec iov = {from, length};
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, flags, 1));
    free(from);
}

static void end(struct core *core, wt_file file, unsigned writes) {
    struct wt_event event;
    sim_release_all(core->sim);
    for (unsigned i = 0; i < writes; i++) {
        CHECK_EQ(wt_reap(core->engine, &event, 1, INT64_C(20000000000)), 1);
        CHECK(event.result > 0);
    }
    check_cache_is_disk(core, file, "file");
    core_close(core);
}

TEST(an_io_has_the_highest_priority_of_the_writes_in_it) {
    wt_file file;
    struct core core = open_held(&file);
    submit(file, 0, 2, BLOCK, WT_HIGH_PRIORITY);
    submit(file, 8 * BLOCK, 2, BLOCK, 0);
    submit(file, 16 * BLOCK, 2, BLOCK, WT_HIGH_PRIORITY | WT_ATOMIC);
    submit(file, 0, 3, BLOCK, 0);
    submit(file, 8 * BLOCK + 10, 3, 100, 0);
    submit(file, 8 * BLOCK + 200, 4, 100, WT_HIGH_PRIORITY);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 3);
    CHECK(sim_record(core.sim, SIM_WRITE, 0).high_priority);
    CHECK(!sim_record(core.sim, SIM_WRITE, 1).high_priority);
    CHECK(sim_record(core.sim, SIM_WRITE, 2).high_priority);
    sim_release_at(core.sim, "file", 0);
    CHECK_EQ(sim_wait_in_flight(core.sim, 3), 3);
    CHECK(!sim_record(core.sim, SIM_WRITE, 3).high_priority);
    sim_release_at(core.sim, "file", 8 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 3), 3);
    CHECK(sim_record(core.sim, SIM_WRITE, 4).high_priority);
    end(&core, file, 6);
}

TEST(a_record_of_high_priority_does_not_wait_for_io_beside_it_and_takes_along_what_does) {
    wt_file file;
    struct core core = open_held(&file);
    submit(file, 3 * BLOCK, 2, BLOCK, 0);
    submit(file, 4 * BLOCK + 10, 3, 100, 0);
    submit(file, 5 * BLOCK + 10, 3, 100, 0);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 1); /* the records wait for the I/O beside them */
    submit(file, 6 * BLOCK, 4, 100, WT_HIGH_PRIORITY);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2);
    submit(file, 4 * BLOCK + 300, 5, 100, WT_HIGH_PRIORITY);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 3);
    sim_release_at(core.sim, "file", 4 * BLOCK);
    uint8_t found[100], expected[100];
    sim_peek_stable(core.sim, "file", 4 * BLOCK + 10, found, 100);
    memset(expected, 3, sizeof expected);
    CHECK_BYTES(found, expected, 100);
    end(&core, file, 5);
}

TEST(on_its_own_blocks_a_write_of_high_priority_waits_as_any) {
    wt_file file;
    struct core core = open_held(&file);
    submit(file, 3 * BLOCK, 2, 2 * BLOCK, 0);
    submit(file, 4 * BLOCK, 3, 2 * BLOCK, WT_HIGH_PRIORITY);
    CHECK_EQ(sim_count(core.sim, SIM_WRITE), 2); /* the block that is free leaves */
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 1).offset, 5 * BLOCK);
    CHECK_EQ(sim_record(core.sim, SIM_WRITE, 1).length, BLOCK);
    sim_release_at(core.sim, "file", 3 * BLOCK);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    CHECK(sim_record(core.sim, SIM_WRITE, 2).high_priority);
    end(&core, file, 2);
}

static void *write_record(void *argument) {
    uint8_t record[100];
    memset(record, 9, sizeof record);
    CHECK_EQ(write_at(*(wt_file *)argument, 50, record, sizeof record), sizeof record);
    return NULL;
}

/* For how many writers the next leader of a gather would wait, after one's I/O ended while a record waits elsewhere. */
static uint32_t expected_beside(uint32_t flags) {
    wt_file file;
    struct core core = open_held(&file);
    submit(file, 20 * BLOCK, 2, BLOCK, 0);
    submit(file, 20 * BLOCK + 10, 3, 100, flags);
    pthread_t writer = test_thread(write_record, &file);
    CHECK_EQ(sim_wait_in_flight(core.sim, 2), 2);
    sim_release_at(core.sim, "file", 0);
    test_join(writer);
    struct wt_file_object *object = wt_file_acquire(file);
    struct wt_folio *folio = wt_folio_find(&object->inode->mapping, 0);
    uint32_t expected = folio->gather.expected;
    wt_folio_put(folio);
    wt_file_release(file);
    end(&core, file, 2);
    return expected;
}

TEST(no_leader_waits_for_other_writers_while_a_write_of_high_priority_waits) {
    CHECK_EQ(expected_beside(0), 1);
    CHECK_EQ(expected_beside(WT_HIGH_PRIORITY), 0);
}

TEST(priority_changes_nothing_of_what_is_written) {
    static const uint32_t blocks[] = {512, 4096};
    static uint8_t bytes[1 << 16];
    uint64_t seed = test_seed();
    for (uint64_t round = 0; round < 20; round++) {
        struct core core = core_open(
            &(struct sim_options){.seed = seed + round, .block_bytes = blocks[round % 2], .buffered = round % 5 == 4},
            NULL);
        wt_file file = core_file(&core, "file");
        struct model model = model_new(200000);
        struct test_random random = test_random_of(seed + round);
        test_random_bytes(&random, bytes, sizeof bytes);
        unsigned pending = 0;
        for (unsigned i = 0; i < 300; i++) {
            size_t length = 1 + (size_t)test_random_below(&random, test_random_one_in(&random, 4) ? 20000 : 300);
            uint64_t offset = test_random_below(&random, 20000);
            uint32_t flags = test_random_one_in(&random, 2) ? WT_HIGH_PRIORITY : 0;
            struct iovec iov = {bytes + i, length};
            if (test_random_one_in(&random, 3)) {
                CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, flags, NULL), length);
            } else {
                CHECK_OK(wt_write_submit(file, &iov, 1, offset, 0, flags, 1));
                pending++;
            }
            model_write(&model, offset, bytes + i, length);
            if (test_random_one_in(&random, 3)) {
                (void)sim_pump_one(core.sim);
            }
        }
        while (sim_pump_one(core.sim)) {
        }
        struct wt_event event;
        for (; pending > 0; pending--) {
            CHECK_EQ(wt_reap(core.engine, &event, 1, 0), 1);
            CHECK(event.result > 0);
        }
        check_file(&core, file, "file", &model);
        model_free(&model);
        core_close(&core);
    }
}
