// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The exerciser as a program, for long runs and for running a failure again. */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exercise.h"
#include "writethrough.h"

static const char usage[] =
    "Usage: exerciser [--seed=N] [--operations=N] [--runs=N | --time=SECONDS] [--directory=PATH]\n"
    "    [--backend=NAME] [--file-bytes=N] [--longest-bytes=N] [--cache-bytes=N]\n"
    "    [--in-flight-bytes=N] [--block-bytes=N] [--weights=NAME=N,...]\n"
    "Does random operations on a file through the engine and checks them against an array of bytes. Each run has the\n"
    "seed of the last one plus 1; what is not given is chosen by the seed. The operations and their weights:\n";

enum choice {
    SEED = 1,
    OPERATIONS,
    RUNS,
    TIME,
    DIRECTORY,
    BACKEND,
    FILE_BYTES,
    LONGEST_BYTES,
    CACHE_BYTES,
    IN_FLIGHT_BYTES,
    BLOCK_BYTES,
    WEIGHTS,
};

static const struct option long_options[] = {
    {"seed", required_argument, NULL, SEED},
    {"operations", required_argument, NULL, OPERATIONS},
    {"runs", required_argument, NULL, RUNS},
    {"time", required_argument, NULL, TIME},
    {"directory", required_argument, NULL, DIRECTORY},
    {"backend", required_argument, NULL, BACKEND},
    {"file-bytes", required_argument, NULL, FILE_BYTES},
    {"longest-bytes", required_argument, NULL, LONGEST_BYTES},
    {"cache-bytes", required_argument, NULL, CACHE_BYTES},
    {"in-flight-bytes", required_argument, NULL, IN_FLIGHT_BYTES},
    {"block-bytes", required_argument, NULL, BLOCK_BYTES},
    {"weights", required_argument, NULL, WEIGHTS},
    {0},
};

static _Noreturn void refuse(void) {
    fputs(usage, stdout);
    exercise_print_operations();
    printf("The backends:");
    for (const struct exercise_backend *one = exercise_backends; one->name != NULL; one++) {
        printf(" %s", one->name);
    }
    printf("\n");
    exit(2);
}

static uint64_t number(const char *text) {
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 0);
    if (end == text || *end != '\0') {
        refuse();
    }
    return value;
}

static uint32_t backend_of(const char *name) {
    const struct exercise_backend *one = exercise_backends;
    while (one->name != NULL && strcmp(one->name, name) != 0) {
        one++;
    }
    if (one->name == NULL) {
        refuse();
    }
    return one->backend;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct exercise_options options = {.seed = 1, .operations = 10000};
    uint64_t runs = 0, seconds = 0;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        switch (option) {
        case SEED:
            options.seed = number(optarg);
            break;
        case OPERATIONS:
            options.operations = number(optarg);
            break;
        case RUNS:
            runs = number(optarg);
            break;
        case TIME:
            seconds = number(optarg);
            break;
        case DIRECTORY:
            options.directory = optarg;
            break;
        case BACKEND:
            options.backend = backend_of(optarg);
            break;
        case FILE_BYTES:
            options.file_bytes = number(optarg);
            break;
        case LONGEST_BYTES:
            options.longest_bytes = number(optarg);
            break;
        case CACHE_BYTES:
            options.cache_bytes = number(optarg);
            break;
        case IN_FLIGHT_BYTES:
            options.in_flight_bytes = number(optarg);
            break;
        case BLOCK_BYTES:
            options.block_bytes = (uint32_t)number(optarg);
            break;
        case WEIGHTS:
            options.weights = optarg;
            break;
        default:
            refuse();
        }
    }
    if (optind < argc) {
        refuse();
    }
    time_t end = time(NULL) + (time_t)seconds;
    uint64_t first = options.seed, done = 0;
    do {
        exercise(&options);
        options.seed++;
        done++;
    } while (done < runs || (seconds > 0 && time(NULL) < end));
    printf("%" PRIu64 " operations clean in %" PRIu64 " runs, seeds %" PRIu64 " to %" PRIu64 "\n",
           done * options.operations, done, first, options.seed - 1);
    return 0;
}
