// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* When threads that yield rest from it, by a clock of the test. */
#include "base/backoff.h"

#include "test.h"

enum { MS = 1000000 };

/* Yields from begin that took so long; how long the rest after them is. */
static int64_t rest_after(struct wt_rest *rest, int64_t begin_ns, int64_t took_ns) {
    int64_t now_ns = begin_ns + took_ns;
    wt_rest_after(rest, begin_ns, now_ns);
    int64_t until_ns = atomic_load(&rest->until_ns);
    CHECK_EQ(wt_rest_is_on(rest, now_ns), until_ns > now_ns);
    return until_ns > now_ns ? until_ns - now_ns : 0;
}

TEST(yields_among_ones_own_need_no_rest) {
    struct wt_rest rest = {0};
    CHECK_EQ(rest_after(&rest, 1000 * MS, WT_YIELDS_LONGEST_NS), 0);
    CHECK_EQ(rest_after(&rest, 1000 * MS, WT_YIELDS_LONGEST_NS + 1), WT_REST_SHORTEST_NS);
}

TEST(a_rest_ends) {
    struct wt_rest rest = {0};
    (void)rest_after(&rest, 1000 * MS, 4 * MS);
    CHECK(wt_rest_is_on(&rest, 1004 * MS + WT_REST_SHORTEST_NS - 1));
    CHECK(!wt_rest_is_on(&rest, 1004 * MS + WT_REST_SHORTEST_NS));
}

TEST(one_event_makes_one_rest_whoever_sees_it) {
    struct wt_rest rest = {0};
    (void)rest_after(&rest, 1000 * MS, 4 * MS);
    int64_t until_ns = atomic_load(&rest.until_ns);
    for (int thread = 0; thread < 64; thread++)
        (void)rest_after(&rest, 1000 * MS, 5 * MS);
    CHECK_EQ(atomic_load(&rest.until_ns), until_ns);
    (void)rest_after(&rest, until_ns - 1, 10 * MS); /* began before the rest did away with yields, ended after it */
    CHECK_EQ(atomic_load(&rest.until_ns), until_ns);
}

TEST(a_rest_is_longer_the_more_often_it_was_needed_at_once) {
    struct wt_rest rest = {0};
    int64_t expected_ns = WT_REST_SHORTEST_NS;
    CHECK_EQ(rest_after(&rest, 1000 * MS, 4 * MS), expected_ns);
    for (int i = 0; i < 20; i++) {
        expected_ns = 2 * expected_ns < WT_REST_LONGEST_NS ? 2 * expected_ns : WT_REST_LONGEST_NS;
        CHECK_EQ(rest_after(&rest, atomic_load(&rest.until_ns) + MS, 4 * MS), expected_ns);
    }
    CHECK_EQ(expected_ns, WT_REST_LONGEST_NS);
    CHECK_EQ(rest_after(&rest, atomic_load(&rest.until_ns) + 2 * WT_REST_LONGEST_NS, 4 * MS), WT_REST_SHORTEST_NS);
}
