/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target without a fuzzer: every corpus file, then a bounded
 * number of inputs mutated from them by a fixed seed, so that a failure comes
 * back the same way. usage: fuzz_NAME RUNS [CORPUS-DIR]
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEED_MAX 512
#define INPUT_MAX 8192

static struct {
    uint8_t *data;
    size_t len;
} seeds[SEED_MAX];
static size_t seed_count;
static uint64_t rng_state = 0x9E3779B97F4A7C15u;

static uint32_t rng(void) {
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 16);
}

static void seed_add(const uint8_t *data, size_t len) {
    if (seed_count == SEED_MAX || len > INPUT_MAX) {
        return;
    }
    uint8_t *copy = malloc(len + 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, len);
    seeds[seed_count].data = copy;
    seeds[seed_count].len = len;
    seed_count++;
}

static void seeds_read(const char *path) {
    static uint8_t buf[INPUT_MAX];
    DIR *dir = opendir(path);
    if (dir == NULL) {
        fprintf(stderr, "fuzz: cannot open corpus %s\n", path);
        exit(2);
    }
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        char name[4096];
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        FILE *f = fopen(name, "rb");
        if (f != NULL) {
            seed_add(buf, fread(buf, 1, sizeof buf, f));
            fclose(f);
        }
    }
    closedir(dir);
}

static size_t mutate(uint8_t *out) {
    size_t pick = rng() % seed_count;
    size_t len = seeds[pick].len;
    memcpy(out, seeds[pick].data, len);
    for (uint32_t n = 1 + rng() % 6; n > 0; n--) {
        size_t at = len == 0 ? 0 : rng() % len;
        switch (rng() % 5) {
        case 0: /* flip a bit */
            if (len > 0) {
                out[at] = (uint8_t)(out[at] ^ (1u << (rng() % 8)));
            }
            break;
        case 1: /* interesting byte */
            if (len > 0) {
                static const uint8_t special[] = {0, 1, 0x7f, 0x80, 0xff};
                out[at] = special[rng() % sizeof special];
            }
            break;
        case 2: /* cut the tail */
            len = at;
            break;
        case 3: /* insert */
            if (len < INPUT_MAX) {
                memmove(out + at + 1, out + at, len - at);
                out[at] = (uint8_t)rng();
                len++;
            }
            break;
        default: { /* append another seed */
            size_t other = rng() % seed_count;
            size_t room = INPUT_MAX - len;
            size_t take = seeds[other].len < room ? seeds[other].len : room;
            memcpy(out + len, seeds[other].data, take);
            len += take;
            break;
        }
        }
    }
    return len;
}

int main(int argc, char **argv) {
    static uint8_t input[INPUT_MAX + 1];
    unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    seed_add((const uint8_t *)"", 0);
    if (argc > 2) {
        seeds_read(argv[2]);
    }
    for (size_t i = 0; i < seed_count; i++) {
        LLVMFuzzerTestOneInput(seeds[i].data, seeds[i].len);
    }
    for (unsigned long i = 0; i < runs; i++) {
        size_t len = mutate(input);
        /* A copy of the exact size, so that one byte too far is caught. */
        uint8_t *exact = malloc(len == 0 ? 1 : len);
        if (exact == NULL) {
            abort();
        }
        memcpy(exact, input, len);
        LLVMFuzzerTestOneInput(exact, len);
        free(exact);
    }
    printf("%zu seeds, %lu mutated inputs\n", seed_count, runs);
    for (size_t i = 0; i < seed_count; i++) {
        free(seeds[i].data);
    }
    return 0;
}
