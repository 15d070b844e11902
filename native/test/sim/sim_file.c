// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "sim_file.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = SIM_PAGE_BYTES, UNIT_BYTES = 512, UNITS = PAGE_BYTES / UNIT_BYTES, VERSIONS = 3 };

/* What the volatile cache had of a unit before what it has now: it may have reached the medium meanwhile. */
struct sim_version {
    struct sim_version *older;
    uint64_t written; /* as in the page */
    uint8_t bytes[UNIT_BYTES];
};

struct sim_page {
    uint64_t index;
    uint8_t now[PAGE_BYTES]; /* zeros where the state is not SIM_WRITTEN */
    uint8_t stable[PAGE_BYTES];
    uint8_t now_state[UNITS];
    uint8_t stable_state[UNITS];
    uint8_t dirty;           /* a bit per unit: now is not stable */
    uint8_t doomed;          /* of those: a flush that failed has dropped it */
    uint64_t written[UNITS]; /* of a dirty one: when, by the count of the file's writes */
    uint64_t stable_written[UNITS];
    struct sim_version *older[UNITS];
};

struct sim_stale {
    uint64_t offset; /* of a block */
    struct sim_stale *next;
    uint8_t bytes[];
};

struct sim_whole {
    uint64_t offset, length;
    uint64_t written; /* when, by the count of the file's writes */
    bool kept;        /* by the cut that is being decided */
    struct sim_whole *next;
};

static void *allocate(size_t bytes) {
    void *memory = calloc(1, bytes);
    CHECK(memory != NULL);
    return memory;
}

static uint64_t smaller(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static uint64_t round_down(uint64_t value, uint64_t unit) {
    return value - value % unit;
}

static uint64_t round_up(uint64_t value, uint64_t unit) {
    return round_down(value + unit - 1, unit);
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static size_t slot_of(const struct sim_file *file, uint64_t index) {
    size_t slot = (size_t)((index * 0x9e3779b97f4a7c15u) >> 20) & (file->page_slots - 1);
    while (file->pages[slot] != NULL && file->pages[slot]->index != index) {
        slot = (slot + 1) & (file->page_slots - 1);
    }
    return slot;
}

static void grow_table(struct sim_file *file) {
    struct sim_page **old = file->pages;
    size_t old_slots = file->page_slots;
    file->page_slots = old_slots * 2;
    file->pages = allocate(file->page_slots * sizeof *file->pages);
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i] != NULL) {
            file->pages[slot_of(file, old[i]->index)] = old[i];
        }
    }
    free(old);
}

static struct sim_page *find_page(const struct sim_file *file, uint64_t index) {
    return file->pages[slot_of(file, index)];
}

static struct sim_page *make_page(struct sim_file *file, uint64_t index) {
    struct sim_page *page = find_page(file, index);
    if (page != NULL) {
        return page;
    }
    if (file->page_count * 2 >= file->page_slots) {
        grow_table(file);
    }
    page = allocate(sizeof *page);
    page->index = index;
    file->pages[slot_of(file, index)] = page;
    file->page_count++;
    return page;
}

struct sim_file *sim_file_new(const char *path, uint64_t inode, uint32_t block_bytes) {
    struct sim_file *file = allocate(sizeof *file);
    file->path = strdup(path);
    CHECK(file->path != NULL);
    file->inode = inode;
    file->block_bytes = block_bytes;
    file->page_slots = 16;
    file->pages = allocate(file->page_slots * sizeof *file->pages);
    file->cut_to = file->cut_since = file->undone_from = UINT64_MAX;
    return file;
}

static void forget_wholes(struct sim_file *file) {
    while (file->wholes != NULL) {
        struct sim_whole *whole = file->wholes;
        file->wholes = whole->next;
        free(whole);
    }
}

static void drop_versions(struct sim_version **versions) {
    while (*versions != NULL) {
        struct sim_version *version = *versions;
        *versions = version->older;
        free(version);
    }
}

void sim_file_free(struct sim_file *file) {
    forget_wholes(file);
    sim_file_forget(file, 0, UINT64_MAX);
    for (size_t i = 0; i < file->page_slots; i++) {
        for (unsigned unit = 0; file->pages[i] != NULL && unit < UNITS; unit++) {
            drop_versions(&file->pages[i]->older[unit]);
        }
        free(file->pages[i]);
    }
    free(file->pages);
    free(file->path);
    free(file);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

void sim_file_set_size(struct sim_file *file, uint64_t size) {
    file->size_now = size;
    if (size > file->size_largest) {
        file->size_largest = size;
    }
}

void sim_file_read(struct sim_file *file, uint64_t offset, void *bytes, size_t length, bool stable) {
    uint8_t *to = bytes;
    while (length > 0) {
        size_t in_page = (size_t)(offset % PAGE_BYTES);
        size_t part = (size_t)smaller(length, PAGE_BYTES - in_page);
        const struct sim_page *page = find_page(file, offset / PAGE_BYTES);
        if (page == NULL) {
            memset(to, 0, part);
        } else {
            memcpy(to, (stable ? page->stable : page->now) + in_page, part);
        }
        to += part;
        offset += part;
        length -= part;
    }
}

static void set_state(struct sim_file *file, struct sim_page *page, unsigned unit, enum sim_state state) {
    enum sim_state old = page->now_state[unit];
    if (old == SIM_HOLE && state != SIM_HOLE) {
        file->used_bytes += UNIT_BYTES;
    } else if (old != SIM_HOLE && state == SIM_HOLE) {
        file->used_bytes -= UNIT_BYTES;
    }
    page->now_state[unit] = (uint8_t)state;
    page->dirty |= (uint8_t)(1u << unit);
    page->doomed &= (uint8_t) ~(1u << unit);
    page->written[unit] = file->writes;
    if (state != SIM_WRITTEN) {
        drop_versions(&page->older[unit]);
    }
}

/* Calls step for every unit of the blocks that meet the range; makes missing pages. */
static void each_unit(struct sim_file *file, uint64_t offset, uint64_t length,
                      void (*step)(struct sim_file *, struct sim_page *, unsigned)) {
    uint64_t end = round_up(offset + length, file->block_bytes);
    for (uint64_t at = round_down(offset, file->block_bytes); at < end; at += UNIT_BYTES) {
        step(file, make_page(file, at / PAGE_BYTES), (unsigned)(at % PAGE_BYTES / UNIT_BYTES));
    }
}

static void mark_written(struct sim_file *file, struct sim_page *page, unsigned unit) {
    set_state(file, page, unit, SIM_WRITTEN);
}

static void mark_zeroes(struct sim_file *file, struct sim_page *page, unsigned unit) {
    if (page->now_state[unit] != SIM_WRITTEN) {
        set_state(file, page, unit, SIM_WRITTEN);
    }
}

static void mark_reserved(struct sim_file *file, struct sim_page *page, unsigned unit) {
    if (page->now_state[unit] == SIM_HOLE) {
        set_state(file, page, unit, SIM_UNWRITTEN);
    }
}

static void settle_unit(struct sim_file *file, struct sim_page *page, unsigned unit) {
    (void)file;
    if (page->doomed >> unit & 1) {
        return;
    }
    memcpy(page->stable + unit * UNIT_BYTES, page->now + unit * UNIT_BYTES, UNIT_BYTES);
    page->stable_state[unit] = page->now_state[unit];
    if ((page->dirty >> unit & 1) != 0) {
        page->stable_written[unit] = page->written[unit];
    }
    page->dirty &= (uint8_t) ~(1u << unit);
    drop_versions(&page->older[unit]);
}

/* The cache is about to get new bytes for a unit. What a flush under way has to make stable, is made so now. */
static void push_version(struct sim_file *file, struct sim_page *page, unsigned unit) {
    if ((page->dirty >> unit & 1) == 0) {
        return;
    }
    if (file->flushes > 0 && page->written[unit] < file->flush_began && !(page->doomed >> unit & 1)) {
        settle_unit(file, page, unit);
        return;
    }
    if (page->now_state[unit] != SIM_WRITTEN || page->stable_state[unit] != SIM_WRITTEN) {
        return;
    }
    struct sim_version *version = allocate(sizeof *version);
    memcpy(version->bytes, page->now + unit * UNIT_BYTES, UNIT_BYTES);
    version->written = page->written[unit];
    version->older = page->older[unit];
    page->older[unit] = version;
    for (unsigned depth = 1; version->older != NULL; depth++, version = version->older) {
        if (depth == VERSIONS) {
            drop_versions(&version->older);
            break;
        }
    }
}

void sim_file_write(struct sim_file *file, uint64_t offset, const void *bytes, size_t length) {
    if (length == 0) {
        return;
    }
    each_unit(file, offset, length, push_version);
    file->writes++;
    each_unit(file, offset, length, mark_written);
    const uint8_t *from = bytes;
    while (length > 0) {
        size_t in_page = (size_t)(offset % PAGE_BYTES);
        size_t part = (size_t)smaller(length, PAGE_BYTES - in_page);
        memcpy(find_page(file, offset / PAGE_BYTES)->now + in_page, from, part);
        from += part;
        offset += part;
        length -= part;
    }
}

uint64_t sim_file_cost(struct sim_file *file, uint64_t offset, uint64_t length) {
    uint64_t cost = 0;
    uint64_t end = round_up(offset + length, file->block_bytes);
    for (uint64_t at = round_down(offset, file->block_bytes); at < end; at += file->block_bytes) {
        cost += sim_file_state(file, at) == SIM_HOLE ? file->block_bytes : 0;
    }
    return cost;
}

/* A truncation has taken place: what was stable from there on is gone. */
static void drop_stable(struct sim_page *page, uint64_t from) {
    for (unsigned unit = 0; unit < UNITS; unit++) {
        if (page->index * PAGE_BYTES + unit * UNIT_BYTES >= from) {
            memset(page->stable + unit * UNIT_BYTES, 0, UNIT_BYTES);
            page->stable_state[unit] = SIM_HOLE;
        }
    }
}

/* Truncations that no flush has covered become stable with what is made so after them: the journal has them before. */
static void commit_cuts(struct sim_file *file) {
    if (file->cut_to == UINT64_MAX) {
        return;
    }
    uint64_t edge = round_up(file->cut_to, file->block_bytes);
    for (size_t i = 0; i < file->page_slots; i++) {
        if (file->pages[i] != NULL) {
            drop_stable(file->pages[i], edge);
        }
    }
    file->size_stable = smaller(file->size_stable, file->cut_to);
    file->cut_to = file->cut_since = UINT64_MAX;
}

void sim_file_settle(struct sim_file *file, uint64_t offset, uint64_t length) {
    commit_cuts(file);
    each_unit(file, offset, length, settle_unit);
}

void sim_file_settle_all(struct sim_file *file) {
    for (size_t i = 0; i < file->page_slots; i++) {
        struct sim_page *page = file->pages[i];
        for (unsigned unit = 0; page != NULL && unit < UNITS; unit++) {
            page->doomed = 0;
            settle_unit(file, page, unit);
            page->stable_written[unit] = 0;
        }
    }
    file->size_stable = file->size_now;
    file->cut_to = file->cut_since = UINT64_MAX;
    forget_wholes(file);
}

/* From where on everything is stable if all behind an offset is: not from within an atomic write. */
static uint64_t begin_of_wholes(const struct sim_file *file, uint64_t from) {
    for (const struct sim_whole *whole = file->wholes; whole != NULL;) {
        bool cuts = whole->offset < from && from < whole->offset + whole->length;
        from = cuts ? whole->offset : from;
        whole = cuts ? file->wholes : whole->next;
    }
    return from;
}

void sim_file_settle_size(struct sim_file *file, uint64_t size) {
    if (size <= file->size_stable) {
        return;
    }
    uint64_t from = begin_of_wholes(file, round_down(file->size_stable, file->block_bytes));
    for (size_t i = 0; i < file->page_slots; i++) {
        struct sim_page *page = file->pages[i];
        for (unsigned unit = 0; page != NULL && unit < UNITS; unit++) {
            if (page->index * PAGE_BYTES + unit * UNIT_BYTES >= from) {
                settle_unit(file, page, unit);
            }
        }
    }
    file->size_stable = file->size_now;
}

void sim_file_flush_begin(struct sim_file *file) {
    file->flushes++;
    file->flush_began = ++file->writes;
    file->cut_since = UINT64_MAX;
}

void sim_file_flush_end(struct sim_file *file, uint64_t began, uint64_t size) {
    CHECK(file->flushes > 0);
    file->flushes--;
    for (size_t i = 0; i < file->page_slots; i++) {
        struct sim_page *page = file->pages[i];
        for (unsigned unit = 0; page != NULL && unit < UNITS; unit++) {
            if ((page->dirty >> unit & 1) != 0 && page->written[unit] < began) {
                settle_unit(file, page, unit);
            }
        }
    }
    bool was_cut = file->cut_to != UINT64_MAX;
    file->cut_to = file->cut_since;
    if (was_cut) {
        file->size_stable = size;
        return;
    }
    size = smaller(size, file->size_now);
    file->size_stable = size > file->size_stable ? size : file->size_stable;
}

/*
 * What another flush that is under way covers stays: that one ends well. And so do sizes and holes: a file system that cannot
 * write down its own changes tries again, or dies.
 */
void sim_file_doom(struct sim_file *file) {
    for (size_t i = 0; i < file->page_slots; i++) {
        struct sim_page *page = file->pages[i];
        for (unsigned unit = 0; page != NULL && unit < UNITS; unit++) {
            bool covered = file->flushes > 0 && page->written[unit] < file->flush_began;
            bool data = page->now_state[unit] == SIM_WRITTEN;
            if (!covered && data) {
                page->doomed = (uint8_t)(page->doomed | (page->dirty & 1u << unit));
            }
        }
    }
}

static void spare_unit(struct sim_file *file, struct sim_page *page, unsigned unit) {
    (void)file;
    page->doomed &= (uint8_t) ~(1u << unit);
}

void sim_file_spare(struct sim_file *file, uint64_t offset, uint64_t length) {
    each_unit(file, offset, length, spare_unit);
}

void sim_file_reserve(struct sim_file *file, uint64_t offset, uint64_t length) {
    each_unit(file, offset, length, push_version);
    file->writes++;
    each_unit(file, offset, length, mark_reserved);
}

void sim_file_write_zeroes(struct sim_file *file, uint64_t offset, uint64_t length) {
    each_unit(file, offset, length, push_version);
    file->writes++;
    each_unit(file, offset, length, mark_zeroes);
}

static void mark_hole(struct sim_file *file, struct sim_page *page, unsigned unit) {
    memset(page->now + unit * UNIT_BYTES, 0, UNIT_BYTES);
    set_state(file, page, unit, SIM_HOLE);
}

static void mark_unwritten(struct sim_file *file, struct sim_page *page, unsigned unit) {
    memset(page->now + unit * UNIT_BYTES, 0, UNIT_BYTES);
    set_state(file, page, unit, SIM_UNWRITTEN);
}

static void zero_written(struct sim_file *file, uint64_t offset, uint64_t end) {
    static const uint8_t zeros[PAGE_BYTES];
    if (offset < end && sim_file_state(file, offset) == SIM_WRITTEN) {
        sim_file_write(file, offset, zeros, (size_t)(end - offset));
    }
}

void sim_file_deallocate(struct sim_file *file, uint64_t offset, uint64_t length, bool keep_space) {
    uint64_t end = offset + length;
    uint64_t first = round_up(offset, file->block_bytes);
    uint64_t last = round_down(end, file->block_bytes);
    zero_written(file, offset, smaller(first, end));
    if (first < last) {
        each_unit(file, first, last - first, push_version);
        file->writes++;
        each_unit(file, first, last - first, keep_space ? mark_unwritten : mark_hole);
    }
    if (last >= first) {
        zero_written(file, last, end);
    }
}

static void zero_versions(struct sim_version *version, size_t from) {
    for (; version != NULL; version = version->older) {
        memset(version->bytes + from, 0, UNIT_BYTES - from);
    }
}

/* Bytes from size on are zeros, and blocks from the next whole one on are holes, in all versions. */
static void cut_page(struct sim_file *file, struct sim_page *page, uint64_t size) {
    uint64_t start = page->index * PAGE_BYTES;
    if (start + PAGE_BYTES <= size) {
        return;
    }
    size_t keep = size > start ? (size_t)(size - start) : 0;
    memset(page->now + keep, 0, PAGE_BYTES - keep);
    memset(page->stable + keep, 0, PAGE_BYTES - keep);
    uint64_t keep_blocks = round_up(keep, file->block_bytes);
    for (unsigned unit = (unsigned)(keep_blocks / UNIT_BYTES); unit < UNITS; unit++) {
        set_state(file, page, unit, SIM_HOLE);
        page->stable_state[unit] = SIM_HOLE;
        page->dirty &= (uint8_t) ~(1u << unit);
        page->doomed &= page->dirty;
    }
    for (unsigned unit = (unsigned)(keep / UNIT_BYTES); unit < UNITS; unit++) {
        size_t offset = (size_t)unit * UNIT_BYTES;
        if (offset < keep_blocks) { /* or its block would have units of fewer versions than others */
            zero_versions(page->older[unit], keep > offset ? keep - offset : 0);
        } else {
            drop_versions(&page->older[unit]);
        }
    }
}

void sim_file_truncate(struct sim_file *file, uint64_t size) {
    commit_cuts(file);
    for (size_t i = 0; i < file->page_slots; i++) {
        if (file->pages[i] != NULL) {
            cut_page(file, file->pages[i], size);
        }
    }
    sim_file_set_size(file, size);
    file->size_stable = size;
    file->truncations++;
}

void sim_file_truncate_later(struct sim_file *file, uint64_t size) {
    if (size < file->size_now) {
        sim_file_deallocate(file, size, round_up(file->size_now, file->block_bytes) - size, false);
        file->cut_to = smaller(file->cut_to, size);
        file->cut_since = smaller(file->cut_since, size);
    }
    sim_file_set_size(file, size);
}

enum sim_state sim_file_state(const struct sim_file *file, uint64_t offset) {
    const struct sim_page *page = find_page(file, offset / PAGE_BYTES);
    return page == NULL ? SIM_HOLE : (enum sim_state)page->now_state[offset % PAGE_BYTES / UNIT_BYTES];
}

bool sim_file_is_overwrite(const struct sim_file *file, uint64_t offset, uint64_t length) {
    bool overwrite = offset + length <= file->size_stable;
    for (uint64_t at = round_down(offset, UNIT_BYTES); at < offset + length && overwrite; at += UNIT_BYTES) {
        const struct sim_page *page = find_page(file, at / PAGE_BYTES);
        unsigned unit = (unsigned)(at % PAGE_BYTES / UNIT_BYTES);
        overwrite = page != NULL && page->now_state[unit] == SIM_WRITTEN && page->stable_state[unit] == SIM_WRITTEN;
    }
    return overwrite;
}

bool sim_file_is_dirty(const struct sim_file *file) {
    bool dirty = false;
    for (size_t i = 0; i < file->page_slots && !dirty; i++) {
        dirty = file->pages[i] != NULL && file->pages[i]->dirty != 0;
    }
    return dirty;
}

void sim_file_find_hole(struct sim_file *file, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end) {
    uint64_t at = from;
    while (at < to && sim_file_state(file, at) == SIM_WRITTEN) {
        at = round_down(at, UNIT_BYTES) + UNIT_BYTES;
    }
    *start = smaller(at, to);
    while (at < to && sim_file_state(file, at) != SIM_WRITTEN) {
        at = round_down(at, UNIT_BYTES) + UNIT_BYTES;
    }
    *end = smaller(at, to);
}

/* ---- the kernel's page cache -------------------------------------------------------------------------------------- */

static struct sim_stale *find_stale(struct sim_file *file, uint64_t block_offset) {
    struct sim_stale *stale = file->stale;
    while (stale != NULL && stale->offset != block_offset) {
        stale = stale->next;
    }
    return stale;
}

void sim_file_refuse(struct sim_file *file, uint64_t offset, const void *bytes, size_t length) {
    const uint8_t *from = bytes;
    while (length > 0) {
        uint64_t block = round_down(offset, file->block_bytes);
        size_t part = (size_t)smaller(length, block + file->block_bytes - offset);
        struct sim_stale *stale = find_stale(file, block);
        if (stale == NULL) {
            stale = allocate(sizeof *stale + file->block_bytes);
            stale->offset = block;
            sim_file_read(file, block, stale->bytes, file->block_bytes, false);
            stale->next = file->stale;
            file->stale = stale;
        }
        memcpy(stale->bytes + (offset - block), from, part);
        from += part;
        offset += part;
        length -= part;
    }
}

void sim_file_overlay(struct sim_file *file, uint64_t offset, void *bytes, size_t length) {
    for (const struct sim_stale *stale = file->stale; stale != NULL; stale = stale->next) {
        for (uint32_t i = 0; i < file->block_bytes; i++) {
            uint64_t at = stale->offset + i;
            if (at >= offset && at - offset < length) {
                ((uint8_t *)bytes)[at - offset] = stale->bytes[i];
            }
        }
    }
}

void sim_file_flush_stale(struct sim_file *file, uint64_t offset, uint64_t length) {
    for (const struct sim_stale *stale = file->stale; stale != NULL; stale = stale->next) {
        if (stale->offset < offset + length && stale->offset + file->block_bytes > offset) {
            sim_file_write(file, stale->offset, stale->bytes, file->block_bytes);
        }
    }
    sim_file_forget(file, offset, length);
}

void sim_file_forget(struct sim_file *file, uint64_t offset, uint64_t length) {
    uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
    struct sim_stale **link = &file->stale;
    while (*link != NULL) {
        struct sim_stale *stale = *link;
        if (stale->offset < end && stale->offset + file->block_bytes > offset) {
            *link = stale->next;
            free(stale);
        } else {
            link = &stale->next;
        }
    }
}

/* ---- power ------------------------------------------------------------------------------------------------------- */

static bool survives(enum sim_cut cut, struct test_random *random) {
    return cut == SIM_KEEP_ALL || (cut == SIM_RANDOM && test_random_one_in(random, 2));
}

/* These units survive as the cache has them, or as it had them so many versions ago. */
static void keep_units(struct sim_page *page, unsigned from, unsigned to, uint64_t age) {
    for (unsigned unit = from; unit < to; unit++) {
        const struct sim_version *version = page->older[unit];
        for (uint64_t i = 1; i < age && version != NULL; i++) {
            version = version->older;
        }
        if (age == 0 || version != NULL) {
            memcpy(page->stable + unit * UNIT_BYTES, age == 0 ? page->now + unit * UNIT_BYTES : version->bytes,
                   UNIT_BYTES);
            page->stable_state[unit] = page->now_state[unit];
        }
    }
}

static unsigned count_versions(const struct sim_version *version) {
    unsigned count = 0;
    for (; version != NULL; version = version->older) {
        count++;
    }
    return count;
}

static bool states_differ(const struct sim_page *page, unsigned from, unsigned to) {
    return memcmp(page->now_state + from, page->stable_state + from, to - from) != 0;
}

/* Whether a unit may survive as it was written then, by what was decided of the atomic writes that it is part of. */
static bool is_allowed(const struct sim_file *file, const struct sim_page *page, unsigned unit, uint64_t written) {
    uint64_t offset = page->index * PAGE_BYTES + unit * UNIT_BYTES;
    bool allowed = true;
    for (const struct sim_whole *whole = file->wholes; whole != NULL && allowed; whole = whole->next) {
        if (whole->offset <= offset && offset < whole->offset + whole->length) {
            allowed = whole->kept ? written >= whole->written : written != whole->written;
        }
    }
    return allowed;
}

/*
 * The version of a unit, counted from what the cache has, that is next to the one wished for, older or else newer, and allowed:
 * one more than there are older ones is what is stable, and one more than that means that none is.
 */
static unsigned allowed_age(const struct sim_file *file, const struct sim_page *page, unsigned unit, unsigned wished) {
    uint64_t written[VERSIONS + 2] = {page->written[unit]};
    unsigned count = 1;
    for (const struct sim_version *version = page->older[unit]; version != NULL; version = version->older) {
        written[count++] = version->written;
    }
    written[count++] = page->stable_written[unit];
    unsigned age = wished;
    while (age < count && !is_allowed(file, page, unit, written[age])) {
        age++;
    }
    for (unsigned newer = wished; age == count && newer > 0; newer--) {
        age = is_allowed(file, page, unit, written[newer - 1]) ? newer - 1 : age;
    }
    return age;
}

/* Logical block by logical block, so that none is a mixture; but an extent that was allocated or converted, which is
 * one change of metadata after all its bytes, as a whole. All from `sure` on survives. */
static void cut_volatile(struct sim_file *file, struct sim_page *page, uint64_t sure, enum sim_cut cut,
                         uint32_t logical_bytes, struct test_random *random) {
    unsigned block_units = file->block_bytes / UNIT_BYTES;
    unsigned logical_units = logical_bytes / UNIT_BYTES;
    unsigned to = 0;
    for (unsigned from = 0; from < UNITS; from = to) {
        unsigned block_end = from - from % block_units + block_units;
        to = states_differ(page, from, block_end) ? block_end : from + logical_units;
        bool needed = page->index * PAGE_BYTES + to * UNIT_BYTES > sure;
        bool undone = page->index * PAGE_BYTES + from * UNIT_BYTES >= file->undone_from;
        if ((page->dirty & ((1u << to) - (1u << from))) == 0 || undone) {
            continue;
        }
        unsigned versions = count_versions(page->older[from]);
        unsigned age = versions + 1u;
        if (survives(cut, random) || needed) {
            age = 0;
        } else if (cut == SIM_RANDOM && versions > 0) {
            uint64_t chosen = test_random_below(random, versions + 1u);
            age = chosen > 0 ? (unsigned)chosen : age;
        }
        age = needed ? 0 : allowed_age(file, page, from, age);
        if (age <= versions) {
            keep_units(page, from, to, age);
        }
    }
}

/* Pages in the order of the file, not of the hash table, whose size is no part of what a seed should decide. */
static int by_index(const void *a, const void *b) {
    const struct sim_page *const *left = a;
    const struct sim_page *const *right = b;
    return (*left)->index < (*right)->index ? -1 : (*left)->index > (*right)->index;
}

/* Calls step for every unit of a whole until it returns true; then does so too. */
static bool any_unit(const struct sim_file *file, const struct sim_whole *whole,
                     bool (*step)(const struct sim_whole *, const struct sim_page *, unsigned)) {
    bool any = false;
    for (uint64_t at = whole->offset; at < whole->offset + whole->length && !any; at += UNIT_BYTES) {
        const struct sim_page *page = find_page(file, at / PAGE_BYTES);
        any = page != NULL && step(whole, page, (unsigned)(at % PAGE_BYTES / UNIT_BYTES));
    }
    return any;
}

static bool is_stable_there(const struct sim_whole *whole, const struct sim_page *page, unsigned unit) {
    return page->stable_written[unit] == whole->written;
}

static bool is_volatile_there(const struct sim_whole *whole, const struct sim_page *page, unsigned unit) {
    bool there = (page->dirty >> unit & 1) != 0 && page->written[unit] == whole->written;
    for (const struct sim_version *version = page->older[unit]; version != NULL && !there; version = version->older) {
        there = version->written == whole->written;
    }
    return there;
}

void sim_file_keep_together(struct sim_file *file, uint64_t offset, uint64_t length) {
    for (struct sim_whole **link = &file->wholes, *whole; (whole = *link) != NULL;) {
        if (any_unit(file, whole, is_volatile_there)) {
            link = &whole->next;
        } else { /* nothing is left to decide */
            *link = whole->next;
            free(whole);
        }
    }
    struct sim_whole *whole = allocate(sizeof *whole);
    *whole = (struct sim_whole){.offset = offset, .length = length, .written = file->writes, .next = file->wholes};
    file->wholes = whole;
}

/* Whether each unit has a version of it, or one that came over it: of what went into holes only the last is known. */
static bool can_be_kept(const struct sim_file *file, const struct sim_whole *whole) {
    bool can = true;
    for (uint64_t at = whole->offset; at < whole->offset + whole->length && can; at += UNIT_BYTES) {
        const struct sim_page *page = find_page(file, at / PAGE_BYTES);
        unsigned unit = (unsigned)(at % PAGE_BYTES / UNIT_BYTES);
        can = page == NULL || (page->dirty >> unit & 1) == 0 ||
              allowed_age(file, page, unit, 0) < count_versions(page->older[unit]) + 2u;
    }
    return can;
}

/* Those of which a part is stable already are kept. */
static void decide_wholes(struct sim_file *file, enum sim_cut cut, struct test_random *random) {
    for (struct sim_whole *whole = file->wholes; whole != NULL; whole = whole->next) {
        whole->kept = survives(cut, random) || any_unit(file, whole, is_stable_there);
    }
    for (struct sim_whole *whole = file->wholes; whole != NULL;) {
        bool drop = whole->kept && !can_be_kept(file, whole);
        whole->kept = whole->kept && !drop;
        whole = drop ? file->wholes : whole->next;
    }
}

void sim_file_cut(struct sim_file *file, enum sim_cut cut, uint32_t logical_bytes, struct test_random *random) {
    /* A file system writes a size down only after the bytes below it, and one change of it after the other. */
    bool is_cut = file->cut_to == UINT64_MAX || survives(cut, random);
    uint64_t edge = file->cut_to == UINT64_MAX ? UINT64_MAX : round_up(file->cut_to, file->block_bytes);
    file->undone_from = is_cut ? UINT64_MAX : edge;
    uint64_t from = is_cut ? smaller(file->cut_to, file->size_stable) : file->size_stable;
    bool grew = is_cut && file->size_now > from && survives(cut, random);
    uint64_t sure = grew ? begin_of_wholes(file, from) : UINT64_MAX;
    decide_wholes(file, cut, random);
    struct sim_page **dirty = allocate((file->page_count + 1) * sizeof(struct sim_page *));
    size_t count = 0;
    for (size_t i = 0; i < file->page_slots; i++) {
        if (file->pages[i] != NULL && file->pages[i]->dirty != 0) {
            dirty[count++] = file->pages[i];
        }
    }
    qsort(dirty, count, sizeof(struct sim_page *), by_index);
    for (size_t i = 0; i < count; i++) {
        if (is_cut) {
            drop_stable(dirty[i], edge);
        }
        cut_volatile(file, dirty[i], sure, cut, logical_bytes, random);
    }
    free(dirty);
    file->size_stable = grew ? file->size_now : from;
}

static bool stable_written(const struct sim_file *file, uint64_t offset) {
    const struct sim_page *page = find_page(file, offset / PAGE_BYTES);
    return page != NULL && page->stable_state[offset % PAGE_BYTES / UNIT_BYTES] == SIM_WRITTEN;
}

static void keep_stable(struct sim_file *file, uint64_t offset, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        size_t part = (size_t)smaller(length, UNIT_BYTES - offset % UNIT_BYTES);
        struct sim_page *page = make_page(file, offset / PAGE_BYTES);
        memcpy(page->stable + offset % PAGE_BYTES, bytes, part);
        uint64_t block = round_down(offset % PAGE_BYTES, file->block_bytes) / UNIT_BYTES;
        memset(page->stable_state + block, SIM_WRITTEN, file->block_bytes / UNIT_BYTES);
        offset += part;
        bytes += part;
        length -= part;
    }
}

struct sim_saved {
    struct sim_page *page;
    uint8_t stable[PAGE_BYTES];
    uint8_t stable_state[UNITS];
    struct sim_saved *next;
};

static struct sim_saved *save_page(struct sim_page *page, struct sim_saved *saved) {
    for (struct sim_saved *one = saved; one != NULL; one = one->next) {
        if (one->page == page) {
            return saved;
        }
    }
    struct sim_saved *one = allocate(sizeof *one);
    one->page = page;
    memcpy(one->stable, page->stable, PAGE_BYTES);
    memcpy(one->stable_state, page->stable_state, UNITS);
    one->next = saved;
    return one;
}

struct sim_saved *sim_file_save_dirty(struct sim_file *file, struct sim_saved *saved) {
    for (size_t i = 0; i < file->page_slots; i++) {
        if (file->pages[i] != NULL && file->pages[i]->dirty != 0) {
            saved = save_page(file->pages[i], saved);
        }
    }
    return saved;
}

struct sim_saved *sim_file_save(struct sim_file *file, uint64_t offset, uint64_t length, struct sim_saved *saved) {
    for (uint64_t index = offset / PAGE_BYTES; index <= (offset + length - 1) / PAGE_BYTES; index++) {
        saved = save_page(make_page(file, index), saved);
    }
    return saved;
}

void sim_file_restore(const struct sim_saved *saved) {
    for (; saved != NULL; saved = saved->next) {
        memcpy(saved->page->stable, saved->stable, PAGE_BYTES);
        memcpy(saved->page->stable_state, saved->stable_state, UNITS);
    }
}

bool sim_file_may_differ(const struct sim_file *file, uint64_t index, const struct sim_saved *saved) {
    const struct sim_page *page = find_page(file, index);
    while (saved != NULL && saved->page != page) {
        saved = saved->next;
    }
    return page != NULL && saved != NULL;
}

void sim_file_drop_saved(struct sim_saved *saved) {
    while (saved != NULL) {
        struct sim_saved *next = saved->next;
        free(saved);
        saved = next;
    }
}

const uint8_t *sim_file_stable_page(const struct sim_file *file, uint64_t index) {
    static const uint8_t zeros[PAGE_BYTES];
    const struct sim_page *page = find_page(file, index);
    return page == NULL ? zeros : page->stable;
}

/* The size is written down as the file has it, after the bytes below it. */
static void keep_size(struct sim_file *file, uint64_t end) {
    if (end <= file->size_stable) {
        return;
    }
    uint64_t from = begin_of_wholes(file, round_down(file->size_stable, file->block_bytes));
    for (size_t i = 0; i < file->page_slots && file->size_stable < file->size_now; i++) {
        struct sim_page *page = file->pages[i];
        for (unsigned unit = 0; page != NULL && unit < UNITS; unit++) {
            if ((page->dirty >> unit & 1) != 0 && page->index * PAGE_BYTES + unit * UNIT_BYTES >= from) {
                keep_units(page, unit, unit + 1, 0);
            }
        }
    }
    file->size_stable = end > file->size_now ? end : file->size_now;
}

static void take_or_leave(struct sim_file *file, uint64_t offset, const uint8_t *bytes, size_t length, enum sim_cut cut,
                          struct test_random *random) {
    if (survives(cut, random)) {
        keep_size(file, offset + length);
        keep_stable(file, offset, bytes, length);
    }
}

/* A write that ends within a logical block brings the rest of it along, as the kernel's page cache has it. */
static void keep_rest(struct sim_file *file, uint64_t from, uint64_t to) {
    uint8_t rest[PAGE_BYTES];
    if (from < to) {
        sim_file_read(file, from, rest, (size_t)(to - from), false);
        keep_stable(file, from, rest, (size_t)(to - from));
    }
}

void sim_file_tear(struct sim_file *file, uint64_t offset, const uint8_t *bytes, size_t length, bool atomic,
                   enum sim_cut cut, uint32_t logical_bytes, struct test_random *random) {
    if (atomic) {
        take_or_leave(file, offset, bytes, length, cut, random);
        return;
    }
    uint64_t end = offset + length;
    if (end > file->undone_from) {
        return;
    }
    bool overwrite = end <= file->size_stable;
    for (uint64_t at = offset; at < end; at = round_down(at, UNIT_BYTES) + UNIT_BYTES) {
        overwrite = overwrite && stable_written(file, at);
    }
    /* Sizes and extents are written down after the bytes: they are there only if all of the write is. */
    bool whole = !overwrite && survives(cut, random);
    uint64_t size_before = file->size_stable;
    if (whole) {
        keep_size(file, end);
    }
    uint64_t next = 0;
    for (uint64_t at = offset; at < end; at = next) {
        next = smaller(end, round_down(at, logical_bytes) + logical_bytes);
        bool in_place = next <= size_before && stable_written(file, at);
        if (whole || (in_place && survives(cut, random))) {
            keep_rest(file, round_down(at, logical_bytes), at);
            keep_stable(file, at, bytes + (at - offset), (size_t)(next - at));
            keep_rest(file, next, round_up(next, logical_bytes));
        }
    }
}

static void restart_page(struct sim_file *file, struct sim_page *page) {
    memcpy(page->now, page->stable, PAGE_BYTES);
    for (unsigned unit = 0; unit < UNITS; unit++) {
        set_state(file, page, unit, (enum sim_state)page->stable_state[unit]);
    }
    page->dirty = page->doomed = 0;
    for (unsigned unit = 0; unit < UNITS; unit++) {
        drop_versions(&page->older[unit]);
    }
}

void sim_file_restart(struct sim_file *file) {
    for (size_t i = 0; i < file->page_slots; i++) {
        if (file->pages[i] != NULL) {
            restart_page(file, file->pages[i]);
        }
    }
    sim_file_forget(file, 0, UINT64_MAX);
    forget_wholes(file);
    sim_file_truncate(file, file->size_stable);
    file->cut_to = file->cut_since = UINT64_MAX;
    CHECK(file->opens == 0);
    file->shared_locks = 0;
    file->exclusive_lock = false;
    file->error_sequence = 0;
    file->error_told = false;
    file->error = file->legacy_error = 0;
}
