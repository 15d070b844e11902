// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* When threads that yield stop for a while, by a clock of the test. */
#include "base/backoff.h"

#include "test.h"

enum { MS = 1000000 };

/* Yields from begin that took so long; how long the backoff after them is. */
static int64_t backoff_after(struct wt_backoff *backoff, int64_t begin_ns, int64_t took_ns) {
    int64_t now_ns = begin_ns + took_ns;
    wt_backoff_after(backoff, begin_ns, now_ns);
    int64_t until_ns = atomic_load(&backoff->until_ns);
    CHECK_EQ(wt_backoff_is_on(backoff, now_ns), until_ns > now_ns);
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

TEST(yields_among_ones_own_need_no_backoff) {
    struct wt_backoff backoff = {0};
    CHECK_EQ(backoff_after(&backoff, 1000 * MS, WT_YIELDS_LONGEST_NS), 0);
    CHECK_EQ(backoff_after(&backoff, 1000 * MS, WT_YIELDS_LONGEST_NS + 1), WT_BACKOFF_SHORTEST_NS);
}

TEST(a_backoff_ends) {
    struct wt_backoff backoff = {0};
    (void)backoff_after(&backoff, 1000 * MS, 4 * MS);
    CHECK(wt_backoff_is_on(&backoff, 1004 * MS + WT_BACKOFF_SHORTEST_NS - 1));
    CHECK(!wt_backoff_is_on(&backoff, 1004 * MS + WT_BACKOFF_SHORTEST_NS));
}

TEST(one_event_makes_one_backoff_whoever_sees_it) {
    struct wt_backoff backoff = {0};
    (void)backoff_after(&backoff, 1000 * MS, 4 * MS);
    int64_t until_ns = atomic_load(&backoff.until_ns);
    for (int thread = 0; thread < 64; thread++)
        (void)backoff_after(&backoff, 1000 * MS, 5 * MS);
    CHECK_EQ(atomic_load(&backoff.until_ns), until_ns);
    (void)backoff_after(&backoff, until_ns - 1,
                        10 * MS); /* began before the backoff did away with yields, ended after it */
    CHECK_EQ(atomic_load(&backoff.until_ns), until_ns);
}

TEST(a_backoff_is_longer_the_more_often_it_was_needed_at_once) {
    struct wt_backoff backoff = {0};
    int64_t expected_ns = WT_BACKOFF_SHORTEST_NS;
    CHECK_EQ(backoff_after(&backoff, 1000 * MS, 4 * MS), expected_ns);
    for (int i = 0; i < 20; i++) {
        expected_ns = 2 * expected_ns < WT_BACKOFF_LONGEST_NS ? 2 * expected_ns : WT_BACKOFF_LONGEST_NS;
        CHECK_EQ(backoff_after(&backoff, atomic_load(&backoff.until_ns) + MS, 4 * MS), expected_ns);
    }
    CHECK_EQ(expected_ns, WT_BACKOFF_LONGEST_NS);
    CHECK_EQ(backoff_after(&backoff, atomic_load(&backoff.until_ns) + 2 * WT_BACKOFF_LONGEST_NS, 4 * MS),
             WT_BACKOFF_SHORTEST_NS);
}
