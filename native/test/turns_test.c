// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The turns: whose error is told to whom, on a kernel that is played here call by call. */
#include "io/turns.h"

#include <errno.h>
#include <string.h>

#include "file/inode.h"
#include "io/disk.h"
#include "test.h"

enum { IOS = 8, BYTES = 4096 };

/* What the kernel has: I/Os that were handed over, and how often the error was taken off the direct descriptor. */
static struct wt_io *in_kernel[IOS];
static unsigned in_kernel_count, errors_taken, runs, syncs;
static int run_error; /* of run */
static bool run_flush_failed;

static struct wt_inode inode;
static struct wt_io ios[IOS];
static unsigned completed[IOS];
static char memory[BYTES];

static void run(struct wt_io *io) {
    runs++;
    io->error = run_error;
    io->flush_failed = run_flush_failed;
    io->done = io->error ? 0 : io->length;
}

static int take_error(struct wt_backing *backing, bool buffered) {
    CHECK(!buffered);
    (void)backing;
    errors_taken++;
    return -EIO;
}

static int synced(struct wt_backing *backing, bool data_only) {
    (void)backing;
    (void)data_only;
    syncs++;
    return run_error;
}

static void submit(struct wt_backend *backend, struct wt_io *list) {
    (void)backend;
    for (struct wt_io *next; list; list = next) {
        next = list->next;
        CHECK(in_kernel_count < IOS);
        in_kernel[in_kernel_count++] = list;
    }
}

static const struct wt_backend_ops backend_ops = {.submit = submit};
static struct wt_backend backend = {.ops = &backend_ops};
static const struct wt_backing_ops backing_ops = {.run = run, .take_error = take_error, .sync = synced};
static struct wt_backing backing = {.ops = &backing_ops,
                                    .profile = {.disk = WT_DISK_WITHOUT_FUA, .device_name = "test"}};

static void count_completion(struct wt_io *io) {
    completed[io - ios]++;
}

static void open_lane(void) {
    atomic_init(&inode.backing, &backing);
    wt_turns_open(&inode.turns, &backend, wt_disk_acquire(&backing.profile));
    CHECK(inode.turns.disk);
}

static struct wt_io *write_of(unsigned index, bool through_page_cache, uint32_t durability) {
    ios[index] = (struct wt_io){.op = WT_IO_WRITE,
                                .durability = durability,
                                .through_page_cache = through_page_cache,
                                .backing = &backing,
                                .offset = index * (uint64_t)BYTES,
                                .length = BYTES,
                                .segment_count = 1,
                                .segments = {{memory, BYTES}},
                                .complete = count_completion};
    return &ios[index];
}

static void submit_cached(unsigned index) {
    wt_turns_submit(&inode.turns, write_of(index, true, WT_DURABILITY_DSYNC), NULL);
}

static void submit_direct(unsigned index) {
    wt_turns_submit(&inode.turns, write_of(index, false, WT_DURABILITY_DSYNC), NULL);
}

static bool kernel_has(unsigned index) {
    for (unsigned i = 0; i < in_kernel_count; i++)
        if (in_kernel[i] == &ios[index])
            return true;
    return false;
}

/* The kernel's answer. */
static void end(unsigned index, int error, bool flush_failed) {
    struct wt_io *io = &ios[index];
    CHECK(kernel_has(index));
    for (unsigned i = 0; i < in_kernel_count; i++)
        if (in_kernel[i] == io)
            in_kernel[i] = in_kernel[--in_kernel_count];
    io->error = error;
    io->flush_failed = flush_failed;
    io->done = error ? 0 : io->length;
    io->complete(io);
}

/* The I/O is over, and its caller was told this. */
static void check_told(unsigned index, int error) {
    CHECK_EQ(completed[index], 1);
    CHECK_EQ(ios[index].error, error);
    CHECK_EQ(ios[index].done, error ? 0 : BYTES);
}

TEST(page_cache_writes_of_a_file_go_one_at_a_time_in_order) {
    open_lane();
    for (unsigned i = 0; i < 3; i++)
        submit_cached(i);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(in_kernel_count, 1);
        end(i, 0, false);
        check_told(i, 0);
    }
}

TEST(direct_writes_wait_for_no_turn) {
    open_lane();
    submit_cached(0);
    submit_direct(1);
    submit_direct(2);
    CHECK_EQ(in_kernel_count, 3);
    end(2, 0, false);
    check_told(2, 0);
}

TEST(a_page_cache_write_of_high_priority_has_the_next_turn) {
    open_lane();
    submit_cached(0);
    submit_cached(1);
    struct wt_io *urgent = write_of(2, true, WT_DURABILITY_DSYNC);
    urgent->high_priority = true;
    wt_turns_submit(&inode.turns, urgent, NULL);
    end(0, 0, false);
    CHECK(kernel_has(2) && !kernel_has(1));
    end(2, 0, false);
    end(1, 0, false);
    check_told(1, 0);
}

TEST(a_refused_page_cache_write_takes_its_error_off_the_direct_descriptor_before_the_next_turn) {
    open_lane();
    submit_cached(0);
    submit_cached(1);
    end(0, -ENOSPC, false);
    check_told(0, -ENOSPC);
    CHECK_EQ(errors_taken, 1);
    end(1, 0, false);
    check_told(1, 0);
    CHECK_EQ(errors_taken, 1);
}

TEST(a_direct_write_that_was_told_the_error_of_a_page_cache_write_runs_again) {
    open_lane();
    submit_cached(0);
    submit_direct(1); /* the kernel tells it first: the page-cache write has not come back yet */
    end(1, -EIO, false);
    CHECK_EQ(completed[1], 0);
    CHECK(!kernel_has(1)); /* it waits for its turn */
    end(0, -EIO, false);
    check_told(0, -EIO);
    end(1, 0, false);
    check_told(1, 0);
    CHECK_EQ(errors_taken, 1);
}

TEST(a_direct_write_that_began_before_a_refused_page_cache_write_and_ended_after_runs_again) {
    open_lane();
    submit_direct(1);
    submit_cached(0);
    end(0, -EIO, false);
    end(1, -EIO, false);
    CHECK_EQ(completed[1], 0);
    end(1, -EIO, false); /* in its turn it is told what is its own */
    check_told(1, -EIO);
}

TEST(a_direct_write_that_fails_by_itself_runs_once) {
    open_lane();
    submit_direct(0);
    end(0, -EIO, false);
    check_told(0, -EIO);
    submit_cached(1); /* not refused: the error of a write beside it was that write's own */
    submit_direct(2);
    end(2, -EIO, false);
    CHECK_EQ(completed[2], 0);
    end(1, 0, false);
    check_told(2, -EIO);
    CHECK_EQ(in_kernel_count, 0);
}

TEST(a_direct_read_may_be_told_the_error_of_a_page_cache_write_as_well) {
    open_lane();
    struct wt_io *read = write_of(1, false, WT_DURABILITY_DEVICE);
    read->op = WT_IO_READ;
    wt_turns_submit(&inode.turns, read, NULL);
    submit_cached(0);
    end(0, -EIO, false);
    end(1, -EIO, false);
    end(1, 0, false);
    check_told(1, 0);
}

TEST(a_durable_write_runs_again_if_a_flush_of_the_disk_failed_while_it_was_under_way) {
    open_lane();
    submit_direct(0);
    submit_cached(1);
    wt_turns_submit(&inode.turns, write_of(2, false, WT_DURABILITY_DEVICE), NULL);
    wt_disk_count_failure(inode.turns.disk);      /* of another file */
    ios[0].stable_by = WT_STABLE_BY_SHARED_FLUSH; /* it shared a flush, which is over */
    end(0, 0, false);
    CHECK_EQ(completed[0], 0);
    end(1, 0, false);
    CHECK_EQ(completed[1], 0);
    end(2, 0, false);
    check_told(2, 0); /* it is durable when it is synced, and that is told */
    end(1, 0, false);
    check_told(1, 0);
    CHECK_EQ(ios[0].stable_by, WT_STABLE_BY_NOTHING); /* it has its turn */
    end(0, 0, false);
    check_told(0, 0);
}

TEST(a_durable_write_during_which_flushes_fail_again_and_again_fails) {
    open_lane();
    submit_direct(0);
    unsigned times = 0;
    for (; completed[0] == 0 && times < 100; times++) {
        wt_disk_count_failure(inode.turns.disk);
        end(0, 0, false);
    }
    check_told(0, -EIO);
    CHECK_EQ(times, 9);
}

TEST(a_run_on_the_callers_thread_is_told_its_own_error_too) {
    open_lane();
    run_error = -EIO;
    struct wt_io *io = write_of(0, false, WT_DURABILITY_DSYNC);
    wt_turns_run(&inode.turns, io);
    CHECK_EQ(io->error, -EIO);
    CHECK_EQ(runs, 1);
    io = write_of(1, true, WT_DURABILITY_DSYNC);
    wt_turns_run(&inode.turns, io);
    CHECK_EQ(io->error, -EIO);
    CHECK_EQ(runs, 2);
    CHECK_EQ(errors_taken, 1);
    submit_cached(2);
    wt_turns_run_to_end(&inode.turns,
                        write_of(3, true, WT_DURABILITY_DSYNC)); /* the turn is taken: the backend does it */
    CHECK_EQ(runs, 2);
    end(2, 0, false);
    end(3, 0, false);
    check_told(3, 0);
}

static void *sync_inode(void *result) {
    *(int *)result = wt_turns_sync(&inode.turns, atomic_load(&inode.backing), false);
    return NULL;
}

TEST(a_sync_waits_for_its_turn) {
    open_lane();
    submit_cached(0);
    int result = 1;
    pthread_t thread = test_thread(sync_inode, &result);
    wt_lock(&inode.turns.lock);
    while (!inode.turns.first) { /* until it has come */
        wt_unlock(&inode.turns.lock);
        sched_yield();
        wt_lock(&inode.turns.lock);
    }
    wt_unlock(&inode.turns.lock);
    CHECK_EQ(syncs, 0);
    end(0, 0, false);
    test_join(thread);
    CHECK_EQ(syncs, 1);
    CHECK_EQ(result, 0);
}

TEST(a_failed_flush_is_seen_by_each_file_of_the_disk_with_writes_that_no_flush_covered) {
    struct wt_core_profile partition = {.disk = WT_DISK_WITHOUT_FUA, .device_name = "sda", .device_minor = 1};
    struct wt_core_profile other_partition = {.disk = WT_DISK_WITHOUT_FUA, .device_name = "sda", .device_minor = 2};
    struct wt_core_profile elsewhere = {.disk = WT_DISK_WITHOUT_FUA, .device_name = "sdb"};
    struct wt_core_profile without_cache = {.disk = WT_DISK_WITHOUT_CACHE, .device_name = "sdc"};
    struct wt_disk *disk = wt_disk_acquire(&partition);
    CHECK(wt_disk_acquire(&other_partition) == disk);
    struct wt_disk *other = wt_disk_acquire(&elsewhere), *stable = wt_disk_acquire(&without_cache);
    wt_unsynced first = 0, second = 0, third = 0, none = 0;
    wt_disk_note_unsynced(disk, &first);
    wt_disk_note_unsynced(disk, &second);
    wt_disk_note_unsynced(other, &third);
    wt_disk_count_failure(disk);
    wt_disk_count_failure(stable);
    CHECK_EQ(wt_disk_failures(stable), 0);
    wt_disk_note_unsynced(disk, &first); /* the older write counts */
    CHECK(wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&first)));
    CHECK(!wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&first))); /* told once */
    CHECK(wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&second)));
    CHECK(!wt_disk_flush_failed_since(other, wt_disk_take_unsynced(&third)));
    CHECK(!wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&none)));
    wt_disk_note_unsynced(disk, &first);
    CHECK(!wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&first)));
    wt_disk_release(disk);
    wt_disk_release(disk);
    wt_disk_release(other);
    wt_disk_release(stable);
}

TEST(writes_that_no_flush_covered_are_remembered_while_their_file_is_closed) {
    enum { FILES = 2000 };
    struct wt_core_profile profile = {.disk = WT_DISK_WITHOUT_FUA, .device_name = "sdd"};
    struct wt_disk *disk = wt_disk_acquire(&profile);
    wt_unsynced file = 0, other = 0;
    wt_disk_note_unsynced(disk, &file);
    wt_disk_file_closed(disk, 1, 7, &file);
    wt_disk_release(disk); /* nobody uses the disk meanwhile */
    CHECK(wt_disk_acquire(&profile) == disk);
    wt_disk_count_failure(disk);
    wt_disk_file_opened(disk, 1, 8, &other);
    CHECK(!wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&other)));
    wt_disk_file_opened(disk, 1, 7, &file);
    wt_disk_file_closed(disk, 1, 7, &file); /* without a sync */
    wt_disk_file_opened(disk, 1, 7, &file);
    CHECK(wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&file)));
    wt_disk_file_closed(disk, 1, 7, &file);
    wt_disk_file_opened(disk, 1, 7, &file);
    CHECK(!wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&file))); /* told once */
    for (unsigned i = 0; i < FILES; i++) {
        wt_unsynced many = 0;
        wt_disk_note_unsynced(disk, &many);
        wt_disk_file_closed(disk, 2, i, &many);
    }
    wt_disk_count_failure(disk);
    for (unsigned i = 0; i < FILES; i++) {
        wt_unsynced many = 0;
        wt_disk_file_opened(disk, 2, i, &many);
        CHECK(wt_disk_flush_failed_since(disk, wt_disk_take_unsynced(&many)));
    }
    wt_disk_release(disk);
}
