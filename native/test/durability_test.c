// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* How each write becomes stable: the whole table of answers, and what follows from an answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#include "io/stable.h"
#include "posix/posix.h"
#include "posix/through.h"
#include "test.h"

enum {
    DEVICE = WT_DURABILITY_DEVICE,
    DSYNC = WT_DURABILITY_DSYNC,
    SYNC = WT_DURABILITY_SYNC,
    DIRECT = WT_ROUTE_DIRECT,
    CACHED = WT_ROUTE_PAGE_CACHE,
    PLACED = WT_ROUTE_PAGE_CACHE_PLACED,
    KEPT = WT_ROUTE_PAGE_CACHE_KEPT,
    THROUGH = WT_ROUTE_WRITTEN_THROUGH,
    DURABILITIES = 3,
    ROUTES = 5,
    DISKS = 4,
    HIGH = 100, /* beside the sender: with high priority */
};

/* Who sends, and what it has beside the write. */
enum sender {
    THREAD, /* a thread */
    ALONE,  /* a ring, with this write in flight */
    THREE,  /* a ring, with three durable writes in flight */
    FOUR,
    REAPER, /* a ring with this write in flight, whose reaper has time to flush */
    LONG,   /* a long write that may leave in parts */
    PART,   /* a burst */
    SENDERS,
};

/* The answers, in the order of the enum: none, in parts, pages sent, pages kept, at completion, FUA, own, shared, flush
 * of the burst. */
static const char letters[] = "-=pkcFOSB";

/* One letter for each kind of disk: unknown, without a volatile cache, with FUA, without FUA. */
static const struct {
    uint32_t durability;
    unsigned route;
    unsigned sender;
    const char *answers;
} table[] = {
    {DEVICE, DIRECT, THREAD, "----"},
    {DEVICE, DIRECT, ALONE, "----"},
    {DEVICE, DIRECT, THREE, "----"},
    {DEVICE, DIRECT, FOUR, "----"},
    {DEVICE, DIRECT, REAPER, "----"},
    {DEVICE, DIRECT, LONG, "-=-="},
    {DEVICE, DIRECT, PART, "===="},
    {DEVICE, CACHED, THREAD, "OcOO"},
    {DEVICE, CACHED, ALONE, "OcOO"},
    {DEVICE, CACHED, THREE, "OcOO"},
    {DEVICE, CACHED, FOUR, "OcOO"},
    {DEVICE, CACHED, REAPER, "OcOO"},
    {DEVICE, CACHED, LONG, "OcOO"},
    {DEVICE, CACHED, PART, "OcOO"},
    {DEVICE, PLACED, THREAD, "pppp"},
    {DEVICE, PLACED, ALONE, "OcOO"},
    {DEVICE, PLACED, THREE, "OcOO"},
    {DEVICE, PLACED, FOUR, "OcOO"},
    {DEVICE, PLACED, REAPER, "OcOO"},
    {DEVICE, PLACED, LONG, "OcOO"},
    {DEVICE, PLACED, PART, "OcOO"},
    {DEVICE, KEPT, THREAD, "kkkk"},
    {DEVICE, KEPT, ALONE, "kkkk"},
    {DEVICE, KEPT, THREE, "kkkk"},
    {DEVICE, KEPT, FOUR, "kkkk"},
    {DEVICE, KEPT, REAPER, "kkkk"},
    {DEVICE, KEPT, LONG, "kkkk"},
    {DEVICE, KEPT, PART, "kkkk"},
    {DEVICE, THROUGH, THREAD, "----"},
    {DEVICE, THROUGH, ALONE, "----"},
    {DEVICE, THROUGH, THREE, "----"},
    {DEVICE, THROUGH, FOUR, "----"},
    {DEVICE, THROUGH, REAPER, "----"},
    {DEVICE, THROUGH, LONG, "----"},
    {DEVICE, THROUGH, PART, "===="},

    {DSYNC, DIRECT, THREAD, "OcFO"},
    {DSYNC, DIRECT, ALONE, "OcFO"},
    {DSYNC, DIRECT, THREE, "OcFO"},
    {DSYNC, DIRECT, FOUR, "ScFS"},
    {DSYNC, DIRECT, REAPER, "ScFS"},
    {DSYNC, DIRECT, LONG, "OBFB"},
    {DSYNC, DIRECT, PART, "BBBB"},
    {DSYNC, CACHED, THREAD, "OcOO"},
    {DSYNC, CACHED, ALONE, "OcOO"},
    {DSYNC, CACHED, THREE, "OcOO"},
    {DSYNC, CACHED, FOUR, "OcOO"},
    {DSYNC, CACHED, REAPER, "OcOO"},
    {DSYNC, CACHED, LONG, "OcOO"},
    {DSYNC, CACHED, PART, "BBBB"},
    {DSYNC, PLACED, THREAD, "OcOO"},
    {DSYNC, PLACED, ALONE, "OcOO"},
    {DSYNC, PLACED, THREE, "OcOO"},
    {DSYNC, PLACED, FOUR, "OcOO"},
    {DSYNC, PLACED, REAPER, "OcOO"},
    {DSYNC, PLACED, LONG, "OcOO"},
    {DSYNC, PLACED, PART, "BBBB"},
    {DSYNC, KEPT, THREAD, "OcOO"},
    {DSYNC, KEPT, ALONE, "OcOO"},
    {DSYNC, KEPT, THREE, "OcOO"},
    {DSYNC, KEPT, FOUR, "OcOO"},
    {DSYNC, KEPT, REAPER, "OcOO"},
    {DSYNC, KEPT, LONG, "OcOO"},
    {DSYNC, KEPT, PART, "BBBB"},
    {DSYNC, THROUGH, THREAD, "OcFO"},
    {DSYNC, THROUGH, ALONE, "OcFO"},
    {DSYNC, THROUGH, THREE, "OcFO"},
    {DSYNC, THROUGH, FOUR, "OcFO"},
    {DSYNC, THROUGH, REAPER, "OcFO"},
    {DSYNC, THROUGH, LONG, "OcFO"},
    {DSYNC, THROUGH, PART, "BBBB"},

    {SYNC, DIRECT, THREAD, "OcFO"},
    {SYNC, DIRECT, ALONE, "OcFO"},
    {SYNC, DIRECT, THREE, "OcFO"},
    {SYNC, DIRECT, FOUR, "OcFO"},
    {SYNC, DIRECT, REAPER, "OcFO"},
    {SYNC, DIRECT, LONG, "OcFO"},
    {SYNC, DIRECT, PART, "OcFO"},
    {SYNC, CACHED, THREAD, "OcOO"},
    {SYNC, CACHED, ALONE, "OcOO"},
    {SYNC, CACHED, THREE, "OcOO"},
    {SYNC, CACHED, FOUR, "OcOO"},
    {SYNC, CACHED, REAPER, "OcOO"},
    {SYNC, CACHED, LONG, "OcOO"},
    {SYNC, CACHED, PART, "OcOO"},
    {SYNC, PLACED, THREAD, "OcOO"},
    {SYNC, PLACED, ALONE, "OcOO"},
    {SYNC, PLACED, THREE, "OcOO"},
    {SYNC, PLACED, FOUR, "OcOO"},
    {SYNC, PLACED, REAPER, "OcOO"},
    {SYNC, PLACED, LONG, "OcOO"},
    {SYNC, PLACED, PART, "OcOO"},
    {SYNC, KEPT, THREAD, "OcOO"},
    {SYNC, KEPT, ALONE, "OcOO"},
    {SYNC, KEPT, THREE, "OcOO"},
    {SYNC, KEPT, FOUR, "OcOO"},
    {SYNC, KEPT, REAPER, "OcOO"},
    {SYNC, KEPT, LONG, "OcOO"},
    {SYNC, KEPT, PART, "OcOO"},
    {SYNC, THROUGH, THREAD, "OcFO"},
    {SYNC, THROUGH, ALONE, "OcFO"},
    {SYNC, THROUGH, THREE, "OcFO"},
    {SYNC, THROUGH, FOUR, "OcFO"},
    {SYNC, THROUGH, REAPER, "OcFO"},
    {SYNC, THROUGH, LONG, "OcFO"},
    {SYNC, THROUGH, PART, "OcFO"},

    {DEVICE, DIRECT, HIGH + THREAD, "----"},
    {DEVICE, DIRECT, HIGH + ALONE, "----"},
    {DEVICE, DIRECT, HIGH + THREE, "----"},
    {DEVICE, DIRECT, HIGH + FOUR, "----"},
    {DEVICE, DIRECT, HIGH + REAPER, "----"},
    {DEVICE, DIRECT, HIGH + LONG, "----"},
    {DEVICE, DIRECT, HIGH + PART, "----"},
    {DEVICE, CACHED, HIGH + THREAD, "OcOO"},
    {DEVICE, CACHED, HIGH + ALONE, "OcOO"},
    {DEVICE, CACHED, HIGH + THREE, "OcOO"},
    {DEVICE, CACHED, HIGH + FOUR, "OcOO"},
    {DEVICE, CACHED, HIGH + REAPER, "OcOO"},
    {DEVICE, CACHED, HIGH + LONG, "OcOO"},
    {DEVICE, CACHED, HIGH + PART, "OcOO"},
    {DEVICE, PLACED, HIGH + THREAD, "pppp"},
    {DEVICE, PLACED, HIGH + ALONE, "OcOO"},
    {DEVICE, PLACED, HIGH + THREE, "OcOO"},
    {DEVICE, PLACED, HIGH + FOUR, "OcOO"},
    {DEVICE, PLACED, HIGH + REAPER, "OcOO"},
    {DEVICE, PLACED, HIGH + LONG, "OcOO"},
    {DEVICE, PLACED, HIGH + PART, "OcOO"},
    {DEVICE, KEPT, HIGH + THREAD, "kkkk"},
    {DEVICE, KEPT, HIGH + ALONE, "kkkk"},
    {DEVICE, KEPT, HIGH + THREE, "kkkk"},
    {DEVICE, KEPT, HIGH + FOUR, "kkkk"},
    {DEVICE, KEPT, HIGH + REAPER, "kkkk"},
    {DEVICE, KEPT, HIGH + LONG, "kkkk"},
    {DEVICE, KEPT, HIGH + PART, "kkkk"},
    {DEVICE, THROUGH, HIGH + THREAD, "----"},
    {DEVICE, THROUGH, HIGH + ALONE, "----"},
    {DEVICE, THROUGH, HIGH + THREE, "----"},
    {DEVICE, THROUGH, HIGH + FOUR, "----"},
    {DEVICE, THROUGH, HIGH + REAPER, "----"},
    {DEVICE, THROUGH, HIGH + LONG, "----"},
    {DEVICE, THROUGH, HIGH + PART, "----"},

    {DSYNC, DIRECT, HIGH + THREAD, "OcFO"},
    {DSYNC, DIRECT, HIGH + ALONE, "OcFO"},
    {DSYNC, DIRECT, HIGH + THREE, "OcFO"},
    {DSYNC, DIRECT, HIGH + FOUR, "OcFO"},
    {DSYNC, DIRECT, HIGH + REAPER, "OcFO"},
    {DSYNC, DIRECT, HIGH + LONG, "OcFO"},
    {DSYNC, DIRECT, HIGH + PART, "OcFO"},
    {DSYNC, CACHED, HIGH + THREAD, "OcOO"},
    {DSYNC, CACHED, HIGH + ALONE, "OcOO"},
    {DSYNC, CACHED, HIGH + THREE, "OcOO"},
    {DSYNC, CACHED, HIGH + FOUR, "OcOO"},
    {DSYNC, CACHED, HIGH + REAPER, "OcOO"},
    {DSYNC, CACHED, HIGH + LONG, "OcOO"},
    {DSYNC, CACHED, HIGH + PART, "OcOO"},
    {DSYNC, PLACED, HIGH + THREAD, "OcOO"},
    {DSYNC, PLACED, HIGH + ALONE, "OcOO"},
    {DSYNC, PLACED, HIGH + THREE, "OcOO"},
    {DSYNC, PLACED, HIGH + FOUR, "OcOO"},
    {DSYNC, PLACED, HIGH + REAPER, "OcOO"},
    {DSYNC, PLACED, HIGH + LONG, "OcOO"},
    {DSYNC, PLACED, HIGH + PART, "OcOO"},
    {DSYNC, KEPT, HIGH + THREAD, "OcOO"},
    {DSYNC, KEPT, HIGH + ALONE, "OcOO"},
    {DSYNC, KEPT, HIGH + THREE, "OcOO"},
    {DSYNC, KEPT, HIGH + FOUR, "OcOO"},
    {DSYNC, KEPT, HIGH + REAPER, "OcOO"},
    {DSYNC, KEPT, HIGH + LONG, "OcOO"},
    {DSYNC, KEPT, HIGH + PART, "OcOO"},
    {DSYNC, THROUGH, HIGH + THREAD, "OcFO"},
    {DSYNC, THROUGH, HIGH + ALONE, "OcFO"},
    {DSYNC, THROUGH, HIGH + THREE, "OcFO"},
    {DSYNC, THROUGH, HIGH + FOUR, "OcFO"},
    {DSYNC, THROUGH, HIGH + REAPER, "OcFO"},
    {DSYNC, THROUGH, HIGH + LONG, "OcFO"},
    {DSYNC, THROUGH, HIGH + PART, "OcFO"},

    {SYNC, DIRECT, HIGH + THREAD, "OcFO"},
    {SYNC, DIRECT, HIGH + ALONE, "OcFO"},
    {SYNC, DIRECT, HIGH + THREE, "OcFO"},
    {SYNC, DIRECT, HIGH + FOUR, "OcFO"},
    {SYNC, DIRECT, HIGH + REAPER, "OcFO"},
    {SYNC, DIRECT, HIGH + LONG, "OcFO"},
    {SYNC, DIRECT, HIGH + PART, "OcFO"},
    {SYNC, CACHED, HIGH + THREAD, "OcOO"},
    {SYNC, CACHED, HIGH + ALONE, "OcOO"},
    {SYNC, CACHED, HIGH + THREE, "OcOO"},
    {SYNC, CACHED, HIGH + FOUR, "OcOO"},
    {SYNC, CACHED, HIGH + REAPER, "OcOO"},
    {SYNC, CACHED, HIGH + LONG, "OcOO"},
    {SYNC, CACHED, HIGH + PART, "OcOO"},
    {SYNC, PLACED, HIGH + THREAD, "OcOO"},
    {SYNC, PLACED, HIGH + ALONE, "OcOO"},
    {SYNC, PLACED, HIGH + THREE, "OcOO"},
    {SYNC, PLACED, HIGH + FOUR, "OcOO"},
    {SYNC, PLACED, HIGH + REAPER, "OcOO"},
    {SYNC, PLACED, HIGH + LONG, "OcOO"},
    {SYNC, PLACED, HIGH + PART, "OcOO"},
    {SYNC, KEPT, HIGH + THREAD, "OcOO"},
    {SYNC, KEPT, HIGH + ALONE, "OcOO"},
    {SYNC, KEPT, HIGH + THREE, "OcOO"},
    {SYNC, KEPT, HIGH + FOUR, "OcOO"},
    {SYNC, KEPT, HIGH + REAPER, "OcOO"},
    {SYNC, KEPT, HIGH + LONG, "OcOO"},
    {SYNC, KEPT, HIGH + PART, "OcOO"},
    {SYNC, THROUGH, HIGH + THREAD, "OcFO"},
    {SYNC, THROUGH, HIGH + ALONE, "OcFO"},
    {SYNC, THROUGH, HIGH + THREE, "OcFO"},
    {SYNC, THROUGH, HIGH + FOUR, "OcFO"},
    {SYNC, THROUGH, HIGH + REAPER, "OcFO"},
    {SYNC, THROUGH, HIGH + LONG, "OcFO"},
    {SYNC, THROUGH, HIGH + PART, "OcFO"},
};

enum { ROWS = sizeof table / sizeof *table };

/* The case of a row, but for the disk. */
static struct wt_stable_case case_of(size_t row) {
    static const struct wt_stable_case senders[SENDERS] = {
        [THREAD] = {.sender = WT_SENDER_THREAD},
        [ALONE] = {.sender = WT_SENDER_RING, .in_flight = 1},
        [THREE] = {.sender = WT_SENDER_RING, .in_flight = 3},
        [FOUR] = {.sender = WT_SENDER_RING, .in_flight = 4},
        [REAPER] = {.sender = WT_SENDER_RING, .in_flight = 1, .reaper_may_flush = true},
        [LONG] = {.sender = WT_SENDER_LONG},
        [PART] = {.sender = WT_SENDER_BURST},
    };
    struct wt_stable_case asked = senders[table[row].sender % HIGH];
    asked.durability = table[row].durability;
    asked.route = (enum wt_route)table[row].route;
    asked.high_priority = table[row].sender >= HIGH;
    return asked;
}

TEST(each_case_becomes_stable_as_the_table_says) {
    for (size_t row = 0; row < ROWS; row++) {
        struct wt_stable_case asked = case_of(row);
        char answers[DISKS + 1] = {0};
        for (unsigned disk = 0; disk < DISKS; disk++) {
            asked.disk = (enum wt_disk_kind)disk;
            answers[disk] = letters[wt_stable_by(&asked)];
        }
        CONTEXT("durability %u, route %u, sender %u: %s", table[row].durability, table[row].route, table[row].sender,
                answers);
        CHECK(strcmp(answers, table[row].answers) == 0);
    }
}

TEST(the_table_has_each_case_once) {
    CHECK_EQ(ROWS, DURABILITIES * ROUTES * SENDERS * 2);
    CHECK_EQ(sizeof letters - 1, WT_STABLE_BY_BURST_FLUSH + 1);
    CHECK_EQ(DISKS, WT_DISK_WITHOUT_FUA + 1);
    for (size_t row = 0; row < ROWS; row++) {
        for (size_t other = row + 1; other < ROWS; other++) {
            CONTEXT("rows %zu and %zu", row, other);
            CHECK(table[row].durability != table[other].durability || table[row].route != table[other].route ||
                  table[row].sender != table[other].sender);
        }
    }
}

/* ---- what goes into a case ------------------------------------------------------------------------------------- */

static struct wt_backing backing_of(enum wt_disk_kind disk) {
    return (struct wt_backing){.profile = {.path = WT_PATH_DIRECT, .disk = disk}};
}

static enum wt_stable_by decide(struct wt_io *io, enum wt_sender sender) {
    wt_stable_decide(io, sender);
    return io->stable_by;
}

TEST(an_io_is_decided_by_its_own_durability_path_and_disk) {
    struct wt_backing backing = backing_of(WT_DISK_WITH_FUA);
    struct wt_io io = {.op = WT_IO_WRITE, .durability = WT_DURABILITY_DSYNC, .backing = &backing};
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_FUA);
    io.durability = WT_DURABILITY_DEVICE;
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_NOTHING);
    io.through_page_cache = true;
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_OWN_FLUSH);
    backing.profile.fs_magic = 0xef53; /* ext4 */
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_SENT_PAGES);
    CHECK_EQ(decide(&io, WT_SENDER_RING), WT_STABLE_BY_OWN_FLUSH);
    backing.profile.fs_magic = 0x58465342; /* xfs */
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_SENT_PAGES);
    backing.profile.path = WT_PATH_BUFFERED; /* whose pages may be anywhere: data=journal */
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_OWN_FLUSH);
    io.through_page_cache = false;
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_OWN_FLUSH);
    backing.writes_through = true; /* a page of the cache is as good as direct I/O */
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_NOTHING);
    io.durability = WT_DURABILITY_DSYNC;
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_FUA);
}

TEST(nothing_makes_a_read_stable) {
    struct wt_backing backing = backing_of(WT_DISK_WITHOUT_FUA);
    struct wt_io io = {.op = WT_IO_READ, .durability = WT_DURABILITY_DSYNC, .backing = &backing};
    CHECK_EQ(decide(&io, WT_SENDER_THREAD), WT_STABLE_BY_NOTHING);
    wt_stable_decide_on_ring(&io, 100, true);
    CHECK_EQ(io.stable_by, WT_STABLE_BY_NOTHING);
    CHECK(!wt_stable_may_share(&io));
    CHECK(!wt_stable_is_asked(&io));
}

TEST(a_ring_shares_a_flush_from_the_fourth_durable_write_on_or_when_its_reaper_may_flush) {
    struct wt_backing backing = backing_of(WT_DISK_WITHOUT_FUA);
    struct wt_io io = {.op = WT_IO_WRITE, .durability = WT_DURABILITY_DSYNC, .backing = &backing};
    wt_stable_decide_on_ring(&io, 3, false);
    CHECK_EQ(io.stable_by, WT_STABLE_BY_OWN_FLUSH);
    wt_stable_decide_on_ring(&io, 4, false);
    CHECK_EQ(io.stable_by, WT_STABLE_BY_SHARED_FLUSH);
    wt_stable_decide_on_ring(&io, 1, true);
    CHECK_EQ(io.stable_by, WT_STABLE_BY_SHARED_FLUSH);
}

TEST(only_durable_direct_writes_to_a_device_that_needs_flushes_share_them) {
    struct wt_backing needs = backing_of(WT_DISK_WITHOUT_FUA), has_fua = backing_of(WT_DISK_WITH_FUA),
                      has_no_cache = backing_of(WT_DISK_WITHOUT_CACHE), unknown = backing_of(WT_DISK_UNKNOWN);
    struct wt_io io = {.op = WT_IO_WRITE, .durability = WT_DURABILITY_DSYNC, .backing = &needs};
    CHECK(wt_stable_may_share(&io));
    io.backing = &unknown;
    CHECK(wt_stable_may_share(&io));
    io.backing = &has_fua;
    CHECK(!wt_stable_may_share(&io));
    io.backing = &has_no_cache;
    CHECK(!wt_stable_may_share(&io));
    io.backing = &needs;
    io.durability = WT_DURABILITY_SYNC;
    CHECK(!wt_stable_may_share(&io));
    io.durability = WT_DURABILITY_DEVICE;
    CHECK(!wt_stable_may_share(&io));
    io.durability = WT_DURABILITY_DSYNC;
    io.through_page_cache = true;
    CHECK(!wt_stable_may_share(&io));
    io.through_page_cache = false;
    io.high_priority = true;
    CHECK(!wt_stable_may_share(&io));
}

TEST(a_long_write_leaves_in_parts_where_a_part_would_need_a_flush_or_nobody_needs_one) {
    static const bool gains[DISKS] = {[WT_DISK_WITHOUT_CACHE] = true, [WT_DISK_WITHOUT_FUA] = true};
    for (unsigned disk = 0; disk < DISKS; disk++) {
        struct wt_core_profile direct = {.path = WT_PATH_DIRECT, .disk = (enum wt_disk_kind)disk};
        struct wt_core_profile buffered = {.path = WT_PATH_BUFFERED, .disk = (enum wt_disk_kind)disk};
        CONTEXT("disk %u", disk);
        CHECK_EQ(wt_stable_in_parts(&direct, WT_DURABILITY_DSYNC, false), gains[disk]);
        CHECK_EQ(wt_stable_in_parts(&direct, WT_DURABILITY_DEVICE, false), gains[disk]);
        CHECK(!wt_stable_in_parts(&direct, WT_DURABILITY_SYNC, false));
        CHECK(!wt_stable_in_parts(&direct, WT_DURABILITY_DSYNC, true));
        CHECK(!wt_stable_in_parts(&buffered, WT_DURABILITY_DSYNC, false));
    }
}

/* ---- what follows from an answer --------------------------------------------------------------------------------- */

TEST(the_flags_of_a_write_follow_from_the_answer) {
    static const struct {
        enum wt_stable_by by;
        uint32_t durability;
        int flags;
        bool owes_flush;
    } rows[] = {
        {WT_STABLE_BY_NOTHING, DEVICE, 0, false},
        {WT_STABLE_BY_NOTHING_IN_PARTS, DEVICE, 0, false},
        {WT_STABLE_BY_SENT_PAGES, DEVICE, 0, false},
        {WT_STABLE_BY_COMPLETION, DSYNC, RWF_DSYNC, false},
        {WT_STABLE_BY_COMPLETION, SYNC, RWF_DSYNC | RWF_SYNC, false},
        {WT_STABLE_BY_COMPLETION, DEVICE, RWF_DSYNC, false},
        {WT_STABLE_BY_FUA, DSYNC, RWF_DSYNC, false},
        {WT_STABLE_BY_FUA, SYNC, RWF_DSYNC | RWF_SYNC, false},
        {WT_STABLE_BY_OWN_FLUSH, DSYNC, RWF_DSYNC, false},
        {WT_STABLE_BY_OWN_FLUSH, SYNC, RWF_DSYNC | RWF_SYNC, false},
        {WT_STABLE_BY_OWN_FLUSH, DEVICE, RWF_DSYNC, false},
        {WT_STABLE_BY_SHARED_FLUSH, DSYNC, 0, true},
        {WT_STABLE_BY_BURST_FLUSH, DSYNC, 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wt_backing backing = backing_of(WT_DISK_UNKNOWN);
        struct wt_io io = {
            .op = WT_IO_WRITE, .durability = rows[i].durability, .stable_by = rows[i].by, .backing = &backing};
        CONTEXT("answer %u, durability %u", rows[i].by, rows[i].durability);
        CHECK_EQ(wt_posix_rwf(&io), rows[i].flags);
        backing.writes_through = true;
        CHECK_EQ(wt_posix_rwf(&io), rows[i].flags | WT_RWF_WRITETHROUGH);
        CHECK_EQ(wt_stable_owes_flush(&io), rows[i].owes_flush);
    }
}

TEST(a_refused_write_may_have_failed_in_its_flush_only_if_it_had_one_of_its_own) {
    for (enum wt_stable_by by = WT_STABLE_BY_NOTHING; by <= WT_STABLE_BY_BURST_FLUSH; by++) {
        struct wt_backing backing = backing_of(WT_DISK_WITHOUT_FUA);
        struct wt_io io = {.op = WT_IO_WRITE, .length = 4096, .backing = &backing, .stable_by = by};
        CONTEXT("answer %u", by);
        CHECK(wt_posix_apply_result(&io, -EIO));
        CHECK_EQ(io.flush_failed, by == WT_STABLE_BY_OWN_FLUSH);
    }
}

/* ---- what callers are told ---------------------------------------------------------------------------------------- */

TEST(callers_are_told_of_fua_and_of_a_volatile_cache_as_the_kind_of_disk_has_them) {
    static const struct {
        enum wt_disk_kind disk;
        uint32_t fua, volatile_cache;
    } rows[] = {{WT_DISK_UNKNOWN, WT_UNKNOWN, WT_UNKNOWN},
                {WT_DISK_WITHOUT_CACHE, WT_YES, WT_NO},
                {WT_DISK_WITH_FUA, WT_YES, WT_YES},
                {WT_DISK_WITHOUT_FUA, WT_NO, WT_YES}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct wt_core_profile profile = {.disk = rows[i].disk};
        struct wt_profile told;
        wt_profile_tell(&profile, &told);
        CONTEXT("disk %u", rows[i].disk);
        CHECK_EQ(told.fua, rows[i].fua);
        CHECK_EQ(told.volatile_cache, rows[i].volatile_cache);
    }
}

TEST(callers_are_told_each_field_of_a_profile) {
    struct wt_core_profile profile;
    struct wt_profile told;
    const size_t fields_end = offsetof(struct wt_profile, device_minor) + sizeof told.device_minor;
    memset(&profile, 1, sizeof profile);
    memset(&told, 0xff, sizeof told);
    profile.disk = WT_DISK_WITH_FUA;
    wt_profile_tell(&profile, &told);
    told.fua = told.volatile_cache = 0x01010101;
    for (size_t i = 0; i < sizeof told; i++) {
        CONTEXT("byte %zu", i);
        bool padding =
            i >= fields_end && i < offsetof(struct wt_profile, fs_magic); /* no memory of ours goes to Java */
        CHECK_EQ(((const uint8_t *)&told)[i], padding ? 0 : 1);
    }
}
