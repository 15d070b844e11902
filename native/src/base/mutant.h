// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * Deliberate faults. In the tests' own build with WT_MUTANTS, WT_MUTANT("name") is true when that fault is asked for.
 * test/mutants/list says which test finds each. In the library WT_MUTANT is false.
 */
#ifndef WT_MUTANT_H
#define WT_MUTANT_H

#include <stdbool.h>

#ifdef WT_MUTANTS
bool wt_mutant(const char *name);
#define WT_MUTANT(name) wt_mutant(name)
#else
#define WT_MUTANT(name) false
#endif

#endif
