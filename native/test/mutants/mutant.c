// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
#include "base/mutant.h"

#include <stdlib.h>
#include <string.h>

/* Asked for by the environment; looked up once, before there are threads. */
static const char *asked;

__attribute__((constructor)) static void look_up(void) {
    asked = getenv("WT_MUTANT");
}

bool wt_mutant(const char *name) {
    return asked != NULL && strcmp(asked, name) == 0;
}
