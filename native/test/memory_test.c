// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Durable memory on the simulated disk: see write/memory.c. Each test finds changes in both ways, where the kernel has them. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core.h"

enum { BLOCK = 4096, PAGES = 16 };

struct mapped {
    struct core core;
    wt_file file;
    wt_memory memory;
    uint8_t *bytes;
    uint32_t flags;
};

static void map(struct mapped *mapped, uint64_t offset, uint64_t length) {
    void *address = NULL;
    int rc = wt_memory_map(mapped->file, offset, length, mapped->flags, &mapped->memory, &address);
    CHECK_EQ(rc, mapped->flags & WT_MEMORY_COMPARE ? 0 : wt_memory_is_watched());
    mapped->bytes = address;
    CHECK_EQ((uintptr_t)address % BLOCK, offset % BLOCK);
    sim_clear_log(mapped->core.sim);
}

static struct mapped open_file(const struct sim_options *options, uint32_t flags) {
    struct mapped mapped = {.core = core_open(options, NULL), .flags = flags};
    mapped.file = core_file(&mapped.core, "file");
    return mapped;
}

/* A file of 16 pages of ones, mapped as a whole. */
static struct mapped of_ones(const struct sim_options *options, uint32_t flags) {
    struct mapped mapped = open_file(options, flags);
    fill_at(mapped.file, 0, 1, (size_t)PAGES * BLOCK);
    map(&mapped, 0, (uint64_t)PAGES * BLOCK);
    return mapped;
}

static void close_all(struct mapped *mapped) {
    CHECK_OK(wt_memory_unmap(mapped->memory));
    core_close(&mapped->core);
}

static void both_ways(void (*test)(uint32_t flags)) {
    if (sysconf(_SC_PAGESIZE) != BLOCK)
        SKIP("pages of %ld bytes", sysconf(_SC_PAGESIZE));
    if (!wt_memory_is_watched())
        printf("   by comparing alone: the kernel does not watch memory\n");
    CONTEXT("comparing");
    test(WT_MEMORY_COMPARE);
    CONTEXT("watched");
    if (wt_memory_is_watched())
        test(0);
}

static size_t writes(const struct mapped *mapped) {
    return sim_count(mapped->core.sim, SIM_WRITE);
}

static void store(struct mapped *mapped, size_t page, int value) {
    memset(mapped->bytes + page * BLOCK, value, BLOCK);
}

static int force_all(const struct mapped *mapped) {
    return wt_memory_force(mapped->memory, 0, (uint64_t)PAGES * BLOCK);
}

/* ---- what a force writes ----------------------------------------------------------------------------------------- */

static void force_one(uint32_t flags) {
    struct mapped mapped = of_ones(NULL, flags);
    CHECK_EQ(mapped.bytes[0], 1);
    mapped.bytes[3 * BLOCK + 7] = 2;
    check_filled(mapped.file, 3 * BLOCK, 1, BLOCK); /* not yet */
    CHECK_OK(force_all(&mapped));
    CHECK_EQ(writes(&mapped), 1);
    CHECK_EQ(sim_bytes(mapped.core.sim, SIM_WRITE), BLOCK);
    CHECK_EQ(sim_record(mapped.core.sim, SIM_WRITE, 0).durability, WT_DURABILITY_DSYNC);
    check_stable(&mapped.core, 3 * BLOCK + 7, 2, 1);
    check_stable(&mapped.core, 3 * BLOCK, 1, 7);
    CHECK_EQ(byte_of(mapped.file, 3 * BLOCK + 7), 2);
    CHECK_OK(force_all(&mapped));
    CHECK_EQ(sim_count(mapped.core.sim, SIM_WRITE | SIM_SYNC | SIM_FLUSH), 1); /* nothing has changed */
    mapped.bytes[3 * BLOCK] = 3;
    CHECK_OK(force_all(&mapped));
    check_stable(&mapped.core, 3 * BLOCK, 3, 1);
    close_all(&mapped);
}

TEST(a_force_writes_the_page_that_changed_as_one_durable_write) {
    both_ways(force_one);
}

static void force_several(uint32_t flags) {
    struct mapped mapped = of_ones(&(struct sim_options){.no_fua = true}, flags);
    for (size_t page = 1; page < PAGES; page += 3)
        store(&mapped, page, 2);
    CHECK_OK(force_all(&mapped));
    CHECK_EQ(sim_bytes(mapped.core.sim, SIM_WRITE), 5 * BLOCK);
    for (size_t i = 0; i < 5; i++) {
        struct sim_record write = sim_record(mapped.core.sim, SIM_WRITE, i);
        CHECK(write.submitted && write.durability == WT_DURABILITY_DSYNC);
    }
    for (size_t page = 0; page < PAGES; page++)
        check_stable(&mapped.core, page * BLOCK, page % 3 == 1 ? 2 : 1, BLOCK);
    sim_clear_log(mapped.core.sim);
    for (size_t page = 4; page < 8; page++)
        store(&mapped, page, 3);
    CHECK_OK(force_all(&mapped));
    CHECK_EQ(writes(&mapped), 1); /* they are one run */
    check_stable(&mapped.core, 4 * BLOCK, 3, 4 * BLOCK);
    close_all(&mapped);
}

TEST(pages_that_changed_leave_together) {
    both_ways(force_several);
}

static void force_ranges(uint32_t flags) {
    struct mapped mapped = of_ones(NULL, flags);
    store(&mapped, 2, 2);
    store(&mapped, 5, 2);
    store(&mapped, 6, 2);
    CHECK_OK(wt_memory_force(mapped.memory, 3 * BLOCK, 2 * BLOCK));
    CHECK_EQ(writes(&mapped), 0);
    CHECK_OK(wt_memory_force(mapped.memory, 6 * BLOCK - 1, 1));
    check_stable(&mapped.core, 5 * BLOCK, 2, BLOCK);
    check_stable(&mapped.core, 6 * BLOCK, 1, BLOCK);
    check_stable(&mapped.core, 2 * BLOCK, 1, BLOCK);
    CHECK_OK(force_all(&mapped));
    check_stable(&mapped.core, 2 * BLOCK, 2, BLOCK);
    check_stable(&mapped.core, 5 * BLOCK, 2, 2 * BLOCK);
    CHECK_EQ(sim_bytes(mapped.core.sim, SIM_WRITE), 3 * BLOCK);
    CHECK_OK(wt_memory_force(mapped.memory, 0, 0));
    CHECK_EQ(wt_memory_force(mapped.memory, 0, PAGES * BLOCK + 1), -EINVAL);
    CHECK_EQ(wt_memory_force(mapped.memory, UINT64_MAX, 2), -EINVAL);
    close_all(&mapped);
}

TEST(a_force_of_a_range_leaves_the_other_pages_to_the_next) {
    both_ways(force_ranges);
}

static void map_between(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    fill_at(mapped.file, 0, 1, 8 * BLOCK);
    map(&mapped, 2 * BLOCK + 100, 3 * BLOCK);
    memset(mapped.bytes, 2, 3 * BLOCK);
    CHECK_OK(wt_write(mapped.file, &(struct iovec){"5", 1}, 1, 2 * BLOCK + 99, 0, NULL)); /* beside it */
    CHECK_OK(wt_write(mapped.file, &(struct iovec){"5", 1}, 1, 5 * BLOCK + 100, 0, NULL));
    CHECK_OK(wt_memory_force(mapped.memory, 0, 3 * BLOCK));
    check_stable(&mapped.core, 0, 1, 2 * BLOCK + 99);
    check_stable(&mapped.core, 2 * BLOCK + 99, '5', 1);
    check_stable(&mapped.core, 2 * BLOCK + 100, 2, 3 * BLOCK);
    check_stable(&mapped.core, 5 * BLOCK + 100, '5', 1);
    check_stable(&mapped.core, 5 * BLOCK + 101, 1, 3 * BLOCK - 101);
    close_all(&mapped);
}

TEST(a_mapping_between_two_pages_changes_its_own_bytes_alone) {
    both_ways(map_between);
}

static void map_behind(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    fill_at(mapped.file, 0, 1, 100);
    map(&mapped, 0, 6 * BLOCK + 10);
    CHECK_EQ(mapped.bytes[99], 1);
    for (size_t i = 100; i < 6 * BLOCK + 10; i++)
        CHECK_EQ(mapped.bytes[i], 0);
    CHECK_OK(wt_memory_force(mapped.memory, 0, 6 * BLOCK + 10)); /* to read changes nothing */
    CHECK_EQ(wt_size(mapped.file), 100);
    mapped.bytes[3 * BLOCK + 5] = 2;
    CHECK_OK(wt_memory_force(mapped.memory, 0, 6 * BLOCK + 10));
    CHECK_EQ(wt_size(mapped.file), 4 * BLOCK);
    CHECK_EQ(sim_stable_size(mapped.core.sim, "file"), 4 * BLOCK);
    mapped.bytes[6 * BLOCK + 9] = 3;
    CHECK_OK(wt_memory_force(mapped.memory, 6 * BLOCK + 9, 1));
    CHECK_EQ(sim_stable_size(mapped.core.sim, "file"), 6 * BLOCK + 10);
    check_stable(&mapped.core, 0, 1, 100);
    check_stable(&mapped.core, 100, 0, 3 * BLOCK + 5 - 100);
    check_stable(&mapped.core, 3 * BLOCK + 5, 2, 1);
    check_stable(&mapped.core, 6 * BLOCK + 9, 3, 1);
    close_all(&mapped);
}

TEST(a_force_makes_the_file_as_long_as_the_pages_that_changed) {
    both_ways(map_behind);
}

static void store_zeros(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    fill_at(mapped.file, 0, 1, BLOCK);
    fill_at(mapped.file, 2 * BLOCK, 1, 100);
    map(&mapped, 0, 6 * BLOCK);
    for (size_t page = 1; page < 5; page++) /* a hole, the end of the file, behind it */
        memset(mapped.bytes + page * BLOCK + (page == 2 ? 100 : 0), 0, page == 2 ? BLOCK - 100 : BLOCK);
    CHECK_OK(wt_memory_force(mapped.memory, BLOCK, BLOCK));
    CHECK_OK(wt_memory_force(mapped.memory, 3 * BLOCK, 3 * BLOCK));
    CHECK_EQ(writes(&mapped), 0);
    CHECK_EQ(wt_size(mapped.file), 2 * BLOCK + 100);
    memset(mapped.bytes, 0, BLOCK); /* where the file has others */
    CHECK_OK(wt_memory_force(mapped.memory, 0, 6 * BLOCK));
    check_stable(&mapped.core, 0, 0, BLOCK);
    close_all(&mapped);
}

TEST(zeros_are_not_written_where_the_file_has_zeros) {
    both_ways(store_zeros);
}

static void map_later(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    uint8_t bytes[BLOCK];
    memset(bytes, 4, BLOCK);
    fill_at(mapped.file, 0, 1, BLOCK);
    uint64_t offset = 8 * BLOCK; /* into a hole, which it is until the bytes leave the cache */
    CHECK_EQ(wt_write_with(mapped.file, &(struct iovec){bytes, BLOCK}, 1, &offset, 0, WT_LATER, NULL), BLOCK);
    map(&mapped, 0, 12 * BLOCK);
    CHECK_EQ(mapped.bytes[0], 1);
    CHECK_EQ(mapped.bytes[BLOCK], 0);
    CHECK_EQ(mapped.bytes[8 * BLOCK], 4);
    CHECK_EQ(mapped.bytes[9 * BLOCK], 0);
    CHECK_EQ(sim_count(mapped.core.sim, SIM_READ), 0); /* and not the holes */
    close_all(&mapped);
}

TEST(a_mapping_has_what_was_written_later) {
    both_ways(map_later);
}

/* ---- who may change the range ------------------------------------------------------------------------------------ */

static int64_t append(wt_file file, uint32_t flags) {
    uint64_t offset = 0;
    return wt_write_with(file, &(struct iovec){"abc", 3}, 1, &offset, 0, WT_APPEND | flags, NULL);
}

static void own(uint32_t flags) {
    struct mapped mapped = open_file(&(struct sim_options){.atomic_bytes = BLOCK}, flags);
    fill_at(mapped.file, 0, 1, (size_t)PAGES * BLOCK);
    wt_file other = core_file(&mapped.core, "file");
    map(&mapped, 4 * BLOCK, 4 * BLOCK);
    static uint8_t block[BLOCK];
    struct iovec iov = {block, BLOCK};
    wt_memory second;
    wt_mapping kernels;
    void *address;
    for (uint64_t at = 4 * BLOCK - 4; at < 8 * BLOCK; at += BLOCK) {
        uint64_t offset = at;
        CHECK_EQ(wt_write(other, &iov, 1, at, 0, NULL), -EBUSY);
        CHECK_EQ(wt_write_with(other, &iov, 1, &offset, 0, WT_LATER, NULL), -EBUSY);
        CHECK_EQ(wt_write_submit(other, &iov, 1, at, 0, 0, 1), -EBUSY);
        CHECK_EQ(wt_write_submit(other, &iov, 1, at, 0, WT_NOWAIT, 1), -EBUSY);
        CHECK_EQ(wt_punch_hole(other, at, BLOCK), -EBUSY);
        CHECK_EQ(wt_zero(other, at, 8), -EBUSY);
        CHECK_EQ(wt_truncate(other, at), -EBUSY);
        CHECK_EQ(wt_memory_map(other, at, BLOCK, flags, &second, &address), -EBUSY);
    }
    uint64_t inside = 5 * BLOCK;
    CHECK_EQ(wt_write_with(other, &iov, 1, &inside, 0, WT_ATOMIC, NULL), -EBUSY);
    CHECK_EQ(wt_mapping_begin(other, 0, 0, &kernels), -EBUSY);
    wt_file cutter;
    CHECK_EQ(wt_file_open(mapped.core.engine, "file", WT_OPEN_WRITE | WT_OPEN_TRUNCATE, 0, 0, &cutter), -EBUSY);
    check_filled(other, 0, 1, (size_t)PAGES * BLOCK);

    CHECK_EQ(wt_write(other, &iov, 1, 3 * BLOCK, 0, NULL), BLOCK); /* beside it all goes on */
    CHECK_EQ(wt_write(other, &iov, 1, 8 * BLOCK, 0, NULL), BLOCK);
    CHECK_EQ(append(other, 0), 3);
    CHECK_OK(wt_punch_hole(other, 0, 4 * BLOCK));
    CHECK_OK(wt_truncate(other, 8 * BLOCK));
    CHECK_OK(wt_allocate(other, 0, 20 * BLOCK));
    void *next;
    CHECK_OK(wt_memory_map(other, 8 * BLOCK, 1, flags, &second, &next));
    CHECK_OK(wt_memory_unmap(second));

    CHECK_OK(wt_memory_detach(mapped.memory)); /* and now it owns nothing */
    CHECK_EQ(wt_write(other, &iov, 1, 4 * BLOCK, 0, NULL), BLOCK);
    mapped.bytes[0] = 7;
    CHECK_EQ(wt_memory_force(mapped.memory, 0, 1), -EBADF);
    CHECK_EQ(mapped.bytes[0], 7);
    CHECK_OK(wt_truncate(other, 0));
    close_all(&mapped);
}

TEST(nobody_else_changes_what_memory_owns) {
    both_ways(own);
}

static void refuse_appends(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    fill_at(mapped.file, 0, 1, BLOCK);
    map(&mapped, BLOCK / 2, BLOCK);
    CHECK_EQ(append(mapped.file, 0), -EBUSY);
    CHECK_EQ(append(mapped.file, WT_LATER), -EBUSY);
    CHECK_EQ(wt_write_submit(mapped.file, &(struct iovec){"abc", 3}, 1, 0, 0, WT_APPEND, 1), -EBUSY);
    CHECK_EQ(wt_write_submit(mapped.file, &(struct iovec){"abc", 3}, 1, 0, 0, WT_APPEND | WT_NOWAIT, 1), -EBUSY);
    CHECK_EQ(wt_size(mapped.file), BLOCK);
    mapped.bytes[BLOCK - 1] = 1;
    CHECK_OK(wt_memory_force(mapped.memory, 0, BLOCK));
    CHECK_EQ(append(mapped.file, 0), 3); /* the file has become so long */
    CHECK_EQ(wt_size(mapped.file), BLOCK / 2 + BLOCK + 3);
    close_all(&mapped);
}

TEST(appends_are_refused_while_memory_reaches_behind_the_end) {
    both_ways(refuse_appends);
}

static void count_bytes(uint32_t flags) {
    struct mapped mapped = of_ones(NULL, flags);
    CHECK_EQ(core_stats(&mapped.core).durable_memory_bytes, PAGES * BLOCK);
    wt_memory second;
    void *address;
    CHECK(wt_memory_map(mapped.file, (PAGES + 1) * BLOCK, 100, flags, &second, &address) >= 0);
    CHECK_EQ(core_stats(&mapped.core).durable_memory_bytes, PAGES * BLOCK + 100);
    CHECK_EQ(wt_memory_map(mapped.file, 0, BLOCK, flags, &second, &address), -EBUSY);
    CHECK_EQ(core_stats(&mapped.core).durable_memory_bytes, PAGES * BLOCK + 100);
    CHECK_OK(wt_memory_detach(mapped.memory));
    CHECK_OK(wt_memory_detach(mapped.memory));
    CHECK_EQ(core_stats(&mapped.core).durable_memory_bytes, 100);
    CHECK_OK(wt_file_close(mapped.file));
    CHECK_EQ(core_stats(&mapped.core).durable_memory_bytes, 0);
    CHECK_OK(wt_memory_unmap(second));
    close_all(&mapped);
    CHECK_EQ(wt_memory_unmap(second), -EBADF);
}

TEST(the_length_of_what_memory_owns_is_told) {
    both_ways(count_bytes);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static void fail_writes(uint32_t flags) {
    struct mapped mapped = of_ones(NULL, flags);
    for (size_t count = 1; count < 4; count++) {
        int value = 10 + (int)count;
        for (size_t i = 0; i < count; i++)
            store(&mapped, 3 * i + 1, value);
        sim_fail(mapped.core.sim, &(struct sim_fault){.ops = SIM_WRITE, .count = 1, .error = -EIO});
        CHECK_EQ(force_all(&mapped), -EIO);
        CHECK_EQ(mapped.bytes[BLOCK], value);
        sim_heal(mapped.core.sim);
        CHECK_OK(force_all(&mapped)); /* nothing was stored since */
        for (size_t i = 0; i < count; i++)
            check_stable(&mapped.core, (3 * i + 1) * BLOCK, value, BLOCK);
        CHECK_OK(wt_force(mapped.file));
    }
    close_all(&mapped);
}

TEST(what_a_force_could_not_write_is_written_by_the_next) {
    both_ways(fail_writes);
}

/* The disk has the bytes in its volatile cache and shows them: to compare with them would find nothing. */
static void fail_flushes(uint32_t flags) {
    struct mapped mapped = of_ones(&(struct sim_options){.no_fua = true}, flags);
    for (size_t count = 1; count < 3; count++) {
        for (size_t i = 0; i < count; i++)
            store(&mapped, 3 * i + 1, 2 + (int)count);
        sim_fail(mapped.core.sim, &(struct sim_fault){.ops = SIM_FLUSH, .error = -EIO});
        CHECK_EQ(force_all(&mapped), -EIO);
        sim_heal(mapped.core.sim);
        CHECK_OK(force_all(&mapped));
        for (size_t i = 0; i < count; i++)
            check_stable(&mapped.core, (3 * i + 1) * BLOCK, 2 + (int)count, BLOCK);
    }
    close_all(&mapped);
}

TEST(what_a_flush_may_have_lost_is_written_again_by_the_next_force) {
    both_ways(fail_flushes);
}

static void fail_map(uint32_t flags) {
    struct mapped mapped = open_file(NULL, flags);
    fill_at(mapped.file, 0, 1, BLOCK);
    core_reopen(&mapped.core);
    mapped.file = core_file(&mapped.core, "file");
    void *address;
    wt_memory memory;
    sim_fail(mapped.core.sim, &(struct sim_fault){.ops = SIM_READ, .error = -EIO});
    CHECK_EQ(wt_memory_map(mapped.file, 0, BLOCK, flags, &memory, &address), -EIO);
    sim_heal(mapped.core.sim);
    fill_at(mapped.file, 0, 2, BLOCK); /* nobody owns it */
    CHECK_EQ(wt_memory_map(mapped.file, 0, 0, flags, &memory, &address), -EINVAL);
    CHECK_EQ(wt_memory_map(mapped.file, 0, 1, flags | 2, &memory, &address), -EINVAL);
    CHECK_EQ(wt_memory_map(mapped.file, INT64_MAX, 1, flags, &memory, &address), -EFBIG);
    CHECK_EQ(wt_memory_map(mapped.file, 0, INT64_MAX, flags, &memory, &address), -ENOMEM);
    CHECK_EQ(wt_memory_map(mapped.file + 1, 0, 1, flags, &memory, &address), -EBADF);
    for (uint32_t access = WT_OPEN_READ; access <= WT_OPEN_WRITE; access++) {
        wt_file half;
        CHECK_OK(wt_file_open(mapped.core.engine, "file", access, 0, 0, &half));
        CHECK_EQ(wt_memory_map(half, 0, 1, flags, &memory, &address), -EBADF);
    }
    wt_mapping kernels;
    CHECK_OK(wt_mapping_begin(mapped.file, 0, 0, &kernels));
    CHECK_EQ(wt_memory_map(mapped.file, 0, 1, flags, &memory, &address), -EBUSY);
    CHECK_OK(wt_mapping_end(kernels));
    CHECK_EQ(wt_memory_force(0, 0, 0), -EBADF);
    CHECK_EQ(wt_memory_detach(mapped.core.engine), -EBADF);
    CHECK_EQ(wt_memory_unmap(mapped.file), -EBADF);
    core_close(&mapped.core);
}

TEST(a_mapping_that_comes_to_nothing_owns_nothing) {
    both_ways(fail_map);
}

static void close_before(uint32_t flags) {
    struct mapped mapped = of_ones(NULL, flags);
    wt_file other = core_file(&mapped.core, "file");
    CHECK_OK(wt_file_close(mapped.file));
    mapped.bytes[0] = 2;
    CHECK_EQ(force_all(&mapped), -EBADF);
    fill_at(other, 0, 3, BLOCK);
    CHECK_EQ(mapped.bytes[0], 2);
    CHECK_OK(wt_memory_unmap(mapped.memory));
    CHECK_EQ(wt_memory_unmap(mapped.memory), -EBADF);
    mapped.file = other;
    map(&mapped, 0, (uint64_t)PAGES * BLOCK);
    CHECK_OK(wt_engine_close(mapped.core.engine));
    CHECK_EQ(force_all(&mapped), -EBADF);
    mapped.bytes[0] = 4;
    CHECK_OK(wt_memory_unmap(mapped.memory));
    sim_free(mapped.core.sim);
}

TEST(memory_outlives_its_file_and_its_engine_and_reaches_neither) {
    both_ways(close_before);
}

static void *force_on_thread(void *memory) {
    CHECK_OK(wt_memory_force(*(const wt_memory *)memory, 0, 128 * BLOCK));
    return NULL;
}

static void *close_on_thread(void *file) {
    CHECK_OK(wt_file_close(*(const wt_file *)file));
    return NULL;
}

/* The close waits for the force, which goes on to read the file after that. */
static void close_under_force(uint32_t flags) {
    struct mapped mapped = open_file(&(struct sim_options){.threaded = true}, flags);
    CHECK_OK(wt_truncate(mapped.file, 128 * BLOCK)); /* zeros of two pieces */
    map(&mapped, 0, 128 * BLOCK);
    memset(mapped.bytes + BLOCK, 0, BLOCK);
    memset(mapped.bytes + 127 * BLOCK, 0, BLOCK);
    sim_hold(mapped.core.sim);
    pthread_t forcing = test_thread(force_on_thread, &mapped.memory);
    CHECK_EQ(sim_wait_in_flight(mapped.core.sim, 1), 1);
    pthread_t closing = test_thread(close_on_thread, &mapped.file);
    while (wt_size(mapped.file) != -EBADF)
        sched_yield();
    sim_release_all(mapped.core.sim);
    test_join(forcing);
    test_join(closing);
    CHECK_EQ(writes(&mapped), 0);
    close_all(&mapped);
}

TEST(a_force_that_is_inside_when_its_file_is_closed_writes_no_more_than_before) {
    both_ways(close_under_force);
}

/* ---- power cuts -------------------------------------------------------------------------------------------------- */

/* All pages are of ones, and some of twos when the power is cut during the force, at each event of it. False: it was not. */
static bool cut_at(uint64_t event, enum sim_cut cut, uint32_t flags) {
    struct mapped mapped = of_ones(&(struct sim_options){.no_fua = event % 2}, flags);
    store(&mapped, 1, 2);
    store(&mapped, 2, 2);
    store(&mapped, 9, 2);
    sim_power_cut_at(mapped.core.sim, event, cut, event);
    int rc = force_all(&mapped);
    bool was_cut = sim_is_cut(mapped.core.sim);
    CHECK(was_cut || !rc);
    CHECK_OK(wt_memory_unmap(mapped.memory));
    if (!was_cut)
        sim_power_cut(mapped.core.sim, cut, event);
    core_restart(&mapped.core);
    for (size_t page = 0; page < PAGES; page++) {
        uint8_t found[BLOCK];
        sim_peek_stable(mapped.core.sim, "file", page * BLOCK, found, BLOCK);
        bool stored = page == 1 || page == 2 || page == 9;
        CHECK(found[0] == 1 || (stored && found[0] == 2));
        CHECK(found[0] == 2 || !stored || rc);
        CHECK(memcmp(found, found + 1, BLOCK - 1) == 0);
    }
    core_close(&mapped.core);
    return was_cut;
}

static void cut(uint32_t flags) {
    static const enum sim_cut cuts[] = {SIM_LOSE_ALL, SIM_KEEP_ALL, SIM_RANDOM};
    for (size_t i = 0; i < 3; i++) {
        uint64_t event = 1;
        while (cut_at(event, cuts[i], flags))
            event++;
        CHECK(event > 5);
    }
}

TEST(invariant_1_no_power_cut_takes_what_a_force_acknowledged_nor_tears_a_page) {
    both_ways(cut);
}
