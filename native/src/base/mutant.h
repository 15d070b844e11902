/*
 * Deliberate faults: WT_MUTANT("name") is true in the build of the tests' own that has WT_MUTANTS, when that fault is asked for.
 * test/mutants/list says which test finds it. In the library it is 0.
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
