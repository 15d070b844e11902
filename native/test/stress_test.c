// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Many threads on one file, and many processes on files of their own. Each unit of a file says which write it is of, so
 * that a reader knows whether it may see it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core.h"
#include "external.h"
#include "record.h"

enum { THREADS = 4, UNIT_MAX = 4096, WIDEST = 24, IN_FLIGHT = 16 };

/* ---- one engine on one file -------------------------------------------------------------------------------------- */

struct place {
    char path[512];
    wt_engine engine;
    bool buffered; /* what a read shows of a write that it meets is the kernel's affair */
};

static wt_file open_file(wt_engine engine, const char *path) {
    wt_file file = 0;
    CHECK_OK(
        wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0600, WT_DURABILITY_FILE, &file));
    return file;
}

static wt_engine open_engine(uint32_t backend, uint64_t cache_bytes) {
    wt_engine engine = 0;
    struct wt_engine_options options = {.cache_bytes = cache_bytes, .backend = backend, .in_flight_bytes = 1 << 20};
    int result = test_engine_open(&options, &engine);
    if (backend != WT_BACKEND_THREADS && (result == -EPERM || result == -ENOSYS)) {
        options.backend = WT_BACKEND_THREADS;
        result = wt_engine_open(&options, &engine);
    }
    CHECK_OK(result);
    return engine;
}

static void each_place(void (*test)(struct place *, struct test_random *)) {
    static const uint32_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS, TEST_BACKEND_EXTERNAL};
    static const uint64_t caches[] = {128 << 10, 4 << 20};
    struct test_random random = test_random_of(test_seed());
    for (size_t i = 0; i < test_directory_count() * 6; i++) {
        const char *directory = test_directory(i / 6);
        struct wt_profile profile;
        CHECK_OK(wt_probe(directory, &profile));
        CONTEXT("backend %u, cache of %llu, in %s", backends[i % 3], (unsigned long long)caches[i / 3 % 2], directory);
        struct place place = {.engine = open_engine(backends[i % 3], caches[i / 3 % 2]),
                              .buffered = profile.path == WT_PATH_BUFFERED};
        snprintf(place.path, sizeof place.path, "%s/file", test_make_directory(directory));
        test(&place, &random);
        CHECK_OK(wt_engine_close(place.engine));
    }
}

/* The file as an ordinary descriptor reads it; the caller frees it. */
static uint8_t *read_path(const char *path, size_t length) {
    uint8_t *bytes = malloc(length);
    CHECK(bytes != NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    for (size_t at = 0; at < length;) {
        ssize_t n = pread(fd, bytes + at, length - at, (off_t)at);
        CHECK(n > 0);
        at += (size_t)n;
    }
    CHECK_EQ(close(fd), 0);
    return bytes;
}

/* Events of all threads: any of them takes any. The token is the length of the write. */
static void reap(wt_engine engine, _Atomic unsigned *in_flight, unsigned allowed) {
    struct wt_event events[IN_FLIGHT];
    while (atomic_load(in_flight) > allowed) {
        int count = wt_reap(engine, events, IN_FLIGHT, 1000000);
        CHECK_OK(count);
        for (int i = 0; i < count; i++) {
            CHECK_EQ(events[i].result, events[i].token);
            CHECK_EQ(events[i].stable_bytes, events[i].token);
        }
        atomic_fetch_sub(in_flight, (unsigned)count);
    }
}

static void write_or_submit(struct place *place, wt_file file, struct test_random *random, _Atomic unsigned *in_flight,
                            uint64_t offset, void *bytes, size_t length) {
    if (test_random_one_in(random, 2)) {
        CHECK_EQ(write_at(file, offset, bytes, length), length);
        return;
    }
    struct iovec iov = {bytes, length};
    atomic_fetch_add(in_flight, 1);
    CHECK_OK(wt_write_submit(file, &iov, 1, offset, WT_DURABILITY_FILE, 0, length));
    reap(place->engine, in_flight, IN_FLIGHT);
}

/* ---- disjoint: each thread has records of its own, that share blocks with those of others ------------------------ */

enum { RECORD = 333, RECORDS = 600 };

struct owner {
    struct place *place;
    struct test_random random;
    _Atomic unsigned *in_flight;
    unsigned index;
    uint64_t count;
    uint64_t *sequences; /* of all records; a thread uses its own */
};

static void check_record(wt_file file, uint64_t position, unsigned writer, uint64_t sequence) {
    uint8_t found[RECORD], expected[RECORD];
    CHECK_EQ(read_at(file, position * RECORD, found, RECORD), RECORD);
    record_make(expected, RECORD, position, writer, sequence);
    CHECK_BYTES(found, expected, RECORD);
}

static void *own_records(void *argument) {
    struct owner *owner = argument;
    wt_file file = open_file(owner->place->engine, owner->place->path);
    for (uint64_t i = 0; i < owner->count; i++) {
        uint64_t position = test_random_below(&owner->random, RECORDS / THREADS) * THREADS + owner->index;
        uint64_t *sequence = &owner->sequences[position];
        if (test_random_one_in(&owner->random, 3)) {
            uint8_t record[RECORD];
            record_make(record, RECORD, position, owner->index, ++*sequence);
            write_or_submit(owner->place, file, &owner->random, owner->in_flight, position * RECORD, record, RECORD);
        }
        if (*sequence > 0 && wt_size(file) >= (int64_t)((position + 1) * RECORD)) {
            check_record(file, position, owner->index, *sequence);
        }
    }
    CHECK_OK(wt_file_close(file));
    return NULL;
}

static void disjoint(struct place *place, struct test_random *random) {
    uint64_t sequences[RECORDS] = {0};
    _Atomic unsigned in_flight = 0;
    struct owner owners[THREADS];
    pthread_t threads[THREADS];
    wt_file file = open_file(place->engine, place->path);
    for (unsigned i = 0; i < THREADS; i++) {
        owners[i] = (struct owner){.place = place,
                                   .random = test_random_of(test_random_next(random)),
                                   .in_flight = &in_flight,
                                   .index = i,
                                   .count = test_scaled(400),
                                   .sequences = sequences};
        threads[i] = test_thread(own_records, &owners[i]);
    }
    uint64_t records = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        test_join(threads[i]);
    }
    reap(place->engine, &in_flight, 0);
    for (uint64_t position = 0; position < RECORDS; position++) {
        if (sequences[position] > 0) {
            check_record(file, position, (unsigned)position % THREADS, sequences[position]);
            records = position + 1;
        }
    }
    CHECK_EQ(wt_size(file), records * RECORD);
    CHECK_OK(wt_file_close(file));
    uint8_t *found = read_path(place->path, records * RECORD);
    for (uint64_t position = 0; position < records; position++) {
        uint8_t expected[RECORD] = {0};
        if (sequences[position] > 0) {
            record_make(expected, RECORD, position, (unsigned)position % THREADS, sequences[position]);
        }
        CHECK_BYTES(found + position * RECORD, expected, RECORD);
    }
    free(found);
}

TEST(threads_read_the_last_they_wrote_to_records_that_share_blocks) {
    each_place(disjoint);
}

/* ---- overlapping: an oracle says which write a unit may be of ---------------------------------------------------- */

struct overlap {
    struct place *place;
    struct record_oracle *oracle;
    uint32_t unit_bytes;
    uint64_t units, count;
    _Atomic unsigned in_flight;
    _Atomic uint64_t judged;
    atomic_bool stop;
};

struct overlapper {
    struct overlap *shared;
    struct test_random random;
    unsigned index;
};

static void *write_overlapping(void *argument) {
    struct overlapper *writer = argument;
    struct overlap *shared = writer->shared;
    wt_file file = open_file(shared->place->engine, shared->place->path);
    uint8_t *bytes = malloc((size_t)WIDEST * UNIT_MAX);
    CHECK(bytes != NULL);
    for (uint64_t sequence = 1; sequence <= shared->count; sequence++) {
        uint64_t count = 1 + test_random_below(&writer->random, WIDEST);
        uint64_t first = test_random_below(&writer->random, shared->units - count + 1);
        uint64_t began = record_oracle_begin(shared->oracle, first, count, writer->index, sequence);
        for (uint64_t i = 0; i < count; i++) {
            record_make(bytes + i * shared->unit_bytes, shared->unit_bytes, first + i, writer->index, sequence);
        }
        write_or_submit(shared->place, file, &writer->random, &shared->in_flight, first * shared->unit_bytes, bytes,
                        (size_t)(count * shared->unit_bytes));
        record_oracle_end(shared->oracle, first, count, began);
    }
    free(bytes);
    CHECK_OK(wt_file_close(file));
    return NULL;
}

static void *read_overlapping(void *argument) {
    struct overlapper *reader = argument;
    struct overlap *shared = reader->shared;
    wt_file file = open_file(shared->place->engine, shared->place->path);
    uint8_t *bytes = malloc((size_t)WIDEST * UNIT_MAX);
    CHECK(bytes != NULL);
    bool last; /* after the writers: that read is judged, however quick they were */
    do {
        last = atomic_load(&shared->stop);
        uint64_t count = 1 + test_random_below(&reader->random, WIDEST);
        uint64_t first = test_random_below(&reader->random, shared->units - count + 1);
        size_t length = (size_t)(count * shared->unit_bytes);
        uint64_t began = record_oracle_now(shared->oracle);
        CHECK_EQ(read_at(file, first * shared->unit_bytes, bytes, length), length);
        uint64_t ended = record_oracle_now(shared->oracle);
        for (uint64_t i = 0; i < count; i++) {
            bool judged = record_oracle_judge(shared->oracle, first + i, bytes + i * shared->unit_bytes, began, ended,
                                              shared->place->buffered);
            atomic_fetch_add(&shared->judged, judged ? 1u : 0u);
        }
    } while (!last);
    free(bytes);
    CHECK_OK(wt_file_close(file));
    return NULL;
}

/* Does to the file whatever leaves the units as they are. */
static void *disturb(void *argument) {
    struct overlapper *disturber = argument;
    struct overlap *shared = disturber->shared;
    uint64_t end = shared->units * shared->unit_bytes;
    wt_file file = open_file(shared->place->engine, shared->place->path);
    while (!atomic_load(&shared->stop)) {
        uint64_t offset = test_random_below(&disturber->random, end);
        switch (test_random_below(&disturber->random, 4)) {
        case 0:
            CHECK_OK(wt_truncate(file, end + offset));
            break;
        case 1:
            CHECK_OK(wt_allocate(file, offset, 1 + test_random_below(&disturber->random, 100000)));
            break;
        case 2:
            CHECK_OK(wt_sync(file));
            break;
        default:
            CHECK_OK(wt_file_close(file));
            file = open_file(shared->place->engine, shared->place->path);
        }
    }
    CHECK_OK(wt_truncate(file, end));
    CHECK_OK(wt_file_close(file));
    return NULL;
}

static void judge_all(struct overlap *shared, const uint8_t *bytes) {
    uint64_t now = record_oracle_now(shared->oracle);
    for (uint64_t unit = 0; unit < shared->units; unit++) {
        CHECK(record_oracle_judge(shared->oracle, unit, bytes + unit * shared->unit_bytes, now, now, false));
    }
}

static void overlap_units(struct place *place, struct test_random *random, uint32_t unit_bytes) {
    struct overlap shared = {.place = place,
                             .unit_bytes = unit_bytes,
                             .units = unit_bytes == UNIT_MAX ? 150 : 400,
                             .count = test_scaled(150)};
    shared.oracle = record_oracle_new(shared.units, unit_bytes);
    size_t length = (size_t)(shared.units * unit_bytes);
    uint8_t *bytes = malloc(length);
    CHECK(bytes != NULL);
    uint64_t began = record_oracle_begin(shared.oracle, 0, shared.units, THREADS, 1);
    for (uint64_t unit = 0; unit < shared.units; unit++) {
        record_make(bytes + unit * unit_bytes, unit_bytes, unit, THREADS, 1);
    }
    wt_file file = open_file(place->engine, place->path);
    CHECK_EQ(write_at(file, 0, bytes, length), length);
    record_oracle_end(shared.oracle, 0, shared.units, began);

    void *(*const work[])(void *) = {write_overlapping, write_overlapping, write_overlapping,
                                     read_overlapping,  read_overlapping,  disturb};
    enum { WORKERS = sizeof work / sizeof work[0], WRITERS = 3 };
    struct overlapper workers[WORKERS];
    pthread_t threads[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] =
            (struct overlapper){.shared = &shared, .random = test_random_of(test_random_next(random)), .index = i};
        threads[i] = test_thread(work[i], &workers[i]);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        if (i == WRITERS) {
            atomic_store(&shared.stop, true);
        }
        test_join(threads[i]);
    }
    reap(place->engine, &shared.in_flight, 0);
    CHECK_EQ(wt_size(file), length);
    CHECK_EQ(read_at(file, 0, bytes, length), length);
    judge_all(&shared, bytes);
    CHECK_OK(wt_file_close(file));
    free(bytes);
    bytes = read_path(place->path, length);
    judge_all(&shared, bytes);
    CHECK(atomic_load(&shared.judged) > 0);
    free(bytes);
    record_oracle_free(shared.oracle);
    CHECK_EQ(unlink(place->path), 0);
}

static void overlapping(struct place *place, struct test_random *random) {
    overlap_units(place, random, 64);
    overlap_units(place, random, 512);
    overlap_units(place, random, UNIT_MAX);
}

TEST(each_unit_of_overlapping_writes_is_of_a_write_that_none_came_after) {
    each_place(overlapping);
}

/* ---- several processes, some of them killed ---------------------------------------------------------------------- */

enum { PROCESSES = 4, SLOTS = 256, SLOT = 512, LIVES = 3 };

/* What the parent knows of a process that may be killed at any instant. */
struct ledger {
    _Atomic uint64_t begun[SLOTS]; /* the sequence of the last write that was begun to a slot */
    _Atomic uint64_t
        acknowledged[SLOTS]; /* and of the last one that returned; of a later write: that a force covered */
    _Atomic uint64_t count;  /* writes acknowledged */
};

struct life {
    struct ledger *ledger;
    unsigned index;
    uint32_t backend;
    const char *path;
    struct test_random random;
    uint64_t count; /* of writes; a process that is to be killed never ends */
};

static struct life life_of(struct ledger *ledgers, char (*paths)[512], struct test_random *random, unsigned index) {
    return (struct life){.ledger = &ledgers[index],
                         .index = index,
                         .backend = index % 2 == 0 ? WT_BACKEND_IO_URING : WT_BACKEND_THREADS,
                         .path = paths[index],
                         .random = test_random_of(test_random_next(random)),
                         .count = index == 0 ? test_scaled(300) : UINT64_MAX};
}

static void acknowledge(struct life *life, wt_engine engine, bool *pending, unsigned *in_flight, unsigned allowed) {
    struct wt_event events[IN_FLIGHT];
    while (*in_flight > allowed) {
        int count = wt_reap(engine, events, IN_FLIGHT, -1);
        CHECK_OK(count);
        for (int i = 0; i < count; i++) {
            uint64_t slot = events[i].token;
            CHECK_EQ(events[i].result, SLOT);
            pending[slot] = false;
            atomic_store(&life->ledger->acknowledged[slot], atomic_load(&life->ledger->begun[slot]));
            atomic_fetch_add(&life->ledger->count, 1);
        }
        *in_flight -= (unsigned)count;
    }
}

/* Begins a write: the record of the slot's next sequence. */
static void begin_record(struct life *life, uint64_t slot, uint8_t *record) {
    uint64_t sequence = atomic_load(&life->ledger->begun[slot]) + 1;
    record_make(record, SLOT, slot, life->index, sequence);
    atomic_store(&life->ledger->begun[slot], sequence);
}

static void write_durably(struct life *life) {
    bool pending[SLOTS] = {false};
    unsigned in_flight = 0;
    wt_engine engine = open_engine(life->backend, 128 << 10);
    wt_file file = open_file(engine, life->path);
    for (uint64_t i = 0; i < life->count; i++) {
        uint64_t slot = test_random_below(&life->random, SLOTS);
        if (pending[slot]) {
            acknowledge(life, engine, pending, &in_flight, 0);
        }
        uint8_t record[SLOT];
        begin_record(life, slot, record);
        struct iovec iov = {record, SLOT};
        pending[slot] = true;
        in_flight++;
        CHECK_OK(wt_write_submit(file, &iov, 1, slot * SLOT, WT_DURABILITY_FILE, 0, slot));
        acknowledge(life, engine, pending, &in_flight, i % 4 == 0 ? 0 : IN_FLIGHT - 1);
    }
    acknowledge(life, engine, pending, &in_flight, 0);
    CHECK_OK(wt_engine_close(engine));
}

static void write_later_and_force(struct life *life) {
    wt_engine engine = open_engine(life->backend, 128 << 10);
    wt_file file = open_file(engine, life->path);
    for (uint64_t done = 0; done < life->count;) {
        uint64_t slots[IN_FLIGHT], count = 1 + test_random_below(&life->random, IN_FLIGHT);
        for (uint64_t i = 0; i < count; i++) {
            slots[i] = test_random_below(&life->random, SLOTS);
            uint8_t record[SLOT];
            begin_record(life, slots[i], record);
            struct iovec iov = {record, SLOT};
            uint64_t offset = slots[i] * SLOT;
            CHECK_EQ(wt_write_with(file, &iov, 1, &offset, 0, WT_LATER, NULL), SLOT);
        }
        CHECK_OK(wt_force(file));
        for (uint64_t i = 0; i < count; i++) {
            atomic_store(&life->ledger->acknowledged[slots[i]], atomic_load(&life->ledger->begun[slots[i]]));
        }
        atomic_fetch_add(&life->ledger->count, count);
        done += count;
    }
    CHECK_OK(wt_engine_close(engine));
}

/* A file that another process has open is not to be had. */
static void intrude(void *argument) {
    char(*paths)[512] = argument;
    wt_engine engine = open_engine(WT_BACKEND_THREADS, 128 << 10);
    for (unsigned i = 1; i < PROCESSES; i++) {
        wt_file file = 0;
        CHECK_EQ(wt_file_open(engine, paths[i], WT_OPEN_READ, 0, WT_DURABILITY_FILE, &file), -EBUSY);
    }
    CHECK_OK(wt_engine_close(engine));
}

/* After a kill a slot has the write that was acknowledged last or one begun since, whole. */
static void check_slots(const struct ledger *ledger, const char *path, unsigned index) {
    static const uint8_t zeros[SLOT];
    struct stat stat_of;
    CHECK_EQ(stat(path, &stat_of), 0);
    uint8_t *found = read_path(path, (size_t)stat_of.st_size);
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        uint64_t least = atomic_load(&ledger->acknowledged[slot]), most = atomic_load(&ledger->begun[slot]);
        bool exists = (slot + 1) * SLOT <= (uint64_t)stat_of.st_size;
        if (!exists || memcmp(found + slot * SLOT, zeros, SLOT) == 0) {
            CHECK_EQ(least, 0);
            continue;
        }
        uint8_t expected[SLOT];
        uint64_t sequence = record_sequence(found + slot * SLOT);
        if (sequence < least || sequence > most) {
            test_fail(__FILE__, __LINE__, "slot %llu of process %u has write %llu, and not %llu..%llu",
                      (unsigned long long)slot, index, (unsigned long long)sequence, (unsigned long long)least,
                      (unsigned long long)most);
        }
        record_make(expected, SLOT, slot, index, sequence);
        CHECK_BYTES(found + slot * SLOT, expected, SLOT);
    }
    free(found);
}

static void await_writes(const struct ledger *ledger, uint64_t count, pid_t child) {
    while (atomic_load(&ledger->count) < count) {
        CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
        sched_yield();
    }
}

static void live_and_die(void (*live)(struct life *), struct ledger *ledgers, char (*paths)[512],
                         struct test_random *random) {
    pid_t children[PROCESSES];
    uint64_t before[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++) {
        struct life life = life_of(ledgers, paths, random, i);
        before[i] = atomic_load(&ledgers[i].count);
        fflush(NULL);
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
            live(&life);
            fflush(NULL);
            _exit(0);
        }
    }
    for (unsigned i = 1; i < PROCESSES; i++) {
        await_writes(&ledgers[i], before[i] + 1, children[i]);
    }
    CHECK_EQ(test_in_child(intrude, paths), 0);
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = 0;
        if (i > 0) {
            await_writes(&ledgers[i], before[i] + test_random_below(random, test_scaled(100) + 1), children[i]);
            CHECK_EQ(kill(children[i], SIGKILL), 0);
        }
        CHECK_EQ(waitpid(children[i], &status, 0), children[i]);
        CHECK(i == 0 ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status));
    }
    wt_engine engine = open_engine(WT_BACKEND_THREADS, 128 << 10);
    for (unsigned i = 0; i < PROCESSES; i++) {
        CHECK_OK(wt_file_close(open_file(engine, paths[i])));
        check_slots(&ledgers[i], paths[i], i);
    }
    CHECK_OK(wt_engine_close(engine));
}

static void live_and_die_in_each_directory(void (*live)(struct life *)) {
    struct test_random random = test_random_of(test_seed());
    for (size_t i = 0; i < test_directory_count(); i++) {
        CONTEXT("in %s", test_directory(i));
        const char *directory = test_make_directory(test_directory(i));
        char paths[PROCESSES][512];
        for (unsigned j = 0; j < PROCESSES; j++) {
            snprintf(paths[j], sizeof paths[j], "%s/%u", directory, j);
        }
        struct ledger *ledgers =
            mmap(NULL, PROCESSES * sizeof *ledgers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(ledgers != MAP_FAILED);
        for (unsigned life = 0; life < LIVES; life++) {
            live_and_die(live, ledgers, paths, &random);
        }
        CHECK_EQ(munmap(ledgers, PROCESSES * sizeof *ledgers), 0);
    }
}

TEST(processes_keep_what_was_acknowledged_in_files_of_their_own_however_often_they_are_killed) {
    live_and_die_in_each_directory(write_durably);
}

TEST(processes_keep_what_a_force_covered_in_files_of_their_own_however_often_they_are_killed) {
    live_and_die_in_each_directory(write_later_and_force);
}
