// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Where a file ends, and which way a transfer goes: the answers are written out, case by case. */
#include <errno.h>

#include "file/ends.h"
#include "test.h"

/* ---- the ends ---------------------------------------------------------------------------------------------------- */

static void check_ends(const struct wt_ends *ends, uint64_t visible_size, uint64_t size, uint64_t end_in_flight) {
    CHECK_EQ(atomic_load(&ends->visible_size), visible_size);
    CHECK_EQ(atomic_load(&ends->size), size);
    CHECK_EQ(atomic_load(&ends->end_in_flight), end_in_flight);
    wt_ends_check(ends, visible_size == size && size == end_in_flight);
}

TEST(a_write_raises_the_end_in_flight_when_it_begins_and_the_sizes_when_it_ends) {
    struct wt_ends ends = {0};
    wt_ends_set(&ends, 100);
    check_ends(&ends, 100, 100, 100);
    wt_ends_begin_to(&ends, 50);
    check_ends(&ends, 100, 100, 100);
    wt_ends_begin_to(&ends, 300);
    check_ends(&ends, 100, 100, 300);
    wt_ends_grow(&ends, 200);
    check_ends(&ends, 200, 200, 300);
    wt_ends_grow(&ends, 150);
    check_ends(&ends, 200, 200, 300);
    wt_ends_grow(&ends, 300);
    check_ends(&ends, 300, 300, 300);
}

TEST(an_append_raises_the_visible_size_last) {
    struct wt_ends ends = {0};
    wt_ends_set(&ends, 100);
    wt_ends_begin_to(&ends, 150);
    wt_ends_grow_unseen(&ends, 150);
    check_ends(&ends, 100, 150, 150);
    wt_ends_grow(&ends, 150);
    check_ends(&ends, 150, 150, 150);
}

TEST(an_allocation_raises_all_three_though_it_began_no_write) {
    struct wt_ends ends = {0};
    wt_ends_set(&ends, 100);
    wt_ends_grow(&ends, 4096);
    check_ends(&ends, 4096, 4096, 4096);
}

TEST(an_append_begins_behind_all_that_is_in_flight) {
    struct wt_ends ends = {0};
    uint64_t start = 0;
    wt_ends_set(&ends, 100);
    wt_ends_begin_to(&ends, 1000);
    CHECK_OK(wt_ends_take_place(&ends, 24, false, &start));
    CHECK_EQ(start, 1000);
    CHECK_OK(wt_ends_take_place(&ends, 512, true, &start));
    CHECK_EQ(start, 1024);
    CHECK_EQ(wt_ends_take_place(&ends, 1024, true, &start), -EINVAL);
    check_ends(&ends, 100, 100, 1536);
    CHECK_OK(wt_ends_take_place(&ends, INT64_MAX - 1536, false, &start));
    CHECK_EQ(wt_ends_take_place(&ends, 1, false, &start), -EFBIG);
}

TEST(a_truncation_sets_all_three) {
    struct wt_ends ends = {0};
    wt_ends_set(&ends, 5000);
    wt_ends_set(&ends, 10);
    check_ends(&ends, 10, 10, 10);
    wt_ends_set(&ends, 7000);
    check_ends(&ends, 7000, 7000, 7000);
}

/* ---- which way a transfer goes ----------------------------------------------------------------------------------- */

#define K *UINT64_C(1024)

struct row {
    const char *what;
    uint64_t start, end, now, soon; /* the transfer, and the ends of the file */
    uint64_t cached_from, fence_start, fence_end;
};

static void check_rows(enum wt_transfer_kind kind, uint32_t block_bytes, bool direct, const struct row *rows,
                       size_t count) {
    struct wt_geometry geometry = wt_geometry_of(block_bytes);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct wt_disk_ends ends = {.now = row->now, .soon = row->soon};
        struct wt_file_route route = wt_ends_route(kind, &geometry, direct, row->start, row->end, ends);
        CONTEXT("blocks of %u, %s", block_bytes, row->what);
        CHECK_EQ(route.cached_from, row->cached_from);
        CHECK_EQ(route.fence_start, row->fence_start);
        CHECK_EQ(route.fence_end, row->fence_end);
    }
}

#define CHECK_ROWS(kind, block_bytes, direct, rows)                                                                    \
    check_rows(kind, block_bytes, direct, rows, sizeof(rows) / sizeof *(rows))

TEST(a_write_of_blocks_as_large_as_a_page_is_direct_unless_it_ends_within_a_block) {
    static const struct row rows[] = {
        /* what                                      start    end        now      soon      cached   fence */
        {"inside the file", 4 K, 8 K, 100 K, 0, 8 K, 0, 0},
        {"inside, the file ends within a block", 4 K, 8 K, 100 K + 1, 0, 8 K, 0, 0},
        {"up to the block that the file ends in", 4 K, 8 K, 9 K, 0, 8 K, 0, 0},
        {"to the end, a block's end", 4 K, 8 K, 8 K, 0, 8 K, 0, 0},
        {"to the end, within a block", 4 K, 7 K, 7 K, 0, 4 K, 0, 0},
        {"several blocks to the end, within a block", 4 K, 15 K, 15 K, 0, 4 K, 0, 0},
        {"over the end, to a block's end", 4 K, 12 K, 6 K, 0, 12 K, 0, 0},
        {"over the end within one block, to its end", 4 K, 8 K, 6 K, 0, 8 K, 0, 0},
        {"over the end, to within a block", 4 K, 13 K, 6 K, 0, 4 K, 0, 0},
        {"from the end on, to a block's end", 8 K, 12 K, 8 K, 0, 12 K, 0, 0},
        {"from the end on, to within a block", 8 K, 9 K, 8 K, 0, 8 K, 0, 0},
        {"behind the end, to a block's end", 16 K, 20 K, 6 K, 0, 20 K, 0, 0},
        {"behind the end, to within a block", 16 K, 17 K, 6 K, 0, 16 K, 0, 0},
        {"an empty file, a whole block", 0, 4 K, 0, 0, 4 K, 0, 0},
        {"an empty file, one byte", 0, 1, 0, 0, 0, 0, 0},
        {"an allocation ends in the block behind", 4 K, 8 K, 4 K, 10 K, 8 K, 0, 0},
        {"an allocation ends within the last block", 4 K, 8 K, 4 K, 7 K, 8 K, 0, 0},
        {"growth ahead, the disk ends at a block's end", 4 K, 8 K, 64 K, 0, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_WRITE, 4096, true, rows);
}

TEST(a_write_of_small_blocks_goes_through_the_cache_in_the_page_of_its_end_or_of_the_files) {
    static const struct row rows[] = {
        {"inside the file", 0, 3 K, 100 K, 0, 3 K, 0, 0},
        {"inside, the file ends within a block of another page", 8 K, 9 K, 100 K + 1, 0, 9 K, 0, 0},
        {"up to the page that the file ends in", 4 K, 8 K, 8 K + 10, 0, 8 K, 0, 0},
        {"beside the tail block", 8 K, 9 K, 9 K + 10, 0, 8 K, 8 K, 12 K},
        {"beside it, not from the page's start", 9 K, 10 K, 11 K + 10, 0, 9 K, 8 K, 12 K},
        {"beside it, from a page before", 2 K, 9 K, 9 K + 10, 0, 8 K, 8 K, 12 K},
        {"the same, the file ends at a block's end", 2 K, 9 K, 9 K, 0, 9 K, 0, 0},
        {"the same, the file ends at the end of the page", 2 K, 12 K, 12 K, 0, 12 K, 0, 0},
        {"the tail block, to the end", 9 K, 9 K + 10, 9 K + 10, 0, 9 K, 8 K, 12 K},
        {"from a page before to the end", 5 K, 9 K + 10, 9 K + 10, 0, 8 K, 8 K, 12 K},
        {"the last block of a page, to the end", 11 K, 11 K + 1, 11 K + 1, 0, 11 K, 8 K, 12 K},
        {"a whole page, to the end", 8 K, 12 K - 1, 12 K - 1, 0, 8 K, 8 K, 12 K},
        {"over the end, to the end of the tail block", 9 K, 10 K, 9 K + 10, 0, 10 K, 0, 0},
        {"over the end, to a block's end in the page", 8 K, 11 K, 9 K + 10, 0, 11 K, 0, 0},
        {"over the end, to the end of the page", 8 K, 12 K, 9 K + 10, 0, 12 K, 0, 0},
        {"over the end, to within a block of the page", 8 K, 10 K + 5, 9 K + 10, 0, 8 K, 8 K, 12 K},
        {"over the end, to a block's end in another page", 5 K, 14 K, 9 K + 10, 0, 14 K, 0, 0},
        {"over the end, to within a block of another page", 5 K, 13 K + 5, 9 K + 10, 0, 12 K, 12 K, 16 K},
        {"from the end on, to a block's end", 9 K, 10 K, 9 K, 0, 10 K, 0, 0},
        {"from the end on, to within a block", 9 K, 9 K + 1, 9 K, 0, 9 K, 8 K, 12 K},
        {"behind the end in its page, to a block's end", 10 K, 11 K, 9 K + 10, 0, 11 K, 0, 0},
        {"behind the end in its page, to within a block", 10 K, 10 K + 1, 9 K + 10, 0, 10 K, 8 K, 12 K},
        {"behind the end, to a block's end", 20 K, 21 K, 9 K + 10, 0, 21 K, 0, 0},
        {"behind the end, to within a block", 20 K, 20 K + 5, 9 K + 10, 0, 20 K, 20 K, 24 K},
        {"an empty file, a whole block", 0, 1 K, 0, 0, 1 K, 0, 0},
        {"an empty file, one byte", 0, 1, 0, 0, 0, 0, 4 K},
        {"growth ahead, the disk ends at a page's end", 8 K, 9 K, 64 K, 0, 9 K, 0, 0},
        {"beside the end that an allocation gives", 8 K, 9 K, 4 K, 9 K + 10, 8 K, 8 K, 12 K},
        {"over that end, to a block's end", 8 K, 10 K, 4 K, 9 K + 10, 10 K, 0, 0},
        {"the allocation ends at a block's end", 8 K, 9 K, 4 K, 10 K, 9 K, 0, 0},
        {"the allocation ends in another page", 8 K, 9 K, 4 K, 13 K + 1, 9 K, 0, 0},
        {"beside the end, and an allocation ends elsewhere", 4 K, 5 K, 6 K + 1, 21 K + 1, 4 K, 4 K, 8 K},
        {"beside both ends", 4 K, 5 K, 6 K + 1, 7 K + 1, 4 K, 4 K, 8 K},
    };
    CHECK_ROWS(WT_TRANSFER_WRITE, 1024, true, rows);
    static const struct row halves[] = {
        {"beside the tail block", 8 K, 10 K, 10 K + 1, 0, 8 K, 8 K, 12 K},
        {"up to the page that the file ends in", 4 K, 8 K, 10 K + 1, 0, 8 K, 0, 0},
        {"to within the second block", 6 K, 11 K, 6 K, 0, 8 K, 8 K, 12 K},
    };
    CHECK_ROWS(WT_TRANSFER_WRITE, 2048, true, halves);
    static const struct row eighths[] = {
        {"beside the tail block", 8 K, 8 K + 512, 11 K + 1, 0, 8 K, 8 K, 12 K},
        {"to an end that larger blocks would have within", 8 K, 8 K + 512, 8 K + 512, 0, 8 K + 512, 0, 0},
        {"to within the last block", 11 K, 12 K - 1, 11 K, 0, 11 K, 8 K, 12 K},
    };
    CHECK_ROWS(WT_TRANSFER_WRITE, 512, true, eighths);
}

TEST(an_atomic_write_is_direct_or_not_at_all) {
    static const struct row pages[] = {
        {"inside the file", 4 K, 8 K, 100 K + 1, 0, 8 K, 0, 0},
        {"to the end", 4 K, 8 K, 8 K, 0, 8 K, 0, 0},
        {"up to the block that the file ends in", 4 K, 8 K, 9 K, 0, 8 K, 0, 0},
        {"over the end, within a block", 4 K, 8 K, 6 K, 0, 4 K, 0, 0},
        {"over the end, a block's end", 8 K, 16 K, 12 K, 0, 8 K, 0, 0},
        {"from the end on", 8 K, 16 K, 8 K, 0, 16 K, 0, 0},
        {"behind the end", 16 K, 20 K, 6 K, 0, 20 K, 0, 0},
        {"over the end that an allocation gives", 8 K, 16 K, 4 K, 12 K, 8 K, 0, 0},
        {"to the end that an allocation gives", 8 K, 16 K, 4 K, 16 K, 16 K, 0, 0},
        {"behind that end", 16 K, 20 K, 4 K, 16 K, 20 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_ATOMIC, 4096, true, pages);
    static const struct row quarters[] = {
        {"beside the tail block", 8 K, 9 K, 9 K + 10, 0, 8 K, 0, 0},
        {"the tail block", 9 K, 10 K, 9 K + 10, 0, 9 K, 0, 0},
        {"behind the end in its page", 10 K, 11 K, 9 K + 10, 0, 10 K, 0, 0},
        {"over the end, a block's end", 8 K, 10 K, 9 K, 0, 8 K, 0, 0},
        {"to the end, a block's end", 8 K, 9 K, 9 K, 0, 9 K, 0, 0},
        {"behind the end in its page, a block's end", 10 K, 11 K, 9 K, 0, 11 K, 0, 0},
        {"in the page before", 4 K, 8 K, 9 K + 10, 0, 8 K, 0, 0},
        {"in the page behind", 12 K, 16 K, 9 K + 10, 0, 16 K, 0, 0},
        {"beside the end that an allocation gives", 8 K, 9 K, 4 K, 9 K + 10, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_ATOMIC, 1024, true, quarters);
}

TEST(a_read_below_a_write_is_of_pages_that_are_whole_in_the_file) {
    static const struct row rows[] = {
        {"inside the file", 4 K, 8 K, 100 K, 0, 8 K, 0, 0},
        {"to the end, a page's end", 4 K, 8 K, 8 K, 0, 8 K, 0, 0},
        {"over the end", 4 K, 16 K, 9 K, 0, 8 K, 0, 0},
        {"the page that the file ends in", 8 K, 12 K, 9 K, 0, 8 K, 0, 0},
        {"behind the end", 12 K, 16 K, 9 K, 0, 12 K, 0, 0},
        {"an empty file", 0, 4 K, 0, 0, 0, 0, 0},
        {"an allocation goes on", 4 K, 16 K, 8 K, 16 K, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_READ_BELOW, 4096, true, rows);
    CHECK_ROWS(WT_TRANSFER_READ_BELOW, 1024, true, rows);
    static const struct row quarters[] = {
        {"a block in a whole page", 5 K, 6 K, 8 K, 0, 6 K, 0, 0},
        {"a block before the end in its page", 8 K, 9 K, 11 K, 0, 8 K, 0, 0},
        {"the same, the file ends within a block", 8 K, 9 K, 11 K + 1, 0, 8 K, 0, 0},
        {"from within a page", 5 K, 11 K, 10 K, 0, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_READ_BELOW, 1024, true, quarters);
}

TEST(zeros_of_an_allocation_go_through_the_cache_where_a_page_of_theirs_is_a_tail_page) {
    static const struct row pages[] = {
        {"inside the file", 4 K, 8 K, 100 K + 1, 100 K + 1, 8 K, 0, 0},
        {"to a new end within a block", 8 K, 13 K, 8 K, 13 K, 8 K, 0, 0},
        {"to the block before the new end", 8 K, 12 K, 8 K, 13 K, 12 K, 0, 0},
        {"from the block behind the end on", 8 K, 12 K, 5 K, 12 K, 12 K, 0, 0},
        {"to a new end at a block's end", 8 K, 16 K, 8 K, 16 K, 16 K, 0, 0},
        {"over an end on disk", 4 K, 16 K, 9 K + 1, 16 K, 16 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_ZEROS, 4096, true, pages);
    static const struct row quarters[] = {
        {"inside the file", 4 K, 8 K, 100 K + 1, 100 K + 1, 8 K, 0, 0},
        {"to a new end within a block", 8 K, 13 K + 1, 8 K, 13 K + 1, 8 K, 0, 0},
        {"a hole beside the new end", 12 K, 13 K, 8 K, 13 K + 1, 12 K, 0, 0},
        {"from the block behind the end on", 6 K, 12 K, 5 K + 1, 12 K, 6 K, 0, 0},
        {"the same, the file ends at a block's end", 6 K, 12 K, 6 K, 12 K, 12 K, 0, 0},
        {"in the page behind the end", 8 K, 12 K, 5 K + 1, 12 K, 12 K, 0, 0},
        {"over an end on disk", 4 K, 16 K, 9 K + 1, 16 K, 4 K, 0, 0},
        {"a hole before the tail block in its page", 8 K, 9 K, 9 K + 1, 9 K + 1, 8 K, 0, 0},
        {"a hole in the page before", 4 K, 8 K, 9 K + 1, 9 K + 1, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_ZEROS, 1024, true, quarters);
}

TEST(a_write_with_the_gate_shut_is_direct_unless_it_ends_within_a_block) {
    static const struct row rows[] = {
        {"inside the file", 4 K, 8 K, 0, 0, 8 K, 0, 0},
        {"to the end, within a block", 4 K, 8 K + 1, 0, 0, 4 K, 0, 0},
        {"a part of one block", 8 K, 8 K + 1, 0, 0, 8 K, 0, 0},
    };
    CHECK_ROWS(WT_TRANSFER_ALONE, 4096, true, rows);
    CHECK_ROWS(WT_TRANSFER_ALONE, 1024, true, rows);
}

TEST(without_direct_io_all_goes_through_the_cache_and_nothing_is_fenced) {
    static const enum wt_transfer_kind kinds[] = {WT_TRANSFER_WRITE, WT_TRANSFER_ATOMIC, WT_TRANSFER_READ_BELOW,
                                                  WT_TRANSFER_ZEROS, WT_TRANSFER_ALONE};
    static const struct row rows[] = {
        {"inside the file", 4 K, 8 K, 100 K, 0, 4 K, 0, 0},
        {"over the end", 4 K, 8 K, 6 K, 0, 4 K, 0, 0},
        {"from within a block to within a block", 5 K + 1, 8 K + 1, 8 K, 0, 5 K + 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        CHECK_ROWS(kinds[i], 4096, false, rows);
        CHECK_ROWS(kinds[i], 1024, false, rows);
    }
}
