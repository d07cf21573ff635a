/* SPDX-License-Identifier: MIT */
/*
 * Exponential backoff with full jitter: the n-th wait is random between 1
 * and min(cap, base * 2^n) ms, so a fleet does not come back in step. It starts
 * over only after the connection has been stable for a while. No clock, no
 * random source of its own.
 */
#ifndef CLEAT_BACKOFF_H
#define CLEAT_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How long to wait before the next attempt; set by init. */
struct cleat_backoff {
    uint32_t base_ms;      /**< First upper bound; >= 1. */
    uint32_t cap_ms;       /**< Largest upper bound; >= base_ms. */
    uint32_t stable_ms;    /**< Connected this long: start over. */
    uint32_t bound_ms;     /**< Private: upper bound of the next wait. */
    uint64_t stable_at_ms; /**< Private: connected until then: start over. */
    bool is_up;            /**< Private: connected. */
};

/** Start anew; milliseconds, 1 <= base_ms <= cap_ms. */
void cleat_backoff_init(struct cleat_backoff *b, uint32_t base_ms,
                        uint32_t cap_ms, uint32_t stable_ms);
/** Start anew, with the same. */
void cleat_backoff_reset(struct cleat_backoff *b);
/** Tell that the connection stands since now. */
void cleat_backoff_up(struct cleat_backoff *b, uint64_t now_ms);
/** The connection, if there was one, ended.
 *  @return true if it was stable: the waits start over. */
bool cleat_backoff_down(struct cleat_backoff *b, uint64_t now_ms);
/**
 * How long to wait.
 * @param random  32 uniformly random bits.
 * @return milliseconds, 1..upper bound.
 */
uint32_t cleat_backoff_wait(struct cleat_backoff *b, uint32_t random);
/** The connection was lost, or an attempt failed: both of these. */
uint32_t cleat_backoff_next(struct cleat_backoff *b, uint64_t now_ms,
                            uint32_t random);

#ifdef __cplusplus
}
#endif
#endif
