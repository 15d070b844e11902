// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* Short runs of the exerciser on the simulated disk. */
#include "exercise.h"
#include "test.h"

TEST(random_operations_match_an_array_on_the_simulated_disk) {
    uint64_t first = test_seed();
    for (uint64_t seed = first; seed < first + 32; seed++) {
        exercise(&(struct exercise_options){
            .seed = seed, .operations = test_scaled(1000), .backend = EXERCISE_SIMULATED, .longest_bytes = 100000});
    }
}
