#ifndef WT_HOLDER_H
#define WT_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Of a file that another has locked: no living process that can be seen has it. So the holder was killed and the kernel is
 * ending its I/O, or it let go meanwhile, or lives in another container.
 */
bool wt_holder_is_gone(uint64_t device, uint64_t inode);

#endif
