// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The states of a gather, step by step, on a folio without memory; and one of them in an engine. */
#include "write/gather.h"

#include <semaphore.h>
#include <string.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"

enum { BLOCK = 4096, WRITERS = 4 };

/* A folio, and writers with a block each: writer i has block i. */
struct scene {
    struct wt_engine_object engine;
    struct wt_inode inode;
    struct wt_folio folio;
    struct wt_write writes[WRITERS];
};

static struct scene scene;

/* All writers have been copied in, and the I/O of an earlier write is on block 9. */
static struct wt_folio *arrange(void) {
    memset((void *)&scene, 0, sizeof scene);
    scene.inode.engine = &scene.engine;
    scene.folio.mapping = &scene.inode.mapping;
    scene.folio.writeback = 1 << 9;
    for (int i = WRITERS - 1; i >= 0; i--) {
        struct wt_write *write = &scene.writes[i];
        write->inode = &scene.inode;
        CHECK_EQ(sem_init(&write->wake, 0, 0), 0);
        atomic_init(&write->references, 2);
        write->link = (struct wt_link){.write = write, .dirty = UINT64_C(1) << i, .next = scene.folio.links};
        scene.folio.links = &write->link;
        scene.folio.dirty |= write->link.dirty;
    }
    return &scene.folio;
}

/* The same with blocks that are all clean, after an I/O that set so many writers free. */
static struct wt_folio *arrange_clean(uint32_t freed) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader;
    folio->dirty = folio->writeback = 0;
    folio->links = NULL;
    CHECK(!wt_gather_io_ended(folio, freed, &leader));
    CHECK(!leader);
    return folio;
}

/* A writer of one record has copied it into block 0. */
static void copy_record(struct wt_folio *folio, struct wt_write *write) {
    folio->dirty |= write->link.dirty = 1;
    write->link.next = folio->links;
    folio->links = &write->link;
}

/* ---- which blocks join ----------------------------------------------------------------------------------------- */

TEST(a_write_joins_the_gather_where_io_or_dirty_bytes_are_and_a_record_also_beside_them) {
    static const struct {
        uint64_t writeback, dirty;
        bool led;
        uint64_t blocks;
        bool record, high_priority;
        uint64_t joining;
    } cases[] = {
        {0, 0, false, 0xf, false, false, 0},
        {0x3, 0, false, 0xf, false, false, 0x3},
        {0, 0x3, true, 0xf, false, false, 0x3},
        {0x1, 0x2, false, 0xf, false, false, 0x3},
        {0x1, 0, false, 0x2, true, false, 0x2},                             /* a record beside it */
        {0x1, 0, false, 0x2, false, false, 0},                              /* a whole block beside it */
        {0x1, 0, false, 0x100, true, false, 0x100},                         /* 8 blocks away */
        {0x1, 0, false, 0x200, true, false, 0},                             /* 9 blocks away */
        {UINT64_C(1) << 63, 0, false, 1ull << 55, true, false, 1ull << 55}, /* and on the other side */
        {0, 0x1, true, 0x2, true, false, 0x2},                              /* beside what a leader will send */
        {0, 0, true, 0x2, true, false, 0},                                  /* the leader has nothing there */
        {0x1, 0x2, false, 0x3, true, true, 0x1},                            /* high priority: only where it must */
        {0x1, 0, false, 0x2, true, true, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        CONTEXT("case %u", i);
        struct wt_folio folio = {.writeback = cases[i].writeback, .dirty = cases[i].dirty};
        folio.gather.has_leader = cases[i].led;
        CHECK_EQ(wt_gather_joining(&folio, cases[i].blocks, cases[i].record, cases[i].high_priority), cases[i].joining);
    }
}

/* ---- who leads ------------------------------------------------------------------------------------------------- */

TEST(the_end_of_an_io_makes_one_writer_the_leader_that_waits_for_the_gather) {
    struct wt_folio *folio = arrange(), *other = &(struct wt_folio){0};
    struct wt_write *leader;
    scene.writes[0].async = true;
    folio->dirty &= ~scene.writes[1].link.dirty; /* waits for an I/O that has its block already */
    scene.writes[1].link.dirty = 0;
    wt_gather_begin_waiting(&scene.writes[1]);
    atomic_store(&scene.writes[2].lead, other); /* leads another folio's gather */
    wt_gather_begin_waiting(&scene.writes[2]);
    wt_gather_begin_waiting(&scene.writes[3]);
    folio->writeback = 0;
    CHECK(!wt_gather_io_ended(folio, 0, &leader));
    CHECK_EQ(leader - scene.writes, 3);
    CHECK(folio->gather.has_leader);
    CHECK(wt_gather_is_sent_later(folio));
    for (unsigned i = 0; i < WRITERS; i++)
        CHECK_EQ(wt_gather_take_lead(&scene.writes[i]), i == 3 ? folio : i == 2 ? other : NULL);
    CHECK(!wt_gather_take_lead(&scene.writes[3])); /* once */
    wt_gather_take(folio);
    CHECK(!folio->gather.has_leader);
}

TEST(a_folio_has_one_leader_at_a_time) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader, *second;
    for (unsigned i = 0; i < WRITERS; i++)
        wt_gather_begin_waiting(&scene.writes[i]);
    folio->writeback = 0;
    CHECK(!wt_gather_io_ended(folio, 3, &leader));
    CHECK(leader);
    CHECK(!wt_gather_io_ended(folio, 7, &second));
    CHECK(!second);
    CHECK_EQ(folio->gather.expected, 3); /* of the I/O that the leader waits behind */
    folio->dirty = 0;                    /* all has left with the gather of the folio before */
    CHECK(!wt_gather_may_lead(folio, &scene.writes[0]));
}

TEST(a_gather_that_nobody_waits_for_is_sent_by_whoever_ended_the_io) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader;
    folio->writeback = 0;
    CHECK(wt_gather_io_ended(folio, 0, &leader));
    CHECK(!leader);
    CHECK(!folio->gather.has_leader);
    CHECK(!wt_gather_is_sent_later(folio));
}

TEST(dirty_blocks_that_other_io_is_on_wait_for_its_end) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader;
    wt_gather_begin_waiting(&scene.writes[0]);
    folio->writeback = folio->dirty;
    CHECK(!wt_gather_io_ended(folio, 0, &leader));
    CHECK(!leader);
    CHECK(wt_gather_is_sent_later(folio));
    folio->writeback = 0;
    folio->reading = folio->dirty; /* the bytes below are read */
    CHECK(!wt_gather_io_ended(folio, 0, &leader));
    CHECK(!leader);
    CHECK(wt_gather_is_sent_later(folio));
}

TEST(the_first_of_several_expected_writers_leads_with_a_record_into_a_clean_folio) {
    struct wt_folio *folio = arrange_clean(2);
    struct wt_write *write = &scene.writes[0];
    CHECK(wt_gather_may_lead(folio, write));
    write->async = true;
    CHECK(!wt_gather_may_lead(folio, write));
    write->async = false;
    write->flags = WT_HIGH_PRIORITY;
    CHECK(!wt_gather_may_lead(folio, write));
    write->flags = 0;
    folio->writeback = 2;
    CHECK(!wt_gather_may_lead(folio, write));
    folio->writeback = 0;
    folio->dirty = 2;
    CHECK(!wt_gather_may_lead(folio, write));
    folio->dirty = 0;
    CHECK(!wt_gather_may_lead(arrange_clean(1), write)); /* it would lead nobody */

    folio = arrange_clean(2);
    copy_record(folio, write);
    wt_gather_lead_first(folio, write);
    CHECK(folio->gather.has_leader);
    CHECK_EQ(sem_trywait(&write->wake), 0);
    CHECK_EQ(wt_gather_take_lead(write), folio);
}

/* ---- who is expected, and who sends ---------------------------------------------------------------------------- */

TEST(the_last_writer_that_a_leader_expects_sends_the_gather) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader;
    wt_gather_begin_waiting(&scene.writes[0]);
    CHECK(!wt_gather_arrive(folio)); /* no leader waits */
    folio->writeback = 0;
    CHECK(!wt_gather_io_ended(folio, 3, &leader));
    CHECK(!wt_gather_arrive(folio));
    CHECK(!wt_gather_arrive(folio));
    CHECK(wt_gather_arrive(folio));
    CHECK(!wt_gather_arrive(folio)); /* one more than was expected */
    CHECK_EQ(folio->gather.expected, 0);

    folio = arrange_clean(1);
    CHECK(!wt_gather_arrive(folio)); /* no leader waits for it */
    CHECK_EQ(folio->gather.expected, 1);
}

TEST(a_leader_that_has_sent_expects_nobody) {
    struct wt_folio *folio = arrange_clean(2);
    copy_record(folio, &scene.writes[0]);
    wt_gather_lead_first(folio, &scene.writes[0]);
    wt_gather_take(folio);
    CHECK_EQ(folio->gather.expected, 0);
    CHECK(!wt_gather_arrive(folio));
}

TEST(nobody_is_expected_while_a_write_of_high_priority_waits) {
    struct wt_folio *folio = arrange();
    struct wt_write *leader;
    wt_gather_begin_waiting(&scene.writes[0]);
    folio->writeback = 0;
    CHECK(!wt_gather_io_ended(folio, 3, &leader));
    wt_gather_send_now(folio);
    CHECK_EQ(folio->gather.expected, 0);
    CHECK(!wt_gather_arrive(folio));
    wt_gather_take(folio);
    CHECK(wt_gather_io_ended(folio, 3, &leader)); /* no other writer waits */
    CHECK(!leader);
    CHECK_EQ(folio->gather.expected, 0);
    folio->dirty &= folio->dirty - 1;
    wt_gather_left(folio);
    CHECK(folio->gather.has_high_priority);
    folio->dirty = 0;
    wt_gather_left(folio);
    CHECK(!folio->gather.has_high_priority);
}

TEST(a_writer_is_free_when_its_io_has_ended_and_it_is_not_asynchronous) {
    static const struct {
        bool async, waits;
        unsigned references;
        uint32_t freed;
    } cases[] = {
        {false, true, 1, 1},  /* it sleeps */
        {false, false, 1, 1}, /* it has gone from its write */
        {false, false, 2, 1}, /* it runs this very I/O */
        {false, true, 2, 0},  /* it waits for another I/O, too */
        {false, false, 3, 0}, {true, false, 1, 0}, {true, false, 2, 0},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        CONTEXT("case %u", i);
        struct wt_write write = {.async = cases[i].async};
        uint32_t freed = 0;
        atomic_store(&write.waits, cases[i].waits);
        atomic_store(&write.references, cases[i].references);
        CHECK_EQ(wt_gather_release(&write, &freed), cases[i].references - 1);
        CHECK_EQ(freed, cases[i].freed);
    }
}

/* ---- how long a leader waits ----------------------------------------------------------------------------------- */

TEST(after_a_wait_for_nobody_the_next_leaders_of_the_file_do_not_wait) {
    struct wt_folio *folio = arrange_clean(2);
    wt_gather_await_arrivals(folio);
    CHECK_EQ(scene.inode.hasty_leaders, 64);
    for (unsigned left = 63; left < 64; left--) {
        wt_gather_await_arrivals(folio);
        CHECK_EQ(scene.inode.hasty_leaders, left);
    }
    scene.engine.lead_backoff = (struct wt_backoff){0}; /* on a busy machine the first wait was a long one */
    wt_gather_await_arrivals(folio);
    CHECK_EQ(scene.inode.hasty_leaders, 64);
}

TEST(a_leader_that_expects_nobody_does_not_wait) {
    struct wt_folio *folio = arrange_clean(0);
    wt_gather_await_arrivals(folio);
    CHECK_EQ(scene.inode.hasty_leaders, 0);
}

TEST(no_leader_waits_while_other_programs_keep_the_processors_busy) {
    struct wt_folio *folio = arrange_clean(2);
    atomic_store(&scene.engine.lead_backoff.until_ns, INT64_MAX);
    wt_gather_await_arrivals(folio);
    CHECK_EQ(scene.inode.hasty_leaders, 0);
}

/* ---- in an engine ---------------------------------------------------------------------------------------------- */

static void submit(wt_file file, uint64_t offset, int value, uint32_t flags) {
    uint8_t bytes[BLOCK];
    memset(bytes, value, sizeof bytes);
    struct iovec iov = {bytes, sizeof bytes};
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, flags, 1));
}

TEST(a_write_of_high_priority_that_failed_leaves_no_priority_behind) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .count = 1, .error = -EIO});
    submit(file, 0, 2, 0);
    submit(file, 0, 3, WT_HIGH_PRIORITY); /* waits on bytes that are refused, and what is below cannot be read */
    for (unsigned i = 0; i < 2; i++) {
        struct wt_event event;
        CHECK_EQ(wt_reap(core.engine, &event, 1, INT64_C(20000000000)), 1);
        CHECK_EQ(event.result, -EIO);
    }
    struct wt_file_object *object = wt_file_acquire(file);
    struct wt_folio *folio = wt_folio_find(&object->inode->mapping, 0);
    CHECK(folio);
    CHECK_EQ(folio->dirty, 0);
    CHECK(!folio->gather.has_high_priority);
    wt_folio_put(folio);
    wt_file_release(file);
    core_close(&core);
}
