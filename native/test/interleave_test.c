// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Seeded interleavings of asynchronous writes, fetches and everything else, on one thread: completions are let in one at
 * a time, in seeded order, between the operations. A model knows for every byte which write gave it its newest value and
 * from which write on it may be on the disk; the disk's log says which I/O carried what and how it ended, so that every
 * event is checked against the I/O that it speaks for.
 *
 * Environment: WT_SEED the first seed; WT_STEPS multiplies how many seeds are played (1).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "engine/doors.h"
#include "engine/objects.h"
#include "file/inode.h"
#include "write/writeback.h"

enum { FILES = 2, ROOM = 256 << 10, RECORDS = 600, FETCHES = 64, PATTERN = 1 << 20, EXTRA_SIZES = 256 };

enum state { PENDING, DONE, FAILED };

/* One write. Its byte at offset b is pattern[key + b]. */
struct record {
    uint64_t offset, length, key;
    uint32_t durability;
    uint32_t flags; /* WT_ATOMIC, WT_HIGH_PRIORITY */
    enum state state;
    size_t before, after; /* how many operations the disk had begun when the call began and when it returned */
    size_t errors_before; /* how many had failed */
    bool unsure;          /* an I/O failed during the call: it may have taken only a part of the bytes */
};

/* A file, and what may be in it. Record 0 stands for what it had when the records were last forgotten. */
struct track {
    const char *path;
    wt_file handle;
    uint64_t number;
    uint8_t base[ROOM], base_stable[ROOM];
    uint16_t newest[ROOM];       /* the last write of the byte */
    uint16_t floor_now[ROOM];    /* the disk has this write's value or a later one's */
    uint16_t floor_stable[ROOM]; /* stable storage has */
    struct record records[RECORDS];
    unsigned count; /* of records, 0 included */
    unsigned pending;
    uint64_t size_floor, size_floor_stable;
    uint64_t sizes[EXTRA_SIZES]; /* that it may have, besides the ends of writes */
    unsigned size_count;
    uint64_t cut; /* it was just cut to this: events of before speak of more */
};

struct fetch {
    bool pending;
    unsigned track;
    uint64_t offset, length;
};

struct player {
    struct core core;
    struct test_random random;
    struct track *tracks;
    struct fetch fetches[FETCHES];
    uint64_t epoch; /* part of the tokens: an event of another time is seen */
    uint64_t seed;
    uint32_t block;
    uint32_t atomic_bytes; /* the longest atomic write, 0: there are none */
    bool faults, buffered, cuts;
    bool armed;  /* a fault is */
    bool failed; /* one was since the log was cleared */
    unsigned fault_count;
    unsigned step;
    uint64_t events;
};

static uint8_t pattern[PATTERN];
static uint8_t scratch[ROOM + 1], other[ROOM + 1];
static bool allowed[ROOM];

static bool is_cut(const struct player *player) {
    return player->cuts && sim_is_cut(player->core.sim);
}

static bool one_in(struct player *player, uint64_t n) {
    return test_random_one_in(&player->random, n);
}

static uint64_t below(struct player *player, uint64_t bound) {
    return test_random_below(&player->random, bound);
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static size_t log_length(const struct player *player) {
    size_t count;
    (void)sim_log(player->core.sim, &count);
    return count;
}

/* How many I/Os have failed. */
static size_t errors(const struct player *player) {
    if (!player->failed && !is_cut(player)) {
        return 0;
    }
    size_t count;
    size_t found = 0;
    const struct sim_record *log = sim_log(player->core.sim, &count);
    for (size_t i = 0; i < count; i++) {
        found += log[i].ended && log[i].error != 0 ? 1u : 0u;
    }
    return found;
}

/* ---- the model ----------------------------------------------------------------------------------------------------- */

TEST_UNWATCHED static uint8_t value_of(const struct track *track, unsigned record, uint64_t at) {
    return record == 0 ? track->base[at] : pattern[track->records[record].key + at];
}

/* Nothing is in flight on the file: what it has is where its story begins. */
static void forget_records(struct player *player, struct track *track) {
    CHECK_EQ(track->pending, 0);
    sim_peek(player->core.sim, track->path, 0, track->base, ROOM);
    sim_peek_stable(player->core.sim, track->path, 0, track->base_stable, ROOM);
    memset(track->newest, 0, sizeof track->newest);
    memset(track->floor_now, 0, sizeof track->floor_now);
    memset(track->floor_stable, 0, sizeof track->floor_stable);
    track->count = 1;
    track->sizes[0] = (uint64_t)sim_size(player->core.sim, track->path);
    track->size_count = 1;
    track->size_floor = track->sizes[0];
    track->size_floor_stable = (uint64_t)sim_stable_size(player->core.sim, track->path);
    track->sizes[track->size_count++] = track->size_floor_stable;
}

/* Each byte is that of the write floor[] names, or of a later one. */
TEST_UNWATCHED static void check_allowed(const struct track *track, const char *what, uint64_t offset, uint64_t length,
                                         const uint8_t *found, const uint16_t *floor, const uint8_t *base) {
    for (uint64_t i = 0; i < length; i++) {
        allowed[i] = floor[offset + i] == 0 && (found[i] == base[offset + i] || found[i] == track->base[offset + i]);
    }
    for (unsigned r = 1; r < track->count; r++) {
        const struct record *record = &track->records[r];
        uint64_t from = record->offset > offset ? record->offset : offset;
        uint64_t to = smaller(record->offset + record->length, offset + length);
        for (uint64_t at = from; at < to; at++) {
            if (r >= floor[at] && found[at - offset] == pattern[record->key + at]) {
                allowed[at - offset] = true;
            }
        }
    }
    for (uint64_t i = 0; i < length; i++) {
        if (!allowed[i]) {
            test_fail(__FILE__, __LINE__, "%s of %s has 0x%02x at %llu; write %u has been done there, the newest is %u",
                      what, track->path, found[i], (unsigned long long)(offset + i), floor[offset + i],
                      track->newest[offset + i]);
        }
    }
}

/* What the engine shows at offset, while nothing has changed since. */
TEST_UNWATCHED static void check_shown(struct player *player, const struct track *track, uint64_t offset,
                                       uint64_t length, const uint8_t *found) {
    size_t failed = errors(player);
    if (failed > 0) {
        sim_peek(player->core.sim, track->path, offset, other, (size_t)length);
    }
    for (uint64_t i = 0; i < length; i++) {
        unsigned newest = track->newest[offset + i];
        const struct record *record = &track->records[newest];
        bool good = found[i] == value_of(track, newest, offset + i) && (newest == 0 || record->state != FAILED);
        if (!good && newest != 0 && failed > record->errors_before) {
            good = found[i] == other[i];
        }
        if (!good && newest != 0 && record->unsure) {
            for (unsigned r = newest; r >= track->floor_now[offset + i] && !good; r--) {
                const struct record *older = &track->records[r];
                bool covers = r == 0 || (older->offset <= offset + i && offset + i < older->offset + older->length);
                good = covers && found[i] == value_of(track, r, offset + i);
                if (r == 0) {
                    break;
                }
            }
        }
        if (!good) {
            test_fail(__FILE__, __LINE__, "%s shows 0x%02x at %llu; the newest write %u (state %d) has 0x%02x",
                      track->path, found[i], (unsigned long long)(offset + i), newest, (int)record->state,
                      value_of(track, newest, offset + i));
        }
    }
}

static bool size_allowed(const struct player *player, const struct track *track, uint64_t size) {
    for (unsigned i = 0; i < track->size_count; i++) {
        if (size == track->sizes[i]) {
            return true;
        }
    }
    for (unsigned r = 1; r < track->count; r++) {
        const struct record *record = &track->records[r];
        uint64_t end = record->offset + record->length;
        if (size == end || (size > record->offset && size < end && size % player->block == 0)) {
            return true;
        }
    }
    return false;
}

static uint64_t largest_size(const struct track *track) {
    uint64_t largest = 0;
    for (unsigned i = 0; i < track->size_count; i++) {
        largest = track->sizes[i] > largest ? track->sizes[i] : largest;
    }
    for (unsigned r = 1; r < track->count; r++) {
        uint64_t end = track->records[r].offset + track->records[r].length;
        largest = end > largest ? end : largest;
    }
    return largest;
}

static void check_sizes(struct player *player, const struct track *track) {
    uint64_t size = (uint64_t)wt_size(track->handle);
    uint64_t now = (uint64_t)sim_size(player->core.sim, track->path);
    uint64_t stable = (uint64_t)sim_stable_size(player->core.sim, track->path);
    CHECK(size >= track->size_floor);
    CHECK(now >= size);
    CHECK(stable >= track->size_floor_stable);
    CHECK(size_allowed(player, track, size));
    CHECK(now <= largest_size(track));
    if (!player->failed) {
        CHECK_EQ(now, size);
    }
}

/* All blocks of a range that are cached show what they must. */
TEST_UNWATCHED static void check_cached(struct player *player, const struct track *track, uint64_t offset,
                                        uint64_t length) {
    uint64_t size = (uint64_t)wt_size(track->handle);
    uint64_t end = smaller(offset + length, size);
    for (uint64_t at = offset; at < end;) {
        uint64_t stop = smaller((at / player->block + 1) * player->block, end);
        struct iovec iov = {scratch, (size_t)(stop - at)};
        int64_t n = wt_read_cached(track->handle, &iov, 1, at);
        CHECK(n == -EAGAIN || n == (int64_t)(stop - at));
        if (n > 0) {
            check_shown(player, track, at, stop - at, scratch);
        }
        at = stop;
    }
}

/* ---- invariants of the engine -------------------------------------------------------------------------------------- */

static void check_folio(const struct wt_folio *folio, uint64_t *bytes) {
    uint64_t dirty = 0;
    uint64_t writeback = 0;
    for (const struct wt_link *link = folio->links; link != NULL; link = link->next) {
        CHECK((link->dirty | link->writeback) != 0);
        CHECK_EQ(link->dirty & link->writeback, 0);
        CHECK(link->next == NULL || link->next->previous == link);
        dirty |= link->dirty;
        writeback |= link->writeback;
        *bytes += link->bytes;
    }
    CHECK_EQ(dirty, folio->dirty);
    CHECK_EQ(writeback & ~folio->writeback, 0);
    CHECK_EQ(folio->dirty & ~folio->uptodate, 0);
    CHECK(folio->dirty == 0 || (folio->writeback | folio->reading) != 0);
    CHECK_EQ(folio->reading & folio->uptodate & ~folio->dirty, 0);
}

static void check_idle(const struct wt_folio *folio) {
    CHECK_EQ(folio->dirty | folio->writeback | folio->reading, 0);
    CHECK(folio->links == NULL);
    CHECK_EQ(folio->detached, WT_NONE);
    CHECK_EQ(folio->waiters, 0);
    CHECK_EQ(folio->awaiting, 0);
    CHECK_EQ(folio->awaited, 0);
}

static uint32_t detached_pages(const struct wt_pool *pool, const struct wt_folio *folio) {
    uint32_t count = 0;
    for (uint32_t detached = folio->detached; detached != WT_NONE; detached = pool->frames[detached].next) {
        CHECK(pool->frames[detached].busy != 0);
        count++;
    }
    return count;
}

static void check_engine(struct player *player, bool idle) {
    struct track *track = &player->tracks[0];
    struct wt_file_object *file = wt_file_acquire(track->handle);
    CHECK(file != NULL);
    struct wt_engine_object *engine = file->inode->engine;
    struct wt_pool *pool = &engine->cache.pool;
    uint32_t pages = 0;
    uint64_t bytes = 0;
    for (uint32_t id = 0; id < engine->cache.fresh_folio; id++) {
        struct wt_folio *folio = &engine->cache.folios[id];
        if (atomic_load(&folio->inode_id) == 0) {
            continue;
        }
        check_folio(folio, &bytes);
        pages += folio->pages + detached_pages(pool, folio);
        if (idle) {
            check_idle(folio);
        }
    }
    CHECK_EQ(pages, pool->frame_count - pool->free_count);
    CHECK_EQ(pool->reserved_count, 0);
    CHECK_EQ(pool->in_flight_bytes, bytes);
    CHECK(bytes <= pool->in_flight_limit);
    struct wt_engine_stats stats = core_stats(&player->core);
    CHECK_EQ(stats.cached_bytes, (uint64_t)pages * WT_PAGE_BYTES);
    CHECK_EQ(stats.in_flight_bytes, bytes);
    if (idle) {
        CHECK_EQ(bytes, 0);
        CHECK_EQ(wt_writebacks_in_use(engine), 0);
        CHECK_EQ(atomic_load(&file->inode->gate), 0);
    }
    wt_file_release(track->handle);
}

/* ---- events -------------------------------------------------------------------------------------------------------- */

/* What the disk's log says of how a write must have ended. */
struct fate {
    bool may_fail, must_fail;
    bool exact; /* then failed_at is where it failed first */
    uint64_t failed_at;
};

static bool is_error_of_log(const struct player *player, const struct record *record, int64_t error) {
    size_t count;
    const struct sim_record *log = sim_log(player->core.sim, &count);
    for (size_t i = 0; i < count; i++) {
        if (log[i].ended && log[i].error == error) {
            return true;
        }
    }
    return is_cut(player) && record != NULL;
}

/*
 * Whether an I/O of the log that failed ran once more: it went by direct I/O, and a write to the file through the page cache was
 * refused, whose error it may have been told.
 */
static bool ran_again(const struct sim_record *log, size_t count, size_t failed) {
    bool refused = false, again = false;
    for (size_t i = 0; i < count; i++) {
        if (log[i].inode != log[failed].inode || log[i].op != SIM_WRITE)
            continue;
        refused = refused || (log[i].through_page_cache && log[i].ended && log[i].error != 0);
        again = again || (i > failed && log[i].offset == log[failed].offset && log[i].length == log[failed].length);
    }
    return refused && again && !log[failed].through_page_cache;
}

static struct fate fate_of(const struct player *player, const struct track *track, const struct record *record) {
    static uint8_t carried[ROOM / 512 + 1];
    static uint8_t bad[ROOM / 512 + 1];
    static bool later[ROOM / 512 + 1];
    static bool
        waited[ROOM / 512 + 1]; /* an I/O through the page cache may have been put together before the log has it */
    struct fate fate = {.exact = true, .failed_at = UINT64_MAX};
    uint64_t first = record->offset / player->block;
    uint64_t last = (record->offset + record->length - 1) / player->block;
    memset(carried, 0, sizeof carried);
    memset(bad, 0, sizeof bad);
    memset(later, 0, sizeof later);
    memset(waited, 0, sizeof waited);
    size_t count;
    const struct sim_record *log = sim_log(player->core.sim, &count);
    for (size_t i = 0; i < count; i++) {
        bool may_carry = log[i].op == SIM_READ || (log[i].op == SIM_WRITE && i >= record->before);
        if (log[i].inode != track->number || !may_carry) { /* a write may join a read that is under way */
            continue;
        }
        uint64_t from = log[i].offset / player->block;
        uint64_t to = (log[i].offset + log[i].length - 1) / player->block;
        bool failed = log[i].ended && log[i].error != 0;
        uint64_t good = (log[i].offset + log[i].done) / player->block;
        for (uint64_t block = from > first ? from : first; block <= to && block <= last; block++) {
            if (log[i].op == SIM_READ) {
                fate.may_fail = fate.may_fail || failed;
                fate.exact = fate.exact && !failed;
            } else if (failed && ran_again(log, count, i)) {
                fate.may_fail = true; /* what counts is how that ended */
                fate.exact = false;
            } else if (!later[block]) {
                later[block] = i >= record->after && !log[i].through_page_cache;
                waited[block] = waited[block] || log[i].through_page_cache;
                carried[block]++;
                bad[block] = (uint8_t)(bad[block] + (failed && block >= good ? 1 : 0));
            }
        }
    }
    for (uint64_t block = first; block <= last; block++) {
        if (bad[block] == 0) {
            continue;
        }
        fate.may_fail = true;
        bool sure = bad[block] == carried[block] && !waited[block];
        fate.must_fail = fate.must_fail || sure;
        fate.exact = fate.exact && sure;
        uint64_t at = block * player->block > record->offset ? block * player->block : record->offset;
        fate.failed_at = at < fate.failed_at ? at : fate.failed_at;
    }
    return fate;
}

static void check_fate(struct player *player, const struct track *track, const struct record *record, int64_t result,
                       uint64_t stable) {
    if (errors(player) == 0) {
        CHECK_EQ(result, record->length);
        return;
    }
    if (is_cut(player)) {
        CHECK(result == (int64_t)record->length || result < 0);
        return;
    }
    struct fate fate = fate_of(player, track, record);
    if (result < 0) {
        CHECK(is_error_of_log(player, record, result));
        CHECK(fate.may_fail || record->unsure);
        if (fate.exact && fate.may_fail && !record->unsure) {
            CHECK_EQ(stable, fate.failed_at - record->offset);
        }
    } else {
        CHECK(!fate.must_fail);
    }
}

static void raise_floor(struct track *track, unsigned r, uint64_t stable) {
    const struct record *record = &track->records[r];
    bool durable = record->durability != WT_DURABILITY_DEVICE;
    for (uint64_t at = record->offset; at < record->offset + stable; at++) {
        if (track->floor_now[at] < r) {
            track->floor_now[at] = (uint16_t)r;
        }
        if (durable && track->floor_stable[at] < r) {
            track->floor_stable[at] = (uint16_t)r;
        }
    }
    uint64_t end = record->offset + stable;
    if (stable > 0 && end > track->size_floor) {
        track->size_floor = end;
    }
    if (stable > 0 && durable && end > track->size_floor_stable) {
        track->size_floor_stable = end;
    }
}

/* A write ended: the result is right, and what is reported durable is. */
static void end_write(struct player *player, struct track *track, unsigned r, int64_t result, uint64_t stable) {
    struct record *record = &track->records[r];
    CHECK_EQ(record->state, PENDING);
    CHECK(stable <= record->length);
    CHECK(result < 0 ? stable < record->length : stable == record->length);
    check_fate(player, track, record, result, stable);
    record->state = result < 0 ? FAILED : DONE;
    track->pending--;
    raise_floor(track, r, stable);
    bool was_cut = record->offset + stable > track->cut;
    if (was_cut) {
        stable = track->cut > record->offset ? track->cut - record->offset : 0;
    }
    if (stable == 0 || is_cut(player)) {
        return;
    }
    sim_peek(player->core.sim, track->path, record->offset, other, (size_t)stable);
    check_allowed(track, "the disk", record->offset, stable, other, track->floor_now, track->base);
    sim_peek_stable(player->core.sim, track->path, record->offset, other, (size_t)stable);
    check_allowed(track, "stable storage", record->offset, stable, other, track->floor_stable, track->base_stable);
    CHECK(was_cut || (uint64_t)wt_size(track->handle) >= record->offset + stable);
}

enum { FETCH_BIT = 1 << 8 };

static uint64_t token_of(const struct player *player, unsigned track, unsigned number, unsigned bits) {
    return player->epoch << 32 | (uint64_t)number << 16 | bits | track;
}

static void end_fetch(struct player *player, struct fetch *fetch, const struct wt_event *event) {
    CHECK(fetch->pending);
    fetch->pending = false;
    struct track *track = &player->tracks[fetch->track];
    CHECK_EQ(event->stable_bytes, 0);
    if (event->result < 0) {
        CHECK(is_error_of_log(player, NULL, event->result) || is_cut(player));
        return;
    }
    CHECK((uint64_t)event->result <= fetch->length);
    CHECK(event->result == 0 || fetch->offset + (uint64_t)event->result <= largest_size(track));
}

static unsigned take_events(struct player *player) {
    struct wt_event events[7];
    unsigned taken = 0;
    int count;
    while ((count = wt_reap(player->core.engine, events, 1 + (int)below(player, 7), 0)) > 0) {
        for (int i = 0; i < count; i++) {
            uint64_t token = events[i].token;
            CHECK_EQ(token >> 32, player->epoch);
            unsigned which = token & 0xff;
            unsigned number = token >> 16 & 0xffff;
            CHECK(which < FILES);
            if (token & FETCH_BIT) {
                CHECK(number < FETCHES);
                end_fetch(player, &player->fetches[number], &events[i]);
            } else {
                CHECK(number > 0 && number < player->tracks[which].count);
                end_write(player, &player->tracks[which], number, events[i].result, events[i].stable_bytes);
            }
            taken++;
            player->events++;
        }
    }
    CHECK_EQ(count, 0);
    return taken;
}

/* ---- operations ---------------------------------------------------------------------------------------------------- */

static uint64_t random_length(struct player *player) {
    static const uint64_t bounds[] = {10, 300, 600, 1500, 5000, 5000, 20000, 150000};
    return 1 + below(player, bounds[below(player, 8)]);
}

static uint64_t random_offset(struct player *player, const struct track *track, uint64_t length) {
    uint64_t size = largest_size(track);
    uint64_t offset = 0;
    switch (below(player, 6)) {
    case 0:
        offset = size;
        break;
    case 1:
        offset = below(player, ROOM) / player->block * player->block;
        break;
    case 2:
        offset = below(player, size + 5000);
        break;
    case 3: /* close to the end of the file */
        offset = size > 3000 ? size - below(player, 3000) : below(player, 3000);
        break;
    default:
        offset = below(player, 12000);
    }
    return offset + length > ROOM ? ROOM - length : offset;
}

/* Moves a record to where it may be atomic; the file may end in the middle of it. */
static void make_atomic(struct player *player, struct record *record) {
    record->length = (uint64_t)player->block << below(player, 6);
    record->length = smaller(record->length, player->atomic_bytes);
    record->offset = smaller(record->offset, ROOM - record->length) & ~(record->length - 1);
    record->flags = WT_ATOMIC;
}

/* A new record of the track; the caller applies it if the write is taken. */
static unsigned draw_record(struct player *player, struct track *track) {
    CHECK(track->count < RECORDS);
    unsigned r = track->count;
    uint64_t length = random_length(player);
    track->records[r] = (struct record){.length = length,
                                        .offset = random_offset(player, track, length),
                                        .key = below(player, PATTERN - ROOM),
                                        .durability = one_in(player, 5)   ? WT_DURABILITY_DEVICE
                                                      : one_in(player, 8) ? WT_DURABILITY_SYNC
                                                                          : WT_DURABILITY_DSYNC};
    if (player->atomic_bytes != 0 && one_in(player, 4)) {
        make_atomic(player, &track->records[r]);
    }
    if (player->atomic_bytes != 0 && one_in(player, 3)) {
        track->records[r].flags |= WT_HIGH_PRIORITY;
    }
    track->records[r].before = log_length(player);
    track->records[r].errors_before = errors(player);
    return r;
}

static void apply_record(struct track *track, unsigned r) {
    struct record *record = &track->records[r];
    CHECK_EQ(r, track->count);
    for (uint64_t at = record->offset; at < record->offset + record->length; at++) {
        track->newest[at] = (uint16_t)r;
    }
    record->state = PENDING;
    track->count++;
    track->pending++;
}

/* The bytes of a record, in up to three pieces of memory of the caller's. */
static int segments_of(struct player *player, const struct record *record, uint8_t *bytes, struct iovec iov[3]) {
    size_t length = (size_t)record->length;
    memcpy(bytes, pattern + record->key + record->offset, length);
    size_t a = (size_t)below(player, length + 1);
    size_t b = a + (size_t)below(player, length - a + 1);
    iov[0] = (struct iovec){bytes, a};
    iov[1] = (struct iovec){bytes + a, b - a};
    iov[2] = (struct iovec){bytes + b, length - b};
    if (one_in(player, 2)) {
        iov[0].iov_len = length;
        return 1;
    }
    return 3;
}

/* The call returned: its errors, if it was refused, and how sure the model is of what it took. */
static void close_record(struct player *player, struct record *record) {
    record->after = log_length(player);
    record->unsure = errors(player) > record->errors_before;
}

static void check_refusal(struct player *player, const struct record *record, uint32_t flags, int rc) {
    if (rc == -EAGAIN || (rc == -EMSGSIZE && !(flags & WT_ATOMIC))) {
        CHECK(flags & WT_NOWAIT);
        CHECK_EQ(log_length(player), record->before);
    } else if (rc == -EINVAL || rc == -EMSGSIZE) { /* the file ends within, or it is too long: told after a wait */
        CHECK(flags & WT_ATOMIC);
    } else {
        CHECK(is_error_of_log(player, record, rc));
    }
}

static void play_submit(struct player *player, unsigned which) {
    struct track *track = &player->tracks[which];
    unsigned r = draw_record(player, track);
    struct record *record = &track->records[r];
    struct iovec iov[3];
    int count = segments_of(player, record, scratch, iov);
    uint32_t flags = record->flags | (one_in(player, 4) ? WT_NOWAIT : 0);
    int rc = wt_write_submit(track->handle, iov, count, record->offset, record->durability, flags,
                             token_of(player, which, r, 0));
    memset(scratch, 0xa5, (size_t)record->length);
    close_record(player, record);
    if (rc == 0) {
        apply_record(track, r);
    } else {
        check_refusal(player, record, flags, rc);
    }
}

static void play_submit_all(struct player *player) {
    enum { MOST = 8 };
    struct wt_submission submissions[MOST];
    struct iovec iovs[MOST][3];
    struct track *tracks[MOST];
    unsigned records[MOST];
    uint8_t *bytes[MOST];
    int count = (int)test_random_between(&player->random, 1, MOST);
    size_t before = log_length(player);
    size_t errors_before = errors(player);
    /* The records are drawn as if all are taken: what is refused is taken out again. */
    for (int i = 0; i < count; i++) {
        unsigned which = (unsigned)below(player, FILES);
        tracks[i] = &player->tracks[which];
        records[i] = draw_record(player, tracks[i]);
        struct record *record = &tracks[i]->records[records[i]];
        if (record->length > 20000 && !(record->flags & WT_ATOMIC)) {
            record->length = 20000;
        }
        bytes[i] = malloc((size_t)record->length);
        CHECK(bytes[i] != NULL);
        tracks[i]->count++;
        submissions[i] = (struct wt_submission){.file = tracks[i]->handle,
                                                .iov = iovs[i],
                                                .iov_count = segments_of(player, record, bytes[i], iovs[i]),
                                                .durability = record->durability,
                                                .offset = record->offset,
                                                .token = token_of(player, which, records[i], 0),
                                                .result = 99,
                                                .flags = record->flags | (one_in(player, 5) ? WT_NOWAIT : 0)};
    }
    CHECK_OK(wt_write_submit_all(submissions, count));
    for (int i = 0; i < count; i++) {
        struct record *record = &tracks[i]->records[records[i]];
        free(bytes[i]);
        record->before = before;
        record->errors_before = errors_before;
        close_record(player, record);
        CHECK(submissions[i].result <= 0);
        if (submissions[i].result == 0) {
            unsigned all = tracks[i]->count;
            tracks[i]->count = records[i];
            apply_record(tracks[i], records[i]);
            tracks[i]->count = all;
        } else {
            if (submissions[i].result != -EAGAIN && submissions[i].result != -EMSGSIZE) {
                check_refusal(player, record, submissions[i].flags, submissions[i].result);
            }
            *record = (struct record){.state = FAILED}; /* of no bytes */
        }
    }
}

static void play_sync_write(struct player *player, struct track *track) {
    unsigned r = draw_record(player, track);
    struct record *record = &track->records[r];
    struct iovec iov[3];
    uint64_t stable = 77;
    int count = segments_of(player, record, scratch, iov);
    uint64_t offset = record->offset;
    int64_t result = wt_write_with(track->handle, iov, count, &offset, record->durability, record->flags, &stable);
    memset(scratch, 0xa5, (size_t)record->length);
    close_record(player, record);
    if (result == -EINVAL || result == -EMSGSIZE) {
        CHECK(record->flags & WT_ATOMIC);
        return;
    }
    apply_record(track, r);
    end_write(player, track, r, result, stable);
}

static void play_read(struct player *player, struct track *track, bool cached) {
    uint64_t length = random_length(player);
    uint64_t offset = random_offset(player, track, length);
    size_t failed = errors(player);
    uint64_t size = (uint64_t)wt_size(track->handle);
    struct iovec iov = {scratch, (size_t)length};
    size_t before = log_length(player);
    int64_t n = cached ? wt_read_cached(track->handle, &iov, 1, offset) : wt_read(track->handle, &iov, 1, offset);
    if (is_cut(player)) {
        return;
    }
    if (cached && !player->buffered) {
        CHECK_EQ(log_length(player), before);
    }
    if (n < 0) {
        CHECK((cached && n == -EAGAIN) || is_error_of_log(player, NULL, n));
        return;
    }
    uint64_t size_after = (uint64_t)wt_size(track->handle);
    uint64_t least = size > offset ? smaller(length, size - offset) : 0;
    uint64_t most = size_after > offset ? smaller(length, size_after - offset) : 0;
    CHECK((uint64_t)n >= least && (uint64_t)n <= most);
    if (errors(player) == failed) {
        check_shown(player, track, offset, (uint64_t)n, scratch);
    } else {
        check_allowed(track, "a read", offset, (uint64_t)n, scratch, track->floor_now, track->base);
    }
}

static void play_fetch(struct player *player, unsigned which) {
    unsigned number = (unsigned)below(player, FETCHES);
    struct fetch *fetch = &player->fetches[number];
    struct track *track = &player->tracks[which];
    if (fetch->pending) {
        return;
    }
    uint64_t length = random_length(player);
    *fetch = (struct fetch){
        .pending = true, .track = which, .offset = random_offset(player, track, length), .length = length};
    uint32_t flags = one_in(player, 2) ? WT_NOWAIT : 0;
    int rc = wt_fetch_submit(track->handle, fetch->offset, length, flags, token_of(player, which, number, FETCH_BIT));
    if (rc != 0) {
        CHECK_EQ(rc, -EAGAIN);
        CHECK(flags & WT_NOWAIT);
        fetch->pending = false;
    }
}

/* Drains the file, then cuts or extends it. */
static void play_truncate(struct player *player, struct track *track) {
    uint64_t size = below(player, largest_size(track) + 3000);
    size = smaller(size, ROOM);
    track->sizes[track->size_count++] = size;
    int rc = wt_truncate(track->handle, size);
    if (is_cut(player)) {
        return;
    }
    CHECK_OK(rc);
    track->cut = size;
    take_events(player);
    track->cut = UINT64_MAX;
    CHECK_EQ(track->pending, 0);
    CHECK_EQ(wt_size(track->handle), size);
    CHECK_EQ(sim_size(player->core.sim, track->path), size);
    CHECK_EQ(sim_stable_size(player->core.sim, track->path), size);
    sim_peek(player->core.sim, track->path, 0, scratch, (size_t)size);
    check_allowed(track, "the disk after truncation", 0, size, scratch, track->floor_now, track->base);
    /* What was cut was acknowledged by nobody from here on. */
    forget_records(player, track);
    check_cached(player, track, 0, ROOM);
}

static void play_allocate(struct player *player, struct track *track) {
    uint64_t length = random_length(player);
    uint64_t offset = random_offset(player, track, length);
    track->sizes[track->size_count++] = offset + length;
    int rc = wt_allocate(track->handle, offset, length);
    if (is_cut(player)) {
        return;
    }
    CHECK(rc == 0 || is_error_of_log(player, NULL, rc));
    if (rc == 0) {
        uint64_t end = offset + length;
        track->size_floor = end > track->size_floor ? end : track->size_floor;
        track->size_floor_stable = end > track->size_floor_stable ? end : track->size_floor_stable;
        if (track->pending == 0 && !player->buffered) {
            CHECK_EQ(sim_state_at(player->core.sim, track->path, offset), SIM_WRITTEN);
            CHECK_EQ(sim_state_at(player->core.sim, track->path, end - 1), SIM_WRITTEN);
        }
    }
}

static void play_sync(struct player *player, struct track *track) {
    int rc = wt_sync(track->handle);
    if (is_cut(player)) {
        return;
    }
    CHECK_OK(rc);
    /* All that the device had accepted, which may be more than was reported. */
    memcpy(track->floor_stable, track->floor_now, sizeof track->floor_stable);
    sim_peek_stable(player->core.sim, track->path, 0, scratch, ROOM);
    check_allowed(track, "stable storage after sync", 0, ROOM, scratch, track->floor_stable, track->base);
    track->size_floor_stable = track->size_floor;
}

static void pump(struct player *player, uint64_t most) {
    while (most-- > 0 && sim_pump_one(player->core.sim)) {
        if (!one_in(player, 4)) {
            take_events(player);
        }
    }
}

static bool anything_pending(const struct player *player) {
    for (unsigned i = 0; i < FILES; i++) {
        if (player->tracks[i].pending > 0) {
            return true;
        }
    }
    for (unsigned i = 0; i < FETCHES; i++) {
        if (player->fetches[i].pending) {
            return true;
        }
    }
    return false;
}

static void drain(struct player *player) {
    pump(player, UINT64_MAX);
    take_events(player);
    CHECK_EQ(sim_in_flight(player->core.sim), 0);
    CHECK(!anything_pending(player));
}

/* Nothing is in flight: cache, disk, stable storage and model agree, and nothing is left over in the engine. */
static void check_all(struct player *player) {
    check_engine(player, true);
    sim_pause_faults(player->core.sim, true);
    for (unsigned i = 0; i < FILES; i++) {
        struct track *track = &player->tracks[i];
        check_sizes(player, track);
        uint64_t size = (uint64_t)wt_size(track->handle);
        CHECK_EQ(sim_size(player->core.sim, track->path), size);
        if (!player->failed) {
            CHECK_EQ(size, track->size_floor);
        }
        check_cached(player, track, 0, ROOM);
        CHECK_EQ(read_at(track->handle, 0, scratch, ROOM), size);
        check_shown(player, track, 0, size, scratch);
        sim_peek(player->core.sim, track->path, 0, other, ROOM);
        CHECK_BYTES(scratch, other, (size_t)size);
        check_allowed(track, "the disk", 0, size, other, track->floor_now, track->base);
        sim_peek_stable(player->core.sim, track->path, 0, scratch, ROOM);
        check_allowed(track, "stable storage", 0, size, scratch, track->floor_stable, track->base_stable);
        if (one_in(player, 2)) {
            play_sync(player, track);
            CHECK_EQ(sim_stable_size(player->core.sim, track->path), size);
            sim_peek_stable(player->core.sim, track->path, 0, scratch, ROOM);
            CHECK_BYTES(scratch, other, (size_t)size);
        }
        forget_records(player, track);
    }
    sim_pause_faults(player->core.sim, false);
    player->failed = player->armed;
    sim_clear_log(player->core.sim);
    player->epoch++;
}

static void open_track(struct player *player, struct track *track) {
    track->handle = core_file(&player->core, track->path);
    struct wt_file_object *file = wt_file_acquire(track->handle);
    CHECK(file != NULL);
    track->number = file->inode->number;
    wt_file_release(track->handle);
}

static void play_reopen(struct player *player) {
    drain(player);
    check_all(player);
    if (one_in(player, 3)) {
        core_reopen(&player->core);
        for (unsigned i = 0; i < FILES; i++) {
            open_track(player, &player->tracks[i]);
        }
    } else {
        struct track *track = &player->tracks[below(player, FILES)];
        CHECK_OK(wt_file_close(track->handle));
        open_track(player, track);
    }
}

static void play_fault(struct player *player) {
    static const int errnos[] = {-EIO, -ENOSPC, -ENODEV, -EDQUOT};
    if (sim_failures(player->core.sim) > 6 || one_in(player, 4)) {
        drain(player);
        sim_heal(player->core.sim);
        player->armed = false;
        player->fault_count = 0;
        return;
    }
    if (player->fault_count == 12) {
        return;
    }
    player->fault_count++;
    uint64_t offset = below(player, 4) * below(player, ROOM);
    sim_fail(player->core.sim, &(struct sim_fault){.ops = one_in(player, 4)   ? SIM_READ
                                                          : one_in(player, 6) ? SIM_READ | SIM_WRITE
                                                                              : SIM_WRITE,
                                                   .offset = offset,
                                                   .length = one_in(player, 2) ? 0 : 1 + below(player, 20000),
                                                   .skip = below(player, 4),
                                                   .count = 1 + below(player, 3),
                                                   .error = errnos[below(player, 4)],
                                                   .transfer = one_in(player, 2) ? 0 : below(player, 40000),
                                                   .scribble = one_in(player, 2),
                                                   .grows = one_in(player, 3)});
    player->failed = player->armed = true;
}

static void play_step(struct player *player) {
    unsigned which = (unsigned)below(player, FILES);
    struct track *track = &player->tracks[which];
    uint64_t choice = below(player, 1000);
    if (choice < 340) {
        play_submit(player, which);
    } else if (choice < 390) {
        play_submit_all(player);
    } else if (choice < 460) {
        play_sync_write(player, track);
    } else if (choice < 540) {
        play_read(player, track, false);
    } else if (choice < 580) {
        play_read(player, track, true);
    } else if (choice < 640) {
        play_fetch(player, which);
    } else if (choice < 655) {
        play_truncate(player, track);
    } else if (choice < 675) {
        play_allocate(player, track);
    } else if (choice < 685) {
        play_sync(player, track);
    } else if (choice < 690 && !player->cuts) {
        play_reopen(player);
    } else if (choice < 700 && player->faults) {
        play_fault(player);
    } else if (choice < 705) {
        drain(player);
    } else {
        pump(player, 1 + below(player, 4));
    }
}

static void check_step(struct player *player) {
    check_engine(player, false);
    for (unsigned i = 0; i < FILES; i++) {
        check_sizes(player, &player->tracks[i]);
        check_cached(player, &player->tracks[i], 0, player->step % 8 == 0 ? ROOM : 16 << 10);
    }
}

static void begin_play(struct player *player, const struct sim_options *sim, const struct wt_engine_options *options,
                       uint64_t seed) {
    struct sim_options seeded = *sim;
    seeded.seed = seed;
    player->seed = seed;
    player->random = test_random_of(seed);
    player->block = sim->block_bytes != 0 ? sim->block_bytes : 4096;
    player->buffered = sim->buffered;
    player->atomic_bytes = sim->atomic_bytes;
    player->core = core_open(&seeded, options);
    player->tracks = calloc(FILES, sizeof *player->tracks);
    CHECK(player->tracks != NULL);
    static const char *const paths[FILES] = {"a", "b"};
    for (unsigned i = 0; i < FILES; i++) {
        player->tracks[i].path = paths[i];
        player->tracks[i].cut = UINT64_MAX;
        open_track(player, &player->tracks[i]);
        forget_records(player, &player->tracks[i]);
    }
    sim_clear_log(player->core.sim);
}

static void end_play(struct player *player) {
    core_close(&player->core);
    free(player->tracks);
}

/* All is on one thread: ThreadSanitizer has little to find here, and takes long for it. */
#ifdef __SANITIZE_THREAD__
enum { SLOWER = 8 };
#else
enum { SLOWER = 1 };
#endif

static uint64_t rounds(unsigned usual) {
    const char *text = getenv("WT_STEPS");
    uint64_t multiplier = text == NULL ? 1 : strtoull(text, NULL, 0);
    return (usual * multiplier + SLOWER - 1) / SLOWER;
}

static bool has_room(const struct player *player) {
    for (unsigned i = 0; i < FILES; i++) {
        if (player->tracks[i].count + 16 > RECORDS || player->tracks[i].size_count + 2 > EXTRA_SIZES) {
            return false;
        }
    }
    return true;
}

static void play(struct sim_options sim, struct wt_engine_options options, bool faults, unsigned seeds,
                 unsigned steps) {
    uint64_t first = test_seed();
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, pattern, sizeof pattern);
    for (uint64_t seed = first; seed < first + rounds(seeds); seed++) {
        static struct player player;
        player = (struct player){.faults = faults};
        begin_play(&player, &sim, &options, seed);
        for (player.step = 0; player.step < steps; player.step++) {
            CONTEXT("WT_SEED=%llu, block %u, step %u", (unsigned long long)seed, player.block, player.step);
            play_step(&player);
            check_step(&player);
            if (player.step % 100 == 99 || !has_room(&player)) {
                drain(&player);
                check_all(&player);
            }
        }
        drain(&player);
        check_all(&player);
        CHECK(player.events > 0);
        end_play(&player);
    }
}

static const struct wt_engine_options roomy = {.cache_bytes = 2 << 20};
static const struct wt_engine_options small = {.cache_bytes = 128 << 10, .in_flight_bytes = 64 << 10};

TEST(interleavings_match_the_model_with_blocks_of_4096) {
    play((struct sim_options){.block_bytes = 4096}, roomy, false, 6, 800);
}

TEST(interleavings_match_the_model_with_blocks_of_512) {
    play((struct sim_options){.block_bytes = 512}, roomy, false, 6, 800);
}

TEST(interleavings_match_the_model_with_blocks_of_1024) {
    play((struct sim_options){.block_bytes = 1024, .no_reserve = true}, roomy, false, 4, 800);
}

TEST(interleavings_match_the_model_with_the_smallest_cache) {
    play((struct sim_options){.block_bytes = 4096}, small, false, 4, 800);
    play((struct sim_options){.block_bytes = 512, .write_zeroes = true}, small, false, 4, 800);
}

TEST(interleavings_with_writes_that_are_atomic_or_of_high_priority_match_the_model) {
    play((struct sim_options){.block_bytes = 4096, .atomic_bytes = 128 << 10}, roomy, false, 4, 800);
    play((struct sim_options){.block_bytes = 512, .atomic_bytes = 128 << 10}, roomy, false, 4, 800);
    play((struct sim_options){.block_bytes = 1024, .atomic_bytes = 8 << 10}, small, false, 2, 800);
    play((struct sim_options){.block_bytes = 4096, .atomic_bytes = 128 << 10}, small, true, 2, 800);
    play((struct sim_options){.block_bytes = 512, .atomic_bytes = 128 << 10}, roomy, true, 4, 800);
}

TEST(interleavings_match_the_model_without_direct_io) {
    play((struct sim_options){.block_bytes = 4096, .buffered = true}, roomy, false, 2, 500);
}

TEST(interleavings_with_a_failing_disk_match_the_model_with_blocks_of_4096) {
    play((struct sim_options){.block_bytes = 4096}, roomy, true, 6, 800);
}

TEST(interleavings_with_a_failing_disk_match_the_model_with_blocks_of_512) {
    play((struct sim_options){.block_bytes = 512}, roomy, true, 6, 800);
}

TEST(interleavings_with_a_failing_disk_match_the_model_with_the_smallest_cache) {
    play((struct sim_options){.block_bytes = 1024}, small, true, 4, 800);
    play((struct sim_options){.block_bytes = 4096}, small, true, 4, 800);
}

/* ---- power --------------------------------------------------------------------------------------------------------- */

/* What a power cut left: all that was acknowledged, and nothing that was never written. */
static void check_survivors(struct player *player) {
    for (unsigned i = 0; i < FILES; i++) {
        struct track *track = &player->tracks[i];
        uint64_t size = (uint64_t)sim_size(player->core.sim, track->path);
        CHECK(size <= largest_size(track));
        if (size < track->size_floor_stable) { /* only a truncation under way may have cut it */
            CHECK_EQ(size, track->sizes[track->size_count - 1]);
        }
        CHECK(size % player->block == 0 || size_allowed(player, track, size));
        sim_peek(player->core.sim, track->path, 0, scratch, ROOM);
        check_allowed(track, "what survived", 0, size, scratch, track->floor_stable, track->base_stable);
        open_track(player, track);
        check_cache_is_disk(&player->core, track->handle, track->path);
    }
}

/* Plays a program until the power is cut at an event of the disk. False: it ended before. */
static bool play_until_cut(const struct sim_options *sim, uint64_t seed, uint64_t event, unsigned steps) {
    static struct player player;
    player = (struct player){.cuts = true};
    begin_play(&player, sim, &roomy, seed);
    sim_power_cut_at(player.core.sim, event, (enum sim_cut)(event % 3), seed + event);
    for (player.step = 0; player.step < steps && !sim_is_cut(player.core.sim); player.step++) {
        CONTEXT("WT_SEED=%llu, block %u, step %u, cut at event %llu", (unsigned long long)seed, player.block,
                player.step, (unsigned long long)event);
        play_step(&player);
    }
    drain(&player);
    bool cut = sim_is_cut(player.core.sim);
    if (!cut) {
        sim_power_cut(player.core.sim, SIM_LOSE_ALL, seed);
    }
    core_restart(&player.core);
    player.cuts = false;
    check_survivors(&player);
    end_play(&player);
    return cut;
}

static void cut_everywhere(uint32_t block_bytes, uint32_t atomic_bytes, unsigned programs, unsigned steps) {
    struct sim_options sim = {.block_bytes = block_bytes, .logical_block_bytes = 512, .atomic_bytes = atomic_bytes};
    struct test_random random = test_random_of(1);
    test_random_bytes(&random, pattern, sizeof pattern);
    uint64_t first = test_seed();
    for (uint64_t seed = first; seed < first + rounds(programs); seed++) {
        for (uint64_t event = 1; play_until_cut(&sim, seed, event, steps); event += test_step()) {
        }
    }
}

TEST(a_power_cut_at_any_event_keeps_what_was_acknowledged) {
    unsigned steps = SLOWER > 1 ? 12 : 30;
    cut_everywhere(4096, 0, 8, steps);
    cut_everywhere(512, 0, 8, steps);
    cut_everywhere(1024, 0, 4, steps);
    cut_everywhere(1024, 16 << 10, 4, steps);
}
