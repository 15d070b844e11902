// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Writes that share flushes: what a flush makes stable are the writes that were transferred before it began, no other. */
#include "posix/flush.h"

#include <errno.h>
#include <string.h>

#include "test.h"

enum { WRITES = 4 };

static struct wt_flush flush;
static struct wt_io writes[WRITES];

static void transfer(unsigned index) {
    writes[index].length = writes[index].done = 4096;
    writes[index].stable_by = WT_STABLE_BY_SHARED_FLUSH;
}

static bool add(unsigned index) {
    transfer(index);
    return wt_flush_add(&flush, &writes[index]);
}

/* Which writes the end of the flush gives back, one bit each. */
static unsigned end(int error, bool *again) {
    unsigned ended = 0;
    for (struct wt_io *io = wt_flush_end(&flush, error, again); io != NULL; io = io->next) {
        ended |= 1u << (io - writes);
    }
    return ended;
}

TEST(a_flush_covers_the_writes_that_were_transferred_before_it_began) {
    bool again;
    CHECK(add(0));
    CHECK(!add(1)); /* it has not begun */
    wt_flush_begin(&flush);
    CHECK(!add(2));
    CHECK_EQ(end(0, &again), 0x3);
    CHECK(again);
}

TEST(a_write_transferred_while_a_flush_is_under_way_waits_for_the_next) {
    bool again;
    CHECK(add(0));
    wt_flush_begin(&flush);
    CHECK(!add(1));
    CHECK(!add(2));
    CHECK_EQ(end(0, &again), 0x1);
    CHECK(again);
    wt_flush_begin(&flush);
    CHECK_EQ(end(0, &again), 0x6);
    CHECK(!again);
    CHECK(add(3)); /* none is under way now */
}

TEST(a_flush_that_fails_fails_the_writes_it_covers_and_says_that_nothing_of_them_is_stable) {
    bool again;
    CHECK(add(0));
    CHECK(!add(1));
    wt_flush_begin(&flush);
    CHECK(!add(2));
    CHECK_EQ(end(-EIO, &again), 0x3);
    CHECK_EQ(writes[0].error, -EIO);
    CHECK_EQ(writes[0].done, 0);
    CHECK_EQ(writes[1].error, -EIO);
    CHECK_EQ(writes[2].error, 0);
    CHECK_EQ(writes[2].done, 4096);
}

TEST(a_flush_begun_once_more_covers_what_came_meanwhile_too) {
    bool again;
    CHECK(add(0));
    wt_flush_begin(&flush);
    CHECK(!add(1));
    wt_flush_begin(&flush); /* the kernel had dropped it */
    CHECK_EQ(end(0, &again), 0x3);
    CHECK(!again);
}
