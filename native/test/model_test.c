// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Thousands of random operations of one thread against an array of bytes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { FILES = 3, ROOM = 2 << 20, LONGEST = 600 << 10 };

struct player {
    struct core core;
    struct test_random random;
    wt_file files[FILES];
    struct model models[FILES];
    bool device_pending[FILES]; /* writes that are only on the device */
};

static const char *const paths[FILES] = {"a", "b", "c"};
static uint8_t bytes[LONGEST + 4096];

/* Mostly small and near each other, sometimes long. */
static size_t random_length(struct test_random *random) {
    static const uint64_t bounds[] = {10, 600, 600, 5000, 5000, 20000, 100000, LONGEST};
    return 1 + (size_t)test_random_below(random, bounds[test_random_below(random, 8)]);
}

static uint64_t random_offset(struct test_random *random, const struct model *model, size_t length) {
    uint64_t offset = 0;
    switch (test_random_below(random, 4)) {
    case 0:
        offset = model->size;
        break;
    case 1:
        offset = test_random_below(random, ROOM) / 4096 * 4096;
        break;
    case 2:
        offset = test_random_below(random, model->size + 10000);
        break;
    default:
        offset = test_random_below(random, 30000);
    }
    return offset + length > ROOM ? ROOM - length : offset;
}

static void play_write(struct player *player, unsigned which) {
    struct model *model = &player->models[which];
    size_t length = random_length(&player->random);
    uint64_t offset = random_offset(&player->random, model, length);
    const uint8_t *from = bytes + test_random_below(&player->random, 4096);
    uint32_t durability = test_random_one_in(&player->random, 8) ? WT_DURABILITY_DEVICE : WT_DURABILITY_DSYNC;
    player->device_pending[which] = player->device_pending[which] || durability == WT_DURABILITY_DEVICE;
    test_random_bytes(&player->random, bytes + test_random_below(&player->random, LONGEST), 64);
    CHECK_EQ(write_as(player->files[which], offset, from, length, durability), length);
    model_write(model, offset, from, length);
}

static void play_append(struct player *player, unsigned which) {
    struct model *model = &player->models[which];
    size_t length = random_length(&player->random);
    length = length > ROOM - model->size ? (size_t)(ROOM - model->size) : length;
    struct iovec iov = {bytes + test_random_below(&player->random, 4096), length};
    uint64_t offset = 0;
    CHECK_EQ(wt_write_with(player->files[which], &iov, 1, &offset, WT_DURABILITY_DSYNC, WT_APPEND, NULL), length);
    CHECK_EQ(offset, model->size);
    model_write(model, offset, iov.iov_base, length);
}

static void play_zeros(struct player *player, unsigned which) {
    size_t length = random_length(&player->random);
    uint64_t offset = random_offset(&player->random, &player->models[which], length);
    bool punch = test_random_one_in(&player->random, 2);
    CHECK_OK((punch ? wt_punch_hole : wt_zero)(player->files[which], offset, length));
    model_zero(&player->models[which], offset, length);
}

static void play_check(struct player *player, unsigned which) {
    if (player->device_pending[which]) {
        CHECK_OK(wt_sync(player->files[which]));
        player->device_pending[which] = false;
    }
    check_file(&player->core, player->files[which], paths[which], &player->models[which]);
}

static void play_reopen(struct player *player, unsigned which) {
    if (test_random_one_in(&player->random, 3)) {
        core_reopen(&player->core);
        for (unsigned i = 0; i < FILES; i++) {
            player->files[i] = core_file(&player->core, paths[i]);
        }
    } else {
        CHECK_OK(wt_file_close(player->files[which]));
        player->files[which] = core_file(&player->core, paths[which]);
    }
}

static void play_step(struct player *player) {
    unsigned which = (unsigned)test_random_below(&player->random, FILES);
    struct model *model = &player->models[which];
    uint64_t choice = test_random_below(&player->random, 100);
    if (choice < 45) {
        (test_random_one_in(&player->random, 5) ? play_append : play_write)(player, which);
    } else if (choice < 85) {
        size_t length = random_length(&player->random);
        check_read(player->files[which], model, random_offset(&player->random, model, length), length);
    } else if (choice < 91) {
        uint64_t size = test_random_below(&player->random, model->size + 20000);
        size = size > ROOM ? ROOM : size;
        CHECK_OK(wt_truncate(player->files[which], size));
        model_truncate(model, size);
    } else if (choice < 93) {
        play_zeros(player, which);
    } else if (choice < 95) {
        size_t length = random_length(&player->random);
        uint64_t offset = random_offset(&player->random, model, length);
        CHECK_OK(wt_allocate(player->files[which], offset, length));
        model_truncate(model, offset + length > model->size ? offset + length : model->size);
    } else if (choice < 97) {
        play_reopen(player, which);
    } else {
        play_check(player, which);
    }
    CHECK_EQ(wt_size(player->files[which]), model->size);
    CHECK_EQ(sim_size(player->core.sim, paths[which]), model->size);
}

static void play(struct sim_options sim, struct wt_engine_options options, unsigned seeds, unsigned steps) {
    uint64_t first_seed = test_seed();
    for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
        struct player player = {.random = test_random_of(seed)};
        sim.seed = seed;
        player.core = core_open(&sim, &options);
        for (unsigned i = 0; i < FILES; i++) {
            player.files[i] = core_file(&player.core, paths[i]);
            player.models[i] = model_new(ROOM);
        }
        test_random_bytes(&player.random, bytes, sizeof bytes);
        for (unsigned step = 0; step < test_scaled(steps); step++) {
            CONTEXT("seed %llu, block %u, step %u", (unsigned long long)seed, sim.block_bytes, step);
            play_step(&player);
        }
        for (unsigned i = 0; i < FILES; i++) {
            play_check(&player, i);
            model_free(&player.models[i]);
        }
        core_close(&player.core);
    }
}

TEST(random_operations_match_an_array_with_blocks_of_4096) {
    play((struct sim_options){.block_bytes = 4096}, (struct wt_engine_options){.cache_bytes = 1 << 20}, 5, 2000);
}

TEST(random_operations_match_an_array_with_blocks_of_512) {
    play((struct sim_options){.block_bytes = 512}, (struct wt_engine_options){.cache_bytes = 1 << 20}, 5, 2000);
}

TEST(random_operations_match_an_array_with_blocks_of_1024_and_2048) {
    play((struct sim_options){.block_bytes = 1024}, (struct wt_engine_options){.cache_bytes = 1 << 20}, 2, 2000);
    play((struct sim_options){.block_bytes = 2048}, (struct wt_engine_options){.cache_bytes = 1 << 20}, 2, 2000);
}

TEST(random_operations_match_an_array_with_the_smallest_cache) {
    struct wt_engine_options smallest = {.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10};
    play((struct sim_options){.block_bytes = 4096}, smallest, 4, 2000);
    play((struct sim_options){.block_bytes = 512, .write_zeroes = true, .no_deallocate = true}, smallest, 4, 2000);
}

TEST(random_operations_match_an_array_without_direct_io) {
    play((struct sim_options){.buffered = true}, (struct wt_engine_options){0}, 2, 2000);
    play((struct sim_options){.buffered = true, .no_deallocate = true}, (struct wt_engine_options){0}, 2, 2000);
}
