// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Memory of the arena is there before writes and reads come to it, and none that they do not come close to. */
#define _GNU_SOURCE
#include "cache/populate.h"

#include <sys/mman.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"

enum { PAGE = 4096, PIECE = WT_POPULATE_PIECE_BYTES, PIECES = 8, FOLIO = 64 * PAGE, MILLISECOND = 1000000 };

/* Pages of a piece that have memory. */
static unsigned pages_of(uint8_t *arena, unsigned piece) {
    unsigned char resident[PIECE / PAGE];
    unsigned count = 0;
    CHECK_EQ(mincore(arena + (size_t)piece * PIECE, PIECE, resident), 0);
    for (unsigned i = 0; i < PIECE / PAGE; i++)
        count += resident[i] & 1;
    return count;
}

static void await_piece(uint8_t *arena, unsigned piece) {
    for (unsigned wait = 0; wait < 20000 && pages_of(arena, piece) < PIECE / PAGE; wait++)
        wt_pause(MILLISECOND);
    CHECK_EQ(pages_of(arena, piece), PIECE / PAGE);
}

static uint8_t *map_arena(void) {
    uint8_t *arena = mmap(NULL, (size_t)PIECES * PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(arena != MAP_FAILED);
    CHECK_OK(madvise(arena, (size_t)PIECES * PIECE, MADV_NOHUGEPAGE)); /* a huge page might lie in two pieces */
    return arena;
}

static void skip_where_nothing_is_populated(void) {
    uint8_t *arena = map_arena();
    bool populates = madvise(arena, PIECE, 23) == 0 && pages_of(arena, 0) == PIECE / PAGE;
    munmap(arena, (size_t)PIECES * PIECE);
    if (!populates)
        SKIP("the kernel has no MADV_POPULATE_WRITE, or an emulator leaves it out");
}

static void use(struct wt_populate *populate, size_t bytes) {
    wt_populate_used(populate, bytes);
    wt_populate_if_due(populate);
}

TEST(the_piece_after_the_one_in_use_is_populated_and_no_other) {
    skip_where_nothing_is_populated();
    uint8_t *arena = map_arena();
    struct wt_populate populate;
    wt_populate_open(&populate, arena, (size_t)PIECES * PIECE);
    use(&populate, PIECE);
    CHECK(!populate.started);
    use(&populate, PIECE + PAGE);
    await_piece(arena, 2);
    use(&populate, 2 * PIECE);
    use(&populate, 2 * PIECE + PAGE);
    await_piece(arena, 3);
    use(&populate, 5 * PIECE - PAGE); /* others have used much at once */
    await_piece(arena, 5);
    wt_populate_close(&populate);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK_EQ(pages_of(arena, i), i == 2 || i == 3 || i == 5 ? PIECE / PAGE : 0);
    munmap(arena, (size_t)PIECES * PIECE);
}

TEST(the_last_piece_is_populated_as_far_as_it_goes) {
    skip_where_nothing_is_populated();
    uint8_t *arena = map_arena();
    struct wt_populate populate;
    wt_populate_open(&populate, arena, 2 * (size_t)PIECE + 3 * PAGE);
    use(&populate, PIECE + PAGE);
    for (unsigned wait = 0; wait < 20000 && pages_of(arena, 2) < 3; wait++)
        wt_pause(MILLISECOND);
    use(&populate, 2 * (size_t)PIECE + 3 * PAGE);
    wt_populate_close(&populate);
    for (unsigned i = 0; i < PIECES; i++)
        CHECK_EQ(pages_of(arena, i), i == 2 ? 3 : 0);
    munmap(arena, (size_t)PIECES * PIECE);
}

TEST(writes_find_the_memory_of_the_cache_populated) {
    skip_where_nothing_is_populated();
    const struct wt_engine_options options = {.cache_bytes = (uint64_t)PIECES * PIECE};
    struct core core = core_open(NULL, &options);
    struct wt_pool *pool = &wt_engine_acquire(core.engine)->cache.pool;
    wt_populate_close(&pool->populate); /* the engine of a simulated disk has no threads of its own */
    wt_populate_open(&pool->populate, pool->arena, pool->arena_bytes);
    wt_file file = core_file(&core, "file");
    for (unsigned at = 0; at < PIECE; at += FOLIO)
        fill_at(file, at, 1, FOLIO);
    CHECK(!pool->populate.started);
    CHECK_EQ(pages_of(pool->arena, 2), 0);
    fill_at(file, PIECE, 1, FOLIO);
    fill_at(file, PIECE + FOLIO, 1, FOLIO);
    await_piece(pool->arena, 2);
    CHECK_EQ(pages_of(pool->arena, 3), 0);
    wt_engine_release(core.engine);
    core_close(&core);
}
