// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Apart from test.c, so that a program with a main of its own can link with it. */
#include "test.h"

int main(int argc, char **argv) {
    return test_main(argc, argv);
}
