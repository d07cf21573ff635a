/* SPDX-License-Identifier: MIT */
/* Time in other units; see clock.c. */
#ifndef CLEAT_BARE_CLOCK_H
#define CLEAT_BARE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** @return n / by; by is not 0. */
uint64_t cleat_bare_divide(uint64_t n, uint16_t by);
/** The date, UTC, of so many seconds after 1970-01-01: right until
 *  2100-02-28. */
void cleat_bare_calendar(uint32_t seconds, struct tm *out);

#endif
