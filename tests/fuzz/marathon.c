/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target a billion times: no allocation, no sanitizer that slows
 * it, but a page that may not be touched on either side of the input, so that
 * one byte too far still ends the run. Inputs are random, mutated from the
 * corpus, or put together like packets. usage: marathon_NAME COUNT [SEED
 * [CORPUS-DIR]]; the same seed gives the same inputs.
 */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 160
#define SEED_MAX 4096

static struct {
    uint8_t data[INPUT_MAX];
    size_t len;
} seeds[SEED_MAX];
static size_t seed_count = 1; /* The first is empty. */
static uint64_t state;

static uint32_t rng(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 24);
}

static void seeds_read(const char *path) {
    DIR *dir = opendir(path);
    if (dir == NULL) {
        perror(path);
        exit(2);
    }
    for (struct dirent *e = readdir(dir); e != NULL && seed_count < SEED_MAX;
         e = readdir(dir)) {
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(name, "rb");
        if (f != NULL) {
            seeds[seed_count].len =
                fread(seeds[seed_count].data, 1, INPUT_MAX, f);
            seed_count++;
            fclose(f);
        }
    }
    closedir(dir);
}

/* Bytes that mean something to a decoder, more often than the others. */
static uint8_t some_byte(void) {
    static const uint8_t special[16] = {0,    1,    2,    3,    '#',  '+',
                                        '/',  '$',  0x7F, 0x80, 0xFF, 0xC3,
                                        0xED, 0xF4, 'a',  0xA0};
    uint32_t r = rng();
    return (r & 3) == 0 ? (uint8_t)(r >> 8) : special[(r >> 8) & 15];
}

static size_t random_input(uint8_t *out) {
    size_t len = rng() % 24;
    for (size_t i = 0; i < len; i++) {
        out[i] = some_byte();
    }
    return len;
}

/* First byte, remaining length, a text with its length, an id, a tail. */
static size_t packet_input(uint8_t *out) {
    uint32_t r = rng();
    size_t topic = r & 7;
    size_t tail = (r >> 3) & 7;
    size_t at = 0;
    out[at++] = (uint8_t)(r >> 8);
    if ((r & 0x10000) != 0) {
        out[at++] = (uint8_t)(topic + tail + 2 + ((r >> 17) & 1));
    }
    out[at++] = 0;
    out[at++] = (uint8_t)(topic + ((r >> 20) == 7 ? 1 : 0));
    for (size_t i = 0; i < topic + tail; i++) {
        out[at++] = some_byte();
    }
    return at;
}

static size_t mutated_input(uint8_t *out) {
    size_t pick = rng() % seed_count;
    size_t len = seeds[pick].len;
    memcpy(out, seeds[pick].data, len);
    for (uint32_t n = 1 + rng() % 3; n > 0; n--) {
        uint32_t r = rng();
        size_t at = len == 0 ? 0 : (r >> 8) % len;
        if ((r & 3) == 0) {
            len = at;
        } else if ((r & 3) == 1 && len < INPUT_MAX) {
            memmove(out + at + 1, out + at, len - at);
            out[at] = some_byte();
            len++;
        } else if (len > 0) {
            uint8_t flipped = (uint8_t)(out[at] ^ (1u << ((r >> 4) & 7)));
            out[at] = (uint8_t)((r & 4) != 0 ? some_byte() : flipped);
        }
    }
    return len;
}

/* @return room of one page between two that may not be touched. */
static uint8_t *guarded_page(size_t page) {
    uint8_t *all =
        mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED ||
        mprotect(all + page, page, PROT_READ | PROT_WRITE) != 0) {
        perror("mmap");
        exit(2);
    }
    return all + page;
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run(unsigned long long count) {
    static uint8_t made[INPUT_MAX + 1];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *room = guarded_page(page);
    for (unsigned long long i = 0; i < count; i++) {
        unsigned kind = (unsigned)(i % 3);
        size_t len = kind == 0   ? random_input(made)
                     : kind == 1 ? packet_input(made)
                                 : mutated_input(made);
        /* Against the page behind, now and then the one in front. */
        uint8_t *at = i % 8 == 7 ? room : room + page - len;
        memcpy(at, made, len);
        LLVMFuzzerTestOneInput(at, len);
    }
}

int main(int argc, char **argv) {
    unsigned long long count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    unsigned long long seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    state = seed * 0x9E3779B97F4A7C15u + 1;
    if (argc > 3) {
        seeds_read(argv[3]);
    }
    double begin = seconds();
    run(count);
    double took = seconds() - begin;
    printf("%llu executions, seed %llu, %zu corpus inputs, %.1f s, "
           "%.0f a second, nothing found\n",
           count, seed, seed_count, took, (double)count / took);
    return 0;
}
