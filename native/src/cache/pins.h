// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Pins: a reader looks at cached bytes where they are, without a copy. As long as the pin is out, these bytes do not
 * change, and their memory is not given to anybody else.
 *
 * Each page of memory has a count of its pins (pool.h). A pin is taken here with the folio locked. Whoever is about to
 * change the bytes of a page has the folio locked too, and gives a pinned page new memory first, as for a page that I/O
 * reads: the pin keeps the old memory. Whoever takes memory from a folio leaves a pinned page to its pins: the last one
 * frees it. A pin is given back without a lock.
 *
 * A reader of the view (view.h) takes a pin without the lock, of blocks that the face calls pinnable: it takes a slot,
 * adds one to the count of each page, and takes the version again. If the version is the same, the pin is taken. If not,
 * the reader takes the counts back. Whoever changes the folio makes the version odd before the look at a count: so one
 * of the two sees the other. DESIGN.md says why a count that is taken back harms nobody.
 */
#ifndef WT_PINS_H
#define WT_PINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "cache/folio.h"
#include "cache/pool.h"
#include "writethrough.h"

/* What one pin has. */
struct wt_pins {
    uint32_t pages; /* counted in the pool */
    uint32_t run_count;
    struct iovec runs[WT_PIN_RUNS]; /* of the arena, in the order of the file */
};

/* Counts pages against the limit of pins. False: there is no room for them. */
bool wt_pins_enter(struct wt_pool *pool, struct wt_pins *pins, uint32_t pages);

enum wt_pin_result {
    WT_PIN_DONE,
    WT_PIN_MISSING, /* *from is the first byte that is not there */
    WT_PIN_MOVING,  /* bytes of the range may still change where they are: they can only be copied */
};

/* Pins the bytes *from..to of a locked folio, or none of them: see the result. The pages were counted. */
enum wt_pin_result wt_folio_pin(struct wt_folio *folio, struct wt_pins *pins, uint32_t *from, uint32_t to);

/* Nothing more will be pinned: pages that were counted and are in no run do not count any more. */
void wt_pins_settle(struct wt_pool *pool, struct wt_pins *pins);
/* Gives settled runs back. */
void wt_pins_leave(struct wt_pool *pool, const struct iovec *runs, uint32_t run_count);

#endif
