/* SPDX-License-Identifier: MIT */
/* The flash of the tests; see sim_flash.h. */
#include "sim_flash.h"

#include <string.h>

static uint8_t noise(struct sim_flash *s) {
    s->rng = s->rng * 1664525u + 1013904223u;
    return (uint8_t)(s->rng >> 24);
}

/* @return true if this step is whole. */
static bool step(struct sim_flash *s) {
    if (s->steps == s->cut_at) {
        s->off = true;
        return false;
    }
    s->steps++;
    return true;
}

static int sim_read(void *self, uint32_t at, uint8_t *data, size_t len) {
    struct sim_flash *s = self;
    uint32_t size = s->flash.block_size * s->flash.block_count;
    if (s->off || s->read_fails || at > size || len > size - at) {
        return CLEAT_ERR_IO;
    }
    memcpy(data, s->data + at, len);
    return CLEAT_OK;
}

static int sim_program(void *self, uint32_t at, const uint8_t *data,
                       size_t len) {
    struct sim_flash *s = self;
    uint32_t unit = s->flash.write_size;
    if (s->off) {
        return CLEAT_ERR_IO;
    }
    if (at % unit != 0 || len % unit != 0 || len == 0 ||
        at / s->flash.block_size != (at + len - 1) / s->flash.block_size) {
        s->broken_rule = true;
        return CLEAT_ERR_ARG;
    }
    for (size_t i = 0; i < len; i += unit) {
        bool whole = step(s);
        for (size_t k = i; k < i + unit; k++) {
            s->broken_rule = s->broken_rule || s->programmed[at + k];
            s->programmed[at + k] = true;
            s->data[at + k] &= (uint8_t)(data[k] | (whole ? 0 : noise(s)));
        }
        if (!whole) {
            return CLEAT_ERR_IO;
        }
    }
    return CLEAT_OK;
}

static int sim_erase(void *self, uint32_t block) {
    struct sim_flash *s = self;
    uint32_t size = s->flash.block_size;
    if (s->off) {
        return CLEAT_ERR_IO;
    }
    if (block >= s->flash.block_count) {
        s->broken_rule = true;
        return CLEAT_ERR_ARG;
    }
    uint8_t *data = s->data + (size_t)block * size;
    bool *programmed = s->programmed + (size_t)block * size;
    memset(programmed, true, size);
    for (uint32_t quarter = 0; quarter < 4; quarter++) {
        bool whole = step(s);
        for (uint32_t i = quarter * size / 4; i < (quarter + 1) * size / 4;
             i++) {
            data[i] |= whole ? 0xFF : noise(s);
        }
        if (!whole) {
            return CLEAT_ERR_IO;
        }
    }
    memset(programmed, false, size);
    s->erasures[block]++;
    return CLEAT_OK;
}

void sim_flash_init(struct sim_flash *s, uint32_t block_size,
                    uint32_t block_count, uint32_t write_size, uint32_t seed) {
    memset(&s->erasures, 0, sizeof s->erasures);
    s->steps = 0;
    s->off = s->broken_rule = s->read_fails = false;
    s->flash.read = sim_read;
    s->flash.program = sim_program;
    s->flash.erase = sim_erase;
    s->flash.self = s;
    s->flash.block_size = block_size;
    s->flash.block_count = block_count;
    s->flash.write_size = write_size;
    s->cut_at = UINT64_MAX;
    s->rng = seed;
    /* As it may come out of its box, or from another program. */
    for (size_t i = 0; i < (size_t)block_size * block_count; i++) {
        s->data[i] = seed % 2 == 0 ? 0xFF : noise(s);
        s->programmed[i] = true;
    }
}

void sim_flash_on(struct sim_flash *s, uint64_t steps) {
    s->off = false;
    s->cut_at = steps == UINT64_MAX ? UINT64_MAX : s->steps + steps;
}
