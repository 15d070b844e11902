// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#define _GNU_SOURCE
#include "exercise.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core.h"
#include "external.h"
#include "ground.h"
#include "history.h"

enum { HANDLES = 4, TOKENS = 32, BATCH = 8, SEGMENTS = 24, PAGE = 4096, CHUNK = 4 << 20 };
enum { HANGS_SECONDS = 120, LAST_PRINTED = 12 };

struct handle {
    wt_file file; /* 0: none */
    bool readable, writable;
};

/* An asynchronous operation whose event has not come; its token is its index. */
struct pending {
    bool used, fetch;
    bool settled; /* a write that is known to have ended, since something waited for it */
    unsigned handle;
    uint64_t offset, length;
    struct history_entry *entry;
};

struct run {
    const struct exercise_options *options;
    struct ground ground;
    wt_engine engine;
    uint64_t refused;               /* of its writes, counted as errors */
    struct handle handles[HANDLES]; /* the first one reads and writes, and is open between operations */
    uint32_t block_bytes;

    struct model model; /* with what is in flight */
    uint64_t least;     /* the size without what is in flight */
    uint64_t ahead;     /* so much longer than that the file on disk may be, by zeros */
    bool on_device;     /* some writes are not durable before a sync */
    bool later;         /* some later writes may not have reached the file */
    uint64_t reached;   /* the size that the file had reached before them */

    struct pending pending[TOKENS];
    unsigned pending_count;
    wt_lane lane;          /* 0: none yet */
    unsigned lane_pending; /* of these, by the lane */

    uint64_t operation;
    struct test_random random; /* of this operation, so that what it draws moves no other */
    uint64_t last_offset, last_end;
    uint64_t total_weight;
    uint8_t *bytes; /* of the longest operation and a page */
    struct history *history;
};

static struct run *current;
static uint64_t spoil_after;
static char replay[600];

/* ---- backends ----------------------------------------------------------------------------------------------------- */

const struct exercise_backend exercise_backends[] = {
    {"io_uring", WT_BACKEND_IO_URING},   {"threads", WT_BACKEND_THREADS},   {"kernel", WT_BACKEND_KERNEL},
    {"external", TEST_BACKEND_EXTERNAL}, {"simulated", EXERCISE_SIMULATED}, {0}};

static const char *name_of(uint32_t backend) {
    const struct exercise_backend *one = exercise_backends;
    while (one->name != NULL && one->backend != backend) {
        one++;
    }
    return one->name != NULL ? one->name : "auto";
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void describe(const struct exercise_options *options, char *line, size_t room, uint64_t operations) {
    int at = snprintf(line, room, "exerciser --seed=%" PRIu64 " --operations=%" PRIu64, options->seed, operations);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"file-bytes", options->file_bytes},   {"longest-bytes", options->longest_bytes},
        {"cache-bytes", options->cache_bytes}, {"in-flight-bytes", options->in_flight_bytes},
        {"block-bytes", options->block_bytes},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].value != 0) {
            at += snprintf(line + at, room - (size_t)at, " --%s=%" PRIu64, numbers[i].name, numbers[i].value);
        }
    }
    at += snprintf(line + at, room - (size_t)at, " --backend=%s", name_of(options->backend));
    if (options->weights != NULL && at < (int)room) {
        at += snprintf(line + at, room - (size_t)at, " --weights=%s", options->weights);
    }
    if (options->directory != NULL && at < (int)room) {
        snprintf(line + at, room - (size_t)at, " --directory=%s", options->directory);
    }
}

static void (*print_ground)(void); /* what the simulated disk has to say */

static void print_run(void) {
    struct run *run = current;
    if (print_ground != NULL) {
        print_ground();
    }
    describe(run->options, replay, sizeof replay, run->operation);
    printf("  In operation %" PRIu64 "; the size is %" PRIu64 ", of which %" PRIu64
           " are acknowledged; blocks of %u, cache of %" PRIu64 ", %u in flight\n",
           run->operation, run->model.size, run->least, run->block_bytes, run->ground.engine_options.cache_bytes,
           run->pending_count);
    history_print_last(run->history, LAST_PRINTED);
    printf("  The file: %s\n  Again with: %s\n", run->ground.path, replay);
}

static void on_hang(int number) {
    (void)number;
    static const char message[] = "FAIL: hangs. Again with: ";
    ssize_t ignored = write(STDOUT_FILENO, message, sizeof message - 1);
    ignored = write(STDOUT_FILENO, replay, strlen(replay));
    ignored = write(STDOUT_FILENO, "\n", 1);
    (void)ignored;
    abort();
}

/* ---- what must hold ---------------------------------------------------------------------------------------------- */

static bool is_quiescent(const struct run *run) {
    for (unsigned i = 0; i < TOKENS; i++) {
        if (run->pending[i].used && !run->pending[i].fetch && !run->pending[i].settled) {
            return false;
        }
    }
    return true;
}

static void check_same(struct run *run, const char *what, uint64_t offset, const uint8_t *found, size_t length) {
    const uint8_t *expected = run->model.bytes + offset;
    if (length == 0 || memcmp(found, expected, length) == 0) {
        return;
    }
    size_t first = 0;
    while (found[first] == expected[first]) {
        first++;
    }
    size_t last = length - 1;
    while (found[last] == expected[last]) {
        last--;
    }
    printf("%s of %" PRIu64 "..%" PRIu64 ": bytes from %" PRIu64 " (0x%" PRIx64 ") to %" PRIu64 " differ\n", what,
           offset, offset + length, offset + first, offset + first, offset + last);
    history_explain(run->history, offset + first, found + first, expected + first, last - first + 1);
    test_fail(__FILE__, __LINE__, "%s: the byte at %" PRIu64 " is 0x%02x and not 0x%02x", what, offset + first,
              found[first], expected[first]);
}

static void check_between(const char *what, uint64_t value, uint64_t low, uint64_t high) {
    if (value < low || value > high) {
        test_fail(__FILE__, __LINE__, "%s is %" PRIu64 " and not %" PRIu64 "..%" PRIu64, what, value, low, high);
    }
}

static void check_sizes(struct run *run) {
    int64_t known = wt_size(run->handles[0].file);
    CHECK_OK(known);
    check_between("wt_size", (uint64_t)known, run->least, run->model.size);
    check_between("the size on disk", ground_size(&run->ground), run->later ? run->reached : (uint64_t)known,
                  run->model.size + run->ahead);
}

/* What another process reads is the model, and so is what a power cut leaves. Nothing is in flight. */
static void check_ground(struct run *run, uint64_t offset, uint64_t length, bool afresh) {
    if (offset >= run->model.size) {
        return;
    }
    uint64_t left = run->model.size - offset;
    uint8_t *found = malloc((size_t)(length < left ? length : left));
    size_t n = (size_t)(length < left ? length : left);
    CHECK(found != NULL);
    ground_peek(&run->ground, offset, found, n, afresh);
    check_same(run, "on disk", offset, found, n);
    if (!run->on_device && ground_peek_stable(&run->ground, offset, found, n)) {
        check_same(run, "on stable storage", offset, found, n);
    }
    free(found);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void raise_least(struct run *run, uint64_t end) {
    run->least = run->least > end ? run->least : end;
}

static void take_event(struct run *run, const struct wt_event *event) {
    CHECK(event->token < TOKENS);
    struct pending *pending = &run->pending[event->token];
    CHECK(pending->used);
    pending->used = false;
    run->pending_count--;
    history_end(pending->entry, event->result);
    if (pending->fetch) {
        CHECK_OK(event->result);
        CHECK((uint64_t)event->result <= pending->length);
    } else {
        CHECK_EQ(event->result, pending->length);
        CHECK_EQ(event->stable_bytes, pending->length);
        CHECK_EQ(event->offset, pending->offset);
        if (!pending->settled && pending->length > 0) {
            raise_least(run, pending->offset + pending->length);
        }
    }
}

/* Opened when it is needed first, in each engine. */
static wt_lane lane_of(struct run *run) {
    if (run->lane == 0) {
        CHECK_OK(wt_lane_open(run->engine, 8u << run->operation % 5, &run->lane));
    }
    return run->lane;
}

static void close_lane(struct run *run) {
    if (run->lane != 0) {
        CHECK_OK(wt_lane_close(run->lane));
    }
    run->lane = 0;
    run->lane_pending = 0;
}

/* Those of the lane come first, if it has any. */
static unsigned reap(struct run *run, unsigned most, int64_t timeout_ns) {
    struct wt_event events[TOKENS];
    bool by_lane = run->lane_pending > 0;
    int count = by_lane ? wt_lane_poll(run->lane, events, (int)most, timeout_ns)
                        : wt_reap(run->engine, events, (int)most, timeout_ns);
    run->lane_pending -= by_lane && count > 0 ? (unsigned)count : 0;
    CHECK_OK(count);
    CHECK(count <= (int)most);
    for (int i = 0; i < count; i++) {
        take_event(run, &events[i]);
    }
    return (unsigned)count;
}

static void reap_all(struct run *run) {
    while (run->pending_count > 0) {
        reap(run, TOKENS, -1);
    }
}

static unsigned free_token(struct run *run) {
    while (run->pending_count == TOKENS) {
        reap(run, TOKENS, -1);
    }
    unsigned token = 0;
    while (run->pending[token].used) {
        token++;
    }
    return token;
}

/* Something waited for the writes of a handle (HANDLES: of all), so that they have ended. */
static void settle(struct run *run, unsigned handle) {
    for (unsigned i = 0; i < TOKENS; i++) {
        struct pending *pending = &run->pending[i];
        if (pending->used && !pending->fetch && !pending->settled && (handle == HANDLES || pending->handle == handle)) {
            pending->settled = true;
            if (pending->length > 0) {
                raise_least(run, pending->offset + pending->length);
            }
        }
    }
}

/* ---- what an operation draws ------------------------------------------------------------------------------------- */

static uint64_t below(struct run *run, uint64_t bound) {
    return test_random_below(&run->random, bound);
}

static bool one_in(struct run *run, uint64_t n) {
    return below(run, n) == 0;
}

static uint64_t pick_unit(struct run *run) {
    const uint64_t units[] = {512, run->block_bytes, PAGE, (uint64_t)run->block_bytes * 64, CHUNK};
    return units[below(run, 5)];
}

/* At or near the end of the file, a boundary, the last operation, or anywhere. */
static uint64_t pick_offset(struct run *run) {
    uint64_t room = run->options->file_bytes;
    uint64_t unit = pick_unit(run);
    uint64_t offset = 0;
    switch (below(run, 8)) {
    case 0:
    case 1:
        offset = run->model.size;
        break;
    case 2:
        offset = below(run, room) / unit * unit;
        break;
    case 3:
        offset = run->last_end;
        break;
    case 4:
        offset = run->last_offset;
        break;
    case 5:
        offset = below(run, 30000);
        break;
    case 6:
        offset = below(run, run->model.size + 10000);
        break;
    default:
        offset = below(run, room);
    }
    static const uint64_t deltas[] = {1, 1, 10, 100, 512, PAGE, PAGE};
    uint64_t delta = one_in(run, 2) ? 0 : 1 + below(run, deltas[below(run, 7)]);
    offset = one_in(run, 2) ? offset + delta : offset > delta ? offset - delta : 0;
    return offset < room ? offset : room - 1 - below(run, room < 600 ? room : 600);
}

/* Up to the longest, the longer the less often. */
static uint64_t pick_long(struct run *run) {
    return 1 + below(run, (run->options->longest_bytes >> below(run, 12)) + 1);
}

/* Mostly short; often the length or the end is at a boundary or beside one. */
static uint64_t pick_length(struct run *run, uint64_t offset) {
    uint64_t unit = pick_unit(run);
    uint64_t length = 0;
    switch (below(run, 10)) {
    case 0:
        length = 1;
        break;
    case 1:
    case 2:
        length = 1 + below(run, 600);
        break;
    case 3:
        length = unit * (1 + below(run, 4)) + below(run, 3) - 1;
        break;
    case 4:
        length = run->block_bytes * (1 + below(run, 8));
        break;
    case 5:
        length = (offset / unit + 1) * unit - offset;
        break;
    case 6:
        length = run->model.size > offset ? run->model.size - offset + below(run, 3) - 1 : 100;
        break;
    case 7:
        length = pick_long(run);
        break;
    default:
        length = 1 + below(run, 1 + below(run, 3 * PAGE));
    }
    if (length == 0 || length > run->options->longest_bytes || (length > CHUNK / 16 && !one_in(run, 8))) {
        length = pick_long(run);
    }
    length = length < run->options->longest_bytes ? length : run->options->longest_bytes;
    return length < run->options->file_bytes - offset ? length : run->options->file_bytes - offset;
}

static void pick_range(struct run *run, uint64_t *offset, uint64_t *length) {
    *offset = pick_offset(run);
    *length = pick_length(run, *offset);
    run->last_offset = *offset;
    run->last_end = *offset + *length;
}

static unsigned pick_handle(struct run *run, bool writable) {
    unsigned handle = (unsigned)below(run, HANDLES);
    const struct handle *picked = &run->handles[handle];
    return picked->file != 0 && (writable ? picked->writable : picked->readable) ? handle : 0;
}

static uint32_t pick_durability(struct run *run) {
    uint32_t durability = one_in(run, 4) ? (uint32_t)below(run, 4) : WT_DURABILITY_DSYNC;
    return durability;
}

/* Of a write, beside WT_NOWAIT. */
static uint32_t pick_flags(struct run *run) {
    return (one_in(run, 8) ? WT_DONTCACHE : 0) | (one_in(run, 8) ? WT_HIGH_PRIORITY : 0);
}

/* Where the next append goes: behind all that has begun. Its length is cut to what the file has room for, perhaps to 0. */
static void pick_append(struct run *run, uint64_t *offset, uint64_t *length) {
    pick_range(run, offset, length);
    *offset = run->model.size;
    uint64_t room = run->options->file_bytes - *offset;
    *length = *length < room ? *length : room;
    run->last_offset = *offset;
    run->last_end = *offset + *length;
}

/* What is given as the offset of an append, which has to be ignored. */
static uint64_t ignored_offset(struct run *run) {
    return test_random_next(&run->random);
}

/* Memory for the bytes, with any alignment, in one segment or cut into several. Returns how many. */
static int pick_segments(struct run *run, uint8_t *memory, uint64_t length, struct iovec *iov) {
    unsigned count = one_in(run, 3) ? 1 + (unsigned)below(run, SEGMENTS) : 1;
    for (unsigned i = 0; i < count; i++) {
        uint64_t part = i + 1 == count ? length : one_in(run, 8) ? 0 : below(run, 2 * length / count + 1);
        part = part < length ? part : length;
        iov[i] = (struct iovec){.iov_base = memory, .iov_len = (size_t)part};
        memory += part;
        length -= part;
    }
    return (int)count;
}

/* ---- write and read ---------------------------------------------------------------------------------------------- */

static void note_write(struct run *run, const struct history_entry *entry) {
    run->on_device = run->on_device || entry->durability <= WT_DURABILITY_DEVICE;
    model_write(&run->model, entry->offset, run->bytes, (size_t)entry->length);
}

static struct history_entry *begin_write(struct run *run, const char *name, uint64_t offset, uint64_t length) {
    struct history_entry *entry = history_add(run->history, run->operation, name, HISTORY_BYTES, offset, length);
    entry->durability = pick_durability(run);
    entry->handle = pick_handle(run, true);
    history_bytes(entry->number, offset, run->bytes, (size_t)length);
    return entry;
}

/* A copy of the bytes to be written where the engine takes them from: the model must not see what it does to them. */
static uint8_t *source_of(struct run *run, uint64_t length) {
    uint8_t *source = run->bytes + run->options->longest_bytes + below(run, PAGE);
    memcpy(source, run->bytes, (size_t)length);
    return source;
}

static void check_written(struct run *run, struct history_entry *entry, int64_t result, uint64_t stable_bytes) {
    history_end(entry, result);
    CHECK_EQ(result, entry->length);
    CHECK_EQ(stable_bytes, entry->length);
    note_write(run, entry);
    if (entry->length > 0) {
        raise_least(run, entry->offset + entry->length);
    }
}

/* By wt_force or wt_sync. */
static void make_stable(struct run *run, const char *name, int (*call)(wt_file)) {
    struct history_entry *entry = history_add(run->history, run->operation, name, HISTORY_NONE, 0, 0);
    bool all = is_quiescent(run);
    int result = call(run->handles[pick_handle(run, false)].file);
    history_end(entry, result);
    CHECK_OK(result);
    run->on_device = run->on_device && !all;
    run->later = false;
}

static void play_force(struct run *run) {
    make_stable(run, "force", wt_force);
}

/* A later write: its bytes are seen at once, and reach the file until the next force. */
static void write_later(struct run *run, const char *name, uint64_t offset, uint64_t length, uint32_t flags) {
    struct history_entry *entry = begin_write(run, name, offset, length);
    entry->durability = WT_DURABILITY_DEVICE;
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, length), length, iov);
    uint64_t stable_bytes = 0, place = flags & WT_APPEND ? ignored_offset(run) : offset;
    int64_t result =
        wt_write_with(run->handles[entry->handle].file, iov, count, &place, 0, WT_LATER | flags, &stable_bytes);
    history_end(entry, result);
    CHECK_EQ(result, length);
    CHECK(stable_bytes == 0 || stable_bytes == length); /* without direct I/O each write is durable */
    CHECK(length == 0 || place == offset);
    if (!run->later && length > 0) {
        run->later = true;
        run->reached = run->least;
    }
    note_write(run, entry);
    if (length > 0) {
        raise_least(run, offset + length);
    }
}

static void play_write_later(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    write_later(run, "write later", offset, length, 0);
}

static void play_append_later(struct run *run) {
    uint64_t offset, length;
    pick_append(run, &offset, &length);
    write_later(run, "append later", offset, length, WT_APPEND);
}

static void play_write(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    length = one_in(run, 200) ? 0 : length;
    struct history_entry *entry = begin_write(run, "write", offset, length);
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, length), length, iov);
    uint64_t stable_bytes = 0;
    int64_t result = wt_write(run->handles[entry->handle].file, iov, count, offset, entry->durability, &stable_bytes);
    check_written(run, entry, result, stable_bytes);
}

static void write_with(struct run *run, struct history_entry *entry, uint32_t flags) {
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, entry->length), entry->length, iov);
    uint64_t stable_bytes = 0, offset = flags & WT_APPEND ? ignored_offset(run) : entry->offset;
    int64_t result =
        wt_write_with(run->handles[entry->handle].file, iov, count, &offset, entry->durability, flags, &stable_bytes);
    /* Without bytes it has no place, and is told the size as callers see it. */
    if (entry->length > 0 || !(flags & WT_APPEND)) {
        CHECK_EQ(offset, entry->offset);
    } else {
        check_between("the place of an empty append", offset, run->least, run->model.size);
    }
    check_written(run, entry, result, stable_bytes);
}

static void play_append(struct run *run) {
    uint64_t offset, length;
    pick_append(run, &offset, &length);
    write_with(run, begin_write(run, "append", offset, length), WT_APPEND | pick_flags(run));
}

static void play_dontcache(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    write_with(run, begin_write(run, "dontcache", offset, length), WT_DONTCACHE);
}

static void check_read_of(struct run *run, const char *name, uint64_t offset, uint64_t length, int64_t result,
                          const uint8_t *found) {
    uint64_t sure = run->least > offset ? run->least - offset : 0;
    uint64_t most = run->model.size > offset ? run->model.size - offset : 0;
    check_between("the count of bytes read", (uint64_t)result, sure < length ? sure : length,
                  most < length ? most : length);
    check_same(run, name, offset, found, (size_t)result);
    CHECK_EQ(found[length], 0xa5);
}

static void read_range(struct run *run, const char *name, uint64_t offset, uint64_t length,
                       int64_t (*read)(wt_file, const struct iovec *, int, uint64_t)) {
    struct history_entry *entry = history_add(run->history, run->operation, name, HISTORY_NONE, offset, length);
    uint8_t *found = run->bytes + below(run, PAGE);
    memset(found, 0xa5, (size_t)length + 1);
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, found, length, iov);
    int64_t result = read(run->handles[pick_handle(run, false)].file, iov, count, offset);
    history_end(entry, result);
    if (result == -EAGAIN && read == wt_read_cached) {
        CHECK_EQ(found[length], 0xa5);
        return;
    }
    CHECK_OK(result);
    check_read_of(run, name, offset, length, result, found);
}

static void play_read(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    read_range(run, "read", offset, length, wt_read);
}

static void play_read_cached(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    read_range(run, "read cached", offset, length, wt_read_cached);
}

static int64_t read_pinned(wt_file file, const struct iovec *iov, int iov_count, uint64_t offset) {
    struct wt_pinned pinned;
    int64_t done = 0;
    for (int i = 0; i < iov_count; i++) {
        uint8_t *to = iov[i].iov_base;
        for (size_t left = iov[i].iov_len; left > 0;) {
            size_t length = left < WT_PIN_MOST ? left : WT_PIN_MOST;
            int64_t n = wt_pin(file, offset + (uint64_t)done, length, WT_PIN_COPY, &pinned);
            if (n <= 0)
                return n < 0 ? n : done;
            for (uint32_t r = 0; r < pinned.run_count; r++) {
                memcpy(to, pinned.runs[r].iov_base, pinned.runs[r].iov_len);
                to += pinned.runs[r].iov_len;
            }
            CHECK_OK(wt_unpin(pinned.pin));
            done += n;
            left -= (size_t)n;
        }
    }
    return done;
}

static void play_read_pinned(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    read_range(run, "read pinned", offset, length, read_pinned);
}

static void play_read_all(struct run *run) {
    for (uint64_t at = 0; at < run->model.size; at += run->options->longest_bytes) {
        read_range(run, "read all", at, run->options->longest_bytes, wt_read);
    }
}

/* ---- asynchronous ------------------------------------------------------------------------------------------------ */

static void pend(struct run *run, unsigned token, bool fetch, struct history_entry *entry) {
    run->pending[token] = (struct pending){.used = true,
                                           .fetch = fetch,
                                           .handle = entry->handle,
                                           .offset = entry->offset,
                                           .length = entry->length,
                                           .entry = entry};
    run->pending_count++;
}

/* -EAGAIN and -EMSGSIZE are for who asked not to wait, and change nothing. */
static bool is_refused(struct history_entry *entry, int result, uint32_t flags) {
    if ((flags & WT_NOWAIT) && (result == -EAGAIN || (result == -EMSGSIZE && entry->length > PAGE))) {
        history_end(entry, result);
        return true;
    }
    CHECK_OK(result);
    return false;
}

/* The engine of an event loop has no lanes. */
static bool picks_lane(struct run *run) {
    return run->options->backend != TEST_BACKEND_EXTERNAL && one_in(run, 2);
}

static int start_write(struct run *run, const struct history_entry *entry, const struct iovec *iov, int count,
                       uint64_t offset, uint32_t flags, unsigned token) {
    wt_file file = run->handles[entry->handle].file;
    if (!picks_lane(run)) {
        return wt_write_submit(file, iov, count, offset, entry->durability, flags, token);
    }
    int result = wt_lane_write(lane_of(run), file, iov, count, offset, entry->durability, flags, token);
    run->lane_pending += result == 0;
    return result;
}

static void submit(struct run *run, struct history_entry *entry, uint32_t flags) {
    unsigned token = free_token(run);
    uint64_t length = entry->length, offset = flags & WT_APPEND ? ignored_offset(run) : entry->offset;
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, length), length, iov);
    int result = start_write(run, entry, iov, count, offset, flags, token);
    memset(iov[0].iov_base, 0x5a, (size_t)length); /* the buffer is the caller's again */
    if (!is_refused(entry, result, flags)) {
        note_write(run, entry);
        pend(run, token, false, entry);
    }
}

static void play_submit(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    struct history_entry *entry = begin_write(run, "submit", offset, length);
    submit(run, entry, (one_in(run, 3) ? WT_NOWAIT : 0) | pick_flags(run));
}

/* A range that an atomic write may have, of what fits and this file takes. False: there is none. */
static bool pick_atomic(struct run *run, uint64_t *offset, uint64_t *length) {
    struct wt_profile profile;
    CHECK_OK(wt_file_profile(run->handles[0].file, &profile));
    *length = (uint64_t)profile.atomic_write_min_bytes << below(run, 6);
    if (*length == 0 || *length > profile.atomic_write_max_bytes || *length > run->options->longest_bytes) {
        return false;
    }
    uint64_t room = run->options->file_bytes / *length;
    if (room == 0) {
        return false;
    }
    *offset = pick_offset(run) / *length;
    *offset = (*offset < room ? *offset : room - 1) * *length;
    run->last_offset = *offset;
    run->last_end = *offset + *length;
    return true;
}

/*
 * The file may end within, or in a page of it, as long as writes in flight have yet to move the end; or it is more than a
 * small cache takes. Else it is done.
 */
static bool is_no_atomic_write(struct run *run, struct history_entry *entry, int64_t result) {
    uint64_t end = entry->offset + entry->length;
    if ((result == -EINVAL && end > run->least / PAGE * PAGE) || (result == -EMSGSIZE && entry->length > PAGE)) {
        history_end(entry, result);
        return true;
    }
    return false;
}

static void play_atomic(struct run *run) {
    uint64_t offset, length;
    if (!pick_atomic(run, &offset, &length)) {
        return;
    }
    struct history_entry *entry = begin_write(run, "atomic", offset, length);
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, length), length, iov);
    uint64_t stable_bytes = 0;
    int64_t result = wt_write_with(run->handles[entry->handle].file, iov, count, &offset, entry->durability,
                                   WT_ATOMIC | pick_flags(run), &stable_bytes);
    if (is_no_atomic_write(run, entry, result)) {
        run->refused += result == -EINVAL ? 1 : 0; /* that is told after it began */
    } else {
        check_written(run, entry, result, stable_bytes);
    }
}

static void play_submit_atomic(struct run *run) {
    uint64_t offset, length;
    if (!pick_atomic(run, &offset, &length)) {
        return;
    }
    unsigned token = free_token(run);
    struct history_entry *entry = begin_write(run, "submit atomic", offset, length);
    struct iovec iov[SEGMENTS];
    int count = pick_segments(run, source_of(run, length), length, iov);
    uint32_t flags = WT_ATOMIC | (one_in(run, 3) ? WT_NOWAIT : 0) | pick_flags(run);
    int result = start_write(run, entry, iov, count, offset, flags, token);
    if (!is_no_atomic_write(run, entry, result) && !is_refused(entry, result, flags)) {
        note_write(run, entry);
        pend(run, token, false, entry);
    }
}

static void play_submit_append(struct run *run) {
    uint64_t offset, length;
    pick_append(run, &offset, &length);
    if (length > 0) {
        struct history_entry *entry = begin_write(run, "submit append", offset, length);
        submit(run, entry, WT_APPEND | (one_in(run, 3) ? WT_NOWAIT : 0) | pick_flags(run));
    }
}

static void play_submit_all(struct run *run) {
    struct wt_submission submissions[BATCH];
    struct history_entry *entries[BATCH];
    struct iovec iov[BATCH];
    unsigned count = 1 + (unsigned)below(run, BATCH);
    uint64_t room = run->options->longest_bytes / BATCH;
    while (run->pending_count > TOKENS - BATCH) {
        reap(run, TOKENS, -1);
    }
    for (unsigned i = 0, token = 0; i < count; i++, token++) {
        uint64_t offset, length;
        pick_range(run, &offset, &length);
        length = length < room ? length : room;
        while (run->pending[token].used) {
            token++;
        }
        entries[i] = begin_write(run, "submit all", offset, length);
        uint8_t *source = run->bytes + run->options->longest_bytes + i * room;
        memcpy(source, run->bytes, (size_t)length);
        iov[i] = (struct iovec){.iov_base = source, .iov_len = (size_t)length};
        submissions[i] = (struct wt_submission){.file = run->handles[entries[i]->handle].file,
                                                .iov = &iov[i],
                                                .iov_count = 1,
                                                .durability = entries[i]->durability,
                                                .offset = offset,
                                                .token = token,
                                                .flags = one_in(run, 4) ? WT_NOWAIT : 0};
    }
    CHECK_OK(wt_write_submit_all(submissions, (int)count));
    for (unsigned i = 0; i < count; i++) {
        if (!is_refused(entries[i], submissions[i].result, submissions[i].flags)) {
            memcpy(run->bytes, iov[i].iov_base, iov[i].iov_len);
            note_write(run, entries[i]);
            pend(run, (unsigned)submissions[i].token, false, entries[i]);
        }
    }
}

static void play_fetch(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    unsigned token = free_token(run);
    struct history_entry *entry = history_add(run->history, run->operation, "fetch", HISTORY_NONE, offset, length);
    entry->handle = pick_handle(run, false);
    uint32_t flags = one_in(run, 3) ? WT_NOWAIT : 0;
    wt_file file = run->handles[entry->handle].file;
    bool by_lane = picks_lane(run);
    int result = by_lane ? wt_lane_fetch(lane_of(run), file, offset, length, flags, token)
                         : wt_fetch_submit(file, offset, length, flags, token);
    run->lane_pending += by_lane && result == 0;
    if (!is_refused(entry, result, flags)) {
        pend(run, token, true, entry);
    }
}

static void play_prefetch(struct run *run) {
    struct wt_prefetch_range ranges[3];
    unsigned count = 1 + (unsigned)below(run, 3);
    for (unsigned i = 0; i < count; i++) {
        pick_range(run, &ranges[i].offset, &ranges[i].length);
    }
    struct history_entry *entry =
        history_add(run->history, run->operation, "prefetch", HISTORY_NONE, ranges[0].offset, ranges[0].length);
    entry->handle = pick_handle(run, false);
    CHECK_OK(wt_prefetch_ranges(run->handles[entry->handle].file, ranges, (int)count));
}

static void play_reap(struct run *run) {
    if (one_in(run, 4)) {
        reap_all(run);
    } else if (run->pending_count > 0) {
        reap(run, 1 + (unsigned)below(run, TOKENS), one_in(run, 2) ? -1 : 0);
    } else {
        CHECK_EQ(reap(run, TOKENS, 0), 0);
    }
}

/* ---- size and extents -------------------------------------------------------------------------------------------- */

static void note_size(struct run *run, uint64_t size) {
    settle(run, HANDLES);
    model_truncate(&run->model, size);
    run->least = size;
    run->later = false;
}

static void truncate_to(struct run *run, uint64_t size) {
    struct history_entry *entry = history_add(run->history, run->operation, "truncate", HISTORY_SIZE, size, 0);
    entry->handle = pick_handle(run, true);
    int result = wt_truncate(run->handles[entry->handle].file, size);
    history_end(entry, result);
    CHECK_OK(result);
    note_size(run, size);
}

static void play_truncate(struct run *run) {
    truncate_to(run, pick_offset(run));
}

/* Mostly by a little, which keeps the file large. */
static void play_shrink(struct run *run) {
    uint64_t cut = below(run, one_in(run, 4) ? run->model.size + 1 : 2 * (uint64_t)PAGE);
    truncate_to(run, run->model.size > cut ? run->model.size - cut : 0);
}

static void play_grow(struct run *run) {
    uint64_t size = run->model.size + 1 + below(run, one_in(run, 4) ? run->options->file_bytes : 2 * (uint64_t)PAGE);
    truncate_to(run, size < run->options->file_bytes ? size : run->options->file_bytes);
}

static void play_allocate(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    struct history_entry *entry = history_add(run->history, run->operation, "allocate", HISTORY_ZEROS, offset, length);
    entry->handle = pick_handle(run, true);
    int result = wt_allocate(run->handles[entry->handle].file, offset, length);
    history_end(entry, result);
    CHECK_OK(result);
    if (run->model.size < offset + length) {
        model_truncate(&run->model, offset + length);
    }
    raise_least(run, offset + length);
}

/* Zeros in a part of the file, as a hole or with its space. */
static void clear(struct run *run, const char *name, int (*make_zeros)(wt_file, uint64_t, uint64_t)) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    struct history_entry *entry = history_add(run->history, run->operation, name, HISTORY_ZEROS, offset, length);
    entry->handle = pick_handle(run, true);
    int result = make_zeros(run->handles[entry->handle].file, offset, length);
    history_end(entry, result);
    CHECK_OK(result);
    model_zero(&run->model, offset, length);
}

static void play_punch_hole(struct run *run) {
    clear(run, "punch hole", wt_punch_hole);
}

static void play_zero(struct run *run) {
    clear(run, "zero", wt_zero);
}

static void play_grow_ahead(struct run *run) {
    static const uint64_t most[] = {1, PAGE, 100000, 1 << 20};
    uint64_t bytes = one_in(run, 4) ? 0 : 1 + below(run, most[below(run, 4)]);
    struct history_entry *entry = history_add(run->history, run->operation, "grow ahead", HISTORY_NONE, 0, bytes);
    entry->handle = pick_handle(run, true);
    int result = wt_file_grow_ahead(run->handles[entry->handle].file, bytes);
    history_end(entry, result);
    CHECK_OK(result);
    /* What it grew until now stays. */
    run->ahead = run->ahead > bytes + PAGE ? run->ahead : bytes + PAGE;
}

static void play_sync(struct run *run) {
    make_stable(run, "sync", wt_sync);
}

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

static void open_handle(struct run *run, unsigned index, uint32_t flags) {
    struct handle *handle = &run->handles[index];
    struct history_entry *entry =
        history_add(run->history, run->operation, (flags & WT_OPEN_TRUNCATE) ? "open truncated" : "open",
                    (flags & WT_OPEN_TRUNCATE) ? HISTORY_SIZE : HISTORY_OPENED, 0, 0);
    entry->handle = index;
    int result = wt_file_open(run->engine, run->ground.path, flags, 0600, WT_DURABILITY_FILE, &handle->file);
    history_end(entry, result);
    CHECK_OK(result);
    handle->readable = flags & WT_OPEN_READ;
    handle->writable = flags & WT_OPEN_WRITE;
    if (flags & WT_OPEN_TRUNCATE) {
        note_size(run, 0);
    }
}

static void open_first(struct run *run) {
    struct wt_profile profile;
    open_handle(run, 0, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE);
    CHECK_OK(wt_file_profile(run->handles[0].file, &profile));
    run->block_bytes = profile.block_bytes;
}

static void close_handle(struct run *run, unsigned index) {
    struct history_entry *entry = history_add(run->history, run->operation, "close", HISTORY_OPENED, 0, 0);
    entry->handle = index;
    ground_let_end(&run->ground);
    int result = wt_file_close(run->handles[index].file);
    history_end(entry, result);
    CHECK_OK(result);
    settle(run, index);
    run->later = false;
    run->handles[index] = (struct handle){0};
}

/* The simulated disk has no names to change. */
static void play_rename(struct run *run) {
    if (run->ground.sim != NULL) {
        return;
    }
    char to[sizeof run->ground.path];
    ground_next_name(&run->ground, to);
    struct history_entry *entry = history_add(run->history, run->operation, "rename", HISTORY_NONE, 0, 0);
    entry->handle = pick_handle(run, false);
    wt_file file = run->handles[entry->handle].file;
    CHECK_EQ(wt_file_rename(file, run->ground.path, run->ground.path, 0), -EEXIST);
    CHECK_EQ(wt_file_rename(file, to, run->ground.path, WT_RENAME_REPLACE), -ESTALE);
    int result = wt_file_rename(file, run->ground.path, to, one_in(run, 2) ? WT_RENAME_REPLACE : 0);
    history_end(entry, result);
    CHECK_OK(result);
    memcpy(run->ground.path, to, sizeof to);
}

/* Opens another handle, or closes it. */
static void play_handle(struct run *run) {
    static const uint32_t ways[] = {WT_OPEN_READ, WT_OPEN_WRITE, WT_OPEN_READ | WT_OPEN_WRITE};
    unsigned index = 1 + (unsigned)below(run, HANDLES - 1);
    if (run->handles[index].file != 0) {
        close_handle(run, index);
    } else {
        uint32_t flags = ways[below(run, 3)];
        flags |= (flags & WT_OPEN_WRITE) && one_in(run, 40) ? WT_OPEN_TRUNCATE : 0;
        open_handle(run, index, flags);
    }
}

static void close_handles(struct run *run) {
    for (unsigned i = 0; i < HANDLES; i++) {
        if (run->handles[i].file != 0) {
            close_handle(run, i);
        }
    }
}

/* Closes the file: its folios are dropped. A reader may open it before the writer does. */
static void play_reopen(struct run *run) {
    close_handles(run);
    CHECK(is_quiescent(run));
    run->ahead = 0;
    check_between("the size on disk", ground_size(&run->ground), run->model.size, run->model.size);
    check_ground(run, pick_offset(run), run->options->longest_bytes, true);
    if (one_in(run, 3)) {
        open_handle(run, 1, WT_OPEN_READ);
    }
    open_first(run);
}

/* All events of the lane, which is closed. */
static void take_lane(struct run *run) {
    while (run->lane_pending > 0) {
        reap(run, TOKENS, -1);
    }
    close_lane(run);
}

/* Events come until all have, also after a shutdown. */
static void shut_down(struct run *run) {
    struct wt_event events[TOKENS];
    ground_let_end(&run->ground);
    take_lane(run);
    CHECK_OK(wt_engine_shutdown(run->engine));
    int count = 0;
    while ((count = wt_reap(run->engine, events, TOKENS, -1)) > 0) {
        for (int i = 0; i < count; i++) {
            take_event(run, &events[i]);
        }
    }
    CHECK_EQ(count, -ESHUTDOWN);
    CHECK_EQ(run->pending_count, 0);
}

static void close_engine(struct run *run) {
    if (one_in(run, 3)) {
        close_handles(run);
    } else if (one_in(run, 2)) {
        shut_down(run);
    }
    struct history_entry *entry = history_add(run->history, run->operation, "close engine", HISTORY_OPENED, 0, 0);
    ground_let_end(&run->ground);
    if (run->lane != 0) {
        CHECK_EQ(wt_engine_close(run->engine), -EBUSY);
    }
    close_lane(run);
    int result = wt_engine_close(run->engine);
    history_end(entry, result);
    CHECK_OK(result);
    settle(run, HANDLES);
    run->later = false;
    memset(run->handles, 0, sizeof run->handles);
    memset(run->pending, 0, sizeof run->pending);
    run->pending_count = 0;
    run->ahead = 0;
    check_between("the size on disk", ground_size(&run->ground), run->model.size, run->model.size);
    bool all = run->model.size <= 1 << 20 || run->operation > run->options->operations || one_in(run, 8);
    check_ground(run, all ? 0 : pick_offset(run), all ? run->model.size : 1 << 18, true);
}

static void play_reopen_engine(struct run *run) {
    close_engine(run);
    run->engine = ground_open_engine(&run->ground);
    run->refused = 0;
    open_first(run);
}

/* After a crash what the file had grown ahead is taken for the file: zeros behind what was written. */
static void cut_ahead(struct run *run) {
    uint64_t size = ground_size(&run->ground);
    check_between("the size after a crash", size, run->model.size, run->model.size + run->ahead);
    size_t length = (size_t)(size - run->model.size);
    run->ahead = 0;
    if (length > 0) {
        uint8_t *found = malloc(length), *zeros = calloc(1, length);
        CHECK(found != NULL && zeros != NULL);
        struct iovec iov = {.iov_base = found, .iov_len = length};
        CHECK_EQ(wt_read(run->handles[0].file, &iov, 1, run->model.size), length);
        CHECK_BYTES(found, zeros, length);
        free(found);
        free(zeros);
        truncate_to(run, run->model.size);
    }
}

/* Only the simulated disk has a plug to pull. Nothing is in flight and all is durable: nothing may be lost. */
static void play_power_cut(struct run *run) {
    if (run->ground.sim == NULL) {
        return;
    }
    reap_all(run);
    if (run->on_device) {
        play_sync(run);
    }
    struct history_entry *entry = history_add(run->history, run->operation, "power cut", HISTORY_OPENED, 0, 0);
    static const enum sim_cut cuts[] = {SIM_LOSE_ALL, SIM_KEEP_ALL, SIM_RANDOM};
    close_lane(run);
    sim_power_cut(run->ground.sim, cuts[below(run, 3)], test_random_next(&run->random));
    history_end(entry, 0);
    wt_engine_close(run->engine);
    sim_power_on(run->ground.sim);
    memset(run->handles, 0, sizeof run->handles);
    run->engine = ground_open_engine(&run->ground);
    run->refused = 0;
    open_first(run);
    cut_ahead(run);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void play_look(struct run *run) {
    uint64_t offset, length;
    pick_range(run, &offset, &length);
    reap_all(run);
    if (run->later) {
        play_force(run);
    }
    struct history_entry *entry = history_add(run->history, run->operation, "look", HISTORY_NONE, offset, length);
    check_ground(run, offset, one_in(run, 10) ? run->model.size : length, one_in(run, 2));
    history_end(entry, 0);
}

/* What makes no sense is refused, and changes nothing. */
static void play_refused(struct run *run) {
    wt_file file = run->handles[0].file;
    uint8_t byte = 0;
    struct iovec iov = {&byte, 1};
    CHECK_EQ(wt_write(file, &iov, 1, (uint64_t)INT64_MAX + 1, WT_DURABILITY_FILE, NULL), -EINVAL);
    CHECK_EQ(wt_write(file, &iov, 1, pick_offset(run), WT_DURABILITY_SYNC + 1, NULL), -EINVAL);
    CHECK_EQ(wt_read(file, &iov, -1, pick_offset(run)), -EINVAL);
    CHECK_EQ(wt_truncate(file, (uint64_t)INT64_MAX + 1), -EINVAL);
    CHECK_EQ(wt_allocate(file, pick_offset(run), 0), 0);
    CHECK_EQ(wt_read(file, &iov, 1, run->model.size), 0);
    for (unsigned i = 1; i < HANDLES; i++) {
        const struct handle *handle = &run->handles[i];
        if (handle->file != 0 && !handle->writable) {
            CHECK_EQ(wt_write(handle->file, &iov, 1, 0, WT_DURABILITY_FILE, NULL), -EBADF);
            CHECK_EQ(wt_truncate(handle->file, 0), -EBADF);
        } else if (handle->file != 0 && !handle->readable) {
            CHECK_EQ(wt_read(handle->file, &iov, 1, 0), -EBADF);
        }
    }
}

static void play_stats(struct run *run) {
    struct wt_engine_stats stats;
    if (run->later) {
        play_force(run); /* what is held counts as in flight */
    }
    CHECK_OK(wt_engine_stats(run->engine, &stats));
    CHECK(stats.cached_bytes <= stats.cache_bytes);
    CHECK_EQ(stats.open_inodes, 1);
    CHECK_EQ(stats.write_errors, run->refused);
    /* A thread that ends the I/O of a write may still be about to count it off when the event has come. */
    for (unsigned i = 0; run->pending_count == 0 && stats.in_flight_bytes > 0; i++) {
        CHECK(i < 10000000);
        sched_yield();
        CHECK_OK(wt_engine_stats(run->engine, &stats));
    }
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

struct operation {
    const char *name;
    unsigned weight;
    void (*play)(struct run *);
};

static const struct operation operations[] = {
    {"write", 220, play_write},
    {"append", 40, play_append},
    {"dontcache", 20, play_dontcache},
    {"submit", 120, play_submit},
    {"submit_append", 60, play_submit_append},
    {"submit_all", 30, play_submit_all},
    {"reap", 60, play_reap},
    {"read", 240, play_read},
    {"read_cached", 60, play_read_cached},
    {"read_pinned", 60, play_read_pinned},
    {"read_all", 1, play_read_all},
    {"fetch", 30, play_fetch},
    {"prefetch", 20, play_prefetch},
    {"truncate", 6, play_truncate},
    {"shrink", 24, play_shrink},
    {"grow", 16, play_grow},
    {"allocate", 24, play_allocate},
    {"punch_hole", 16, play_punch_hole},
    {"zero", 12, play_zero},
    {"grow_ahead", 8, play_grow_ahead},
    {"sync", 10, play_sync},
    {"rename", 4, play_rename},
    {"handle", 24, play_handle},
    {"reopen", 8, play_reopen},
    {"reopen_engine", 3, play_reopen_engine},
    {"power_cut", 2, play_power_cut},
    {"look", 16, play_look},
    {"refused", 4, play_refused},
    {"stats", 8, play_stats},
    {"atomic", 60, play_atomic},
    {"submit_atomic", 40, play_submit_atomic},
    {"write_later", 160, play_write_later},
    {"append_later", 60, play_append_later},
    {"force", 40, play_force},
};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

void exercise_print_operations(void) {
    for (unsigned i = 0; i < OPERATIONS; i++) {
        printf("%s=%u%s", operations[i].name, operations[i].weight, i + 1 == OPERATIONS ? "\n" : ",");
    }
}

/* The weight given for a name, 0 if it is not there. */
static unsigned weight_given(const char *weights, const char *name) {
    size_t length = strlen(name);
    for (const char *at = weights; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        if (strncmp(at, name, length) == 0 && at[length] == '=') {
            return (unsigned)strtoul(at + length + 1, NULL, 10);
        }
    }
    return 0;
}

/* Every run leaves some operations out and does others more often: what only a mix without them meets is met too. */
static void weigh(struct run *run, struct test_random *random, unsigned *weights) {
    static const unsigned factors[] = {0, 1, 1, 1, 1, 1, 3, 6};
    for (unsigned i = 0; i < OPERATIONS; i++) {
        weights[i] = operations[i].weight * factors[i == 0 ? 1 : test_random_below(random, 8)];
        if (run->options->weights != NULL) {
            weights[i] = weight_given(run->options->weights, operations[i].name);
        }
        run->total_weight += weights[i];
    }
    CHECK(run->total_weight > 0);
}

static const struct operation *pick_operation(struct run *run, const unsigned *weights) {
    uint64_t drawn = below(run, run->total_weight);
    unsigned i = 0;
    while (drawn >= weights[i]) {
        drawn -= weights[i++];
    }
    return &operations[i];
}

/* ---- a run ------------------------------------------------------------------------------------------------------- */

static uint64_t or_else(uint64_t given, const uint64_t *choices, uint64_t count, struct test_random *random) {
    uint64_t chosen = choices[test_random_below(random, count)];
    return given != 0 ? given : chosen;
}

/* Draws what the options leave open; the same whether or not something is given, so that a replay draws the same. */
static struct sim_options choose(struct exercise_options *options, struct wt_engine_options *engine,
                                 struct test_random *random) {
    static const uint64_t files[] = {20 << 10, 200 << 10, 1 << 20, 1 << 20, 3 << 20, 5 << 20, 20 << 20};
    static const uint64_t longest[] = {5000, 40000, 40000, 200000, 700000, 6 << 20};
    static const uint64_t caches[] = {128 << 10, 128 << 10, 192 << 10, 300000, 512 << 10, 1 << 20, 4 << 20, 40 << 20};
    static const uint64_t in_flight[] = {64 << 10, 64 << 10, 200000, 1 << 20, 64 << 20};
    static const uint64_t blocks[] = {512, 1024, 2048, 4096, 4096};
    static const uint64_t rings[] = {8, 32, 256};
    static const uint64_t backends[] = {WT_BACKEND_IO_URING, WT_BACKEND_THREADS};
    options->file_bytes = or_else(options->file_bytes, files, 7, random);
    options->longest_bytes = or_else(options->longest_bytes, longest, 6, random);
    options->longest_bytes =
        options->longest_bytes < options->file_bytes ? options->longest_bytes : options->file_bytes;
    engine->cache_bytes = or_else(options->cache_bytes, caches, 8, random);
    engine->in_flight_bytes = or_else(options->in_flight_bytes, in_flight, 5, random);
    engine->ring_entries = (uint32_t)or_else(0, rings, 3, random);
    engine->threads = 1 + (uint32_t)test_random_below(random, 8);
    options->backend = (uint32_t)or_else(options->backend, backends, 2, random);
    engine->backend = options->backend;
    bool buffered = test_random_one_in(random, 8);
    return (struct sim_options){.seed = test_random_next(random),
                                .atomic_bytes = buffered ? 0 : 64 << 10,
                                .block_bytes = (uint32_t)or_else(options->block_bytes, blocks, 5, random),
                                .buffered = buffered,
                                .no_reserve = test_random_one_in(random, 4),
                                .write_zeroes = test_random_one_in(random, 2),
                                .holes_unknown = test_random_one_in(random, 8)};
}

static void finish(struct run *run) {
    reap_all(run);
    check_sizes(run);
    play_read_all(run);
    CHECK_OK(wt_sync(run->handles[0].file));
    run->on_device = false;
    close_engine(run);
    ground_leave(&run->ground);
}

static void play(struct run *run, const unsigned *weights) {
    uint64_t seed = run->options->seed;
    for (run->operation = 1; run->operation <= run->options->operations; run->operation++) {
        run->random = test_random_of(seed * 0xd1342543de82ef95u + run->operation);
        run->random.state = test_random_next(&run->random);
        if (run->operation % 256 == 1) {
            describe(run->options, replay, sizeof replay, run->operation + 255);
            alarm(HANGS_SECONDS);
        }
        pick_operation(run, weights)->play(run);
        check_sizes(run);
        if (spoil_after == run->operation) {
            reap_all(run);
            ground_spoil(&run->ground, below(run, run->model.size));
        }
    }
}

void exercise(const struct exercise_options *given) {
    struct exercise_options options = *given;
    struct test_random random = test_random_of(options.seed);
    struct run run = {.options = &options};
    struct sim_options sim = choose(&options, &run.ground.engine_options, &random);
    options.operations = options.operations != 0 ? options.operations : 10000;
    unsigned weights[OPERATIONS];
    weigh(&run, &random, weights);
    run.history = calloc(1, sizeof *run.history);
    run.bytes = malloc((size_t)(2 * options.longest_bytes + 2 * PAGE));
    CHECK(run.history != NULL && run.bytes != NULL);
    run.model = model_new(options.file_bytes);

    current = &run;
    signal(SIGALRM, on_hang);
    test_on_failure = NULL;
    ground_prepare(&run.ground, &options, sim);
    print_ground = test_on_failure;
    test_on_failure = print_run;
    run.engine = ground_open_engine(&run.ground);
    open_first(&run);
    play(&run, weights);
    finish(&run);
    alarm(0);
    test_on_failure = NULL;
    current = NULL;
    model_free(&run.model);
    free(run.bytes);
    free(run.history);
}

void exercise_spoil_after(uint64_t count) {
    spoil_after = count;
}
