// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Pinned reads: bytes that stay as they are and where they are, whatever becomes of the file and the cache. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

enum { BLOCK = 4096, SMALL_CACHE = 1 << 20, LIMIT_PAGES = SMALL_CACHE / 4 / BLOCK };

static struct wt_pinned pin_at(wt_file file, uint64_t offset, size_t length) {
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(file, offset, length, 0, &pinned), length);
    CHECK(!pinned.is_copy);
    return pinned;
}

static void check_pinned(const struct wt_pinned *pinned, int value, size_t length) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < pinned->run_count; i++) {
        const uint8_t *at = pinned->runs[i].iov_base;
        for (size_t k = 0; k < pinned->runs[i].iov_len; k++) {
            CHECK_EQ(at[k], value);
        }
        bytes += pinned->runs[i].iov_len;
    }
    CHECK_EQ(bytes, length);
}

static void unpin(const struct wt_pinned *pinned) {
    CHECK_OK(wt_unpin(pinned->pin));
}

static struct core small_core(void) {
    return core_open(NULL, &(struct wt_engine_options){.cache_bytes = SMALL_CACHE});
}

/* Uses so many pages of another file, each twice, that the eviction hand goes round. */
static void read_others(const struct core *core) {
    wt_file other = core_file(core, "other");
    CHECK_OK(wt_truncate(other, 4 * SMALL_CACHE));
    for (uint64_t at = 0; at < 4 * SMALL_CACHE; at += BLOCK) {
        CHECK_EQ(byte_of(other, at) + byte_of(other, at), 0);
    }
    CHECK_OK(wt_file_close(other));
}

TEST(a_pin_shows_the_bytes_of_the_file_without_a_copy_of_them) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 3 * BLOCK);
    struct wt_pinned pinned = pin_at(file, 10, 100);
    check_pinned(&pinned, 1, 100);
    CHECK_EQ(pinned.run_count, 1);
    CHECK_EQ(core_stats(&core).pinned_bytes, BLOCK);
    struct wt_pinned again = pin_at(file, 10, 100);
    CHECK_EQ(again.runs[0].iov_base, pinned.runs[0].iov_base);
    CHECK_EQ(core_stats(&core).pinned_bytes, 2 * BLOCK);
    unpin(&pinned);
    check_pinned(&again, 1, 100);
    unpin(&again);
    CHECK_EQ(core_stats(&core).pinned_bytes, 0);
    core_close(&core);
}

TEST(a_pin_reads_what_is_not_cached_and_ends_where_the_file_ends) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(file, 0, 10, 0, &pinned), 0);
    CHECK_EQ(pinned.pin, 0);
    fill_at(file, 0, 1, 100 * BLOCK + 7);
    core_reopen(&core);
    file = core_file(&core, "file");
    CHECK_EQ(wt_pin(file, 90 * BLOCK, 20 * BLOCK, 0, &pinned), 10 * BLOCK + 7);
    check_pinned(&pinned, 1, 10 * BLOCK + 7);
    CHECK_EQ(core_stats(&core).pinned_bytes, 11 * BLOCK);
    unpin(&pinned);
    CHECK_EQ(wt_pin(file, 100 * BLOCK + 7, 1, 0, &pinned), 0);
    core_close(&core);
}

TEST(pages_apart_in_memory_are_runs_and_neighbours_are_one) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    CHECK_OK(wt_truncate(file, 130 * BLOCK));
    for (unsigned page = 16; page-- > 0;) {
        fill_at(file, (uint64_t)page * BLOCK, 1, BLOCK);
    }
    struct wt_pinned pinned = pin_at(file, 5, 15 * BLOCK);
    CHECK(pinned.run_count > 1);
    check_pinned(&pinned, 1, 15 * BLOCK);
    unpin(&pinned);
    fill_at(file, 64 * BLOCK, 2, 64 * BLOCK); /* as one write: the pool has a run for it */
    pinned = pin_at(file, 64 * BLOCK, 64 * BLOCK);
    CHECK_EQ(pinned.run_count, 1);
    check_pinned(&pinned, 2, 64 * BLOCK);
    unpin(&pinned);
    core_close(&core);
}

TEST(a_write_to_pinned_bytes_leaves_them_alone_with_blocks_of_any_size) {
    static const uint32_t blocks[] = {512, 1024, 4096};
    for (unsigned b = 0; b < 3; b++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[b]}, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 4 * BLOCK);
        struct wt_pinned pinned = pin_at(file, 0, 4 * BLOCK);
        fill_at(file, 0, 2, BLOCK);                   /* a page */
        fill_at(file, BLOCK + 512, 3, 512);           /* a block, or a part of one */
        fill_at(file, 2 * BLOCK + 100, 4, BLOCK + 9); /* parts of blocks */
        check_pinned(&pinned, 1, 4 * BLOCK);
        check_filled(file, 0, 2, BLOCK);
        check_filled(file, BLOCK, 1, 512);
        check_filled(file, BLOCK + 512, 3, 512);
        check_filled(file, BLOCK + 1024, 1, BLOCK - 1024 + 100);
        check_filled(file, 2 * BLOCK + 100, 4, BLOCK + 9);
        struct wt_pinned newer = pin_at(file, BLOCK + 512, 512);
        check_pinned(&newer, 3, 512);
        unpin(&pinned);
        check_pinned(&newer, 3, 512);
        unpin(&newer);
        check_stable(&core, 0, 2, BLOCK);
        check_stable(&core, 2 * BLOCK + 100, 4, BLOCK + 9);
        core_close(&core);
    }
}

TEST(a_write_after_the_unpin_goes_to_the_memory_that_was_pinned) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    struct wt_pinned pinned = pin_at(file, 0, BLOCK);
    unpin(&pinned);
    fill_at(file, 0, 2, BLOCK);
    struct wt_pinned again = pin_at(file, 0, BLOCK);
    CHECK_EQ(again.runs[0].iov_base, pinned.runs[0].iov_base);
    unpin(&again);
    core_close(&core);
}

TEST(pinned_pages_are_not_evicted_and_the_others_of_their_runs_are) {
    struct core core = small_core();
    wt_file file = core_file(&core, "file");
    static struct wt_pinned pins[LIMIT_PAGES];
    enum { STEP = 4 };
    fill_at(file, 0, 1, STEP * LIMIT_PAGES * BLOCK / 2);
    for (unsigned i = 0; i < LIMIT_PAGES / 2; i++) {
        pins[i] = pin_at(file, (uint64_t)i * STEP * BLOCK, BLOCK);
    }
    read_others(&core);
    uint64_t misses = core_stats(&core).read_misses;
    for (unsigned i = 0; i < LIMIT_PAGES / 2; i++) {
        CHECK_EQ(byte_of(file, (uint64_t)i * STEP * BLOCK), 1);
        check_pinned(&pins[i], 1, BLOCK);
    }
    CHECK_EQ(core_stats(&core).read_misses, misses);
    for (unsigned i = 0; i < LIMIT_PAGES / 2; i++) {
        CHECK_EQ(byte_of(file, ((uint64_t)i * STEP + 1) * BLOCK), 1);
    }
    CHECK(core_stats(&core).read_misses > misses);
    for (unsigned i = 0; i < LIMIT_PAGES / 2; i++) {
        unpin(&pins[i]);
    }
    read_others(&core);
    misses = core_stats(&core).read_misses;
    CHECK_EQ(byte_of(file, 0), 1);
    CHECK_EQ(core_stats(&core).read_misses, misses + 1);
    core_close(&core);
}

TEST(past_a_quarter_of_the_cache_a_pin_is_refused_or_a_copy) {
    struct core core = small_core();
    wt_file file = core_file(&core, "file");
    static struct wt_pinned pins[LIMIT_PAGES];
    struct wt_pinned more;
    fill_at(file, 0, 1, 2 * LIMIT_PAGES * BLOCK);
    CHECK_EQ(wt_pin(file, 0, (LIMIT_PAGES + 1) * BLOCK > WT_PIN_MOST ? WT_PIN_MOST + 1 : 1, 0, &more), -EMSGSIZE);
    for (unsigned i = 0; i < LIMIT_PAGES; i++) {
        pins[i] = pin_at(file, (uint64_t)i * BLOCK, BLOCK);
    }
    CHECK_EQ(wt_pin(file, 0, 1, 0, &more), -ENOBUFS);
    CHECK_EQ(more.pin, 0);
    CHECK_EQ(wt_pin(file, 100, 2 * BLOCK, WT_PIN_COPY, &more), 2 * BLOCK);
    CHECK(more.is_copy);
    fill_at(file, 0, 2, 4 * BLOCK);
    check_pinned(&more, 1, 2 * BLOCK);
    unpin(&more);
    CHECK_EQ(core_stats(&core).pinned_bytes, SMALL_CACHE / 4);
    unpin(&pins[0]);
    pins[0] = pin_at(file, 0, BLOCK);
    check_pinned(&pins[0], 2, BLOCK);
    for (unsigned i = 0; i < LIMIT_PAGES; i++) {
        unpin(&pins[i]);
    }
    CHECK_EQ(core_stats(&core).pinned_bytes, 0);
    core_close(&core);
}

TEST(what_is_written_and_read_with_all_pins_out_finds_memory) {
    struct core core = core_open(NULL, &(struct wt_engine_options){.cache_bytes = 128 << 10});
    wt_file file = core_file(&core, "file");
    struct wt_pinned pins[8];
    fill_at(file, 0, 1, 1 << 20);
    for (unsigned i = 0; i < 8; i++) {
        pins[i] = pin_at(file, (uint64_t)i * 8 * BLOCK, BLOCK);
    }
    for (unsigned round = 2; round < 6; round++) {
        fill_at(file, 0, (int)round, 1 << 20);
        check_filled(file, 0, (int)round, 1 << 20);
    }
    for (unsigned i = 0; i < 8; i++) {
        check_pinned(&pins[i], 1, BLOCK);
        unpin(&pins[i]);
    }
    core_close(&core);
}

TEST(truncation_holes_and_the_close_of_the_file_leave_pinned_bytes_alone) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8 * BLOCK);
    struct wt_pinned pinned = pin_at(file, 0, 8 * BLOCK);
    CHECK_OK(wt_punch_hole(file, 100, 2 * BLOCK));
    CHECK_OK(wt_zero(file, 4 * BLOCK, BLOCK));
    CHECK_OK(wt_truncate(file, 7 * BLOCK + 5));
    check_filled(file, 100, 0, 2 * BLOCK);
    fill_at(file, 0, 2, 8 * BLOCK);
    check_pinned(&pinned, 1, 8 * BLOCK);
    CHECK_OK(wt_truncate(file, 0));
    CHECK_OK(wt_file_close(file));
    file = core_file(&core, "other");
    fill_at(file, 0, 3, 1 << 20);
    check_pinned(&pinned, 1, 8 * BLOCK);
    uint64_t cached = core_stats(&core).cached_bytes;
    unpin(&pinned);
    CHECK_EQ(core_stats(&core).cached_bytes, cached - 8 * BLOCK);
    CHECK_EQ(core_stats(&core).pinned_bytes, 0);
    core_close(&core);
}

TEST(an_atomic_write_leaves_pinned_bytes_alone) {
    struct core core = core_open(&(struct sim_options){.atomic_bytes = 16384}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 8 * BLOCK);
    struct wt_pinned pinned = pin_at(file, 0, 8 * BLOCK);
    static uint8_t bytes[4 * BLOCK];
    memset(bytes, 2, sizeof bytes);
    struct iovec one = {bytes, BLOCK}, four = {bytes, sizeof bytes};
    uint64_t at = 0;
    CHECK_EQ(wt_write_with(file, &one, 1, &at, 0, WT_ATOMIC, NULL), BLOCK);
    at = 4 * BLOCK;
    CHECK_EQ(wt_write_with(file, &four, 1, &at, 0, WT_ATOMIC, NULL), 4 * BLOCK);
    check_pinned(&pinned, 1, 8 * BLOCK);
    check_filled(file, 0, 2, BLOCK);
    check_filled(file, BLOCK, 1, 3 * BLOCK);
    check_filled(file, 4 * BLOCK, 2, 4 * BLOCK);
    unpin(&pinned);
    core_close(&core);
}

TEST(bytes_whose_write_failed_stay_pinned_and_the_file_is_read_again) {
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned b = 0; b < 2; b++) {
        struct core core = core_open(&(struct sim_options){.block_bytes = blocks[b]}, NULL);
        wt_file file = core_file(&core, "file");
        fill_at(file, 0, 1, 2 * BLOCK);
        static uint8_t bytes[BLOCK];
        memset(bytes, 2, sizeof bytes);
        sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
        struct iovec iov = {bytes, sizeof bytes};
        CHECK_OK(wt_write_submit(file, &iov, 1, 0, 0, 0, 1)); /* in flight until the event is taken */
        struct wt_pinned pinned = pin_at(file, 0, 2 * BLOCK);
        struct wt_event event;
        CHECK_EQ(wt_reap(core.engine, &event, 1, -1), 1);
        CHECK_EQ(event.result, -EIO);
        check_filled(file, 0, 1, 2 * BLOCK);
        const uint8_t *first = pinned.runs[0].iov_base;
        for (unsigned i = 0; i < BLOCK; i++) {
            CHECK_EQ(first[i], 2);
        }
        unpin(&pinned);
        core_close(&core);
    }
}

static void take_events(const struct core *core, int count) {
    struct wt_event events[2];
    while (count > 0) {
        count -= wt_reap(core->engine, events, 2, -1);
    }
}

TEST(bytes_pinned_in_flight_stay_when_their_write_fails_below_a_newer_one) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    static uint8_t bytes[BLOCK];
    struct iovec first = {bytes, BLOCK}, second = {bytes, 100};
    memset(bytes, 2, sizeof bytes);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    CHECK_OK(wt_write_submit(file, &first, 1, 0, 0, 0, 1));
    struct wt_pinned pinned = pin_at(file, 0, BLOCK);
    memset(bytes, 3, sizeof bytes);
    CHECK_OK(wt_write_submit(file, &second, 1, 0, 0, 0, 2));
    take_events(&core, 2);
    check_filled(file, 0, 3, 100);
    check_filled(file, 100, 1, BLOCK - 100); /* the device's, read again below the newer write */
    check_pinned(&pinned, 2, BLOCK);
    unpin(&pinned);
    core_close(&core);
}

TEST(a_page_that_a_read_fills_beside_pinned_bytes_gets_new_memory_after_that_read) {
    struct core core = core_open(&(struct sim_options){.block_bytes = 512}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 2 * BLOCK);
    core_reopen(&core);
    file = core_file(&core, "file");
    fill_at(file, 0, 2, 512);
    CHECK_OK(wt_fetch_submit(file, 512, 512, 0, 1)); /* in flight until somebody waits */
    struct wt_pinned pinned = pin_at(file, 0, 512);
    CHECK_EQ(byte_of(file, 2048), 1); /* to be read into a page that is pinned and being filled */
    check_filled(file, 512, 1, BLOCK - 512);
    take_events(&core, 1);
    CHECK_OK(wt_fetch_submit(file, BLOCK + 512, 512, 0, 1));
    fill_at(file, BLOCK, 3, 512);
    struct wt_pinned other = pin_at(file, BLOCK, 512);
    fill_at(file, BLOCK, 4, 512);
    check_pinned(&pinned, 2, 512);
    check_pinned(&other, 3, 512);
    check_filled(file, BLOCK + 512, 1, BLOCK - 512);
    take_events(&core, 1);
    unpin(&pinned);
    unpin(&other);
    core_close(&core);
}

TEST(a_block_written_again_while_it_is_in_flight_is_copied) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    static uint8_t bytes[BLOCK];
    struct iovec first = {bytes, BLOCK}, second = {bytes, 100};
    memset(bytes, 2, sizeof bytes);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
    CHECK_OK(wt_write_submit(file, &first, 1, 0, 0, 0, 1));
    memset(bytes, 3, sizeof bytes);
    CHECK_OK(wt_write_submit(file, &second, 1, 0, 0, 0, 2));
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(file, 0, BLOCK, 0, &pinned), BLOCK);
    CHECK(pinned.is_copy);
    take_events(&core, 2);
    check_filled(file, 0, 3, 100);
    check_filled(file, 100, 1, BLOCK - 100); /* what the device has, below the newer write */
    CHECK_EQ(*((const uint8_t *)pinned.runs[0].iov_base + 100), 2);
    unpin(&pinned);
    core_close(&core);
}

TEST(a_file_without_direct_io_is_copied) {
    struct core core = core_open(&(struct sim_options){.buffered = true}, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 2 * BLOCK);
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(file, 10, 2 * BLOCK, 0, &pinned), 2 * BLOCK - 10);
    CHECK(pinned.is_copy);
    fill_at(file, 0, 2, 2 * BLOCK);
    check_pinned(&pinned, 1, 2 * BLOCK - 10);
    unpin(&pinned);
    core_close(&core);
}

TEST(a_file_that_is_mapped_for_writing_is_copied) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, BLOCK);
    struct wt_pinned before = pin_at(file, 0, BLOCK), pinned;
    wt_mapping mapping;
    CHECK(wt_mapping_begin(file, 0, BLOCK, &mapping) >= 0);
    CHECK_EQ(wt_pin(file, 0, BLOCK, 0, &pinned), BLOCK);
    CHECK(pinned.is_copy);
    check_pinned(&before, 1, BLOCK);
    unpin(&before);
    unpin(&pinned);
    CHECK_OK(wt_mapping_end(mapping));
    core_close(&core);
}

TEST(pins_end_with_their_engine_and_copies_do_not) {
    struct core core = small_core();
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 80 * BLOCK);
    struct wt_pinned pinned = pin_at(file, 0, BLOCK), shadowed = pin_at(file, BLOCK, BLOCK), copy;
    CHECK_EQ(wt_pin(file, 0, WT_PIN_MOST, WT_PIN_COPY, &copy), WT_PIN_MOST);
    CHECK(copy.is_copy);
    fill_at(file, BLOCK, 2, BLOCK);
    core_close(&core);
    check_pinned(&copy, 1, WT_PIN_MOST);
    unpin(&copy);
    unpin(&pinned);
    unpin(&shadowed);
    CHECK_EQ(wt_unpin(pinned.pin), -EBADF);
}

TEST(wrong_arguments_are_refused_and_pin_nothing) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file"), writer;
    struct wt_pinned pinned;
    fill_at(file, 0, 1, BLOCK);
    CHECK_EQ(wt_pin(file, 0, 1, 0, NULL), -EINVAL);
    CHECK_EQ(wt_pin(file, 0, 1, 2, &pinned), -EINVAL);
    CHECK_EQ(wt_pin(file, UINT64_MAX, 1, 0, &pinned), -EINVAL);
    CHECK_EQ(wt_pin(file, 0, WT_PIN_MOST + 1, 0, &pinned), -EMSGSIZE);
    CHECK_EQ(wt_pin(file, 0, 0, 0, &pinned), 0);
    CHECK_EQ(wt_pin(0, 0, 1, 0, &pinned), -EBADF);
    CHECK_OK(wt_file_open(core.engine, "file", WT_OPEN_WRITE, 0, 0, &writer));
    CHECK_EQ(wt_pin(writer, 0, 1, 0, &pinned), -EBADF);
    CHECK_EQ(wt_unpin(0), -EBADF);
    CHECK_EQ(wt_unpin(file), -EBADF);
    CHECK_EQ(core_stats(&core).pinned_bytes, 0);
    sim_cut_behind(core.sim, "file", 0);
    CHECK_EQ(wt_sync(file), -ESTALE);
    CHECK_EQ(wt_pin(file, 0, 1, 0, &pinned), -ESTALE);
    core_close(&core);
}

TEST(a_pin_whose_bytes_cannot_be_read_fails_and_keeps_no_page) {
    struct core core = core_open(NULL, NULL);
    wt_file file = core_file(&core, "file");
    fill_at(file, 0, 1, 4 * BLOCK);
    core_reopen(&core);
    file = core_file(&core, "file");
    CHECK_EQ(byte_of(file, 0), 1);
    sim_fail(core.sim, &(struct sim_fault){.ops = SIM_READ, .offset = 3 * BLOCK, .length = 1, .error = -EIO});
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(file, 0, 4 * BLOCK, 0, &pinned), -EIO);
    CHECK_EQ(pinned.pin, 0);
    CHECK_EQ(core_stats(&core).pinned_bytes, 0);
    core_close(&core);
}

/* ---- pins among writers ------------------------------------------------------------------------------------------ */

enum { HOT_BLOCKS = 8, COLD_BYTES = 4 << 20, PINS_OF_THREAD = 4 };

struct crowd {
    struct core core;
    wt_file file, cold;
    atomic_bool over;
    _Atomic unsigned pinned;
};

/* A block holds its number and a count, again and again. */
static void *write_blocks(void *argument) {
    struct crowd *crowd = argument;
    uint64_t words[BLOCK / 8];
    for (uint64_t count = 1; !atomic_load(&crowd->over); count++) {
        uint64_t block = count % HOT_BLOCKS;
        for (unsigned i = 0; i < BLOCK / 8; i++) {
            words[i] = count << 8 | block;
        }
        CHECK_EQ(write_at(crowd->file, block * BLOCK, words, BLOCK), BLOCK);
    }
    return NULL;
}

static void *read_cold(void *argument) {
    struct crowd *crowd = argument;
    static uint8_t bytes[64 << 10];
    for (uint64_t at = 0; !atomic_load(&crowd->over); at = (at + sizeof bytes) % COLD_BYTES) {
        CHECK_EQ(read_at(crowd->cold, at, bytes, sizeof bytes), sizeof bytes);
    }
    return NULL;
}

static void check_word(const struct wt_pinned *pinned, uint64_t word) {
    for (uint32_t i = 0; i < pinned->run_count; i++) {
        const uint64_t *words = pinned->runs[i].iov_base;
        for (size_t k = 0; k < pinned->runs[i].iov_len / 8; k++) {
            CHECK_EQ(words[k], word);
        }
    }
}

static void *pin_blocks(void *argument) {
    struct crowd *crowd = argument;
    static _Thread_local struct wt_pinned kept[PINS_OF_THREAD];
    uint64_t first[PINS_OF_THREAD] = {0};
    for (uint64_t n = 0; !atomic_load(&crowd->over) || n < 100; n++) {
        unsigned at = n % PINS_OF_THREAD;
        if (kept[at].pin != 0) {
            check_word(&kept[at], first[at]);
            unpin(&kept[at]);
        }
        CHECK_EQ(wt_pin(crowd->file, n % HOT_BLOCKS * BLOCK, BLOCK, WT_PIN_COPY, &kept[at]), BLOCK);
        first[at] = *(const uint64_t *)kept[at].runs[0].iov_base;
        check_word(&kept[at], first[at]);
        atomic_fetch_add(&crowd->pinned, kept[at].is_copy ? 0 : 1);
    }
    for (unsigned i = 0; i < PINS_OF_THREAD; i++) {
        unpin(&kept[i]);
    }
    return NULL;
}

TEST(pinned_blocks_stay_whole_among_writers_and_eviction) {
    struct crowd crowd = {.core = core_open(&(struct sim_options){.threaded = true},
                                            &(struct wt_engine_options){.cache_bytes = 256 << 10})};
    void *(*const parts[])(void *) = {write_blocks, read_cold, pin_blocks, pin_blocks};
    pthread_t threads[4];
    crowd.file = core_file(&crowd.core, "file");
    crowd.cold = core_file(&crowd.core, "cold");
    CHECK_OK(wt_truncate(crowd.file, HOT_BLOCKS * BLOCK));
    CHECK_OK(wt_truncate(crowd.cold, COLD_BYTES));
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = test_thread(parts[i], &crowd);
    }
    while (atomic_load(&crowd.pinned) < 2000) {
        struct wt_engine_stats stats = core_stats(&crowd.core);
        CHECK(stats.pinned_bytes <= stats.cache_bytes / 4);
    }
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < 4; i++) {
        (void)test_join(threads[i]);
    }
    CHECK_EQ(core_stats(&crowd.core).pinned_bytes, 0);
    core_close(&crowd.core);
}
