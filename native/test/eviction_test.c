// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Memory: bounded at every instant, and given back in an order that a scan cannot ruin. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, SMALLEST_CACHE = 128 << 10 };

static uint8_t bytes[1 << 20];

TEST(a_write_that_is_not_to_be_cached_leaves_no_folio_behind) {
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned b = 0; b < 2; b++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[b]}, NULL);
        wt_file file = core_file(&core, "file");
        static uint8_t some[300000];
        memset(some, 3, sizeof some);
        struct iovec iov = {some, sizeof some};
        uint64_t offset = 0;
        CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_DONTCACHE, NULL), sizeof some);
        CHECK_EQ(core_stats(&core).cached_bytes, 0);
        CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_DONTCACHE | WT_APPEND, NULL), sizeof some);
        CHECK_EQ(offset, sizeof some);
        CHECK_EQ(core_stats(&core).cached_bytes, 0);
        iov.iov_len = 100;
        CHECK_OK(wt_write_submit(file, &iov, 1, 5000, 0, WT_DONTCACHE, 1));
        struct wt_event event;
        CHECK_EQ(wt_reap(core.engine, &event, 1, INT64_C(20000000000)), 1);
        CHECK_EQ(event.result, 100);
        CHECK_EQ(core_stats(&core).cached_bytes, 0);
        check_filled(file, 0, 3, 2 * sizeof some);
        CHECK(core_stats(&core).cached_bytes > 0);
        core_close(&core);
    }
}

TEST(invariant_8_cached_bytes_never_pass_the_limit) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = SMALLEST_CACHE});
    wt_file file = core_file(&core, "file");
    struct model model = model_new(8 << 20);
    struct test_random random = test_random_of(test_seed());
    CHECK_OK(wt_truncate(file, 8 << 20));
    model_truncate(&model, 8 << 20);
    CHECK_EQ(core_stats(&core).cache_bytes, SMALLEST_CACHE);
    for (unsigned i = 0; i < 3000; i++) {
        size_t length = 1 + (size_t)test_random_below(&random, test_random_one_in(&random, 20) ? 600000 : 20000);
        uint64_t at = test_random_below(&random, (8 << 20) - length);
        if (test_random_one_in(&random, 2)) {
            const uint8_t *from = bytes + test_random_below(&random, sizeof bytes - length);
            test_random_bytes(&random, bytes + test_random_below(&random, sizeof bytes - 100), 100);
            CHECK_EQ(write_at(file, at, from, length), length);
            model_write(&model, at, from, length);
        } else {
            check_read(file, &model, at, length);
        }
        struct wt_engine_stats stats = core_stats(&core);
        CHECK(stats.cached_bytes <= SMALLEST_CACHE);
        CHECK_EQ(stats.in_flight_bytes, 0);
    }
    CHECK(core_stats(&core).evictions > 100);
    check_file(&core, file, "file", &model);
    model_free(&model);
    core_close(&core);
}

TEST(the_smallest_cache_serves_many_files) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = SMALLEST_CACHE});
    wt_file files[200];
    char path[16];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(path, sizeof path, "file%u", i);
        files[i] = core_file(&core, path);
        fill_at(files[i], 0, (int)i + 1, 3 * BLOCK + i);
    }
    for (unsigned i = 0; i < 200; i++) {
        check_filled(files[i], 0, (int)i + 1, 3 * BLOCK + i);
        CHECK(core_stats(&core).cached_bytes <= SMALLEST_CACHE);
    }
    core_close(&core);
}

TEST(a_scan_does_not_evict_the_hot_set) {
    enum { HOT = 100, SCAN = 2000 };
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 1 << 20});
    wt_file hot = core_file(&core, "hot");
    wt_file cold = core_file(&core, "cold");
    CHECK_OK(wt_truncate(hot, HOT * 64 * BLOCK));
    CHECK_OK(wt_truncate(cold, (uint64_t)SCAN * BLOCK));
    /* One block in each folio, so that nothing is kept by its neighbours. */
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < HOT; i++) {
            CHECK_EQ(byte_of(hot, i * 64 * BLOCK), 0);
        }
    }
    uint64_t hot_misses = 0;
    for (uint64_t i = 0; i < SCAN; i++) {
        CHECK_EQ(byte_of(cold, i * BLOCK), 0);
        uint64_t before = core_stats(&core).read_misses;
        CHECK_EQ(byte_of(hot, i % HOT * 64 * BLOCK), 0);
        hot_misses += core_stats(&core).read_misses - before;
    }
    CHECK(core_stats(&core).evictions > 1000);
    CONTEXT("%llu of %u reads of the hot set missed", (unsigned long long)hot_misses, SCAN);
    CHECK(hot_misses <= SCAN / 50);
    core_close(&core);
}

TEST(a_scan_in_large_reads_does_not_evict_the_hot_set) {
    enum { HOT = 100, SCAN = 200, READ_BLOCKS = 32 };
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 2 << 20});
    wt_file hot = core_file(&core, "hot");
    wt_file cold = core_file(&core, "cold");
    CHECK_OK(wt_truncate(hot, HOT * 64 * BLOCK));
    CHECK_OK(wt_truncate(cold, (uint64_t)SCAN * READ_BLOCKS * BLOCK));
    for (uint64_t i = 0; i < HOT; i++) {
        CHECK_EQ(byte_of(hot, i * 64 * BLOCK), 0);
    }
    uint64_t hot_misses = 0;
    for (uint64_t i = 0; i < SCAN; i++) {
        CHECK_EQ(read_at(cold, i * READ_BLOCKS * BLOCK, bytes, READ_BLOCKS * BLOCK), READ_BLOCKS * BLOCK);
        uint64_t before = core_stats(&core).read_misses;
        for (uint64_t j = 0; j < 20; j++) {
            CHECK_EQ(byte_of(hot, (i * 20 + j) % HOT * 64 * BLOCK), 0);
        }
        hot_misses += core_stats(&core).read_misses - before;
    }
    CONTEXT("%llu of %u reads of the hot set missed", (unsigned long long)hot_misses, SCAN * 20);
    CHECK(hot_misses <= SCAN * 20 / 50);
    core_close(&core);
}

TEST(a_closed_file_gives_its_memory_back) {
    struct core core = core_open(NULL, NULL);
    for (unsigned i = 0; i < 50; i++) {
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, sizeof bytes);
        CHECK(core_stats(&core).cached_bytes > 0);
        CHECK_OK(wt_file_close(file));
        CHECK_EQ(core_stats(&core).cached_bytes, 0);
    }
    CHECK_EQ(core_stats(&core).evictions, 0);
    core_close(&core);
}

TEST(truncated_folios_give_their_memory_back) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, sizeof bytes);
    uint64_t full = core_stats(&core).cached_bytes;
    CHECK_OK(wt_truncate(file, 10 * BLOCK));
    CHECK(core_stats(&core).cached_bytes <= full / 4);
    CHECK_OK(wt_truncate(file, 0));
    CHECK_EQ(core_stats(&core).cached_bytes, 0);
    core_close(&core);
}
