/* SPDX-License-Identifier: MIT */
/*
 * The bare-metal port: all tasks in one loop that sleeps until a deadline or an
 * interrupt. A board supplies the five functions at the end of this file; the
 * port is chosen by linking.
 */
#ifndef CLEAT_BARE_PORT_H
#define CLEAT_BARE_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "cleat/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** 0: nothing is counted, here and of the network; the counters stay empty. */
#ifndef CLEAT_BARE_COUNTS
#define CLEAT_BARE_COUNTS 1
#endif

/** What the loop did, for proving that it sleeps. */
struct cleat_bare_counts {
    uint64_t total_us;  /**< Since the loop began. */
    uint64_t asleep_us; /**< Of it, in cleat_bare_sleep(). */
    uint32_t rounds;    /**< Turns of the loop. */
    uint32_t steps;     /**< Steps of tasks. */
    uint32_t sleeps;    /**< Times it went to sleep. */
};

/** Step the tasks and sleep between, until done(arg) is true at the end of a
 *  turn. Tasks may be started before and from within. */
void cleat_bare_run(bool (*done)(void *arg), void *arg);
/** Copy the counters. */
void cleat_bare_get_counts(struct cleat_bare_counts *out);
/** Set the wall clock, seconds since 1970; time() tells it from then on. */
void cleat_bare_set_clock(int64_t seconds);
/** The date, UTC, of so many seconds after 1970-01-01: right until
 *  2100-02-28. For gmtime_r(), whose own wants a heap. */
void cleat_bare_calendar(uint32_t seconds, struct tm *out);

/** Supplied by the board: microseconds, from any origin on; wraps. The loop
 *  asks several times an hour, an interrupt routine never. */
uint32_t cleat_bare_now_us(void);
/** Supplied by the board: hold interrupts off, which were on: it is not
 *  nested. Interrupt routines do so, too. */
void cleat_bare_mask(void);
/** Supplied by the board: let them come again. */
void cleat_bare_unmask(void);
/** Supplied by the board, called with interrupts held off: sleep until one is
 *  pending or so many microseconds have passed; less is fine. */
void cleat_bare_sleep(uint32_t us);
/** Supplied by the board: the loop has no work left, so all is well. Called
 *  before each sleep, and by nothing else. */
void cleat_bare_alive(void);

#ifdef __cplusplus
}
#endif
#endif
