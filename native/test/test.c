// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_PASSED = 0, EXIT_FAILED = 1, EXIT_SKIPPED = 77 };
enum { SCRATCH_DIRECTORIES = 64, CONTEXT_BYTES = 256 };

/* Sanitizers slow down what they watch, and need few of like cases: see test_scaled and test_step. */
#if defined(__SANITIZE_THREAD__)
enum { FEWER = 8, STEP = 29 };
#elif defined(__SANITIZE_ADDRESS__)
enum { FEWER = 3, STEP = 11 };
#else
enum { FEWER = 1, STEP = 1 };
#endif

/* What a test leaves for the process that runs it, however it ends. */
struct report {
    bool seed_used;
    uint64_t seed;
    unsigned scratch_count;
    char scratch[SCRATCH_DIRECTORIES][200];
    char context[CONTEXT_BYTES];
};

static struct test_case *tests;
static struct test_case **tests_end = &tests;
static struct report alone; /* where test_main does not run */
static struct report *report = &alone;
static const char *running = "";
static unsigned timeout_seconds = 120;
static pthread_mutex_t failing = PTHREAD_MUTEX_INITIALIZER;

void (*test_on_failure)(void);

void test_register(struct test_case *test) {
    *tests_end = test;
    tests_end = &test->next;
}

/*
 * Folio locks are taken in ascending order of the file. A folio's descriptor serves another place of the file later, which
 * ThreadSanitizer cannot know: it goes by address, and sees a cycle.
 */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
#ifdef __clang__ /* which would have it report its entry, before there is anyone to report to */
__attribute__((disable_sanitizer_instrumentation)) const char *__tsan_default_suppressions(void);
#endif
const char *__tsan_default_suppressions(void) {
    return "deadlock:write_folios\n";
}

/* ---- ends of a test ---------------------------------------------------------------------------------------------- */

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static void print_circumstances(void) {
    if (report->context[0] != '\0') {
        printf("    in: %s\n", report->context);
    }
    if (report->seed_used) {
        printf("    again with: WT_SEED=%" PRIu64 " <program> %s\n", report->seed, running);
    }
}

/* Begins the one failure that a test reports; other threads that fail meanwhile stay silent. */
static void begin_failure(const char *file, int line) {
    pthread_mutex_lock(&failing);
    printf("FAIL %s %s:%d: ", running, base_name(file), line);
}

static _Noreturn void end_failure(void) {
    printf("\n");
    print_circumstances();
    if (test_on_failure != NULL) {
        test_on_failure();
    }
    fflush(stdout);
    _exit(EXIT_FAILED);
}

void test_fail(const char *file, int line, const char *format, ...) {
    begin_failure(file, line);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    end_failure();
}

void test_skip(const char *format, ...) {
    printf("SKIP %s: ", running);
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
    fflush(stdout);
    _exit(EXIT_SKIPPED);
}

void test_context(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->context, sizeof report->context, format, arguments);
    va_end(arguments);
}

static void print_value(intmax_t value) {
    printf("%jd", value);
    const char *name = value < 0 && value > -4096 ? strerrorname_np((int)-value) : NULL;
    if (name != NULL) {
        printf(" -%s", name);
    }
}

void test_check_eq(const char *file, int line, const char *a_text, intmax_t a, const char *b_text, intmax_t b) {
    if (a == b) {
        return;
    }
    begin_failure(file, line);
    printf("%s (", a_text);
    print_value(a);
    printf(") != %s (", b_text);
    print_value(b);
    printf(")");
    end_failure();
}

void test_check_ok(const char *file, int line, const char *text, intmax_t result) {
    if (result >= 0) {
        return;
    }
    begin_failure(file, line);
    printf("%s failed: ", text);
    print_value(result);
    end_failure();
}

void test_check_bytes(const char *file, int line, const char *actual_text, const void *actual,
                      const char *expected_text, const void *expected, size_t length) {
    if (length == 0 || memcmp(actual, expected, length) == 0) {
        return;
    }
    const uint8_t *a = actual;
    const uint8_t *e = expected;
    size_t first = 0;
    while (a[first] == e[first]) {
        first++;
    }
    size_t last = length - 1;
    while (a[last] == e[last]) {
        last--;
    }
    begin_failure(file, line);
    printf("%s != %s: of %zu bytes, from %zu to %zu differ: 0x%02x is not the expected 0x%02x", actual_text,
           expected_text, length, first, last, a[first], e[first]);
    end_failure();
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

static void on_alarm(int signal_number) {
    (void)signal_number;
    static const char before[] = "FAIL ";
    static const char after[] = ": hangs, killed\n";
    ssize_t ignored = write(STDOUT_FILENO, before, sizeof before - 1);
    ignored = write(STDOUT_FILENO, running, strlen(running));
    ignored = write(STDOUT_FILENO, after, sizeof after - 1);
    (void)ignored;
    _exit(EXIT_FAILED);
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *where) {
    (void)stat;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_scratch(void) {
    for (unsigned i = 0; i < report->scratch_count; i++) {
        nftw(report->scratch[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    }
    report->scratch_count = 0;
}

static void run_here(const struct test_case *test) {
    signal(SIGALRM, on_alarm);
    alarm(timeout_seconds);
    test->run();
    alarm(0);
}

static int run_apart(const struct test_case *test) {
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        perror("fork");
        exit(EXIT_FAILED);
    }
    if (child == 0) {
        run_here(test);
        exit(EXIT_PASSED);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFSIGNALED(status)) {
        printf("FAIL %s: killed by signal %d, %s\n", running, WTERMSIG(status), strsignal(WTERMSIG(status)));
        print_circumstances();
        return EXIT_FAILED;
    }
    int code = WEXITSTATUS(status);
    if (code != EXIT_PASSED && code != EXIT_FAILED && code != EXIT_SKIPPED) {
        printf("FAIL %s: exit status %d\n", running, code);
        print_circumstances();
        return EXIT_FAILED;
    }
    return code;
}

static bool is_named(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        size_t length = strlen(argv[i]);
        bool prefix = length > 0 && argv[i][length - 1] == '*';
        if (prefix ? strncmp(name, argv[i], length - 1) == 0 : strcmp(name, argv[i]) == 0) {
            return true;
        }
    }
    return argc < 2;
}

int test_main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILED;
    }
    const char *timeout = getenv("WT_TEST_TIMEOUT");
    if (timeout != NULL && atoi(timeout) > 0) {
        timeout_seconds = (unsigned)atoi(timeout);
    }
    const char *fork_setting = getenv("WT_TEST_FORK");
    bool apart = fork_setting == NULL || strcmp(fork_setting, "0") != 0;

    unsigned passed = 0;
    unsigned failed = 0;
    unsigned skipped = 0;
    for (const struct test_case *test = tests; test != NULL; test = test->next) {
        if (!is_named(test->name, argc, argv)) {
            continue;
        }
        memset(report, 0, sizeof *report);
        running = test->name;
        int result = EXIT_PASSED;
        if (apart) {
            result = run_apart(test);
        } else {
            run_here(test);
        }
        remove_scratch();
        if (result == EXIT_PASSED) {
            printf("ok %s\n", test->name);
            passed++;
        } else if (result == EXIT_SKIPPED) {
            skipped++;
        } else {
            failed++;
        }
    }
    printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
    if (passed + failed + skipped == 0) {
        printf("no such test\n");
        return EXIT_FAILED;
    }
    if (failed > 0) {
        return EXIT_FAILED;
    }
    return passed == 0 ? EXIT_SKIPPED : EXIT_PASSED;
}

static void drop_output(void) {
    int null = open("/dev/null", O_WRONLY);
    if (null >= 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
    }
}

static int run_child(void (*function)(void *), void *argument, bool quietly) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (quietly) {
            drop_output();
        }
        function(argument);
        fflush(NULL);
        _exit(EXIT_PASSED);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        CHECK(errno == EINTR);
    }
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int test_in_child(void (*function)(void *), void *argument) {
    return run_child(function, argument, false);
}

int test_in_child_quietly(void (*function)(void *), void *argument) {
    return run_child(function, argument, true);
}

pthread_t test_thread(void *(*function)(void *), void *argument) {
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, function, argument), 0);
    return thread;
}

void *test_join(pthread_t thread) {
    void *result = NULL;
    CHECK_EQ(pthread_join(thread, &result), 0);
    return result;
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

static const char *directory_list(void) {
    const char *list = getenv("WT_TEST_DIRS");
    return list == NULL || list[0] == '\0' ? "/tmp" : list;
}

size_t test_directory_count(void) {
    size_t count = 1;
    for (const char *at = directory_list(); *at != '\0'; at++) {
        count += *at == ':' ? 1u : 0u;
    }
    return count;
}

const char *test_directory(size_t index) {
    static char directory[4096];
    const char *at = directory_list();
    for (size_t i = 0; i < index; i++) {
        at = strchr(at, ':');
        CHECK(at != NULL);
        at++;
    }
    size_t length = strcspn(at, ":");
    CHECK(length < sizeof directory);
    memcpy(directory, at, length);
    directory[length] = '\0';
    return directory;
}

const char *test_make_directory(const char *parent) {
    CHECK(report->scratch_count < SCRATCH_DIRECTORIES);
    char *path = report->scratch[report->scratch_count];
    int length = snprintf(path, sizeof report->scratch[0], "%s/wt-test-XXXXXX", parent);
    CHECK(length > 0 && (size_t)length < sizeof report->scratch[0]);
    CHECK(mkdtemp(path) != NULL);
    report->scratch_count++;
    return path;
}

void test_check_file(const char *path, uint64_t offset, int value, size_t length) {
    char *bytes = malloc(2 * length);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(bytes != NULL && fd >= 0);
    memset(bytes + length, value, length);
    CHECK_EQ(pread(fd, bytes, length, (off_t)offset), length);
    CHECK_BYTES(bytes, bytes + length, length);
    CHECK_EQ(close(fd), 0);
    free(bytes);
}

uint64_t test_scaled(uint64_t count) {
    const char *scale = getenv("WT_TEST_SCALE");
    count = count < FEWER ? 1 : count / FEWER;
    return scale == NULL ? count : count * strtoull(scale, NULL, 10);
}

uint64_t test_step(void) {
    return STEP;
}

/* ---- pseudo-random numbers --------------------------------------------------------------------------------------- */

uint64_t test_seed(void) {
    const char *text = getenv("WT_SEED");
    report->seed = text == NULL ? 20260 : strtoull(text, NULL, 0);
    report->seed_used = true;
    return report->seed;
}

struct test_random test_random_of(uint64_t seed) {
    return (struct test_random){seed};
}

/* splitmix64: every seed is good, and one word of state can be printed to go on from the middle. */
uint64_t test_random_next(struct test_random *random) {
    random->state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t test_random_below(struct test_random *random, uint64_t bound) {
    return test_random_next(random) % bound;
}

uint64_t test_random_between(struct test_random *random, uint64_t low, uint64_t high) {
    return low + test_random_below(random, high - low + 1);
}

bool test_random_one_in(struct test_random *random, uint64_t n) {
    return test_random_below(random, n) == 0;
}

void test_random_bytes(struct test_random *random, void *bytes, size_t length) {
    uint8_t *to = bytes;
    while (length > 0) {
        uint64_t word = test_random_next(random);
        size_t part = length < sizeof word ? length : sizeof word;
        memcpy(to, &word, part);
        to += part;
        length -= part;
    }
}
