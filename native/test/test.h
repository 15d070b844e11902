// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * A small test runner. A test is a function that registers itself; each runs in a process of its own, so that a crash,
 * a sanitizer report or a hang is the failure of that test and of no other.
 *
 *   TEST(a_write_is_read_back) { CHECK_OK(wt_engine_open(NULL, &engine)); ... }
 *
 * A program runs all its tests in the order of the source, or those named in its arguments ("part*" matches a prefix).
 * Environment: WT_SEED (of test_seed), WT_TEST_DIRS (of test_directory), WT_TEST_TIMEOUT (seconds of one test, 120),
 * WT_TEST_FORK=0 (all in one process, for a debugger).
 */
#ifndef WT_TEST_H
#define WT_TEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A check of memory that is the test's own, and no other thread's: to watch it takes ThreadSanitizer most of its time. */
#define TEST_UNWATCHED __attribute__((no_sanitize("thread")))

struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
};

void test_register(struct test_case *test);

#define TEST(test_name)                                                                                                \
    static void test_##test_name(void);                                                                                \
    __attribute__((constructor)) static void test_register_##test_name(void) {                                         \
        static struct test_case test = {#test_name, test_##test_name, NULL};                                           \
        test_register(&test);                                                                                          \
    }                                                                                                                  \
    static void test_##test_name(void)

/* Each ends the test at once when it does not hold, on whatever thread. Arguments are evaluated once. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            test_fail(__FILE__, __LINE__, "%s", #condition);                                                           \
        }                                                                                                              \
    } while (0)

/* Two integers or pointers; a negative one is also printed as the errno it may be. */
#define CHECK_EQ(a, b) test_check_eq(__FILE__, __LINE__, #a, (intmax_t)(a), #b, (intmax_t)(b))

/* A result that is -errno on failure, and 0 or a count otherwise. */
#define CHECK_OK(result) test_check_ok(__FILE__, __LINE__, #result, (intmax_t)(result))

/* Two runs of bytes; prints the first difference. */
#define CHECK_BYTES(actual, expected, length)                                                                          \
    test_check_bytes(__FILE__, __LINE__, #actual, (actual), #expected, (expected), (length))

/* Ends the test: it could not run here. The reason is printed. */
#define SKIP(...) test_skip(__VA_ARGS__)

/* Printed with a failure of this test from now on: which case of a loop, which step of a model. */
#define CONTEXT(...) test_context(__VA_ARGS__)

_Noreturn void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
void test_check_eq(const char *file, int line, const char *a_text, intmax_t a, const char *b_text, intmax_t b);
void test_check_ok(const char *file, int line, const char *text, intmax_t result);
void test_check_bytes(const char *file, int line, const char *actual_text, const void *actual,
                      const char *expected_text, const void *expected, size_t length);
_Noreturn void test_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));
void test_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What main of a test program does: runs the tests that are named, or all. Programs with a main of their own may CHECK. */
int test_main(int argc, char **argv);

/* Called with the file and line of the failure's text already printed: adds what a person needs to see. */
extern void (*test_on_failure)(void);

/* Runs function(argument) in a child and returns how it ended: its exit status, or minus the signal that killed it. */
int test_in_child(void (*function)(void *), void *argument);
/* The same for a child that is meant to fail: what it prints is dropped. */
int test_in_child_quietly(void (*function)(void *), void *argument);

/* ---- threads ---- */

/* As pthread_create and pthread_join, checked. */
pthread_t test_thread(void *(*function)(void *), void *argument);
void *test_join(pthread_t thread);

/* ---- places ---- */

/* The directories to test on real files in: WT_TEST_DIRS, separated by colons, else /tmp. */
size_t test_directory_count(void);
const char *test_directory(size_t index);

/* A new, empty directory inside parent, removed with what is in it after the test. */
const char *test_make_directory(const char *parent);
/* All length bytes at offset of the file at path, as any other program reads them, are value. */
void test_check_file(const char *path, uint64_t offset, int value, size_t length);

/* A count of things to do: WT_TEST_SCALE times as many, if that is set; half under AddressSanitizer, a quarter under ThreadSanitizer. */
uint64_t test_scaled(uint64_t count);
/* From one place where something may happen to the next that is tried: 1, so all of them; more under a sanitizer. */
uint64_t test_step(void);

/* ---- pseudo-random numbers ---- */

struct test_random {
    uint64_t state;
};

/* WT_SEED, or a fixed number. Printed if the test fails. */
uint64_t test_seed(void);
struct test_random test_random_of(uint64_t seed);
uint64_t test_random_next(struct test_random *random);
/* Uniform in [0, bound); bound is not 0. */
uint64_t test_random_below(struct test_random *random, uint64_t bound);
/* Uniform in [low, high]. */
uint64_t test_random_between(struct test_random *random, uint64_t low, uint64_t high);
/* True in one of n cases. */
bool test_random_one_in(struct test_random *random, uint64_t n);
void test_random_bytes(struct test_random *random, void *bytes, size_t length);

#endif
