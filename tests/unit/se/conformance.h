/* SPDX-License-Identifier: MIT */
/*
 * What every driver must do, whatever the element. Hand in an element after
 * cleat_se_init(); OpenSSL checks what it computes. Failures are cmocka's.
 */
#ifndef TEST_CONFORMANCE_H
#define TEST_CONFORMANCE_H

#include "cleat/se.h"

/** What the element at hand holds; 0 where it lacks it. */
struct conformance {
    struct cleat_se *se;       /**< Initialised, not yet opened. */
    uint16_t key, certificate; /**< An identity: the two belong together. */
    enum cleat_curve key_curve;
    uint16_t scratch;     /**< A writable data object, 140 bytes or more. */
    uint16_t big_scratch; /**< One of 1500 bytes; or 0. */
    uint16_t counter;     /**< An 8-byte counter with room; or 0. */
};

/** Run all that the driver's `can` bits promise. Leaves it closed. */
void conformance_run(const struct conformance *c);

#endif
