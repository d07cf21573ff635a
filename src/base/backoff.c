/* SPDX-License-Identifier: MIT */
/* Exponential backoff with full jitter. */
#include "cleat/backoff.h"

void cleat_backoff_init(struct cleat_backoff *b, uint32_t base_ms,
                        uint32_t cap_ms, uint32_t stable_ms) {
    b->base_ms = base_ms == 0 ? 1 : base_ms;
    b->cap_ms = cap_ms < b->base_ms ? b->base_ms : cap_ms;
    b->stable_ms = stable_ms;
    cleat_backoff_reset(b);
}

void cleat_backoff_reset(struct cleat_backoff *b) {
    b->bound_ms = b->base_ms;
    b->is_up = false;
}

void cleat_backoff_up(struct cleat_backoff *b, uint64_t now_ms) {
    b->stable_at_ms = now_ms + b->stable_ms;
    b->is_up = true;
}

bool cleat_backoff_down(struct cleat_backoff *b, uint64_t now_ms) {
    bool stable = b->is_up && now_ms >= b->stable_at_ms;
    b->is_up = false;
    if (stable) {
        b->bound_ms = b->base_ms;
    }
    return stable;
}

uint32_t cleat_backoff_wait(struct cleat_backoff *b, uint32_t random) {
    uint32_t bound = b->bound_ms;
    b->bound_ms = bound < b->cap_ms - bound ? 2 * bound : b->cap_ms;
    return 1 + (uint32_t)(((uint64_t)random * bound) >> 32);
}

uint32_t cleat_backoff_next(struct cleat_backoff *b, uint64_t now_ms,
                            uint32_t random) {
    (void)cleat_backoff_down(b, now_ms);
    return cleat_backoff_wait(b, random);
}
