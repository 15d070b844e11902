// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Pins that readers take without a lock, as Java does: they show what a pin under the lock would, or are not taken. */
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

enum { BLOCK = 4096, SMALL_CACHE = 1 << 20 };

struct pinner {
    struct core core;
    wt_file file;
    struct view_reader reader;
};

static void skip_where_nobody_looks(void) {
#if defined(__SANITIZE_ADDRESS__)
    SKIP("an inode that malloc has is nowhere to be seen");
#endif
}

static struct pinner pinner_on(const struct sim_options *sim, uint64_t cache_bytes) {
    skip_where_nobody_looks();
    struct pinner pinner = {.core = core_open(sim, &(struct wt_engine_options){.cache_bytes = cache_bytes})};
    pinner.file = core_file(&pinner.core, "file");
    pinner.reader = view_reader_of(pinner.file);
    return pinner;
}

static struct pinner pinner_of_small_cache(void) {
    return pinner_on(NULL, SMALL_CACHE);
}

static void end(struct pinner *pinner) {
    core_close(&pinner->core);
    view_reader_end(&pinner->reader);
}

/* Reads by the core: after two of them all is known to be used, also what was read ahead. */
static void use(wt_file file, uint64_t offset, size_t length) {
    static uint8_t bytes[64 * BLOCK];
    CHECK(read_at(file, offset, bytes, length) > 0);
    CHECK(read_at(file, offset, bytes, length) > 0);
}

static struct view_pin pin_at(const struct pinner *pinner, uint64_t offset, size_t length) {
    struct view_pin pin;
    use(pinner->file, offset, length);
    CHECK(view_reader_pin(&pinner->reader, offset, length, &pin));
    return pin;
}

static void check_pinned(const struct view_pin *pin, int value, size_t length) {
    for (size_t i = 0; i < length; i++) {
        CHECK_EQ(pin->bytes[i], value);
    }
}

static uint32_t count_of(const struct pinner *pinner, uint32_t frame) {
    const _Atomic uint32_t *pins = pinner->reader.view->parts[WT_VIEW_PINS].start;
    return atomic_load(&pins[frame]);
}

static uint64_t cached(const struct pinner *pinner) {
    return core_stats(&pinner->core).cached_bytes;
}

TEST(pinned_bytes_stay_when_they_are_written_cut_and_when_their_file_is_closed) {
    static const uint32_t blocks[] = {512, 4096};
    for (unsigned b = 0; b < 2; b++) {
        struct pinner pinner = pinner_on(&(struct sim_options){.block_bytes = blocks[b]}, SMALL_CACHE);
        fill_at(pinner.file, 0, 1, 8 * BLOCK);
        struct view_pin pin = pin_at(&pinner, 100, 3 * BLOCK);
        CHECK_EQ(pin.pages, 4);
        fill_at(pinner.file, 0, 2, BLOCK);
        fill_at(pinner.file, BLOCK + 7, 3, 100);
        check_filled(pinner.file, 0, 2, BLOCK);
        check_filled(pinner.file, BLOCK + 7, 3, 100);
        CHECK_OK(wt_truncate(pinner.file, 2 * BLOCK));
        check_pinned(&pin, 1, 3 * BLOCK);
        CHECK_OK(wt_file_close(pinner.file));
        wt_file other = core_file(&pinner.core, "other");
        fill_at(other, 0, 4, SMALL_CACHE);
        check_pinned(&pin, 1, 3 * BLOCK);
        CHECK_OK(wt_file_close(other));
        CHECK_EQ(cached(&pinner), 4 * BLOCK);
        view_reader_unpin(&pinner.reader, &pin);
        CHECK_EQ(cached(&pinner), 0);
        end(&pinner);
    }
}

TEST(a_pinned_page_is_not_evicted) {
    struct pinner pinner = pinner_of_small_cache();
    fill_at(pinner.file, 0, 1, 8 * BLOCK);
    struct view_pin pin = pin_at(&pinner, 3 * BLOCK, BLOCK);
    fill_at(pinner.file, SMALL_CACHE, 2, 2 * SMALL_CACHE);
    fill_at(pinner.file, SMALL_CACHE, 2, 2 * SMALL_CACHE);
    check_pinned(&pin, 1, BLOCK);
    struct view_pin again = pin_at(&pinner, 3 * BLOCK, BLOCK);
    CHECK_EQ(again.first_frame, pin.first_frame);
    view_reader_unpin(&pinner.reader, &pin);
    view_reader_unpin(&pinner.reader, &again);
    fill_at(pinner.file, SMALL_CACHE, 2, 2 * SMALL_CACHE);
    CHECK(!view_reader_pin(&pinner.reader, 3 * BLOCK, BLOCK, &again));
    end(&pinner);
}

TEST(a_write_after_the_unpin_needs_no_new_memory) {
    struct pinner pinner = pinner_of_small_cache();
    fill_at(pinner.file, 0, 1, BLOCK);
    struct view_pin pin = pin_at(&pinner, 0, BLOCK);
    view_reader_unpin(&pinner.reader, &pin);
    fill_at(pinner.file, 0, 2, BLOCK);
    struct view_pin again = pin_at(&pinner, 0, BLOCK);
    CHECK_EQ(again.first_frame, pin.first_frame);
    check_pinned(&again, 2, BLOCK);
    view_reader_unpin(&pinner.reader, &again);
    end(&pinner);
}

TEST(readers_pin_an_eighth_of_the_cache_at_most_and_what_they_pin_is_counted) {
    enum { SLOTS = SMALL_CACHE / BLOCK / 8 / 4 };
    struct pinner pinner = pinner_of_small_cache();
    struct view_pin pins[SLOTS], more;
    fill_at(pinner.file, 0, 1, 8 * BLOCK);
    use(pinner.file, 0, 8 * BLOCK);
    CHECK(!view_reader_pin(&pinner.reader, 0, 5 * BLOCK, &more));
    for (unsigned i = 0; i < SLOTS; i++) {
        pins[i] = pin_at(&pinner, 0, 4 * BLOCK);
    }
    CHECK(!view_reader_pin(&pinner.reader, 0, 1, &more));
    CHECK_EQ(core_stats(&pinner.core).pinned_bytes, SMALL_CACHE / 8);
    struct wt_pinned pinned;
    CHECK_EQ(wt_pin(pinner.file, 0, BLOCK, 0, &pinned), BLOCK);
    CHECK_EQ(core_stats(&pinner.core).pinned_bytes, SMALL_CACHE / 8 + BLOCK);
    CHECK_OK(wt_unpin(pinned.pin));
    for (unsigned i = 0; i < SLOTS; i++) {
        view_reader_unpin(&pinner.reader, &pins[i]);
    }
    CHECK_EQ(core_stats(&pinner.core).pinned_bytes, 0);
    end(&pinner);
}

TEST(bytes_that_may_still_change_where_they_are_can_be_read_and_not_pinned) {
    struct pinner pinner = pinner_of_small_cache();
    fill_at(pinner.file, 0, 1, BLOCK);
    static uint8_t bytes[BLOCK];
    struct iovec first = {bytes, BLOCK}, second = {bytes, 100};
    memset(bytes, 2, sizeof bytes);
    struct view_pin pin;
    CHECK_OK(wt_write_submit(pinner.file, &first, 1, 0, 0, 0, 1));
    pin = pin_at(&pinner, 0, BLOCK); /* in flight, and nothing newer */
    view_reader_unpin(&pinner.reader, &pin);
    CHECK_OK(wt_write_submit(pinner.file, &second, 1, 0, 0, 0, 2));
#ifndef __SANITIZE_THREAD__
    uint8_t byte;
    CHECK(view_reader_read(&pinner.reader, 0, &byte, 1));
#endif
    CHECK(!view_reader_pin(&pinner.reader, 0, BLOCK, &pin));
    struct wt_event events[2];
    for (int left = 2; left > 0;) {
        left -= wt_reap(pinner.core.engine, events, 2, -1);
    }
    pin = pin_at(&pinner, 0, BLOCK);
    view_reader_unpin(&pinner.reader, &pin);
    end(&pinner);
}

TEST(pins_show_zeros_when_their_engine_is_closed_and_are_given_back_all_the_same) {
    struct pinner pinner = pinner_of_small_cache();
    fill_at(pinner.file, 0, 1, 4 * BLOCK);
    struct view_pin pin = pin_at(&pinner, 0, BLOCK), shadowed = pin_at(&pinner, BLOCK, BLOCK), more;
    fill_at(pinner.file, BLOCK, 2, BLOCK);
    core_close(&pinner.core);
    check_pinned(&pin, 0, BLOCK);
    check_pinned(&shadowed, 0, BLOCK);
    CHECK(!view_reader_pin(&pinner.reader, 0, BLOCK, &more));
    view_reader_unpin(&pinner.reader, &pin);
    view_reader_unpin(&pinner.reader, &shadowed);
    view_reader_end(&pinner.reader);
}

/* ---- others who come between the steps ---------------------------------------------------------------------------- */

struct between {
    struct pinner *pinner;
    enum view_pin_step when;
    void (*run)(struct between *between);
    struct view_pin pin;
    unsigned runs;
};

static void come_between(void *argument, enum view_pin_step step) {
    struct between *between = argument;
    if (step != between->when || between->runs > 0) {
        return;
    }
    between->runs++;
    between->run(between);
}

static void come(struct between *between) {
    between->pinner->reader.at_step = come_between;
    between->pinner->reader.argument = between;
}

static void leave(struct between *between) {
    CHECK_EQ(between->runs, 1);
    between->pinner->reader.at_step = NULL;
}

static void write_two(struct between *between) {
    fill_at(between->pinner->file, 0, 2, BLOCK);
}

/* All of the file's memory goes, and other folios have it. */
static void use_again(struct between *between) {
    CHECK_OK(wt_truncate(between->pinner->file, 0));
    fill_at(between->pinner->file, SMALL_CACHE, 2, 2 * SMALL_CACHE);
}

static void close_engine(struct between *between) {
    core_close(&between->pinner->core);
}

TEST(a_pin_is_not_taken_of_bytes_that_change_meanwhile_and_its_count_harms_nobody) {
    static const enum view_pin_step steps[] = {VIEW_PIN_LOOKED, VIEW_PIN_COUNTED};
    static void (*const others[])(struct between *) = {write_two, use_again};
    for (unsigned i = 0; i < 4; i++) {
        struct pinner pinner = pinner_of_small_cache();
        fill_at(pinner.file, 0, 1, 2 * BLOCK);
        struct view_pin pin = pin_at(&pinner, 0, BLOCK);
        view_reader_unpin(&pinner.reader, &pin);
        struct between between = {.pinner = &pinner, .when = steps[i % 2], .run = others[i / 2]};
        come(&between);
        CHECK(!view_reader_pin(&pinner.reader, 0, BLOCK, &between.pin));
        leave(&between);
        CHECK_EQ(count_of(&pinner, pin.first_frame), 0);
        fill_at(pinner.file, 0, 3, 2 * BLOCK);
        check_filled(pinner.file, 0, 3, 2 * BLOCK);
        CHECK_OK(wt_file_close(pinner.file));
        CHECK_EQ(cached(&pinner), 0);
        end(&pinner);
    }
}

TEST(a_pin_of_an_engine_that_closes_meanwhile_is_not_taken) {
    static const enum view_pin_step steps[] = {VIEW_PIN_LOOKED, VIEW_PIN_COUNTED};
    for (unsigned i = 0; i < 2; i++) {
        struct pinner pinner = pinner_of_small_cache();
        fill_at(pinner.file, 0, 1, BLOCK);
        use(pinner.file, 0, BLOCK);
        struct between between = {.pinner = &pinner, .when = steps[i], .run = close_engine};
        come(&between);
        CHECK(!view_reader_pin(&pinner.reader, 0, BLOCK, &between.pin));
        leave(&between);
        view_reader_end(&pinner.reader);
    }
}

/* Another reader counts itself on the page, and takes that back. */
static void count_and_take_back(struct between *between) {
    struct pinner *pinner = between->pinner;
    _Atomic uint32_t *pins = pinner->reader.view->parts[WT_VIEW_PINS].start;
    atomic_fetch_add(&pins[between->pin.first_frame], 1);
    view_reader_unpin(&pinner->reader, &between->pin);
    CHECK_EQ(cached(pinner), 0);
}

TEST(a_page_that_two_readers_find_without_pins_is_freed_once) {
    struct pinner pinner = pinner_of_small_cache();
    fill_at(pinner.file, 0, 1, BLOCK);
    struct between between = {.pinner = &pinner, .when = VIEW_PIN_LAST, .run = count_and_take_back};
    between.pin = pin_at(&pinner, 0, BLOCK);
    CHECK_OK(wt_truncate(pinner.file, 0));
    CHECK_EQ(cached(&pinner), BLOCK);
    come(&between);
    view_reader_unpin(&pinner.reader, &between.pin);
    leave(&between);
    CHECK_EQ(cached(&pinner), 0);
    fill_at(pinner.file, 0, 2, BLOCK);
    CHECK_EQ(cached(&pinner), BLOCK);
    end(&pinner);
}

/* A reader that fails counts itself on pages of others, whose lock is held. */
TEST(whether_a_page_is_pinned_stays_the_same_until_its_folio_is_unlocked) {
    struct pinner pinner = pinner_of_small_cache();
    _Atomic uint32_t *pins = pinner.reader.view->parts[WT_VIEW_PINS].start;
    fill_at(pinner.file, 0, 1, 2 * BLOCK);
    struct view_pin second = pin_at(&pinner, BLOCK, BLOCK);
    struct wt_file_object *file = wt_file_acquire(pinner.file);
    struct wt_folio *folio = wt_folio_find(&file->inode->mapping, 0);
    CHECK(!wt_folio_is_pinned(folio, 0));
    CHECK(wt_folio_is_pinned(folio, 1));
    atomic_fetch_add(&pins[wt_folio_frame(folio, 0)], 1);
    view_reader_unpin(&pinner.reader, &second);
    CHECK(!wt_folio_is_pinned(folio, 0));
    CHECK(wt_folio_is_pinned(folio, 1));
    wt_folio_put(folio);
    folio = wt_folio_find(&file->inode->mapping, 0);
    CHECK(wt_folio_is_pinned(folio, 0));
    CHECK(!wt_folio_is_pinned(folio, 1));
    atomic_fetch_sub(&pins[wt_folio_frame(folio, 0)], 1);
    wt_folio_put(folio);
    wt_file_release(pinner.file);
    end(&pinner);
}

/* ---- pins among writers ------------------------------------------------------------------------------------------ */

enum { HOT_BLOCKS = 8, COLD_BYTES = 4 << 20, PINS_OF_THREAD = 3 };

struct crowd {
    struct core core;
    wt_file file, cold;
    atomic_bool over;
    _Atomic uint64_t pinned;
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

/* Takes the memory away from the blocks, again and again, and fills it with other bytes. */
static void *read_cold(void *argument) {
    struct crowd *crowd = argument;
    static uint8_t bytes[64 << 10];
    for (uint64_t at = 0; !atomic_load(&crowd->over); at = (at + sizeof bytes) % COLD_BYTES) {
        CHECK_EQ(read_at(crowd->cold, at, bytes, sizeof bytes), sizeof bytes);
    }
    return NULL;
}

static uint64_t check_block(const struct view_pin *pin, uint64_t block) {
    const uint64_t *words = (const uint64_t *)pin->bytes;
    for (unsigned i = 1; i < BLOCK / 8; i++) {
        CHECK_EQ(words[i], words[0]);
    }
    CHECK(words[0] == 0 || words[0] % 256 == block);
    return words[0];
}

static void *pin_blocks(void *argument) {
    struct crowd *crowd = argument;
    struct view_reader reader = view_reader_of(crowd->file);
    struct view_pin pins[PINS_OF_THREAD];
    uint64_t first[PINS_OF_THREAD], block[PINS_OF_THREAD];
    bool kept[PINS_OF_THREAD] = {false};
    for (uint64_t n = 0; !atomic_load(&crowd->over); n++) {
        unsigned at = (unsigned)(n % PINS_OF_THREAD);
        if (kept[at]) {
            CHECK_EQ(check_block(&pins[at], block[at]), first[at]);
            view_reader_unpin(&reader, &pins[at]);
        }
        block[at] = n % HOT_BLOCKS;
        kept[at] = view_reader_pin(&reader, block[at] * BLOCK, BLOCK, &pins[at]);
        if (kept[at]) {
            first[at] = check_block(&pins[at], block[at]);
            atomic_fetch_add(&crowd->pinned, 1);
        } else {
            (void)(byte_of(crowd->file, block[at] * BLOCK) + byte_of(crowd->file, block[at] * BLOCK));
        }
    }
    for (unsigned i = 0; i < PINS_OF_THREAD; i++) {
        if (kept[i]) {
            view_reader_unpin(&reader, &pins[i]);
        }
    }
    view_reader_end(&reader);
    return NULL;
}

TEST(blocks_pinned_without_a_lock_stay_whole_among_writers_and_eviction) {
    skip_where_nobody_looks();
    struct crowd crowd = {.core = core_open(&(struct sim_options){.threaded = true},
                                            &(struct wt_engine_options){.cache_bytes = SMALL_CACHE})};
    void *(*const parts[])(void *) = {write_blocks, read_cold, pin_blocks, pin_blocks};
    pthread_t threads[4];
    crowd.file = core_file(&crowd.core, "file");
    crowd.cold = core_file(&crowd.core, "cold");
    CHECK_OK(wt_truncate(crowd.file, HOT_BLOCKS * BLOCK));
    CHECK_OK(wt_truncate(crowd.cold, COLD_BYTES));
    for (unsigned i = 0; i < 4; i++) {
        threads[i] = test_thread(parts[i], &crowd);
    }
    uint64_t wanted = test_scaled(20000);
    while (atomic_load(&crowd.pinned) < wanted) {
        sched_yield();
    }
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < 4; i++) {
        (void)test_join(threads[i]);
    }
    CHECK_OK(wt_file_close(crowd.file));
    CHECK_OK(wt_file_close(crowd.cold));
    CHECK_EQ(core_stats(&crowd.core).cached_bytes, 0);
    core_close(&crowd.core);
}

/* ---- who looks first ---------------------------------------------------------------------------------------------- */

struct race {
    struct core core;
    wt_file file;
    _Atomic uint64_t *word; /* of the block's memory */
    _Atomic uint64_t changes;
    atomic_bool over;
};

/* Changes the first word where it is whenever no pin shows it, as a write would. */
static void *change_in_place(void *argument) {
    struct race *race = argument;
    struct wt_file_object *file = wt_file_acquire(race->file);
    for (uint64_t count = 1; !atomic_load(&race->over); count++) {
        struct wt_folio *folio = wt_folio_find(&file->inode->mapping, 0);
        if (!wt_folio_is_pinned(folio, 0)) {
            atomic_store(race->word, count);
            atomic_fetch_add_explicit(&race->changes, 1, memory_order_relaxed);
        }
        wt_folio_put(folio);
    }
    wt_file_release(race->file);
    return NULL;
}

TEST(a_pin_and_a_change_of_its_bytes_see_each_other) {
    skip_where_nobody_looks();
    struct race race = {.core = core_open(NULL, NULL)};
    race.file = core_file(&race.core, "file");
    fill_at(race.file, 0, 0, BLOCK);
    use(race.file, 0, BLOCK);
    struct view_reader reader = view_reader_of(race.file);
    struct view_pin pin;
    CHECK(view_reader_pin(&reader, 0, BLOCK, &pin));
    race.word = (_Atomic uint64_t *)(uintptr_t)pin.bytes;
    view_reader_unpin(&reader, &pin);
    pthread_t changer = test_thread(change_in_place, &race);
    for (uint64_t pinned = 0, wanted = test_scaled(200000); pinned < wanted || atomic_load(&race.changes) < wanted;) {
        if (!view_reader_pin(&reader, 0, BLOCK, &pin)) {
            continue;
        }
        uint64_t seen = atomic_load(race.word);
        for (unsigned i = 0; i < 20; i++) {
            CHECK_EQ(atomic_load(race.word), seen);
        }
        view_reader_unpin(&reader, &pin);
        pinned++;
    }
    atomic_store(&race.over, true);
    (void)test_join(changer);
    view_reader_end(&reader);
    core_close(&race.core);
}
