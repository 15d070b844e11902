// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Readers that hold neither lock nor handle: they get what a read gets, or nothing. */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cache/folio.h"
#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"
#include "view_reader.h"

enum { BLOCK = 4096, FOLIO = 64 * BLOCK };

/* ThreadSanitizer is right that such a reader reads what others write; an inode that malloc has is nowhere to be seen. */
static void skip_where_nobody_looks(void) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    SKIP("nobody looks under this sanitizer");
#endif
}

struct watched {
    struct core core;
    wt_file file;
    struct view_reader reader;
};

static struct watched watch(void) {
    skip_where_nobody_looks();
    struct watched watched = {.core = core_open(NULL, NULL)};
    watched.file = core_file(&watched.core, "file");
    watched.reader = view_reader_of(watched.file);
    return watched;
}

static void end(struct watched *watched) {
    view_reader_end(&watched->reader);
    core_close(&watched->core);
}

/* Twice by the core, after which all is known to be used that was not read ahead, and then without it. */
static bool sees(const struct view_reader *reader, wt_file file, uint64_t offset, size_t length, int value) {
    static uint8_t bytes[FOLIO];
    for (unsigned i = 0; i < 2; i++)
        CHECK_EQ(read_at(file, offset, bytes, length), length);
    memset(bytes, 0xEE, length);
    if (!view_reader_read(reader, offset, bytes, length))
        return false;
    for (size_t i = 0; i < length; i++)
        CHECK_EQ(bytes[i], value);
    return true;
}

TEST(a_reader_sees_what_is_cached_and_what_was_written_last) {
    struct watched watched = watch();
    uint8_t byte;
    CHECK(!view_reader_read(&watched.reader, 0, &byte, 1));
    fill_at(watched.file, 0, 1, FOLIO);
    CHECK(sees(&watched.reader, watched.file, 0, FOLIO, 1));
    fill_at(watched.file, 100, 2, 3 * BLOCK);
    CHECK(sees(&watched.reader, watched.file, 100, 3 * BLOCK, 2));
    CHECK(sees(&watched.reader, watched.file, 0, 100, 1));
    CHECK(sees(&watched.reader, watched.file, 100 + 3 * BLOCK, BLOCK, 1));
    end(&watched);
}

TEST(pages_that_lie_scattered_in_memory_are_seen) {
    struct watched watched = watch();
    CHECK_OK(wt_truncate(watched.file, FOLIO));
    for (unsigned i = 64; i-- > 0;)
        fill_at(watched.file, (uint64_t)i * BLOCK, 7, BLOCK);
    CHECK(sees(&watched.reader, watched.file, 10, FOLIO - 20, 7));
    end(&watched);
}

TEST(a_reader_sees_nothing_of_a_folio_that_another_changes) {
    struct watched watched = watch();
    uint8_t byte;
    fill_at(watched.file, 0, 1, BLOCK);
    CHECK(sees(&watched.reader, watched.file, 0, BLOCK, 1));
    struct wt_file_object *file = wt_file_acquire(watched.file);
    struct wt_folio *folio = wt_folio_find(&file->inode->mapping, 0);
    CHECK(!view_reader_read(&watched.reader, 0, &byte, 1));
    wt_folio_put(folio);
    wt_file_release(watched.file);
    CHECK(view_reader_read(&watched.reader, 0, &byte, 1));
    end(&watched);
}

TEST(a_reader_sees_nothing_behind_the_end_of_the_file_and_nothing_that_was_cut) {
    struct watched watched = watch();
    uint8_t bytes[BLOCK];
    fill_at(watched.file, 0, 1, 1000);
    CHECK(sees(&watched.reader, watched.file, 0, 1000, 1));
    CHECK(!view_reader_read(&watched.reader, 0, bytes, 1001));
    CHECK_OK(wt_truncate(watched.file, 500));
    CHECK(!view_reader_read(&watched.reader, 0, bytes, 501));
    CHECK_OK(wt_truncate(watched.file, 1000));
    CHECK(sees(&watched.reader, watched.file, 0, 500, 1));
    CHECK(sees(&watched.reader, watched.file, 500, 500, 0));
    end(&watched);
}

TEST(a_reader_of_a_closed_file_sees_no_other_that_has_its_place) {
    struct watched watched = watch();
    uint8_t byte;
    fill_at(watched.file, 0, 1, BLOCK);
    CHECK(sees(&watched.reader, watched.file, 0, BLOCK, 1));
    CHECK_OK(wt_file_close(watched.file));
    CHECK(!view_reader_read(&watched.reader, 0, &byte, 1));
    wt_file other = core_file(&watched.core, "other");
    struct view_reader others = view_reader_of(other);
    CHECK_EQ(others.place, watched.reader.place);
    fill_at(other, 0, 2, BLOCK);
    CHECK(sees(&others, other, 0, BLOCK, 2));
    CHECK(!view_reader_read(&watched.reader, 0, &byte, 1));
    view_reader_end(&others);
    end(&watched);
}

TEST(a_reader_that_is_left_when_the_engine_closes_sees_nothing) {
    struct watched watched = watch();
    uint8_t byte;
    fill_at(watched.file, 0, 1, BLOCK);
    CHECK(sees(&watched.reader, watched.file, 0, BLOCK, 1));
    core_close(&watched.core);
    CHECK(!view_reader_read(&watched.reader, 0, &byte, 1));
    CHECK_EQ(*(const uint8_t *)watched.reader.view->parts[WT_VIEW_ARENA].start, 0);
    view_reader_end(&watched.reader);
}

/* ---- readers among writers ----------------------------------------------------------------------------------- */

enum { HOT_BLOCKS = 8, COLD_BYTES = 8 << 20 };

struct crowd {
    struct core core;
    wt_file file;
    wt_file cold;
    atomic_bool over;
    _Atomic uint64_t seen;
};

/* A block holds its number and a count, again and again. */
static void *write_blocks(void *argument) {
    struct crowd *crowd = argument;
    uint64_t words[BLOCK / 8];
    for (uint64_t count = 1; !atomic_load(&crowd->over); count++) {
        uint64_t block = count % HOT_BLOCKS;
        for (unsigned i = 0; i < BLOCK / 8; i++)
            words[i] = count << 8 | block;
        CHECK_EQ(write_at(crowd->file, block * BLOCK, words, BLOCK), BLOCK);
    }
    return NULL;
}

/* Takes the memory away from the blocks, again and again, and fills it with other bytes. */
static void *read_cold(void *argument) {
    struct crowd *crowd = argument;
    static uint8_t bytes[64 << 10];
    for (uint64_t at = 0; !atomic_load(&crowd->over); at = (at + sizeof bytes) % COLD_BYTES)
        CHECK_EQ(read_at(crowd->cold, at, bytes, sizeof bytes), sizeof bytes);
    return NULL;
}

static void *look(void *argument) {
    struct crowd *crowd = argument;
    struct view_reader reader = view_reader_of(crowd->file);
    uint64_t words[BLOCK / 8], newest[HOT_BLOCKS] = {0};
    for (uint64_t n = 0; !atomic_load(&crowd->over); n++) {
        uint64_t block = n % HOT_BLOCKS;
        if (!view_reader_read(&reader, block * BLOCK, words, BLOCK)) {
            CHECK_EQ(read_at(crowd->file, block * BLOCK, words, BLOCK), BLOCK);
        } else {
            atomic_fetch_add(&crowd->seen, 1);
        }
        for (unsigned i = 1; i < BLOCK / 8; i++)
            CHECK_EQ(words[i], words[0]);
        CHECK(words[0] == 0 || words[0] % 256 == block);
        CHECK(words[0] >> 8 >= newest[block]);
        newest[block] = words[0] >> 8;
    }
    view_reader_end(&reader);
    return NULL;
}

TEST(a_block_is_seen_wholly_old_or_wholly_new_and_never_older_than_before) {
    skip_where_nobody_looks();
    struct crowd crowd = {.core = core_open(&(struct sim_options){.threaded = true},
                                            &(struct wt_engine_options){.cache_bytes = 1 << 20})};
    void *(*const parts[])(void *) = {write_blocks, read_cold, look, look};
    pthread_t threads[4];
    crowd.file = core_file(&crowd.core, "file");
    crowd.cold = core_file(&crowd.core, "cold");
    CHECK_OK(wt_truncate(crowd.file, HOT_BLOCKS * BLOCK));
    for (uint64_t at = 0; at < COLD_BYTES; at += 64 << 10)
        fill_at(crowd.cold, at, 0xCC, 64 << 10);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = test_thread(parts[i], &crowd);
    uint64_t wanted = test_scaled(200000);
    while (atomic_load(&crowd.seen) < wanted)
        sched_yield();
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < 4; i++)
        test_join(threads[i]);
    core_close(&crowd.core);
}
