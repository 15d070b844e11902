// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * The table of device commands per operation, for the engine and for the ways that a program has without it, in each
 * directory of WT_TEST_DIRS; on the standard output and, as Markdown, at the end of the file WT_COMMANDS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "wire.h"

enum { OPERATIONS = 200, BLOCK = 4096, RECORD = 128, LARGE = 128 * 1024 };

/* ---- what is measured ---------------------------------------------------------------------------------------------- */

enum extents { WRITTEN, UNWRITTEN, NONE };

struct operation {
    const char *name;
    size_t length;
    enum extents extents; /* under the range when it is written */
};

static const struct operation operations[] = {
    {"4 KiB overwrite of written extents", BLOCK, WRITTEN}, {"128 B append into a prewritten file", RECORD, WRITTEN},
    {"4 KiB into unwritten extents", BLOCK, UNWRITTEN},     {"128 B append that grows the file", RECORD, NONE},
    {"4 KiB append that grows the file", BLOCK, NONE},      {"128 KiB overwrite", LARGE, WRITTEN},
};
enum { OPERATION_COUNT = sizeof operations / sizeof operations[0] };

enum way {
    FDATASYNC,
    BUFFERED_DSYNC,
    DIRECT_DSYNC,
    KERNEL_DSYNC, /* the engine, on a kernel that writes through by itself */
    ENGINE_DSYNC,
    DIRECT,
    KERNEL_DEVICE,
    ENGINE_DEVICE,
    WAY_COUNT
};

static const char *const way_names[WAY_COUNT] = {
    "write + fdatasync",
    "buffered, DSYNC",
    "O_DIRECT, DSYNC",
    "the kernel's own, DSYNC",
    "**writethrough**",
    "O_DIRECT, not durable",
    "the kernel's own, not durable",
    "**writethrough**, `DEVICE`",
};

static bool is_durable(enum way way) {
    return way <= ENGINE_DSYNC;
}

/* Direct I/O of less than a block is not to be had. */
static bool is_possible(enum way way, const struct operation *operation) {
    return (way != DIRECT_DSYNC && way != DIRECT) || operation->length % BLOCK == 0;
}

static bool is_kernels(enum way way) {
    return way == KERNEL_DSYNC || way == KERNEL_DEVICE;
}

/* ---- one cell ------------------------------------------------------------------------------------------------------ */

static uint8_t bytes[LARGE] __attribute__((aligned(BLOCK)));

static void prepare_file(const char *path, const struct operation *operation) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    if (operation->extents == UNWRITTEN) {
        CHECK(fallocate(fd, 0, 0, (off_t)operation->length * OPERATIONS) == 0);
    }
    size_t range = operation->length * OPERATIONS;
    for (size_t at = 0; operation->extents == WRITTEN && at < range; at += BLOCK) {
        CHECK_EQ(pwrite(fd, bytes, BLOCK, (off_t)at), BLOCK);
    }
    CHECK_EQ(fsync(fd) == 0 ? 0 : errno, 0);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK(close(fd) == 0);
}

static struct wire_commands measure_descriptor(struct wire *wire, const char *path, enum way way, size_t length) {
    int fd = open(path, O_RDWR | O_CLOEXEC | (way == DIRECT_DSYNC || way == DIRECT ? O_DIRECT : 0));
    int flags = way == BUFFERED_DSYNC || way == DIRECT_DSYNC ? RWF_DSYNC : 0;
    struct iovec iov = {bytes, length};
    CHECK(fd >= 0);
    wire_start(wire);
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        CHECK_EQ(pwritev2(fd, &iov, 1, (off_t)(i * length), flags), length);
        if (way == FDATASYNC) {
            CHECK(fdatasync(fd) == 0);
        }
    }
    struct wire_commands commands = wire_stop(wire);
    CHECK(close(fd) == 0);
    return commands;
}

static struct wire_commands measure_engine(struct wire *wire, const char *path, enum way way, size_t length) {
    const struct wt_engine_options options = {.backend = is_kernels(way) ? WT_BACKEND_KERNEL : WT_BACKEND_AUTO};
    wt_engine engine = 0;
    wt_file file = 0;
    bool device = way == ENGINE_DEVICE || way == KERNEL_DEVICE;
    uint32_t durability = device ? WT_DURABILITY_DEVICE : WT_DURABILITY_DSYNC;
    CHECK_OK(wt_engine_open(&options, &engine));
    CHECK_OK(wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE, 0, durability, &file));
    wire_start(wire);
    for (uint64_t i = 0; i < OPERATIONS; i++) {
        CHECK_EQ(write_at(file, i * length, bytes, length), length);
    }
    struct wire_commands commands = wire_stop(wire);
    CHECK_OK(wt_engine_close(engine));
    return commands;
}

static struct wire_commands measure(struct wire *wire, const char *path, enum way way,
                                    const struct operation *operation) {
    memset(bytes, (int)way + 1, sizeof bytes);
    prepare_file(path, operation);
    bool engine = way == ENGINE_DSYNC || way == ENGINE_DEVICE || is_kernels(way);
    struct wire_commands commands = engine ? measure_engine(wire, path, way, operation->length)
                                           : measure_descriptor(wire, path, way, operation->length);
    CHECK(unlink(path) == 0);
    return commands;
}

/* ---- commits: several writes, and then a force --------------------------------------------------------------------- */

struct commit {
    const char *name;
    unsigned writes;
    size_t length;
    uint64_t stride; /* from a write to the next one, also to the first of the next commit */
    bool written;    /* over written extents; else each commit grows the file */
};

static const struct commit commits[] = {
    {"one of 4 KiB", 1, BLOCK, BLOCK, true},
    {"8 of 512 B in sequence", 8, 512, 512, true},
    {"4 of 4 KiB, 8 KiB apart", 4, BLOCK, (uint64_t)2 * BLOCK, true},
    {"2 of 200 B that grow the file", 2, 200, 200, false},
};
enum { COMMIT_COUNT = sizeof commits / sizeof commits[0] };

static const char *const commit_way_names[] = {"writes + fdatasync", "**writethrough**, later writes + `wt_force`"};
enum { COMMIT_WAY_COUNT = 2 };

static struct wire_commands commit_by_descriptor(struct wire *wire, const char *path, const struct commit *commit) {
    int fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t at = 0;
    CHECK(fd >= 0);
    wire_start(wire);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        for (unsigned write = 0; write < commit->writes; write++, at += commit->stride) {
            CHECK_EQ(pwrite(fd, bytes, commit->length, (off_t)at), commit->length);
        }
        CHECK(fdatasync(fd) == 0);
    }
    struct wire_commands commands = wire_stop(wire);
    CHECK(close(fd) == 0);
    return commands;
}

static struct wire_commands commit_by_engine(struct wire *wire, const char *path, const struct commit *commit,
                                             bool *has_fua) {
    wt_engine engine = 0;
    wt_file file = 0;
    struct wt_profile profile;
    uint64_t at = 0;
    struct iovec iov = {bytes, commit->length};
    CHECK_OK(wt_engine_open(NULL, &engine));
    CHECK_OK(wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE, 0, WT_DURABILITY_DSYNC, &file));
    CHECK_OK(wt_file_profile(file, &profile));
    *has_fua = profile.fua == 1;
    wire_start(wire);
    for (unsigned i = 0; i < OPERATIONS; i++) {
        for (unsigned write = 0; write < commit->writes; write++, at += commit->stride) {
            CHECK_EQ(wt_write_with(file, &iov, 1, &at, 0, WT_LATER, NULL), commit->length);
        }
        CHECK_OK(wt_force(file));
    }
    struct wire_commands commands = wire_stop(wire);
    CHECK_OK(wt_engine_close(engine));
    return commands;
}

struct commit_table {
    struct wire_commands cells[COMMIT_COUNT][COMMIT_WAY_COUNT];
    bool has_fua;
};

static void fill_commits(struct commit_table *table, const char *directory) {
    char path[600];
    struct wire wire = wire_open(directory);
    snprintf(path, sizeof path, "%s/file", test_make_directory(directory));
    for (unsigned i = 0; i < COMMIT_COUNT; i++) {
        const struct commit *commit = &commits[i];
        const struct operation whole = {commit->name, (size_t)(commit->writes * commit->stride),
                                        commit->written ? WRITTEN : NONE};
        prepare_file(path, &whole);
        table->cells[i][0] = commit_by_descriptor(&wire, path, commit);
        prepare_file(path, &whole);
        table->cells[i][1] = commit_by_engine(&wire, path, commit, &table->has_fua);
        CHECK(unlink(path) == 0);
    }
    wire_close(&wire);
}

/* ---- the table ----------------------------------------------------------------------------------------------------- */

struct table {
    struct wire_commands cells[OPERATION_COUNT][WAY_COUNT];
    bool has_kernels; /* this kernel writes through by itself here */
};

/* Only where somebody says so: a file system on which that is tried has other commands afterwards. */
static bool kernel_writes_through(const char *path) {
    if (getenv("WT_KERNELS_OWN") == NULL || strstr(path, "/xfs-") == NULL) {
        return false;
    }
    wt_engine engine = 0;
    wt_file file = 0;
    CHECK_OK(wt_engine_open(&(struct wt_engine_options){.backend = WT_BACKEND_KERNEL}, &engine));
    int rc = wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, 0, &file);
    CHECK(rc == 0 || rc == -EOPNOTSUPP);
    CHECK_OK(wt_engine_close(engine));
    return rc == 0;
}

static bool is_measured(const struct table *table, enum way way) {
    return table->has_kernels || !is_kernels(way);
}

static void fill_table(struct table *table, const char *directory) {
    char path[600];
    struct wire wire = wire_open(directory);
    snprintf(path, sizeof path, "%s/file", test_make_directory(directory));
    table->has_kernels = kernel_writes_through(path);
    for (unsigned i = 0; i < OPERATION_COUNT; i++) {
        for (enum way way = 0; way < WAY_COUNT; way++) {
            if (is_measured(table, way) && is_possible(way, &operations[i])) {
                table->cells[i][way] = measure(&wire, path, way, &operations[i]);
            }
        }
    }
    wire_close(&wire);
}

/* One number per operation: 1, or 1.02 where not every operation has the same. */
static void print_number(FILE *out, double number) {
    char text[32];
    snprintf(text, sizeof text, "%.2f", number);
    char *end = text + strlen(text);
    while (end[-1] == '0') {
        *--end = '\0';
    }
    if (end[-1] == '.') {
        end[-1] = '\0';
    }
    fputs(text, out);
}

static void print_cell(FILE *out, const struct wire_commands *cell) {
    const double numbers[] = {cell->writes, cell->fua, cell->flushes, (double)cell->written_bytes / 1024};
    for (unsigned i = 0; i < 4; i++) {
        fputs(i == 0 ? " " : "/", out);
        print_number(out, numbers[i] / OPERATIONS);
    }
    fputs(" |", out);
}

static void print_table(FILE *out, const struct table *table, const char *directory, bool durable) {
    fprintf(out, "\n| %s |", directory);
    for (enum way way = 0; way < WAY_COUNT; way++) {
        if (is_durable(way) == durable && is_measured(table, way)) {
            fprintf(out, " %s |", way_names[way]);
        }
    }
    fprintf(out, "\n|---%s|\n", &"|---|---|---|---|---"[4 * ((durable ? 1 : 3) - table->has_kernels)]);
    for (unsigned i = 0; i < OPERATION_COUNT; i++) {
        fprintf(out, "| %s |", operations[i].name);
        for (enum way way = 0; way < WAY_COUNT; way++) {
            if (is_durable(way) != durable || !is_measured(table, way)) {
                continue;
            }
            if (is_possible(way, &operations[i])) {
                print_cell(out, &table->cells[i][way]);
            } else {
                fputs(" not possible |", out);
            }
        }
        fputs("\n", out);
    }
}

static void publish(const struct table *table, const char *directory) {
    const char *name = strrchr(directory, '/') + 1;
    const char *path = getenv("WT_COMMANDS");
    FILE *out = path != NULL ? fopen(path, "a") : NULL;
    CHECK(path == NULL || out != NULL);
    for (int durable = 1; durable >= 0; durable--) {
        print_table(stdout, table, name, durable);
        if (out != NULL) {
            print_table(out, table, name, durable);
        }
    }
    CHECK(out == NULL || fclose(out) == 0);
}

static void print_commits(FILE *out, const struct commit_table *table, const char *directory) {
    fprintf(out, "\n| %s, a commit of | %s | %s |\n|---|---|---|\n", directory, commit_way_names[0],
            commit_way_names[1]);
    for (unsigned i = 0; i < COMMIT_COUNT; i++) {
        fprintf(out, "| %s |", commits[i].name);
        for (unsigned way = 0; way < COMMIT_WAY_COUNT; way++) {
            print_cell(out, &table->cells[i][way]);
        }
        fputs("\n", out);
    }
}

static void publish_commits(const struct commit_table *table, const char *directory) {
    const char *name = strrchr(directory, '/') + 1;
    const char *path = getenv("WT_COMMANDS");
    print_commits(stdout, table, name);
    FILE *out = path != NULL ? fopen(path, "a") : NULL;
    CHECK(path == NULL || out != NULL);
    if (out != NULL) {
        print_commits(out, table, name);
        CHECK(fclose(out) == 0);
    }
}

/* ---- the mark ------------------------------------------------------------------------------------------------------ */

/*
 * The engine's cell is no worse than the best of the other ways: not more commands in all and not more flushes. Bytes may
 * be more by a tenth, since how a journal's blocks fall is not the same twice; and what grows a file by whole blocks is
 * beside direct I/O only, for which ext4 and xfs log more of the inode than for the page cache.
 */
static void check_cell(const struct table *table, unsigned row, enum way ours) {
    const struct wire_commands *cell = &table->cells[row][ours];
    for (enum way way = 0; way < WAY_COUNT; way++) {
        const struct wire_commands *other = &table->cells[row][way];
        if (way == ours || is_durable(way) != is_durable(ours) || !is_measured(table, way) ||
            !is_possible(way, &operations[row])) {
            continue;
        }
        CONTEXT("%s, beside %s", operations[row].name, way_names[way]);
        CHECK(cell->writes + cell->flushes <= other->writes + other->flushes + OPERATIONS / 50);
        CHECK(cell->flushes <= other->flushes + OPERATIONS / 50);
        bool grows_directly = operations[row].extents == NONE && operations[row].length == BLOCK;
        if (!grows_directly || way == DIRECT_DSYNC || way == DIRECT) {
            CHECK(cell->written_bytes <= other->written_bytes + other->written_bytes / 10);
        }
    }
}

/* What need not be durable is one write each, flushes nothing, and waits for no journal. */
static void check_device_cell(const struct table *table, unsigned row) {
    const struct wire_commands *cell = &table->cells[row][ENGINE_DEVICE];
    CONTEXT("%s, DEVICE durability", operations[row].name);
    CHECK(cell->writes <= OPERATIONS + OPERATIONS / 50);
    CHECK(cell->flushes + cell->fua <= OPERATIONS / 50);
}

TEST(no_operation_costs_more_commands_than_the_best_other_way) {
    static struct table tables[16];
    CHECK(test_directory_count() <= 16);
    for (size_t i = 0; i < test_directory_count(); i++) {
        CONTEXT("in %s", test_directory(i));
        fill_table(&tables[i], test_directory(i));
        publish(&tables[i], test_directory(i));
    }
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (unsigned row = 0; row < OPERATION_COUNT; row++) {
            check_cell(&tables[i], row, ENGINE_DSYNC);
            check_cell(&tables[i], row, ENGINE_DEVICE);
            check_device_cell(&tables[i], row);
        }
    }
}

/* A slow machine takes longer than the ticker to come from a write to the force: then some commits are an I/O more. */
enum { EARLY = OPERATIONS / 4 };

/* Nor does a commit; and one that is a single run of written blocks is one command, where the disk takes FUA. */
TEST(no_commit_costs_more_commands_than_writes_and_an_fdatasync) {
    static struct commit_table tables[16];
    CHECK(test_directory_count() <= 16);
    for (size_t i = 0; i < test_directory_count(); i++) {
        CONTEXT("in %s", test_directory(i));
        fill_commits(&tables[i], test_directory(i));
        publish_commits(&tables[i], test_directory(i));
    }
    for (size_t i = 0; i < test_directory_count(); i++) {
        for (unsigned row = 0; row < COMMIT_COUNT; row++) {
            const struct wire_commands *other = &tables[i].cells[row][0], *ours = &tables[i].cells[row][1];
            CONTEXT("in %s, a commit of %s", test_directory(i), commits[row].name);
            CHECK(ours->writes + ours->flushes <= other->writes + other->flushes + EARLY);
            CHECK(ours->flushes <= other->flushes + EARLY);
            bool is_one_run = commits[row].written && commits[row].stride == commits[row].length;
            CHECK(!is_one_run || !tables[i].has_fua || ours->flushes <= EARLY);
        }
    }
}
