// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What the engine's writes are on the wire, in each directory of WT_TEST_DIRS: exactly these commands, and no others. The
 * directories must be on disks and file systems that nothing else writes to, with their background work put off.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "wire.h"

enum { BLOCK = 4096, TIMES = 50, LARGE = 128 * 1024, MIB = 1 << 20, ATOMIC = 16 * 1024, RECORD = 128, RECORDS = 64 };

static uint8_t bytes[MIB];

struct place {
    struct wire wire;
    wt_engine engine;
    wt_file file;
};

/* An engine and a file of written extents. */
static void open_place(struct place *place, const char *directory) {
    char path[600];
    snprintf(path, sizeof path, "%s/file", test_make_directory(directory));
    place->wire = wire_open(directory);
    CHECK_OK(wt_engine_open(NULL, &place->engine));
    CHECK_OK(wt_file_open(place->engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, WT_DURABILITY_DSYNC,
                          &place->file));
    CHECK_OK(wt_allocate(place->file, 0, (uint64_t)TIMES * LARGE));
}

static void each_place(void (*test)(struct place *)) {
    for (size_t i = 0; i < test_directory_count(); i++) {
        struct place place;
        CONTEXT("in %s", test_directory(i));
        open_place(&place, test_directory(i));
        test(&place);
        CHECK_OK(wt_engine_close(place.engine));
        wire_close(&place.wire);
    }
}

/* Writes length bytes TIMES times, one after the other in the file. */
static struct wire_commands count_writes(struct place *place, size_t length, uint32_t durability) {
    wire_start(&place->wire);
    for (uint64_t i = 0; i < TIMES; i++) {
        memset(bytes, (int)i + 1, length);
        CHECK_EQ(write_as(place->file, i * length, bytes, length, durability), length);
    }
    return wire_stop(&place->wire);
}

/* What count durable writes are where each is one command and what the disk needs to make it stable. */
static void check_durable(const struct wire *wire, struct wire_commands commands, unsigned count) {
    CHECK_EQ(commands.writes, count);
    CHECK_EQ(commands.fua, wire_has_fua(wire) ? count : 0);
    CHECK_EQ(commands.flushes, wire_has_cache(wire) && !wire_has_fua(wire) ? count : 0);
}

static void overwrite(struct place *place) {
    struct wire_commands commands = count_writes(place, BLOCK, WT_DURABILITY_DSYNC);
    check_durable(&place->wire, commands, TIMES);
    CHECK_EQ(commands.written_bytes, TIMES * BLOCK);
}

TEST(a_durable_overwrite_of_a_block_is_one_write_with_fua_or_what_the_disk_has_instead) {
    each_place(overwrite);
}

static void overwrite_on_device(struct place *place) {
    struct wire_commands commands = count_writes(place, BLOCK, WT_DURABILITY_DEVICE);
    CHECK_EQ(commands.writes, TIMES);
    CHECK_EQ(commands.fua, 0);
    CHECK_EQ(commands.flushes, 0);
    CHECK_EQ(commands.written_bytes, TIMES * BLOCK);
}

TEST(device_durability_flushes_nothing) {
    each_place(overwrite_on_device);
}

/* The last, partial block goes through the kernel's page cache, which must not keep it. */
static void grow_on_device(struct place *place) {
    CHECK_OK(wt_truncate(place->file, 0));
    struct wire_commands commands = count_writes(place, RECORD, WT_DURABILITY_DEVICE);
    CHECK_EQ(commands.writes, TIMES);
    CHECK_EQ(commands.fua, 0);
    CHECK_EQ(commands.flushes, 0);
}

TEST(device_durability_of_a_growing_tail_is_a_write_at_once_and_no_flush) {
    each_place(grow_on_device);
}

static void append(struct place *place) {
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(place->file, &profile));
    struct wire_commands commands = count_writes(place, RECORD, WT_DURABILITY_DSYNC);
    check_durable(&place->wire, commands, TIMES);
    CHECK_EQ(commands.written_bytes, TIMES * profile.block_bytes);
}

TEST(an_append_to_an_allocated_log_is_as_an_overwrite) {
    each_place(append);
}

static void overwrite_much(struct place *place) {
    struct wire_commands commands = count_writes(place, LARGE, WT_DURABILITY_DSYNC);
    check_durable(&place->wire, commands, TIMES);
    CHECK_EQ(commands.written_bytes, (uint64_t)TIMES * LARGE);
}

TEST(a_write_of_128_kib_is_one_command) {
    each_place(overwrite_much);
}

static bool any_atomic;

static void overwrite_atomically(struct place *place) {
    if (wire_atomic_bytes(&place->wire) < ATOMIC) {
        return;
    }
    any_atomic = true;
    wire_start(&place->wire);
    for (uint64_t i = 0; i < TIMES; i++) {
        struct iovec iov = {bytes, ATOMIC};
        uint64_t offset = i * ATOMIC;
        memset(bytes, (int)i + 1, ATOMIC);
        CHECK_EQ(wt_write_with(place->file, &iov, 1, &offset, WT_DURABILITY_DSYNC, WT_ATOMIC, NULL), ATOMIC);
    }
    struct wire_commands commands = wire_stop(&place->wire);
    check_durable(&place->wire, commands, TIMES);
    CHECK_EQ(commands.atomic, TIMES);
    CHECK_EQ(commands.written_bytes, TIMES * ATOMIC);
}

TEST(an_atomic_write_of_16_kib_is_one_command_that_the_disk_may_not_tear) {
    each_place(overwrite_atomically);
    if (!any_atomic) {
        SKIP("no disk here writes 16 KiB as a whole");
    }
}

/* Where FUA would make it stable it stays whole, as far as the disk takes so much at once. */
static void overwrite_in_parts(struct place *place) {
    const unsigned times = TIMES * LARGE / MIB;
    bool cache = wire_has_cache(&place->wire);
    bool parts = !cache || !wire_has_fua(&place->wire);
    wire_start(&place->wire);
    for (uint64_t i = 0; i < times; i++) {
        CHECK_EQ(write_as(place->file, i * MIB, bytes, MIB, WT_DURABILITY_DSYNC), MIB);
    }
    struct wire_commands commands = wire_stop(&place->wire);
    CHECK_EQ(commands.written_bytes, times * MIB);
    CHECK(!parts || commands.writes >= times * 4);
    CHECK_EQ(commands.fua, parts ? 0 : commands.writes);
    CHECK_EQ(commands.flushes, parts && cache ? times : 0);
    CHECK(commands.flushes == 0 || commands.unflushed == 0);
}

TEST(a_write_of_1_mib_is_parts_and_one_flush_or_commands_with_fua) {
    each_place(overwrite_in_parts);
}

/* Starts count writes of so many bytes, stride apart, in one call, and takes their events. */
static void write_at_once(struct place *place, unsigned count, size_t length, uint64_t stride) {
    struct wt_submission submissions[1 + RECORDS];
    struct iovec iov = {bytes, length};
    struct wt_event events[1 + RECORDS];
    for (unsigned i = 0; i < count; i++) {
        submissions[i] =
            (struct wt_submission){.file = place->file, .iov = &iov, .iov_count = 1, .offset = i * stride, .token = i};
    }
    CHECK_OK(wt_write_submit_all(submissions, (int)count));
    for (int left = (int)count; left > 0;) {
        int taken = wt_reap(place->engine, events, left, -1);
        CHECK(taken > 0);
        for (int i = 0; i < taken; i++) {
            CHECK_EQ(events[i].result, length);
        }
        left -= taken;
    }
}

static void overwrite_at_once(struct place *place) {
    bool flushes = wire_has_cache(&place->wire) && !wire_has_fua(&place->wire);
    for (unsigned count = 1; count <= 16; count *= 2) {
        for (unsigned round = 0; round < 10; round++) {
            CONTEXT("%u at once", count);
            struct wire_commands commands;
            unsigned tries = 0;
            do { /* on a slow machine the kernel may write metadata of its own at that moment */
                wire_start(&place->wire);
                write_at_once(place, count, BLOCK, LARGE);
                commands = wire_stop(&place->wire);
            } while (commands.writes > count && ++tries < 3);
            CHECK_EQ(commands.writes, count);
            CHECK_EQ(commands.fua, wire_has_fua(&place->wire) ? count : 0);
            CHECK(commands.flushes <= (flushes ? count : 0));
            CHECK(!flushes || commands.unflushed == 0);
        }
    }
}

TEST(asynchronous_overwrites_are_a_command_each_and_a_flush_where_needed_before_the_last_is_done) {
    each_place(overwrite_at_once);
}

/* The first record's I/O is under way while the others are started, so these collect until it ends. */
static void gather(struct place *place) {
    wire_start(&place->wire);
    write_at_once(place, 1 + RECORDS, RECORD, RECORD);
    struct wire_commands commands = wire_stop(&place->wire);
    check_durable(&place->wire, commands, 2);
}

TEST(a_gather_of_64_records_is_one_command) {
    each_place(gather);
}
