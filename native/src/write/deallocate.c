// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Ranges that become zeros: punched holes, and zeroed space. The gate is shut, as for a truncation: the file systems
 * stop all I/O on the file as well.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mutant.h"
#include "cache/mapping.h"
#include "engine/doors.h"
#include "file/owners.h"
#include "file/transfer.h"
#include "io/disk.h"
#include "io/turns.h"
#include "write/later.h"
#include "write/round.h"
#include "write/writeback.h"

/* Where zeros have to be written, the gate is shut for so many at a time. */
#define PIECE_BYTES (UINT64_C(1) << 20)

static uint64_t block_bytes(const struct wt_inode *inode) {
    return UINT64_C(1) << inode->mapping.geometry.block_shift;
}

static int run(struct wt_inode *inode, struct wt_io *io) {
    wt_transfer_run(inode, io);
    if (io->op == WT_IO_WRITE && io->through_page_cache)
        io->backing->ops->forget(io->backing, io->offset, io->length);
    return io->error;
}

/* Whether a write of start..end goes through the kernel's page cache. */
static bool is_cached(const struct wt_inode *inode, uint64_t start, uint64_t end) {
    const struct wt_geometry *geometry = &inode->mapping.geometry;
    struct wt_disk_ends none = {0};
    return wt_ends_route(WT_TRANSFER_ALONE, geometry, !wt_inode_is_buffered(inode), start, end, none).cached_from < end;
}

/* Zeros start..end, which is within one block, and keeps the rest of it up to the end of the file, size. */
static int zero_in_block(struct wt_inode *inode, uint64_t start, uint64_t end, uint64_t size) {
    uint64_t block = block_bytes(inode), base = start & ~(block - 1);
    uint64_t length = size - base < block ? size - base : block;
    uint8_t *memory = aligned_alloc(WT_PAGE_BYTES, WT_PAGE_BYTES);
    if (!memory)
        return -ENOMEM;
    struct wt_io io;
    wt_io_init(&io, WT_IO_READ, atomic_load(&inode->backing), base);
    wt_io_add(&io, memory, block);
    int rc = run(inode, &io);
    if (!rc && io.done < length)
        rc = -ESTALE; /* the file is shorter than anything here made it */
    const uint8_t *range = memory + (start - base);
    /* After a failed flush, zeros that are read may be in the disk's cache alone, for ever: they are written again. */
    bool believed = wt_disk_failures(inode->turns.disk) == 0;
    bool zeros = !rc && believed && range[0] == 0 && memcmp(range, range + 1, end - start - 1) == 0;
    if (!rc && !zeros && !WT_MUTANT("hole-keeps-its-edges")) { /* a hole stays one */
        memset(memory + (start - base), 0, end - start);
        wt_io_init(&io, WT_IO_WRITE, atomic_load(&inode->backing), base);
        io.durability = WT_DURABILITY_DSYNC;
        io.through_page_cache = is_cached(inode, base, base + length);
        wt_io_add(&io, memory, length);
        rc = run(inode, &io);
    }
    free(memory);
    return rc;
}

/* Writes zeros to start..end, no more than PIECE_BYTES. */
static int write_zeros(struct wt_inode *inode, uint64_t start, uint64_t end) {
    struct wt_io io;
    wt_io_init(&io, WT_IO_WRITE, atomic_load(&inode->backing), start);
    io.durability = WT_DURABILITY_DSYNC;
    io.through_page_cache = is_cached(inode, start, end);
    wt_transfer_add_zeros(inode, &io, end - start);
    return run(inode, &io);
}

/*
 * Zeros start..end by the file system. If it cannot, writes zeros to the first piece; *end is then the end of that
 * piece.
 */
static int zero_blocks(struct wt_inode *inode, uint64_t start, uint64_t *end, bool keep_space) {
    struct wt_backing *backing = atomic_load(&inode->backing);
    uint64_t mask = block_bytes(inode) - 1;
    /* Nothing of the file is behind its last byte: the block of that goes as a whole. */
    bool to_block_end = !wt_inode_is_buffered(inode) || *end == wt_inode_size(inode);
    uint64_t stop = to_block_end ? (*end + mask) & ~mask : *end;
    int rc = wt_blocking(backing)->deallocate(backing, start, stop - start, keep_space);
    if (rc != -EOPNOTSUPP)
        return rc;
    uint64_t piece_end = (start + PIECE_BYTES) & ~mask;
    *end = piece_end < *end ? piece_end : *end;
    return write_zeros(inode, start, *end);
}

/*
 * One step, with the gate shut. Makes zeros of start..*end, or of as much as can be done at once: then *end says how
 * far. That is a part of one block, or as many whole blocks as there are. The block that the file ends in counts as
 * whole if the range goes to the end of the file.
 */
static int zero_step(struct wt_inode *inode, uint64_t start, uint64_t *end, bool keep_space) {
    uint64_t size = wt_inode_size(inode), mask = block_bytes(inode) - 1;
    if (start >= size) /* the disk may have more there, of a failed write, and refuse to cut it */
        return inode->restore_error;
    *end = *end < size ? *end : size;
    bool in_block = false;
    if (!wt_inode_is_buffered(inode)) {
        uint64_t whole_end = *end == size ? size : *end & ~mask;
        uint64_t block_end = (start | mask) + 1;
        in_block = (start & mask) || whole_end <= start;
        uint64_t stop = in_block ? block_end : whole_end;
        *end = stop < *end ? stop : *end;
    }
    int rc = wt_mapping_cut(&inode->mapping, start & ~mask,
                            (*end + mask) & ~mask); /* clean: if the rest fails, it is read */
    if (rc)
        return rc;
    return in_block ? zero_in_block(inode, start, *end, size) : zero_blocks(inode, start, end, keep_space);
}

static int zero_range(struct wt_inode *inode, uint64_t offset, uint64_t end, bool keep_space) {
    int rc = 0;
    wt_unsynced zeros = 0;
    wt_disk_note_unsynced(inode->turns.disk, &zeros);
    uint64_t hole = wt_round_begin_hole(inode);
    while (!rc && offset < end) {
        uint64_t stop = end;
        wt_later_shut(inode);
        rc = zero_step(inode, offset, &stop, keep_space);
        uint64_t size = wt_inode_size(inode); /* the part of a hole that is past the size does nothing */
        if (!rc && offset < size)
            wt_round_make_hole(inode, hole, offset, stop < size ? stop : size);
        wt_inode_open_gate(inode);
        offset = stop;
    }
    if (!rc && !WT_MUTANT("hole-not-synced"))
        rc = wt_inode_flush(inode, true);
    rc = !rc && wt_disk_flush_failed_since(inode->turns.disk, zeros) ? -EIO : rc;
    wt_round_end_hole(inode, hole, rc == 0);
    return rc;
}

static int deallocate(wt_file handle, uint64_t offset, uint64_t length, bool keep_space) {
    if (offset > INT64_MAX || length > INT64_MAX)
        return -EINVAL;
    struct wt_file_object *file = wt_file_acquire(handle);
    int rc = file && file->writable ? 0 : -EBADF;
    uint64_t end = length > INT64_MAX - offset ? INT64_MAX : offset + length;
    if (!rc && atomic_load(&file->inode->lost))
        rc = -ESTALE;
    if (!rc)
        rc = wt_may_wait(file->inode->engine->backend);
    if (!rc && length > 0)
        rc = wt_later_keep_nothing(file->inode, true);
    struct wt_owner owner = {.offset = offset, .end = end, .zeros = true};
    if (!rc && length > 0 && !WT_MUTANT("hole-owns-nothing"))
        rc = wt_owner_begin(&owner, file);
    if (!rc && length > 0)
        rc = zero_range(file->inode, offset, end, keep_space);
    wt_owner_end(&owner);
    if (file)
        wt_file_release(handle);
    return rc;
}

int wt_punch_hole(wt_file file, uint64_t offset, uint64_t length) {
    return deallocate(file, offset, length, false);
}

int wt_zero(wt_file file, uint64_t offset, uint64_t length) {
    return deallocate(file, offset, length, true);
}
