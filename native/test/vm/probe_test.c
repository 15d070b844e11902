// SPDX-License-Identifier: Apache-2.0
// Copyright The writethrough authors
/*
 * What the probe says of devices and file systems whose properties are known, since guest/probe made them: each line of
 * the file WT_PROBE_EXPECTED is DIRECTORY TYPE PATH LOGICAL-BLOCK FUA CACHE DEVICE, with "-" for what does not matter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

struct expectation {
    char directory[200], type[32], path[16], logical[16], fua[16], cache[16], device[64];
};

static void check_word(const char *what, const char *expected, const char *found) {
    if (strcmp(expected, "-") != 0 && strcmp(expected, found) != 0) {
        test_fail(__FILE__, __LINE__, "%s is %s, not %s", what, found, expected);
    }
}

static const char *promise(uint32_t value) {
    return value == WT_YES ? "yes" : value == WT_NO ? "no" : "unknown";
}

static void check_profile(const struct expectation *expected, const struct wt_profile *profile) {
    char number[16];
    snprintf(number, sizeof number, "%u", profile->logical_block_bytes);
    check_word("the type", expected->type, profile->fs_type);
    check_word("the path", expected->path, profile->path == WT_PATH_DIRECT ? "direct" : "buffered");
    check_word("the logical block", expected->logical, number);
    check_word("FUA", expected->fua, promise(profile->fua));
    check_word("the volatile cache", expected->cache, promise(profile->volatile_cache));
    check_word("the device", expected->device, profile->device_name[0] != '\0' ? profile->device_name : "none");
    CHECK(profile->block_bytes >= profile->logical_block_bytes || profile->path == WT_PATH_BUFFERED);
}

static void check_place(const struct expectation *expected) {
    struct wt_profile profile;
    wt_engine engine = 0;
    wt_file file = 0;
    char path[300];
    CONTEXT("%s", expected->directory);
    CHECK_OK(wt_probe(expected->directory, &profile));
    printf("   %s: %s on %s, %s, block %u, logical %u, physical %u, FUA %s, cache %s\n", expected->directory,
           profile.fs_type, profile.device_name, profile.path == WT_PATH_DIRECT ? "direct" : "buffered",
           profile.block_bytes, profile.logical_block_bytes, profile.physical_block_bytes, promise(profile.fua),
           promise(profile.volatile_cache));
    check_profile(expected, &profile);
    snprintf(path, sizeof path, "%s/file", expected->directory);
    CHECK_OK(wt_engine_open(NULL, &engine));
    CHECK_OK(
        wt_file_open(engine, path, WT_OPEN_READ | WT_OPEN_WRITE | WT_OPEN_CREATE, 0644, WT_DURABILITY_FILE, &file));
    fill_at(file, 100, 1, 20000);
    check_filled(file, 100, 1, 20000);
    CHECK_OK(wt_file_profile(file, &profile));
    check_profile(expected, &profile);
    CHECK_OK(wt_engine_close(engine));
}

TEST(the_probe_knows_each_kind_of_device) {
    const char *list = getenv("WT_PROBE_EXPECTED");
    struct expectation expected;
    unsigned count = 0;
    if (list == NULL) {
        SKIP("WT_PROBE_EXPECTED is not set: only for the machine, see guest/probe");
    }
    FILE *file = fopen(list, "r");
    CHECK(file != NULL);
    while (fscanf(file, "%199s %31s %15s %15s %15s %15s %63s", expected.directory, expected.type, expected.path,
                  expected.logical, expected.fua, expected.cache, expected.device) == 7) {
        check_place(&expected);
        count++;
    }
    CHECK(fclose(file) == 0);
    CHECK(count > 0);
}
