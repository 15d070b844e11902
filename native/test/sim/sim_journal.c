// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_journal.h"

#include <stdlib.h>
#include <string.h>

struct sim_journal {
    struct sim_change *changes;
    size_t count, room;
    struct sim_file *files; /* as they were when it began */
};

struct flying {
    const struct sim_change *flight;
    struct flying *next;
};

struct sim_replay {
    const struct sim_journal *journal;
    uint32_t logical_block_bytes;
    size_t next;
    struct sim_file *files;
    struct flying *flying; /* oldest first */
    struct sim_saved *saved;
    bool saved_here;
};

static void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    CHECK(memory != NULL);
    return memory;
}

struct sim_journal *sim_journal_new(void) {
    return allocate(sizeof(struct sim_journal));
}

static void free_files(struct sim_file *files) {
    while (files != NULL) {
        struct sim_file *next = files->next;
        sim_file_free(files);
        files = next;
    }
}

void sim_journal_free(struct sim_journal *journal) {
    for (size_t i = 0; i < journal->count; i++) {
        free((void *)(uintptr_t)journal->changes[i].bytes);
    }
    free(journal->changes);
    free_files(journal->files);
    free(journal);
}

/* A file with the bytes, the size and the extents that the other has on stable storage. */
static struct sim_file *copy_of(const struct sim_file *file) {
    struct sim_file *copy = sim_file_new(file->path, file->inode, file->block_bytes);
    for (uint64_t at = 0; at < file->size_stable; at += file->block_bytes) {
        if (sim_file_state(file, at) == SIM_WRITTEN) {
            const uint8_t *page = sim_file_stable_page(file, at / SIM_PAGE_BYTES);
            sim_file_write(copy, at, page + at % SIM_PAGE_BYTES, file->block_bytes);
        } else if (sim_file_state(file, at) == SIM_UNWRITTEN) {
            sim_file_reserve(copy, at, file->block_bytes);
        }
    }
    sim_file_set_size(copy, file->size_stable);
    sim_file_settle_all(copy);
    copy->writes = file->writes;
    return copy;
}

void sim_journal_file(struct sim_journal *journal, const struct sim_file *file) {
    struct sim_file *copy = copy_of(file);
    copy->next = journal->files;
    journal->files = copy;
}

void sim_journal_add(struct sim_journal *journal, const struct sim_change *change) {
    if (journal->count == journal->room) {
        journal->room = journal->room == 0 ? 1024 : journal->room * 2;
        journal->changes = realloc(journal->changes, journal->room * sizeof *journal->changes);
        CHECK(journal->changes != NULL);
    }
    struct sim_change *added = &journal->changes[journal->count++];
    *added = *change;
    if (change->bytes != NULL) {
        void *bytes = allocate((size_t)change->length + 1);
        memcpy(bytes, change->bytes, (size_t)change->length);
        added->bytes = bytes;
    }
}

size_t sim_journal_count(const struct sim_journal *journal) {
    return journal->count;
}

const struct sim_change *sim_journal_at(const struct sim_journal *journal, size_t index) {
    return &journal->changes[index];
}

void sim_change_apply(struct sim_file *file, const struct sim_change *change) {
    uint64_t offset = change->offset;
    uint64_t length = change->length;
    switch (change->kind) {
    case SIM_CHANGE_WRITE:
        sim_file_write(file, offset, change->bytes, (size_t)length);
        break;
    case SIM_CHANGE_TOGETHER:
        sim_file_keep_together(file, offset, length);
        break;
    case SIM_CHANGE_SIZE:
        sim_file_set_size(file, length);
        break;
    case SIM_CHANGE_STABLE_SIZE:
        sim_file_settle_size(file, length);
        break;
    case SIM_CHANGE_SETTLE:
        sim_file_settle(file, offset, length);
        break;
    case SIM_CHANGE_FLUSH_BEGIN:
        sim_file_flush_begin(file);
        break;
    case SIM_CHANGE_FLUSH_END:
        sim_file_flush_end(file, change->number, length);
        break;
    case SIM_CHANGE_RESERVE:
        sim_file_reserve(file, offset, length);
        break;
    case SIM_CHANGE_WRITE_ZEROES:
        sim_file_write_zeroes(file, offset, length);
        break;
    case SIM_CHANGE_DEALLOCATE:
        sim_file_deallocate(file, offset, length, change->number != 0);
        break;
    case SIM_CHANGE_TRUNCATE:
        sim_file_truncate(file, length);
        break;
    case SIM_CHANGE_TRUNCATE_LATER:
        sim_file_truncate_later(file, length);
        break;
    case SIM_CHANGE_REFUSE:
        sim_file_refuse(file, offset, change->bytes, (size_t)length);
        break;
    case SIM_CHANGE_FLUSH_STALE:
        sim_file_flush_stale(file, offset, length);
        break;
    case SIM_CHANGE_FORGET:
        sim_file_forget(file, offset, length);
        break;
    case SIM_CHANGE_DOOM:
        sim_file_doom(file);
        break;
    case SIM_CHANGE_SPARE:
        sim_file_spare(file, offset, length);
        break;
    case SIM_CHANGE_FAILED:
    case SIM_CHANGE_FLIGHT:
    case SIM_CHANGE_LANDED:
    case SIM_CHANGE_POINT:
    case SIM_CHANGE_MARK:
        break;
    }
}

/* ---- playing it again -------------------------------------------------------------------------------------------- */

struct sim_replay *sim_replay_new(const struct sim_journal *journal, uint32_t logical_block_bytes) {
    struct sim_replay *replay = allocate(sizeof *replay);
    replay->journal = journal;
    replay->logical_block_bytes = logical_block_bytes;
    for (const struct sim_file *file = journal->files; file != NULL; file = file->next) {
        struct sim_file *copy = copy_of(file);
        copy->next = replay->files;
        replay->files = copy;
    }
    return replay;
}

static void forget_saved(struct sim_replay *replay) {
    sim_file_drop_saved(replay->saved);
    replay->saved = NULL;
    replay->saved_here = false;
}

void sim_replay_free(struct sim_replay *replay) {
    forget_saved(replay);
    free_files(replay->files);
    while (replay->flying != NULL) {
        struct flying *next = replay->flying->next;
        free(replay->flying);
        replay->flying = next;
    }
    free(replay);
}

static struct sim_file *file_of(const struct sim_replay *replay, uint64_t inode) {
    struct sim_file *file = replay->files;
    while (file != NULL && file->inode != inode) {
        file = file->next;
    }
    CHECK(file != NULL);
    return file;
}

struct sim_file *sim_replay_file(struct sim_replay *replay, const char *path) {
    struct sim_file *file = replay->files;
    while (file != NULL && strcmp(file->path, path) != 0) {
        file = file->next;
    }
    return file;
}

static void take_off(struct sim_replay *replay, const struct sim_change *flight) {
    struct flying **end = &replay->flying;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = allocate(sizeof **end);
    (*end)->flight = flight;
}

static void land(struct sim_replay *replay, uint64_t number) {
    struct flying **link = &replay->flying;
    while (*link != NULL && (*link)->flight->number != number) {
        link = &(*link)->next;
    }
    CHECK(*link != NULL);
    struct flying *landed = *link;
    *link = landed->next;
    free(landed);
}

/* Undoes the last cut here. */
static void undo_cut(struct sim_replay *replay) {
    sim_file_restore(replay->saved);
    for (struct sim_file *file = replay->files; file != NULL; file = file->next) {
        file->size_stable = file->size_saved;
    }
}

const struct sim_change *sim_replay_next(struct sim_replay *replay) {
    if (replay->saved_here) {
        undo_cut(replay);
        forget_saved(replay);
    }
    while (replay->next < replay->journal->count) {
        const struct sim_change *change = &replay->journal->changes[replay->next++];
        if (change->kind == SIM_CHANGE_POINT || change->kind == SIM_CHANGE_MARK) {
            return change;
        }
        if (change->kind == SIM_CHANGE_FLIGHT) {
            take_off(replay, change);
        } else if (change->kind == SIM_CHANGE_LANDED) {
            land(replay, change->number);
        } else {
            sim_change_apply(file_of(replay, change->inode), change);
        }
    }
    return NULL;
}

size_t sim_replay_position(const struct sim_replay *replay) {
    return replay->next;
}

static void save_here(struct sim_replay *replay) {
    for (struct sim_file *file = replay->files; file != NULL; file = file->next) {
        replay->saved = sim_file_save_dirty(file, replay->saved);
        file->size_saved = file->size_stable;
    }
    for (const struct flying *flying = replay->flying; flying != NULL; flying = flying->next) {
        replay->saved = sim_file_save(file_of(replay, flying->flight->inode), flying->flight->offset,
                                      flying->flight->length, replay->saved);
    }
    replay->saved_here = true;
}

bool sim_replay_in_doubt(const struct sim_replay *replay) {
    bool doubt = replay->flying != NULL;
    for (struct sim_file *file = replay->files; file != NULL && !doubt; file = file->next) {
        doubt = file->size_now != file->size_stable || sim_file_is_dirty(file);
    }
    return doubt;
}

void sim_replay_cut(struct sim_replay *replay, enum sim_cut cut, uint64_t seed) {
    struct test_random random = test_random_of(seed);
    if (replay->saved_here) {
        undo_cut(replay);
    } else {
        save_here(replay);
    }
    for (struct sim_file *file = replay->files; file != NULL; file = file->next) {
        sim_file_cut(file, cut, replay->logical_block_bytes, &random);
    }
    for (const struct flying *flying = replay->flying; flying != NULL; flying = flying->next) {
        const struct sim_change *flight = flying->flight;
        sim_file_tear(file_of(replay, flight->inode), flight->offset, flight->bytes, (size_t)flight->length,
                      flight->atomic, cut, replay->logical_block_bytes, &random);
    }
}

bool sim_replay_page_in_doubt(const struct sim_replay *replay, const struct sim_file *file, uint64_t index) {
    return sim_file_may_differ(file, index, replay->saved);
}
