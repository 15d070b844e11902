// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/* The simulator as a program: for hours, and for running a failure again. */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_run.h"
#include "test.h"

static const char usage[] =
    "Usage: simulator [--theme=NAME] [--seed=N] [--cuts=N | --time=SECONDS | --hours=N]\n"
    "       simulator --theme=NAME --seed=N [--schedule=N] [--keep=I,J,...] [--shrink]\n"
    "Runs programs of callers on the simulated disk, and cuts the power at every event of them. The first form runs "
    "programs\n"
    "from the seed on, of every theme if none is named; one that fails is made short, and the command that repeats it\n"
    "is printed. The second runs one program, or only those of its operations that are kept.\n"
    "Themes:";

enum choice { THEME = 1, SEED, CUTS, TIME, HOURS, SCHEDULE, KEEP, SHRINK };

static const struct option long_options[] = {
    {"theme", required_argument, NULL, THEME},
    {"seed", required_argument, NULL, SEED},
    {"cuts", required_argument, NULL, CUTS},
    {"time", required_argument, NULL, TIME},
    {"hours", required_argument, NULL, HOURS},
    {"schedule", required_argument, NULL, SCHEDULE},
    {"keep", required_argument, NULL, KEEP},
    {"shrink", no_argument, NULL, SHRINK},
    {0},
};

struct settings {
    bool one_theme, one_program, shrink, has_schedule;
    enum sim_theme theme;
    uint64_t seed, cuts, seconds, schedule;
    const char *keep;
};

static _Noreturn void refuse(void) {
    fputs(usage, stdout);
    for (unsigned i = 0; i < SIM_THEMES; i++) {
        printf(" %s", sim_theme_names[i]);
    }
    printf("\n");
    exit(2);
}

static uint64_t number(const char *text, char **end) {
    char *own = NULL;
    uint64_t value = strtoull(text, end == NULL ? &own : end, 0);
    if ((end == NULL ? own : *end) == text || (end == NULL && *own != '\0')) {
        refuse();
    }
    return value;
}

static enum sim_theme theme_of(const char *name) {
    for (unsigned i = 0; i < SIM_THEMES; i++) {
        if (strcmp(name, sim_theme_names[i]) == 0) {
            return (enum sim_theme)i;
        }
    }
    refuse();
}

static void set(struct settings *settings, int option) {
    switch (option) {
    case THEME:
        settings->theme = theme_of(optarg);
        settings->one_theme = true;
        break;
    case SEED:
        settings->seed = number(optarg, NULL);
        break;
    case CUTS:
        settings->cuts = number(optarg, NULL);
        break;
    case TIME:
        settings->seconds = number(optarg, NULL);
        break;
    case HOURS:
        settings->seconds = number(optarg, NULL) * 3600;
        break;
    case SCHEDULE:
        settings->schedule = number(optarg, NULL);
        settings->has_schedule = settings->one_program = true;
        break;
    case KEEP:
        settings->keep = optarg;
        settings->one_program = true;
        break;
    case SHRINK:
        settings->shrink = settings->one_program = true;
        break;
    default:
        refuse();
    }
}

static void run_one(const struct settings *settings) {
    static struct sim_program whole, part;
    bool keep[SIM_OPERATIONS] = {false};
    struct sim_tally tally = {0};
    sim_program_make(&whole, settings->theme, settings->seed);
    whole.schedule = settings->has_schedule ? settings->schedule : whole.schedule;
    memset(keep, settings->keep == NULL, sizeof keep);
    for (char *at = (char *)(uintptr_t)settings->keep; at != NULL && *at != '\0'; at += *at == ',' ? 1 : 0) {
        uint64_t index = number(at, &at);
        if (index >= whole.count) {
            refuse();
        }
        keep[index] = true;
    }
    sim_program_cut(&whole, keep, &part);
    if (settings->shrink) {
        sim_shrink(&part);
        return;
    }
    sim_program_print(&part);
    sim_run_alone(&part, &tally);
    printf("%" PRIu64 " power cuts at %" PRIu64 " events: all is well\n", tally.cuts, tally.events);
}

static void run_theme(const struct settings *settings, enum sim_theme theme, uint64_t share) {
    struct sim_tally tally = {0};
    uint64_t seconds = settings->seconds > 0 ? settings->seconds / share + 1 : 0;
    sim_run_many(theme, settings->seed, settings->cuts, seconds, &tally);
    printf("%s: %" PRIu64 " power cuts at %" PRIu64 " events of %" PRIu64 " programs with %" PRIu64
           " operations, seeds %" PRIu64 " to %" PRIu64 ": all is well\n",
           sim_theme_names[theme], tally.cuts, tally.events, tally.programs, tally.operations, settings->seed,
           settings->seed + tally.programs - 1);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct settings settings = {.seed = 1, .cuts = 100000};
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        set(&settings, option);
    }
    if (optind < argc || (settings.one_program && !settings.one_theme)) {
        refuse();
    }
    if (settings.one_program) {
        run_one(&settings);
    } else if (settings.one_theme) {
        run_theme(&settings, settings.theme, 1);
    } else {
        for (unsigned i = 0; i < SIM_THEMES; i++) {
            run_theme(&settings, (enum sim_theme)i, SIM_THEMES);
        }
    }
    return 0;
}
