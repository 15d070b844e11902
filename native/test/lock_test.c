// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The check of the order in which mutexes are taken, as builds with assertions have it. */
#include <signal.h>

#include "base/lock.h"
#include "io/wait.h"
#include "test.h"

static struct wt_mutex first, second, twin;
static struct wt_long_lock append, ahead;
static struct wt_condition changed;
static char file, other_file;

static void make(void) {
    CHECK_EQ(wt_mutex_init(&first, WT_LOCK_FOLIO), 0);
    CHECK_EQ(wt_mutex_init(&twin, WT_LOCK_FOLIO), 0);
    CHECK_EQ(wt_mutex_init(&second, WT_LOCK_POOL), 0);
    wt_long_lock_init(&append, WT_LOCK_APPEND);
    wt_long_lock_init(&ahead, WT_LOCK_AHEAD);
    wt_condition_init(&changed);
}

static void run(void *function) {
    ((void (*)(void))(uintptr_t)function)();
}

/* The process ends with that. This thread holds nothing, or the child would have it too. */
static void dies(void (*function)(void)) {
    CHECK_EQ(test_in_child_quietly(run, (void *)(uintptr_t)function), -SIGABRT);
}

TEST(mutexes_are_taken_by_rising_rank) {
    make();
    for (int i = 0; i < 2; i++) {
        wt_lock(&first);
        wt_lock(&second);
        wt_unlock(&first); /* in any order */
        wt_unlock(&second);
    }
}

static void lock_backwards(void) {
    wt_lock(&second);
    wt_lock(&first);
}

TEST(a_mutex_of_a_lower_rank_ends_the_process) {
    make();
    dies(lock_backwards);
}

static void lock_twin(void) {
    wt_lock(&first);
    wt_lock(&twin);
}

static void lock_again(void) {
    wt_lock(&first);
    wt_lock(&first);
}

TEST(two_mutexes_of_one_rank_end_the_process) {
    make();
    dies(lock_twin);
    dies(lock_again);
}

TEST(two_mutexes_of_one_rank_and_set_are_taken_by_rising_number) {
    make();
    wt_lock_in_order(&twin, &file, 3);
    wt_lock_in_order(&first, &file, 4);
    wt_unlock(&twin);
    wt_lock_in_order(&twin, &file, 5);
    wt_lock(&second);
}

static void lock_falling(void) {
    wt_lock_in_order(&first, &file, 4);
    wt_lock_in_order(&twin, &file, 3);
}

static void lock_equal(void) {
    wt_lock_in_order(&first, &file, 4);
    wt_lock_in_order(&twin, &file, 4);
}

static void lock_of_another_set(void) {
    wt_lock_in_order(&first, &file, 4);
    wt_lock_in_order(&twin, &other_file, 5);
}

TEST(falling_numbers_and_other_sets_end_the_process) {
    make();
    dies(lock_falling);
    dies(lock_equal);
    dies(lock_of_another_set);
}

static void lock_behind_tried(void) {
    wt_lock(&second);
    CHECK(wt_trylock(&first));
    wt_lock(&twin);
}

TEST(a_mutex_that_is_tried_is_not_checked_but_those_behind_it_are) {
    make();
    wt_lock(&second);
    CHECK(wt_trylock(&first));
    CHECK(!wt_trylock(&first));
    wt_unlock(&first);
    wt_unlock(&second);
    dies(lock_behind_tried);
}

static void unlock_free(void) {
    wt_unlock(&first);
}

TEST(to_let_go_of_a_mutex_that_is_not_held_ends_the_process) {
    make();
    dies(unlock_free);
}

/* ---- waits --------------------------------------------------------------------------------------------------- */

TEST(a_wait_on_a_condition_keeps_the_place_of_its_mutex) {
    make();
    wt_lock_in_order(&first, &file, 4);
    CHECK(!wt_sleep_until(&changed, &first, 0));
    wt_lock_in_order(&twin, &file, 5);
    wt_unlock(&twin);
    wt_unlock(&first);
}

/* Changes the condition once another thread has the mutex no longer: while that thread sleeps. */
static void *wake(void *nothing) {
    wt_lock(&first);
    wt_wake_all(&changed);
    wt_unlock(&first);
    return nothing;
}

TEST(a_wait_for_others_keeps_the_place_of_its_mutex) {
    make();
    wt_lock_in_order(&first, &file, 4);
    pthread_t thread = test_thread(wake, NULL);
    wt_wait(NULL, &changed, &first);
    wt_lock_in_order(&twin, &file, 5);
    wt_unlock(&twin);
    wt_unlock(&first);
    test_join(thread);
}

static void sleep_with_another(void) {
    wt_lock(&first);
    wt_lock(&second);
    (void)wt_sleep_until(&changed, &second, 0);
}

static void wait_with_another(void) {
    wt_lock(&first);
    wt_lock(&second);
    wt_wait(NULL, &changed, &second);
}

static void sleep_without(void) {
    (void)wt_sleep_until(&changed, &first, 0);
}

static void pause_with_a_mutex(void) {
    wt_lock(&first);
    wt_pause(1);
}

TEST(to_wait_with_another_mutex_held_ends_the_process) {
    make();
    dies(sleep_with_another);
    dies(wait_with_another);
    dies(sleep_without);
    dies(pause_with_a_mutex);
}

static void block_with_a_mutex(void) {
    struct wt_backing backing = {0};
    wt_lock(&first);
    (void)wt_blocking(&backing);
}

TEST(to_block_in_the_kernel_with_a_mutex_held_ends_the_process) {
    make();
    dies(block_with_a_mutex);
}

static void wait_for_long_with_a_mutex(void) {
    wt_lock(&first);
    wt_long_lock(NULL, &ahead);
}

static void long_backwards(void) {
    wt_long_lock(NULL, &ahead);
    wt_long_lock(NULL, &append);
}

TEST(a_long_lock_is_held_over_waits_and_comes_first) {
    make();
    wt_long_lock(NULL, &append);
    wt_long_lock(NULL, &ahead);
    wt_pause(1);
    wt_lock(&first);
    CHECK(!wt_sleep_until(&changed, &first, 0));
    wt_unlock(&first);
    wt_long_unlock(&append);
    wt_long_unlock(&ahead);
    dies(wait_for_long_with_a_mutex);
    dies(long_backwards);
}
