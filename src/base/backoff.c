/* SPDX-License-Identifier: MIT */
/* Exponential backoff with full jitter. */
#include "cleat/backoff.h"

void cleat_backoff_init(struct cleat_backoff *b, uint32_t base_ms,
                        uint32_t cap_ms, uint32_t stable_ms) {
    b->base_ms = base_ms == 0 ? 1 : base_ms;
    b->cap_ms = cap_ms < b->base_ms ? b->base_ms : cap_ms;
    b->stable_ms = stable_ms;
    b->attempt = 0;
    b->up_since_ms = 0;
}

void cleat_backoff_up(struct cleat_backoff *b, uint64_t now_ms) {
    b->up_since_ms = now_ms == 0 ? 1 : now_ms;
}

uint32_t cleat_backoff_next(struct cleat_backoff *b, uint64_t now_ms,
                            uint32_t random) {
    if (b->up_since_ms != 0 && now_ms - b->up_since_ms >= b->stable_ms) {
        b->attempt = 0;
    }
    b->up_since_ms = 0;
    uint64_t bound = b->base_ms;
    for (uint32_t i = 0; i < b->attempt && bound < b->cap_ms; i++) {
        bound *= 2;
    }
    if (bound > b->cap_ms) {
        bound = b->cap_ms;
    }
    if (b->attempt < UINT32_MAX) {
        b->attempt++;
    }
    return 1 + (uint32_t)(((uint64_t)random * bound) >> 32);
}
