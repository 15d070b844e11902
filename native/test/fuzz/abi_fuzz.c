// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Calls of the C ABI as no sane caller makes them: an input is a program of calls on two engines and some files, whose handles
 * may be closed, of the wrong kind or invented, with any offset, length and buffer, by one thread or by several at once. Each call
 * has to end, with a count or an error that is one; nothing may be touched but the caller's buffers, and nothing be left when
 * the engines are closed: no memory, no descriptor, no event that was promised. See CMakeLists.txt beside this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/engine.h"
#include "engine/objects.h"
#include "sim_disk.h"
#include "test.h"
#include "writethrough.h"

enum {
    ENGINES = 2,
    FILES = 6,
    MAPPINGS = 4,
    PINS = 4,
    SEGMENTS = 5,
    SEGMENT_MOST = 20000,
    CALLS_MOST = 60,
    ROOM = 4 << 20, /* no file grows past it, and no disk has more */
    TOKENS = 256,
#if __has_feature(thread_sanitizer)
    ALWAYS_SEVERAL = true,
    THREADS = 4,
#else
    ALWAYS_SEVERAL = false,
    THREADS = 2,
#endif
};

/* What an input works on. The handles stay when what they stood for is closed. */
struct world {
    struct sim *sim; /* NULL: real files, in the directory */
    uint32_t backend;
    const char *directory;
    _Atomic wt_engine engines[ENGINES];
    _Atomic wt_file files[FILES];
    _Atomic wt_mapping mappings[MAPPINGS]; /* those that have ended too; 0: none */
    _Atomic wt_pin_id pins[PINS];          /* those that were given back too; 0: none */
    atomic_uint submitted;
    atomic_uint reaped;
    bool alone; /* one thread: then a handle that was closed is known to be */
};

struct input {
    struct world *world;
    const uint8_t *bytes;
    size_t left;
    wt_lane lane; /* of this thread; it stays when the lane is closed */
    bool lane_is_open;
    unsigned lane_begun, lane_ended;
};

static uint8_t take(struct input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->bytes++;
}

static uint64_t take_number(struct input *input, unsigned bytes) {
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8 | take(input);
    }
    return number;
}

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

static uint64_t take_offset(struct input *input) {
    uint8_t kind = take(input);
    switch (kind & 7) {
    case 0:
        return take_number(input, 8);
    case 1:
        return (uint64_t)INT64_MAX - take(input);
    case 2:
        return UINT64_MAX - take(input);
    case 3:
        return (uint64_t)(kind >> 3) * 4096 + take(input) % 3 - 1;
    default:
        return take_number(input, 2) % 100000;
    }
}

/* A range that costs little if it is one. */
static uint64_t take_length(struct input *input) {
    return (take(input) & 7) == 0 ? UINT64_MAX - take_number(input, 3) : take_number(input, 3) % (1 << 20);
}

static wt_file take_file(struct input *input) {
    uint8_t kind = take(input);
    switch (kind & 15) {
    case 0:
        return 0;
    case 1:
        return take_number(input, 8);
    case 2:
        return atomic_load(&input->world->engines[kind >> 4 & 1]);
    case 3:
        return atomic_load(&input->world->files[(kind >> 4) % FILES]) + 1;
    default:
        return atomic_load(&input->world->files[(kind >> 4) % FILES]);
    }
}

static wt_engine take_engine(struct input *input) {
    uint8_t kind = take(input);
    switch (kind & 15) {
    case 0:
        return take_number(input, 8);
    case 1:
        return atomic_load(&input->world->files[(kind >> 4) % FILES]);
    default:
        return atomic_load(&input->world->engines[kind >> 4 & 1]);
    }
}

/* Segments of memory that have exactly their length, or none, or what is no memory at all. */
struct buffers {
    struct iovec iov[SEGMENTS];
    int count;
    bool absent;
};

static struct buffers take_buffers(struct input *input) {
    struct buffers buffers = {.count = take(input) % (SEGMENTS + 1)};
    uint8_t kind = take(input);
    for (int i = 0; i < buffers.count; i++) {
        size_t length = (kind & 3) == 0 ? take(input) : take_number(input, 2) % SEGMENT_MOST;
        buffers.iov[i] = (struct iovec){malloc(length), length};
        memset(buffers.iov[i].iov_base, (int)length & 255, length);
    }
    if ((kind & 0xfc) == 0x4) {
        buffers.count = -1 - take(input);
    } else if ((kind & 0xfc) == 0x8) {
        buffers.absent = true;
    } else if ((kind & 0xfc) == 0xc && buffers.count > 0) {
        free(buffers.iov[0].iov_base);
        buffers.iov[0].iov_base = NULL;
    } else if ((kind & 0xfc) == 0x10 && buffers.count > 1) {
        buffers.iov[1].iov_len = SIZE_MAX - take(input); /* past the largest sum, so refused before it is looked at */
    }
    return buffers;
}

static struct iovec *iov_of(struct buffers *buffers) {
    return buffers->absent ? NULL : buffers->iov;
}

/* The library has no pointer into them any more. */
static void free_buffers(struct buffers *buffers) {
    for (int i = 0; i < SEGMENTS; i++) {
        free(buffers->iov[i].iov_base);
    }
}

static uint64_t length_of(const struct buffers *buffers) {
    uint64_t length = 0;
    for (int i = 0; i < buffers->count; i++) {
        length += buffers->iov[i].iov_len;
    }
    return length;
}

static void check_result(int64_t result, uint64_t most) {
    CHECK(result < 0 ? wt_errno_name((int)-result) != NULL : (uint64_t)result <= most);
}

/* ---- calls ----------------------------------------------------------------------------------------------------------- */

static int open_engine(struct world *world, wt_engine *engine) {
    const struct wt_engine_options options = {.cache_bytes = 256 << 10,
                                              .in_flight_bytes = 64 << 10,
                                              .ring_entries = 8,
                                              .threads = 2,
                                              .backend = world->backend};
    return world->sim ? wt_engine_open_on(&options, sim_attach(world->sim), engine) : wt_engine_open(&options, engine);
}

static void call_open_engine(struct input *input) {
    struct wt_engine_options options = {.cache_bytes = take_number(input, 3),
                                        .in_flight_bytes = take_number(input, 3),
                                        .ring_entries = (uint32_t)take_number(input, 2),
                                        .backend = take(input) % 4u,
                                        .threads = take(input),
                                        .flags = take(input) == 255 ? 4 : 0};
    wt_engine engine = 0;
    int result = wt_engine_open(take(input) == 255 ? NULL : &options, &engine);
    check_result(result, 0);
    if (result == 0) {
        CHECK_OK(wt_engine_close(engine));
        CHECK_EQ(wt_engine_close(engine), -EBADF);
    }
    CHECK_EQ(wt_engine_open(&options, NULL), -EINVAL);
}

static void call_open(struct input *input) {
    static const char *const names[] = {"a", "b", "a", "b", "missing/a", "", ".", "a/b"};
    struct world *world = input->world;
    char path[300];
    uint8_t slot = take(input) % FILES, name = take(input) % 8;
    uint32_t flags = take(input) & 63u;
    (void)snprintf(path, sizeof path, "%s%s%s", world->sim ? "" : world->directory, world->sim ? "" : "/", names[name]);
    if (world->sim && name > 3) {
        return; /* a simulated disk has no directories */
    }
    wt_file file = 0;
    wt_engine engine = take_engine(input);
    uint32_t durability = take(input) % 5u;
    int result = wt_file_open(engine, path, flags | WT_OPEN_READ, 0600, durability, &file);
    check_result(result, 0);
    if (result == 0) {
        wt_file before = atomic_exchange(&world->files[slot], file);
        (void)wt_file_close(before);
        CHECK(!world->alone || wt_file_close(before) == -EBADF);
    }
    CHECK_EQ(wt_file_open(engine, NULL, flags, 0, 0, &file), -EINVAL);
    CHECK_EQ(wt_file_open(engine, path, flags, 0, 0, NULL), -EINVAL);
}

static void call_write(struct input *input) {
    wt_file file = take_file(input);
    struct buffers buffers = take_buffers(input);
    uint64_t offset = take_offset(input), stable = 0;
    uint8_t how = take(input);
    uint32_t flags = how >> 4 | ((how & 7) > WT_DURABILITY_SYNC ? WT_LATER : 0);
    uint32_t durability = (how & 7) == 7 ? 0 : how & 7u;
    int64_t result = how & 8 ? wt_write_with(file, iov_of(&buffers), buffers.count, &offset, durability, flags, &stable)
                             : wt_write(file, iov_of(&buffers), buffers.count, offset, durability, &stable);
    check_result(result, length_of(&buffers));
    CHECK(result < 0 || (uint64_t)result == length_of(&buffers));
    free_buffers(&buffers);
}

static void call_read(struct input *input) {
    wt_file file = take_file(input);
    struct buffers buffers = take_buffers(input);
    uint64_t offset = take_offset(input);
    uint8_t how = take(input);
    int64_t result = how & 1 ? wt_read(file, iov_of(&buffers), buffers.count, offset)
                             : wt_read_cached(file, iov_of(&buffers), buffers.count, offset);
    check_result(result, length_of(&buffers));
    if (how & 128) {
        const struct wt_prefetch_range ranges[] = {{offset, take_length(input)}, {take_offset(input), 1}};
        check_result(wt_prefetch_ranges(file, ranges, (how >> 1 & 3) - 1), 0);
    }
    free_buffers(&buffers);
}

/* A pin takes the place of another one, which is given back then. */
static void call_pin(struct input *input) {
    struct world *world = input->world;
    wt_file file = take_file(input);
    uint64_t offset = take_offset(input), length = take_length(input);
    uint8_t how = take(input);
    struct wt_pinned pinned;
    int64_t result = wt_pin(file, offset, length, how & 3u, &pinned);
    check_result(result, length);
    if (result > 0) {
        uint64_t bytes = 0;
        for (uint32_t i = 0; i < pinned.run_count; i++) {
            bytes += pinned.runs[i].iov_len;
        }
        CHECK_EQ(bytes, result);
        (void)wt_unpin(atomic_exchange(&world->pins[(how >> 2) % PINS], pinned.pin));
    }
    if (how & 32) {
        wt_pin_id pin = atomic_load(&world->pins[(how >> 2) % PINS]);
        (void)wt_unpin(pin);
        CHECK_EQ(wt_unpin(pin), -EBADF);
    }
    CHECK_EQ(wt_pin(file, offset, length, 0, NULL), -EINVAL);
    CHECK_EQ(wt_unpin(file), -EBADF);
}

/* An event is promised, if there is still an engine to take it from. */
static void call_submit(struct input *input) {
    struct world *world = input->world;
    wt_file file = take_file(input);
    struct buffers buffers = take_buffers(input);
    uint64_t offset = take_offset(input);
    uint8_t how = take(input);
    int result;
    if (how & 8) {
        result = wt_fetch_submit(file, offset, take_length(input), how >> 4, 0);
    } else if (how & 128) {
        struct wt_submission submissions[2];
        for (int i = 0; i < 2; i++) {
            submissions[i] = (struct wt_submission){.file = i == 0 ? file : take_file(input),
                                                    .iov = iov_of(&buffers),
                                                    .iov_count = buffers.count,
                                                    .durability = how & 7u,
                                                    .offset = offset,
                                                    .flags = how >> 4 & 7u};
        }
        result = wt_write_submit_all(submissions, 2);
        check_result(result, 2);
        result = submissions[0].result;
        atomic_fetch_add(&world->submitted, submissions[1].result == 0);
    } else {
        result = wt_write_submit(file, iov_of(&buffers), buffers.count, offset, how & 7u, how >> 4, 0);
    }
    check_result(result, 0);
    atomic_fetch_add(&world->submitted, result == 0);
    free_buffers(&buffers);
}

static void call_reap(struct input *input) {
    struct wt_event events[4];
    wt_engine engine = take_engine(input);
    uint8_t how = take(input);
    int result = wt_reap(engine, how & 8 ? NULL : events, (how & 7) - 1, how >> 4);
    check_result(result, 4);
    atomic_fetch_add(&input->world->reaped, result > 0 ? (unsigned)result : 0);
}

static wt_lane take_lane(struct input *input) {
    uint8_t kind = take(input);
    return kind < 200 ? input->lane : kind < 220 ? take_file(input) : take_number(input, 8);
}

static void open_or_close_lane(struct input *input, uint8_t how) {
    if (!input->lane_is_open) {
        int result = wt_lane_open(take_engine(input), how & 8 ? how : 0, how & 16 ? NULL : &input->lane);
        check_result(result, 0);
        input->lane_is_open = result == 0;
        input->lane_begun = input->lane_ended = 0;
    } else if (how & 8) {
        CHECK_OK(wt_lane_close(input->lane));
        CHECK_EQ(wt_lane_close(input->lane), -EPERM);
        input->lane_is_open = false;
    }
}

static void begin_by_lane(struct input *input, uint8_t how) {
    wt_lane lane = take_lane(input);
    wt_file file = take_file(input);
    uint64_t offset = take_offset(input);
    int result;
    if (how & 8) {
        result = wt_lane_fetch(lane, file, offset, take_length(input), how >> 5, 0);
    } else {
        struct buffers buffers = take_buffers(input);
        result = wt_lane_write(lane, file, iov_of(&buffers), buffers.count, offset, how >> 4 & 3u, how >> 6, 0);
        free_buffers(&buffers);
    }
    check_result(result, 0);
    CHECK(result != 0 || (input->lane_is_open && lane == input->lane));
    input->lane_begun += result == 0;
}

static void call_lane(struct input *input) {
    struct wt_event events[4];
    uint8_t how = take(input);
    if ((how & 7) == 0) {
        open_or_close_lane(input, how);
    } else if ((how & 7) < 5) {
        begin_by_lane(input, how);
    } else if ((how & 7) == 5) {
        check_result(wt_lane_send(take_lane(input)), 0);
    } else {
        wt_lane lane = take_lane(input);
        int result = wt_lane_poll(lane, how & 128 ? NULL : events, (how >> 3 & 7) - 1, how >> 6);
        check_result(result, 4);
        input->lane_ended += result > 0 ? (unsigned)result : 0;
        CHECK(input->lane_ended <= input->lane_begun);
    }
}

/* What the lane has begun ends. */
static void end_lane(struct input *input) {
    struct wt_event events[4];
    int count;
    while (input->lane_is_open && (count = wt_lane_poll(input->lane, events, 4, -1)) > 0) {
        input->lane_ended += (unsigned)count;
    }
    if (input->lane_is_open) {
        CHECK_EQ(input->lane_ended, input->lane_begun);
        CHECK_OK(wt_lane_close(input->lane));
    }
}

static void call_ranges(struct input *input) {
    wt_file file = take_file(input);
    uint8_t which = take(input) % 5;
    uint64_t offset = take_offset(input);
    switch (which) {
    case 0:
        check_result(wt_truncate(file, offset), 0);
        break;
    case 1:
        check_result(wt_allocate(file, offset, take_length(input)), 0);
        break;
    case 2:
        check_result(wt_punch_hole(file, offset, take_length(input)), 0);
        break;
    case 3:
        check_result(wt_zero(file, offset, take_length(input)), 0);
        break;
    default:
        check_result(wt_file_grow_ahead(file, take_length(input)), 0);
        break;
    }
}

static void call_rename(struct input *input) {
    char from[300], to[300];
    struct world *world = input->world;
    uint8_t names = take(input);
    (void)snprintf(from, sizeof from, "%s/%s", world->directory, names & 1 ? "a" : "b");
    (void)snprintf(to, sizeof to, "%s/%s", world->directory, names & 2 ? "a" : "missing/b");
    wt_file file = take_file(input);
    check_result(wt_file_rename(file, names & 4 ? NULL : from, names & 8 ? NULL : to, names >> 6), 0);
}

static void call_look(struct input *input) {
    struct wt_profile profile;
    struct wt_engine_stats stats;
    wt_file file = take_file(input);
    wt_engine engine = take_engine(input);
    uint8_t absent = take(input);
    check_result(wt_size(file), INT64_MAX);
    check_result(absent & 4 ? wt_force(file) : wt_sync(file), 0);
    check_result((absent & 24) == 24 ? wt_file_begin_mapping(file) : 0, 0);
    check_result(wt_file_descriptor(file), INT_MAX);
    check_result(wt_file_profile(file, absent & 1 ? NULL : &profile), 0);
    check_result(wt_engine_stats(engine, absent & 2 ? NULL : &stats), 0);
    check_result(wt_engine_backend(engine), 3);
}

/* No memory is mapped: only the engine is told so. */
static void begin_mapping(struct input *input, uint8_t how) {
    struct world *world = input->world;
    wt_file file = take_file(input);
    uint64_t end = how & 8 ? take_offset(input) : 0;
    wt_mapping mapping = 0;
    int result = wt_mapping_begin(file, 0, end, how & 16 ? NULL : &mapping);
    check_result(result, 1);
    CHECK((result < 0) == (mapping == 0));
    if (result >= 0) {
        (void)wt_mapping_end(atomic_exchange(&world->mappings[(how >> 5) % MAPPINGS], mapping));
    }
}

static void call_mapping(struct input *input) {
    struct world *world = input->world;
    uint8_t how = take(input);
    if ((how & 7) < 5) {
        begin_mapping(input, how);
    } else if ((how & 7) == 5) {
        check_result(wt_mapping_end(take_number(input, 8)), 0);
    } else {
        wt_mapping mapping = atomic_load(&world->mappings[(how >> 5) % MAPPINGS]);
        check_result(wt_mapping_end(mapping), 0);
        CHECK(!world->alone || wt_mapping_end(mapping) == -EBADF);
    }
}

static void call_close(struct input *input) {
    wt_file file = take_file(input);
    int result = wt_file_close(file);
    check_result(result, 0);
    if (input->world->alone) {
        uint8_t byte = 0;
        struct iovec iov = {&byte, 1};
        CHECK_EQ(wt_file_close(file), -EBADF);
        CHECK_EQ(wt_write(file, &iov, 1, 0, 0, NULL), -EBADF);
        CHECK_EQ(wt_read(file, &iov, 1, 0), -EBADF);
        CHECK_EQ(wt_write_submit(file, &iov, 1, 0, 0, 0, 0), -EBADF);
        CHECK_EQ(wt_size(file), -EBADF);
        CHECK_EQ(wt_sync(file), -EBADF);
        CHECK_EQ(wt_force(file), -EBADF);
    }
}

static void call_end_engine(struct input *input) {
    uint8_t how = take(input);
    wt_engine engine = take_engine(input);
    if (how < 160) {
        check_result(wt_engine_shutdown(engine), 0);
    } else if (how > 240) {
        check_result(wt_engine_close(engine), 0);
    }
}

static void (*const calls[])(struct input *) = {
    call_open,  call_write, call_write, call_read,   call_submit,     call_submit, call_reap, call_look,
    call_close, call_open,  call_write, call_ranges, call_end_engine, call_rename, call_lane, call_lane,
};

static void *run(void *argument) {
    struct input *input = argument;
    for (int i = 0; i < CALLS_MOST && input->left > 0; i++) {
        uint8_t which = take(input);
        if (which == 255) {
            call_open_engine(input);
        } else if (which > 240) {
            call_mapping(input);
        } else if (which > 224) {
            call_pin(input);
        } else {
            calls[which % (sizeof calls / sizeof calls[0])](input);
        }
    }
    end_lane(input);
    return NULL;
}

/* ---- a world for each input ------------------------------------------------------------------------------------------ */

static const char *real_directory(void) {
    static char directory[256];
    if (directory[0] == '\0') {
        (void)snprintf(directory, sizeof directory, "%s", test_make_directory(test_directory(0)));
        const struct rlimit limit = {ROOM, ROOM};
        CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    return directory;
}

static void make_world(struct world *world, uint8_t kind) {
    const struct sim_options options = {
        .seed = kind,
        .capacity_bytes = ROOM,
        .block_bytes = kind & 16 ? 512 : 4096,
        .threaded = true, /* who closes a file waits for its I/O, which only then another completes */
        .buffered = kind & 32,
        .write_zeroes = kind & 64,
        .no_deallocate = kind & 128};
    world->directory = real_directory();
    if (kind & 3) {
        world->sim = sim_new(&options);
    } else {
        world->backend = kind & 4 ? WT_BACKEND_AUTO : WT_BACKEND_THREADS;
    }
    for (int i = 0; i < ENGINES; i++) {
        wt_engine engine = 0;
        CHECK_OK(open_engine(world, &engine));
        atomic_init(&world->engines[i], engine);
    }
}

/* Everything that was promised comes; then nothing is left. */
static void end_world(struct world *world) {
    struct wt_event events[16];
    for (int i = 0; i < ENGINES; i++) {
        wt_engine engine = atomic_load(&world->engines[i]);
        bool open = wt_engine_shutdown(engine) != -EBADF;
        int count = 0;
        while ((count = wt_reap(engine, events, 16, -1)) > 0) {
            atomic_fetch_add(&world->reaped, (unsigned)count);
        }
        CHECK_EQ(count, open ? -ESHUTDOWN : -EBADF);
        struct wt_engine_stats stats = {0};
        if (open) {
            CHECK_OK(wt_engine_stats(engine, &stats));
            CHECK_EQ(stats.open_files, 0);
            CHECK_EQ(stats.in_flight_bytes, 0);
        }
        check_result(wt_engine_close(engine), 0);
        CHECK_EQ(wt_engine_close(engine), -EBADF);
    }
    CHECK(atomic_load(&world->reaped) <= atomic_load(&world->submitted));
    for (int i = 0; i < MAPPINGS; i++) {
        (void)wt_mapping_end(atomic_load(&world->mappings[i])); /* a mapping outlives its engine */
    }
    for (int i = 0; i < PINS; i++) {
        (void)wt_unpin(atomic_load(&world->pins[i])); /* and so does the number of a pin */
    }
    if (world->sim) {
        sim_free(world->sim);
    }
}

/* Each thread has its part of the input. */
static void run_threads(struct world *world, const uint8_t *bytes, size_t size, unsigned count) {
    pthread_t threads[THREADS];
    struct input inputs[THREADS];
    for (unsigned i = 0; i < count; i++) {
        size_t from = size * i / count;
        inputs[i] = (struct input){.world = world, .bytes = bytes + from, .left = size * (i + 1) / count - from};
        CHECK(i == 0 || pthread_create(&threads[i], NULL, run, &inputs[i]) == 0);
    }
    (void)run(&inputs[0]);
    for (unsigned i = 1; i < count; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static int lowest_descriptor(void) {
    int fd = dup(STDERR_FILENO);
    CHECK(fd >= 0 && close(fd) == 0);
    return fd;
}

static void give_up(void) {
    abort(); /* so that the fuzzer keeps the input */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return -1;
    }
    test_on_failure = give_up;
    uint8_t kind = bytes[0];
    struct world world = {.alone = !(kind & 8) && !ALWAYS_SEVERAL};
    int descriptor = lowest_descriptor();
    make_world(&world, kind);
    run_threads(&world, bytes + 1, size - 1, world.alone ? 1 : THREADS);
    end_world(&world);
    CHECK_EQ(lowest_descriptor(), descriptor);
    return 0;
}
